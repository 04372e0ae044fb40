"""A server whose wall clock a test sets: `python set_clock.py FILE WORDS…` is `standwatch WORDS…` under that clock.

The file holds µs to be added to what the host says, as eight bytes. The steady clock is the host's own.
"""

from __future__ import annotations

import mmap
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HOUR = 3_600


class Dial:
    """The file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(8))

    def set(self, seconds: float) -> None:
        """The wall clock is `seconds` away from the host's from now on."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("<q", int(seconds * 1_000_000)))


def _main() -> None:
    file = open(sys.argv[1], "r+b")  # noqa: SIM115 - for as long as the process lives
    shown = mmap.mmap(file.fileno(), 8)
    host = time.time_ns
    time.time_ns = lambda: host() + struct.unpack("<q", shown[:8])[0] * 1_000
    from standwatch.cli.main import main

    sys.exit(main(sys.argv[2:]))


if __name__ == "__main__":
    _main()
else:
    from support.system import ROOT, Living

    class Clocked(Living):
        """An organisation whose server lives under a clock that is set."""

        dial: Dial

        def start(self, workers: int = 0, **environment: str) -> None:
            import os

            self.workers, self.said = 0, []
            command = [sys.executable, "-P", __file__, str(self.dial.path), "--org", str(self.folder), "up"]
            self.process = subprocess.Popen(
                command,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={**os.environ, **self.home, **environment, "PYTHONPATH": str(ROOT / "src")},
            )
            listener = threading.Thread(target=self._listen, args=(self.process, self.said), daemon=True)
            listener.start()
            self.heard("agents at")
