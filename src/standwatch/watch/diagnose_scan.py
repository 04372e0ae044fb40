"""When did a column change? A change-point test that knows that traffic has hours, weekends and bursts.

For a candidate beginning t the rows after t are compared with what the rows before t, of the same hours, would have
them be: Pearson's X² over the cells. Neighbouring rows resemble each other, so X² is divided by the column's own
overdispersion, measured on the rows before t at several lengths of time (Rao & Scott's first-order correction, with
the largest design effect and its upper confidence bound). The p-value is multiplied by every candidate and column.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

from standwatch.watch.diagnose_columns import OUT, SLOTS, Column, Family, Grid
from standwatch.watch.statistics import chi_square_tail, variation

_COARSE: Final = 40
"""Candidates of the first pass."""
_PULL: Final = 40.0
"""Rows' worth of the whole mixed into the mix of one slot of the week, so that rare slots do not decide."""
LIKELY: Final = 6.0
"""Log-likelihood within which another beginning is as good: covers about 99 % where rows are independent."""
_SETTLING: Final = 3
_NEAR: Final = 150
_DOUBT: Final = 1.5
"""Where rows resemble their neighbours it is multiplied by the overdispersion, at most by this: a fault begins with
one row, whatever the rhythm around it."""

Counts = list[list[int]]


class Shift(msgspec.Struct, frozen=True):
    """The change of one column: it began at `row`, as likely at any from `low` to `high`.

    `before` is expected for the hours after it, `after` found. `distance` is total variation beyond noise.
    """

    family: Family
    name: str
    row: int
    low: int
    high: int
    before: tuple[float, ...]
    after: tuple[float, ...]
    distance: float
    statistic: float
    spread: float
    """Overdispersion that the statistic was divided by."""
    p: float


def tally(column: Column, grid: Grid) -> Counts:
    """Rows of each block in each cell."""
    found: Counts = []
    for begin, end in zip(grid.starts, grid.starts[1:], strict=False):
        cells = [0] * (column.width + 1)
        for code in column.codes[begin:end]:
            cells[code] += 1
        cells.pop()  # `OUT` is −1: the last
        found.append(cells)
    return found


def scan(column: Column, grid: Grid, columns: int, at: int = OUT) -> Shift | None:
    """The most likely change of `column` (or the one at block `at`); None where nothing can be compared.

    `columns` is how many are looked at in all: the p-value pays for them.
    """
    if grid.first >= grid.last:
        return None
    counts = tally(column, grid)
    best = at if at != OUT else _settle(column, counts, grid, _search(counts, grid))
    found = _compare(counts, grid, best)
    if found is None:
        return None
    value, expected, after, rows, against = found
    spread = overdispersion(counts, grid, best)
    freedom = max(sum(1 for cell in range(column.width) if expected[cell] or after[cell]) - 1, 1)
    tries = (grid.last - grid.first if at == OUT else 1) * columns
    row, low, high = (grid.starts[at],) * 3
    if at == OUT:
        row, low, high = _refine(column, _around(grid, best), expected, after, spread)
    noise = _noise(expected, rows, against, spread)
    return Shift(
        family=column.family,
        name=column.name,
        row=row,
        low=low,
        high=high,
        before=tuple(expected),
        after=tuple(after),
        distance=max(variation(expected, after) - noise, 0.0),
        statistic=value / spread,
        spread=spread,
        p=min(chi_square_tail(value / spread, freedom) * tries, 1.0),
    )


def _settle(column: Column, counts: Counts, grid: Grid, best: int) -> int:
    """The candidate that the likelihood of single rows prefers, given the mixes on both sides of `best`.

    X² compares with as many rows as there were in the same hours, which are not the same for each candidate."""
    for _ in range(_SETTLING):
        found = _compare(counts, grid, best)
        if found is None:
            return best
        row, _, _ = _refine(column, (grid.starts[grid.first], len(column.codes)), found[1], found[2], 1.0)
        place = min(max(bisect_left(grid.starts, row), grid.first), grid.last - 1)
        if place == best:
            break
        best = place
    return best


