"""Who may change a decision, to what, until when; and that a chain of overrides tells the truth about itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.entries import Decided
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.models import Model, Outcome, Output, Overrides
from standwatch.facts.overrides import Overruling, overruling_bytes, read_overruling
from standwatch.respond.overrides import Override, Person, Previous, Row, outcomes, override

AT = 1_795_000_000_000_000
SECOND = 1_000_000
DECIDED = Decided(
    at=AT,
    by="bank",
    id="a" * 26,
    run="r",
    system="mortgage",
    model="score",
    tree="t",
    seen=1,
    why="w",
    rows=4,
)
ROW = Row(17, DECIDED, 3, "denied", ("p-carla@bank.example",))
MODEL = Model(
    "score",
    outcome=Outcome("p", threshold=0.5, at_or_above="denied", below="approved"),
    overrides=Overrides(by=("p-maria", "p-omar"), within=3_600, per_day=5),
)
MARIA = Person("p-maria", ("maria@bank.example",))


def overridden(outcome: str = "approved", **changes: Any) -> Override:
    order: dict[str, Any] = {
        "row": ROW,
        "outcome": outcome,
        "who": MARIA,
        "reason": "income was per year",
        "previous": None,
        "model": MODEL,
        "now": AT + SECOND,
    }
    return override(**(order | changes))


def refused(kind: type[StandwatchError], code: str, **changes: Any) -> None:
    with pytest.raises(kind) as error:
        overridden(**changes)
    assert error.value.code == code


def ruled(**changes: Any) -> Model:
    return msgspec.structs.replace(MODEL, overrides=msgspec.structs.replace(MODEL.overrides, **changes))


def previous(outcome: str = "approved", former: str = "denied", *, at: int = AT) -> Previous:
    return Previous(20, at, Overruling(outcome, "why", former))


def test_an_override_names_the_row_and_what_stood_before() -> None:
    made = overridden()
    entry = made.entry
    assert (entry.id, entry.of, entry.row, entry.system, entry.model) == (
        "a" * 26,
        17,
        3,
        "mortgage",
        "score",
    )
    assert (entry.by, entry.follows) == ("p-maria", -1)
    assert made.given == Overruling("approved", "income was per year", "denied")
    assert made.caps == {"day/override/score/p-maria": 5}
    assert made.valid_until == AT + 3_600 * SECOND


def test_nobody_may_where_the_manifest_names_nobody() -> None:
    refused(Forbidden, "no_overrides", model=ruled(by=()))


def test_only_the_people_named_may() -> None:
    refused(Forbidden, "forbidden", who=Person("p-eve"))
    refused(Forbidden, "forbidden", who=Person("p-eve"), halt=("p-eve",))


@pytest.mark.parametrize("subject", ["p-maria", "maria@bank.example"])
def test_nobody_overrides_what_was_decided_about_them(subject: str) -> None:
    refused(Forbidden, "own_decision", row=msgspec.structs.replace(ROW, subjects=(subject,)))


def test_it_is_too_late_when_the_manifest_says_so() -> None:
    overridden(now=AT + 3_600 * SECOND - 1)
    refused(Forbidden, "too_late", now=AT + 3_600 * SECOND)
    assert overridden(now=AT * 2, model=ruled(within=None)).valid_until == 0


def test_only_an_outcome_that_there_is() -> None:
    refused(Malformed, "bad_outcome", outcome="perhaps")
    refused(Malformed, "bad_outcome", outcome="approved", model=ruled(outcomes=("referred",)))
    assert overridden("referred", model=ruled(outcomes=("referred",))).given.outcome == "referred"
    refused(Malformed, "bad_outcome", model=msgspec.structs.replace(MODEL, outcome=None))


def test_what_stands_is_not_given_again() -> None:
    refused(Conflict, "same_outcome", outcome="denied")
    refused(Conflict, "same_outcome", outcome="approved", previous=previous())


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2_001])
def test_a_reason_is_required(reason: str) -> None:
    refused(Malformed, "no_reason", reason=reason)


def test_what_was_erased_cannot_be_overridden() -> None:
    refused(NotFound, "erased", row=msgspec.structs.replace(ROW, outcome=None))
    refused(NotFound, "erased", previous=Previous(20, AT, None))


def test_a_row_that_nobody_decided_can_be_given_an_outcome() -> None:
    assert overridden(row=msgspec.structs.replace(ROW, outcome="")).given.former == ""


def test_an_override_is_overridden_by_the_same_person_or_another() -> None:
    for who in (MARIA, Person("p-omar")):
        made = overridden("denied", previous=previous(), who=who)
        assert made.entry.follows == 20
        assert made.given.former == "approved"


def test_halt_authority_takes_a_wrong_one_back_and_does_nothing_else() -> None:
    olga = Person("p-olga")
    made = overridden("denied", previous=previous(), who=olga, halt=("p-olga",))
    assert made.caps == {}
    more = ruled(outcomes=("approved", "denied", "referred"))
    refused(
        Forbidden,
        "forbidden",
        outcome="referred",
        previous=previous(),
        who=olga,
        halt=("p-olga",),
        model=more,
    )
    refused(Forbidden, "forbidden", outcome="denied", previous=previous(), who=olga)
    overridden("denied", previous=previous(), who=olga, halt=("p-olga",), model=ruled(by=()))


def test_taking_back_is_timed_from_the_override() -> None:
    late = AT + 3_599 * SECOND
    made = overridden("denied", previous=previous(at=late), now=late + SECOND)
    assert made.valid_until == late + 3_600 * SECOND
    refused(Forbidden, "too_late", outcome="denied", previous=previous(at=late), now=late + 3_600 * SECOND)


def test_what_the_fallback_said_may_be_given_back() -> None:
    made = overridden("refer", previous=previous("approved", "refer"))
    assert made.given.outcome == "refer"


def test_a_label_models_words_are_its_labels() -> None:
    labelled = Model("m", outputs=(Output("y", labels=("a", "b")),), outcome=Outcome("y"))
    assert outcomes(labelled) == ("a", "b")
    assert outcomes(MODEL) == ("denied", "approved")
    assert outcomes(Model("m")) == ()


def test_what_is_sealed_is_read_back_and_nothing_else() -> None:
    given_ = Overruling("approved", "why", "denied")
    assert read_overruling(overruling_bytes(given_)) == given_
    for data in (b"", b"{}", b'{"kind":"override.2","outcome":"a","reason":"b"}', b"\xff"):
        with pytest.raises(Malformed):
            read_overruling(data)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("p-maria", "p-omar", "p-olga", "p-eve")), st.sampled_from(("approved", "denied"))
        ),
        max_size=12,
    )
)
def test_whatever_people_try_the_chain_leads_back_to_the_original(tries: list[tuple[str, str]]) -> None:
    """Each override names the one before and the outcome before; only those who may have made any."""
    last: Previous | None = None
    stands = "denied"
    for step, (who, outcome) in enumerate(tries, 1):
        now = AT + step * SECOND
        try:
            made = overridden(outcome, who=Person(who), previous=last, now=now, halt=("p-olga",))
        except StandwatchError:
            continue
        assert made.given.former == stands != made.given.outcome
        assert made.entry.follows == (last.index if last else -1)
        assert who in MODEL.overrides.by or (who == "p-olga" and last is not None)
        last, stands = Previous(100 + step, now, made.given), made.given.outcome
