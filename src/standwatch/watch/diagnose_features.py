"""What happened to one feature: its values before and after a change, against the signatures of known accidents."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from standwatch.facts.decisions import Value
from standwatch.watch.diagnose_columns import DAY, HOUR, circle, follows, missing, number, turn_of
from standwatch.watch.diagnosis import Code, Measured
from standwatch.watch.statistics import (
    kolmogorov,
    kolmogorov_noise,
    mix_variation,
    quantile,
    shares,
    spread,
    variation,
)

Restore = Callable[[Any, int], Any]
"""A value as it would have been without the accident; the second argument numbers the rows."""


class Signature(msgspec.Struct, frozen=True):
    """A recognised accident: `sure` (0 to 1) is how well the values fit it, `restore` takes it back."""

    code: Code
    text: str
    sure: float
    restore: Restore
    evidence: tuple[Measured, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """Values of one feature on both sides of a change, and when each was seen (µs UTC)."""

    name: str
    before: Sequence[Any]
    after: Sequence[Any]
    at_before: Sequence[int]
    at_after: Sequence[int]
    last: Any = None
    """The last value before."""

    def numbers(self) -> tuple[list[float], list[float]]:
        """Both sides as ascending numbers."""
        return _numbers(self.before), _numbers(self.after)


def _numbers(values: Sequence[Any]) -> list[float]:
    return sorted(found for value in values if (found := number(value)) is not None)


def signature(sample: Sample, *, numeric: bool) -> Signature:
    """The accident that fits best; `drift` where none is recognised."""
    tests = (
        (nulls, kind, constant, hours, scale)
        if numeric
        else (nulls, kind, constant, hours, added, renamed, appeared)
    )
    for test in tests:
        found = test(sample)
        if found is not None:
            return found
    return drift(sample, numeric=numeric)


# ---------------------------------------------------------------------------------------- missing, of another type


def nulls(sample: Sample) -> Signature | None:
    """Missing far more often than before."""
    before, after = _part(sample.before, missing), _part(sample.after, missing)
    if after - before < 0.08 or after < 2 * before:
        return None
    return Signature(
        "nulls",
        f"{sample.name} is missing in {after:.0%} of rows, before in {before:.1%}",
        min(0.6 + after - before, 1.0),
        _resample(sample, missing),
        (Measured("missing", before, after),),
    )


def kind(sample: Sample) -> Signature | None:
    """Text where numbers were, or the reverse."""
    before, after = _part(sample.before, _is_text), _part(sample.after, _is_text)
    if abs(after - before) < 0.08:
        return None
    words = ("numbers", "text") if after > before else ("text", "numbers")
    return Signature(
        "schema",
        f"{sample.name} comes as {words[1]} where {words[0]} came before",
        0.95,
        _resample(sample, lambda value: _is_text(value) == (after > before)),
        (Measured("as text", before, after),),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _part(values: Sequence[Any], test: Callable[[Any], bool]) -> float:
    return sum(map(test, values)) / max(len(values), 1)


def _resample(sample: Sample, bad: Callable[[Any], bool]) -> Restore:
    """In place of a bad value, one of the good ones from before, in turn."""
    good = [value for value in sample.before if not bad(value)] or [None]
    return lambda value, row: good[row * 7919 % len(good)] if bad(value) else value


# ------------------------------------------------------------------------------------------------------- one value


def constant(sample: Sample) -> Signature | None:
    """One value takes a share that it never had: a default in place of the data, or the last value known."""
    after = [value for value in sample.after if not missing(value)]
    if not after:
        return None
    value, count = Counter(map(_hashable, after)).most_common(1)[0]
    mine = count / len(sample.after)
    before = [_hashable(each) for each in sample.before]
    theirs = before.count(value) / max(len(before), 1)
    categories = len(set(before)) <= 12
    if (mine < 0.97 or theirs > 0.8) if categories else (mine - theirs < 0.25):
        return None
    if categories and max(shares(before).values(), default=0.0) > 0.8:
        return None  # at these hours it was nearly constant, under another name
    evidence = (Measured(f"share of {_say(value)}", theirs, mine),)
    restore = _resample(sample, lambda each: _hashable(each) == value)
    if mine > 0.97 and not categories and value == _hashable(sample.last) and _slow(sample.before):
        text = f"{sample.name} stands still at {_say(value)}, its last value from before"
        return Signature("stale", text, 0.9, restore, evidence)
    text = f"{sample.name} is {_say(value)} in {mine:.0%} of rows, before in {theirs:.1%}"
    return Signature("constant", text, min(0.6 + mine - theirs, 1.0), restore, evidence)


def _slow(values: Sequence[Any]) -> bool:
    """Whether many rows shared each value: a feature of the hour, not of the row."""
    return len(set(map(_hashable, values))) < len(values) * 0.5


def _hashable(value: Any) -> Value:
    return value if isinstance(value, str | int | float | bool) else None


def _say(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:60]


# ----------------------------------------------------------------------------------------------------------- hours


def hours(sample: Sample) -> Signature | None:
    """A time of day or a timestamp that differs from the clock by another constant than before."""
    before, after = sample.numbers()
    if len(before) < 30 or len(after) < 30 or before[-1] == before[0]:
        return None
    if min(before[0], after[0]) >= 0 and max(before[-1], after[-1]) <= 86_400:
        return _turned(sample, before[-1])
    if before[0] > 1e8:
        return _stamped(sample)
    return None


def _turned(sample: Sample, most: float) -> Signature | None:
    """Rotated in its day, seen against the time of the decision."""
    day = turn_of([most])
    if day is None:
        return None
    turn, unit = day
    gaps = [
        [
            ((number(value) or 0.0) - at % DAY / unit) % turn
            for value, at in zip(values, times, strict=True)
            if number(value) is not None
        ]
        for values, times in ((sample.before, sample.at_before), (sample.after, sample.at_after))
    ]
    (middle, tight), (later, tight_later) = (circle(each, turn) for each in gaps)
    by = (later - middle + turn / 2) % turn - turn / 2
    shift = round(by / turn * 48) / 48 * turn  # time zones differ by half-hours
    if (
        not follows(tight, sample.at_before)
        or tight_later < 0.5
        or abs(shift) < turn / 48
        or abs(by - shift) > turn / 60
    ):
        return None
    return Signature(
        "time_zone",
        f"{sample.name} is shifted by {shift / turn * 24:+g} h against the time of the decision",
        0.95,
        lambda value, _: value if number(value) is None else type(value)((value - shift) % turn),
        (Measured("hours ahead of the decision", middle / turn * 24, later / turn * 24),),
    )


def _earlier(ticks: float) -> Restore:
    return lambda value, _: value - ticks if number(value) is not None else value


def _stamped(sample: Sample) -> Signature | None:
    """Seconds, milliseconds or microseconds since 1970, moved by hours."""
    for unit in (1_000_000, 1_000, 1):
        before, after = (
            sorted(
                (found - at / unit) * unit / HOUR
                for value, at in zip(values, times, strict=True)
                if (found := number(value)) is not None
            )
            for values, times in ((sample.before, sample.at_before), (sample.after, sample.at_after))
        )
        if not before or abs(quantile(before, 0.5)) > 24 * 365 * 20:
            continue
        by = quantile(after, 0.5) - quantile(before, 0.5)
        shift = round(by * 2) / 2
        if not 0.5 <= abs(shift) <= 14 or abs(by - shift) > 0.2:
            return None
        text = f"{sample.name} is shifted by {shift:+g} h against the time of the decision"
        ticks = shift * HOUR / unit
        measured = Measured("hours ahead of the decision", quantile(before, 0.5), quantile(after, 0.5))
        return Signature(
            "time_zone",
            text,
            0.95,
            _earlier(ticks),
            (measured,),
        )
    return None


# ----------------------------------------------------------------------------------------------------------- scale

FACTORS: Final = (
    1000.0, 100.0, 10.0, 1e6, 12.0, 60.0, 24.0, 7.0, 3600.0, 86400.0, 365.25, 30.4375, 52.0,
    1.609344, 2.20462262, 2.54, 3.2808399, 0.45359237, 1024.0, 4.184, 3.785411784, 28.3495, 18.0182, 88.4,
)  # fmt: skip
"""Between units that are mistaken for one another: thousands, months, hours, miles, pounds, inches, mmol and mg …"""


_APART: Final = 0.06
_FAR_APART: Final = 0.2
"""Nearer distributions than this are not told from a drift: the first by a large factor, the second by a small one."""


def _large(values: Sequence[float], undo: Callable[[float], float]) -> bool:
    """Whether some value is turned into one more than two and a half times as large or as small, or of other sign."""
    pairs = [(value, undo(value)) for value in (values[n] for n in spread(values, 50))]
    return any(not 0.4 < back / value < 2.5 for value, back in pairs if value)


def scale(sample: Sample) -> Signature | None:
    """All values, or those outside the former range, multiplied by one constant; or turned to another temperature."""
    before, after = sample.numbers()
    if len(before) < 30 or len(after) < 30 or len(set(before)) < 4:
        return None
    apart, noise = kolmogorov(before, after), kolmogorov_noise(len(before), len(after))
    best: tuple[float, str, Callable[[float], float]] | None = None
    for text, undo in _conversions(before, after):
        left = kolmogorov(before, sorted(map(undo, after)))
        if best is None or left < best[0] - 0.01:
            best = (left, text, undo)
    if best is None or best[0] > max(0.35 * apart, min(noise, 0.6 * apart)):
        return None
    large = _large(after, best[2])
    if apart < (_APART if large else _FAR_APART) or (best[0] > max(0.25 * apart, 0.06) and not large):
        return None
    left, text, undo = best
    middle = (
        Measured("median", quantile(before, 0.5), quantile(after, 0.5)),
        Measured("distance left once undone", apart, left),
    )
    return Signature(
        "units",
        f"{sample.name} is {text}",
        0.95 - left,
        lambda value, _: value if number(value) is None else undo(float(value)),
        middle,
    )


def _conversions(
    before: Sequence[float], after: Sequence[float]
) -> list[tuple[str, Callable[[float], float]]]:
    found: list[tuple[str, Callable[[float], float]]] = []
    ratios = _ratios(before, after)
    for known in (*FACTORS, *(1 / factor for factor in FACTORS)):
        if any(abs(math.log(ratio / known)) < 0.12 for ratio in ratios):
            found.append((f"multiplied by {known:.4g}", lambda value, by=known: value / by))
        if abs(math.log(known)) > 1.5:
            found += _partly(before, after, known)
    free = ratios[0] if ratios else 1.0
    if abs(math.log(free)) > math.log(1.5):
        found.append((f"multiplied by about {free:.3g}", lambda value: value / free))
    if before[0] < 0 or after[0] < 0:
        found.append(("of the opposite sign", lambda value: -value))
    found.append(("turned from Celsius to Fahrenheit", lambda value: (value - 32) / 1.8))
    found.append(("turned from Fahrenheit to Celsius", lambda value: value * 1.8 + 32))
    return found


def _ratios(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Ratios of quantiles of the magnitudes, the median's first."""
    mine, theirs = (sorted(abs(value) for value in values if value) for values in (before, after))
    if not mine or not theirs:
        return []
    return [quantile(theirs, part) / quantile(mine, part) for part in (0.5, 0.35, 0.65)]


