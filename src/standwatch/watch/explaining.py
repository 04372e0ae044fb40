"""Why one row was decided as it was: execute it again, say how far that proves anything, and look for reasons. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import msgspec

from standwatch.facts.decisions import Row, Trouble
from standwatch.facts.models import Model
from standwatch.watch.contributions import Contributions, Grid, check, grid
from standwatch.watch.counterfactual import Budget, Found, everything, search
from standwatch.watch.reexecution import Batch, Contribute, Contributed, Steps, Stopped
from standwatch.watch.trial import Valid

GradeName = Literal["exact", "differs", "served", "stochastic", "narrative"]

MEANINGS: Final[dict[GradeName, str]] = {
    "exact": "The artifact with the recorded digest was executed again and gave the recorded output, byte for byte.",
    "differs": "The artifact with the recorded digest was executed again, twice the same, and gave another output "
    "than is recorded: what served it did something else with the inputs, or was something else.",
    "served": "The version was executed again where it is served; its artifact is not here to be checked.",
    "stochastic": "Two executions of the same row gave different outputs: no explanation can be exact.",
    "narrative": "The decision cannot be executed again: what follows tells what is on record and proves no reason.",
}


LAST_DIGITS: Final = 1e-12
"""Difference of two numbers that reads as rounding."""


class Grade(msgspec.Struct, frozen=True):
    """How far an explanation is proved. `same`: whether the output came out as it is recorded."""

    grade: GradeName
    meaning: str
    same: bool = False
    furthest: float = 0.0
    """The greatest difference between a recorded number and the one executed again."""
    why: str = ""
    """With `narrative`: why it cannot be executed."""


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out by executing."""

    grade: Grade
    outputs: dict[str, Any] = {}
    """The row's, executed again."""
    contributions: Contributions | None = None
    """The model's own; else `grid`."""
    grid: Grid | None = None
    changes: Found = Found()
    """What would have changed it."""


def narrative(why: str) -> Reasons:
    """Where nothing can be executed: no artifact, no executor, a fallback decided."""
    return Reasons(grade=Grade("narrative", MEANINGS["narrative"], why=why), changes=Found(why=why))


def explain(
    model: Model,
    row: Row,
    recorded: dict[str, Any],
    *,
    pinned: bool,
    valid: Valid = everything,
    wanted: str = "",
    budget: Budget | None = None,
    batch: Sequence[Row] = (),
    place: int = 0,
) -> Steps[Reasons]:
    """Reasons for the outputs `recorded` of `row` (as given to the model, in the order of its features).

    `pinned`: the steps are answered by the artifact of the recorded digest, else by the served version. `batch`: the
    rows that the model was given together, of which this is number `place`, as far as they are known: numerical
    libraries add in another order in batches of another size, so the last digit may want all of them."""
    try:
        first = yield from _outputs([row], 0)
        second = yield from _outputs([row], 0)
        graded = grade(recorded, first, second, pinned=pinned)
        if not graded.same and len(batch) > 1:
            together = grade(recorded, (yield from _outputs(batch, place)), first, pinned=pinned, twice=False)
            graded = together if together.same else graded
    except Stopped as stop:
        return narrative(f"{stop.trouble.code}: {stop.trouble.text}")
    own, seen = yield from _contributions(model, row, first)
    changes = yield from search(model, row, valid=valid, wanted=wanted, budget=budget)
    return Reasons(grade=graded, outputs=first, contributions=own, grid=seen, changes=changes)


def _outputs(rows: Sequence[Row], place: int) -> Steps[dict[str, Any]]:
    """What row `place` of these comes to when they are executed together."""
    told = yield Batch(rows[0], [tuple(enumerate(row)) if k else () for k, row in enumerate(rows)])
    if isinstance(told, Trouble):
        raise Stopped(told)
    if isinstance(told, Contributed) or any(len(column) != len(rows) for column in told.values()):
        raise Stopped(Trouble("bad_answer", f"not {len(rows)} rows of outputs"))
    return {name: column[place] for name, column in told.items()}


def _contributions(
    model: Model, row: Row, outputs: dict[str, Any]
) -> Steps[tuple[Contributions | None, Grid | None]]:
    told = yield Contribute(row)
    if isinstance(told, Contributed) and told.method:
        value = outputs.get(model.outcome.output) if model.outcome else next(iter(outputs.values()), None)
        return check(model, row, told, value), None
    why = told.why if isinstance(told, Contributed) else ""
    why = f"{told.code}: {told.text}" if isinstance(told, Trouble) else why
    try:
        return None, (yield from grid(model, row, why))
    except Stopped as stop:
        return None, Grid((), (), why=f"{why}; {stop.trouble.code}: {stop.trouble.text}")


def grade(
    recorded: dict[str, Any],
    first: dict[str, Any],
    second: dict[str, Any],
    *,
    pinned: bool,
    twice: bool = True,
) -> Grade:
    """How far two executions bear out the record. Outputs that the record does not name do not count; one that it
    names and that did not come out differs. `twice` False: the two were not of the same batch."""
    names = sorted(recorded)
    one, two, was = ([_bytes(each.get(name)) for name in names] for each in (first, second, recorded))
    if twice and one != two:
        return _graded("stochastic", same=False, furthest=_furthest(names, first, second))
    same = bool(names) and one == was
    name: GradeName = ("exact" if same else "differs") if pinned else "served"
    return _graded(name, same=same, furthest=_furthest(names, recorded, first))


def _graded(name: GradeName, *, same: bool, furthest: float) -> Grade:
    meaning = MEANINGS[name]
    if name == "differs" and furthest <= LAST_DIGITS:
        meaning += " They differ in the last digits only, as sums do that are added in another order."
    if name == "served":
        meaning += " It gave the recorded output." if same else " It gave another output than is recorded."
    return Grade(name, meaning, same, furthest)


_encode: Final = msgspec.json.Encoder().encode


def _bytes(value: Any) -> bytes:
    """An output as it is sent and sealed. 1 and 1.0 are one number in JSON, as models see it."""
    return _encode(_floats(value))


def _floats(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_floats(each) for each in cast("list[Any]", value)]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _furthest(names: Sequence[str], a: dict[str, Any], b: dict[str, Any]) -> float:
    pairs = [
        pair for name in names for pair in zip(_numbers(a.get(name)), _numbers(b.get(name)), strict=False)
    ]
    return max((abs(x - y) for x, y in pairs), default=0.0)


def _numbers(value: Any) -> list[float]:
    each = cast("list[Any]", value if isinstance(value, list) else [value])
    return [float(one) for one in each if isinstance(one, int | float) and not isinstance(one, bool)]
