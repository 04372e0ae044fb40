"""People's signing keys: PKCS #8 in PEM, under a passphrase unless its owner says otherwise."""

from base64 import b64encode
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from standwatch.facts.errors import Forbidden, Malformed
from standwatch.keys.files import read_secret, write_secret
from standwatch.record.signature import spell_public, verify

__all__ = ["load", "make", "public", "raw_public", "save", "sign", "verify"]

_MAX_PEM: Final = 16 * 1024


def make() -> Ed25519PrivateKey:
    """A new key, from the operating system's randomness."""
    return Ed25519PrivateKey.generate()


def save(key: Ed25519PrivateKey, path: Path, *, passphrase: str = "", plain: bool = False) -> None:
    """Write `key` to the new file `path`, mode 0600.

    Raises `Forbidden` for an empty passphrase unless `plain` says that the file alone is the secret, `Conflict`
    where the file exists.
    """
    if not passphrase and not plain:
        raise Forbidden("a key without a passphrase signs for whoever reads its file", code="no_passphrase")
    lock = NoEncryption() if plain else BestAvailableEncryption(passphrase.encode())
    write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))


def load(path: Path, *, passphrase: str = "") -> Ed25519PrivateKey:
    """The key in `path`. Raises `NotFound`, `Forbidden` (mode, passphrase missing or wrong) or `Malformed`.

    A passphrase given for a plain key is not needed and ignored: the caller asked before it could know.
    """
    pem = read_secret(path, _MAX_PEM)
    sealed = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if sealed and not passphrase:
        raise Forbidden(f"{path} is under a passphrase", code="no_passphrase")
    try:
        key = load_pem_private_key(pem, passphrase.encode() if sealed else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if sealed:
            raise Forbidden(f"the passphrase does not open {path}", code="wrong_passphrase") from None
        raise Malformed(f"{path} holds no private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Malformed(f"{path} holds a key that is not Ed25519")
    return key


def raw_public(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of its public key."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def public(key: Ed25519PrivateKey) -> str:
    """Its public key as configuration and entries spell it: `ed25519:BASE64`."""
    return spell_public(raw_public(key))


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """Its signature over `message`, standard base64."""
    return b64encode(key.sign(message)).decode()
