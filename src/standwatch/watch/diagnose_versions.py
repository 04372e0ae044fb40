"""Causes among versions: one deployed that scores otherwise, one that nobody deployed, one changed in silence."""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from standwatch.facts.decisions import Happening, Observation
from standwatch.watch.diagnose_columns import AFTER, OUT, Column
from standwatch.watch.diagnose_fit import ODD
from standwatch.watch.diagnose_scan import LIKELY, Shift, gains, scan
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import Window, beyond, halt, sides
from standwatch.watch.diagnosis import Code, Measured
from standwatch.watch.statistics import median

ROUTES: Final = ("deployed", "rollback", "canary", "shadow", "end")
"""Happenings that say which version answers."""
SAID: Final = ("served_version", "served", "model_version", "version")
DIGESTS: Final = ("digest", "served_digest", "model_digest", "output_digest")
_CLEAR: Final = 4.0
_SAME: Final = 1.0
"""Log-likelihoods: up to the second odd scores are put down to a version alone, up to the first to it before all, up
to `LIKELY` a silent change is as good, and beyond that it is told alone."""
_MISFIT: Final = 0.015
"""Part of all that speaks for a change that may be lost too: rows are not independent, and cells are coarse."""
_FAR: Final = 0.2
"""Part of it beyond which a version that came is not even told beside."""
_SEEN: Final = 15
"""Rows without which nothing is said of a version."""
_LOOK_BACK: Final = 200


def suspects(window: Window) -> list[Suspect]:
    """Every cause that is a version's."""
    return [*_versions(window), *_scores(window)]


# -------------------------------------------------------------------------------------------------------- versions


def names(one: Happening, version: str) -> bool:
    """Whether a control entry names a version: as a word of its text."""
    return version in re.findall(r"[\w.+\-]+[\w]|\w", one.text.replace("@", " "))


def expected(window: Window) -> list[frozenset[str]]:
    """For each row the versions that the record says may answer: those before, until an entry names another."""
    rows, table = window.table.rows, window.table
    known = sorted({one.version for one in rows if one.version})
    first = Counter(one.version for one in rows[: table.reference] if one.version)
    told = [one for one in window.happenings if one.what in ROUTES]
    now = frozenset(name for name, count in first.items() if count > 0.02 * table.reference)
    found: list[frozenset[str]] = []
    partial: frozenset[str] = frozenset()
    place = 0
    for at in table.at:
        while place < len(told) and told[place].at <= at:
            named = frozenset(name for name in known if names(told[place], name))
            now, partial = _route(now, partial, told[place].what, named)
            place += 1
        found.append(now | partial)
    return found


