"""A Chow–Liu tree over binned features: which feature each depends on most, and how surprising each value then is.

Chow and Liu, "Approximating discrete probability distributions with dependence trees", IEEE Transactions on Information
Theory 14 (1968): of all trees, the one with the most mutual information between neighbours is the likeliest.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Final

Column = Sequence[int]
"""The bins of one feature, row by row."""
Table = tuple[tuple[float, ...], ...]

GRAIN: Final = 1024
"""Surprises are multiples of 1/1024, so that their sums are exact in any order and a threshold means one thing."""
SHRINK: Final = 4.0
"""Rows' worth of a feature's own distribution that is mixed into every conditional one."""


def tree(columns: Sequence[Column], sizes: Sequence[int]) -> tuple[int, ...]:
    """The parent of each feature, −1 for none. `sizes`: how many bins each has.

    A link is made only where it tells more than chance would: mutual information beyond (a−1)(b−1)·ln n / 2n, what
    the minimum description length charges for its table. Ties go to the features that come first.
    """
    links = sorted(
        (
            (gain, -one, -other)
            for one, other in combinations(range(len(columns)), 2)
            if (gain := information(columns[one], columns[other]) - _charge(columns, sizes, one, other)) > 0
        ),
        reverse=True,
    )
    group = list(range(len(columns)))
    near: list[list[int]] = [[] for _ in columns]
    for _, one, other in links:
        first, second = group[-one], group[-other]
        if first != second:
            group = [first if member == second else member for member in group]
            near[-one].append(-other)
            near[-other].append(-one)
    return _directed(near)


def _charge(columns: Sequence[Column], sizes: Sequence[int], one: int, other: int) -> float:
    rows = len(columns[one])
    return (sizes[one] - 1) * (sizes[other] - 1) * math.log(rows) / (2 * rows)


def _directed(near: list[list[int]]) -> tuple[int, ...]:
    """Away from the first feature of each connected part."""
    parent = [-2] * len(near)
    for root in range(len(near)):
        if parent[root] != -2:
            continue
        parent[root] = -1
        ahead = [root]
        for at in ahead:
            for other in sorted(near[at]):
                if parent[other] == -2:
                    parent[other] = at
                    ahead.append(other)
    return tuple(parent)


def information(one: Column, other: Column) -> float:
    """Mutual information of two features in nats, from their counts."""
    rows = len(one)
    first, second = Counter(one), Counter(other)
    return sum(
        count / rows * math.log(count * rows / (first[a] * second[b]))
        for (a, b), count in Counter(zip(one, other, strict=True)).items()
    )


def surprises(columns: Sequence[Column], sizes: Sequence[int], parents: Sequence[int]) -> tuple[Table, ...]:
    """For each feature, by its parent's bin and its own: −log probability (nats); one line where it has no parent.

    Every bin was seen half a time more than it was, so that nothing is impossible; a table's line is shrunk towards the
    feature's own distribution, the more the fewer rows it rests on.
    """
    return tuple(
        _table(columns, sizes, index, parent) if parent >= 0 else (_line(_own(columns[index], sizes[index])),)
        for index, parent in enumerate(parents)
    )


def _own(column: Column, size: int) -> list[float]:
    seen = Counter(column)
    return [(seen[at] + 0.5) / (len(column) + 0.5 * size) for at in range(size)]


def _table(columns: Sequence[Column], sizes: Sequence[int], index: int, parent: int) -> Table:
    own = _own(columns[index], sizes[index])
    both = Counter(zip(columns[parent], columns[index], strict=True))
    above = Counter(columns[parent])
    return tuple(
        _line([(both[up, at] + SHRINK * own[at]) / (above[up] + SHRINK) for at in range(sizes[index])])
        for up in range(sizes[parent])
    )


def _line(chances: list[float]) -> tuple[float, ...]:
    return tuple(round(-math.log(chance) * GRAIN) / GRAIN for chance in chances)
