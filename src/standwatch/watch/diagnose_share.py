"""How much of the outcomes' change each suspect explains: what outcomes would be, had it not happened.

A part of the change goes away when the suspect is taken back: 1 − distance(counterfactual, before) / distance(after,
before), in total variation of the mix of outcomes. Inputs are restored and put to the stand-in for the model, former
scores or the former cut are put in place of the present ones, marked rows are left out. An estimate, and called one.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from standwatch.watch.diagnose_inputs import value
from standwatch.watch.diagnose_scan import Shift
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import Window
from standwatch.watch.statistics import mix_variation, shares, spread

_ROWS: Final = 1_000
Mix = dict[str, float]
Telling = Callable[[int], str]


def share(window: Window, suspect: Suspect) -> float | None:
    """Part of the change of outcomes that `suspect` explains, 0 to 1; None where they did not change."""
    shift = window.moved(suspect.row)
    if shift is None:
        return None
    rows = range(max(shift.high, suspect.high), len(window.table.rows))
    picked = [rows[n] for n in spread(rows, _ROWS)]
    outcomes = window.table.rows
    found = shares([outcomes[row].outcome for row in picked] or [""])
    before = expected(window, shift)
    whole = mix_variation(found, before)
    other = _otherwise(window, suspect, picked, before)
    if other is None or whole < 0.01:
        return None
    return min(max(1 - mix_variation(other, before) / whole, 0.0), 1.0)


def expected(window: Window, shift: Shift) -> Mix:
    """The mix of outcomes before, as expected for the hours after."""
    names = [*window.table.outcomes]
    cells = dict(zip(names, shift.before, strict=False))
    rest = 1 - sum(cells.values())
    return {**cells, **({"": rest} if rest > 1e-9 else {})}


def _otherwise(window: Window, suspect: Suspect, picked: Sequence[int], before: Mix) -> Mix | None:
    if suspect.marked and not suspect.model:
        marked = set(suspect.marked)
        return _mixed(
            [window.table.rows[row].outcome for row in picked if row not in marked], len(picked), before
        )
    if suspect.cut and window.cut is not None:
        return _told(picked, lambda row: _by_former_cut(window, row))
    tell = (
        _by_former_inputs(window, suspect)
        if suspect.restore
        else _by_former_scores(window)
        if suspect.model
        else None
    )
    return None if tell is None else _told(picked, tell)


def _mixed(kept: Sequence[str], count: int, before: Mix) -> Mix:
    """Rows that stay as they are, the others as before."""
    found = {word: part * len(kept) / max(count, 1) for word, part in (shares(kept) if kept else {}).items()}
    rest = 1 - len(kept) / max(count, 1)
    return {word: found.get(word, 0.0) + rest * before.get(word, 0.0) for word in {**found, **before}}


def _told(picked: Sequence[int], tell: Telling) -> Mix:
    return shares([tell(row) for row in picked] or [""])


def _by_former_cut(window: Window, row: int) -> str:
    one = window.table.rows[row]
    assert window.cut is not None
    return one.outcome if one.score is None or one.route != "model" else window.cut.outcome(one.score)


def _by_former_inputs(window: Window, suspect: Suspect) -> Telling | None:
    table, stand_in = window.table, window.fit
    tell = _teller(window)
    if tell is None:
        return None

    def told(row: int) -> str:
        codes = [column.codes[row] for column in table.features]
        restored = list(codes)
        for n, restore in suspect.restore.items():
            restored[n] = table.encoders[n].encode(restore(value(window, row, n), row))
        now = window.targets[row]
        if restored == codes and now is None:
            return table.rows[row].outcome
        rest = _noise(window, row) if now is None else now - stand_in.predict(codes)
        return tell(stand_in.predict(restored) + (_clipped(window, rest, row)), row)

    return told


def _clipped(window: Window, rest: float, row: int) -> float:
    """What the stand-in cannot foretell of a row, unless that is more than it ever was: then what it was elsewhere.

    A value far outside the cells it learned on makes the present residual say nothing about the restored row."""
    usual = _noise(window, row)
    return rest if abs(rest) < _bound(window) else usual


def _bound(window: Window) -> float:
    known = [abs(rest) for rest in window.residuals[: window.table.reference][:2_000] if rest is not None]
    return sorted(known)[int(len(known) * 0.98)] if known else math.inf


def _noise(window: Window, row: int) -> float:
    """The residual of one of the reference rows, by turns."""
    rest = window.residuals[row * 7_919 % max(window.table.reference, 1)]
    return 0.0 if rest is None else rest


def _by_former_scores(window: Window) -> Telling | None:
    tell = _teller(window)
    if tell is None:
        return None

    def told(row: int) -> str:
        if window.targets[row] is None:
            return window.table.rows[row].outcome
        codes = [column.codes[row] for column in window.table.features]
        return tell(window.fit.predict(codes) + _noise(window, row), row)

    return told


def _teller(window: Window) -> Callable[[float, int], str] | None:
    """The outcome of a target; by turns where the target is itself the probability of an outcome."""
    cut, kind = window.cut, window.target.kind
    if kind == "outcome":
        others = Counter(
            one.outcome
            for one in window.table.rows[: window.table.reference]
            if one.outcome != window.target.word
        )
        other = others.most_common(1)[0][0] if others else ""
        return lambda found, row: window.target.word if (row * 0.618) % 1 < found else other
    if cut is None:
        return None
    at = window.target.scaled((cut.low + cut.high) / 2)
    return None if at is None else lambda found, _: cut.above if found >= at else cut.below


def total(mix: Mapping[str, float]) -> float:
    """Sum of a mix: 1 up to rounding."""
    return sum(mix.values())
