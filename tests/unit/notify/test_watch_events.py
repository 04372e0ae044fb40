"""What is told of watches and of break-glass: who took one, that a glass was opened, and when that was reviewed."""

from __future__ import annotations

import msgspec

from standwatch.facts.entries import AnyEntry, Contradicted, Coverage, Glass, Watch, Way
from standwatch.notify.events import Event, events, of_interest
from standwatch.notify.incidents import Book
from standwatch.record.leaf import encode
from support.notifying import HOUR, NOON, WORDS


def only(entry: AnyEntry, index: int = 7) -> Event:
    assert of_interest(encode(msgspec.structs.replace(entry, at=0), NOON))  # type: ignore[type-var]
    (event,) = events(index, entry, WORDS)
    return event


def glass(step: str, by: str = "olga", **more: int) -> Glass:
    return Glass(at=NOON, by=by, step=step, glass=4, **more)  # type: ignore[arg-type]


def test_who_took_a_watch_is_told_once_and_quietly() -> None:
    taken = Watch(
        at=NOON, by="olga", watch="night", step="taken", person="olga", until=NOON + HOUR, shown="s"
    )
    event = only(taken)
    assert (event.kind, event.severity, event.once) == ("watch", "info", True)
    assert event.title == 'The watch "night" changed hands'
    assert event.line == "taken by Olga, until 2027-01-15 13:00 UTC"
    handed = msgspec.structs.replace(taken, step="handed_over", person="chen", giver="olga")
    assert only(handed).line == "handed over to Chen by Olga, until 2027-01-15 13:00 UTC"
    ended = Watch(at=NOON, by="olga", watch="night", step="ended")
    assert only(ended).line == "ended by Olga"


def test_an_opened_break_glass_is_an_incident_until_it_is_reviewed() -> None:
    book = Book()
    opened = only(glass("opened", until=NOON + HOUR))
    assert (opened.kind, opened.severity) == ("break_glass", "page")
    assert "standwatch break-glass review 4" in opened.line
    incident = book.hear(opened, lambda _: ("room",))
    assert incident is not None
    assert not incident.ended
    book.pass_time(NOON + 9 * HOUR, lambda _: ("room",))
    assert not incident.ended, "the session is over, and nobody has reviewed it"
    book.hear(only(glass("reviewed", "chen"), 9), lambda _: ("room",))
    assert incident.ended
    assert [line.text for line in incident.threads["room"].lines][-1] == "break-glass 4 reviewed by Chen"


def test_sealing_and_drilling_are_told_once_without_waking_anybody() -> None:
    for step in ("sealed", "drilled"):
        event = only(glass(step))
        assert (event.severity, event.once) == ("info", True), step


def test_a_way_round_is_an_incident_until_a_validator_signs_that_it_is_gone() -> None:
    book = Book()
    seen = Coverage(
        at=NOON,
        by="otto",
        system="pay",
        host="laptop",
        envelope="e",
        ways=[Way(tool="bank.send", code="direct")],
    )
    event = only(seen)
    assert (event.kind, event.severity) == ("coverage", "warn")
    assert event.line.startswith('"bank[.]send" on "laptop", says')
    incident = book.hear(event, lambda _: ("room",))
    assert incident is not None
    assert list(events(8, msgspec.structs.replace(seen, ways=[]), WORDS)) == [], (
        "said without a signature it is nothing"
    )
    book.hear(only(msgspec.structs.replace(seen, ways=[], sig="s", by="chen"), 9), lambda _: ("room",))
    assert incident.ended


def test_a_contradiction_is_told_without_what_was_said() -> None:
    made = Contradicted(
        at=NOON, by="standwatch", id="w", of=4, run="r", system="pay", code="tests_failed", entries=[3]
    )
    event = only(made)
    assert (event.kind, event.severity, event.once) == ("word", "warn", True)
    assert event.line == "tests_failed in run r: standwatch runs r"
