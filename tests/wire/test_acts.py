"""Governed functions before a running Standwatch: judged before they are called, with what was judged, done once."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from standwatch.client import (
    AlreadyDone,
    AsyncClient,
    Client,
    Done,
    Failed,
    Go,
    Invalid,
    NotDone,
    Pending,
    Refused,
    Unavailable,
    governed,
    once,
)
from standwatch.facts.entries import Intent, Outcome
from standwatch.facts.words import SENTENCES
from support.frameworks import TOOLS, approve, validate
from support.system import Agent, Living, manifest, serving


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Living]:
    asks = {"asks": {"per_run": 50, "per_person_per_hour": 1000}}
    components = [{"kind": "service", "name": "desk"}]
    tools = {name: rule for name, rule in TOOLS.items() if name.startswith("desk.")}
    systems = {"desk": manifest("desk", components, tools, limits=asks)}
    with serving(tmp_path_factory.mktemp("acts"), systems, workers=request.param) as running:
        validate(running)
        yield running


@pytest.fixture(scope="module")
def harness(watch: Living) -> Agent:
    return watch.agent("harness", "desk", starts=True)


@pytest.fixture
def client(harness: Agent) -> Iterator[Client]:
    """With the token of a run of its own."""
    run = harness.open_run("Pay what is owed.")
    with Client(f"http://127.0.0.1:{harness.port}", run.token) as client:
        yield client


class Counted:
    """A function's effects."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.lock = threading.Lock()

    def pay(self, to: str, amount: float, *, urgent: bool = False) -> dict[str, Any]:
        with self.lock:
            self.done.append((to, amount, urgent))
        return {"paid": amount, "to": to}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_governed_function_is_judged_by_its_names_and_heard(
    client: Client, counted: Counted, watch: Living
) -> None:
    pay = governed("desk.pay", client=client, system="desk")(counted.pay)
    assert pay("nordlicht", amount=40) == {"paid": 40, "to": "nordlicht"}
    assert counted.done == [("nordlicht", 40, False)]
    intent, outcome = watch.of(Intent)[-1], watch.of(Outcome)[-1]
    assert (intent.tool, intent.seam, outcome.id, outcome.status) == ("desk.pay", "client", intent.id, "ok")
    told = watch.api.get(f"/actions/{intent.id}")
    assert '"urgent"' in str(told) or "'urgent'" in str(told), "defaults are judged as well"


def test_what_may_not_be_is_not_called(client: Client, counted: Counted) -> None:
    wipe = governed("desk.wipe", client=client, system="desk")(lambda what: counted.done.append(what))
    burn = governed("desk.burn", client=client, system="desk")(lambda what: counted.done.append(what))
    for refused in (wipe, burn):
        with pytest.raises(Refused) as found:
            refused("all")
        assert found.value.message == SENTENCES["refused"]
        assert len(found.value.reference) == 26
    with pytest.raises(Invalid, match="no form in JSON"):
        wipe(object())
    with pytest.raises(TypeError):
        wipe("all", "more")
    assert counted.done == []


def test_who_waits_for_a_person_may_wait(client: Client, counted: Counted, watch: Living) -> None:
    pay = governed("desk.pay", client=client, system="desk")(counted.pay)
    with pytest.raises(Pending) as pending:
        pay("nordlicht", 900)
    assert pending.value.url.endswith(f"/approvals/{pending.value.reference}")
    assert len(pending.value.words.split()) == 6
    waiting = governed("desk.pay", client=client, system="desk", wait=60.0)(counted.pay)
    with ThreadPoolExecutor(1) as beside:
        paid = beside.submit(waiting, "nordlicht", 900)
        approve(watch, pending.value.reference)
        assert paid.result(60) == {"paid": 900, "to": "nordlicht"}
    assert counted.done == [("nordlicht", 900, False)]


def test_work_that_is_done_again_does_nothing_again(client: Client, counted: Counted) -> None:
    look = governed("desk.look", client=client, system="desk")(
        counted.pay
    )  # a read: not asked about after another
    scope = uuid.uuid4().hex
    for _ in range(3):
        with once(scope):
            assert look("nordlicht", 40) == {"paid": 40, "to": "nordlicht"}
            assert look("sued", 30) == {"paid": 30, "to": "sued"}
            assert look("nordlicht", 40) == {"paid": 40, "to": "nordlicht"}
    assert counted.done == [("nordlicht", 40, False), ("sued", 30, False), ("nordlicht", 40, False)]


def test_of_many_at_once_with_one_key_one_goes(client: Client, counted: Counted) -> None:
    pay = governed("desk.pay", client=client, system="desk")(counted.pay)
    key = uuid.uuid4().hex

    def attempt(_: int) -> str:
        try:
            return str(pay("nordlicht", 40, standwatch_key=key)["paid"])
        except Pending:  # it was under way, and nobody knew yet
            return "pending"

    with ThreadPoolExecutor(8) as crew:
        said = list(crew.map(attempt, range(24)))
    assert set(said) <= {"40", "pending"}
    assert len(counted.done) == 1


