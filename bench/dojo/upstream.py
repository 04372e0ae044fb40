"""The bench's line to one suite's world (`world.py`), which runs in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PYTHON: Final = ROOT / "build" / "dojo" / "venv" / "bin" / "python"


class Call(msgspec.Struct, frozen=True):
    """A tool call that a task or an attacker wants."""

    tool: str
    arguments: dict[str, Any] = {}


class User(msgspec.Struct, frozen=True):
    """A user task: what the user asks, and the injection vectors that doing it reads."""

    prompt: str
    vectors: tuple[str, ...]
    defaults: dict[str, str]


class Catalogue(msgspec.Struct, frozen=True):
    users: dict[str, User]
    injections: dict[str, str]
    """Every goal of the suite's own."""


class Plan(msgspec.Struct, frozen=True):
    """The calls that reach a goal, and what is said at the end."""

    calls: tuple[Call, ...]
    output: str = ""


class Score(msgspec.Struct, frozen=True):
    """What the suite's checkers say."""

    utility: bool
    security: bool = False
    """The attacker's goal was reached."""


class Upstream:
    """A suite's world, running."""

    def __init__(self, process: subprocess.Popen[str], suite: str) -> None:
        self._process, self.suite = process, suite
        self.url: str = self._line()["url"]

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the world of {self.suite} ended with {self._process.wait()}")
        return json.loads(line)

    def _ask(self, do: str, **order: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        return self._line()

    def catalogue(self) -> Catalogue:
        """Every task, and every goal."""
        return msgspec.convert(self._ask("catalogue"), Catalogue)

    def begin(self, user: str, injections: dict[str, str]) -> Plan:
        """A fresh environment, with these texts in it; how the user's task is done there."""
        return msgspec.convert(self._ask("begin", user=user, injections=injections), Plan)

    def hijack(self, injection: str) -> Plan:
        """How the attacker's goal is reached, as things are now."""
        return msgspec.convert(self._ask("hijack", injection=injection), Plan)

    def changed(self) -> bool:
        """Whether anything changed since this was last asked, or since `begin`."""
        return bool(self._ask("changed"))

    def score(self, user: str, injection: str, output: str, calls: list[Call]) -> Score:
        """What the suite's checkers say of the environment as it is, after `calls` were done and `output` said."""
        found = self._ask(
            "score", user=user, injection=injection, output=output, calls=msgspec.to_builtins(calls)
        )
        return msgspec.convert(found, Score)


@contextmanager
def upstream(suite: str, command: Sequence[str | Path] = ()) -> Iterator[Upstream]:
    """The world of `suite`, until the block ends; started with `command` where it is none of AgentDojo's."""
    if not command and not PYTHON.exists():
        raise SystemExit(
            "bench.dojo: AgentDojo is not installed; `make dojo` installs it under build/ and runs this"
        )
    process = subprocess.Popen(
        command or [PYTHON, HERE / "world.py", suite],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Upstream(process, suite)
    finally:
        process.kill()
        process.wait()
