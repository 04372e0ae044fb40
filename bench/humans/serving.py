"""A whole server whose disk can be filled and whose decoys come soon: `python -m bench.humans.serving --org … up`.

While the file STANDWATCH_SOAK_FULL names is there, nothing can be written to the record's disk. Decoys come within
seconds and not minutes, for a trial of minutes; nothing else differs from `standwatch`.
"""

from __future__ import annotations

import os
import sys

from bench.soaking.faults import FailingDisk
from standwatch.cli.main import main
from standwatch.serve import decoys

SOON = {"SOONEST": 200_000, "LATEST": 1_500_000, "APART": 1_500_000}
"""µs, in place of the times of `standwatch.serve.decoys`."""


class Filling(FailingDisk):
    """Has no room while the file is there."""

    full = os.environ.get("STANDWATCH_SOAK_FULL", "")

    def pass_by(self, call: str) -> None:
        """A write finds no room; what is there already can be synced."""
        self.armed = call == "write" and os.path.exists(self.full)
        super().pass_by(call)


if __name__ == "__main__":
    disk = Filling("full", 1)
    for name, value in SOON.items():
        setattr(decoys, name, value)
    sys.exit(main())
