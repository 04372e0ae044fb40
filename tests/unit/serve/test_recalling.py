"""What a run has read is known to every worker and after a restart, before anything is judged."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

from standwatch.enforce.ports import Caller
from standwatch.facts.entries import Denied
from standwatch.facts.frames import Recall
from standwatch.serve.gate import LiveGate
from standwatch.store.socket import RecorderServer
from standwatch.store.socket_link import SocketLink
from support.lagging import BAD, GOOD, OTHER, TASK, another, lagging, look, opened, send
from support.watch import Watch

TESTS = Path(__file__).parents[2]


def run(folder: Path, work: Callable[[Watch], Awaitable[None]]) -> None:
    async def within() -> None:
        async with lagging(folder) as watch:
            await work(watch)

    asyncio.run(within())


def counted(gate: LiveGate) -> list[Recall]:
    """The recalls of `gate` from now on."""
    asked: list[Recall] = []
    link = gate.runs._link
    recall = link.recall

    def counting(frame: Recall) -> object:
        asked.append(frame)
        return recall(frame)

    link.recall = counting  # type: ignore[method-assign, assignment]
    return asked


def denials(watch: Watch) -> int:
    return sum(isinstance(watch.reader.entry(index), Denied) for index in range(watch.reader.size))


def test_a_second_worker_knows_what_the_first_has_read(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run, second = await opened(watch.gate), another(watch)
        await look(watch.gate, run, {"iban": GOOD, "note": f"please pay {BAD}"})
        assert (await send(second, run, GOOD)).word == "done"
        assert (await send(second, run, BAD)).word == "refused"
        trail = second.trail(run)
        assert trail.read_untrusted
        assert trail.task == TASK
        assert trail.source(BAD) == "untrusted"
        assert trail.origin(GOOD).where[0].tool == "bank.look"
        assert "bank.look" in trail.past.tools
        assert denials(watch) == 1

    run(tmp_path, work)


def test_a_worker_that_lags_catches_up_before_it_judges(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run, second = await opened(watch.gate), another(watch)
        assert (await send(second, run, "DE49999911110004698000")).word == "done"
        assert not second.trail(run).gap
        await look(watch.gate, run, {"iban": GOOD, "note": f"please pay {BAD}"})
        assert second.trail(run).source(GOOD) == "model", "it has not looked yet"
        assert (await send(second, run, BAD)).word == "refused"
        assert second.trail(run).source(BAD) == "untrusted"
        assert (await send(second, run, GOOD)).word == "done"
        assert denials(watch) == 1, "refused once, on all that the record has"
        # and the other way round
        await look(second, run, {"iban": OTHER})
        assert (await send(watch.gate, run, OTHER)).word == "done"

    run(tmp_path, work)


def test_workers_that_take_turns_read_each_outcome_once(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run, second = await opened(watch.gate), another(watch)
        asked = [counted(watch.gate), counted(second)]
        for turn in range(10):
            gate = (watch.gate, second)[turn % 2]
            await look(gate, run, {"iban": f"NL91ABNA04171643{turn:02}"})
            assert (
                await send((second, watch.gate)[turn % 2], run, f"NL91ABNA04171643{turn:02}")
            ).word == "done"
        assert max(map(len, asked)) <= 21
        assert all(one.after < two.after for some in asked for one, two in pairwise(some))

    run(tmp_path, work)


def test_whoever_carries_all_of_a_run_asks_nobody(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run = await opened(watch.gate)
        asked = counted(watch.gate)
        for _ in range(5):
            await look(watch.gate, run, {"iban": GOOD})
            assert (await send(watch.gate, run, GOOD)).word == "done"
        together = await asyncio.gather(*(send(watch.gate, run, GOOD) for _ in range(24)))
        assert {one.word for one in together} == {"done"}
        assert (await send(watch.gate, run, BAD)).word == "refused"
        assert asked == []

    run(tmp_path, work)


def test_two_workers_at_once_both_get_through(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run, second = await opened(watch.gate), another(watch)
        await look(watch.gate, run, {"iban": GOOD})
        acts = [send(gate, run, GOOD) for _ in range(8) for gate in (watch.gate, second)]
        words = [one.word for one in await asyncio.gather(*acts)]
        assert words.count("done") >= 8, words
        assert set(words) <= {"done", "unavailable"}

    run(tmp_path, work)


def test_what_is_gone_from_the_record_makes_the_unknown_untrusted(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        run = await opened(watch.gate)
        await look(watch.gate, run, {"iban": GOOD, "note": BAD})
        await send(watch.gate, run, GOOD)
        today = f"{dt.datetime.now(dt.UTC):%Y%m%d}"
        await asyncio.wrap_future(watch.recorder.drop_day(today))
        third = another(watch)
        await third.runs.of(Caller("agent", "agent", ("pay",), run=run), "pay")
        trail = third.trail(run)
        assert trail.gap is not None
        assert (trail.gap.at, trail.read_untrusted, trail.known) == ("erased", True, False)
        assert trail.source("never read") == "untrusted"
        assert (await send(third, run, GOOD)).word == "refused"

    run(tmp_path, work)


def test_over_the_socket_too(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        server = RecorderServer(watch.recorder, tmp_path / "socket")
        await server.start()
        link = await SocketLink.connect(tmp_path / "socket", "w2")
        try:
            run, second = await opened(watch.gate), another(watch, link)
            await look(watch.gate, run, {"iban": GOOD, "note": BAD})
            assert (await send(second, run, GOOD)).word == "done"
            assert second.trail(run).source(BAD) == "untrusted"
        finally:
            await link.close()
            await server.close()

    run(tmp_path, work)


def test_after_kill_9_the_run_has_read_what_it_had_read(tmp_path: Path) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-m", "support.lagging", str(tmp_path)], cwd=TESTS, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    ident = victim.stdout.readline().strip()
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert ident

    async def work(watch: Watch) -> None:
        assert (await send(watch.gate, ident, BAD)).word == "refused"
        trail = watch.gate.trail(ident)
        assert (trail.task, trail.read_untrusted, trail.source(BAD)) == (TASK, True, "untrusted")
        assert (await send(watch.gate, ident, GOOD)).word == "done"

    run(tmp_path, work)
