"""A disk that fails when told to, and one that forgets what was not synced: SQLite VFSes over the real one."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import apsw

Fault = Literal["write", "sync", "full"]
SECTOR = 512


class FaultyDisk(apsw.VFS):
    """Fails `count` calls of one kind, after `skip` of them went well."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault: Fault | None = None
        self.skip = self.count = 0
        self.failed = 0
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _FaultyFile(self, name, flags)

    def arm(self, fault: Fault, skip: int, count: int = 1) -> None:
        self.fault, self.skip, self.count, self.failed = fault, skip, count, 0

    def disarm(self) -> None:
        self.fault = None

    def pass_by(self, call: str) -> None:
        """A call is about to be made: raise if it is one of those that fail."""
        if self.fault is None or call != ("sync" if self.fault == "sync" else "write"):
            return
        if self.skip > 0:
            self.skip -= 1
        elif self.failed < self.count:
            self.failed += 1
            if self.fault == "full":
                raise apsw.FullError("the disk is full")
            raise apsw.IOError(f"the disk does not {call}")


class _FaultyFile(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.pass_by("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.pass_by("sync")
        super().xSync(flags)


Op = tuple[Literal["write", "truncate", "sync"], str, int, bytes]
"""What was done, to which file, where (or how long it became), and the bytes."""


class RecordingDisk(apsw.VFS):
    """Remembers everything done to its files, so that a power cut at any moment can be acted out on copies."""

    def __init__(self, name: str) -> None:
        self.ops: list[Op] = []
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _RecordingFile(self, name, flags)

    def after_power_cut(self, base: dict[str, bytes], upto: int, chance: random.Random) -> dict[str, bytes]:
        """The files as they may be found: what was synced is there, the rest in part, some of it torn."""
        ops = self.ops[:upto]
        synced = {op[1]: place for place, op in enumerate(ops) if op[0] == "sync"}
        files = {name: bytearray(data) for name, data in base.items()}
        for place, (what, name, at, data) in enumerate(ops):
            file = files.setdefault(name, bytearray())
            lost = place > synced.get(name, -1)
            if what == "sync" or (lost and chance.random() < 0.5):
                continue
            if what == "truncate":
                del file[at:]
                continue
            whole = len(data) if not lost or chance.random() < 0.5 else chance.randrange(0, len(data), SECTOR)
            file.extend(bytes(max(0, at + whole - len(file))))
            file[at : at + whole] = data[:whole]
        return {name: bytes(data) for name, data in files.items()}


class _RecordingFile(apsw.VFSFile):
    def __init__(self, disk: RecordingDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._ops = disk.ops
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._ops.append(("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._ops.append(("truncate", self._name, newsize, b""))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._ops.append(("sync", self._name, 0, b""))


@contextmanager
def faulty(name: str) -> Iterator[FaultyDisk]:
    disk = FaultyDisk(name)
    yield disk
    disk.unregister()


@contextmanager
def recording(name: str) -> Iterator[RecordingDisk]:
    disk = RecordingDisk(name)
    yield disk
    disk.unregister()
