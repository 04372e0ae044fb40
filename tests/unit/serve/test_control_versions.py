"""Versions over a real recorder: deployed, pinned, told as of any moment, and a statement before they serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from standwatch.authority.grant import grant
from standwatch.facts.entries import Deployed, Hold
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError, Unrecorded
from standwatch.facts.parts import evidence_bytes
from standwatch.fronts.control_models import DeploymentOrder, ModelVersions, RollbackOrder, Routed
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder, ValidationOrder
from standwatch.keys import ed25519
from standwatch.record.deployments import problems
from support.disk import FaultyDisk
from support.models import LIMIT, write_loans
from support.routes import HOUR, digest
from support.watch import Watch, now, standing


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


@asynccontextmanager
async def lending(folder: Path, *, vfs: str = "", **more: Any) -> AsyncGenerator[Watch]:
    if not (folder / "standwatch.yaml").exists():
        write_loans(folder, **more)
    async with standing(folder, agent=False, vfs=vfs) as watch:
        yield watch


async def deploy(watch: Watch, version: str = "", /, by: str = "nina", **more: Any) -> Routed:
    given = {"reason": f"try {version}"} | more
    return await watch.control.deploy(watch.who(by), "loans", DeploymentOrder(version, **given))


async def rollback(watch: Watch, by: str = "otto", /, **more: Any) -> Routed:
    return await watch.control.rollback(watch.who(by), "loans", RollbackOrder("denies everybody", **more))


async def scorer(watch: Watch, at: str = "") -> ModelVersions:
    (found,) = (await watch.control.versions(watch.who("otto"), "loans", at)).models
    return found


async def validate(watch: Watch, version: str = "", outcome: str = "pass") -> None:
    """Chen's statement about what runs, or would with `version` in front."""
    said = await watch.control.statement(watch.who("chen"), "loans", version)
    until = now() + HOUR
    message = evidence_bytes(
        by="chen",
        components=said.components,
        envelope=said.envelope,
        follows=said.follows,
        org=said.org,
        outcome=outcome,
        report="",
        system="loans",
        until=until,
    )
    key = watch.keys["chen"]
    order = ValidationOrder(
        outcome, until, "chen", ed25519.public(key), ed25519.sign(key, message), version=version
    )
    await watch.control.validate(watch.who("chen"), "loans", order)


def level(watch: Watch) -> str:
    return grant(watch.gate.state, "loans", now()).level


# --- forwards and back ------------------------------------------------------------------------------------------------


