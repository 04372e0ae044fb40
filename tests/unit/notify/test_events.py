# ruff: noqa: E501 — a sentence is one line, as people read it
"""Which entries are told of, in which words, and what makes two of them one incident."""

from __future__ import annotations

import msgspec
import pytest

from standwatch.facts.entries import (
    AnyEntry,
    Config,
    Declared,
    Endorsed,
    Gap,
    Intent,
    Outcome,
    OutcomeChecked,
    RunOpened,
    SecondPlace,
    Unmasked,
)
from standwatch.notify.events import Event, events, of_interest
from standwatch.record.leaf import encode
from support.notifying import (
    HOUR,
    NOON,
    WORDS,
    answered,
    asked,
    decided,
    deferred,
    denied,
    evidence,
    hold,
    pulled,
    released,
    rollback,
)  # fmt: skip


def only(entry: AnyEntry, index: int = 7) -> Event:
    (event,) = events(index, entry, WORDS)
    return event


def interesting(entry: AnyEntry) -> bool:
    return of_interest(encode(msgspec.structs.replace(entry, at=0), NOON))


SAID = {
    "hold": (hold(), "page", "hold/system:pay", "system pay is halted", "hold 7 by Olga"),
    "asked": (
        asked(), "page", "approval/pay", "pay: an action waits for a signature",
        'bank.send, asked by "agent-1", until 2027-01-15 13:00 UTC: standwatch approve Q1',
    ),
    "deferred": (
        deferred(), "warn", "deferred/pay", "pay: effects are put off, too much was asked",
        'bank.send, asked by "agent-1", until 2027-01-15 20:00 UTC: standwatch deferred ask Q1',
    ),
    "full": (denied(verdict="defer", code="asks"), "warn", "deferred/pay", "pay: effects are put off", 'bank.send by "agent-1": asks'),
    "refused": (denied(), "info", "refusal/pay", "pay: actions are refused", 'bank.send by "agent-1": provenance'),
    "changed": (denied(code="definition_changed"), "page", "finding/pay/definition_changed", "pay: a tool is no longer the one that was accepted", 'bank.send by "agent-1": definition_changed'),
    "canary, refused": (denied(code="canaries"), "page", "canary/pay", "pay: a canary turned up", 'in action D1 by "agent-1", refused: standwatch explain D1'),
    "canary, withheld": (
        OutcomeChecked(at=NOON, by="agent-1", id="D1", of=3, status="ok", system="pay", code="canaries", withheld=True),
        "page", "canary/pay", "pay: a canary turned up", 'in action D1 by "agent-1", withheld: standwatch explain D1',
    ),
    "canary, seen": (
        OutcomeChecked(at=NOON, by="agent-1", id="D1", of=3, status="ok", system="pay", code="canaries"),
        "page", "canary/pay", "pay: a canary turned up", 'in action D1 by "agent-1", it went on: standwatch explain D1',
    ),
    "mismatch": (
        decided("version_mismatch"), "page", "finding/loans/scorer/version_mismatch",
        "loans: another version answers than the one deployed", "scorer: version_mismatch; its fallback answers",
    ),
    "rollback": (
        rollback(), "page", "hold/version:scorer@2", 'loans: scorer went back to version "1"',
        '"1" serves instead of "2", by Olga',
    ),
    "rejected": (evidence("reject"), "warn", "evidence/pay", "pay: rejected by its validator", "rejected by Chen, until 2027-01-16 12:00 UTC"),
    "gap": (
        Gap(at=NOON, by="log", begin=NOON - HOUR, unrecorded=3), "page", "record", "The record has a gap",
        "nothing could be recorded from 2027-01-15 11:00 UTC on; 3 answers were given without it",
    ),
    "config": (Config(at=NOON, by="olga", root="ab" * 32), "info", "configuration", "A configuration is in force", "configuration abababababababab"),
    "declared": (
        Declared(at=NOON, by="olga", system="pay", envelope="cd" * 32, components="", change="first"),
        "info", "system/pay", "pay is declared", "envelope cdcdcdcdcdcdcdcd, tier 1, for the first time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_is_said(name: str) -> None:
    entry, severity, key, title, line = SAID[name]
    event = only(entry)
    assert (event.severity, event.key, event.title, event.line) == (severity, key, title, line)
    assert (event.index, event.at) == (7, NOON)
    assert interesting(entry)


def test_an_end_finds_what_it_ends() -> None:
    assert only(released(7)).member == only(hold()).member
    assert only(answered("Q1")).member == only(asked("Q1")).member
    assert only(pulled("Q1")).member == only(deferred("Q1")).member
    assert only(evidence("pass")).member == only(evidence("conditions")).member
    assert all(only(one).ends for one in (released(7), answered(), pulled(), evidence("pass")))


def test_a_decoy_that_is_known_to_be_one_waits_for_nobody() -> None:
    opened = Unmasked(at=NOON, by="standwatch", id="Q1", of=7, salt="00" * 32, decoy=True)
    assert (only(opened).member, only(opened).ends) == (only(asked("Q1")).member, True)
    assert interesting(opened)
    assert list(events(7, msgspec.structs.replace(opened, decoy=False), WORDS)) == []


def test_what_a_stranger_named_is_quoted_and_makes_no_incident_of_its_own() -> None:
    event = only(denied(system="http://evil.example", tool="<!here>", by="*x*"))
    assert event.title == '"http[:]//evil[.]example": actions are refused'
    assert event.line == '"\\u003c\\u0021here\\u003e" by "\\u002ax\\u002a": provenance'
    assert event.systems == ()
    assert event.key == only(denied(system="another")).key


def test_what_is_of_no_interest_is_not_even_read() -> None:
    intent = Intent(id="A", by="a", run="r", system="pay", tool="bank.send", digest="", seen=0, why="")
    outcome = Outcome(id="A", by="a", of=1, status="ok")
    assert not interesting(OutcomeChecked(id="A", by="a", of=1, status="ok", system="pay", code="secrets"))
    assert not interesting(intent)
    assert not interesting(outcome)
    assert not interesting(msgspec.structs.replace(decided("x"), codes={}))
    opened = RunOpened(by="a", run="r", system="pay", principal="a")
    assert [
        one for entry in (intent, outcome, opened, decided("out_of_range")) for one in events(1, entry, WORDS)
    ] == []


def test_one_approval_of_several_that_it_takes_ends_nothing() -> None:
    still = msgspec.structs.replace(WORDS, waits=lambda ident: ident == "Q1")
    assert list(events(9, answered("Q1"), still)) == []
    (refused,) = events(9, answered("Q1", decision="refuse"), still)
    assert refused.ends, "one refusal ends it"
    (last,) = events(9, answered("Q2"), still)
    assert last.ends


def test_a_value_that_is_vouched_for_answers_the_question() -> None:
    entry = Endorsed(
        at=1, by="p-olga", id="Q1", of=3, run="r", name="recipient", digest="d", key="k", sig="s", head="", until=9
    )  # fmt: skip
    (told,) = events(9, entry, WORDS)
    assert (told.member, told.ends) == ("asked:Q1", True)
    assert "vouched for" in told.line


@pytest.mark.parametrize(
    ("code", "how"),
    [("another_place", "from a second place"), ("without_key", "without the key it is bound to")],
)
def test_a_token_in_a_second_place_is_a_finding_that_says_how_to_stop_it(code: str, how: str) -> None:
    entry = SecondPlace(at=NOON, by="standwatch", run="R1", principal="agent", code=code)
    told = only(entry)
    assert (told.kind, told.key, told.title) == ("finding", "finding/run/R1", f"A run's token was used {how}")
    assert "standwatch halt run:R1 --reason" in told.line
    assert interesting(entry)
