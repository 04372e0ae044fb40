# ruff: noqa: E501
"""Receivers that refuse, hang, die mid-answer or are not there; a disk that is full, and one that hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.configuration import Configuration, Listener, Organisation
from standwatch.facts.entries import AnyEntry
from standwatch.facts.notifying import Channel, Notify, Route, Slack, Smtp, Webhook
from standwatch.notify.delivery import LIVES, Delivery, Failure, backoff
from standwatch.notify.desk import Fault
from standwatch.record.leaf import encode
from standwatch.serve import notifying
from standwatch.serve.notifying import Notifying, addresses
from standwatch.store.folder import read_folder
from support.disk import faulty
from support.mailbox import Inbox, mail_server
from support.notifying import (
    NOON,
    SECRET,
    answering,
    dying,
    hold,
    polite,
    receiving,
    released,
    silent,
)
from support.system import free_port

HALT = Fault(
    "hold:system:pay", "hold/system:pay", "hold", "system pay is halted", "over", "in memory", "recorded"
)


class World:
    """A record in a list, and a process that tells of it."""

    def __init__(self, folder: Path, channel: Channel, vfs: str = "") -> None:
        self.folder, self.vfs = folder, vfs
        self.leaves_: list[bytes] = []
        self.now = NOON
        self.matter: Sequence[Fault] = ()
        said = Notify({"it": channel}, (Route(("it",)),))
        organisation = Organisation(
            "Test", "t.invalid/log", "https://watch.example", Listener("h", 1), Listener("h", 2), notify=said
        )
        self.configuration, self.origin = Configuration(organisation, {}, (), "0" * 64), organisation.origin
        self.telling: Notifying

    @property
    def size(self) -> int:
        return len(self.leaves_)

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        return iter([*enumerate(self.leaves_)][start:end])

    def waits(self, ident: str) -> bool:
        return False

    def keeping(self, system: str) -> tuple[str, ...]:
        return ()

    def covers(self, scope: str) -> tuple[str, ...]:
        return ()

    def faults(self) -> Sequence[Fault]:
        return self.matter

    def write(self, *entries: AnyEntry) -> None:
        self.leaves_ += [encode(msgspec.structs.replace(one, at=0), self.now) for one in entries]

    def start(self) -> None:
        environment = {"S": SECRET, "URL": "https://x.example/"}
        self.telling = Notifying(self.folder, self, self, lambda: self.now, environment, vfs=self.vfs)

    async def until(self, found: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not found():
            await self.telling.look()
            assert time.monotonic() < deadline, self.telling.status()
            await asyncio.sleep(0.01)

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@asynccontextmanager
async def telling(folder: Path, url: str, vfs: str = "") -> AsyncIterator[World]:
    world = World(folder, Channel(webhook=Webhook(url, "S")), vfs)
    world.start()
    await world.telling.look()
    try:
        yield world
    finally:
        await world.telling.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def waits(world: World, word: str) -> Callable[[], bool]:
    return lambda: any(word in one.error for one in world.telling.status().deliveries)


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        (answering("500 Internal Server Error"), "answered 500"),
        (answering("403 Forbidden"), "answered 403"),
        (answering("302 Found", "location: https://elsewhere.example/\r\n"), "redirects are not followed"),
        (dying, ""),
    ],
    ids=["500", "403", "redirect", "dies"],
)
def test_what_is_refused_is_sent_again_under_the_same_id(tmp_path: Path, manner: Any, said: str) -> None:
    async def work() -> None:
        async with receiving() as receiver, telling(tmp_path, receiver.url) as world:
            receiver.manner = manner
            world.write(hold())
            await world.until(
                lambda: any(one.error and said in one.error for one in world.telling.status().deliveries)
            )
            assert len(receiver.got) == 1, "not at once again"
            receiver.manner = polite
            world.pass_time(3)
            await world.until(lambda: not world.telling.desk.waiting)
            first, second = receiver.got
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
            assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 3
            assert world.telling.status().channels[0].last == world.now

    run(work())


def test_a_receiver_that_hangs_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "_TIMEOUTS", notifying.Timeouts(connect=5, first_byte=2, total=3))

    async def work() -> None:
        async with receiving() as receiver, telling(tmp_path, receiver.url) as world:
            receiver.manner = silent
            world.write(hold())
            began = time.monotonic()
            await world.telling.look()
            assert time.monotonic() - began < 1.5, "a look waits for no receiver"
            await world.until(waits(world, "too slow"))

    run(work())


def test_gone_for_good_and_gone_for_a_day_are_dead_and_seen(tmp_path: Path) -> None:
    async def work() -> None:
        async with receiving() as receiver, telling(tmp_path, receiver.url) as world:
            receiver.manner = answering("410 Gone")
            world.write(hold(scope="all"))
            await world.until(waits(world, "410"))
            (dead,) = world.telling.status().deliveries
            assert (dead.state, dead.attempts) == ("dead", 1)
            receiver.manner = answering("503 Busy", "retry-after: 100\r\n")
            world.write(hold(scope="agent:x"))
            await world.until(waits(world, "503"))
            (waiting,) = world.telling.desk.waiting.values()
            assert waiting.due == world.now + 100_000_000, "as long as it asked for"
            world.pass_time(LIVES / 1e6)
            await world.until(lambda: sum(one.state == "dead" for one in world.telling.desk.over) == 2)
            assert "2 could not be delivered (answered 503)" in world.telling.warnings()[0]

    run(work())


def test_waiting_grows_to_a_bound_and_never_beyond_a_day() -> None:
    waits = [backoff(attempt, 0.5) for attempt in range(1, 40)]
    assert waits[:3] == [2_000_000, 4_000_000, 8_000_000]
    assert max(waits) == 900_000_000
    assert {backoff(3, chance) for chance in (0.0, 0.999)} == {6_000_000, 9_996_000}
    one = msgspec.convert(
        {"id": "", "channel": "", "made": 0, "due": 0, "number": 0, "message": {
            "id": "", "incident": "", "stage": "test", "event": "test", "severity": "info", "title": "", "at": 0,
            "organisation": "", "url": ""}}, Delivery,
    )  # fmt: skip
    attempts = 0
    while one.state == "waits":
        one, attempts = one.failed(one.due, Failure("no"), 0.99), attempts + 1
    assert one.state == "dead"
    assert one.ended < LIVES
    assert 50 < attempts < 150


@pytest.mark.parametrize("kept", [True, False], ids=["restart", "kill -9 before it was sent"])
def test_what_waits_survives_a_restart(tmp_path: Path, *, kept: bool) -> None:
    async def work() -> None:
        port = free_port()  # nobody is there yet
        async with telling(tmp_path, f"http://127.0.0.1:{port}/hook") as world:
            world.write(hold())
            await world.until(waits(world, "no connection"))
            if kept:
                await world.telling.close()
            world.write(released(0))  # while nobody tells
            world.start()
            world.pass_time(60)
            async with receiving(port) as receiver:
                await world.until(lambda: len(receiver.got) == 2)
            assert [one.data["stage"] for one in receiver.got] == ["opened", "resolved"]
            assert len({one.data["incident"] for one in receiver.got}) == 1

    run(work())


def test_on_a_full_disk_a_halt_is_told_from_memory_and_kept_when_there_is_room(tmp_path: Path) -> None:
    async def work() -> None:
        with faulty("notify-full") as disk:
            async with receiving() as receiver, telling(tmp_path, receiver.url, "notify-full") as world:
                disk.arm("full", 0, 1_000_000)
                world.matter = (HALT,)
                await world.until(lambda: receiver.got)
                assert receiver.got[0].data["title"] == "system pay is halted"
                assert "cannot be written" in world.telling.status().problem
                disk.disarm()
                world.matter = ()
                world.write(hold())
                await world.until(lambda: not world.telling.problem)
                assert len(receiver.got) == 1, "memory and record have one incident"
                await world.telling.close()
                world.start()
                world.write(released(0))
                await world.until(lambda: len(receiver.got) == 2)
                assert receiver.got[1].data["stage"] == "resolved"

    run(work())


def test_a_disk_that_is_full_from_the_beginning(tmp_path: Path) -> None:
    async def work() -> None:
        with faulty("notify-never") as disk:
            disk.arm("full", 0, 1_000_000)
            async with receiving() as receiver, telling(tmp_path, receiver.url, "notify-never") as world:
                world.write(hold())
                await world.until(lambda: receiver.got)
                assert "Not all that is told survives a restart" in world.telling.warnings()[0]
                disk.disarm()

    run(work())


def test_a_record_that_cannot_be_read_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    async def work() -> None:
        async with receiving() as receiver, telling(tmp_path, receiver.url) as world:

            def hangs() -> tuple[list[Any], int]:
                time.sleep(0.5)
                raise OSError

            world.telling._look = lambda here: hangs()  # type: ignore[method-assign]
            world.matter = (HALT,)
            await world.until(lambda: receiver.got)

    run(work())


def test_channels_that_cannot_work_say_why_and_never_where(tmp_path: Path) -> None:
    async def work() -> None:
        broken = {
            "a": (Channel(webhook=Webhook("https://x.example/secret-path", "MISSING")), "MISSING is not in the server's"),
            "b": (Channel(slack=Slack("${NOWHERE}")), "NOWHERE is not in the server's environment"),
            "c": (Channel(smtp=Smtp("h.example", "a@b.example", ("x@y.example",), user_env="U", password_env="P")), "U is not"),
        }  # fmt: skip
        for name, (channel, said) in broken.items():
            (tmp_path / name).mkdir()
            world = World(tmp_path / name, channel)
            world.start()
            assert said in world.telling.status().channels[0].problem
            assert said in (await world.telling.test("it", "0" * 32, "olga")).error
            assert "secret-path" not in str(world.telling.status())
            await world.telling.close()

    run(work())


def test_nobody_configured_nothing_made(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, Channel(slack=Slack("http://127.0.0.1:1/")))
        organisation = msgspec.structs.replace(world.configuration.organisation, notify=Notify())
        world.configuration = msgspec.structs.replace(world.configuration, organisation=organisation)
        world.start()
        world.write(hold())
        await world.telling.look()
        await world.telling.close()
        assert [*tmp_path.iterdir()] == []

    run(work())


def test_mail_goes_to_those_whom_the_manifest_names(tmp_path: Path) -> None:
    from standwatch.declare.configuration import declare

    bank = declare(read_folder(Path(__file__).parents[2] / "examples" / "bank")).configuration
    smtp = Smtp("h", "a@b.example", ("owner", "audit@x.example", "owner"))
    manifest = bank.systems["payments-agent"].manifest
    owners = tuple(bank.person(one).address for one in manifest.owner)  # type: ignore[union-attr]
    assert addresses(bank, smtp, ("payments-agent",)) == (*owners, "audit@x.example")
    everybody = {bank.person(one).address for each in bank.systems.values() for one in each.manifest.owner}  # type: ignore[union-attr]
    assert set(addresses(bank, smtp, ())) == everybody | {"audit@x.example"}, (
        "what is about none is about all"
    )
    assert addresses(bank, smtp, ("gone",)) == ("audit@x.example",)


def test_a_mail_server_takes_what_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        inbox = Inbox()
        with mail_server(inbox) as port:
            smtp = Smtp("127.0.0.1", "w@b.example", ("o@b.example",), port, starttls=False)
            world = World(tmp_path, Channel(smtp=smtp))
            world.start()
            await world.telling.look()
            world.write(hold())
            await world.until(lambda: inbox.mails)
            assert b"Subject: [page] system " in inbox.mails[0][2]
            await world.telling.close()

    run(work())
