"""One window as `diagnose` looks at it: every column with its change, a stand-in for the model, its cut."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from standwatch.facts.decisions import Happening, Observation
from standwatch.watch.diagnose_columns import (
    OUT,
    Column,
    Family,
    Numbers,
    Table,
    derived,
    learn,
)
from standwatch.watch.diagnose_fit import Fit, Target, residual_columns, residuals, target
from standwatch.watch.diagnose_scan import LIKELY, Shift, scan, sudden, unlikely
from standwatch.watch.statistics import shares, spread

ALARM: Final = 0.01
"""Probability, by its bound, that anything is claimed of an unchanged window by chance alone."""
FLOORS: Final[dict[Family, float]] = {
    "outcome": 0.04,
    "score": 0.06,
    "route": 0.03,
    "version": 0.01,
    "parameter": 0.05,
    "age": 0.25,
    "feature": 0.06,
    "repeat": 0.0,
    "pair": 0.08,
    "residual": 0.1,
    "relation": 0.01,
}
"""Changes smaller than this (total variation beyond noise) are true of any traffic, and nobody's emergency."""
_UNTOLD: Final = 0.2
_ALARM_OF_SCORES: Final = 1e-4
_SUDDEN: Final = 0.5
"""Part of a change of the scores given the inputs, or of a part of the traffic, that must come at once."""
_ASKED: Final = 1
"""Outcomes are asked about at one row, that of a cause which is established without them."""
_CUT_ERRORS: Final = 0.02
_SAMPLE: Final = 2_000
_COARSE: Final = 3


class Cut(msgspec.Struct, frozen=True):
    """How scores come to outcomes: `above` at or above a cut between `low` and `high`, else `below`."""

    low: float
    high: float
    above: str
    below: str

    def outcome(self, score: float) -> str:
        """The outcome of a score."""
        return self.above if score >= (self.low + self.high) / 2 else self.below

    def contradicted(self, score: float, outcome: str) -> bool:
        """Whether no cut between the two could have given this score this outcome."""
        if outcome == self.above:
            return score < self.low
        return outcome == self.below and score > self.high


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that causes are read from."""

    table: Table
    happenings: Sequence[Happening]
    columns: dict[tuple[Family, str], Column]
    shifts: dict[tuple[Family, str], Shift]
    """Those beyond noise and floor."""
    outcome: Shift | None
    """The mix of outcomes, whether or not it changed."""
    target: Target
    targets: list[float | None]
    residuals: list[float | None]
    fit: Fit
    cut: Cut | None
    looked: int

    def shift(self, family: Family, name: str) -> Shift | None:
        """The change of one column, where it changed."""
        return self.shifts.get((family, name))

    @property
    def changed(self) -> Shift | None:
        """The change of the outcomes' mix, where it is beyond noise."""
        return self.shifts.get(("outcome", "outcome"))

    def moved(self, row: int) -> Shift | None:
        """How the mix of outcomes changed at `row`, where it did: tested at that row alone, which tells more."""
        if self.changed is not None and self.likely(self.changed, row):
            return self.changed
        grid = self.table.grid
        block = min(bisect_left(grid.starts, row), len(grid.slots) - 1)
        found = scan(self.table.outcome, grid, _ASKED, block) if block else None
        return found if found is not None and beyond(found, self.fit) else None

    def unlikely(self, shift: Shift, row: int) -> float:
        """What speaks against `shift` having begun at `row`, give or take three rows: log-likelihood lost."""
        column = self.columns[shift.family, shift.name]
        return min(unlikely(column, shift, near) for near in (row, max(row - 3, 0), row + 3))

    def likely(self, shift: Shift, row: int) -> bool:
        """Whether `shift` may have begun at `row`."""
        return self.unlikely(shift, row) <= LIKELY


