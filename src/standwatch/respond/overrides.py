"""Whether a named person may change one decision's outcome, under the conditions of the manifest. Pure.

The original and every override stand in the record; the last one has force. What was overridden wrongly is overridden
again: by whoever may override, or back to what stood before by those with halt authority too.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from standwatch.facts.entries import Decided, Overridden
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.models import Model
from standwatch.facts.overrides import Overruling
from standwatch.record.sequence import override_limit
from standwatch.respond.orders import require_reason

MAX_OUTCOME: Final = 200  # characters
_SECOND: Final = 1_000_000


class Person(msgspec.Struct, frozen=True):
    """Who overrides: an opaque id, and the other names under which this person could be a data subject."""

    ident: str
    names: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """One decided row as the record has it. `outcome` is the original, None where it was erased; `subjects` are the
    people it is about."""

    index: int
    entry: Decided
    row: int
    outcome: str | None
    subjects: tuple[str, ...] = ()


class Previous(msgspec.Struct, frozen=True):
    """The last override of the row. `given` is None where its reason was erased."""

    index: int
    at: int
    given: Overruling | None


class Override(msgspec.Struct, frozen=True):
    """What to append: the entry (its `why` is still to be bound), the sealed part, and the sequencer's conditions."""

    entry: Overridden
    given: Overruling
    caps: dict[str, int]
    valid_until: int
    """µs; 0 for none."""


def override(  # noqa: PLR0917 - an order with everything that it is judged by
    row: Row,
    outcome: str,
    who: Person,
    reason: str,
    previous: Previous | None,
    model: Model,
    now: int,
    halt: Collection[str] = (),
) -> Override:
    """The override that gives `outcome` to `row`, or a `StandwatchError` that says what is missing.

    `now` in µs; `halt` are the people with halt authority over the system.
    """
    command = f"standwatch override {row.index}/{row.row} --outcome {outcome or 'X'} --reason …"
    undone = previous is not None and _restores(outcome, previous)
    by_halt = undone and who.ident in halt and who.ident not in model.overrides.by
    _require_right(row, who, model, by_halt=by_halt)
    until = _until(row, previous if undone else None, model)
    if until and now >= until:
        raise Forbidden(
            f"decision {row.index}/{row.row} could be overridden within {model.overrides.within} s, and no longer",
            code="too_late",
            reference=f"{row.index}/{row.row}",
        )
    stands = _standing(row, previous)
    _require_outcome(outcome, stands, model, undone=undone, command=command)
    entry = Overridden(
        by=who.ident,
        id=row.entry.id,
        of=row.index,
        row=row.row,
        system=row.entry.system,
        model=row.entry.model,
        follows=previous.index if previous else -1,
        why="",
    )
    most = None if by_halt else model.overrides.per_day
    caps = {} if most is None else {f"day/{override_limit(entry)}": most}
    return Override(entry, Overruling(outcome, require_reason(reason, command), stands), caps, until)


def outcomes(model: Model) -> tuple[str, ...]:
    """The outcomes that may be given: those the manifest names, else the model's own words."""
    if model.overrides.outcomes:
        return model.overrides.outcomes
    how = model.outcome
    if how is None:
        return ()
    if how.threshold is not None:
        return tuple(word for word in (how.at_or_above, how.below) if word)
    return next((output.labels for output in model.outputs if output.name == how.output), ())


def _restores(outcome: str, previous: Previous) -> bool:
    return previous.given is not None and outcome == previous.given.former


def _require_right(row: Row, who: Person, model: Model, *, by_halt: bool) -> None:
    if not model.overrides.by and not by_halt:
        raise Forbidden(
            f"nobody may override decisions of {model.component}",
            code="no_overrides",
            cure=f"name people under overrides.by of {model.component} in systems/{row.entry.system}.yaml",
        )
    if who.ident not in model.overrides.by and not by_halt:
        raise Forbidden(
            f"{who.ident} may not override decisions of {model.component}: its manifest names "
            f"{', '.join(model.overrides.by)}",
            reference=f"{row.index}/{row.row}",
        )
    if {who.ident, *who.names} & set(row.subjects):
        raise Forbidden(
            f"decision {row.index}/{row.row} is about {who.ident}: nobody overrides what was decided about them",
            code="own_decision",
            reference=f"{row.index}/{row.row}",
        )


def _until(row: Row, undone: Previous | None, model: Model) -> int:
    """When it is too late: counted from the decision, or from the override that is taken back."""
    if model.overrides.within is None:
        return 0
    return (undone.at if undone is not None else row.entry.at) + model.overrides.within * _SECOND


def _standing(row: Row, previous: Previous | None) -> str:
    """The outcome that has force now."""
    found = row.outcome if previous is None else (previous.given.outcome if previous.given else None)
    if found is None:
        raise NotFound(
            f"what was decided in {row.index}/{row.row} was erased: there is nothing left to override",
            code="erased",
            reference=f"{row.index}/{row.row}",
        )
    return found


def _require_outcome(outcome: str, stands: str, model: Model, *, undone: bool, command: str) -> None:
    known = outcomes(model)
    if not undone and outcome not in known:
        # What stood before may be given back whatever it was: the fallback may have said it.
        told = f"expected one of {', '.join(known)}" if known else "the manifest names none"
        raise Malformed(
            f"{outcome[:MAX_OUTCOME]!r} is no outcome of {model.component}: {told}", code="bad_outcome"
        )
    if outcome == stands:
        raise Conflict(f"{outcome} stands already", code="same_outcome", cure=command)
