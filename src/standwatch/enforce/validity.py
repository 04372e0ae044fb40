"""The validated range: whether a model may be asked about one row, and if not, the first reason why.

Declared limits first (types, missingness, bounds, categories), then the known limits that can be executed, then the
range that was learned: bounds, known categories, and how typical the row is as a whole.

Two forms of one rule. `check` goes through the row once, with a closure for each feature that gives the bin of a good
value or −1: all there is on the hot path. Only for a row that is outside, `Reasons` looks again and says why.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from standwatch.enforce.validity_reasons import MOST, NUMBERS, Reasons, holds, numeric, types_of
from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Feature, Learned, Model

__all__ = ["Validity", "compile_validity", "holds"]

INSIDE: Final = ("", "")
Binned = Callable[[Value], int]
"""A value → its bin (0 where nothing was learned about the feature); −1 where it is outside."""


class Validity:
    """One model's range, compiled. `check` and `check_all` never raise, whatever stands in a row."""

    def __init__(self, model: Model) -> None:
        self._reasons = Reasons(model)
        self._width = len(model.inputs)
        self._names = tuple(feature.name for feature in model.inputs)
        place = {name: index for index, name in enumerate(self._names)}
        learned = model.learned
        self._bins: tuple[Binned, ...] = tuple(
            _binned(feature, learned, _learned_place(learned, feature.name)) for feature in model.inputs
        )
        self._limits = tuple(
            tuple((place[one.feature], one) for one in limit.when)
            for limit in model.known_limits
            if limit.when
        )
        self._roots, self._nodes = _tree(learned, place)
        self._threshold = learned.threshold if learned else 0.0

    def check(self, row: Row) -> tuple[str, str]:
        """(code, reason) of the first limit that `row`, in the order of the inputs, is outside of; ("", "") for none.

        Codes: `wrong_type`, `missing`, `out_of_bounds`, `unknown_category`, `known_limit`, `outside_learned`,
        `atypical`.
        """
        return INSIDE if self._inside(row) else self._reasons.why(row)

    def check_all(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        """`check` of each row."""
        inside, why = self._inside, self._reasons.why
        return [INSIDE if inside(row) else why(row) for row in rows]

    def surprise(self, row: Row) -> float:
        """How untypical a row is that is otherwise inside: −log probability, to be compared with the threshold.

        Raises `ValueError` for a row whose values are outside what was learned.
        """
        bins = [bin_of(value) for bin_of, value in zip(self._bins, row, strict=True)]
        if -1 in bins:
            raise ValueError("a value of the row is outside the range")
        return self._surprise(bins)

    def _inside(self, row: Row) -> bool:
        if len(row) != self._width:
            return False
        bins = [bin_of(value) for bin_of, value in zip(self._bins, row, strict=True)]
        if -1 in bins:
            return False
        for limit in self._limits:
            if all(holds(condition, {condition.feature: row[at]}) for at, condition in limit):
                return False
        return not self._roots or self._surprise(bins) <= self._threshold

    def _surprise(self, bins: list[int]) -> float:
        found = 0.0
        for table, at in self._roots:
            found += table[bins[at]]
        for tables, parent, at in self._nodes:
            found += tables[bins[parent]][bins[at]]
        return found


def compile_validity(model: Model) -> Validity:
    """The range of `model`, ready for the hot path."""
    return Validity(model)


def _learned_place(learned: Learned | None, name: str) -> int:
    """Where `learned` keeps the feature `name`; −1 where it knows nothing about it."""
    return learned.features.index(name) if learned is not None and name in learned.features else -1


Tables = tuple[tuple[float, ...], ...]


def _tree(
    learned: Learned | None, place: Mapping[str, int]
) -> tuple[list[tuple[tuple[float, ...], int]], list[tuple[Tables, int, int]]]:
    """The tree by places in a row: (table, feature) of its roots, (tables, parent, feature) of the others.

    A row's probability is the product of its features', each given its parent: Chow and Liu, "Approximating discrete
    probability distributions with dependence trees", IEEE Transactions on Information Theory 14 (1968), equation 3.
    """
    roots: list[tuple[tuple[float, ...], int]] = []
    nodes: list[tuple[Tables, int, int]] = []
    for index, parent in enumerate(learned.tree) if learned else ():
        assert learned is not None
        own = place[learned.features[index]]
        if parent < 0:
            roots.append((learned.surprise[index][0], own))
        else:
            nodes.append((learned.surprise[index], place[learned.features[parent]], own))
    return roots, nodes


def _binned(feature: Feature, learned: Learned | None, at: int) -> Binned:
    if numeric(feature):
        return _number(feature, learned, at)
    return _category(feature, learned, at)


def _number(feature: Feature, learned: Learned | None, at: int) -> Binned:
    """One comparison finds NaN, infinities and every bound: NaN compares false, and the bounds are finite."""
    low = -MOST if feature.min is None else feature.min
    high = MOST if feature.max is None else feature.max
    edges: tuple[float, ...] = ()
    if learned is not None and at >= 0:
        low, high, edges = max(low, learned.low[at]), min(high, learned.high[at]), learned.edges[at]
    missing = len(edges) + 1 if feature.missing else -1
    one_of = None if feature.one_of is None else frozenset(feature.one_of)
    whole = feature.type == "integer"

    def number(value: Value) -> int:
        if type(value) not in NUMBERS:
            return missing if value is None else -1
        if not low <= value <= high:  # pyright: ignore[reportOperatorIssue]  # its type was looked at
            return -1
        return bisect_left(edges, value)  # pyright: ignore[reportArgumentType]  # as above

    def particular(value: Value) -> int:
        found = number(value)
        if found >= 0 and value is not None:
            if whole and type(value) is float and not value.is_integer():
                return -1
            if one_of is not None and value not in one_of:
                return -1
        return found

    return particular if whole or one_of is not None else number


def _category(feature: Feature, learned: Learned | None, at: int) -> Binned:
    """By a table of what is known, or of nothing where any value of the right type is."""
    types = types_of(feature)
    declared = (True, False) if feature.type == "boolean" else feature.one_of
    seen = learned.values[at] if learned is not None and at >= 0 else None
    known: Sequence[Value] | None = declared if seen is None else seen
    table: dict[Value, int] = {
        value: index if seen is not None else 0
        for index, value in enumerate(known or ())
        if declared is None or value in declared
    }
    closed = known is not None
    missing = (len(seen) if seen is not None else 0) if feature.missing else -1

    def category(value: Value) -> int:
        if type(value) in types:
            return table.get(value, -1) if closed else 0
        return missing if value is None else -1

    return category