def _partly(
    before: Sequence[float], after: Sequence[float], by: float
) -> list[tuple[str, Callable[[float], float]]]:
    """Only what lies outside the former range was multiplied: one upstream of several, one branch of many."""
    low, high = quantile(before, 0.002), quantile(before, 0.998)
    part = sum(1 for value in after if not low <= value <= high) / len(after)
    back = [value for value in after if not low <= value <= high and low <= value / by <= high]
    if part < 0.05 or len(back) < 0.8 * part * len(after) or part > 0.9:
        return []

    def undo(value: float) -> float:
        return value if low <= value <= high else value / by

    return [(f"multiplied by {by:.4g} in {part:.0%} of rows", undo)]


# ------------------------------------------------------------------------------------------------------ categories


def renamed(sample: Sample) -> Signature | None:
    """The same shares under other names: codes that changed places, were renamed or were merged."""
    before, after = (
        shares([_hashable(value) for value in values if not missing(value)] or [""])
        for values in (sample.before, sample.after)
    )
    if len(before) > 200:
        return None
    apart = mix_variation(before, after)
    pairs = _matching(before, after)
    left = mix_variation(before, _renamed(after, pairs))
    # Where nothing is called as it was, it was renamed, whatever the hours have done to its shares.
    near = 0.4 if not set(before) & set(after) else 0.1
    noise = 2.5 * _chance(before, len(sample.before), len(sample.after))
    if apart < max(0.08, 1.4 * noise) or left > max(near * apart, min(noise, 0.5 * apart)) or len(before) < 2:
        return None
    moved = [(old, new) for new, old in pairs.items() if new != old and after.get(new, 0) > 0.01]
    fresh = any(new not in before for _, new in moved)
    if not moved:
        return None
    said = ", ".join(f"{_say(old)} → {_say(new)}" for old, new in moved[:6])
    return Signature(
        "remapped",
        f"{sample.name} {'was renamed' if fresh else 'changed places'}: {said}",
        0.95 - left,
        lambda value, _: pairs.get(_hashable(value), value),
        (Measured("distance of its shares, once mapped back", apart, left),),
    )


