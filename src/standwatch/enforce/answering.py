"""What a fallback answers instead of the model. Pure, row by row."""

from typing import Any, Final

import msgspec

from standwatch.enforce.validity import holds
from standwatch.facts.decisions import Row
from standwatch.facts.models import Fallback, Model, Route
from standwatch.record.outcomes import outcome_of

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
    result.outcome = outcome_of(model, result.outputs).outcome
    return result


def _ruled(model: Model, fallback: Fallback, row: Row, result: RowResult) -> RowResult:
    named = dict(zip((feature.name for feature in model.inputs), row, strict=False))
    for rule in fallback.rules:
        if all(holds(condition, named) for condition in rule.when):
            return _given(model, rule.give, result)
    result.route = "refer-to-human"
    return result
