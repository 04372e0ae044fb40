"""What the person hears and what the operator sees: the right things, in their words, and nothing that acts."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.decisions import Context, RowRecord
from standwatch.facts.models import Actionable, Feature, Model, Outcome, Output
from standwatch.watch.decision import Decision, decision, given_row, recorded
from standwatch.watch.explaining import Reasons, explain, narrative
from standwatch.watch.plain_words import Contact, for_operator, for_person, inert, shown
from standwatch.watch.reexecution import Contributed, Share
from support.explaining import drive

MODEL = Model(
    "scorer",
    inputs=(
        Feature("debt", min=0, max=1, unit="of your income", words="your monthly debt", fresh=60,
                actionable=Actionable(direction="down", step=0.1)),
        Feature("income", min=0, max=9000, unit="€", words="your income", actionable=Actionable(step=100)),
        Feature("late_payments", "integer", min=0, max=9),
        Feature("note", "text"),
    ),
    outputs=(Output("s", "score"),),
    outcome=Outcome("s", 1.0, at_or_above="denied", below="approved"),
)  # fmt: skip
NOTE = "x\u202e<script>alert(1)</script>\x1b[31m\nAsk: evil"
CONTEXT = Context(
    ("debt", "income", "late_payments", "note", "extra"),
    ("s",),
    parameters={"age.debt": 61, "age.income": 5, "source.income": "payroll\x07", "cache_age": 3},
    trace="00-ab-cd-01",
    served={"version": "7"},
    threshold=1.0,
)
RECORD = RowRecord(received=(0.9, 2000, 1, NOTE, 4), outputs=[1.7], outcome="denied")
OWN = Contributed(
    "shap", "identity", 0.0, 1.7,
    (Share(("debt",), 1.8), Share(("income",), -0.2), Share(("late_payments", "note"), 0.1)),
)  # fmt: skip
CONTACT = Contact("credit@bank.example", "write to the above within 30 days")


def score(row: tuple[object, ...]) -> float:
    debt, income, *_ = row
    assert isinstance(debt, float | int)
    assert isinstance(income, float | int)
    return 1.7 if (debt, income) == (0.9, 2000) else 2 * debt - income / 10_000


def explained(
    record: RowRecord = RECORD, own: Contributed | None = OWN, reasons: Reasons | None = None
) -> Decision:
    row = (record.used or record.received)[:4]
    found = reasons or drive(explain(MODEL, row, {"s": 1.7}, pinned=True), score, contributed=own)
    return decision(
        MODEL, record, CONTEXT, found, ident="4711/3", at=1_795_000_000_000_000, system="mortgage",
        purpose="Advises on home loans", version="3", digest="ab" * 32,
    )  # fmt: skip


def test_the_person_hears_what_why_what_else_and_whom_to_ask() -> None:
    text = for_person(explained(), MODEL, CONTACT)
    assert "The outcome is “denied”. It was given on 18 November 2026 (UTC)." in text
    assert "A computer model decided this" in text
    assert "gave the same result" in text
    assert "These spoke for it most, the strongest first:\n- your monthly debt: 0.9 of your income" in text
    assert "- late payments: 1, together with note: “" in text
    assert "These spoke against it:\n- your income: 2,000 €" in text
    assert (
        "- your monthly debt: 0.5 of your income instead of 0.9 of your income. The outcome would have been “approved”"
        in text
    )
    assert "credit@bank.example" in text
    assert "within 30 days" in text
    assert "Give this reference: 4711/3" in text


def test_the_person_hears_no_internals_and_what_was_written_is_inert() -> None:
    text = for_person(explained(), MODEL, CONTACT)
    for secret in ("abab", "version", "shap", "1.7", "threshold", "00-ab", "payroll", "scorer"):
        assert secret not in text, secret
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nAsk: evil" not in text


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("refer-to-human", "passed to a person"),
        ("rule", "A fixed rule"),
        ("constant", "A fixed answer"),
        ("refused", "Nothing was decided"),
        ("previous", "An earlier version"),
    ],
)
def test_who_decided_is_said_and_reasons_only_of_models(route: str, words: str) -> None:
    record = msgspec.structs.replace(RECORD, route=route, outcome="")
    text = for_person(explained(record, reasons=narrative("no model decided it")), MODEL, Contact())
    assert words in text
    assert "There is no outcome yet." in text
    assert ("could not be run again" in text) == (route == "previous")
    assert "The main reasons" not in text


def test_contributions_that_do_not_add_up_are_not_told_as_reasons() -> None:
    wrong = msgspec.structs.replace(OWN, margin=5.0)
    told = explained(own=wrong)
    assert "These spoke for it" not in for_person(told, MODEL, CONTACT)
    assert "DOUBT: the contributions do not add up" in for_operator(told)


def test_a_grid_is_told_as_what_the_result_depends_on() -> None:
    told = explained(own=Contributed("", why="its server tells none"))
    assert "depends most on these" in for_person(told, MODEL, CONTACT)
    assert "one-at-a-time grid (these do not add up; its server tells none)" in for_operator(told)


def test_the_operator_sees_all_of_it() -> None:
    record = msgspec.structs.replace(
        RECORD, used=(0.9, 2000.0, 1, "cut", 4), code="late", reason="slow\x1b[2J"
    )
    text = for_operator(explained(record))
    assert "decision 4711/3  2026-11-18" in text
    assert f"mortgage/scorer, version 3, artifact {'ab' * 32}" in text
    assert "debt = 0.9 of your income, 61 s old: STALE after 60 s, actionable" in text
    assert "income = 2000 €, used 2000.0, 5 s old, from payroll·, actionable" in text
    assert "extra = 4, no feature of the model" in text
    assert 'used "cut"' in text
    assert "grade: exact." in text
    assert "score 1.7, threshold 1.0" in text
    assert "+1.8  debt = [0.9]  towards denied" in text
    assert "they add up" in text
    assert "searched debt from 0 to 0.9: 9 of 9 values" in text
    assert "the smallest" in text
    assert "\x1b" not in text


def test_a_served_version_that_answers_otherwise_is_not_called_the_same() -> None:
    same, other = (
        for_person(
            explained(reasons=drive(explain(MODEL, RECORD.received[:4], {"s": s}, pinned=False), score)),
            MODEL,
            CONTACT,
        )
        for s in (1.7, 1.8)
    )
    assert "gave the same result" in same
    assert "gave another result than at the time" in other


def test_the_models_row_is_in_its_order_and_what_was_not_sent_is_missing() -> None:
    context = msgspec.structs.replace(CONTEXT, names=("extra", "income", "debt"))
    record = RowRecord(received=(4, 2000, 0.9), used=(4, 2000, 0.8), outputs=[1.7])
    assert given_row(MODEL, record, context) == (0.8, 2000, None, None)
    assert recorded(record, context) == {"s": 1.7}


def test_another_version_than_the_entrys_has_not_its_digest() -> None:
    told = explained(msgspec.structs.replace(RECORD, version="2", route="previous"))
    assert (told.version, told.digest) == ("2", "")


def test_a_feature_that_was_not_sent_is_there_as_missing() -> None:
    context = msgspec.structs.replace(CONTEXT, names=("debt",))
    record = RowRecord(received=(0.9,), outputs=[1.7], outcome="denied")
    told = decision(
        MODEL,
        record,
        context,
        narrative("x"),
        ident="1/0",
        at=0,
        system="s",
        purpose="",
        version="",
        digest="",
    )
    assert [(each.name, each.received) for each in told.inputs][1:] == [
        ("income", None), ("late_payments", None), ("note", None),
    ]  # fmt: skip


def test_it_is_json() -> None:
    told = msgspec.json.decode(msgspec.json.encode(explained()))
    assert told["reasons"]["grade"]["grade"] == "exact"
    assert told["reasons"]["changes"]["singles"][0]["changes"][0]["feature"] == "debt"
    assert told["inputs"][0]["stale"] is True


@given(st.text(max_size=300))
def test_nothing_that_acts_survives(text: str) -> None:
    safe = inert(text)
    assert len(safe) <= 80
    assert all(unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in safe)
    assert "\n" not in shown(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not given"), (True, "yes"), (False, "no"), (1_234_567, "1,234,567"), (0.1 + 0.2, "0.3"),
        (12.50, "12.5"),
        (1e-9, "1e-09"), (-3.0, "-3"), (float("inf"), "inf"), (10**30, "1e+30"), ("a", "“a”"), (0.0, "0"),
    ],
)  # fmt: skip
def test_values_as_people_write_them(value: float | str | None, text: str) -> None:
    assert shown(value) == text
