"""What each step of a governed call costs, alone: real objects, keys and log; CPU of one thread, best of runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.governed import BODY, other, over_http
from bench.load import Target, request
from bench.organisation import Door, policies, serving
from bench.report import Cell, Report
from standwatch.enforce import passage as steps_of
from standwatch.enforce.checks import IN_ORDER
from standwatch.enforce.drafting import case_of, draft_of
from standwatch.enforce.judge import judge
from standwatch.enforce.ports import Act
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.canonical import parse
from standwatch.facts.frames import Ack, Append
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.parts import action_bytes, action_digest, commitment
from standwatch.fronts.mcp.results import for_modern, is_error
from standwatch.record.leaf import encode
from standwatch.record.receipt import encode_receipt, make_receipt
from standwatch.record.tree import leaf_hash
from standwatch.serve.node import Node, start
from standwatch.serve.place import now

REPEATS: Final = 7


def cost(step: Callable[[], object], times: int = 500) -> float:
    """µs of this thread's CPU for one `step`: the best of several runs, for neighbours only ever add."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.thread_time()
        for _ in range(times):
            step()
        best = min(best, (time.thread_time() - begun) / times * 1e6)
    return best


def steps(report: Report, options: Namespace) -> None:
    """The table, in the order of the passage."""
    folder = options.folder / "steps"
    shutil.rmtree(folder, ignore_errors=True)
    with other("upstream") as (up, _):
        with serving(folder, [over_http(up)], policy_text=policies(60)) as served:
            door = served.door
        rows = asyncio.run(_measure(folder, door))
    report.table(
        "steps",
        f"steps of an irreversible call alone, µs CPU; body {BODY} B, 60 policies (not in it: HTTP towards the caller, "
        "the event loop, hand-over between threads)",
        ("step", "µs"),
        rows,
    )


async def _measure(folder: Path, door: Door) -> list[list[Cell]]:
    node = await start(folder)
    try:
        server = node.servers.upstream("s0")["up"]
        assert await server.ready(20), server.trouble
        caller = node.gate.identify(f"Bearer {door.run}", "s0")
        await node.gate.runs.of(caller, "s0")  # recalls the run's task
        rows = _judging(node, door)
        rows += await _recording(node, door)
        rows.append(["upstream: the call over HTTP, both ways", await _upstream(server, _arguments(door))])
        return rows
    finally:
        await node.stop()


def _body(door: Door) -> bytes:
    return request(Target(door.port, "/mcp/s0", door.run), BODY).partition(b"\r\n\r\n")[2]


def _arguments(door: Door) -> dict[str, Any]:
    return parse(_body(door))["params"]["arguments"]


def _act(node: Node, door: Door) -> Act:
    caller = node.gate.identify(f"Bearer {door.run}", "s0")
    definition = node.servers.upstream("s0")["up"].definitions["pay"]
    return Act(
        caller=caller,
        system="s0",
        event="tool_call",
        tool="up.pay",
        target="up",
        arguments=_arguments(door),
        definition=definition,
    )


def _begin(act: Act) -> Begin:
    return Begin(now(), act.caller.run, os.urandom(CHANCE))


def _judging(node: Node, door: Door) -> list[list[Cell]]:
    gate, body, act = node.gate, _body(door), _act(node, door)

    draft = draft_of(act, gate, _begin(act))
    case = case_of(draft, gate, now())
    judgement = judge(case)
    if judgement.disposition != "allow":
        raise SystemExit(f"the bench measures a refusal: {judgement}")
    rows: list[list[Cell]] = [
        ["parse: strict JSON", cost(lambda: parse(body))],
        ["identify: token, principal, run", cost(lambda: gate.identify(f"Bearer {door.run}", "s0"))],
        ["canonical action", cost(lambda: action_bytes(draft.action))],
        ["  its SHA-256", cost(lambda: action_digest(draft.data))],
        ["case: envelope, grant, scopes, trail", cost(lambda: case_of(draft, gate, now()))],
        ["judge: all checks", cost(lambda: judge(case))],
    ]
    rows += [[f"  {name}", cost(lambda check=check: check(case))] for name, check in IN_ORDER]
    rows.append(
        ["intent: findings, commitment, entry", cost(lambda: steps_of._intent(draft, gate, case, judgement))]
    )
    return rows


async def _recording(node: Node, door: Door) -> list[list[Cell]]:
    """Commits on the recorder's own thread, by size of the batch; fsync waits are no CPU and not in it."""
    gate, act = node.gate, _act(node, door)
    writer = node.recorder._writer
    per_batch: dict[int, list[float]] = {}

    def fresh() -> Append:
        draft = draft_of(act, gate, _begin(act))
        case = case_of(draft, gate, now())
        return gate._frame(steps_of._intent(draft, gate, case, judge(case)))

    def write(some: list[Append]) -> tuple[float, list[Any]]:
        begun = time.thread_time()
        _, replies = writer.write(some)
        return (time.thread_time() - begun) / len(some) * 1e6, replies

    ack: Any = None
    append = fresh()
    for size in (1, 16, 64):
        for _ in range(40):
            some = [fresh() for _ in range(size)]
            spent, replies = await asyncio.wrap_future(node.recorder.submit(lambda some=some: write(some)))
            ack = replies[-1]
            assert isinstance(ack, Ack), ack
            per_batch.setdefault(size, []).append(spent)
            append = some[-1]
    key = node.log_key
    leaf = encode(append.entry, ack.at)
    findings = append.parts[1]
    return [
        *[
            [f"record: an intent with two parts, batch of {size}", min(found)]
            for size, found in per_batch.items()
        ],
        ["  leaf: encode", cost(lambda: encode(append.entry, ack.at))],
        ["  leaf: hash", cost(lambda: leaf_hash(leaf))],
        ["commitment to a part (HMAC-SHA-256)", cost(lambda: commitment(findings.salt, findings.data))],
        ["receipt: sign (Ed25519) and spell", cost(lambda: _receipt(key, append.entry, ack), 200)],
        ["result: look at it", cost(lambda: is_error(_RESULT))],
        ["result: stamp it for the revision", cost(lambda: for_modern(_RESULT, cached=False))],
    ]


_RESULT: Final = b'{"resultType":"complete","content":[{"type":"text","text":"%b"}]}' % (b"x" * 800)


def _receipt(key: Any, entry: Any, ack: Ack) -> str:
    made = make_receipt(
        ident=entry.id, index=ack.index, leaf=ack.leaf, origin=key.origin, at=ack.at, sign=key.sign
    )
    return encode_receipt(made)


async def _upstream(server: Any, arguments: dict[str, Any], calls: int = 1000) -> float:
    """This thread's CPU per call of the upstream client; the server is another process."""

    async def notify(_method: str, _params: bytes) -> None: ...

    call = McpCall(method="tools/call", params={"name": "pay", "arguments": arguments}, notify=notify)

    async def work(times: int) -> None:
        for _ in range(times):
            said = await server.call(call)
            assert isinstance(said, McpAnswer)
            assert said.result, said

    await work(100)
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.thread_time()
        await asyncio.gather(*(work(calls // 16) for _ in range(16)))
        best = min(best, (time.thread_time() - begun) / (calls // 16 * 16) * 1e6)
    return best