def window(table: Table, happenings: Sequence[Happening]) -> Window:
    """Scan every column. `happenings` by time."""
    wanted = target(table)
    targets = [wanted.of(one) for one in table.rows]
    rest, stand_in = residuals(table, targets, table.reference)
    cut = cut_of(table)
    columns = _columns(table, rest, cut)
    looked = len(columns) + 20  # parts of the traffic are looked at later
    scanned = [(column, scan(column, table.grid, looked)) for column in columns]
    found = [
        None
        if shift is not None
        and column.family == "residual"
        and sudden(column, shift) < _SUDDEN * shift.distance
        else shift
        for column, shift in scanned
    ]
    return Window(
        table=table,
        happenings=happenings,
        columns={(column.family, column.name): column for column in columns},
        shifts={(one.family, one.name): one for one in found if one is not None and beyond(one, stand_in)},
        outcome=next((one for one in found if one is not None and one.family == "outcome"), None),
        target=wanted,
        targets=targets,
        residuals=rest,
        fit=stand_in,
        cut=cut,
        looked=looked,
    )


def beyond(shift: Shift, stand_in: Fit) -> bool:
    """Whether a change is beyond chance and beyond what traffic does every day. What a stand-in for the model cannot
    foretell moves with the inputs: the worse it is, the more must have moved."""
    if shift.family == "residual":
        return shift.p < _ALARM_OF_SCORES and shift.distance >= FLOORS["residual"] + _UNTOLD * (
            1 - stand_in.explained
        )
    return shift.p < ALARM and shift.distance >= FLOORS[shift.family]


def _columns(table: Table, rest: Sequence[float | None], cut: Cut | None) -> list[Column]:
    found = [
        table.outcome,
        score_column(table),
        derived(table, "route", "route", lambda one: one.route),
        derived(table, "route", "code", lambda one: one.code or "none"),
        derived(table, "version", "version", lambda one: one.version or "none"),
        *table.parameters,
        *(table.clocks.get(n, column) for n, column in enumerate(table.features)),
        *pairs(table),
        *residual_columns(table, rest),
    ]
    if cut is not None:
        found.append(relation(table, cut))
    return found


def score_column(table: Table) -> Column:
    """Scores in cells; rows without one do not count."""
    scores = [one.score if one.route == "model" else None for one in table.rows]
    cells = learn(scores[: table.reference], numeric=True)
    return Column(
        "score", "score", [OUT if value is None else cells.encode(value) for value in scores], cells.width
    )


# ------------------------------------------------------------------------------------------------------------- cut


def cut_of(table: Table) -> Cut | None:
    """The cut that the model's latest reference rows agree on; None where outcomes are no matter of a cut."""
    rows = [one for one in table.rows[: table.reference] if one.route == "model" and one.score is not None]
    scored = sorted(((one.score or 0.0), one.outcome) for one in rows[-_SAMPLE:])
    words = [word for word, _ in Counter(word for _, word in scored).most_common(2)]
    if len(words) < 2:
        return None
    declared = table.model.outcome
    first, second = words
    above = first if declared is not None and declared.at_or_above == first else second
    if declared is None or above != declared.at_or_above:
        above = max(
            words, key=lambda word: sum(s for s, w in scored if w == word) / sum(w == word for _, w in scored)
        )
    below = first if above == second else second
    place = _split(scored, above)
    wrong = sum((word == above) != (n >= place) for n, (_, word) in enumerate(scored))
    if wrong > _CUT_ERRORS * len(scored) or not 0 < place < len(scored):
        return None
    return Cut(scored[place - 1][0], scored[place][0], above, below)


def _split(scored: Sequence[tuple[float, str]], above: str) -> int:
    """Where to cut so that the fewest rows stand on the wrong side."""
    wrong = best = sum(word != above for _, word in scored)
    place = 0
    for n, (_, word) in enumerate(scored, 1):
        wrong += 1 if word == above else -1
        if wrong < best:
            best, place = wrong, n
    return place