def _chance(mix: Mapping[Value, float], one: int, two: int) -> float:
    """Total variation that two samples of one mix are to be expected to show."""
    size = 1 / max(one, 1) + 1 / max(two, 1)
    return sum(math.sqrt(part * (1 - part) * size) for part in mix.values()) / math.sqrt(math.tau)


def _matching(before: dict[Value, float], after: dict[Value, float]) -> dict[Value, Value]:
    """New name → old name. By order of their shares, which is the nearest permutation in total variation; values
    whose share hardly moved keep their name."""
    still = {
        value
        for value, part in after.items()
        if abs(part - before.get(value, 0.0)) <= max(0.015, 0.12 * part)
    }
    mine = sorted((value for value in before if value not in still), key=lambda value: -before[value])
    theirs = sorted((value for value in after if value not in still), key=lambda value: -after[value])
    return dict(zip(theirs, mine, strict=False))


def _renamed(after: dict[Value, float], pairs: dict[Value, Value]) -> dict[Value, float]:
    found: dict[Value, float] = {}
    for value, part in after.items():
        name = pairs.get(value, value)
        found[name] = found.get(name, 0.0) + part
    return found


def added(sample: Sample) -> Signature | None:
    """A value that was never seen before, beside the others in their former proportions."""
    known = shares([_hashable(value) for value in sample.before if not missing(value)] or [""])
    rest = [_hashable(value) for value in sample.after if not missing(value) and _hashable(value) in known]
    if len(rest) < 0.4 * len(sample.after):
        return None
    apart, noise = mix_variation(known, shares(rest)), math.sqrt(len(known) / len(rest)) / 2
    fresh = 1 - len(rest) / max(sum(not missing(value) for value in sample.after), 1)
    return appeared(sample) if apart < max(noise, 0.5 * fresh) else None


