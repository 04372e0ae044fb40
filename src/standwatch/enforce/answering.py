"""What a row's outputs mean as a decision, and what a fallback answers instead of the model. Pure, row by row."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from standwatch.enforce.validity import holds
from standwatch.facts.decisions import Row
from standwatch.facts.models import Fallback, Model, Outcome, Route

RANGE_CODES: Final = frozenset(
    {
        "wrong_type",
        "missing",
        "out_of_bounds",
        "unknown_category",
        "known_limit",
        "outside_learned",
        "atypical",
        "stale",
        "unreadable",
    }
)
"""Why a row is outside what the model was validated for: another version of it was validated for no more."""


class RowResult(msgspec.Struct):
    """One row on its way: what it will be answered, by whom, and why not by the model."""

    outputs: list[Any]
    outcome: str = ""
    route: Route = "model"
    code: str = ""
    reason: str = ""
    version: str = ""


def outcome_of(model: Model, outputs: Sequence[Any]) -> tuple[str, bool]:
    """The decision that `outputs` (in the order of the model's) come to, and whether the model abstained.

    ("", False) where the manifest does not say how outputs become a decision, or the output is missing.
    """
    wanted = model.outcome
    if wanted is None:
        return "", False
    value = outputs[_place(model, wanted)]
    if wanted.threshold is None:
        word = str(value) if isinstance(value, str | int) else ""
        return word, word in wanted.abstain_labels
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "", False
    abstained = wanted.abstain is not None and wanted.abstain[0] <= value <= wanted.abstain[1]
    return (wanted.at_or_above if value >= wanted.threshold else wanted.below), abstained


def score_of(model: Model, outputs: Sequence[Any]) -> float | None:
    """The number that is compared with the threshold; None where there is none."""
    if model.outcome is None or len(outputs) <= (place := _place(model, model.outcome)):
        return None
    value = outputs[place]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _place(model: Model, outcome: Outcome) -> int:
    for place, output in enumerate(model.outputs):
        if output.name == outcome.output:
            return place
    return 0


def fall_back(model: Model, row: Row, code: str, reason: str) -> RowResult:
    """The answer of the declared fallback, for everything but `previous`, which asks a server first.

    A table without a line for the row, and whatever else does not answer, refers to a human.
    """
    fallback = model.fallback
    nothing: list[Any] = [None] * len(model.outputs)
    match fallback.kind:
        case "refuse":
            return RowResult(nothing, route="refused", code=code, reason=reason)
        case "constant":
            return _given(
                model, fallback.give, RowResult(nothing, route="constant", code=code, reason=reason)
            )
        case "rule":
            return _ruled(model, fallback, row, RowResult(nothing, route="rule", code=code, reason=reason))
        case _:
            return RowResult(nothing, route="refer-to-human", code=code, reason=reason)


def _given(model: Model, give: dict[str, Any], result: RowResult) -> RowResult:
    result.outputs = [give.get(output.name) for output in model.outputs]
    result.outcome = outcome_of(model, result.outputs)[0]
    return result


def _ruled(model: Model, fallback: Fallback, row: Row, result: RowResult) -> RowResult:
    named = dict(zip((feature.name for feature in model.inputs), row, strict=False))
    for rule in fallback.rules:
        if all(holds(condition, named) for condition in rule.when):
            return _given(model, rule.give, result)
    result.route = "refer-to-human"
    return result
