"""Several workers and one recorder: who must know of a hold, who is dropped, and what becomes of open intents."""

import asyncio
import stat
import threading
import time
from pathlib import Path

import pytest

from standwatch.facts.entries import Hold, Intent, Outcome, Released
from standwatch.facts.frames import Ack, Append, Fetch, Find, Refusal, Seen, Told
from standwatch.store import socket
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from standwatch.store.socket import RecorderServer
from standwatch.store.socket_link import SocketLink
from standwatch.store.wire import Frames, Hello, Welcome, encode_frame, to_worker
from support.recorders import SCOPES, Kind, Store, hold, ident, intent, outcome, setup, store

SILENCE = 0.5


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers of these tests, the recorder's socket and the tests run in one thread: none of them is silent for
    50 ms because of the others, or of whatever else this machine does."""
    monkeypatch.setattr(socket, "SILENCE", SILENCE)


class Raw:
    """A worker by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.frames = Frames(to_worker)

    @classmethod
    async def connect(cls, path: Path) -> "Raw":
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def hello(self, name: str, *claimed: str) -> Welcome:
        self.writer.write(encode_frame(Hello(name, claimed)))
        welcome = (await self.next())[0]
        assert isinstance(welcome, Welcome)
        return welcome

    async def next(self) -> list[object]:
        """The next frames; none where the connection was ended."""
        while True:
            data = await self.reader.read(1 << 16)
            if not data:
                return []
            if found := self.frames.feed(data):
                return list(found)


async def _until(what: "object", seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


def test_a_hold_is_acknowledged_when_every_worker_has_seen_it(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder, links=4) as it:
            local = it.recorder.link()
            for link in (it.first, local):
                ack = await link.append(Append(link.next_number(), hold()))
                assert isinstance(ack, Ack)
                # Their replicas, not only their sockets: each said `Seen` after it had folded.
                assert all(ack.index in each.state.holds for each in it.links)

    asyncio.run(play())


def test_a_silent_worker_is_dropped_and_holds_up_a_hold_no_longer_than_that(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder) as it:
            raw = await Raw.connect(it.path)
            await raw.hello("silent")
            begin = time.monotonic()
            await it.append(hold())
            assert time.monotonic() - begin > SILENCE * 0.9
            told = await raw.next()
            assert isinstance(told[0], Told)
            assert await raw.next() == []
            assert it.server is not None
            assert it.server.connected == 1
            await it.append(hold())
            assert it.first.alive

    asyncio.run(play())


def test_a_worker_that_answers_is_waited_for_and_kept(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder) as it:
            raw = await Raw.connect(it.path)
            await raw.hello("slow")
            asking = it.ask(hold())
            told = (await raw.next())[0]
            assert isinstance(told, Told)
            await asyncio.sleep(SILENCE / 3)
            assert not asking.done()
            raw.writer.write(encode_frame(Seen(told.index)))
            assert isinstance(await asking, Ack)
            assert it.server is not None
            assert it.server.connected == 2

    asyncio.run(play())


def test_other_entries_do_not_wait_for_anybody(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder) as it:
            raw = await Raw.connect(it.path)
            welcome = await raw.hello("silent")
            assert welcome.state
            run = await it.run()  # folds, and restricts nobody
            await it.act(run)
            assert it.server is not None
            assert it.server.connected == 2

    asyncio.run(play())


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\1\xc1",
        encode_frame(Seen(3)),
        encode_frame(Append(0, hold())),
        encode_frame(Hello("")),
        encode_frame(Hello("a")) + encode_frame(Hello("b")),
        encode_frame(Hello("a")) + b"\0\0\0\2{}",
    ],
)
def test_whoever_speaks_otherwise_is_dropped_and_nobody_else_notices(folder: Path, garbage: bytes) -> None:
    async def play() -> None:
        async with store("socket", folder) as it:
            raw = await Raw.connect(it.path)
            raw.writer.write(garbage)
            while await asyncio.wait_for(raw.next(), 30):
                pass
            await it.append(hold())
            reader = Reader(folder)
            assert reader.size == 2
            reader.close()

    asyncio.run(play())


def test_the_socket_is_for_its_owner_only(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder) as it:
            assert stat.S_IMODE(it.path.stat().st_mode) == 0o600

    asyncio.run(play())


