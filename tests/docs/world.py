"""A place where a page's commands run one after the other, as a reader would type them, in a real shell.

Nothing is faked but names: `npx` and `uvx` start the servers that `make demo` installed, whatever version was asked
for, and `make demo` is the command that the Makefile gives after installing. Ports of the pages stand for free ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from docs.pages import ROOT

PATIENCE = 200.0
SERVERS = ROOT / ".demo"
_SHIMS = {
    "standwatch": 'exec "{python}" -m standwatch.cli.main "$@"',
    "python3": 'exec "{python}" "$@"',
    "npx": 'shift 2; exec "{servers}/venv/bin/node" '
    '"{servers}/npm/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js" "$@"',
    "uvx": 'shift; exec "{servers}/venv/bin/python" -m mcp_server_git "$@"',
}
_NAMED = re.compile(r"\brelease (?P<hold>\d+)|\b[0-9a-hjkmnp-tv-z]{26}\b|sw_[A-Za-z0-9_-]{8,}")
"""What commands may name of what was printed before."""
_PORT = re.compile(r"\b84\d\d\b")

_ATOM = re.compile(
    r"(?P<hold>\bhold \d+)|(?P<ident>\b[0-9a-hjkmnp-tv-z]{26}\b)|(?P<token>sw_[A-Za-z0-9_-]{8,})"
    r"|(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:\+00:00|Z)?)"
    r"|(?P<hex>\b(?=[0-9a-f]*\d)[0-9a-f]{10,64}\b)"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)|(?P<rest>…)"
)
_STANDS = {
    "ident": r"[0-9a-hjkmnp-tv-z]{26}",
    "token": r"sw_[A-Za-z0-9_-]{8,}",
    "time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:\+00:00|Z)?",
    "hex": r"[0-9a-f]{10,64}",
    "number": r"\d+(?:\.\d+)?",
    "rest": r".*?",
    "hold": r"hold \d+",
}


class World:
    """One folder with a home of its own. `run` keeps the working folder and what was exported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.here = root / "here"
        self.bound: dict[str, str] = {}
        """What a page calls an id, a token or a hold → what it was this time."""
        self.ports: dict[str, str] = {}
        self._groups: list[int] = []
        self._count = 0
        for folder in ("bin", "home", "tmp", "here"):
            (root / folder).mkdir(parents=True)
        for name, line in _SHIMS.items():
            path = root / "bin" / name
            path.write_text("#!/bin/sh\n" + line.format(python=sys.executable, servers=SERVERS) + "\n")
            path.chmod(0o755)
        (root / "passphrase").write_text("correct horse\n")
        self._environment = {
            "PATH": f"{root / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "STANDWATCH_PASSPHRASE_FILE": str(root / "passphrase"),
            "COLUMNS": "120",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONUNBUFFERED": "1",
        }

    def checkout(self) -> None:
        """What `make demo` finds: the example, and the servers that were installed before."""
        assert (SERVERS / ".servers").exists(), (
            "the demo's servers are not installed: make test installs them"
        )
        shutil.copytree(
            ROOT / "examples", self.here / "examples", ignore=shutil.ignore_patterns("__pycache__")
        )
        (self.here / ".demo").mkdir()
        for name in ("venv", "npm", "models"):
            (self.here / ".demo" / name).symlink_to(SERVERS / name)

    def frameworks(self) -> None:
        """What `pip install` makes: an environment with the agent frameworks and ours."""
        python = self.here / "agent/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT / "src"}" exec "{SERVERS / "frameworks/bin/python"}" "$@"\n'
        )
        python.chmod(0o755)

    def port(self, named: str) -> str:
        if named not in self.ports:
            with socket.socket() as trying:
                trying.bind(("127.0.0.1", 0))
                self.ports[named] = str(trying.getsockname()[1])
        return self.ports[named]

    def _listeners(self, text: str) -> None:
        for named, who in (("8400", "agents"), ("8401", "operators")):
            if found := re.search(rf"^  {who}: '127\.0\.0\.1:(\d+)'$", text, re.MULTILINE):
                self.ports[named] = found[1]

    def localised(self, text: str) -> str:
        """`text` with this world's ports, ids, tokens and holds in place of the page's."""
        text = _PORT.sub(lambda found: self.port(found[0]), text)
        return _NAMED.sub(self._real, text)

    def _real(self, found: re.Match[str]) -> str:
        if found["hold"]:
            return "release " + self.bound.get(f"hold {found['hold']}", f"hold {found['hold']}").removeprefix(
                "hold "
            )
        return self.bound.get(found[0], found[0])

    def write(self, path: str, text: str) -> None:
        target = self.here / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.localised(text), encoding="utf-8")

    def run(self, script: str) -> tuple[int, str]:
        """The exit code and everything printed. Answers `yes` to whoever asks at the terminal."""
        self._count += 1
        for made in self.here.glob("*/standwatch.yaml"):  # `init` takes other ports where its own are taken
            self._listeners(made.read_text(encoding="utf-8"))
        state, cwd, out = (self.root / name for name in ("state", "cwd", f"out-{self._count}"))
        wrapped = (
            f'trap \'code=$?; export -p > "{state}"; pwd > "{cwd}"; exit $code\' EXIT\n'
            + (f'. "{state}"\n' if state.exists() else "")
            + f'cd "{cwd.read_text().strip() if cwd.exists() else self.here}"\nset -e\n'
            + self.localised(script)
        )
        before = self._sockets()
        keyboard, terminal = os.openpty()
        os.write(keyboard, b"yes\n" * 4)
        try:
            with out.open("wb") as file:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", wrapped], stdin=terminal, stdout=file, stderr=file,
                    env=self._environment, start_new_session=True,
                )  # fmt: skip
                self._groups.append(process.pid)
                code = process.wait(PATIENCE)
        finally:
            os.close(terminal)
            os.close(keyboard)
        if re.search(r"&\s*$", script, re.MULTILINE):
            self._await_server(before)
        printed = out.read_text(encoding="utf-8", errors="replace")
        return code, printed.replace("Type yes: ", "Type yes: yes\n")  # as the terminal shows what was typed

    def _sockets(self) -> dict[Path, tuple[int, int]]:
        """Control sockets of this world, each with what tells it from one made later under its name."""
        found: dict[Path, tuple[int, int]] = {}
        for path in self.here.glob("**/state/control.sock"):
            with suppress(OSError):
                about = path.stat()
                found[path] = (about.st_ino, about.st_ctime_ns)
        return found

    def _await_server(self, before: dict[Path, tuple[int, int]]) -> None:
        """What a reader does in the other window: wait until the server just started says that agents may come in."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for path in (path for path, about in self._sockets().items() if before.get(path) != about):
                text = (path.parents[1] / "standwatch.yaml").read_text(encoding="utf-8")
                listens = re.search(r"agents: *['\"]?([\d.]+):(\d+)", text)
                with suppress(OSError), socket.socket() as trying:
                    assert listens
                    trying.connect((listens[1], int(listens[2])))
                    return
            time.sleep(0.05)
        raise AssertionError("no server came up")

    def close(self) -> None:
        """End what was started here, and only that."""
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGTERM)
        time.sleep(0.2)
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


def session(text: str) -> list[tuple[str, list[str]]]:
    """A console block as commands, each with the lines it is said to print."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> ") and steps and not steps[-1][1]:
            steps[-1] = (steps[-1][0] + "\n" + line[2:], [])
        elif line.strip():
            assert steps, f"output before a command: {line}"
            steps[-1][1].append(line)
    return steps


def missing(expected: list[str], printed: str, bound: dict[str, str]) -> str:
    """The first expected line that `printed` does not have, in order; "" for none. Binds what varies."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    for line in expected:
        wanted, names = _pattern(" ".join(line.split()))
        while rest:
            found = wanted.fullmatch(rest.pop(0))
            if found:
                bound |= {said: found[group] for group, said in names.items()}
                break
        else:
            return line
    return ""


def _pattern(line: str) -> tuple[re.Pattern[str], dict[str, str]]:
    pieces: list[str] = []
    names: dict[str, str] = {}
    at = 0
    for number, found in enumerate(_ATOM.finditer(line)):
        kind = found.lastgroup or ""
        pieces.append(re.escape(line[at : found.start()]))
        if kind in ("ident", "token", "hold"):
            names[f"g{number}"] = found[0]
            pieces.append(f"(?P<g{number}>{_STANDS[kind]})")
        else:
            pieces.append(_STANDS[kind])
        at = found.end()
    return re.compile("".join([*pieces, re.escape(line[at:])])), names
