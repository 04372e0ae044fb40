"""What is answered to an act whose id stands in the record: from what the recorder says of it, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from standwatch.enforce.ports import Act, Before, Reply
from standwatch.facts.frames import Fetch, Fetched, Trace, Traced
from standwatch.facts.ids import new_id
from standwatch.serve.before import before
from standwatch.serve.world import compile_world
from support import bank
from support.coding import manifest
from support.gates import READ

T = TypeVar("T")
WORLD = compile_world(bank.configuration(manifest()))
ACT = msgspec.structs.replace(READ, id=new_id(bank.NOW, bytes(10)), seam="client")
LEFT = Traced(0, True, "ok", ACT.caller.principal, ACT.system, ACT.tool, result=True, run="r1")


class Recorder:
    """The record has this of the act, and `parts`."""

    def __init__(self, found: Traced, **parts: bytes) -> None:
        self.found, self.parts = found, parts

    def next_number(self) -> int:
        return 0

    def trace(self, trace: Trace) -> asyncio.Future[Traced]:
        assert trace.id == ACT.id
        return _now(self.found)

    def fetch(self, fetch: Fetch) -> asyncio.Future[Fetched]:
        data = self.parts.get(fetch.name)
        return _now(Fetched(0) if data is None else Fetched(0, data, True))


def _now(value: T) -> asyncio.Future[T]:
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def answered(found: Traced, act: Act = ACT, run: str = "r1", **parts: bytes) -> Before | Reply | None:
    async def work() -> Before | Reply | None:
        return await before(Recorder(found, **parts), WORLD, act, lambda one: one == run)

    return asyncio.run(work())


def test_where_nobody_can_look_nothing_leaves() -> None:
    assert answered(Traced(0)) == Reply("unavailable", ACT.id)
    assert answered(Traced(0, True)) is None


def test_what_a_person_refused_is_refused_and_what_nobody_answered_was_not_sent() -> None:
    asked = msgspec.structs.replace(LEFT, status="", result=False, lapsed=True)
    assert answered(asked) == Before(ACT.id, "not_sent")
    assert answered(msgspec.structs.replace(asked, refused=True)) == Reply("refused", ACT.id)


def test_what_was_withheld_stays_withheld() -> None:
    action = msgspec.json.encode({"arguments": ACT.arguments})
    withheld = msgspec.structs.replace(LEFT, withheld=True)
    assert answered(LEFT, action=action, result=b"1") == Before(ACT.id, "ok", b"1")
    assert answered(withheld, action=action, result=b"1") == Before(ACT.id, "ok", kept=False)
    assert answered(LEFT, action=action) == Before(ACT.id, "ok", kept=False), "erased"


def test_an_id_is_its_callers_and_means_what_it_meant() -> None:
    stranger = msgspec.structs.replace(ACT, caller=msgspec.structs.replace(ACT.caller, principal="other"))
    assert answered(LEFT, stranger) == Reply("invalid", ACT.id)
    for name in ("system", "tool"):
        assert answered(LEFT, msgspec.structs.replace(ACT, **{name: "other"})) == Reply("invalid", ACT.id)
    assert answered(LEFT, action=b'{"arguments":{"amount":2}}', result=b"1") == Reply("invalid", ACT.id)
    assert answered(LEFT, action=b"{", result=b"1") == Reply("invalid", ACT.id)


def test_another_run_hears_how_it_ended_and_not_what_came_back() -> None:
    """It would have read it, and its trail would not know."""
    assert answered(LEFT, result=b"kept") == Before(ACT.id, "ok", b"kept", True)
    assert answered(LEFT, run="r2", result=b"kept") == Before(ACT.id, "ok", kept=False)