def appeared(sample: Sample) -> Signature | None:
    """A value that was never seen before."""
    known = {_hashable(value) for value in sample.before}
    fresh = Counter(
        _hashable(value) for value in sample.after if not missing(value) and _hashable(value) not in known
    )
    total = sum(fresh.values()) / max(len(sample.after), 1)
    if total < 0.03 or len(known) > 200:
        return None
    value, count = fresh.most_common(1)[0]
    part = count / len(sample.after)
    return Signature(
        "new_category",
        f"{sample.name} has a value never seen before: {_say(value)}, in {part:.1%} of rows",
        min(0.7 + total, 0.95),
        _resample(sample, lambda each: _hashable(each) not in known and not missing(each)),
        (Measured("share of unseen values", 0.0, total),),
    )


# ----------------------------------------------------------------------------------------------------------- other


def drift(sample: Sample, *, numeric: bool) -> Signature:
    """Another distribution, by no accident that is known."""
    if numeric:
        before, after = sample.numbers()
        measured = [
            Measured(
                f"{word}",
                quantile(before, part) if before else "none",
                quantile(after, part) if after else "none",
            )
            for word, part in (("lower quartile", 0.25), ("median", 0.5), ("upper quartile", 0.75))
        ]
        moved = f"its median went from {_of(measured[1].before)} to {_of(measured[1].after)}"
        text = f"{sample.name} is distributed otherwise: {moved}"
        return Signature("drift", text, 0.5, _quantiles(before, after), tuple(measured))
    mine, theirs = (
        shares([_hashable(value) for value in values] or [""]) for values in (sample.before, sample.after)
    )
    most = max({**mine, **theirs}, key=lambda value: abs(mine.get(value, 0) - theirs.get(value, 0)))
    measured = [Measured(f"share of {_say(most)}", mine.get(most, 0.0), theirs.get(most, 0.0))]
    text = f"{sample.name} is {_say(most)} in {theirs.get(most, 0):.1%} of rows, before in {mine.get(most, 0):.1%}"
    return Signature("drift", text, 0.5, _resample(sample, lambda _: True), tuple(measured))


