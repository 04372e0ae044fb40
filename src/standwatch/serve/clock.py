"""The clock that this process goes by: it never goes back, and never stands still.

A wall clock may be set back: by hand, by a time server, by a machine that starts with an old one. Everything that ends
by itself (relaxations, watches, approvals, sessions, evidence) would then last longer than anybody allowed. So the time
here is a clock that only runs forwards, moved to where the wall clock ever stood: a wall clock that jumps forwards is
followed, for what is over may have been over for long; one that is set back is not.

The offset between the two is kept in the state folder, so a process that starts again goes on where the last one was,
as long as the machine did not start anew. Then it is at least the last time that was kept, and the record's last entry.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from standwatch.serve.relaxing import steady

FILE: Final = "clock"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_WORTH: Final = 1_000_000
"""µs by which the clock was set back before anybody is told."""


class Kept(msgspec.Struct):
    """What is written down: in which boot, how far wall and steady clock are apart, and the time then (µs)."""

    boot: str
    offset: int
    latest: int


class Clock:
    """µs since 1970, UTC. Called for every act: two readings and a comparison."""

    __slots__ = ("_kept", "_offset", "_steady", "_wall")

    def __init__(
        self, wall: Callable[[], int] = lambda: time.time_ns() // 1000, steady: Callable[[], int] = steady
    ) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._kept = 0

    def __call__(self) -> int:
        # The wall clock first: what passes between the two readings then never moves the time forwards.
        offset = self._wall() - (now := self._steady())
        self._offset = max(self._offset, offset)
        return now + self._offset

    @property
    def behind(self) -> int:
        """µs by which the wall clock is behind: it was set back by as much. 0 for what is not worth telling."""
        found = self._offset - (self._wall() - self._steady())
        return found if found >= _WORTH else 0

    @property
    def moved(self) -> bool:
        """Whether it was set forwards since it was last kept."""
        return self._offset >= self._kept + _WORTH

    def no_earlier(self, moment: int) -> None:
        """It is at least `moment` now: somebody knows of something that happened then."""
        self._offset = max(self._offset, moment - self._steady())

    # --- kept over restarts ----------------------------------------------------------------------------------

    def resume(self, folder: Path, boot: str = "") -> None:
        """Go on where an earlier process of this folder was. What cannot be read is not known."""
        try:
            kept = msgspec.json.decode((folder / FILE).read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return
        if kept.boot and kept.boot == (boot or _boot()):
            self._offset = max(self._offset, kept.offset)
        else:
            self.no_earlier(kept.latest)

    def keep(self, folder: Path, boot: str = "") -> None:
        """Write down where we are, whole or not at all; a disk that takes nothing more costs nobody their clock."""
        latest = self()
        kept = Kept(boot or _boot(), self._offset, latest)
        self._kept = kept.offset
        draft = folder / f".{FILE}.{os.getpid()}"
        with contextlib.suppress(OSError):
            draft.write_bytes(msgspec.json.encode(kept))
            draft.chmod(0o600)
            draft.replace(folder / FILE)


def _boot() -> str:
    """Which start of the machine this is; "" where nobody says: then no offset is taken over."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
