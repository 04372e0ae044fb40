"""One alert for one incident: first at once, then folded, then over."""

from __future__ import annotations

import msgspec

from standwatch.facts.entries import (
    AnyEntry,
    Gap,
    PasskeyDoubted,
    PasskeyRefused,
    Relaxed,
    Restored,
    SignedOut,
)
from standwatch.facts.notifying import Notify, Quiet
from standwatch.notify.desk import BACKLOG, Desk, Fault
from standwatch.notify.events import SPELL, events
from standwatch.notify.incidents import WINDOW
from support.notifying import (
    HOUR,
    MINUTE,
    NOON,
    WORDS,
    Alerts,
    answered,
    asked,
    decided,
    deferred,
    denied,
    hold,
    notify,
    pulled,
    released,
    rollback,
)  # fmt: skip


class World:
    """A desk whose messages arrive at once."""

    def __init__(self, said: Notify | None = None) -> None:
        self.desk = Desk("t.invalid/log", lambda: 0.5)
        self.desk.configure(said or notify(), "Test", "https://watch.example")
        self.alerts = Alerts()
        self.size = 0

    def at(self, now: int, *entries: AnyEntry, faults: tuple[Fault, ...] = ()) -> list[str]:
        """What arrives at `now`, after these entries: stage and title."""
        for entry in entries:
            self.desk.hear(events(self.size, msgspec.structs.replace(entry, at=now), WORDS), self.size + 1)
            self.size += 1
        self.desk.faults(faults, now)
        self.desk.pass_time(now)
        before = len(self.alerts.told)
        for one in self.desk.ready(now, ()):
            self.alerts.take(one.message)
            self.desk.ended(one, now, "")
        return [f"{one.stage} {one.title}" for one in self.alerts.told[before:]]

    @property
    def lines(self) -> tuple[str, ...]:
        return self.alerts.told[-1].lines


