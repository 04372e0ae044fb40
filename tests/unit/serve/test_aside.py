"""Work beside the process: answered as in it, ended where it takes too long or too much, and never left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.errors import StandwatchError
from standwatch.record.verify import Verification
from standwatch.serve import aside
from standwatch.serve.aside import Aside
from standwatch.serve.place import Place
from standwatch.serve.verifying import Wanted
from support.overriding import decided, write_overridable
from support.watch import _KEK, Watch, done, standing


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 90))


def beside(watch: Watch) -> Aside:
    """As a server would make it: the keys lie in files."""
    place = Place(watch.folder, watch.folder / "state")
    place.keys.mkdir(mode=0o700, exist_ok=True)
    path = place.keys / f"kek-{_KEK.epoch:06}"
    path.write_bytes(_KEK.key)
    path.chmod(0o600)
    return Aside(place)


def children() -> set[int]:
    """The processes of this one that are alive."""
    return set(
        map(int, Path(f"/proc/self/task/{Path('/proc/self').resolve().name}/children").read_text().split())
    )


def test_a_diagnosis_beside_is_the_one_made_here(tmp_path: Path) -> None:
    async def script() -> None:
        write_overridable(tmp_path)
        async with standing(tmp_path) as watch:
            for _ in range(3):
                last = await decided(watch, "ann", "bo", "cy")
            who, diagnosing = watch.who("otto"), watch.control.diagnosing
            since = "2026-01-01T00:00Z"
            (here,) = await diagnosing.diagnose(who, "loans", since)
            diagnosing.aside = beside(watch)
            (there,) = await diagnosing.diagnose(who, "loans", since)
            assert here.diagnosis.rows == there.diagnosis.rows == 9
            assert (here.versions, here.changes, here.model) == (there.versions, there.changes, there.model)
            assert here.text == there.text
            (before,) = await diagnosing.diagnose(who, "loans", since, as_of=str(last - 1))
            assert before.diagnosis.rows == 6

    run(script())


def test_a_record_is_verified_beside_whole_and_its_latest_entries(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            for number in range(300):
                await watch.act(done, amount=number)
            await watch.signed_up_to_now()
            beside_it, size = beside(watch), watch.reader.size
            said: list[tuple[int, int]] = []
            whole = await beside_it.ask(
                "verify",
                Wanted(watch.log.vkey),
                Verification,
                seconds=60,
                progress=lambda *one: said.append(one),
            )
            assert (whole.status, whole.span) == ("verified", (0, size)), whole.problems
            latest = await beside_it.ask("verify", Wanted(watch.log.vkey, 40), Verification, seconds=60)
            start = (size - 40) // 256 * 256
            assert start > 0
            assert (latest.status, latest.span) == ("verified", (start, size)), latest.problems
            assert sum(latest.counts.get(kind, 0) for kind in ("act.denied.1",)) < 300
            assert (
                latest.counts["ctl.config.1"] == whole.counts["ctl.config.1"]
            )  # read, though before the range

    run(script())


def test_what_wants_too_much_of_a_processor_is_ended_and_says_so(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            before, begun = children(), time.monotonic()
            with pytest.raises(StandwatchError, match="more of a processor") as caught:
                await beside(watch).ask("verify", Wanted(watch.log.vkey), Verification, seconds=0)
            assert (caught.value.code, bool(caught.value.cure)) == ("too_long", True)
            assert time.monotonic() - begun < 60
            assert children() <= before

    run(script())


def test_what_wants_too_much_memory_is_ended_and_says_so(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            small = Aside(beside(watch)._place, memory=48 << 20)
            with pytest.raises(StandwatchError) as caught:
                await small.ask("verify", Wanted(watch.log.vkey), Verification, seconds=30)
            assert caught.value.code in (
                "too_much",
                "failed",
            )  # where it is very little, Python itself gives up

    run(script())


def test_what_takes_too_long_by_the_clock_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "GRACE", 0.05 - 1.5)  # beside the time and a half of its one second

    async def script() -> None:
        async with standing(tmp_path) as watch:
            before = children()
            with pytest.raises(StandwatchError, match="it took longer than"):
                await beside(watch).ask("verify", Wanted(watch.log.vkey), Verification, seconds=1)
            assert children() <= before

    run(script())


def test_a_caller_who_goes_away_leaves_no_child(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            before = children()
            asked = asyncio.create_task(
                beside(watch).ask("verify", Wanted(watch.log.vkey), Verification, seconds=60)
            )
            while children() <= before:
                await asyncio.sleep(0.01)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert children() <= before

    run(script())


def test_a_child_that_dies_says_why_as_far_as_it_can(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            sound = beside(watch)
            broken = Aside(msgspec.structs.replace(sound._place, state=tmp_path / "nowhere"))
            with pytest.raises(StandwatchError, match="no record in"):
                await broken.ask("verify", Wanted(watch.log.vkey), Verification, seconds=10)
            with pytest.raises(StandwatchError, match="ended without an answer"):
                await sound.ask("verify", ["not", "a", "Wanted"], Verification, seconds=10)

    run(script())