def relation(table: Table, cut: Cut) -> Column:
    """1 where a score's outcome contradicts the cut; rows that the model did not answer do not count."""
    codes = [
        OUT if one.route != "model" or one.score is None else int(cut.contradicted(one.score, one.outcome))
        for one in table.rows
    ]
    return Column("relation", "outcome given the score", codes, 2)


# ----------------------------------------------------------------------------------------------------------- pairs


def coarse(column: Column, encoder: Any) -> list[int]:
    """A feature's codes in at most three cells and one for the rest."""
    if isinstance(encoder, Numbers):
        cells = max(len(encoder.edges) + 1, 1)
        place = [min(code * (_COARSE - 1) // cells, _COARSE - 1) for code in range(cells)]
        place += [_COARSE] * (column.width - cells)
    else:
        place = [code if code < _COARSE else _COARSE for code in range(column.width)]
    return [place[code] for code in column.codes]


def pairs(table: Table) -> list[Column]:
    """Each feature beside the one that tells most about it: what breaks when values no longer belong to their rows."""
    codes = [coarse(column, encoder) for column, encoder in zip(table.features, table.encoders, strict=True)]
    width = _COARSE + 1
    found: dict[tuple[int, int], Column] = {}
    for one, two in partners(codes, table.reference):
        if one in table.clocks or two in table.clocks:
            continue
        key = (min(one, two), max(one, two))
        joint = [a * width + b for a, b in zip(codes[key[0]], codes[key[1]], strict=True)]
        names = " and ".join(table.features[n].name for n in key)
        found[key] = Column("pair", names, joint, width * width)
    return list(found.values())


def partners(codes: Sequence[Sequence[int]], reference: int) -> list[tuple[int, int]]:
    """For each feature the one with the largest mutual information, where that is beyond chance."""
    rows = spread(range(reference), 1_500)
    samples = [[column[row] for row in rows] for column in codes]
    best: dict[int, tuple[float, int]] = {}
    for one in range(len(codes)):
        for two in range(one):
            told = information(samples[one], samples[two])
            for mine, other in ((one, two), (two, one)):
                if told > max(best.get(mine, (0.02, 0))[0], 25 / len(rows)):
                    best[mine] = (told, other)
    return [(one, other) for one, (_, other) in sorted(best.items())]


def information(one: Sequence[int], two: Sequence[int]) -> float:
    """Mutual information of two samples, as half the mean-square contingency (Pearson's φ²/2, its leading term)."""
    count, joint = len(one), Counter(zip(one, two, strict=True))
    mine, theirs = Counter(one), Counter(two)
    return (
        (sum(seen * seen / mine[a] / theirs[b] for (a, b), seen in joint.items()) - 1) / 2 if count else 0.0
    )


def at_row(window: Window, at: int) -> int:
    """The first row at or after a time."""
    return bisect_left(window.table.at, at)


def near(window: Window, shift: Shift, whats: Iterable[str]) -> list[Happening]:
    """Control entries of these kinds at which `shift` may have begun: the likely ones first, of those the latest."""
    wanted = [one for one in window.happenings if one.what in whats]
    found = [one for one in reversed(wanted) if window.likely(shift, at_row(window, one.at))]
    return sorted(found, key=lambda one: window.unlikely(shift, at_row(window, one.at)) > 2)


def sides(
    window: Window, shift: Shift, tell: Callable[[Observation], object]
) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of what rows tell, before a change and after it."""
    rows, late = window.table.rows, range(shift.high, len(window.table.rows))
    before = shares([str(tell(rows[n])) for n in spread(range(shift.low), _SAMPLE)] or [""])
    return before, shares([str(tell(rows[late[n]])) for n in spread(late, _SAMPLE)] or [""])


def halt(window: Window) -> str:
    """What nobody here can undo can be kept from deciding: the fallback answers in the model's place."""
    return f"standwatch halt component:{window.table.model.component} --reason …"
