"""Which suspect is the cause and which its symptoms. A unit change sends rows out of range and scores off the mark: the
fallback and the odd scores are true, and explained by it."""

from typing import Final

import msgspec

from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnosis import NAMES, Code


def _of(*codes: Code) -> frozenset[Code]:
    return frozenset(codes)


_INPUTS: Final = _of(
    *("units", "swapped", "nulls", "constant", "remapped", "new_category"),
    *("stale", "shuffled", "time_zone", "schema", "drift"),
)
_ACCIDENT: Final = _of(
    *("retrained", "deployment", "fallback", "drift", "shuffled", "slice", "schema", "configuration"),
)
EXPLAINS: Final[dict[Code, frozenset[Code]]] = {
    "hold": _of("fallback", "configuration", "slice"),
    "deployment": _of("retrained", "slice", "threshold", "fallback", "configuration"),
    "wrong_version": _of("retrained", "deployment", "slice", "threshold", "fallback", "configuration"),
    "threshold": _of("configuration", "fallback"),
    "configuration": _of("fallback", "slice"),
    "vendor": _INPUTS | _of("fallback", "retrained", "deployment", "slice", "parameter", "configuration"),
    "upstream_failing": _of("fallback", "configuration", "slice"),
    "slice": _INPUTS | _of("retrained", "deployment", "fallback"),
    "time_zone": _ACCIDENT,
    "units": _ACCIDENT,
    "swapped": _ACCIDENT | _of("units", "constant"),
    "nulls": _ACCIDENT,
    "constant": _ACCIDENT,
    "remapped": _ACCIDENT | _of("new_category"),
    "new_category": _ACCIDENT,
    "stale": _ACCIDENT | _of("constant", "remapped", "units", "nulls"),
    "schema": _of("retrained", "fallback", "drift", "slice", "parameter"),
    "shuffled": _of("slice", "retrained", "configuration"),
}
"""What a cause of one kind brings about. The reverse holds of none, so that ranking ends."""
_TIES: Final = 0.12
"""Share of the change below which a suspect explains little, where another explains more."""


class Ranked(msgspec.Struct, frozen=True):
    """A suspect with its share of the change, and what it explains."""

    suspect: Suspect
    share: float | None
    explains: tuple[str, ...] = ()


def rank(found: list[tuple[Suspect, float | None]]) -> list[Ranked]:
    """Most likely first: causes by how specific their sign is and how much they explain, then their symptoms."""
    weighed = sorted(found, key=lambda pair: -weight(*pair))
    explained: dict[int, int] = {}
    for n, (one, _) in enumerate(weighed):
        for m, (other, _) in enumerate(weighed):
            if (
                n != m
                and m not in explained
                and explained.get(n) != m
                and _explains(one, weighed[n][1], other, weighed[m][1])
            ):
                explained[m] = n
    roots = [n for n in range(len(weighed)) if n not in explained]
    order = [*roots, *(m for m in range(len(weighed)) if m in explained)]
    return [
        Ranked(*weighed[n], tuple(_say(weighed[m][0]) for m, by in explained.items() if by == n))
        for n in order
    ]


def weight(one: Suspect, share: float | None) -> float:
    """How much speaks for a suspect: how specific its sign is, times how much it explains."""
    return one.sure * (0.5 + 0.5 * (share if share is not None else 0.5)) + 0.05 * one.distance


def _explains(one: Suspect, share: float | None, other: Suspect, theirs: float | None) -> bool:
    if other.code not in EXPLAINS.get(one.code, ()):
        return False
    if other.model and other.code in ("retrained", "deployment") and one.code in _INPUTS | {"vendor"}:
        if one.code == "shuffled":
            return _in_time(one, other)
        return other.explained
    if not _in_time(one, other):
        return False
    if one.code == "slice":
        # A new version that is worse in one part of the traffic came at the very time at which that part changed.
        sudden = other.code == "deployment" and one.low - 3 <= other.row <= one.high + 3
        return other.subject in one.part or (
            other.code in ("retrained", "deployment", "fallback") and not sudden
        )
    if one.code == "deployment" and other.code == "retrained":
        return one.sure > 0.9
    if other.code == "slice" and one.code == "deployment":
        return other.low - 3 <= one.row <= other.high + 3
    if other.code == "slice" and one.code in _INPUTS:
        return not set(other.part) & set(one.subject.split(", "))
    # What explains next to nothing of the change does not explain away what explains all of it.
    return share is None or theirs is None or share >= _TIES or theirs < 0.5


def _in_time(one: Suspect, other: Suspect) -> bool:
    """A symptom does not begin before its cause, as far as the rows can tell."""
    slack = 40 + (one.high - one.low)
    return other.high + slack >= one.low


def _say(one: Suspect) -> str:
    return f"{NAMES[one.code]}: {one.subject}" if one.subject else NAMES[one.code]
