"""`requestState` that its holder cannot read, change, lend or use later than it should.

The state travels through the client and is attacker-controlled by specification (MCP 2026-07-28, "Multi round-trip
requests"), so what we hand out is AES-256-GCM over the state and everything it is bound to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from standwatch.facts.canonical import canonical

_CONTEXT: Final = b"standwatch/mcp-state/1"
_NONCE: Final = 12
MAX_STATE: Final = 256 << 10


class Binding(msgspec.Struct, frozen=True):
    """What a state belongs to. `digest`: of the arguments' canonical bytes."""

    principal: str
    run: str
    system: str
    method: str
    target: str
    digest: str


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in a `requestState` of ours: the server's own state, the handle of a call that waits here, or the
    question that people are asked."""

    binding: Binding
    until: int
    """µs since 1970."""
    server: str = ""
    upstream: str | None = None
    handle: str = ""
    asked: str = ""
    """The action id of a question that people were asked, with its digest and the configuration it was put under."""
    action: str = ""
    root: str = ""
    responses: dict[str, Any] | None = None
    """With `asked`: what the client had answered to the server's own questions before."""


_decoder = msgspec.json.Decoder(State)


def digest_of(arguments: dict[str, Any]) -> str:
    """Hexadecimal SHA-256 of the arguments' canonical bytes."""
    return hashlib.sha256(canonical(arguments)).hexdigest()


class Sealer:
    """Seals and opens states. `key`: 32 bytes, the same in every worker of one gateway."""

    def __init__(self, key: bytes, entropy: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def seal(self, state: State) -> str:
        """`state` as text that only this gateway can open."""
        nonce = self._entropy(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.json.encode(state), _CONTEXT)
        return _spelled(sealed)

    def open(self, text: str, binding: Binding, now: int) -> State | None:
        """The state inside; None if it was changed, is over, or belongs to something else than `binding`."""
        if len(text) > MAX_STATE * 2 or not text.isascii():
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if _spelled(raw) != text:  # base64 has bits to spare: one state has one spelling
                return None
            state = _decoder.decode(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _CONTEXT))
        except (binascii.Error, ValueError, InvalidTag, msgspec.DecodeError):
            return None
        return state if state.binding == binding and now < state.until else None


def _spelled(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
