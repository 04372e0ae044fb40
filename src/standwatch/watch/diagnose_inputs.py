"""Causes on the side of whoever supplies the inputs: one feature, two that changed places, one that lost its rows."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from standwatch.facts.decisions import Value
from standwatch.watch.diagnose_columns import AFTER, HOUR, Encoder, Numbers, missing, number, slot
from standwatch.watch.diagnose_features import Restore, Sample, Signature, signature, swapped, transposed
from standwatch.watch.diagnose_scan import Shift
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import ALARM, Window, halt
from standwatch.watch.diagnosis import Measured
from standwatch.watch.statistics import median, mix_variation, shares, spread, variation

_ROWS: Final = 2_000
_DRIFT: Final = 0.1
"""Distributions that moved less are no cause to claim unless an accident is recognised in them."""
_FRESH: Final = 6
_FEW_ALIKE: Final = 30
_BEYOND: Final = 1e-4
_RUNS: Final = 30
_CHANGING: Final = 0.7
_LONGER: Final = 2
"""A value that lasts twice as long as the longest of at least thirty before, in hours with traffic, stands still.
A feature that is another in more than seven rows in ten belongs to the row."""


def suspects(window: Window) -> list[Suspect]:
    """Every cause that lies in the inputs."""
    moved = {
        n: shift
        for n, column in enumerate(window.table.features)
        if (shift := window.shift("feature", column.name))
    }
    samples = {n: sample(window, n, shift) for n, shift in moved.items()}
    found = _standing(window)
    still = {n for one in found for n in one.restore}
    found += _unseen(window, set(moved))
    found += _swaps(window, {n: shift for n, shift in moved.items() if n not in still}, samples)
    taken = {n for one in found for n in one.restore}
    for n, shift in moved.items():
        if n not in taken:
            mark = signature(samples[n], numeric=_numeric(window, n))
            if mark.code != "drift" or (shift.distance >= _DRIFT and not _of_the_hour(window, n, shift)):
                found.append(_suspect(window, n, shift, mark))
    return found + _pairs(window, set(moved) | still)


def _busy(at: Sequence[int]) -> list[int]:
    """Each row's time, as if no two rows were farther apart than five times the usual: nights renew nothing."""
    gaps = [late - early for early, late in pairwise(at)]
    most = int(5 * median(gaps)) + 1
    return list(accumulate((min(gap, most) for gap in gaps), initial=0))


def _untold(window: Window, row: int, n: int) -> bool:
    """Whether a value is missing, or text where a number should be: another accident than standing still."""
    told = value(window, row, n)
    return missing(told) or (isinstance(window.table.encoders[n], Numbers) and number(told) is None)


