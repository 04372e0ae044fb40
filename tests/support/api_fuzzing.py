"""schemathesis before the operators' API of an organisation with something of everything in it.

The tool is a process of its own, told nothing but the address, a caller's token and names that exist (`WORLD`), so that
half of what it makes up is about something. `Found` is what it saw: every answer by operation and status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from standwatch.fronts.control_plain import PLAIN
from standwatch.fronts.http import EVENT_STREAM
from support.system import ROOT, Living, echo, free_port, manifest, scripted, server, tool

WORLD = "STANDWATCH_FUZZ_WORLD"
CALLERS = ("maria", "nora", "")
"""An administrator, a person without any role, and nobody."""

LEFT_OUT = tuple(one.path for one in PLAIN if one.media == EVENT_STREAM)
"""Do not end by themselves: tested by hand."""

_PAY = {
    "bank.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 500}}, "otherwise": "step_up"},
    "bank.look": "read",
}
_SCORER = {
    "versions": {name: {"artifact": f"models/{name}.json", "served_as": name} for name in ("1", "2")},
    "inputs": {"income": {"type": "number"}},
    "outputs": {"p": {"type": "probability"}},
    "fallback": "refer-to-human",
}


class Found(msgspec.Struct):
    """What one run saw. `seen`: operation → status → how often; `problems`: what it objects to, as it says it."""

    seen: dict[str, Counter[int]]
    problems: str

    @property
    def requests(self) -> int:
        return sum(counted.total() for counted in self.seen.values())

    def never(self, *statuses: range) -> list[str]:
        """Operations that were never answered with any status of these."""
        return sorted(
            name
            for name, counted in self.seen.items()
            if name != "Stateful tests" and not any(status in span for status in counted for span in statuses)
        )


@contextmanager
def organisation(folder: Path) -> Iterator[tuple[Living, dict[str, str]]]:
    """A running server with questions, holds, runs, models and channels; and each caller's token."""
    with scripted(echo, tools=[tool("pay"), tool("look")]) as bank:
        model = {"kind": "model", "name": "scorer", "vendor": "maker", "url": "http://127.0.0.1:9/"}
        systems = {
            "pay": manifest("pay", [server("bank", url=bank.url)], _PAY),
            "loans": manifest("loans", [model], {}, decisions={"scorer": _SCORER}),
        }
        (folder / "models").mkdir(parents=True)
        for name in ("1", "2"):
            (folder / "models" / f"{name}.json").write_text(f'{{"version": {name}}}')
        hook = {"webhook": f"http://127.0.0.1:{free_port()}/hook", "secret_env": "HOOK"}
        notify = {"channels": {"room": hook}, "routes": [{"to": ["room"]}]}
        watch = Living(folder, systems, more=f"notify: {json.dumps(notify)}\n")
        _add_nora(folder / "standwatch.yaml")
        watch.accept(*systems)
        watch.start(HOOK="whsec_" + "A" * 32)
        try:
            tokens = {name: _token(watch, name) for name in CALLERS if name}
            yield watch, {**tokens, "": ""}
        except BaseException:
            watch.kill()
            raise
        watch.stop()
        watch.verified()


def _add_nora(path: Path) -> None:
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("people: "))
    people = json.loads(lines[at].removeprefix("people: "))
    people.append({"id": "nora", "address": "nora@bank.example", "roles": []})
    lines[at] = f"people: {json.dumps(people)}"
    path.write_text("\n".join(lines) + "\n")


def _token(watch: Living, person: str) -> str:
    return str(watch.api.post("/agents", {"name": person, "role": "human"})["token"])


def populate(watch: Living) -> dict[str, list[str]]:
    """Puts questions, a hold and a run there, and says what exists, by the names of paths and members."""
    bot = watch.agent("bot", "pay", "loans", starts=True)
    asked = [bot.call("pay", amount=600 + n).reference for n in range(2)]
    bot.open_run("Pay 5")
    done = bot.call("look").reference
    hold = watch.halt("tool:pay/bank.look")
    deployed = watch.api.post("/systems/loans/deployments", {"version": "1", "reason": "a test"})
    watch.api.post("/systems/loans/deployments", {"version": "2", "reason": "a test"})
    return {
        "hold": [str(hold["hold"])],
        "id": [*asked, done, str(hold["hold"]), str(deployed["index"])],
        "system": ["pay", "loans"],
        "systems": ["pay"],
        "name": ["bot", "new"],
        "channel": ["room"],
        "scope": ["system:loans", "tool:pay/bank.look", "agent:nobody", "run:none", "all"],
        "version": ["1", "2"],
        "model": ["scorer"],
        "component": ["scorer"],
        "check": ["policy", "provenance", "grant"],
        "compensating": ["content", "limits"],
        "by": ["maria", "olga"],
        "person": ["maria", "nora"],
        "role": ["agent", "service", "human"],
        "decision": ["approve", "refuse"],
        "outcome": ["pass", "conditions", "reject"],
        "row": ["0"],
        "from": ["0", "-5"],
        "as_of": ["0", "5", "2026-11-21T03:00Z"],
        "at": ["5"],
        "since": ["0"],
        "index": ["000", "000.p"],
        "level": ["0"],
        "width": ["5"],
        "watch": ["day"],
    }


def fuzz(
    watch: Living,
    token: str,
    seconds: int,
    seed: int,
    world: dict[str, list[str]],
    report: Path,
    *more: str,
) -> Found:
    """Runs the tool for `seconds` as the caller with `token`; "" for nobody. `more`: further words for it."""
    told = report.with_suffix(".world.json")
    told.write_text(json.dumps(world))
    credential = ["--header", f"Authorization: Bearer {token}"] if token else []
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"http://127.0.0.1:{watch.operators}/api/v1/openapi.json",
        *credential,
        *left_out,
        "--max-time",
        str(seconds),
        "--seed",
        str(seed),
        # What a value must look like beyond its type is said in words by the API, and not by a schema.
        "--exclude-checks",
        "positive_data_acceptance",
        "--suppress-health-check",
        "all",
        "--request-timeout",
        "40",
        "--continue-on-failure",
        "--generation-database",
        "none",
        "--warnings",
        "off",
        "--no-color",
        "--report",
        "ndjson",
        "--report-ndjson-path",
        str(report),
        *more,
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))),
        WORLD: str(told),
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=report.parent, timeout=seconds * 4 + 60
    )
    return Found(_seen(report), "" if done.returncode == 0 else done.stdout + done.stderr)


def _seen(report: Path) -> dict[str, Counter[int]]:
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    with report.open(encoding="utf-8") as file:
        for line in file:
            recorder: dict[str, Any] = (json.loads(line).get("ScenarioFinished") or {}).get("recorder") or {}
            for one in (recorder.get("interactions") or {}).values():
                if one.get("response"):
                    seen[recorder["label"]][one["response"]["status_code"]] += 1
    return seen
