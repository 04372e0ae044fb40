"""What a hook costs: `python -m bench.hooks [--json] [--quick]`.

Each figure is a whole process, from its start to its end, as a host starts it before one call: cold, where every call
is a Python of its own, and with the resident helper. Beside them what starting anything costs here, and others' hooks
with the same event, where `build/peers` has them (`pip install tracekit-ai agentbelay` in an environment there). The
gateway records each intent durably before it answers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.machine import machine, raw
from bench.report import Cell, Report

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "build" / "bench" / "hooks"
PEERS: Final = ROOT / "build" / "peers" / "bin"
COLUMNS: Final = ("", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "bar ms")
BARE: Final = ("-S", "-E", "-s", "-X", "frozen_modules=on")
COLD, WARM = 60, 5


def spread(times: Times) -> tuple[Cell, ...]:
    """p50, p95 and p99, and the CPU that each process took itself, in milliseconds."""
    found = sorted(times.seconds)
    shares = [found[min(int(len(found) * part), len(found) - 1)] for part in (0.5, 0.95, 0.99)]
    return tuple(round(one * 1000, 2) for one in (*shares, times.cpu))


class Times(msgspec.Struct):
    """Seconds from start to end, each time; and of CPU, of the processes that were started, on average."""

    seconds: list[float]
    cpu: float


def timed(count: int, act: Callable[[int], object]) -> Times:
    """What `act` took; the first ones, which warm what is shared, are left out."""
    for number in range(3):
        act(-number - 1)
    found: list[float] = []
    before = _children()
    for number in range(count):
        began = time.perf_counter()
        act(number)
        found.append(time.perf_counter() - began)
    return Times(found, (_children() - before) / count)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def started(words: Sequence[str], data: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, input=data, capture_output=True, check=False, **more)


class Place:
    """An organisation of its own, its server, and a project with our hook."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        self.project = folder / "code"
        self.project.mkdir(parents=True)
        self.environment = {
            **os.environ,
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self.environment["XDG_CONFIG_HOME"] = str(folder / "config")
        (folder / "client.json").write_text('{"mcpServers": {}}')

    def standwatch(self, *words: str) -> str:
        """One command; its output."""
        command = [sys.executable, "-m", "standwatch.cli.main", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The server, until the end of the block."""
        self.standwatch("key", "new", "--plain")
        self.standwatch("init", "org", "--address", "a@bench.example", "--from", "client.json")
        command = [sys.executable, "-m", "standwatch.cli.main", "--org", "org", "up"]
        with (self.folder / "up.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stderr=log, stdout=log)
        try:
            while b"agents at" not in (self.folder / "up.log").read_bytes():
                if process.poll() is not None:
                    raise RuntimeError((self.folder / "up.log").read_text())
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def hooked(self, *more: str) -> tuple[str, Path]:
        """Our hook, installed: the command of a host's file, and the hook's folder."""
        words = (
            "--org",
            "org",
            "--json",
            "hook",
            "claude-code",
            "install",
            "--project",
            str(self.project),
            *more,
        )
        said = json.loads(self.standwatch(*words))
        self.standwatch("--org", "org", "validate", "claude-code", "--until", "90d", "--yes")
        entries = json.loads(Path(said["file"]).read_text())["hooks"]["PreToolUse"]
        return entries[0]["hooks"][0]["command"], Path(said["folder"])


def event(project: Path, number: int, session: str, tool: str = "Bash") -> bytes:
    """As Claude Code says it."""
    given = {"command": f"echo {number}"} if tool == "Bash" else {"file_path": str(project / "a.txt")}
    said = {
        "session_id": f"{session}-{number // 150}",  # a session of so many calls
        "cwd": str(project),
        "hook_event_name": "PreToolUse",
        "tool_name": tool,
        "tool_input": given,
        "tool_use_id": f"{session}-{number}",
    }
    return json.dumps(said).encode()


def ours(place: Place, count: int) -> list[list[Cell]]:
    """Cold, warm, and what of that is the helper's."""
    rows: list[list[Cell]] = []
    environment = {**place.environment, "CLAUDE_PROJECT_DIR": str(place.project)}
    command, _ = place.hooked("--no-resident")

    def fire(session: str, tool: str = "Bash") -> Callable[[int], object]:
        def act(number: int) -> None:
            data = event(place.project, number, session, tool)
            done = started(["/bin/sh", "-c", command], data, env=environment, cwd=place.project)
            if done.returncode:
                raise RuntimeError(done.stderr.decode())

        return act

    rows.append(["ours, cold: a command", *spread(timed(count, fire("cold"))), COLD])
    rows.append(["ours, cold: a file read", *spread(timed(count, fire("cold-read", "Read"))), COLD])
    command, folder = place.hooked()
    fire("first")(0)
    while not (folder / "helper.sock").exists():
        time.sleep(0.02)
    rows.append(["ours, resident: the whole process", *spread(timed(count, fire("warm"))), ""])

    def helped(number: int) -> None:
        data = event(place.project, number, "helper")
        os.chdir(folder)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect("helper.sock")
            line.sendall(b"before\0" + os.fsencode(place.project) + b"\0" + data)
            line.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := line.recv(4096):
                answer += piece
        if not answer.startswith(b"0\n"):
            raise RuntimeError(answer.decode())

    rows.append(["ours, resident: asked and answered", *spread(timed(count, helped)), WARM])
    place.standwatch("--org", "org", "hook", "claude-code", "remove", "--project", str(place.project))
    return rows


def bare(count: int) -> list[list[Cell]]:
    """What starting anything costs here."""
    programs: dict[str, Sequence[str]] = {
        "nothing (/bin/true)": ["/bin/true"],
        "sh": ["/bin/sh", "-c", ":"],
        "perl": ["perl", "-e", "1"],
        "Python, bare": [sys.executable, *BARE, "-c", "pass"],
        "Python, bare, with json and socket": [sys.executable, *BARE, "-c", "import json, socket"],
        "Python as it is": [sys.executable, "-c", "pass"],
    }
    found = {name: words for name, words in programs.items() if shutil.which(words[0])}
    return [
        [name, *spread(timed(count, lambda _, words=words: started(words))), ""]
        for name, words in found.items()
    ]


def peers(place: Place, count: int, report: Report) -> list[list[Cell]]:
    """Others' hooks, with the same event, in their own least installation."""
    rows: list[list[Cell]] = []
    environment = {
        **os.environ,
        "HOME": str(place.folder / "peer-home"),
        "CLAUDE_PROJECT_DIR": str(place.project),
    }
    (place.folder / "peer-home").mkdir(exist_ok=True)
    for name, install, words in (
        (
            "Tracekit 1.4.2 (its dev signer)",
            ["tracekit", "init", "--project", "--dev", "--no-service"],
            ["-I", "-m", "tracekit.hook"],
        ),
        (
            "agentbelay 0.1.0 (a file of rules, no server)",
            ["belay", "init"],
            ["-I", "-m", "belay", "hook", "claude-code"],
        ),
    ):
        program = PEERS / install[0]
        if not program.exists():
            report.note(f"not run: {name}: build/peers has it not")
            continue
        folder = place.folder / f"peer-{install[0]}"
        folder.mkdir(exist_ok=True)
        started([str(program), *install[1:]], env=environment, cwd=folder)
        command = (
            [str(program), "hook", "claude-code"]
            if install[0] == "belay"
            else [str(PEERS / "python3"), *words]
        )

        def fire(number: int, command: list[str] = command, folder: Path = folder) -> None:
            started(command, event(place.project, number, "peer"), env=environment, cwd=folder)

        done = started(command, event(place.project, 0, "peer"), env=environment, cwd=folder)
        if done.returncode:
            report.note(f"not run: {name}: {done.stderr.decode()[:160]}")
            continue
        rows.append([name, *spread(timed(count, fire)), ""])
    _end(place.folder / "peer-home")
    report.note(
        "not run: Microsoft's agent-governance-toolkit 5, a library in the agent without a hook of a host"
    )
    return rows


def _end(home: Path) -> None:
    """Ends what a peer left running in its home."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.fsencode(home) in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGTERM)


def main() -> int:
    """Measure, print."""
    options = argparse.ArgumentParser(prog="bench.hooks", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true")
    options.add_argument("--quick", action="store_true", help="a tenth of the calls")
    given = options.parse_args()
    count = 30 if given.quick else 300
    FOLDER.mkdir(parents=True, exist_ok=True)
    report = Report(live=not given.json)
    here = machine()
    report.machine(here, raw(FOLDER))
    place = Place(FOLDER / "place")
    report.table("bare", f"starting a process, {count} times each", COLUMNS, bare(count))
    with place.serving():
        report.table("ours", "one call, before it happens", COLUMNS, ours(place, count))
        if theirs := peers(place, count, report):
            report.table("peers", "others, with the same event", COLUMNS, theirs)
    report.note(f"load average at the end: {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if given.json:
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode({"machine": here, **report.found})).decode() + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