def _unseen(window: Window, moved: set[int]) -> list[Suspect]:
    """Categories that came too seldom to move a distribution, and that never came before."""
    found: list[Suspect] = []
    for n, (column, encoder) in enumerate(zip(window.table.features, window.table.encoders, strict=True)):
        if isinstance(encoder, Numbers) or n in moved or len(encoder.places) > 100:
            continue
        rows = [row for row, code in enumerate(column.codes) if code == encoder.frequent + 1]
        if len(rows) < _FRESH or rows[0] < window.table.since:
            continue
        late = len(column.codes) - rows[0]
        chance = (late / len(column.codes)) ** len(rows) * window.looked
        if len(rows) > 0.03 * late and chance < ALARM:
            low = max(rows[0] - late // len(rows) * 3, 0)
            cells = ((0.0, 1.0), (0.0, 1.0))
            shift = Shift(
                "feature", column.name, rows[0], low, rows[0], *cells, len(rows) / late, 0.0, 1.0, chance
            )
            mark = signature(sample(window, n, shift), numeric=False)
            found += [_suspect(window, n, shift, mark)] if mark.code == "new_category" else []
    return found


def _lasting(window: Window, n: int) -> bool:
    """Whether neighbouring rows share a value far more often than any two rows do."""
    picked = [value(window, row, n) for row in range(window.table.reference)]
    same = sum(a == b for a, b in pairwise(picked)) / max(len(picked) - 1, 1)
    return same > 0.3 and same > 2 * sum(part * part for part in shares(picked).values())


def _of_the_hour(window: Window, n: int, shift: Shift) -> bool:
    """Whether a feature is the same for many rows and goes its way as the hours do: no drift unless far beyond."""
    before = [value(window, row, n) for row in range(max(shift.low - _ROWS, 0), shift.low)]
    same = sum(a == b for a, b in pairwise(before))
    encoder = window.table.encoders[n]
    return isinstance(encoder, Numbers) and same > len(before) / 2 and shift.p > _BEYOND


def _numeric(window: Window, n: int) -> bool:
    return isinstance(window.table.encoders[n], Numbers) or _scalar(window, n)


def _scalar(window: Window, n: int) -> bool:
    """A number that has few values is encoded as a word, and still a number to whoever multiplies it."""
    encoder = window.table.encoders[n]
    return (
        window.table.model.inputs[n].type in ("number", "integer")
        and not isinstance(encoder, Numbers)
        and len(encoder.places) > 6
    )


def value(window: Window, row: int, n: int) -> Value:
    """Feature `n` of a row; None where the row has none."""
    values = window.table.rows[row].values
    return values[n] if n < len(values) else None


def sample(window: Window, n: int, shift: Shift) -> Sample:
    """Values of feature `n` on both sides of a change."""
    late = range(shift.high, len(window.table.rows))
    after = [late[place] for place in spread(late, _ROWS)]
    early = _alike(window, shift.low, after)
    return Sample(
        name=window.table.features[n].name,
        before=[value(window, row, n) for row in early],
        after=[value(window, row, n) for row in after],
        at_before=[window.table.at[row] for row in early],
        at_after=[window.table.at[row] for row in after],
        last=value(window, max(shift.low - 1, 0), n),
    )


def _alike(window: Window, until: int, after: Sequence[int]) -> list[int]:
    """Rows before `until`, of the same hours and kinds of day as those after: what the day does is no accident."""
    at = window.table.at
    early = [range(until)[place] for place in spread(range(until), 4 * _ROWS)] or [0]
    slots: dict[int, list[int]] = {}
    for row in early:
        slots.setdefault(slot(at[row]), []).append(row)
    wanted = Counter(slot(at[row]) for row in after)
    scale = min(_ROWS, len(early)) / max(len(after), 1)
    found: list[int] = []
    for place, count in wanted.items():
        rows = slots.get(place, ())
        rows = rows if len(rows) >= _FEW_ALIKE else early
        size = max(round(count * scale), 1)
        found += [rows[n * len(rows) // size] for n in range(size)] if size < len(rows) else rows
    return sorted(found)


def _suspect(window: Window, n: int, shift: Shift, mark: Signature) -> Suspect:
    found = Suspect(
        mark.code,
        shift.name,
        mark.text,
        shift.row,
        shift.low,
        shift.high,
        mark.sure,
        distance=shift.distance,
        p=shift.p,
        restore={n: mark.restore},
        evidence=mark.evidence,
    )
    return found.undone(halt(window))


# ----------------------------------------------------------------------------------------------------------- swaps


def _swaps(window: Window, moved: dict[int, Shift], samples: dict[int, Sample]) -> list[Suspect]:
    fits: list[tuple[float, int, int]] = []
    for one in moved:
        for two in moved:
            numeric = _numeric(window, one)
            if one < two and numeric == _numeric(window, two):
                left = swapped(samples[one], samples[two], numeric=numeric)
                if left is not None:
                    fits.append((left, one, two))
    found: list[Suspect] = []
    taken: set[int] = set()
    for left, one, two in sorted(fits):
        if not taken & {one, two}:
            taken |= {one, two}
            found.append(_swap(window, moved, one, two, left))
    return found


def _swap(window: Window, moved: dict[int, Shift], one: int, two: int, left: float) -> Suspect:
    first, second = moved[one], moved[two]
    clear = min(first, second, key=lambda shift: shift.high - shift.low)
    text = f"{first.name} and {second.name} changed places: each has the values that the other had before"
    return Suspect(
        "swapped",
        f"{first.name}, {second.name}",
        text,
        clear.row,
        clear.low,
        clear.high,
        0.97 - left,
        distance=max(first.distance, second.distance),
        p=min(first.p, second.p),
        restore={one: _from(window, two), two: _from(window, one)},
        evidence=(Measured("distance from the other's former values", "", left),),
        undo=halt(window),
    )


def _from(window: Window, n: int) -> Restore:
    def other(_: Any, row: int) -> Value:
        return value(window, row, n)

    return other


# -------------------------------------------------------------------------------------------------- standing still


def _standing(window: Window) -> list[Suspect]:
    """Features of the hour, not of the row, whose last value has lasted longer than any before: nobody renews it."""
    found = (_stopped(window, n) for n in range(len(window.table.features)))
    return [one for one in found if one is not None]


def _stopped(window: Window, n: int) -> Suspect | None:
    at, count = window.table.at, len(window.table.rows)
    runs = [0]
    for row in range(1, count):
        if value(window, row, n) != value(window, row - 1, n):
            runs.append(row)
    begin = runs[-1]
    if (
        len(runs) < _RUNS
        or count - begin < AFTER
        or len(runs) > count * _CHANGING
        or begin < window.table.reference
    ):
        return None
    busy = _busy(at)
    lasted = [busy[late - 1] - busy[early] for early, late in pairwise(runs)]
    if not _lasting(window, n):
        return None
    longest, now = max(lasted), busy[-1] - busy[begin]
    if now < _LONGER * longest or _untold(window, begin, n):
        return None
    name = window.table.features[n].name
    text = (
        f"{name} stands still since then, for {now / HOUR:.3g} h of traffic; "
        f"before it never did for more than {longest / HOUR:.3g} h"
    )
    measured = Measured("longest time without a new value, h", longest / HOUR, now / HOUR)
    # It stood still at some time between its last value and the time at which the next was due.
    high = min(max(bisect_left(at, at[begin] + int(median(lasted))), begin), count - 1)
    cells = ((0.0, 1.0), (0.0, 1.0))
    late = Shift("repeat", name, begin, begin, high, *cells, 1.0, 0.0, 1.0, 1 / len(runs) ** 2)
    return _suspect(window, n, late, Signature("stale", text, 0.93, _as_is, (measured,)))


# ----------------------------------------------------------------------------------------------------------- pairs


def _pairs(window: Window, moved: set[int]) -> list[Suspect]:
    """Two features that go together otherwise than before, though each by itself looks as before."""
    found: list[Suspect] = []
    names = {column.name: n for n, column in enumerate(window.table.features)}
    for (family, name), shift in window.shifts.items():
        if family == "pair":
            one, two = (names[part] for part in name.split(" and "))
            if not {one, two} & moved:
                found.append(_pair(window, one, two, shift))
    return _commonest(found)


def _commonest(found: Sequence[Suspect]) -> list[Suspect]:
    """One suspect for each feature that lost its rows, the one with the larger change first."""
    kept: dict[str, Suspect] = {}
    for one in sorted(found, key=lambda each: -each.distance):
        if not any(set(one.restore) & set(each.restore) for each in kept.values()):
            kept[one.subject] = one
    return list(kept.values())


def _pair(window: Window, one: int, two: int, shift: Shift) -> Suspect:
    first, second = (window.table.features[n].name for n in (one, two))
    sides = _joint(window, one, two, shift)
    base = Suspect(
        "shuffled",
        "",
        "",
        shift.row,
        shift.low,
        shift.high,
        0.6,
        distance=shift.distance,
        p=shift.p,
        undo=halt(window),
    )
    if len(sides[0]) == len(sides[0][0]) and transposed(*sides):
        text = f"{first} and {second} changed places: they go together as in a mirror"
        restore = {one: _from(window, two), two: _from(window, one)}
        return _with(base.named("swapped", f"{first}, {second}", text, 0.9), restore)
    for n, names, joint in (
        (one, (first, second), sides),
        (two, (second, first), tuple(_turn(side) for side in sides)),
    ):
        mapped = _mapping(window, n, joint)
        if mapped is not None:
            old, said = mapped
            text = f"{names[0]} changed places, seen by how it goes with {names[1]}: {said}"
            return _with(base.named("remapped", names[0], text, 0.9), {n: _back(old)})
    text = f"{first} and {second} no longer go together as before, though each has its former values"
    return _with(base.named("shuffled", f"{first}, {second}", text, 0.6), {one: _as_is, two: _as_is})


def _as_is(value: Any, _: int) -> Any:
    return value


def _back(old: dict[Value, Value]) -> Restore:
    return lambda value, _: old.get(value, value)


def _with(one: Suspect, restore: dict[int, Any]) -> Suspect:
    from msgspec.structs import replace

    return replace(one, restore=restore)


def _turn(side: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(line) for line in zip(*side, strict=True)]


def _joint(window: Window, one: int, two: int, shift: Shift) -> tuple[list[list[float]], list[list[float]]]:
    """The joint distribution of two features before and after, for two numbers in three cells of the first."""
    first, second = (window.table.encoders[n] for n in (one, two))
    rulers: tuple[Encoder, Encoder] = (first, second)
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        edges = first.edges
        few = Numbers((edges[len(edges) // 3], edges[len(edges) * 2 // 3])) if len(edges) > 2 else first
        rulers = (few, few)
    sides: list[list[list[float]]] = []
    for rows in (range(shift.low), range(shift.high, len(window.table.rows))):
        cells = [[0.0] * rulers[1].width for _ in range(rulers[0].width)]
        picked = [rows[place] for place in spread(rows, _ROWS)]
        for row in picked:
            cells[rulers[0].encode(value(window, row, one))][rulers[1].encode(value(window, row, two))] += (
                1 / len(picked)
            )
        sides.append(cells)
    return sides[0], sides[1]


def _mapping(
    window: Window, n: int, sides: Sequence[Sequence[Sequence[float]]]
) -> tuple[dict[Value, Value], str] | None:
    """A permutation of a category that makes the joint distribution what it was: by exchanges, the best first."""
    encoder = window.table.encoders[n]
    if isinstance(encoder, Numbers) or encoder.frequent < 2:
        return None
    before, after = sides
    order = list(range(len(after)))
    flat = [cell for line in before for cell in line]
    apart = left = variation(flat, [cell for line in after for cell in line])
    while True:
        best = _exchange(order, after, flat, encoder.frequent, left)
        if best is None:
            break
        left, a, b = best
        order[a], order[b] = order[b], order[a]
    if left > 0.6 * apart:
        return None
    words = {place: word for word, place in reversed(encoder.places.items()) if place < encoder.frequent}
    old = {words[new]: words[place] for place, new in enumerate(order[: encoder.frequent]) if place != new}
    return old, ", ".join(f"{before} → {after}" for after, before in old.items())


def _exchange(
    order: Sequence[int], after: Sequence[Sequence[float]], flat: Sequence[float], width: int, left: float
) -> tuple[float, int, int] | None:
    best: tuple[float, int, int] | None = None
    for a in range(width):
        for b in range(a):
            tried = list(order)
            tried[a], tried[b] = tried[b], tried[a]
            value = variation(flat, [cell for place in tried for cell in after[place]])
            if value < (best[0] if best else left) - 1e-6:
                best = (value, a, b)
    return best


def moved_within(window: Window, n: int, inside: Sequence[int], rest: Sequence[int], split: int) -> bool:
    """Whether feature `n` changed at row `split` among the rows `inside`, and hardly among the others."""
    mine, theirs = (_moved(window.table.features[n].codes, rows, split) for rows in (inside, rest))
    return mine > 0.15 and theirs < 0.15 * mine


def _moved(codes: Sequence[int], rows: Sequence[int], split: int) -> float:
    """Total variation beyond what sampling alone would show."""
    early, late = [codes[row] for row in rows if row < split], [codes[row] for row in rows if row >= split]
    if not early or not late:
        return 0.0
    one, two = shares(early), shares(late)
    noise = sum(math.sqrt(part * (1 - part) / len(late)) for part in one.values()) / math.sqrt(math.tau)
    return max(mix_variation(one, two) - noise, 0.0)
