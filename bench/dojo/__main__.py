"""AgentDojo v1.2.2 through a real Standwatch: `python -m bench.dojo [SUITE …] [--payload NAME …] [--own] [--adaptive]`.

Each suite's tools are a real MCP server, governed by the role-level manifest in `bench/dojo/manifests/`. The model is
a replay of each user task's own solution; when a result shows the injected text it makes the attacker's calls too.
A careful person answers what is asked. Exit code 1 where a bar is not met.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import msgspec

from bench.dojo.figures import Figures, few, shown
from bench.dojo.gateway import governed
from bench.dojo.payloads import PAYLOADS
from bench.dojo.trials import attacks, benign
from bench.machine import machine, raw
from bench.report import Report

SUITES: Final = ("banking", "slack", "travel", "workspace")
"""The first two were looked at while rules and manifests were made."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="bench.dojo", description=__doc__.partition("\n")[0])
    options.add_argument("suites", nargs="*", default=list(SUITES), metavar="SUITE", help=", ".join(SUITES))
    options.add_argument("--payload", nargs="+", choices=[*PAYLOADS], default=["plain"], metavar="PAYLOAD")
    options.add_argument("--own", action="store_true", help="goals of our own beside AgentDojo's")
    options.add_argument(
        "--adaptive", action="store_true", help="the attacker tries other spellings and ways"
    )
    options.add_argument("--benign", action="store_true", help="only runs that nobody attacks")
    options.add_argument("--users", nargs="+", default=[], metavar="TASK", help="only these user tasks")
    options.add_argument("--detail", action="store_true", help="every question on a benign run, every harm")
    options.add_argument("--out", type=Path, default=None, metavar="FILE", help="every run as a line of JSON")
    return options


def main() -> int:
    """Suite after suite; 1 where a bar is not met."""
    given = parser().parse_args()
    report = Report(live=True)
    with tempfile.TemporaryDirectory(prefix="dojo-") as folder:
        report.machine(machine(), raw(Path(folder)))
        begun, found = time.monotonic(), list[Figures]()
        for suite in given.suites:
            found += _suite(given, suite, Path(folder) / suite)
    report.table(
        "dojo", f"{sum(one.runs for one in found)} runs in {time.monotonic() - begun:.0f} s", *shown(found)
    )
    return 0 if all(one.met for one in found) and few(found) else 1


def _suite(given: argparse.Namespace, suite: str, folder: Path) -> Iterator[Figures]:
    with governed(suite, folder) as (actor, catalogue):
        users = {
            ident: one for ident, one in catalogue.users.items() if not given.users or ident in given.users
        }
        calm = Figures(suite, "nobody")
        for run in benign(actor, users):
            calm.add(run)
            _tell(given, suite, "nobody", run)
        yield calm
        if given.benign:
            return
        for payload in given.payload:
            figures = Figures(suite, payload)
            for run in attacks(actor, users, catalogue, payload, own=given.own, adaptive=given.adaptive):
                figures.add(run)
                _tell(given, suite, payload, run)
            yield figures


def _tell(given: argparse.Namespace, suite: str, payload: str, run: msgspec.Struct) -> None:
    line = {"suite": suite, "payload": payload, **msgspec.to_builtins(run)}
    if given.out is not None:
        with given.out.open("a") as out:
            out.write(json.dumps(line) + "\n")
    if not given.detail:
        return
    for one in line["made"]:
        hurt = one["hostile"] and one["changed"] and one["heard"] == "done"
        asked = payload == "nobody" and (one["questions"] or one["heard"] != "done")
        lost = not one["hostile"] and one["heard"] in ("refused", "deferred")
        if hurt or asked or lost:
            word = "HARM" if hurt else "lost" if lost else "asked"
            print(
                f"  {word} {run.user} {run.goal}: {one['call']['tool']} {one['call']['arguments']} {one['heard']}"
            )
    if not line["utility"]:
        print(f"  UNDONE {run.user} {run.goal}")


if __name__ == "__main__":
    sys.exit(main())
