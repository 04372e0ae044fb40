"""Key-encryption keys by epoch: files outside the database, so that the database alone opens no payload.

The epoch in use is the highest. After an erasure a new epoch is made, living keys are wrapped anew and the old
epoch is destroyed: backups of the database made before it then hold nothing that can be opened (RECORD.md).
"""

import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from typing import Final

from standwatch.facts.errors import Malformed, NotFound
from standwatch.keys.files import read_secret, sync_folder, write_secret

KEY_BYTES: Final = 32
_name: Final = re.compile(r"kek-([0-9]{6})")


def epochs(folder: Path) -> tuple[int, ...]:
    """The epochs whose keys are in `folder`, ascending; none where there is no such folder."""
    if not folder.is_dir():
        return ()
    found = (_name.fullmatch(path.name) for path in folder.iterdir())
    return tuple(sorted(int(match[1]) for match in found if match))


def create(folder: Path, entropy: Callable[[int], bytes] = token_bytes) -> int:
    """Make the key of the next epoch and return that epoch; from then on it is the current one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    epoch = max(epochs(folder), default=0) + 1
    write_secret(_path(folder, epoch), entropy(KEY_BYTES))
    return epoch


def current(folder: Path) -> int:
    """The epoch in use. Raises `NotFound` where none was made."""
    known = epochs(folder)
    if not known:
        raise NotFound(f"there is no key-encryption key in {folder}", cure="standwatch init")
    return known[-1]


def load(folder: Path, epoch: int) -> bytes:
    """The 32 bytes of `epoch`'s key. Raises `NotFound`, `Forbidden` (mode) or `Malformed`."""
    key = read_secret(_path(folder, epoch), KEY_BYTES)
    if len(key) != KEY_BYTES:
        raise Malformed(f"the key of epoch {epoch} has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def destroy(folder: Path, epoch: int) -> None:
    """Overwrite and remove `epoch`'s key. Raises `NotFound`.

    Overwriting is best effort (a copying file system keeps the old blocks); what counts is that backups of the
    database never held this file.
    """
    path = _path(folder, epoch)
    if epoch not in epochs(folder):
        raise NotFound(f"there is no key of epoch {epoch} in {folder}")
    with path.open("r+b", buffering=0) as file:
        file.write(bytes(KEY_BYTES))
    path.unlink()
    sync_folder(folder)


def _path(folder: Path, epoch: int) -> Path:
    return folder / f"kek-{epoch:06}"
