"""Files that hold secrets: made whole or not at all, never over another, readable by their owner alone."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound

OWNER_ONLY: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def write_secret(path: Path, data: bytes) -> None:
    """Make the file `path`, mode 0600, durable when this returns. Raises `Conflict` where something stands there.

    The name appears by hard link once the bytes are on disk: a crash leaves either the whole file or none, and a
    symbolic link planted under the name is an existing file, not a place to write to.
    """
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), OWNER_ONLY)  # whatever the umask left
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise Conflict(f"{path} exists already; a key is never written over another") from None
    finally:
        draft.unlink()
    sync_folder(path.parent)


def read_secret(path: Path, limit: int) -> bytes:
    """The bytes of a regular file that nobody but its owner can read.

    Raises `NotFound`, `Forbidden` where others have rights to it, `Malformed` beyond `limit` bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound(f"there is no key at {path}") from None
    except OSError as error:
        raise Forbidden(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Forbidden(f"{path} is not a regular file")
        if about.st_mode & _OTHERS:
            mode = stat.S_IMODE(about.st_mode)
            raise Forbidden(f"{path} has mode {mode:04o}: others can use this key", cure=f"chmod 600 {path}")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Malformed(f"{path} is larger than any key")
    return data


def sync_folder(folder: Path) -> None:
    """Make names made or removed in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder, and then need not
            os.fsync(handle)
    finally:
        os.close(handle)
