"""The few numbers that `watch` needs, in plain Python: tails, distances between samples, quantiles. Pure."""

import math
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

_STEPS: Final = 400
_TINY: Final = 1e-300
Key = TypeVar("Key", bound=Hashable)


def chi_square_tail(value: float, freedom: int) -> float:
    """P(X ≥ value) for a chi-square variable X: the regularised incomplete gamma Q(freedom/2, value/2).

    Series below the hump, continued fraction above it (NIST DLMF §8.11(ii), §8.9; modified Lentz).
    """
    if value <= 0 or freedom <= 0:
        return 1.0
    a, x = freedom / 2, value / 2
    scale = math.exp(max(a * math.log(x) - x - math.lgamma(a), -700.0))
    return 1.0 - scale * _series(a, x) if x < a + 1 else scale * _fraction(a, x)


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for n in range(1, _STEPS):
        term *= x / (a + n)
        total += term
        if term < total * 1e-15:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    result = d
    for n in range(1, _STEPS):
        step = -n * (n - a)
        b += 2
        d = 1 / (step * d + b or _TINY)
        c = b + step / c or _TINY
        result *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return result


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value below which `part` of an ascending, non-empty sample lies, between neighbours linearly."""
    place = part * (len(ordered) - 1)
    low = int(place)
    if low + 1 >= len(ordered):
        return ordered[-1]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


def median(values: Sequence[float]) -> float:
    """The middle of a non-empty sample."""
    return quantile(sorted(values), 0.5)


def kolmogorov(one: Sequence[float], two: Sequence[float]) -> float:
    """Largest distance between the distributions of two ascending samples, 0 to 1 (Kolmogorov–Smirnov's D).

    1 where one of them is empty.
    """
    if not one or not two:
        return 1.0
    i = j = 0
    worst = 0.0
    while i < len(one) and j < len(two):
        value = min(one[i], two[j])
        while i < len(one) and one[i] <= value:
            i += 1
        while j < len(two) and two[j] <= value:
            j += 1
        worst = max(worst, abs(i / len(one) - j / len(two)))
    return worst


def kolmogorov_noise(one: int, two: int) -> float:
    """What `kolmogorov` reaches by chance in one comparison of a thousand (its asymptotic 0.1 % point)."""
    return 1.95 * math.sqrt(1 / max(one, 1) + 1 / max(two, 1))


def variation(one: Sequence[float], two: Sequence[float]) -> float:
    """Total variation distance of two distributions over the same cells: the part that would have to move."""
    return sum(abs(a - b) for a, b in zip(one, two, strict=True)) / 2


def shares(values: Sequence[Key]) -> dict[Key, float]:
    """Each value's share of the whole."""
    found: dict[Key, float] = {}
    for value in values:
        found[value] = found.get(value, 0.0) + 1
    return {key: count / len(values) for key, count in found.items()}


def mix_variation(one: Mapping[Key, float], two: Mapping[Key, float]) -> float:
    """`variation` of two distributions as mappings; a missing key is nothing."""
    return sum(abs(one.get(key, 0.0) - two.get(key, 0.0)) for key in {**one, **two}) / 2


def above(ordered: Sequence[float], value: float) -> float:
    """Share of an ascending sample that is at or above `value`."""
    return 1 - bisect_left(ordered, value) / max(len(ordered), 1)


def spread(values: Sequence[object], size: int) -> list[int]:
    """Indices of at most `size` values, evenly over all of them."""
    count = len(values)
    return list(range(count)) if count <= size else [n * count // size for n in range(size)]
