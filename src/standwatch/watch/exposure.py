"""How many different people a system touched in a week: one ExaLogLog sketch a day, seven days, 56 KiB. Pure.

ExaLogLog (Ertl, arXiv 2402.13726, algorithms 2 and 5) with t = 2, d = 24: a register keeps the highest update value
it has seen and, of the 24 below, which occurred; that is 32 bits. With 2,048 registers a day's sketch has 8 KiB,
and the union of seven estimates with a standard error of 0.76 %. HyperLogLog (arXiv 1702.01284) with 6-bit
registers would need 14 KiB a day for that; `python -m bench.exposure` measures it, and what it needs.

The estimate is maximum likelihood under the Poisson model (the same paper, equation 15; for HyperLogLog equation 20
of 1702.01284), which needs no table and no switch between ranges, so it is as good for ten people as for 10⁷.

People enter as keyed hashes (BLAKE2b): without the key no register confirms a guess about anybody.
"""

import math
from array import array
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

from standwatch.facts.errors import Malformed

DAYS: Final = 7
REGISTERS: Final = 2_048
ERROR: Final = 76
"""Standard error of an estimate, in ten thousandths."""

_P: Final = 11
_T: Final = 2
_D: Final = 24
_LOW: Final = (1 << _T) - 1
_SEEN: Final = (1 << _D) - 1
_TOP: Final = 1 << _D
_NARROW: Final = 64 - _P - _T
"""Bits of a hash in which leading zeros are counted; that many zeros are the most."""
_HIGHEST: Final = (_NARROW + 1) << _T
"""The highest update value there is."""
_BIAS: Final = 0.077
"""First-order relative bias of the estimate, times the registers: Cox & Snell (1968), for update values as independent
Bernoulli observations: ζ(3) ln 2 / (2^t ζ(2)²)."""

_FORMAT: Final = 1
_HEADER: Final = 5
BYTES: Final = _HEADER + 4 * REGISTERS
"""Length of a serialised day."""

Hash = Callable[[str], int]
"""A person's opaque id → 64 bits."""


def hasher(key: bytes) -> Hash:
    """Hashes people under `key` (at most 64 bytes)."""
    copy = blake2b(digest_size=8, key=key).copy  # the key's block is hashed once, not for each person
    number = int.from_bytes

    def hashed(subject: str) -> int:
        state = copy()
        state.update(subject.encode("utf-8", "surrogatepass"))
        return number(state.digest(), "little")

    return hashed


class Week:
    """The people of up to seven days (UTC, days since 1970). `fresh` are the days changed since somebody cleared it."""

    __slots__ = ("_days", "_newest", "_today", "fresh")

    def __init__(self) -> None:
        self._days: dict[int, array[int]] = {}
        self._newest = -1
        self._today: array[int] = array("I")
        self.fresh: set[int] = set()

    @property
    def days(self) -> tuple[int, ...]:
        """The days of which something is known."""
        return tuple(sorted(self._days))

    @property
    def newest(self) -> int:
        """The last day on which anybody was counted; -1 for none."""
        return self._newest

    def add(self, day: int, hashed: int) -> None:
        """Count the person with this hash on `day`. A day that has left the week is not counted."""
        if day != self._newest:
            registers = self._of(day)
            if registers is None:
                return
        else:
            registers = self._today
        # Algorithm 2: low t bits, then p bits for the register, leading zeros of what is left.
        place = (hashed >> _T) & (REGISTERS - 1)
        zeros = _NARROW - (hashed >> (_P + _T)).bit_length()
        value = (zeros << _T) + (hashed & _LOW) + 1
        old = registers[place]
        above = value - (old >> _D)
        if above > 0:
            kept = (_TOP | (old & _SEEN)) >> above if old else 0
            registers[place] = (value << _D) | kept
        elif above < 0 and above >= -_D and old | (bit := 1 << (_D + above)) != old:
            registers[place] = old | bit
        else:
            return
        self.fresh.add(day)

    def _of(self, day: int) -> "array[int] | None":
        """The registers of `day`, made where it begins; None where it has left the week."""
        if day <= self._newest - DAYS:
            return None
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = _empty()
        if day > self._newest:
            self._newest, self._today = day, found
            for old in [each for each in self._days if each <= day - DAYS]:
                del self._days[old]
        return found

    def people(self, day: int) -> int:
        """How many different people there were in the seven days up to and with `day`: the estimate, rounded."""
        found = [registers for each, registers in self._days.items() if day - DAYS < each <= day]
        return round(_estimate(_union(found)))

    def merge(self, other: "Week") -> None:
        """Count everybody whom `other` counted, too. Order does not matter, and twice is as once."""
        for day, registers in other._days.items():
            mine = self._of(day)
            if mine is not None:
                mine[:] = _union([mine, registers])
                self.fresh.add(day)

    def copy(self) -> "Week":
        """A week of its own with the same people."""
        twin = Week()
        twin._days = {day: registers[:] for day, registers in self._days.items()}
        twin._newest, twin.fresh = self._newest, set(self.fresh)
        twin._today = twin._days.get(self._newest, twin._today)
        return twin

    def encoded(self, day: int) -> bytes:
        """`day` as bytes: format 1, the day (4 bytes, big-endian), the registers (4 bytes each, little-endian)."""
        return bytes([_FORMAT]) + day.to_bytes(4, "big") + _little(self._days[day]).tobytes()

    def take(self, data: bytes) -> None:
        """Count the people of a day that `encoded` wrote. Raises `Malformed`."""
        if len(data) != BYTES or data[0] != _FORMAT:
            raise Malformed("not the people of a day, or of another format")
        registers = _empty()
        registers[:] = _little(array("I", data[_HEADER:]))
        if any(each >> _D > _HIGHEST for each in registers):
            raise Malformed("not the people of a day: a register is higher than any hash")
        one = Week()
        one._days = {int.from_bytes(data[1:_HEADER], "big"): registers}
        self.merge(one)


