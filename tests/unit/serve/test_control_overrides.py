"""Overrides over a real recorder: who may, what stands, what is told of it, and that two never both win."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.decisions import Context, RowRecord
from standwatch.facts.entries import Decided, Overridden, RunOpened
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.frames import Ack, Append, RowPart
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part, commitment
from standwatch.fronts.control_overrides import OverrideDone, OverrideOrder
from standwatch.record.decision import decision
from standwatch.record.rows import root_of, row_bytes, row_leaf, row_salt
from standwatch.store.sealing import HASHES
from support.models import write_loans
from support.watch import Watch, now, standing

SALT = b"the salt of a batch, in a test.."
DECIDES = """\
    outcome: {output: p, threshold: 0.5, at_or_above: denied, below: approved}
    overrides: {by: [otto@watch.example, nina@watch.example], within: 14d, per_day: 3}
"""


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@asynccontextmanager
async def lending(folder: Path) -> AsyncGenerator[Watch]:
    if not (folder / "standwatch.yaml").exists():
        write_loans(folder)
        manifest = folder / "systems" / "loans.yaml"
        text = manifest.read_text()
        text = text.replace("    inputs: {", "    inputs: {applicant: {type: text}, ")
        text = text.replace("    fallback: refer-to-human\n", DECIDES + "    fallback: refer-to-human\n", 1)
        manifest.write_text(text + "data_subjects: [{input: applicant}]\n")
    async with standing(folder, agent=False) as watch:
        yield watch


async def decided(watch: Watch, *people: str) -> int:
    """A batch of denials about `people`, as the gate writes it; its index."""
    ident, opened = new_id(now(), b"0123456789"), new_id(now(), b"9876543210")
    await watch.gate.append(
        RunOpened(by="gate", run=opened, system="loans", principal="desk", until=now() + 10**9)
    )
    rows = [row_bytes(RowRecord((one, 900.0), None, [0.9], "denied")) for one in people]
    leaves = [row_leaf(row_salt(SALT, n), row) for n, row in enumerate(rows)]
    parts = [RowPart(n, (people[n],), row_salt(SALT, n), row) for n, row in enumerate(rows)]
    if len(rows) > 1:
        parts.append(RowPart(HASHES, (), b"", b"".join(leaves)))
    context = Part("context", SALT, msgspec.json.encode(Context(("applicant", "income"), ("p",))))
    entry = Decided(
        by="desk",
        id=ident,
        run=opened,
        system="loans",
        model="scorer",
        rows=len(rows),
        tree=root_of(leaves).hex(),
        seen=watch.gate.state.seen,
        why=commitment(context.salt, context.data),
        conf=watch.gate.state.config,
    )
    answer = await watch.link.append(
        Append(watch.link.next_number(), entry, (context,), (), ("system:loans",), rows=tuple(parts))
    )
    assert isinstance(answer, Ack), answer
    return answer.index


async def override(
    watch: Watch, by: str, place: str, outcome: str = "approved", reason: str = "income was per year"
) -> OverrideDone:
    ident, _, row = place.partition("/")
    return await watch.control.override(watch.who(by), ident, row, OverrideOrder(outcome, reason))


async def refused(kind: type[StandwatchError], code: str, act: Coroutine[Any, Any, Any]) -> None:
    with pytest.raises(kind) as error:
        await act
    assert error.value.code == code


def test_both_stand_and_the_last_has_force(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "bert")
            first = await override(watch, "otto", f"{index}/1")
            assert (first.decision, first.former, first.outcome) == (f"{index}/1", "denied", "approved")
            second = await override(watch, "nina", f"{index}/1", "denied", "it was per month after all")
            assert second.follows == first.index
            entry = watch.reader.entry(first.index)
            assert isinstance(entry, Overridden)
            assert (entry.by, entry.of, entry.row) == ("otto", index, 1)
            told = decision(watch.reader, f"{index}/1")
            assert told.record is not None
            assert told.record.outcome == "denied"
            assert [one.index for one in told.overrides] == [first.index, second.index]
            assert not told.problems
            assert decision(watch.reader, f"{index}/0").overrides == ()

    run(work())


def test_who_may_not_is_told_why(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "otto@watch.example", "otto")
            await refused(Forbidden, "forbidden", override(watch, "chen", f"{index}/0"))
            await refused(Forbidden, "forbidden", override(watch, "maria", f"{index}/0"))
            for row in (1, 2):
                await refused(Forbidden, "own_decision", override(watch, "otto", f"{index}/{row}"))
            await refused(Malformed, "bad_outcome", override(watch, "otto", f"{index}/0", "perhaps"))
            await refused(Malformed, "no_reason", override(watch, "otto", f"{index}/0", reason=" "))
            await refused(Conflict, "same_outcome", override(watch, "otto", f"{index}/0", "denied"))
            for place in (f"{index}/3", f"{index + 99}/0", "nothing/0", "0/0"):
                await refused(NotFound, "not_found", override(watch, "otto", place))

    run(work())


def test_halt_authority_takes_one_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna")
            await refused(Forbidden, "forbidden", override(watch, "olga", f"{index}/0"))
            await override(watch, "otto", f"{index}/0")
            assert (await override(watch, "olga", f"{index}/0", "denied")).former == "approved"

    run(work())


def test_of_two_at_once_one_wins(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna")
            tried = (override(watch, by, f"{index}/0") for by in ("otto", "nina"))
            answers = await asyncio.gather(*tried, return_exceptions=True)
            assert sorted(type(each).__name__ for each in answers) == ["Conflict", "OverrideDone"]

    run(work())


def test_a_day_has_so_many_and_a_restart_forgets_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, *(f"p{n}" for n in range(5)))
            for row in range(3):
                await override(watch, "otto", f"{index}/{row}")
        async with lending(tmp_path) as watch:
            await refused(Forbidden, "per_day", override(watch, "otto", f"{index}/3"))
            await override(watch, "nina", f"{index}/3")
            report = await watch.control.overrides(watch.who("otto"), "loans")
            assert (report.total, report.rows, report.decided, report.per_cent) == (4, 4, 5, 80.0)
            assert [(one.by, one.overrides) for one in report.people] == [("otto", 3), ("nina", 1)]
            assert sum(report.days.values()) == 4

    run(work())


def test_the_report_names_chains_and_says_what_was_erased(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "bert")
            await override(watch, "otto", f"{index}/0")
            await override(watch, "nina", f"{index}/0", "denied", "no")
            await override(watch, "otto", f"{index}/1")
            report = await watch.control.overrides(watch.who("nina"), "loans")
            assert [(one.decision, one.people) for one in report.chains] == [(f"{index}/0", ("otto", "nina"))]
            assert {one.by: one.undone for one in report.people} == {"otto": 1, "nina": 0}
            assert [(one.stands, one.outcome) for one in report.latest] == [
                (True, "approved"),
                (True, "denied"),
                (False, "approved"),
            ]
            await asyncio.wrap_future(watch.recorder.erase("bert"))
            report = await watch.control.overrides(watch.who("nina"), "loans")
            assert (report.latest[0].outcome, report.latest[0].why) == ("", "")
            assert report.latest[1].why == "no"
            await refused(NotFound, "erased", override(watch, "otto", f"{index}/1", "denied"))
            later = await watch.control.overrides(watch.who("nina"), "loans", "2100-01-01T00:00Z")
            assert (later.total, later.latest) == (0, ())
            stranger = msgspec.structs.replace(watch.who("olga"), ident="eve")
            await refused(Forbidden, "forbidden", watch.control.overrides(stranger, "loans", ""))

    run(work())
