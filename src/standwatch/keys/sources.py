"""Where secrets of upstreams come from: what `${…}` in a manifest names.

    ${NAME}                     a variable of our environment
    ${file:path}                a file, relative to the organisation's folder, that only its owner can read
    ${keyring:service/account}  the keyring of the operating system's user
    ${sealed:name}              a secret given to `standwatch secret set NAME`, kept under the key-encryption key

INVARIANT: a value is read when it is used and kept by nobody here; it stands in no entry, error or log.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from standwatch.facts.errors import Forbidden, Malformed, NotFound, StandwatchError
from standwatch.keys import kek
from standwatch.keys.files import read_secret, sync_folder, write_secret

MOST: Final = 64 << 10
"""Bytes of one secret."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
PATIENCE: Final = 5.0
"""Seconds that the keyring has to answer."""
_NONCE: Final = 12


class Sources(Mapping[str, str]):
    """Our environment, and beside it the other places by their prefix. Raises `KeyError` for what is not there."""

    def __init__(self, environment: Mapping[str, str], folder: Path, sealed: Sealed) -> None:
        self._environment = environment
        self._folder = folder
        self._sealed = sealed

    def __getitem__(self, name: str) -> str:
        kind, parted, rest = name.partition(":")
        if not parted:
            return self._environment[name]
        try:
            match kind:
                case "file":
                    return _text(read_secret(self._folder / rest, MOST))
                case "sealed":
                    return self._sealed.get(rest)
                case "keyring":
                    return _keyring(*rest.partition("/")[::2])
                case _:
                    raise KeyError(name)
        except StandwatchError as error:
            raise KeyError(f"{name}: {error}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


class Sealed:
    """Secrets at rest: a file each, AES-256-GCM under the key-encryption key in use, its name as associated data."""

    def __init__(self, folder: Path, keys: Path, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """`folder` beside the record; `keys` where the key-encryption keys are."""
        self._folder = folder
        self._keys = keys
        self._entropy = entropy

    def names(self) -> tuple[str, ...]:
        """What is kept here, by name."""
        if not self._folder.is_dir():
            return ()
        return tuple(sorted(one.name for one in self._folder.iterdir() if NAME.fullmatch(one.name)))

    def put(self, name: str, value: str) -> None:
        """Keep `value`, in place of what had this name. Raises `Malformed`."""
        if not NAME.fullmatch(name):
            raise Malformed(f"{name[:80]!r} is no name of a secret: lower case, digits, `.`, `-` and `_`")
        data = value.encode()
        if not 0 < len(data) <= MOST:
            raise Malformed(f"a secret has between 1 and {MOST} bytes")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        epoch = kek.current(self._keys)
        nonce = self._entropy(_NONCE)
        box = AESGCM(kek.load(self._keys, epoch)).encrypt(nonce, data, _about(name, epoch))
        draft = self._folder / f".{name}.{self._entropy(8).hex()}"
        write_secret(draft, epoch.to_bytes(4, "big") + nonce + box)
        draft.replace(self._folder / name)
        sync_folder(self._folder)

    def get(self, name: str) -> str:
        """Raises `NotFound`, or `Forbidden` for a file that another key sealed, or that was changed."""
        if name not in self.names():
            raise NotFound("there is no such secret", cure=f"standwatch secret set {name}")
        data = read_secret(self._folder / name, MOST + 100)
        epoch, nonce, box = int.from_bytes(data[:4], "big"), data[4 : 4 + _NONCE], data[4 + _NONCE :]
        try:
            return _text(AESGCM(kek.load(self._keys, epoch)).decrypt(nonce, box, _about(name, epoch)))
        except (InvalidTag, ValueError, NotFound):
            raise Forbidden("the secret cannot be opened", cure=f"standwatch secret set {name}") from None

    def remove(self, name: str) -> None:
        """Raises `NotFound`."""
        if name not in self.names():
            raise NotFound(f"there is no secret {name[:80]!r}", cure="standwatch secret list")
        (self._folder / name).unlink()
        sync_folder(self._folder)


def _about(name: str, epoch: int) -> bytes:
    return f"standwatch/secret/1\n{epoch}\n{name}".encode()


def _text(data: bytes) -> str:
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Malformed("the secret is not text") from None


def _keyring(service: str, account: str) -> str:
    """By the tool that the operating system has for it: libsecret's on Linux, `security` on macOS."""
    if sys.platform == "darwin":
        words = ["security", "find-generic-password", "-s", service, "-a", account, "-w"]
    else:
        words = ["secret-tool", "lookup", "service", service, "account", account]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603
    except FileNotFoundError:
        raise NotFound(f"{words[0]} is not installed, and reads the keyring") from None
    except subprocess.TimeoutExpired:
        raise NotFound("the keyring does not answer: it may be locked") from None
    if done.returncode or not done.stdout:
        raise NotFound(f"the keyring has nothing for {service}/{account}")
    return _text(done.stdout)
