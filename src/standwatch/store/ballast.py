"""A file that holds space on the disk for the day it is full: let go of, it makes room for a hold to be recorded."""

import os
from pathlib import Path
from typing import Final

BYTES: Final = 1 << 20


class Ballast:
    """One MiB beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self) -> bool:
        """Hold the space; False where there is none to spare."""
        try:
            if self._path.exists() and self._path.stat().st_size == BYTES:
                return True
            if _free(self._path.parent) < 4 * BYTES:
                return False
            with self._path.open(
                "wb"
            ) as file:  # written, not only reserved: some file systems promise and forget
                file.write(bytes(BYTES))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Let go of the space."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:  # nothing more can be done about a disk that does not even delete
            return


def _free(folder: Path) -> int:
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize
