"""A governed call beside an ungoverned one, through real servers."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from bench.load import PER_RUN, Load, Target, measure
from bench.organisation import free_port, serving
from bench.organisation import policies as policy_text
from bench.report import Cell, Report

ROOT: Final = Path(__file__).resolve().parents[1]
BODY: Final = 1000
POLICIES: Final = 60
COLUMNS: Final = ("", "µs CPU", "/s/core", "×", "p50 at 1", "p99 at 1", "p50 at 64", "p99 at 64", "/s seen")


@contextmanager
def other(kind: str, upstream: int = 0, *, at: int = 0) -> Iterator[tuple[int, int]]:
    """One of `bench.servers` in a process of its own, on port `at` or a free one: (port, pid)."""
    port = at or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.servers", kind, str(port), str(upstream)], cwd=ROOT
    )
    try:
        for _ in range(400):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.025)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def over_http(port: int) -> str:
    """The component of an HTTP upstream."""
    return f"{{kind: mcp_server, name: up, url: 'http://127.0.0.1:{port}/mcp'}}"


def over_stdio() -> str:
    """The component of a stdio upstream."""
    command = json.dumps([sys.executable, "-m", "bench.servers", "stdio", "0"])
    return f"{{kind: mcp_server, name: up, command: {command}, cwd: {json.dumps(str(ROOT))}}}"


@contextmanager
def standwatch(
    folder: Path,
    component: str,
    *,
    count: int = POLICIES,
    narrow: bool = True,
    systems: int = 1,
    fresh: bool = True,
    content: str = "",
    asking: bool = False,
) -> Iterator[tuple[Target, Target, int]]:
    """A whole server in `folder`: (the irreversible call in a run with a task, the read, its pid)."""
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    text = policy_text(count, narrow=narrow)
    with serving(
        folder, [component], policy_text=text, systems=systems, content=content, asking=asking
    ) as served:
        door = served.door
        half = len(door.runs) // 2
        pay = Target(door.port, "/mcp/s0", door.run, "pay", tokens=tuple(door.runs[:half]))
        look = Target(door.port, "/mcp/s0", door.run, "look", tokens=tuple(door.runs[half:]))
        yield pay, look, served.process.pid


Lane = tuple[str, Target, int]
"""A line of a table: its name, what is called, and whose CPU counts."""


def run(
    lanes: Sequence[Lane], options: Namespace, *, size: int = BODY, alone: bool = True
) -> dict[str, list[Load]]:
    """Median load of each lane at 64 and (with `alone`) at 1 in flight; the rounds of all lanes take turns."""
    found: dict[str, list[list[Load]]] = {name: [] for name, _, _ in lanes}
    for _, target, pid in lanes:
        measure(target, pid, size=size, calls=max(options.calls // 4, 200), in_flight=16)
    for _ in range(options.rounds):
        for name, target, pid in lanes:
            many = measure(target, pid, size=size, calls=options.calls, in_flight=64)
            one = (
                measure(target, pid, size=size, calls=max(options.calls // 4, 100), in_flight=1)
                if alone
                else many
            )
            found[name].append([many, one])
    return {name: [_median([each[n] for each in rounds]) for n in (0, 1)] for name, rounds in found.items()}


def _median(loads: Sequence[Load]) -> Load:
    return Load(
        loads[0].calls,
        loads[0].in_flight,
        *(median(getattr(one, name) for one in loads) for name in ("cpu", "rate", "p50", "p99")),
    )


def row(name: str, loads: Sequence[Load], base: float) -> list[Cell]:
    """A line: `×` is the CPU as a multiple of `base`."""
    many, one = loads
    return [
        name, many.cpu, many.per_core, many.cpu / base if base else 0.0,
        one.p50, one.p99, many.p50, many.p99, many.rate,
    ]  # fmt: skip


def calls(report: Report, options: Namespace) -> None:
    """The first table: raw upstream, pass-through, SDK server, and through us."""
    with ExitStack() as stack:
        enter: Callable[..., object] = stack.enter_context
        up, up_pid = stack.enter_context(other("upstream"))
        through, through_pid = stack.enter_context(other("through", up))
        sdk, sdk_pid = stack.enter_context(other("sdk"))
        pay, look, pid = stack.enter_context(standwatch(options.folder / "http", over_http(up)))
        child, _, child_pid = stack.enter_context(standwatch(options.folder / "stdio", over_stdio()))
        plain, peek, plain_pid = stack.enter_context(
            standwatch(options.folder / "plain", over_http(up), content="{rules: []}")
        )
        wondering, _, wondering_pid = stack.enter_context(
            standwatch(options.folder / "asking", over_http(up), asking=True)
        )
        del enter
        lanes: list[Lane] = [
            ("bare upstream, no gateway", Target(up), up_pid),
            ("bare pass-through", Target(through), through_pid),
            ("ungoverned `mcp` SDK server", Target(sdk), sdk_pid),
            ("governed: irreversible, HTTP upstream", pay, pid),
            ("governed: read, HTTP upstream", look, pid),
            ("governed: irreversible, stdio upstream", child, child_pid),
            ("governed: irreversible, nothing looked for in content", plain, plain_pid),
            ("governed: read, nothing looked for in content", peek, plain_pid),
            ("governed: irreversible, a value looked up in what was read", wondering, wondering_pid),
        ]
        found = run(lanes, options)
    base = found["bare pass-through"][0].cpu
    report.table(
        "calls",
        f"tools/call with a body of {BODY} B, answer the same; {POLICIES} policies, a third in the tool's slice; "
        f"a run for every {PER_RUN} calls; "
        f"median of {options.rounds} rounds of {options.calls:,} calls; CPU at 64 in flight; latency in ms; "
        "× is CPU beside the bare pass-through",
        COLUMNS,
        [row(name, loads, base) for name, loads in found.items()],
    )
    added(report, found)


EVERYTHING: Final = (
    "{rules: [{find: [secrets, identifiers, exfiltration, invisible, instructions], "
    "in: [arguments, results], action: observe}]}"
)


def contents(report: Report, options: Namespace) -> None:
    """The governed call by what is looked for in its content."""
    said = {"nothing": "{rules: []}", "what counts by default": "", "everything": EVERYTHING}
    with ExitStack() as stack:
        up, up_pid = stack.enter_context(other("upstream"))
        lanes: list[Lane] = [("bare upstream, no gateway", Target(up), up_pid)]
        for place, (name, content) in enumerate(said.items()):
            folder = options.folder / f"content-{place}"
            _, look, pid = stack.enter_context(standwatch(folder, over_http(up), content=content))
            lanes.append((f"read, {name}", look, pid))
        found = run(lanes, options)
    base = found["read, nothing"][0].cpu
    report.table(
        "content",
        f"governed call by what is looked for in arguments and results; body and answer of {BODY} B with an IBAN, "
        "which is found and observed where everything is looked for; × is CPU beside the call without",
        COLUMNS,
        [row(name, loads, base) for name, loads in found.items()],
    )


def added(report: Report, found: dict[str, list[Load]]) -> None:
    """What the gateway adds to the latency of its upstream, beside the fdatasyncs that it waits for."""
    raw, sync = found["bare upstream, no gateway"], report.raw.sync_p50
    rows: list[list[Cell]] = []
    for name, loads in found.items():
        if name.startswith(("governed", "bare pass")):
            more = [
                loads[1].p50 - raw[1].p50,
                loads[1].p99 - raw[1].p99,
                loads[0].p50 - raw[0].p50,
                loads[0].p99 - raw[0].p99,
            ]
            rows.append([name, *more, more[0] / sync, more[2] / sync])
    report.table(
        "added",
        "added latency in ms over the bare upstream (an irreversible call waits for two durable commits, a read for 1)",
        ("", "p50 at 1", "p99 at 1", "p50 at 64", "p99 at 64", "÷ fdatasync at 1", "÷ fdatasync at 64"),
        rows,
    )


def sizes(report: Report, options: Namespace) -> None:
    """The irreversible call by size of its body."""
    rows: list[list[Cell]] = []
    with (
        other("upstream") as (up, up_pid),
        standwatch(options.folder / "http", over_http(up)) as (pay, _, pid),
    ):
        for size in (300, 1000, 16_000):
            lanes: list[Lane] = [("raw", Target(up), up_pid), ("governed", pay, pid)]
            found = run(lanes, options, size=size, alone=False)
            base = found["raw"][0].cpu
            rows.append([f"{size:,} B", *row("", found["governed"], base)[1:4], found["governed"][0].p50])
    report.table(
        "sizes",
        f"governed irreversible call by body size (request and answer), {POLICIES} policies, 64 in flight; "
        "× beside the bare upstream's own CPU",
        ("body", "µs CPU", "/s/core", "×", "p50 at 64"),
        rows,
    )


def policies(report: Report, options: Namespace) -> None:
    """The irreversible call by number of policies."""
    rows: list[list[Cell]] = []
    with other("upstream") as (up, _), ExitStack() as stack:
        lanes: list[Lane] = []
        for count, narrow in ((0, True), (1, True), (60, True), (500, True), (60, False)):
            name = f"{count}" if narrow else f"{count}, all on this tool's arguments"
            folder = options.folder / f"policies-{count}-{narrow}"
            pay, _, pid = stack.enter_context(standwatch(folder, over_http(up), count=count, narrow=narrow))
            lanes.append((name, pay, pid))
        found = run(lanes, options, alone=False)
    base = found["0"][0].cpu
    for name, loads in found.items():
        rows.append([name, *row("", loads, base)[1:4], loads[0].p50])
    report.table(
        "policies",
        f"governed irreversible call by number of policies in the organisation, body {BODY} B, 64 in flight",
        ("policies", "µs CPU", "/s/core", "×", "p50 at 64"),
        rows,
    )