def test_a_worker_without_its_recorder_refuses_everything_until_it_is_back(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder, links=0) as it:
            link = await SocketLink.connect(it.path, "w")
            changes: list[int] = []
            link.on_state = lambda: changes.append(link.state.seen)
            assert it.server is not None
            await it.server.close()
            await _until(lambda: not link.alive)
            waiting = link.append(Append(link.next_number(), hold()))
            assert isinstance(waiting.result(), Refusal)
            assert waiting.result().code == "unrecorded"  # type: ignore[union-attr]
            assert link.find(Find(link.next_number(), "r", b"m")).result().id == ""
            assert not link.fetch(Fetch(link.next_number(), "r", "task")).result().known
            local = it.recorder.link()
            missed = await local.append(Append(local.next_number(), hold()))
            assert isinstance(missed, Ack)
            await it.server.start()
            await _until(lambda: link.alive)
            assert missed.index in link.state.holds
            assert changes == [missed.index]
            assert isinstance(await link.append(Append(link.next_number(), hold())), Ack)
            await link.close()

    asyncio.run(play())


def test_what_was_asked_when_the_recorder_went_is_refused(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder, links=0) as it:
            link = await SocketLink.connect(it.path, "w")
            free = threading.Event()
            blocked = it.recorder.submit(free.wait)
            waiting = [link.append(Append(link.next_number(), hold())) for _ in range(10)]
            await asyncio.sleep(0.05)
            assert it.server is not None
            asyncio.get_running_loop().call_later(0.2, free.set)
            await it.server.close()
            answers = await asyncio.gather(*waiting)
            assert {each.code for each in answers if isinstance(each, Refusal)} == {"unknown"}
            assert not any(isinstance(each, Ack) for each in answers)
            await asyncio.wrap_future(blocked)
            await link.close()

    asyncio.run(play())


async def _intent(it: Store, link: SocketLink, run: str) -> Intent:
    entry = intent(run, link.state.seen)
    assert isinstance(await link.append(Append(link.next_number(), entry, scopes=SCOPES)), Ack)
    return entry


def _status(folder: Path, ident_: str) -> str:
    reader = Reader(folder)
    last = reader.entry(reader.of_action(ident_)[-1])
    reader.close()
    return last.status if isinstance(last, Outcome) else ""


def test_what_a_dead_worker_left_open_ends_as_unknown(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder, patience=1.0) as it:
            run = await it.run()
            dying = await SocketLink.connect(it.path, "dying")
            entry, kept = await _intent(it, dying, run), await _intent(it, it.links[0], run)  # type: ignore[arg-type]
            await dying.close()
            await asyncio.sleep(0.1)
            assert _status(folder, entry.id) == ""
            await _until(lambda: _status(folder, entry.id) == "unknown")
            assert _status(folder, kept.id) == ""

    asyncio.run(play())


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_what_a_worker_had_asked_when_it_was_killed_ends_as_unknown(folder: Path, patience: float) -> None:
    """Its intents are recorded after it is gone, or even given up: nobody hears the answers."""

    async def play() -> None:
        recorder = Recorder.open(setup(folder))
        server = RecorderServer(recorder, folder / "socket", patience=patience)
        await server.start()
        it = Store(recorder, server, folder / "socket")
        it.links.append(recorder.link())
        run = await it.run()
        raw = await Raw.connect(it.path)
        await raw.hello("killed")
        busy = threading.Event()
        held = recorder.submit(busy.wait)
        entries = [intent(run, it.first.state.seen) for _ in range(20)]
        for number, entry in enumerate(entries):
            raw.writer.write(encode_frame(Append(number, entry, scopes=SCOPES)))
        await raw.writer.drain()
        await asyncio.sleep(0.05)  # they wait in the recorder's queue
        raw.writer.transport.abort()
        await asyncio.sleep(0.05)
        busy.set()
        await asyncio.wrap_future(held)
        reader = Reader(folder)
        await _until(lambda: len(reader.of_run(run)) == 1 + 2 * len(entries) and not reader.open_intents())
        assert {_status(folder, entry.id) for entry in entries} == {"unknown"}
        reader.close()
        await server.close()
        await asyncio.to_thread(recorder.close)

    asyncio.run(play())


def test_a_worker_that_is_back_before_its_answer_is_not_credited_with_it(folder: Path) -> None:
    """What it asked on the connection it lost it refused to its caller; what it asks again it carries out."""

    async def play() -> None:
        async with store("socket", folder, patience=1.0) as it:
            run = await it.run()
            first = await Raw.connect(it.path)
            await first.hello("w")
            busy = threading.Event()
            it.recorder.submit(busy.wait)
            lost, kept = (intent(run, it.first.state.seen) for _ in range(2))
            for number, entry in enumerate((lost, kept)):
                first.writer.write(encode_frame(Append(number, entry, scopes=SCOPES)))
            await first.writer.drain()
            await asyncio.sleep(0.05)
            first.writer.transport.abort()
            again = await Raw.connect(it.path)
            again.writer.write(encode_frame(Hello("w")))
            again.writer.write(encode_frame(Append(7, kept, scopes=SCOPES)))
            await asyncio.sleep(0.05)
            busy.set()
            answers: list[object] = []
            while not any(isinstance(each, Ack) for each in answers):
                answers += await again.next()
            await _until(lambda: _status(folder, lost.id) == "unknown")
            await asyncio.sleep(1.4)
            assert _status(folder, kept.id) == ""

    asyncio.run(play())