def test_a_version_is_deployed_rolled_back_pinned_and_released(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1")
            second = await deploy(watch, "2")
            assert (second.former, second.level) == ("1", "supervised")
            assert "supervised until somebody validates" in second.notes[0]
            taken = await rollback(watch)
            assert (taken.version, taken.former, taken.hold) == ("1", "2", taken.index - 1)
            hold = watch.reader.entry(taken.hold)
            assert isinstance(hold, Hold)
            assert (hold.by, hold.scope) == ("otto", "version:scorer@2")
            for mode in ("full", "canary", "shadow"):
                with pytest.raises(Conflict) as refused:
                    await deploy(watch, "3", mode=mode, share=500)
                assert refused.value.code == "pinned"
            status = await watch.control.status(watch.who("otto"))
            (held,) = status.holds
            assert held.reason == "denies everybody", "the rollback has the reason of both"
            (model,) = next(one for one in status.systems if one.system == "loans").models
            assert (model.version, model.pinned) == ("1", (taken.hold,))
            await watch.control.release(watch.who("olga"), str(taken.hold), ReleaseOrder("fixed"))
            assert (await deploy(watch, "3")).former == "1"

    run(work())


def test_a_hold_on_another_version_keeps_its_own_reason(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1")
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("version:scorer@4", "unfit"))
            assert (halted.covers, halted.warning) == (("loans",), "")
            gone = await watch.control.halt(watch.who("otto"), HaltOrder("version:scorer@0", "older"))
            assert gone.covers == ("loans",), "declared no more, and still of that model"
            holds = (await watch.control.status(watch.who("otto"))).holds
            assert [one.reason for one in holds] == ["unfit", "older"]
            assert all("olga" in one.release for one in holds)

    run(work())


def test_a_canary_is_raised_promoted_and_taken_off(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1")
            await deploy(watch, "2", mode="canary", share=500)
            assert "50 %" in (await deploy(watch, "2", mode="canary", share=5_000)).text
            promoted = await deploy(watch, mode="promote", reason="")
            assert (promoted.mode, promoted.version, promoted.former) == ("full", "2", "1")
            await deploy(watch, "3", mode="shadow")
            await deploy(watch, "3", mode="end", by="otto")
            found = await scorer(watch)
            assert (found.version, found.canary, found.shadow, found.former) == ("2", "", "", ("1",))
            assert [one.mode for one in found.changes] == [
                "end",
                "shadow",
                "full",
                "canary",
                "canary",
                "full",
            ]
            with pytest.raises(Malformed):
                await deploy(watch, "3", mode="sideways")

    run(work())


def test_limits_are_acknowledged_by_whoever_deploys(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path, limits=LIMIT) as watch:
            known = await scorer(watch)
            assert known.limits == ("not validated outside Boston",)
            with pytest.raises(Conflict) as refused:
                await deploy(watch, "1")
            assert refused.value.code == "limits_unacknowledged"
            await deploy(watch, "1", acknowledged=known.acknowledge)
            (change,) = (await scorer(watch)).changes
            assert (change.by, change.limits, change.why) == ("nina", known.acknowledge, "try 1")

    run(work())


@pytest.mark.parametrize("by", ["otto", "chen"])
def test_rights_are_those_of_the_manifest(tmp_path: Path, by: str) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1", by="maria")
            await deploy(watch, "2", by="olga")
            with pytest.raises(Forbidden):
                await deploy(watch, "3", by=by)
            assert (await rollback(watch, by)).version == "1"
            with pytest.raises(NotFound):
                await watch.control.rollback(watch.who("otto"), "pay", RollbackOrder("x"))
            with pytest.raises(NotFound):
                await watch.control.rollback(watch.who("otto"), "nobody", RollbackOrder("x"))

    run(work())


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_above_tier_one_a_version_waits_and_is_validated_before_it_serves(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path, people=50_000) as watch:
            with pytest.raises(Conflict) as refused:
                await deploy(watch, "1")
            assert refused.value.cure == "standwatch validate loans --version 1 --until 90d"
            await validate(watch, "1")
            assert (await deploy(watch, "1")).level == "autonomous"
            await deploy(watch, "2", mode="shadow")
            for mode in ("full", "canary"):
                with pytest.raises(Conflict):
                    await deploy(watch, "2", mode=mode, share=500)
            await validate(watch, "2")
            assert level(watch) == "autonomous", "a statement about another version takes nothing away"
            await deploy(watch, "2")
            assert level(watch) == "autonomous"
            await rollback(watch)
            assert level(watch) == "autonomous", "a rollback restores the target's own evidence"

    run(work())


def test_a_statement_without_a_version_is_about_what_runs(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1")
            await validate(watch)
            assert level(watch) == "autonomous"
            await deploy(watch, "2")
            assert level(watch) == "supervised"
            await rollback(watch)
            assert level(watch) == "autonomous"
            with pytest.raises(StandwatchError):
                await watch.control.statement(watch.who("chen"), "loans", "9")

    run(work())


def test_a_validator_can_say_no_to_a_version(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            await deploy(watch, "1")
            await validate(watch, "2", "reject")
            assert level(watch) == "supervised"
            with pytest.raises(Conflict) as refused:
                await deploy(watch, "2")
            assert refused.value.code == "rejected"
            declared = {one.version: one.lacks for one in (await scorer(watch)).declared}
            assert "rejected" in declared["2"]

    run(work())


# --- at any moment --------------------------------------------------------------------------------------------


def test_versions_at_any_entry_are_what_the_diary_says(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            diary: list[tuple[int, str, str]] = []
            for version in ("1", "2"):
                diary.append(((await deploy(watch, version)).index, version, ""))
            diary.append(((await deploy(watch, "3", mode="canary", share=500)).index, "2", "3"))
            taken = await rollback(watch)
            diary.append((taken.index, "2", ""))  # the canary is what was new
            await watch.control.release(watch.who("otto"), str(taken.hold), ReleaseOrder("fine"))
            diary.append(((await deploy(watch, "4")).index, "4", ""))
            times = [watch.reader.entry(index).at for index in range(watch.reader.size)]
            for index in range(diary[0][0], watch.reader.size):
                last = max(
                    n for n, at in enumerate(times) if at <= times[index]
                )  # a rollback has its hold's time
                for at, upto in ((str(index), index), (written(times[index]), last)):
                    found = await watch.control.versions(watch.who("otto"), "loans", at)
                    (model,) = found.models
                    _, version, canary = [one for one in diary if one[0] <= upto][-1]
                    assert found.past
                    assert (model.version, model.canary, model.declared) == (version, canary, ())
                    assert model.digest == digest(version)
            pinned = await scorer(watch, str(taken.index))
            assert [pin.hold for pin in pinned.pinned] == [taken.hold]
            before = await watch.control.versions(watch.who("otto"), "loans", str(diary[0][0] - 1))
            assert before.models == ()

    run(work())


def written(at: int) -> str:
    """µs as RFC 3339."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)).isoformat()


def test_since_when_goes_back_over_many_changes_of_a_canary(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            first = await deploy(watch, "1")
            for share in range(1, 70):
                await deploy(watch, "2", mode="canary", share=share)
            found = await scorer(watch)
            assert (found.entry, found.by, found.since) == (first.index, "nina", first.at)
            assert len(found.changes) == 50
            assert found.changes[0].share == 69

    run(work())


def test_it_all_stands_after_a_restart_and_an_auditor_objects_to_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            for version in ("1", "2", "3"):
                await deploy(watch, version)
            await rollback(watch, to="1")
            said = await scorer(watch)
        async with lending(tmp_path) as watch:
            assert await scorer(watch) == said
            for index in range(watch.reader.size):
                entry = watch.reader.entry(index)
                if isinstance(entry, Deployed):
                    assert problems(watch.reader.state_before(index), index, entry, {"maria"}) == []

    run(work())


# --- races and faults -------------------------------------------------------------------------------------------


def test_of_two_rollbacks_at_once_one_goes_back_and_the_other_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            for version in ("1", "2", "3"):
                await deploy(watch, version)
            both = await asyncio.gather(rollback(watch), rollback(watch, "olga"), return_exceptions=True)
            done = [one for one in both if isinstance(one, Routed)]
            (other,) = [one for one in both if isinstance(one, Conflict)]
            assert [one.version for one in done] == ["2"], "one step back, not two"
            assert "somebody was faster" in str(other)
            assert (await scorer(watch)).version == "2"
            assert len(watch.gate.state.holds) == 1, "the loser's hold is not left behind"

    run(work())


def test_a_rollback_overtaken_by_another_change_is_not_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            for version in ("1", "2"):
                await deploy(watch, version)
            changed, taken = await asyncio.gather(
                deploy(watch, "3", mode="shadow"), rollback(watch), return_exceptions=True
            )
            assert isinstance(changed, Routed)
            assert isinstance(taken, Routed)
            assert (taken.version, taken.index) == ("1", changed.index + 2)

    run(work())


def test_where_the_record_takes_nothing_the_route_stays_and_halt_is_named(tmp_path: Path) -> None:
    async def work() -> None:
        disk = FaultyDisk("rolling-back")
        async with lending(tmp_path, vfs=disk.name) as watch:
            await deploy(watch, "1")
            await deploy(watch, "2")
            disk.arm("write", 0, 1_000_000)
            with pytest.raises(Unrecorded) as refused:
                await rollback(watch)
            assert refused.value.cure == "standwatch halt version:scorer@2 --reason …"
            disk.disarm()
            assert watch.gate.state.routes["loans/scorer"].version == "2"

    run(work())