def _empty() -> "array[int]":
    return array("I", (0,)) * REGISTERS  # made so, it has not a byte to spare


def _little(registers: "array[int]") -> "array[int]":
    """As they are on a little-endian machine, swapped on another."""
    if array("I", b"\x01\0\0\0")[0] == 1:
        return registers
    swapped = registers[:]
    swapped.byteswap()
    return swapped


def _union(several: "Iterable[array[int]]") -> "array[int]":
    whole = _empty()
    for registers in several:
        whole[:] = array("I", map(_merged, whole, registers))
    return whole


def _merged(one: int, other: int) -> int:
    """Algorithm 5: the register that had seen what both had."""
    if one < other:
        one, other = other, one
    below = (one >> _D) - (other >> _D)
    if not other or not below:
        return one | other
    return one | (_TOP | (other & _SEEN)) >> below


def _width(value: int) -> int:
    """φ: an update value occurs with probability 2^-φ (equation 8)."""
    return min(_T + 1 + ((value - 1) >> _T), 64 - _P)


_RARER: Final = [0.0] * (_HIGHEST + 1)
"""By update value, the probability of a higher one."""
for _value in range(_HIGHEST, 0, -1):
    _RARER[_value - 1] = _RARER[_value] + 2.0 ** -_width(_value)


def _estimate(registers: "array[int]") -> float:
    """Maximum likelihood: α, and β by φ, of −αx + Σ β ln(1 − e^(−x/2^φ)), where x is people per register."""
    alpha, beta = 0.0, [0] * (65 - _P)
    for register in registers:
        top = register >> _D
        alpha += _RARER[top]
        if not top:
            continue
        beta[_width(top)] += 1
        bit = 1 << (_D - 1)
        for value in range(top - 1, max(0, top - _D - 1), -1):
            width = _WIDTHS[value]
            if register & bit:
                beta[width] += 1
            else:
                alpha += _CHANCES[width]
            bit >>= 1
    seen = [(2.0**-width, count) for width, count in enumerate(beta) if count]
    return REGISTERS * _solve(alpha, seen) / (1 + _BIAS / REGISTERS)


_WIDTHS: Final = [0, *(_width(value) for value in range(1, _HIGHEST + 1))]
_CHANCES: Final = [2.0**-width for width in range(65 - _P)]


def _solve(alpha: float, seen: list[tuple[float, int]]) -> float:
    """The x at which α = Σ β q/(e^(xq) − 1): the right side falls, so halving finds it, to fifteen digits."""
    if not seen:
        return 0.0
    low, high = -40.0, 40.0  # natural logarithms: from nobody to more than 64 bits can tell apart
    for _ in range(60):
        middle = (low + high) / 2
        x = math.exp(middle)
        if sum(count * q / math.expm1(min(x * q, 700.0)) for q, count in seen) > alpha:
            low = middle
        else:
            high = middle
    return math.exp(low)