def _of(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _quantiles(before: Sequence[float], after: Sequence[float]) -> Restore:
    """Each value replaced by the one of its rank before."""
    from bisect import bisect_left, bisect_right

    def restore(value: Any, _: int) -> Any:
        found = number(value)
        if found is None or not before or not after:
            return value
        return quantile(before, (bisect_left(after, found) + bisect_right(after, found)) / 2 / len(after))

    return restore


# ----------------------------------------------------------------------------------------------------- two features


def swapped(one: Sample, two: Sample, *, numeric: bool) -> float | None:
    """How far each is from the other's values before (0: exactly them); None where they are not each other's."""
    if numeric:
        (a, x), (b, y) = one.numbers(), two.numbers()
        if min(map(len, (a, b, x, y))) < 30:
            return None
        crossed = max(kolmogorov(a, y), kolmogorov(b, x))
        apart = min(kolmogorov(a, x), kolmogorov(b, y))
        noise = kolmogorov_noise(min(len(a), len(b)), min(len(x), len(y)))
    else:
        mixes = [
            shares([_hashable(v) for v in values] or [""])
            for values in (one.before, two.after, two.before, one.after)
        ]
        crossed = max(mix_variation(mixes[0], mixes[1]), mix_variation(mixes[2], mixes[3]))
        apart = min(mix_variation(mixes[0], mixes[3]), mix_variation(mixes[2], mixes[1]))
        noise = math.sqrt(len(mixes[0]) / max(min(len(one.after), len(one.before)), 1)) / 2
    return crossed if crossed <= max(0.35 * apart, min(noise, 0.65 * apart)) else None


def transposed(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]) -> bool:
    """Whether a joint distribution turned into its mirror image: two features of like values that changed places."""
    flat = [cell for line in before for cell in line]
    mirrored = [cell for line in zip(*after, strict=True) for cell in line]
    straight = [cell for line in after for cell in line]
    apart = variation(flat, straight)
    return apart > 0.1 and variation(flat, mirrored) < 0.5 * apart
