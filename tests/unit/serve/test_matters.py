"""What is the matter and no entry says: watches nobody keeps, tiers that rose; and whom a mail to `watch` reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from standwatch.facts.entries import Exposure
from standwatch.facts.notifying import Notify, Route, Smtp
from standwatch.facts.watches import Hours, WatchRule
from standwatch.fronts.control_watch import EndWatchOrder
from standwatch.notify.desk import Desk, Fault
from standwatch.respond.watches import spell, wanted
from standwatch.serve.matters import Matters
from standwatch.serve.notifying import addresses
from support.keeping import HOUR, kept, take
from support.relaxing_watch import awaited
from support.watch import Watch, now


def matters(watch: Watch) -> Matters:
    control = watch.control
    return Matters(
        "watch.invalid/log",
        watch.gate,
        watch.recorder,
        control.holds,
        control.adopting(),
        roster=control.roster,
    )


def named(found: tuple[Fault, ...], name: str) -> Fault | None:
    return next((one for one in found if one.name == name), None)


@awaited
async def test_a_watch_that_nobody_has_is_a_matter_until_somebody_takes_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        told = matters(watch)
        found = named(tuple(told.faults()), "watch:night")
        assert found is not None
        assert found.kind == "watch"
        assert "standwatch watch take night" in found.line
        assert found.systems == (), "one over everything fits every route"
        ships = named(tuple(told.faults()), "watch:ships")
        assert ships is not None
        assert ships.systems == ("ship",)
        await take(watch)
        assert named(tuple(told.faults()), "watch:night") is None
        await watch.control.end_watch(watch.who("olga"), "night", EndWatchOrder())
        assert named(tuple(told.faults()), "watch:night") is not None
        # Soon nobody will: nine minutes before its end it is said that nobody has taken it yet.
        await take(watch, until=now() + 9 * HOUR // 60)
        soon = named(tuple(told.faults()), "watch:night")
        assert soon is not None
        assert "ends in 8 min" in soon.line


@awaited
async def test_it_opens_one_incident_and_closes_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        desk = Desk("watch.invalid/log", lambda: 0.5)
        desk.configure(
            Notify({}, (Route(to=("room",), events=("watch",)),)), "Watch", "https://watch.example"
        )
        desk.faults(matters(watch).faults(), now())
        assert desk.book.incidents["watch/night"].severity == "warn"
        await take(watch)
        desk.faults(matters(watch).faults(), now())
        incident = desk.book.incidents["watch/night"]
        assert incident.ended
        lines = [line.text for line in incident.threads["room"].lines]
        assert lines[-1] == "somebody has it again, or it is not wanted any more"


@awaited
async def test_a_mail_to_the_watch_reaches_who_has_it_else_who_could(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        told, smtp = matters(watch), Smtp("mail", "a@watch.example", ("watch",))

        def reached(*systems: str) -> set[str]:
            found = addresses(watch.gate.configuration, smtp, systems, told.keeping)
            return {one.partition("@")[0] for one in found}

        assert reached("pay") == {"olga", "chen"}
        assert reached("ship") == {"olga", "chen", "nina"}
        await take(watch)
        assert reached("pay") == {"olga"}
        assert reached("ship") == {"olga"}
        await take(watch, "nina", "ships")
        assert reached("ship") == {"olga", "nina"}
        assert reached() == {"olga", "nina"}, "what is about no system is about every one"


@awaited
async def test_a_tier_that_rose_is_a_matter_until_the_manifest_says_so(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        told = matters(watch)
        assert named(tuple(told.faults()), "tier:pay") is None
        await watch.gate.append(Exposure(by="recorder", system="pay", people=9_000, week="2026-11-20"))
        found = named(tuple(told.faults()), "tier:pay")
        assert found is not None
        assert "counts as tier 2, and declares tier 1" in found.title
        assert "9000 people" in found.line


DAY = Hours(8 * 60, 18 * 60, "Europe/Vienna", ("mon", "fri"))
NIGHT = Hours(22 * 60, 6 * 60, "UTC", ("fri",))
MONDAY = 1_795_392_000_000_000  # 2026-11-23T00:00Z


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (None, 0, True),
        (DAY, 7, True),  # 08:00 in Vienna
        (DAY, 6.99, False),
        (DAY, 16.99, True),
        (DAY, 17, False),
        (DAY, 24 + 9, False),  # a Tuesday
        (NIGHT, -3 * 24 + 21.99, False),  # Friday, a moment before 22:00
        (NIGHT, -3 * 24 + 23, True),
        (NIGHT, -2 * 24 + 5.99, True),  # Saturday morning belongs to Friday's night
        (NIGHT, -2 * 24 + 6, False),
        (NIGHT, -2 * 24 + 23, False),  # Saturday's own night is nobody's
        (Hours(0, 0, "UTC", ("mon",)), 23.99, True),
        (Hours(0, 0, "UTC", ("mon",)), 24, False),
    ],
)
def test_when_a_watch_is_wanted(hours: Hours | None, at: float, expected: bool) -> None:
    rule = WatchRule(("olga",), hours=hours)
    assert wanted(rule, MONDAY + int(at * HOUR)) is expected


def test_hours_in_words() -> None:
    assert spell(None) == ""
    assert spell(DAY) == "08:00–18:00 Europe/Vienna mon, fri"
