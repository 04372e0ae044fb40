"""Where the time of a row goes: each step of a governed decision alone, real objects, keys and log; one row and 256.

Run by `python -m bench --only decision-steps`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httptools

from bench import lender
from bench.governed import other
from bench.load import Target, request
from bench.steps import cost
from standwatch.enforce import deciding_steps, deciding_written
from standwatch.enforce.deciding import deciding
from standwatch.enforce.judge import judge
from standwatch.enforce.steps import Begin, Record
from standwatch.facts.decisions import Ask, Predicted
from standwatch.facts.frames import Ack, Append
from standwatch.fronts import decisions as front
from standwatch.fronts.decisions_write import inferred, template
from standwatch.fronts.http_message import Request
from standwatch.record.receipt import encode_receipt, make_receipt
from standwatch.serve.node import Node, start
from standwatch.serve.place import now
from standwatch.upstream.oip_read import read
from standwatch.upstream.oip_write import writer

if TYPE_CHECKING:
    from bench.organisation import Door
    from bench.report import Cell, Report

BATCH: Final = 256


def steps(report: Report, options: Namespace) -> None:
    """The table, in the order of the passage."""
    found: dict[str, dict[str, float]] = {}
    with other("model") as (up, _):
        for subjects in (False, True):
            folder = options.folder / f"deciding-steps-{'people' if subjects else 'nobody'}"
            shutil.rmtree(folder, ignore_errors=True)
            with lender.serving(folder, up, subjects=subjects) as served:
                door = served.door
            for rows in (BATCH,) if subjects else (1, BATCH):
                name = f"{rows}, about people" if subjects else str(rows)
                found[name] = asyncio.run(_measured(folder, door, rows))
    one, many, people = found.values()
    lines: list[list[Cell]] = [
        [step, micros, many[step], many[step] / BATCH, people[step] / BATCH] for step, micros in one.items()
    ]
    lines.append(
        [
            "sum",
            *(sum(each.values()) for each in (one, many)),
            *(sum(each.values()) / BATCH for each in (many, people)),
        ]
    )
    report.table(
        "deciding-steps",
        "steps of a governed decision alone, 20 features, µs CPU (not in it: event loop, sockets, hand-over between "
        "threads); the last column: each row about a person, sealed under a key of its own, and no learned range",
        ("step", "one row", "256 rows", "per row of 256", "about people"),
        lines,
    )


async def _measured(folder: Path, door: Door, rows: int) -> dict[str, float]:
    node = await start(folder)
    try:
        return await _Case(node, door, rows).measured()
    finally:
        await node.stop()


class _Case:
    """One request, with everything that its steps are given."""

    def __init__(self, node: Node, door: Door, rows: int) -> None:
        self.node, self.gate, self.rows = node, node.gate, rows
        self.raw = lender.body(rows)
        self.token = door.agent
        self.caller = self.gate.identify(f"Bearer {door.agent}", "s0")
        self.envelope = self.gate.world.envelopes["s0"].models["scorer"]
        self.known = template(self.envelope.model)
        path = "/v2/models/s0/infer"
        self.wire = request(Target(door.port, path, door.agent, body=self.raw), 0)
        self.request = Request("POST", path, "", {b"host": b"localhost"}, self.raw, True)
        self.times = 400 if rows == 1 else 12

    async def measured(self) -> dict[str, float]:
        """µs of each step, for the whole request."""
        self.run = await self.gate.runs.of(self.caller, "s0")
        got = front._read(self.request, self.known)
        self.ask = Ask(system="s0", model="scorer", rows=got.batch.rows)
        given, model = got.batch.rows.rows, self.envelope.model
        said = b'{"model_name":"scorer","model_version":"1","outputs":[{"name":"p","shape":[%d,1],"datatype":"FP64",'
        answer = said % self.rows + b'"data":[%b]}]}' % b",".join([b"0.25"] * self.rows)
        self.predicted = read(answer, "scorer", model.outputs, self.rows)
        write, recorded = writer(model), self.record()
        case, batch, judgement = self.judged()
        append = self.gate._frame(recorded)
        per = await self.recording()
        ack = Ack(0, 1, now(), bytes(32))
        told = deciding_written.told(batch, case, 1)
        whole = self.cost(self.record)
        named = {
            "HTTP: the request parsed": self.cost(self.parse),
            "caller: token, principal": self.cost(lambda: self.gate.identify(f"Bearer {self.token}", "s0")),
            "rows out of the tensors": self.cost(lambda: front._read(self.request, self.known)),
            "judged: all checks": self.cost(lambda: judge(case)),
            "validated range": self.cost(lambda: self.envelope.validity.check_all(given)),
            "asked: tensors to the model's server": self.cost(lambda: write(given)),
            "heard: its answer read": self.cost(lambda: read(answer, "scorer", model.outputs, self.rows)),
            "row bytes, commitments, row tree, entry": self.cost(
                lambda: deciding_written.record(batch, case, judgement, now())
            ),
        }
        inner = sum(
            named[name]
            for name in ("judged: all checks", "validated range", "row bytes, commitments, row tree, entry")
        )
        named["the rest of the passage: case, contract, outcomes"] = max(whole - inner, 0.0)
        named["record: admitted, sealed, hashed, written"] = per
        named["receipt: signed"] = self.cost(lambda: self.receipt(append, ack))
        named["answer: rows to tensors"] = self.cost(lambda: inferred(self.known, "s0", None, told, None))
        return named

    def cost(self, step: Any) -> float:
        return cost(step, self.times)

    def parse(self) -> None:
        parser = httptools.HttpRequestParser(_Sink())
        parser.feed_data(self.wire)

    def record(self) -> Record:
        """The passage up to what it wants recorded, its model answering at once."""
        steps = deciding(
            self.caller, self.ask, self.gate, Begin(now(), self.run, os.urandom(deciding_steps.CHANCE))
        )
        command = next(steps)
        assert isinstance(command, deciding_steps.AskModel), command
        assert isinstance(self.predicted, Predicted)
        recorded = steps.send(deciding_steps.Heard(now(), self.predicted, 900))
        assert isinstance(recorded, Record), recorded
        self.last = steps
        return recorded

    def judged(self) -> tuple[Any, Any, Any]:
        """The case, the batch with its results, and the judgement, as the passage has them."""
        frame: Any = self.last.gi_frame
        found = frame.f_locals
        return found["case"], found["batch"], found["judgement"]

    def receipt(self, append: Append, ack: Ack) -> str:
        key = self.node.log_key
        made = make_receipt(
            ident=append.entry.id,  # type: ignore[union-attr]
            index=ack.index,
            leaf=ack.leaf,
            origin=key.origin,
            at=ack.at,
            sign=key.sign,
        )
        return encode_receipt(made)

    async def recording(self, together: int = 16) -> float:
        """µs of an append on the recorder's own thread, so many in a commit (of batches 4)."""
        writer_ = self.node.recorder._writer
        size = together if self.rows == 1 else 4
        found: list[float] = []

        def write(some: list[Append]) -> float:
            begun = time.thread_time()
            _, replies = writer_.write(some)
            spent = (time.thread_time() - begun) / len(some) * 1e6
            assert all(isinstance(one, Ack) for one in replies), replies
            return spent

        for _ in range(40 if self.rows == 1 else 10):
            some = [self.gate._frame(self.record()) for _ in range(size)]
            found.append(await asyncio.wrap_future(self.node.recorder.submit(lambda some=some: write(some))))
        return min(found)


class _Sink:
    """What the parser calls, as `fronts.http_connection` is called."""

    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...
