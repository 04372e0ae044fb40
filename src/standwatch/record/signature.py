"""Signatures by people: Ed25519 (RFC 8032), one spelling for keys and signatures, and no exception from a verifier.

A public key is `ed25519:` and the standard base64 of its 32 bytes; a signature the standard base64 of its 64.
Both are refused in any other spelling, so that what is compared as text is compared as a key.
"""

from base64 import b64encode
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from standwatch.facts.errors import Malformed
from standwatch.record.note import decode_base64

PREFIX: Final = "ed25519:"
_LONGEST: Final = 128  # characters; a key has 52, a signature 88


def spell_public(raw: bytes) -> str:
    """The text of a 32-byte public key. Raises `Malformed` for any other length."""
    if len(raw) != 32:
        raise Malformed("an Ed25519 public key has 32 bytes")
    return PREFIX + b64encode(raw).decode()


def parse_public(text: str) -> bytes:
    """The 32 bytes of the public key spelled `text`. Raises `Malformed`."""
    if not text.startswith(PREFIX) or len(text) > _LONGEST:
        raise Malformed("a public key is spelled ed25519:BASE64")
    raw = decode_base64(text.removeprefix(PREFIX))
    if len(raw) != 32:
        raise Malformed("an Ed25519 public key has 32 bytes")
    return raw


def verify(public: str, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is that of `public` over `message`. Whatever is malformed is False."""
    try:
        if len(signature) > _LONGEST or len(raw := decode_base64(signature)) != 64:
            return False
        Ed25519PublicKey.from_public_bytes(parse_public(public)).verify(raw, message)
    except (Malformed, InvalidSignature, ValueError):
        return False
    return True
