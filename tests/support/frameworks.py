"""Agent frameworks as published, in an environment of their own (`.demo/frameworks`), each run in its own process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standwatch.facts.entries import AskedMany
from standwatch.keys.tokens import token_hash
from support.system import ROOT, Agent, Living, manifest

PYTHON = ROOT / ".demo/frameworks/bin/python"
CHILDREN = ROOT / "tests/wire/frameworks"
RUNS = int(os.environ.get("RESUMED_RUNS", "16"))
"""Runs that are paused, resumed and partly killed: a sample here, all hundred with `python -m bench.resumed`."""


class Ended:
    """A process that is gone: what its function returned, and its exit code or minus a signal."""

    def __init__(self, status: int, value: Any) -> None:
        self.status, self.value = status, value

    def __repr__(self) -> str:
        return f"{self.status} {self.value}"


class Zygote:
    """Starts processes by forking one that has imported a module of `tests/wire/frameworks`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder = process, folder
        self._count, self._lock = itertools.count(), threading.Lock()
        self._waiting: dict[str, Future[Ended]] = {}

    def begin(self, function: str, **arguments: Any) -> Future[Ended]:
        """Call `function` in a new process."""
        answer = str(self._folder / f"{next(self._count)}.json")
        found: Future[Ended] = Future()
        self._waiting[answer] = found
        order = {"function": function, "arguments": arguments, "answer": answer}
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        return found

    def run(self, function: str, **arguments: Any) -> Any:
        """What `function` returned, in a process that has ended well."""
        ended = self.begin(function, **arguments).result(120)
        assert ended.status == 0, ended
        return ended.value

    def listen(self) -> None:
        """Reads what the process says, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            path = Path(told["answer"]) if told["answer"] else None
            if path is not None:
                value = json.loads(path.read_text()) if path.exists() else None
                self._waiting.pop(str(path)).set_result(Ended(told["status"], value))
        for one in self._waiting.values():
            one.set_exception(RuntimeError("the processes' parent has ended"))


@contextmanager
def zygote(module: str, folder: Path, **environment: str) -> Iterator[Zygote]:
    """The processes of `module`."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [PYTHON, CHILDREN / "zygote.py", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
    )
    found = Zygote(process, folder)
    assert process.stdout is not None
    assert process.stdout.readline(), "it did not start"
    thread = threading.Thread(target=found.listen, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        thread.join(10)


class Ledger:
    """What was really done: a line for each effect, written by the tools themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def of(self, who: str) -> list[str]:
        """The effects of one run."""
        return [
            line.split(" ", 1)[1] for line in self.path.read_text().splitlines() if line.split(" ")[0] == who
        ]

    @property
    def all(self) -> list[str]:
        return self.path.read_text().splitlines()


TOOLS: dict[str, dict[str, Any] | str] = {
    "desk.look": {"effect": "read", "returns": {"trusted": ["$.what", "$.found"]}},
    "desk.note": "write",
    "desk.helper": "read",
    "claude-code.Bash": "read",
    "claude-code.Write": "read",
    "claude-code.Edit": "read",
    "claude-code.Read": "read",
    "desk.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 100}}, "otherwise": "step_up"},
    "desk.wipe": {
        "effect": "irreversible",
        "arguments": {"what": {"one_of": ["nothing"]}},
        "otherwise": "deny",
    },
}
"""An amount above 100 is asked about, whatever is wiped is refused, and `burn` is not declared. What a coding host
writes is called a read here: its rules are not what is tested."""


def desk() -> str:
    """The manifest of an agent whose tools are functions of its own process."""
    components = [{"kind": "service", "name": "desk"}, {"kind": "service", "name": "claude-code"}]
    return manifest("desk", components, TOOLS, limits={"asks": {"per_run": 5, "per_person_per_hour": 1000}})


def validate(watch: Living) -> None:
    """What the manifest lets it do it may do alone."""
    watch.run("validate", "desk", "--until", "90d", "--key", watch.key("chen"), "--yes")


def approve(watch: Living, reference: str, decision: str = "approve") -> None:
    """A person answers, with their own key."""
    watch.run(decision, reference, "--yes", "--key", watch.key("olga"))


def doomed(runs: int) -> dict[int, str]:
    """Which of so many runs, by number, are killed when they are resumed, and whether before or after the effect."""
    count = max(runs // 5, min(6, runs // 2))
    return {n * runs // count: ("before", "after")[n % 2] for n in range(count)}


class Work:
    """One run: its thread, its run's token, its plan, and what it really did."""

    def __init__(
        self, processes: Zygote, harness: Agent, folder: Path, thread: str, plan: Any, **said: Any
    ) -> None:
        self.processes, self.ledger, self.thread = processes, Ledger(folder / "ledger"), thread
        token = harness.open_run("Pay what is owed.").token
        watch = {"url": f"http://127.0.0.1:{harness.port}", "token": token}
        self.said = {"watch": watch, "thread": thread, "folder": str(folder), "plan": plan, **said}

    def begin(self, **more: Any) -> Future[Ended]:
        """In a new process."""
        return self.processes.begin("go", **{**self.said, **more})

    def go(self, **more: Any) -> Any:
        """In a new process, to its end."""
        return self.processes.run("go", **{**self.said, **more})

    def killed(self, **more: Any) -> None:
        """In a new process that is killed with signal 9."""
        ended = self.begin(**more).result(120)
        assert ended.status == -signal.SIGKILL, ended

    @property
    def done(self) -> list[str]:
        """What it really did."""
        return self.ledger.of(self.thread)


def asked(watch: Living, run: Work) -> str:
    """The question that was put about the run last."""
    return questions(watch, run)[-1]


def questions(watch: Living, run: Work) -> list[str]:
    """Every question that was put about the run."""
    token = token_hash(run.said["watch"]["token"])
    (name,) = {one.run for one in watch.of_runs() if one.token == token}
    return [one.id for one in watch.of(AskedMany) if one.run == name]
