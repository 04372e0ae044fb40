"""The demo's other half: the bank's mortgage model on a good day, a bad release, what changed, the way back, and why.

Applications are real rows, replayed by a script that says so; the model server is a stock MLServer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import standwatch.executor
from standwatch.facts.errors import StandwatchError

if TYPE_CHECKING:
    from standwatch.serve.demo import Demo

PORT: Final = 9310
"""Where the manifest says that the model server is; another one is taken where it is not free."""
PATIENCE: Final = 60.0
"""Seconds for the model server to load its versions, on a busy machine."""
QUIET: Final = 240
"""Applications of the good day: `diagnose` wants 180 before the time it is asked about to compare with."""
DAY: Final = 120
"""Applications of the bad day, and half of them after it."""
APPLICANT: Final = 1819
"""The row of a held-out application that version 1 denies, and that one change would have turned, or two small ones."""
OPERATOR: Final = r"^(decision \S+ of|grade:|contributions|  [+-]\d|what would)|^  (outcome|answered by)|→"
"""Lines of an explanation that a demo has room for."""


class Mortgage:
    """The system `mortgage` of the example organisation."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._url = ""
        self._token = ""

    @property
    def python(self) -> Path:
        """Python with the model server in it."""
        return self._demo.folder / "models" / "bin" / "python"

    def seed(self) -> None:
        """A free port, the program that executes artifacts again, and the model server, loading meanwhile."""
        from standwatch.serve.demo import free

        manifest = self._demo.org / "systems" / "mortgage.yaml"
        port = str(free(PORT))
        manifest.write_text(manifest.read_text().replace(str(PORT), port))
        self._url = f"http://127.0.0.1:{port}"
        shutil.copy(standwatch.executor.__file__, self._demo.org / "mortgage" / "executor.py")
        with (self._demo.folder / "models.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.python), "mortgage/serve.py", "--port", port],
                cwd=self._demo.org,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self._demo.folder / "models.pid").write_text(str(process.pid))

    def play(self) -> None:
        """The scenes, in order."""
        limits = self.open()
        self.good_day(limits)
        since = now()
        self.bad_version(limits)
        self.what_changed(since)
        self.back()
        self.why()

    def open(self) -> str:
        """Accepted, and its limits read: the digest that says so."""
        run = self._demo.run
        self._demo.scene("A model scores loans. Whoever puts a version in front has read its known limits")
        run("accept", "mortgage", "--yes", shown="^ *(new|changed|configuration)")
        self._token = run("agent", "add", "lending", "--system", "mortgage", "--service", as_json=True)[
            "token"
        ]
        model: dict[str, Any] = run("versions", "mortgage", as_json=True)["models"][0]
        self._demo.say("\n".join(f"  known limit: {limit}" for limit in model["limits"]))
        return model["acknowledge"]

    def good_day(self, limits: str) -> None:
        """Version 1 serves, the challenger sees the same rows."""
        self.validated("1")
        self.deployed("1", limits, "the scorecard goes live")
        self._demo.run(
            "deploy", "mortgage", "2", "--shadow", "--reason", "the boosted challenger sees the same rows"
        )
        self._demo.scene("A good day")
        self.traffic(QUIET, seed=1)

    def bad_version(self, limits: str) -> None:
        """Version 3 is retrained with a unit error that its own report could not show."""
        self._demo.scene(
            "Version 3, retrained: its own report is as good as version 2's, so it is validated and deployed"
        )
        self.validated("3")
        self.deployed("3", limits, "retrained")
        self.traffic(DAY, seed=2)

    def what_changed(self, since: str) -> None:
        """The operator's question at 3 AM. A cause found ends with 1."""
        self._demo.scene("3 AM: four times as many are denied. What changed? Only the record is asked")
        self._demo.run("diagnose", "mortgage", "--since", since, ends=1)

    def back(self) -> None:
        """One command, in force for the next request."""
        self._demo.scene("Back to the version before: one command, pinned until somebody releases it")
        self._demo.run("rollback", "mortgage", "--reason", "demo: it denies a third of all applicants")
        self.traffic(DAY // 2, seed=3)

    def why(self) -> None:
        """One denied applicant: what would have changed it, each change proved by executing version 1 again."""
        self._demo.scene("One who was denied asks why, and what would have changed it")
        reference = self.one(APPLICANT)
        self._demo.run("explain", reference, shown=OPERATOR)
        self._demo.say("  (lines left out; the person concerned is told it in other words:)")
        self._demo.run("explain", reference, "--person")

    def validated(self, version: str) -> None:
        """Chen signs for a version before it serves."""
        from standwatch.serve.demo import in_a_week

        key = os.path.relpath(self._demo.keys / "chen.pem")
        self._demo.run("validate", "mortgage", "--version", version, "--until", in_a_week(), "--outcome", "pass",
                       "--by", "chen", "--key", key, "--yes", shown="grant|validated")  # fmt: skip

    def deployed(self, version: str, limits: str, reason: str) -> None:
        """Put `version` in front, once the model server has it."""
        self._await(version)
        self._demo.run("deploy", "mortgage", version, "--reason", reason, "--acknowledge", limits)

    def traffic(self, applications: int, seed: int) -> None:
        """A day's applications, and what came of them."""
        said = self._send("--applications", str(applications), "--seed", str(seed))
        self._demo.say(re.sub("^", "  ", said, flags=re.MULTILINE))

    def one(self, applicant: int) -> str:
        """One application; the reference that its answer came with, ENTRY/ROW."""
        line = json.loads(self._send("--applicant", str(applicant), "--json"))
        self._demo.say(f"  {line['applicant']} {line['outcome']} by version {line['version']}: {line['id']}")
        return line["id"]

    def _send(self, *options: str) -> str:
        words = ["--url", self._demo.url, *options]
        self._demo.say(f"$ python mortgage/traffic.py {' '.join(words)}   # scripted: real rows, replayed")
        done = subprocess.run(
            [str(self.python), "mortgage/traffic.py", *words],
            cwd=self._demo.org,
            env={**os.environ, "STANDWATCH_TOKEN": self._token},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StandwatchError(f"the applications could not be sent: {done.stderr.strip()}")
        return done.stdout.rstrip()

    def _await(self, version: str) -> None:
        ready = f"{self._url}/v2/models/mortgage/versions/{version}/ready"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(ready, timeout=2):  # noqa: S310 - loopback, and the port is ours
                    return
            except OSError:
                time.sleep(0.05)
        raise StandwatchError(
            f"the model server did not load version {version}; see {self._demo.folder / 'models.log'}",
            code="unavailable",
        )


def now() -> str:
    """RFC 3339, UTC, to the millisecond: a demo's days are seconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
