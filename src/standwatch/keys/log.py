"""The log's own key: what checkpoints and receipts are signed with.

Its file is plain by default, mode 0600: a log signs every second and starts without anybody at the keyboard.
"""

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.keys import ed25519
from standwatch.record.note import NoteKey


class LogKey(msgspec.Struct, frozen=True):
    """A private key and the log it signs for."""

    origin: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"LogKey({self.vkey})"

    @property
    def key(self) -> NoteKey:
        """The public key under the log's name (C2SP: a log's key is named as its origin)."""
        return NoteKey(self.origin, ed25519.raw_public(self.private))

    @property
    def vkey(self) -> str:
        """How verifiers are given it."""
        return self.key.vkey

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 over `message`."""
        return self.private.sign(message)


def create(path: Path, origin: str, *, passphrase: str = "") -> LogKey:
    """Make and save the key of the log `origin`. Raises `Conflict` where `path` exists, `Malformed` for an origin
    that no key can be named after."""
    key = LogKey(origin, ed25519.make())
    _ = key.vkey  # a bad name is refused before anything is written
    ed25519.save(key.private, path, passphrase=passphrase, plain=not passphrase)
    return key


def load(path: Path, origin: str, *, passphrase: str = "") -> LogKey:
    """The key in `path`, for the log `origin`. Raises what `ed25519.load` does."""
    return LogKey(origin, ed25519.load(path, passphrase=passphrase))
