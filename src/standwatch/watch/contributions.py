"""How much each feature contributed to one score: the model's own account, checked; or what a grid shows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Feature, Learned, Model
from standwatch.record.outcomes import read
from standwatch.watch.reexecution import Batch, Contributed, Moves, Steps, execute

POINTS: Final = 32
"""Values that a feature takes in a grid."""
CLOSE: Final = 1e-4
"""How far a sum may be from its margin, as a part of its terms: boosters add in 32-bit floats."""
UNITS: Final = {
    "logit": "log-odds",
    "log": "logarithm of the output",
    "softmax": "log-odds, up to a constant",
}


class Part(msgspec.Struct, frozen=True):
    """What one feature (or several that interact) added. `values` are the row's, in the order of `features`."""

    features: tuple[str, ...]
    values: tuple[Value, ...]
    contribution: float
    towards: str
    """The outcome that it speaks for; "" where nobody says what a higher value means."""


class Contributions(msgspec.Struct, frozen=True, kw_only=True):
    """`base` + all contributions = `margin`, and the score is the inverse link of the margin; `adds_up` says whether
    both were found to hold here, `gap` by how much the sum is off. Parts are sorted, largest first."""

    method: str
    link: str
    unit: str
    """What contributions are counted in."""
    base: float
    margin: float
    score: float | None
    threshold: float | None
    """Of the outcome, in the score's unit; `at` in the margin's, None where the link does not say."""
    at: float | None
    parts: tuple[Part, ...]
    sum: float
    gap: float
    adds_up: bool
    doubt: str = ""
    """Where it does not add up: what does not."""
    of: str = ""
    """The label it is about, where there are several."""


class Effect(msgspec.Struct, frozen=True):
    """What the score does while one feature takes every value of its grid, and all else stays as it was."""

    feature: str
    value: Value
    effect: float
    """Score of the row less the mean over the grid. Where the output is a label: the share of values that turn it."""
    low: float | None
    high: float | None
    turns: int
    """Values that turn the outcome, of `tried`."""
    tried: int


class Grid(msgspec.Struct, frozen=True):
    """One feature at a time, on the model itself; these do NOT add up to the score, and say nothing of interactions."""

    effects: tuple[Effect, ...]
    unmeasured: tuple[str, ...]
    """Features without a range to try."""
    method: str = "one-at-a-time grid"
    why: str = ""
    """Why the model's own contributions are not there; or where the grid broke off."""


def check(model: Model, row: Row, told: Contributed, output: Any) -> Contributions:
    """`told` by the model, for `row` and the value of the outcome's output, with its sums done again."""
    at = {feature.name: place for place, feature in enumerate(model.inputs)}
    total = math.fsum([told.base, *(part.value for part in told.parts)])
    gap = total - told.margin
    scale = max(1.0, abs(told.margin), abs(told.base), *(abs(part.value) for part in told.parts))
    score, of = _score(model, told, output)
    doubt = "" if abs(gap) <= CLOSE * scale else "the contributions do not add up to the margin"
    doubt = doubt or _link_doubt(told, score)
    rule = model.outcome
    return Contributions(
        method=told.method,
        link=told.link,
        unit=UNITS.get(told.link, "the output's own unit"),
        base=told.base,
        margin=told.margin,
        score=score,
        threshold=None if rule is None else rule.threshold,
        at=None if rule is None or rule.threshold is None else _margin_of(told.link, rule.threshold),
        parts=tuple(
            Part(
                share.features,
                tuple(row[at[name]] if name in at else None for name in share.features),
                share.value,
                _towards(model, share.value, of),
            )
            for share in sorted(told.parts, key=lambda share: -abs(share.value))
        ),
        sum=total,
        gap=gap,
        adds_up=not doubt,
        doubt=doubt,
        of=of,
    )


def _score(model: Model, told: Contributed, output: Any) -> tuple[float | None, str]:
    """The number that the margin is of, and its label."""
    if isinstance(output, list):
        values = cast("list[Any]", output)
        place = len(values) - 1 if told.of is None else told.of
        rule = model.outcome
        labels = next((each.labels for each in model.outputs if rule and each.name == rule.output), ())
        return values[place] if place < len(values) else None, labels[place] if place < len(labels) else ""
    number = isinstance(output, int | float) and not isinstance(output, bool)
    return (float(output) if number else None), ""