@pytest.mark.parametrize("kind", [ValueError, NotDone, TimeoutError, KeyboardInterrupt])
def test_what_a_function_raises_is_what_became_of_its_act(client: Client, kind: type[BaseException]) -> None:
    tried: list[int] = []

    def note(text: str) -> str:
        tried.append(1)
        if len(tried) == 1:
            raise kind(text)
        return text

    asked = governed("desk.note", client=client, system="desk")(note)
    key = uuid.uuid4().hex
    with pytest.raises(kind):
        asked("hello", standwatch_key=key)
    if kind is NotDone:  # nothing happened: it may leave again
        assert asked("hello", standwatch_key=key) == "hello"
        return
    with pytest.raises(Failed if kind is ValueError else Pending) as found:
        asked("hello", standwatch_key=key)
    assert len(tried) == 1
    if isinstance(found.value, Failed):
        assert (found.value.kind, found.value.message) == ("ValueError", "hello")


def test_a_read_of_which_nobody_knows_is_done_again(client: Client) -> None:
    found = client.act("desk", "desk.look", {"what": "rates"}, key=(key := uuid.uuid4().hex))
    assert isinstance(found, Go)
    assert client.outcome(found, "unknown")
    assert isinstance(client.act("desk", "desk.look", {"what": "rates"}, key=key), Go)


def test_what_a_person_refused_stays_refused_and_an_id_means_what_it_meant(
    client: Client, watch: Living
) -> None:
    said = {"to": "nordlicht", "amount": 700}
    with pytest.raises(Pending) as pending:
        client.act("desk", "desk.pay", said, key="order")
    approve(watch, pending.value.reference, "refuse")
    for _ in range(2):
        with pytest.raises(Refused):
            client.act("desk", "desk.pay", said, key="order")
    going = client.act("desk", "desk.look", {"what": "a"}, key=(key := uuid.uuid4().hex))
    assert isinstance(going, Go)
    assert client.outcome(going, "ok", {"kept": [1, 2]})
    assert not client.outcome(going, "ok", {"kept": [1, 2]}), "an outcome is told once"
    again = client.act("desk", "desk.look", {"what": "a"}, id=going.id)
    assert again == Done(going.id, "ok", {"kept": [1, 2]})
    with pytest.raises(Invalid):
        client.act("desk", "desk.look", {"what": "b"}, id=going.id)
    assert isinstance(client.act("desk", "desk.look", {"what": "b"}, key=key), Go), (
        "other arguments are another act"
    )


def test_nobody_hears_of_anothers_acts(watch: Living, harness: Agent, client: Client) -> None:
    going = client.act("desk", "desk.note", {"text": "a"}, key="known to all")
    assert isinstance(going, Go)
    client.outcome(going, "ok", "private")
    stranger = watch.agent("stranger", "desk")
    with Client(f"http://127.0.0.1:{harness.port}", stranger.token) as other, pytest.raises(Invalid):
        other.act("desk", "desk.note", {"text": "a"}, key="known to all")


def test_large_results_and_results_without_a_form_are_done_once_too(client: Client) -> None:
    for result in ("x" * 2_000_000, object()):
        asked = governed("desk.look", client=client, system="desk", left_out=["kept"])
        look = asked(lambda what, kept=result: kept)
        key = uuid.uuid4().hex
        assert look("a", standwatch_key=key) is result
        with pytest.raises(AlreadyDone):
            look("a", standwatch_key=key)


def test_coroutines_tell_when_they_are_cancelled(client: Client, watch: Living, counted: Counted) -> None:
    async def main() -> str:
        async with client.waiting() as waiting:
            begun = asyncio.Event()

            @governed("desk.note", client=waiting, system="desk")
            async def note(text: str) -> None:
                begun.set()
                await asyncio.sleep(600)

            task = asyncio.create_task(note("a"))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            pay = governed("desk.pay", client=waiting, system="desk")(_waits(counted.pay))
            return str(await pay("nordlicht", 40))

    assert "40" in asyncio.run(main())
    assert "unknown" in [one.status for one in watch.of(Outcome)[-2:]]


def _waits(function: Any) -> Any:
    async def pay(to: str, amount: float) -> Any:
        return function(to, amount)

    return pay


def test_nothing_is_called_while_nobody_answers(counted: Counted) -> None:
    away = governed("desk.pay", client=Client("http://127.0.0.1:9", "sw_x"), system="desk")(counted.pay)
    with pytest.raises(Unavailable):
        away("nordlicht", 1)

    async def main() -> None:
        async with AsyncClient("http://127.0.0.1:9", "sw_x") as client:
            with pytest.raises(Unavailable):
                await client.perform("desk", "desk.pay", {}, _never)

    async def _never(go: Go) -> None:
        counted.done.append(go)

    asyncio.run(main())
    assert counted.done == []


@dataclass
class Order:
    to: str
    path: Path


def test_arguments_of_other_kinds_are_judged_as_json(client: Client, watch: Living) -> None:
    seen: list[Any] = []
    note = governed("desk.note", client=client, system="desk", left_out=["context"])(
        lambda text, context=None: seen.append((text, context))
    )
    order = Order("nordlicht", Path("/tmp/x"))
    note(order, context=(here := object()))
    assert seen == [(order, here)], "what is judged is JSON, what is called is what was given"
    assert "nordlicht" in str(watch.api.get(f"/actions/{watch.of(Intent)[-1].id}"))
