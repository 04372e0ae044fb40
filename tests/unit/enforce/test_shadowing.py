"""When a challenger counts as having said the same: only where it answered itself, and to a model."""

from __future__ import annotations

import pytest

from standwatch.enforce.shadowing import CHANCE, shadowed
from standwatch.facts.decisions import Answer, Predicted, RowAnswer
from standwatch.facts.entries import Shadowed
from support.lender import DIGESTS, MODEL, Stage

ENVELOPE = Stage().world.envelopes["mortgage"].models["scorer"]
FAITHFUL = Predicted({"p": [0.2]}, "s3", DIGESTS["3"])


def compared(predicted: Predicted, *, route: str = "model", digest: str = DIGESTS["3"]) -> Shadowed:
    """The entry about version 3, where the caller was told `approved` on `route`."""
    told = RowAnswer([0.1], "approved", route)  # pyright: ignore[reportArgumentType]
    answer = Answer("done", "id", 7, "1", ("p",), [told])
    entry, _, _ = shadowed(
        ENVELOPE,
        "mortgage",
        "3",
        digest,
        answer,
        (0,),
        predicted,
        by="loan-desk",
        chance=bytes(CHANCE),
        subjects=((),),
    )
    return entry


def test_the_same_outcome_counts() -> None:
    entry = compared(FAITHFUL)
    assert (entry.same, entry.status, bool(entry.tree)) == (1, "ok", True)
    assert compared(Predicted({"p": [0.9]}, "s3")).same == 0
    assert MODEL.versions["3"].served_as == "s3"


@pytest.mark.parametrize(
    "other",
    [Predicted({"p": [0.2]}, "s1", DIGESTS["3"]), Predicted({"p": [0.2]}, "s3", DIGESTS["1"])],
)
def test_what_something_else_said_does_not_count(other: Predicted) -> None:
    entry = compared(other)
    assert (entry.same, entry.status, entry.tree) == (0, "error", "")


def test_what_nobody_said_is_not_held_against_it() -> None:
    for silent in (Predicted({"p": [0.2]}), Predicted({"p": [0.2]}, "s3")):
        assert compared(silent).same == 1
    assert compared(FAITHFUL, digest="").same == 1


@pytest.mark.parametrize("route", ["constant", "rule", "refer-to-human", "previous"])
def test_agreeing_with_a_fallback_does_not_count(route: str) -> None:
    entry = compared(FAITHFUL, route=route)
    assert (entry.same, entry.status) == (0, "ok")