def _around(grid: Grid, at: int) -> tuple[int, int]:
    """The rows of some blocks on either side of a candidate."""
    return grid.starts[max(at - 6, 0)], grid.starts[min(at + 6, len(grid.starts) - 1)]


def _search(counts: Counts, grid: Grid) -> int:
    step = max((grid.last - grid.first) // _COARSE, 1)
    best = _best(counts, grid, range(grid.first, grid.last, step))
    return _best(counts, grid, range(max(best - step + 1, grid.first), min(best + step, grid.last)))


def _best(counts: Counts, grid: Grid, candidates: Sequence[int]) -> int:
    """The candidate with the largest statistic, in one pass over the blocks."""
    width = len(counts[0])
    before, after = [[0] * width for _ in range(SLOTS)], [[0] * width for _ in range(SLOTS)]
    for place, cells in enumerate(counts):
        _add(after[grid.slots[place]], cells)
    best, worst, done = candidates[0], -1.0, 0
    for candidate in candidates:
        for place in range(done, candidate):
            _add(before[grid.slots[place]], counts[place])
            _add(after[grid.slots[place]], counts[place], -1)
        done = candidate
        found = _statistic(before, after)
        if found is not None and found[0] > worst:
            best, worst = candidate, found[0]
    return best


def _add(total: list[int], cells: Sequence[int], sign: int = 1) -> None:
    for cell, count in enumerate(cells):
        if count:
            total[cell] += sign * count


def _compare(
    counts: Counts, grid: Grid, at: int
) -> tuple[float, list[float], list[float], int, float] | None:
    width = len(counts[0])
    before, after = [[0] * width for _ in range(SLOTS)], [[0] * width for _ in range(SLOTS)]
    for place, cells in enumerate(counts):
        _add((before if place < at else after)[grid.slots[place]], cells)
    return _statistic(before, after)


def _statistic(before: Counts, after: Counts) -> tuple[float, list[float], list[float], int, float] | None:
    """X², the mix expected after, the mix found, how many rows it was found in, and against how many."""
    width = len(before[0])
    sizes = [sum(cells) for cells in after]
    rows, whole = sum(sizes), [sum(column) for column in zip(*before, strict=True)]
    count = sum(whole)
    if not rows or count < 2:
        return None
    overall = [cell / count for cell in whole]
    expected, doubt = [0.0] * width, 0.0
    for place, size in enumerate(sizes):
        if size:
            here = sum(before[place])
            weight, pull = size / rows / (here + _PULL), _PULL * size / rows / (here + _PULL)
            doubt += (size / rows) ** 2 / (here + _PULL)
            for cell, known in enumerate(before[place]):
                expected[cell] += weight * known + pull * overall[cell]
    against = min(1 / doubt, float(count))
    found = [sum(column) / rows for column in zip(*after, strict=True)]
    scale = rows * against / (rows + against)
    value = 0.0
    for mine, theirs in zip(found, expected, strict=True):
        pooled = (rows * mine + against * theirs + 0.5) / (rows + against + 0.5)
        value += (mine - theirs) ** 2 / max(pooled, 0.5 / scale)
    return scale * value, expected, found, rows, against


def overdispersion(counts: Counts, grid: Grid, at: int) -> float:
    """How many times more the mix of stretches of time scatters than independent rows would: at least 1. One stretch
    in twenty, where there are so many, is left out: an hour with an accident of its own is no measure of the others."""
    worst, size = 1.0, 1
    # The last blocks before a beginning may already hold rows of what began.
    sizes = [(grid.slots[place], cells) for place, cells in enumerate(counts[: max(at - 2, 1)])]
    profiles = _profiles(sizes)
    freedom = max(sum(1 for cell in profiles[SLOTS] if cell > 0) - 1, 1)
    while len(sizes) // size >= 6:
        groups = len(sizes) // size
        values = sorted(_scatter(sizes[n * size : (n + 1) * size], profiles) for n in range(groups))
        kept = values[: groups - groups // 20]
        mean = sum(kept) / len(kept) / freedom
        worst = max(worst, mean * (1 + 2 * math.sqrt(2 / groups / freedom)))
        size *= 2
    return worst


def _profiles(blocks: Sequence[tuple[int, list[int]]]) -> list[list[float]]:
    """The mix of each slot, drawn to the mix of the whole, which stands last."""
    width = len(blocks[0][1]) if blocks else 1
    sums = [[0] * width for _ in range(SLOTS)]
    for place, cells in blocks:
        _add(sums[place], cells)
    whole = [sum(column) for column in zip(*sums, strict=True)]
    count = max(sum(whole), 1)
    overall = [cell / count for cell in whole]
    return [
        *(
            [(cell + _PULL * all_) / (sum(cells) + _PULL) for cell, all_ in zip(cells, overall, strict=True)]
            for cells in sums
        ),
        overall,
    ]


def _scatter(group: Sequence[tuple[int, list[int]]], profiles: Sequence[Sequence[float]]) -> float:
    width = len(profiles[0])
    found, wanted = [0] * width, [0.0] * width
    for place, cells in group:
        _add(found, cells)
        size = sum(cells)
        for cell, part in enumerate(profiles[place]):
            wanted[cell] += size * part
    return sum((mine - theirs) ** 2 / max(theirs, 0.5) for mine, theirs in zip(found, wanted, strict=True))


def _noise(expected: Sequence[float], rows: int, against: float, spread: float) -> float:
    """Total variation that is to be expected of sampling alone: half the sum of E|x| of each cell."""
    size = rows * against / (rows + against) / spread
    return sum(math.sqrt(2 / math.pi * part * (1 - part) / size) for part in expected if 0 < part < 1) / 2


def _refine(
    column: Column, span: tuple[int, int], before: Sequence[float], after: Sequence[float], spread: float
) -> tuple[int, int, int]:
    """The row of the largest likelihood within `span`, and the first and last that are nearly as likely."""
    gain = gains(before, after)
    begin, end = span
    # The likelihood of a beginning at row r is, up to a constant, minus what the rows from `begin` to r would gain.
    lost = [0.0, *accumulate(gain[code] if code != OUT else 0.0 for code in column.codes[begin:end])]
    least = min(lost)
    near = [place for place, value in enumerate(lost) if value <= least + LIKELY * min(spread, _DOUBT)]
    return begin + lost.index(least), begin + near[0], begin + near[-1]


def gains(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """How much likelier a row of each cell is after than before, as a logarithm."""
    return [math.log((b + 0.002) / (a + 0.002)) for a, b in zip(before, after, strict=True)]


def sudden(column: Column, shift: Shift) -> float:
    """How far the rows just after the beginning of `shift` are from those just before it, beyond noise: what drifts
    with the hours or with the market comes by degrees, a fault at once."""
    near = [code for code in column.codes[: shift.row] if code != OUT][-_NEAR:]
    late = [code for code in column.codes[shift.row :] if code != OUT][:_NEAR]
    if not near or not late:
        return 0.0
    one, two = ([part.count(cell) / len(part) for cell in range(column.width)] for part in (near, late))
    return max(variation(one, two) - _noise(one, len(late), len(near), 1.0), 0.0)


def unlikely(column: Column, shift: Shift, row: int) -> float:
    """Log-likelihood that `shift` loses by having begun at `row` instead; 0 where it may as well."""
    gain = gains(shift.before, shift.after)
    begin, end = sorted((row, shift.row))
    between = sum(gain[code] for code in column.codes[begin:end] if code != OUT)
    return max(between if row > shift.row else -between, 0.0) / min(shift.spread, _DOUBT)