def _link_doubt(told: Contributed, score: float | None) -> str:
    if score is None or told.link not in ("logit", "log", "identity"):
        return "" if told.link == "softmax" else "it is not known how the margin becomes the output"
    expected = _inverse(told.link, told.margin)
    near = abs(expected - score) <= CLOSE * max(1.0, abs(score))
    return "" if near else "the margin does not lead to the output: something else is done to it"


def _inverse(link: str, margin: float) -> float:
    if link == "identity":
        return margin
    if link == "log":
        return math.exp(min(margin, 700.0))
    bounded = max(-700.0, min(700.0, margin))
    return 1 / (1 + math.exp(-bounded))


def _margin_of(link: str, threshold: float) -> float | None:
    """The threshold on the margin's side of the link."""
    match link:
        case "identity":
            return float(threshold)
        case "log" if threshold > 0:
            return math.log(threshold)
        case "logit" if 0 < threshold < 1:
            return math.log(threshold / (1 - threshold))
        case _:
            return None


def _towards(model: Model, value: float, of: str) -> str:
    rule = model.outcome
    if value == 0 or rule is None:
        return ""
    if of:
        return of if value > 0 else ""
    return rule.at_or_above if value > 0 else rule.below


# --- where there is no native method -------------------------------------------------------------------------


def grid(model: Model, row: Row, why: str, most: int = 20_000) -> Steps[Grid]:
    """Each feature through the values of its range, at most `most` rows. Raises `Stopped`."""
    rule = model.outcome
    if rule is None:
        return Grid((), tuple(each.name for each in model.inputs), why=why)
    tried = {k: values for k, each in enumerate(model.inputs) if (values := _values(each, model.learned))}
    points = max(2, min(POINTS, most // max(1, len(tried))))
    moves: list[Moves] = [((k, value),) for k, values in tried.items() for value in _thinned(values, points)]
    column = yield from execute(Batch(row, [(), *moves]), rule.output)
    here, rest = column[0], iter(column[1:])
    effects = [
        _effect(model, model.inputs[k].name, row[k], here, [next(rest) for _ in _thinned(values, points)])
        for k, values in tried.items()
    ]
    unmeasured = tuple(each.name for k, each in enumerate(model.inputs) if k not in tried)
    return Grid(tuple(sorted(effects, key=lambda each: -abs(each.effect))), unmeasured, why=why)


def _effect(model: Model, name: str, value: Value, here: Any, there: list[Any]) -> Effect:
    before = read(model, here)
    readings = [read(model, each) for each in there]
    turns = sum(each.outcome != before.outcome for each in readings)
    scores = [each.score for each in readings if each.score is not None]
    if before.score is None or not scores:
        return Effect(name, value, turns / len(there), None, None, turns, len(there))
    mean = math.fsum(scores) / len(scores)
    return Effect(name, value, before.score - mean, min(scores), max(scores), turns, len(there))


def _thinned(values: Sequence[Value], most: int) -> list[Value]:
    if len(values) <= most:
        return list(values)
    return [values[place * (len(values) - 1) // (most - 1)] for place in range(most)]


def _values(feature: Feature, learned: Learned | None) -> list[Value]:
    """What the feature may be: its list, both truths, or evenly over its declared or learned bounds."""
    if feature.one_of is not None:
        return list(feature.one_of)
    if feature.type == "boolean":
        return [False, True]
    place = learned.features.index(feature.name) if learned and feature.name in learned.features else -1
    if feature.type in ("category", "text"):
        return list(learned.values[place]) if learned and place >= 0 else []
    low, high = feature.min, feature.max
    if learned and place >= 0 and learned.kinds[place] == "number":
        low = learned.low[place] if low is None else low
        high = learned.high[place] if high is None else high
    if low is None or high is None or high <= low:
        return []
    spots = [low + (high - low) * k / (POINTS - 1) for k in range(POINTS)]
    return list(dict.fromkeys(round(spot) for spot in spots)) if feature.type == "integer" else list(spots)
