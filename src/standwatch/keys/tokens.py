"""Bearer tokens: `sw_`, 43 characters of base64url (32 random bytes), 6 of checksum.

The prefix lets scanners of source and logs find a leaked token; the checksum (CRC-32, which guards against typing
and truncation, not against people) lets them and us tell one from noise without asking anybody. Stored is only
the SHA-256 of the whole text: over 256 random bits no slow hash is needed.
"""

import re
from base64 import urlsafe_b64encode
from binascii import crc32
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from typing import Final

PREFIX: Final = "sw_"
LENGTH: Final = 52  # characters
_shape: Final = re.compile(r"sw_[A-Za-z0-9_-]{49}", re.ASCII)


def new_token(entropy: Callable[[int], bytes] = token_bytes) -> str:
    """A new token, to be shown once. `entropy(n)` gives n random bytes."""
    body = PREFIX + urlsafe_b64encode(entropy(32)).decode().rstrip("=")
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether `text` has the shape and the checksum of a token; says nothing about whether it is anybody's."""
    return _shape.fullmatch(text) is not None and _checksum(text[:-6]) == text[-6:]


def token_hash(text: str) -> str | None:
    """SHA-256 of a token, hexadecimal, as entries and state hold it; None for what cannot be a token."""
    return sha256(text.encode()).hexdigest() if is_token(text) else None


def _checksum(body: str) -> str:
    return urlsafe_b64encode(crc32(body.encode()).to_bytes(4, "big"))[:6].decode()