def test_a_hold_is_told_at_once_and_over_when_every_holder_has_released() -> None:
    world = World()
    assert world.at(NOON, hold()) == ["opened system pay is halted"]
    assert world.at(NOON + MINUTE // 2, hold(), hold()) == [], "folded"
    assert world.at(NOON + WINDOW) == ["updated system pay is halted"]
    assert world.lines == ("hold 1 by Olga", "hold 2 by Olga")
    assert world.at(NOON + WINDOW + 1, released(0), released(1)) == []
    assert world.at(NOON + WINDOW + 2, released(2)) == ["resolved system pay is no longer halted"]
    assert len(world.lines) == 3
    assert world.alerts.told[-1].entries == (3, 4, 5)
    assert world.desk.book.incidents == {}
    assert world.desk.book.places == {}
    assert world.at(NOON + HOUR, hold()) == ["opened system pay is halted"], "another incident"
    assert len({one.incident for one in world.alerts.told}) == 2


def test_a_hold_that_ends_by_itself_is_over_when_it_does() -> None:
    world = World()
    world.at(NOON, hold(until=NOON + HOUR))
    assert world.at(NOON + HOUR - 1) == []
    assert world.at(NOON + HOUR) == ["resolved system pay is no longer halted"]
    assert world.lines == ("hold 0 ended by itself",)


def test_a_question_is_over_when_it_is_answered_or_when_nobody_did() -> None:
    world = World()
    assert world.at(NOON, asked("Q1"), asked("Q2")) == ["opened pay: an action waits for a signature"]
    assert world.at(NOON + 1, answered("Q1")) == []
    assert world.at(NOON + HOUR) == ["resolved pay: nothing waits for a signature any more"]
    assert world.lines == ("Q1 approved by Olga", "nobody answered Q2 in time: it is refused")


def test_a_rollback_and_its_hold_are_one_incident() -> None:
    world = World()
    assert world.at(NOON, hold(scope="version:scorer@2"), rollback()) == [
        'opened loans: scorer went back to version "1"'
    ]
    assert world.alerts.told[0].event == "rollback"
    assert world.at(NOON + SPELL * 2) == [], "its hold is still there"
    assert world.at(NOON + SPELL * 2 + 1, released(0)) == [
        'resolved version scorer version "2" is no longer halted'
    ]


def test_a_spell_is_one_incident_until_there_was_none_for_an_hour() -> None:
    world = World()
    assert len(world.at(NOON, *(decided("version_mismatch") for _ in range(500)))) == 1
    assert world.lines == ("scorer: version_mismatch; its fallback answers (500 times)",)
    assert world.at(NOON + SPELL - 1, decided("version_mismatch")) == [
        "updated loans: another version answers than the one deployed"
    ]
    assert world.at(NOON + SPELL * 2 - 2) == []
    assert world.at(NOON + SPELL * 2) == [
        "resolved loans: another version answers than the one deployed: not any more"
    ]


def test_a_gap_belongs_to_the_trouble_that_made_it() -> None:
    world = World()
    down = Fault(
        "record",
        "record",
        "record",
        "The record cannot be written",
        "It is whole again",
        "no disk",
        "it can be written",
    )
    assert world.at(NOON, faults=(down,)) == ["opened The record cannot be written"]
    assert world.at(NOON + 1, faults=(down,)) == []
    assert world.at(NOON + 2, Gap(by="log", begin=NOON)) == ["resolved It is whole again"]
    assert world.lines[0].startswith("nothing could be recorded from")
    assert world.lines[1] == "it can be written"


def test_a_halt_that_only_memory_has_becomes_the_hold_of_the_record() -> None:
    world = World()
    fault = Fault(
        "hold:system:pay",
        "hold/system:pay",
        "hold",
        "system pay is halted",
        "it may run",
        "in memory",
        "it is in the record now",
    )
    assert world.at(NOON, faults=(fault,)) == ["opened system pay is halted"]
    assert world.at(NOON + 1, hold()) == [], "one incident: nothing is over, nothing new"
    assert world.at(NOON + WINDOW) == ["updated system pay is halted"]
    assert world.lines == ("hold 0 by Olga", "it is in the record now")


def test_quiet_hours_hold_back_what_is_no_page() -> None:
    night = NOON + 11 * HOUR
    world = World(notify(quiet=Quiet(22 * 60, 6 * 60)))
    assert world.at(night, denied(verdict="defer"), hold()) == ["opened system pay is halted"], (
        "a page is never quiet"
    )
    assert world.at(night + 6 * HOUR) == []
    assert world.at(night + 7 * HOUR) == ["resolved pay: effects are put off: not any more"], (
        "and nothing is lost"
    )
    assert len(world.lines) == 2


def test_routes_choose_by_event_system_and_severity() -> None:
    assert World(notify(events=("approval",))).at(NOON, hold()) == []
    assert World(notify(events=("hold",))).at(NOON, hold()) != []
    assert World(notify(systems=("loan*",))).at(NOON, hold()) == []
    assert World(notify(systems=("loan*",))).at(NOON, hold(scope="vendor:x")) != [], (
        "of no system that we know: all"
    )
    assert World(notify(severity="page")).at(NOON, denied(verdict="defer")) == []


def test_a_channel_that_takes_nothing_gets_fewer_messages_not_more() -> None:
    world = World()
    for second in range(3 * BACKLOG):  # nothing is taken from the desk
        world.desk.hear(events(second, hold(NOON, f"agent:a{second}"), WORDS), second + 1)
        world.desk.pass_time(NOON + second)
    assert len(world.desk.waiting) == BACKLOG
    while world.at(NOON + HOUR):
        pass
    assert len(world.alerts.open) == 3 * BACKLOG, "what was held back goes once there is room"


def test_of_more_than_fits_the_number_is_said() -> None:
    world = World()
    world.at(NOON, *(hold(scope="all") for _ in range(50)))
    assert (len(world.lines), world.alerts.told[-1].more) == (20, 30)


def test_a_relaxation_is_told_when_it_begins_shortly_before_it_ends_and_when_it_has() -> None:
    world = World()
    until = NOON + HOUR
    said = {
        "system": "pay",
        "check": "policy",
        "scope": "tool:bank.send",
        "compensating": "approval",
        "envelope": "",
    }
    assert world.at(NOON, Relaxed(by="olga", until=until, **said)) == ["opened pay: a check is bypassed"]
    assert world.lines == ('relaxation 0: "policy" on tool bank.send, by Olga, until 2027-01-15 13:00 UTC',)
    assert world.at(until - 6 * MINUTE) == []
    assert world.at(until - 5 * MINUTE) == ["updated pay: a check is bypassed"]
    assert world.lines == ("relaxation 0 ends soon",)
    assert world.at(until) == ["resolved pay: no check is bypassed any more"]
    world.at(until + HOUR, Relaxed(by="olga", until=until + 3 * HOUR, **said))
    assert world.at(until + HOUR + 1, Restored(by="olga", relaxed=1, system="pay")) == [
        "resolved pay: no check is bypassed any more"
    ]


def test_a_passkey_that_may_have_a_copy_is_a_finding() -> None:
    world = World()
    doubted = PasskeyDoubted(by="log", credential="c", person="olga", of=1, count=4, last=9)
    assert world.at(NOON, doubted) == ["opened A passkey was refused: there may be a copy of it"]
    assert world.lines == ("of Olga, counter 4 after 9: standwatch passkey list",)


def test_a_stolen_session_and_a_lure_are_one_finding_of_their_person() -> None:
    world = World()
    left = SignedOut(by="olga", person="olga", session="5e" * 32, code="left")
    assert world.at(NOON, left) == []
    stolen = SignedOut(by="log", person="olga", session="5e" * 32, code="elsewhere")
    assert world.at(NOON + 1, stolen) == ["opened A session was ended: its cookie turned up elsewhere"]
    assert world.lines == ("session 5e5e5e5e5e5e of Olga: standwatch session list",)
    lured = PasskeyRefused(by="log", person="olga", credential="c", code="wrong_origin")
    assert world.at(NOON + 2, lured) == [], "one alert for one incident"


def test_what_is_put_off_of_one_system_is_told_once_and_over_when_nothing_is() -> None:
    world = World()
    assert world.at(NOON, deferred("D1")) == ["opened pay: effects are put off, too much was asked"]
    assert world.at(NOON + 1, deferred("D2"), deferred("D3"), denied(verdict="defer")) == [], "folded"
    assert world.at(NOON + 2, pulled("D1"), pulled("D2", into="nothing"), pulled("D3")) == []
    over = world.at(NOON + 2 * SPELL)
    assert over == ["resolved pay: nothing is put off any more"]


def test_what_nobody_pulls_is_over_by_itself() -> None:
    world = World()
    world.at(NOON, deferred("D1", until=NOON + HOUR))
    assert world.at(NOON + HOUR) == ["resolved pay: nothing is put off any more"]
    assert world.lines[-1].endswith("nobody asked about D1: it is not carried out")
