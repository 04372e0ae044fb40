"""What outputs come to as a decision, as the manifest says it: the same for whoever decides, watches and explains."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from standwatch.facts.models import Model, Outcome


class Reading(msgspec.Struct, frozen=True):
    """What one row's outputs decide: `outcome` "" for none, `score` where it is a number that is compared.

    `abstained`: the outputs lie where the model does not decide."""

    outcome: str = ""
    score: float | None = None
    abstained: bool = False


NOTHING = Reading()


def place_of(model: Model) -> int:
    """Which of the model's outputs decides; -1 where the manifest does not say how they become a decision."""
    if model.outcome is not None:
        for place, output in enumerate(model.outputs):
            if output.name == model.outcome.output:
                return place
    return -1


def outcome_of(model: Model, outputs: Sequence[Any]) -> Reading:
    """What `outputs`, in the order of the model's, come to."""
    place = place_of(model)
    return read(model, outputs[place]) if 0 <= place < len(outputs) else NOTHING


def read(model: Model, value: Any) -> Reading:
    """What `value` of the deciding output comes to: a label itself, the largest of a vector, a number's threshold."""
    rule = model.outcome
    if rule is None:
        return NOTHING
    if isinstance(value, str):
        return _label(rule, value, None)
    if isinstance(value, list):
        return _largest(model, rule, value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    if rule.threshold is None:
        return _label(rule, str(value), None) if isinstance(value, int) else Reading("", float(value))
    if rule.abstain and rule.abstain[0] <= value <= rule.abstain[1]:
        return Reading("", float(value), True)
    return Reading(rule.at_or_above if value >= rule.threshold else rule.below, float(value))


def _label(rule: Outcome, label: str, score: float | None) -> Reading:
    return Reading("", score, True) if label in rule.abstain_labels else Reading(label, score)


def _largest(model: Model, rule: Outcome, values: list[Any]) -> Reading:
    labels = next((output.labels for output in model.outputs if output.name == rule.output), ())
    if len(labels) != len(values) or not values:
        return NOTHING
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        return NOTHING
    best = max(range(len(values)), key=values.__getitem__)
    return _label(rule, labels[best], float(values[best]))
