"""What outputs come to as a decision, at the edges of where the model does not decide."""

from __future__ import annotations

from typing import Any

import pytest

from standwatch.facts.models import Model, Outcome, Output
from standwatch.record.outcomes import NOTHING, Reading, outcome_of

SCORE = Model(
    component="scorer",
    outputs=(Output("note", "text"), Output("p", "probability", 0, 1)),
    outcome=Outcome("p", 0.5, "denied", "approved", abstain=(0.4, 0.6)),
)
WORD = Model(
    component="reader",
    outputs=(Output("word", "label", labels=("yes", "no", "unsure")),),
    outcome=Outcome("word", abstain_labels=("unsure",)),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.39, Reading("approved", 0.39)),
        (0.4, Reading("", 0.4, True)),
        (0.5, Reading("", 0.5, True)),
        (0.6, Reading("", 0.6, True)),
        (0.61, Reading("denied", 0.61)),
    ],
)
def test_both_ends_of_the_interval_are_no_decision(value: float, expected: Reading) -> None:
    assert outcome_of(SCORE, ["", value]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("yes", Reading("yes")),
        ("unsure", Reading("", None, True)),
        ([0.1, 0.7, 0.2], Reading("no", 0.7)),
        ([0.1, 0.2, 0.7], Reading("", 0.7, True)),
        ([0.1, 0.9], NOTHING),
    ],
)
def test_a_label_that_is_no_decision(value: Any, expected: Reading) -> None:
    assert outcome_of(WORD, [value]) == expected
