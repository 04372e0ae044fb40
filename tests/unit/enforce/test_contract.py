"""Output contracts: an answer that is not what was declared, and a consumer that takes it for something else."""

import math
from typing import Any

import pytest

from standwatch.enforce.contract import differs, problem
from standwatch.facts.models import Output

P = Output("p", type="probability", polarity="higher means denied")
SCORE = Output("score", type="score", min=300, max=850, unit="points")
FREE = Output("x")
LABEL = Output("y", type="label", labels=("approved", "denied"))
BOTH = Output("ps", type="probability", labels=("approved", "denied"))


@pytest.mark.parametrize(
    ("output", "column", "code"),
    [
        (P, [0.0, 1, 0.5], ""),
        (P, [0.5, 1.0001, 0.5], "outside_contract"),
        (P, [0.5, -1e-9, 0.5], "outside_contract"),
        (P, [0.5, math.nan, 0.5], "not_finite"),
        (P, [0.5, math.inf, 0.5], "not_finite"),
        (P, [0.5, None, 0.5], "wrong_type"),
        (P, [0.5, True, 0.5], "wrong_type"),
        (P, ["0.5", 0.5, 0.5], "wrong_type"),
        (P, [[0.5], 0.5, 0.5], "wrong_type"),
        (P, [0.5, 0.5], "wrong_rows"),
        (P, [0.5] * 4, "wrong_rows"),
        (SCORE, [300, 850, 299.9], "outside_contract"),
        (FREE, [1e308, -1e308, 0], ""),
        (FREE, [10**400, 0, 0], "not_finite"),
        (LABEL, ["approved", "denied", "denied"], ""),
        (LABEL, ["approved", "Denied", "denied"], "unknown_label"),
        (LABEL, ["approved", 1, "denied"], "wrong_type"),
        (BOTH, [[0.5, 0.5], (0, 1), [1, 0]], ""),
        (BOTH, [[0.5, 0.5], [1.0], [1, 0]], "wrong_length"),
        (BOTH, [[0.5, 0.5], 1.0, [1, 0]], "wrong_type"),
        (BOTH, [[0.5, 0.5], "ab", [1, 0]], "wrong_type"),
        (BOTH, [[0.5, 1.5], [0, 1], [1, 0]], "outside_contract"),
    ],
)
def test_an_answer_against_its_contract(output: Output, column: list[Any], code: str) -> None:
    found = problem([output], {output.name: column, "extra": []}, 3)
    assert found[0] == code
    assert bool(found[0]) == bool(found[1])
    assert not found[1] or found[1].startswith(f"{output.name}: ")


def test_every_output_must_be_there() -> None:
    assert problem([P, LABEL], {"p": [0.5]}, 1)[0] == "missing_output"
    assert problem([P, LABEL], {}, 0)[0] == "missing_output"
    assert problem([], {}, 5) == ("", "")


@pytest.mark.parametrize(
    ("output", "expects", "said"),
    [
        (P, {}, ""),
        (P, {"min": 0, "max": 1.0, "polarity": "Higher  means denied", "type": "probability"}, ""),
        (P, {"polarity": "higher means approved"}, "polarity is 'higher means denied'"),
        (P, {"max": 100}, "max is '1', the consumer expects '100'"),
        (P, {"max": True}, "max is"),
        (P, {"unit": "percent"}, "unit is not stated, the consumer expects 'percent'"),
        (P, {"labels": ["a"]}, "labels is not stated"),
        (FREE, {"max": 1}, "max is not stated"),
        (SCORE, {"min": 300, "unit": "points"}, ""),
        (SCORE, {"min": 0}, "min is '300'"),
        (BOTH, {"labels": ["approved", "denied"]}, ""),
        (BOTH, {"labels": ["denied", "approved"]}, "labels is 'approved, denied'"),
        (BOTH, {"type": "score"}, "type is 'probability'"),
        (P, {"calibrated": True}, "no member 'calibrated'"),
        (P, {"min": None}, "min is"),
    ],
)
def test_a_consumer_that_reads_it_otherwise_is_found_out(
    output: Output, expects: dict[str, Any], said: str
) -> None:
    found = differs(output, expects)
    assert (said in found) if said else not found
