"""`diagnose`: when did decisions change, and what changed with them? For whoever was woken at 3 AM. Pure.

1. Every column of the window (outcomes, scores, routes, versions, what requests say, features, pairs of features,
   scores given the inputs, outcomes given the scores) is put to one change-point test (`diagnose_scan`).
2. What moved is compared with the signatures of known accidents (`diagnose_inputs`, `diagnose_service`,
   `diagnose_slices`), and with the control entries of the record at which it may have begun.
3. Each suspect is weighed by how much of the outcomes' change goes away without it (`diagnose_share`), and symptoms
   are put behind their causes (`diagnose_rank`).
"""

from collections.abc import Sequence
from typing import Final

from standwatch.facts.decisions import Happening, Observation
from standwatch.facts.models import Model
from standwatch.watch import diagnose_inputs, diagnose_service, diagnose_slices, diagnose_versions
from standwatch.watch.diagnose_columns import AFTER, DAY, MINIMUM, Table, table
from standwatch.watch.diagnose_rank import Ranked, rank
from standwatch.watch.diagnose_scan import Shift
from standwatch.watch.diagnose_share import expected, share
from standwatch.watch.diagnose_untouched import settled
from standwatch.watch.diagnose_window import Window, window
from standwatch.watch.diagnosis import Cause, Diagnosis, Mix
from standwatch.watch.statistics import shares

_KEPT: Final = 8
"""Causes told at most."""


def diagnose(
    observations: Sequence[Observation], happenings: Sequence[Happening], model: Model, since: int, now: int
) -> Diagnosis:
    """What changed at or after `since` (µs UTC), compared with the rows before it.

    `observations` should reach back some days before `since`, for the hours of the day to be told from a change;
    without rows before it the first part of the window itself is compared with. About 2 s for 20,000 rows of 20
    features. Deterministic: the same rows give the same answer.
    """
    rows = table(observations, model, since, now)
    notes = _notes(rows)
    if len(rows.rows) < MINIMUM + AFTER:
        return Diagnosis(
            since=since, now=now, begin=rows.at[0] if rows.at else 0, rows=len(rows.rows), notes=notes
        )
    found = window(rows, sorted(happenings, key=lambda one: (one.at, one.index)))
    inputs = diagnose_inputs.suspects(found)
    own = [*diagnose_versions.suspects(found), *diagnose_service.suspects(found)]
    suspects = [
        *own,
        *diagnose_service.settings(found, own),
        *inputs,
        *diagnose_slices.suspects(found, inputs),
    ]
    ranked = rank([(one, share(found, one)) for one in settled(found, suspects)])
    return _answer(found, ranked, since, now, notes)


def _notes(rows: Table) -> tuple[str, ...]:
    found: list[str] = []
    if len(rows.rows) < MINIMUM + AFTER:
        found.append(
            f"only {len(rows.rows)} decisions: at least {MINIMUM + AFTER} are needed to tell a change from chance"
        )
    elif rows.at[rows.reference - 1] - rows.at[0] < 2 * DAY:
        found.append("less than two days to compare with: a change may be the rhythm of the day")
    if rows.at and rows.since < MINIMUM <= len(rows.rows):
        found.append(
            "too few decisions before the time asked about: the beginning of the window stands in for them"
        )
    return tuple(found)


def _answer(
    found: Window, ranked: Sequence[Ranked], since: int, now: int, notes: tuple[str, ...]
) -> Diagnosis:
    rows = found.table
    shift = (found.moved(ranked[0].suspect.row) if ranked else None) or found.changed
    answer = Diagnosis(
        since=since,
        now=now,
        begin=rows.at[0],
        rows=len(rows.rows),
        reference=rows.reference,
        p=found.outcome.p if found.outcome is not None else 1.0,
        causes=tuple(_cause(found, one) for one in ranked[:_KEPT]),
        looked=_looked(found),
        notes=notes,
    )
    if shift is None:
        return answer
    from msgspec.structs import replace

    return replace(
        answer,
        changed=True,
        at=_at(found, shift.row),
        earliest=_at(found, shift.low),
        latest=_at(found, shift.high),
        index=rows.rows[min(shift.row, len(rows.rows) - 1)].index,
        mix=_mix(found, shift),
        p=shift.p,
        reference=shift.row,
    )


def _at(found: Window, row: int) -> int:
    return found.table.at[min(row, len(found.table.at) - 1)]


def _mix(found: Window, shift: Shift) -> tuple[Mix, ...]:
    before = expected(found, shift)
    after = shares([one.outcome for one in found.table.rows[shift.high :]] or [""])
    lines = [Mix(word, before.get(word, 0.0), after.get(word, 0.0)) for word in {**before, **after}]
    return tuple(sorted(lines, key=lambda one: -abs(one.after - one.before)))


def _cause(found: Window, one: Ranked) -> Cause:
    suspect, rows = one.suspect, found.table.rows
    first = rows[min(suspect.row, len(rows) - 1)].index
    return Cause(
        code=suspect.code,
        subject=suspect.subject,
        text=suspect.text,
        at=_at(found, suspect.row),
        earliest=_at(found, suspect.low),
        latest=_at(found, suspect.high),
        share=one.share,
        distance=suspect.distance,
        p=suspect.p,
        evidence=suspect.evidence,
        entries=(first, *suspect.entries),
        undo=suspect.undo,
        explains=one.explains,
    )


def _looked(found: Window) -> tuple[str, ...]:
    model = found.table.model
    said = [column.name for column in found.table.parameters]
    return (
        "the mix of outcomes, scores, routes, codes and versions",
        f"{len(model.inputs)} features: their distributions, and how they go together",
        f"scores given the inputs (foretold to {found.fit.explained:.0%})",
        *(("outcomes given the scores",) if found.cut is not None else ()),
        *((f"what requests say: {', '.join(said)}",) if said else ()),
        f"{len(found.happenings)} control entries",
    )
