"""A whole server on a disk that fails: `python -m bench.soaking.faults FOLDER WORKERS`.

STANDWATCH_SOAK_DISK says how. `KIND:K`: from the door's opening on, every K-th call of that kind (`write`, `sync`, or
`full` for a write that finds no room) fails. It is SQLite's default VFS here, so the product opens its record as
always and does not know.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import apsw

from bench import organisation


class FailingDisk(apsw.VFS):
    """Fails every `every`-th call of one kind, once `armed`."""

    def __init__(self, kind: str, every: int) -> None:
        self.kind, self.every, self.calls, self.armed = kind, every, 0, False
        super().__init__("soak", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    def pass_by(self, call: str) -> None:
        """A call is about to be made: raise if it is one of those that fail."""
        if not self.armed or call != ("sync" if self.kind == "sync" else "write"):
            return
        self.calls += 1
        if self.calls % self.every == 0:
            raise apsw.FullError("full") if self.kind == "full" else apsw.IOError(f"no {call}")


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.pass_by("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.pass_by("sync")
        super().xSync(flags)


if __name__ == "__main__":
    given, _, number = os.environ["STANDWATCH_SOAK_DISK"].partition(":")
    disk = FailingDisk(given, int(number))
    organisation.opened = lambda: setattr(disk, "armed", True)
    sys.exit(organisation.serve(Path(sys.argv[1]), int(sys.argv[2])))
