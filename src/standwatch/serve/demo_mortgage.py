"""The demo's other half: the bank's mortgage model on a good day, a bad release, and the way back.

Applications are real rows, replayed by a script that says so; the model server is a stock MLServer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

import standwatch.executor
from standwatch.facts.errors import StandwatchError

if TYPE_CHECKING:
    from standwatch.serve.demo import Demo

PORT: Final = 9310
"""Where the manifest says that the model server is; another one is taken where it is not free."""
PATIENCE: Final = 60.0
"""Seconds for the model server to load its versions, on a busy machine."""
DAY: Final = 150
"""Applications of a day."""


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
        self.bad_version(limits)
        self.back()

    def open(self) -> str:
        """Accepted, and its limits read: the digest that says so."""
        run = self._demo.run
        self._demo.scene("A model scores loans. Whoever puts a version in front has read its known limits")
        run("accept", "mortgage", "--yes", shown="^ *(new|changed|configuration)")
        self._token = run("agent", "add", "lending", "--system", "mortgage", "--service", as_json=True)[
            "token"
        ]
        run("versions", "mortgage", shown="known limit")
        return run("versions", "mortgage", as_json=True)["models"][0]["acknowledge"]

    def good_day(self, limits: str) -> None:
        """Version 1 serves, the challenger sees the same rows."""
        self.validated("1")
        self.deployed("1", limits, "the scorecard goes live")
        self._demo.run(
            "deploy", "mortgage", "2", "--shadow", "--reason", "the boosted challenger sees the same rows"
        )
        self._demo.scene("A good day")
        self.traffic(seed=1)

    def bad_version(self, limits: str) -> None:
        """Version 3 is retrained with a unit error that its own report could not show."""
        self._demo.scene(
            "Version 3, retrained: its own report is as good as version 2's, so it is validated and deployed"
        )
        self.validated("3")
        self.deployed("3", limits, "retrained")
        self.traffic(seed=2)

    def back(self) -> None:
        """One command, in force for the next request."""
        self._demo.scene("Back to the version before: one command, pinned until somebody releases it")
        self._demo.run("rollback", "mortgage", "--reason", "demo: it denies a third of all applicants")
        self.traffic(seed=3)

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

    def traffic(self, seed: int) -> None:
        """A day's applications, and what came of them."""
        words = ["--url", self._demo.url, "--applications", str(DAY), "--seed", str(seed)]
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
        self._demo.say(re.sub("^", "  ", done.stdout.rstrip(), flags=re.MULTILINE))

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