def test_a_worker_that_comes_back_goes_on_with_what_it_was_carrying_out(folder: Path) -> None:
    async def play() -> None:
        async with store("socket", folder, patience=1.0) as it:
            run = await it.run()
            first = await Raw.connect(it.path)
            await first.hello("w")
            entries = [intent(run, it.first.state.seen) for _ in range(2)]
            for number, entry in enumerate(entries):
                first.writer.write(encode_frame(Append(number, entry, scopes=SCOPES)))
            acks: list[Ack] = []
            while len(acks) < 2:
                acks += [each for each in await first.next() if isinstance(each, Ack)]
            first.writer.close()
            again = await Raw.connect(it.path)
            await again.hello("w", entries[0].id)
            await _until(lambda: _status(folder, entries[1].id) == "unknown")
            await asyncio.sleep(1.4)
            assert _status(folder, entries[0].id) == ""
            again.writer.write(encode_frame(Append(5, outcome(entries[0].id, acks[0].index))))
            assert isinstance((await again.next())[-1], Ack)

    asyncio.run(play())


def test_workers_outlive_their_recorder(folder: Path) -> None:
    async def play() -> None:
        path = folder / "socket"
        recorder = Recorder.open(setup(folder, settle=False))
        server = RecorderServer(recorder, path, patience=3.0)
        await server.start()
        link = await SocketLink.connect(path, "w")
        it = Store(recorder, server, path)
        it.links.append(link)
        run = await it.run()
        ours = await _intent(it, link, run)
        local = recorder.link()
        orphan = intent(run, local.state.seen)
        assert isinstance(await local.append(Append(local.next_number(), orphan, scopes=SCOPES)), Ack)
        index = link._open and Reader(folder).of_action(ours.id)[0]
        await server.close()
        await asyncio.to_thread(recorder.close)
        recorder = Recorder.open(setup(folder, settle=False))
        server = RecorderServer(recorder, path, patience=3.0)
        await server.start()
        await _until(lambda: link.alive)
        await _until(lambda: _status(folder, orphan.id) == "unknown")
        assert _status(folder, ours.id) == ""
        done = await link.append(Append(link.next_number(), outcome(ours.id, index)))
        assert isinstance(done, Ack)
        await link.close()
        await server.close()
        await asyncio.to_thread(recorder.close)

    asyncio.run(play())


def test_no_intent_is_sequenced_after_a_hold_it_had_not_seen(kind: Kind, folder: Path) -> None:
    """INVARIANT of DESIGN.md §6, with intents and holds in flight together from several workers."""

    async def play() -> None:
        async with store(kind, folder, links=3) as it:
            run = await it.run()
            counts = {"stale": 0, "ack": 0}
            ended = asyncio.Event()

            async def agent(number: int) -> None:
                link = it.links[number % 3]
                while not ended.is_set():
                    seen = link.state.seen  # the verdict was computed on this
                    await asyncio.sleep(0)
                    entry = intent(run, seen, ident())
                    answer = await link.append(Append(link.next_number(), entry, scopes=SCOPES))
                    if isinstance(answer, Ack):
                        counts["ack"] += 1
                        end = outcome(entry.id, answer.index)
                        await link.append(Append(link.next_number(), end))
                    else:
                        assert answer.code == "stale"
                        assert link.state.seen >= answer.seen
                        counts["stale"] += 1

            async def operator() -> None:
                link = it.links[0]
                for _ in range(60):
                    placed = await link.append(Append(link.next_number(), hold()))
                    assert isinstance(placed, Ack)
                    assert all(each.state.seen >= placed.index for each in it.links) or kind == "local"
                    await link.append(Append(link.next_number(), Released(by="p-olga", hold=placed.index)))
                ended.set()

            await asyncio.gather(operator(), *[agent(number) for number in range(24)])
            reader = Reader(folder)
            last, intents = -1, 0
            for index, entry in reader.entries(0, reader.size):
                if isinstance(entry, Hold):
                    last = index
                elif isinstance(entry, Intent):
                    intents += 1
                    assert entry.seen >= last, (index, entry.seen, last)
            assert intents == counts["ack"] > 60
            assert counts["stale"] > 0, "the race was never run"
            reader.close()

    asyncio.run(play())
