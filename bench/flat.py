"""Does the length of the log matter, or the number of systems? The same call on a short and on a long one."""

from __future__ import annotations

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.governed import BODY, Lane, other, over_http, run, standwatch
from bench.load import Target
from bench.organisation import policies, serving
from bench.report import Cell, Report
from standwatch.declare.configuration import declare
from standwatch.facts.entries import AnyEntry, Intent, Outcome
from standwatch.facts.frames import Ack, Append, Refusal
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part, action_digest, commitment
from standwatch.serve.place import now, place_of
from standwatch.store.folder import read_folder
from standwatch.store.recorder import Recorder
from standwatch.store.writer import BATCH, Writer


def flat(report: Report, options: Namespace) -> None:
    """10 k against 200 k entries (5 M with --big), 1 against 500 systems."""
    sizes = (10_000, 5_000_000 if options.big else 200_000)
    with other("upstream") as (up, _), ExitStack() as stack:
        lanes: list[Lane] = []
        starts: dict[str, float] = {}
        for entries in sizes:
            folder = filled(options.folder / f"log-{entries}", entries)
            name = f"log of {entries:,} entries"
            pay, pid, starts[name] = stack.enter_context(kept(folder))
            lanes.append((name, pay, pid))
        for systems in (1, 500):
            pay, _, pid = stack.enter_context(
                standwatch(options.folder / f"flat-{systems}", over_http(up), systems=systems)
            )
            lanes.append((f"{systems} system(s)", pay, pid))
        found = run(lanes, options, alone=False)
    rows: list[list[Cell]] = []
    for n, (name, loads) in enumerate(found.items()):
        base = found[lanes[n - n % 2][0]][0].cpu
        start: Cell = starts.get(name, "–")
        rows.append([name, loads[0].cpu, loads[0].per_core, loads[0].cpu / base, loads[0].p50, start])
    report.table(
        "flat",
        f"governed irreversible call by length of the log and number of systems, body {BODY} B, 60 policies, "
        "64 in flight; × beside the shorter; start in s",
        ("", "µs CPU", "/s/core", "×", "p50 at 64", "start"),
        rows,
    )


@contextmanager
def kept(folder: Path) -> Iterator[tuple[Target, int, float]]:
    """Serve a kept log, its upstream where the record says that it is: (target, pid, seconds to start)."""
    with other("upstream", at=int((folder / "upstream").read_text())), serving(folder, []) as served:
        door = served.door
        yield Target(door.port, "/mcp/s0", door.run), served.process.pid, door.seconds


def filled(folder: Path, entries: int) -> Path:
    """An organisation whose log has `entries` valid entries, made once and kept.

    Written through the real recorder's own writer, in its largest batches, without waiting between them.
    """
    if (folder / "filled").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with other("upstream") as (port, _):
        folder.mkdir(parents=True)
        (folder / "upstream").write_text(str(port))
        with serving(folder, [over_http(port)], policy_text=policies(60)):
            pass
    organisation = declare(read_folder(folder)).configuration.organisation
    place = place_of(folder, organisation)
    recorder = Recorder.open(place.setup(place.prepare(organisation.origin)))
    try:
        writer = recorder._writer  # it is called on the recorder's own thread
        recorder.submit(lambda: _fill(writer, entries)).result()
    finally:
        recorder.close()
    (folder / "filled").write_text(time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()))
    return folder


def _fill(writer: Writer, entries: int) -> None:
    """Intents and their outcomes until the log has `entries` of them."""
    write, state = writer.write, writer.snapshot()
    run = next(ident for ident, (_, opened) in state.runs.items() if not opened.implicit)
    while writer.size < entries:
        intents = [_intent(run, state.seen, state.config) for _ in range(BATCH // 2)]
        acks = _written(write(intents))
        _written(write([_outcome(one.entry, ack) for one, ack in zip(intents, acks, strict=True)]))


def _written(found: tuple[object, list[Ack | Refusal]]) -> list[Ack]:
    refused = [one for one in found[1] if isinstance(one, Refusal)]
    if refused:
        raise SystemExit(f"the log could not be filled: {refused[0]}")
    return [one for one in found[1] if isinstance(one, Ack)]


def _intent(run: str, seen: int, conf: int) -> Append:
    salt, action = os.urandom(32), b'{"kind":"action.1","nonce":"%b"}' % os.urandom(200).hex().encode()
    findings = Part("findings", salt, b"{}" + b" " * 300)
    entry = Intent(
        by="payer",
        id=new_id(now(), os.urandom(10)),
        run=run,
        system="s0",
        tool="up.pay",
        digest=action_digest(action),
        seen=seen,
        why=commitment(salt, findings.data),
        conf=conf,
        grant="autonomous",
        effect="irreversible",
        spend={"up.pay.amount": 1_250_000},
    )
    return Append(-1, entry, (Part("action", b"", action), findings))


def _outcome(intent: AnyEntry, ack: Ack) -> Append:
    assert isinstance(intent, Intent)
    part = Part("result", os.urandom(32), b'{"content":[]}' + b" " * 300)
    entry = Outcome(
        by="payer",
        id=intent.id,
        of=ack.index,
        status="ok",
        took={"judge": 80, "upstream": 900},
        result=commitment(part.salt, part.data),
    )
    return Append(-1, entry, (part,))