def _route(
    now: frozenset[str], partial: frozenset[str], what: str, named: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Who may answer everything and a part, after an entry: as `record.serving` folds it."""
    match what:
        case "canary" | "shadow":
            return now, partial | named
        case "end":
            return now, partial - named
        case "rollback":
            return named or now, frozenset()
        case _:
            return named or now, partial - named


def _versions(window: Window) -> list[Suspect]:
    """A version that answers though no entry put it there, or that the server names otherwise than we do."""
    rows, since = window.table.rows, window.table.since
    allowed = expected(window)
    odd = [
        n
        for n in range(since, len(rows))
        if rows[n].version and rows[n].route == "model" and rows[n].version not in allowed[n]
    ]
    found: list[Suspect] = []
    # Requests in flight across a deployment still carry the former version: those are few, and at its very beginning.
    if len(odd) >= max(5, 0.02 * (len(rows) - odd[0])) if odd else False:
        name, _ = Counter(rows[n].version for n in odd).most_common(1)[0]
        wanted = " or ".join(sorted(allowed[odd[0]])) or "none"
        part = len(odd) / (len(rows) - odd[0])
        text = f"version {name} answers {part:.0%} of rows since then, and no entry deployed it; deployed is {wanted}"
        found.append(
            Suspect(
                "wrong_version",
                name,
                text,
                odd[0],
                odd[0],
                odd[0],
                0.97,
                distance=part,
                p=0.0,
                marked=tuple(odd),
                model=True,
            )
            .measured(Measured("rows of a version that is not deployed", 0.0, part))
            .undone(f"standwatch halt version:{window.table.model.component}@{name} --reason …")
        )
    return found + _said(window)


def _said(window: Window) -> list[Suspect]:
    """What the server says of itself: another version than the one we asked, or another digest under one name."""
    found: list[Suspect] = []
    for key in (*SAID, *DIGESTS):
        shift = window.shift("parameter", key)
        if shift is None:
            continue
        before, after = sides(window, shift, _teller(key))
        name, told = max(after, key=lambda word: after[word] - before.get(word, 0)), key in DIGESTS
        if _version_moved(window, shift):
            continue
        code: Code = "retrained" if told else "wrong_version"
        often = f"in {after[name]:.0%} of rows, before in {before.get(name, 0):.0%}"
        text = f"the server says {key} {name[:40]} {often}, under the same version name"
        found.append(
            Suspect(
                code,
                name,
                text,
                shift.row,
                shift.low,
                shift.high,
                0.97,
                distance=shift.distance,
                p=shift.p,
                model=True,
            )
            .measured(Measured(f"{key} {name[:40]}", before.get(name, 0.0), after[name]))
            .undone(halt(window))
        )
    return found


def _teller(key: str) -> Callable[[Observation], object]:
    return lambda one: one.parameters.get(key, "")


def _version_moved(window: Window, shift: Shift) -> bool:
    moved = window.shift("version", "version")
    return moved is not None and window.likely(shift, moved.row)


# ---------------------------------------------------------------------------------------------------------- scores


class _Arrival(msgspec.Struct, frozen=True):
    """A version that came at `row`, with the change of scores given the inputs that its own rows show."""

    name: str
    row: int
    shift: Shift


def _scores(window: Window) -> list[Suspect]:
    """The same inputs come to other scores: by a version that came, where its own rows say so, or in silence."""
    shifts = [shift for name in ODD if (shift := window.shift("residual", name)) is not None]
    if not shifts:
        arrivals = [one for name in ODD for one in _arrivals(window, window.columns["residual", name])]
        first = min(arrivals, key=lambda one: one.shift.p, default=None)
        return (
            [] if first is None or not beyond(first.shift, window.fit) else [_deployed(window, first, 0.96)]
        )
    shift = min(shifts, key=lambda one: one.p)
    odd = window.columns["residual", shift.name]
    gain = gains(shift.before, shift.after)
    worth = [0.0 if code == OUT else gain[code] for code in odd.codes]
    whole = sum(worth[shift.row :])
    costs = [(whole - _own(window, one, worth), one) for one in _arrivals(window, odd)]
    lost, best = min(costs, key=lambda pair: pair[0], default=(math.inf, None))
    lost /= min(shift.spread, 1.5)
    silent = _silent(window, shift)
    if best is None or lost > max(LIKELY, _FAR * whole):
        return [silent]
    deployed = _deployed(window, best, 0.96 if lost <= max(_CLEAR, _MISFIT * whole) else 0.7)
    return [deployed] if lost <= _SAME else [deployed, silent]


def _arrivals(window: Window, odd: Column) -> list[_Arrival]:
    """Versions that began to answer since the reference, or again after a while, and moved."""
    rows = window.table.rows
    seen: dict[str, int] = {}
    came: dict[tuple[str, int], None] = {}
    for n, one in enumerate(rows):
        if one.route == "model":
            if n >= window.table.reference and n - seen.get(one.version, -_LOOK_BACK) >= _LOOK_BACK:
                came[one.version, n] = None
            seen[one.version] = n
    found = (_arrival(window, odd, name, row, 2 * len(came)) for name, row in came)
    return [one for one in found if one is not None]


def _arrival(window: Window, odd: Column, name: str, row: int, tries: int) -> _Arrival | None:
    table = window.table
    codes = [OUT if n >= row and table.rows[n].version != name else code for n, code in enumerate(odd.codes)]
    if sum(code != OUT for code in codes[row:]) < _SEEN or row >= len(codes) - AFTER:
        return None
    block = min(bisect_left(table.grid.starts, row), len(table.grid.slots) - 1)
    own = Column(odd.family, odd.name, codes, odd.width)
    shift = scan(own, table.grid, tries, block)
    if shift is None:
        return None
    shift = msgspec.structs.replace(shift, row=row, low=row, high=row)
    return _Arrival(name, row, shift)


def _own(window: Window, arrival: _Arrival, worth: Sequence[float]) -> float:
    """How much likelier the change makes the rows of one version alone."""
    rows = window.table.rows
    return sum(worth[n] for n in range(arrival.row, len(rows)) if rows[n].version == arrival.name)


def _deployed(window: Window, arrival: _Arrival, sure: float) -> Suspect:
    text = f"version {arrival.name} answers since then and scores the same inputs differently"
    found = _other_scores(window, arrival.shift).named("deployment", arrival.name, text, sure)
    at = window.table.at[arrival.row]
    entries = [
        one for one in window.happenings if one.what in ROUTES and one.at <= at and names(one, arrival.name)
    ]
    return found.rested(entries[-1]) if entries else found.undone(halt(window))


def _silent(window: Window, shift: Shift) -> Suspect:
    """Nobody deployed anything, and yet."""
    version = Counter(one.version for one in window.table.rows[shift.high :]).most_common(1)
    name = version[0][0] if version else ""
    text = f"version {name} scores the same inputs differently since a time at which nothing was deployed"
    return _other_scores(window, shift).named("retrained", name, text, 0.75).undone(halt(window))


def _other_scores(window: Window, shift: Shift) -> Suspect:
    moved = [value for value in window.residuals[: shift.low] if value is not None]
    later = [value for value in window.residuals[shift.high :] if value is not None]
    found = Suspect(
        "retrained",
        "",
        "",
        shift.row,
        shift.low,
        shift.high,
        0.75,
        distance=shift.distance,
        p=shift.p,
        model=True,
    )
    return found.measured(
        Measured(
            "score less what its inputs foretell, median" + _unit(window),
            median(moved or [0]),
            median(later or [0]),
        ),
        Measured("distance of its distribution, beyond noise", 0.0, shift.distance),
        Measured("part of the scores that inputs foretell", window.fit.explained, "not learned anew"),
        *_twins(window, shift),
    )


def _unit(window: Window) -> str:
    return " (log-odds)" if window.target.kind == "logit" else ""


def _twins(window: Window, shift: Shift) -> tuple[Measured, ...]:
    """Rows with the very same inputs on both sides."""
    rows = window.table.rows
    known = {one.values: one.score for one in rows[: shift.low] if one.route == "model"}
    again = [
        (known[one.values], one.score)
        for one in rows[shift.high :]
        if one.route == "model" and one.values in known
    ]
    other = sum(
        a is not None and b is not None and abs(a - b) > 1e-6 * max(abs(a), abs(b), 1e-9) for a, b in again
    )
    return (Measured("rows seen before, of which scored otherwise", len(again), other),) if again else ()
