"""Cookies of sessions: 256 random bits in 43 characters of base64url. Only their SHA-256 is ever kept.

The cookie is also the key of what goes with it: the token that ties a form to the session (CSRF), and commitments to
where the session was opened, which nobody can open who has only what is recorded.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

_shape: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_cookie(entropy: Callable[[int], bytes]) -> str:
    """A new cookie. `entropy(n)` gives n random bytes."""
    return urlsafe_b64encode(entropy(32)).decode().rstrip("=")


def is_cookie(text: str) -> bool:
    """Whether `text` has the shape of a cookie; says nothing about whether it is anybody's."""
    return _shape.fullmatch(text) is not None


def cookie_hash(cookie: str) -> str:
    """SHA-256 of a cookie, hexadecimal: the name of its session."""
    return sha256(cookie.encode()).hexdigest()


def commitment_to(cookie: str, name: str, value: str) -> str:
    """HMAC-SHA-256 under the cookie of what the session is bound to, hexadecimal."""
    return hmac.new(cookie.encode(), f"standwatch/bound/1\n{name}\n{value}".encode(), sha256).hexdigest()


def csrf_of(cookie: str) -> str:
    """The token that forms and scripts of this session carry, and that no other page can learn."""
    return hmac.new(cookie.encode(), b"standwatch/csrf/1", sha256).hexdigest()


def is_csrf(cookie: str, token: str) -> bool:
    """Whether `token` is that of the session of `cookie`; takes as long for any."""
    return hmac.compare_digest(csrf_of(cookie).encode(), token.encode("utf-8", "replace"))


def veiled(token: str, pad: bytes) -> str:
    """`token` (hexadecimal, 32 bytes) under a one-time `pad` of 32 random bytes, and the pad before it: another text in
    every answer, so that an answer may be compressed beside what others wrote (BREACH, Prado et al. 2013)."""
    return (
        pad.hex() + bytes(a ^ b for a, b in zip(bytes.fromhex(token), pad, strict=True)).hex()
        if token
        else ""
    )


def unveiled(text: str) -> str:
    """The token in what `veiled` made; anything else as it is, to be refused or not by whoever checks it."""
    if _veiled.fullmatch(text) is None:
        return text
    both = bytes.fromhex(text)
    return bytes(a ^ b for a, b in zip(both[:32], both[32:], strict=True)).hex()


_veiled: Final = re.compile(r"[0-9a-f]{128}", re.ASCII)
