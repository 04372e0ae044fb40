"""One part of the traffic that changed while the rest did not: a branch, a country, a channel, a partner."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from standwatch.watch.diagnose_columns import AFTER, OUT, Column, Grid, Words
from standwatch.watch.diagnose_fit import ODD
from standwatch.watch.diagnose_inputs import moved_within, value
from standwatch.watch.diagnose_scan import Shift, scan, sudden
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import Window, score_column
from standwatch.watch.diagnosis import Measured
from standwatch.watch.statistics import spread

_LEAST: Final = 0.02
_MOST: Final = 0.5
"""A part of the traffic has between these shares of the reference rows."""
_MOVED: Final = 0.18
"""How far scores within the part must have moved."""
_BESIDE: Final = 0.25
"""How far they may have moved in the rest, as a part of that."""
_OF_ALL: Final = 0.5
"""And how much of the whole movement the rest may be, as a part of what the part is."""
_CARRIED: Final = 0.6
"""How much of a movement of the whole the part must carry."""
_SIGN: Final = 1e-3
_ALARM: Final = 1e-4
"""Parts are many, and are looked at in the whole week of which the rest of the traffic is no part."""
_ROWS: Final = 20
_FOLD: Final = 4
"""Blocks of the grid taken together: a part has fewer rows than the whole."""
_SAMPLE: Final = 2_000


class _Part(msgspec.Struct, frozen=True):
    column: Column
    code: int
    word: str
    shift: Shift
    rest: float
    size: float
    moved: tuple[str, ...]
    """Features that changed within it alone."""


def suspects(window: Window, inputs: Sequence[Suspect]) -> list[Suspect]:
    """The part that changed most clearly, where one did and the rest did not; first the one, if there is one, that
    the accidents of the `inputs` keep to."""
    kept = [found for one in inputs if (found := _keeps_to(window, one)) is not None]
    if kept:
        return [_merged(kept)]
    found = [part for column in _watched(window) for part in _parts(window, column)]
    if not found:
        return []
    best = max(
        found, key=lambda part: part.shift.distance * part.size**0.5 * (1 - part.rest / part.shift.distance)
    )
    suspect = _suspect(window, best)
    return [suspect] if best.moved else [suspect, _otherwise(window, suspect)]


def _keeps_to(window: Window, accident: Suspect) -> Suspect | None:
    """The part of the traffic to whose rows an accident keeps, where that is not all of them."""
    count = len(window.table.rows)
    late = range(accident.high, count)
    picked = [late[n] for n in spread(late, _SAMPLE)]
    if not accident.restore or len(picked) < AFTER:
        return None
    if accident.code == "drift":
        return _drifted(window, accident)
    hit = [
        any(restore(mine := value(window, row, n), row) != mine for n, restore in accident.restore.items())
        for row in picked
    ]
    if not 0.02 * len(picked) < sum(hit) < 0.9 * len(picked):
        return None
    best: tuple[float, Column, int, str] | None = None
    for column, words in _columns(window):
        for code, word in words.items():
            inside = [odd for odd, row in zip(hit, picked, strict=True) if column.codes[row] == code]
            if len(inside) < 10 or len(inside) > 0.85 * len(picked):
                continue
            part, rest = sum(inside) / len(inside), (sum(hit) - sum(inside)) / (len(picked) - len(inside))
            if part > 0.3 and rest < 0.1 * part and (best is None or part - rest > best[0]):
                best = (part - rest, column, code, word)
    return None if best is None else _kept(window, accident, best[1], best[2], best[3])


def _drifted(window: Window, accident: Suspect) -> Suspect | None:
    """The part of the traffic in which alone a feature drifted."""
    (n,) = accident.restore
    for column, words in _columns(window):
        for code, word in words.items():
            inside = [row for row, each in enumerate(column.codes) if each == code]
            rest = [row for row, each in enumerate(column.codes) if each != code]
            if min(len(inside), len(rest)) > _ROWS and moved_within(window, n, inside, rest, accident.row):
                return _kept(window, accident, column, code, word)
    return None


def _kept(window: Window, accident: Suspect, column: Column, code: int, word: str) -> Suspect:
    inside = tuple(n for n in range(accident.row, len(window.table.rows)) if column.codes[n] == code)
    moved = _moved(window, column, code, accident.row)
    text = f"only where {column.name} is {word[:60]}: {accident.text}"
    return replace(
        accident,
        code="slice",
        subject=f"{column.name}={word[:60]}",
        text=text,
        sure=0.97,
        marked=inside,
        restore={},
        part=tuple(dict.fromkeys((column.name, accident.subject, *moved))),
    )


def _moved(window: Window, part: Column, code: int, split: int) -> tuple[str, ...]:
    """Features that changed within the part and hardly elsewhere."""
    inside = [n for n, each in enumerate(part.codes) if each == code]
    rest = [n for n, each in enumerate(part.codes) if each != code]
    return tuple(
        column.name
        for n, column in enumerate(window.table.features)
        if column.name != part.name and moved_within(window, n, inside, rest, split)
    )


def _merged(found: Sequence[Suspect]) -> Suspect:
    """One part that several accidents keep to is one cause: the part that most of them name."""
    subject = Counter(one.subject for one in found).most_common(1)[0][0]
    mine = [one for one in found if one.subject == subject]
    first = min(mine, key=lambda one: one.high - one.low)
    texts = "; ".join(
        dict.fromkeys((first.text, *(one.text.partition(": ")[2] for one in mine if one is not first)))
    )
    evidence = tuple(one for each in mine for one in each.evidence)
    return replace(
        first,
        text=texts,
        part=tuple(dict.fromkeys(word for one in mine for word in one.part)),
        evidence=evidence,
    )


def _otherwise(window: Window, part: Suspect) -> Suspect:
    """Where no input of the part changed, the model decides otherwise about it."""
    version = Counter(window.table.rows[row].version for row in part.marked).most_common(1)
    name = version[0][0] if version else ""
    text = f"version {name} may score the same inputs differently, most of all where {part.subject}"
    return replace(part, code="retrained", subject=name, text=text, sure=0.4, part=())


def _watched(window: Window) -> list[Column]:
    """Scores, and scores given the inputs; outcomes where there are no scores."""
    scores = score_column(window.table)
    first = scores if any(code != OUT for code in scores.codes) else window.table.outcome
    return [first, window.columns["residual", ODD[0]]]


def _parts(window: Window, watched: Column) -> list[_Part]:
    found: list[_Part] = []
    for column, words in _columns(window):
        for code, word in words.items():
            part = _part(window, column, code, word, watched)
            if part is not None:
                found.append(part)
    return found


def _columns(window: Window) -> list[tuple[Column, dict[int, str]]]:
    """Columns of words whose own mix did not change, with the words that are frequent enough."""
    table = window.table
    found: list[tuple[Column, dict[int, str]]] = []
    for column, encoder in zip(table.features, table.encoders, strict=True):
        if isinstance(encoder, Words) and window.shift("feature", column.name) is None:
            found.append(
                (
                    column,
                    {place: str(word) for word, place in encoder.places.items() if place < encoder.frequent},
                )
            )
    for column in table.parameters:
        if column.family == "parameter" and window.shift("parameter", column.name) is None:
            words = {
                column.codes[n]: str(table.rows[n].parameters.get(column.name))
                for n in range(table.reference)
            }
            found.append((column, words))
    return [(column, words) for column, words in found if len(words) > 1]


def _folded(grid: Grid) -> Grid:
    """The grid in longer blocks, beginning and ending where candidates do."""
    marks = [*range(0, len(grid.slots), _FOLD), len(grid.slots)]
    starts = tuple(grid.starts[mark] for mark in marks)
    first = next((n for n, mark in enumerate(marks) if mark >= grid.first), len(marks) - 1)
    last = next((n for n, mark in enumerate(marks) if mark >= grid.last), len(marks) - 1)
    return Grid(starts, tuple(grid.slots[mark] for mark in marks[:-1]), first, last)


def _part(window: Window, column: Column, code: int, word: str, watched: Column) -> _Part | None:
    table = window.table
    size = sum(1 for each in column.codes[: table.reference] if each == code) / table.reference
    if not _LEAST <= size <= _MOST:
        return None
    inside = [value if each == code else OUT for value, each in zip(watched.codes, column.codes, strict=True)]
    shift = scan(Column(watched.family, word, inside, watched.width), _folded(table.grid), window.looked)
    if shift is None or shift.p > _ALARM or shift.distance < _MOVED:
        return None
    late = sum(1 for each in column.codes[shift.row :] if each == code)
    rest = len(column.codes) - shift.row - late
    if (
        late < _ROWS
        or rest < max(_ROWS, late // 4)
        or sudden(Column(watched.family, word, inside, watched.width), shift) < _MOVED / 2
    ):
        return None
    whole = window.shift(watched.family, watched.name)
    if whole is not None and shift.distance * size < _CARRIED * whole.distance:
        return None
    beside = max(_beside(window, column, code, each, shift) for each in _watched(window))
    if beside > _BESIDE * shift.distance or beside * (1 - size) > _OF_ALL * shift.distance * size:
        return None
    return _Part(column, code, word, shift, beside, size, _moved(window, column, code, shift.row))


def _beside(window: Window, column: Column, code: int, watched: Column, shift: Shift) -> float:
    """How far the rest of the traffic moved at the same time."""
    grid = window.table.grid
    block = next((n for n, start in enumerate(grid.starts) if start >= shift.row), grid.last)
    outside = [
        OUT if each == code else value for value, each in zip(watched.codes, column.codes, strict=True)
    ]
    rest = scan(
        Column(watched.family, shift.name, outside, watched.width), grid, 1, min(block, len(grid.slots) - 1)
    )
    return rest.distance if rest is not None and rest.p < _SIGN else 0.0


def _suspect(window: Window, part: _Part) -> Suspect:
    shift, table = part.shift, window.table
    inside = [n for n, code in enumerate(part.column.codes) if code == part.code]
    moved = part.moved
    what = f", and so did its {', '.join(moved[:4])}" if moved else ""
    where = f"where {part.column.name} is {part.word[:60]} ({part.size:.0%} of rows)"
    text = f"decisions changed {where} and not elsewhere{what}"
    return Suspect(
        "slice",
        f"{part.column.name}={part.word[:60]}",
        text,
        shift.row,
        shift.low,
        shift.high,
        0.9,
        distance=shift.distance,
        p=shift.p,
        marked=tuple(n for n in inside if n >= shift.row),
        evidence=(
            Measured("scores moved: elsewhere, there", part.rest, shift.distance),
            Measured(
                "part of all rows",
                part.size,
                sum(n >= shift.row for n in inside) / max(len(table.rows) - shift.row, 1),
            ),
        ),
        undo=f"standwatch halt component:{table.model.component} --reason …",
        part=(part.column.name, *moved),
    )
