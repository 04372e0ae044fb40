"""How detectors of numbers are written: bare digits of a match, words that stand near it, days of a calendar."""

import calendar
from collections.abc import Callable

import re2

from standwatch.content.detector import CONTEXT, Detector, Match, View
from standwatch.content.found import IDENTIFIER
from standwatch.content.prefilter import options

_SEPARATORS = b" -./()\t"


def bare(match: Match) -> str:
    """The value without separators, in capitals."""
    return match.value.translate(None, _SEPARATORS).decode("latin-1").upper()


class Near:
    """Whether one of these words (RE2, small letters, at the beginning of a word) stands near a match: in the 64 bytes
    before it or the 24 after. `gate`: what wakes a search that asks for it."""

    def __init__(self, *words: str) -> None:
        ends = (
            word + r"\b" if len(word) <= 3 and word.isalpha() else word for word in words
        )  # "sin", not "since"
        self.gate = "(?i)(?:^|[^a-z])(?:" + "|".join(ends) + ")"
        self._regexp = re2.compile(self.gate.encode(), options())

    def __call__(self, match: Match) -> bool:
        return self._regexp.search(match.before + b" \0 " + match.after[:24]) is not None


def day(year: int, month: int, number: int) -> bool:
    """Whether that day exists."""
    return 1 <= month <= 12 and 1 <= number <= calendar.monthrange(year or 2000, month)[1]


def short_day(two: str, month: str, number: str) -> bool:
    """Whether a day with a year of two digits can exist: a leap day can, in a leap year of either century."""
    return day(2000 if int(two) % 4 == 0 else 2001, int(month), int(number))


def identifier(
    name: str,
    pattern: str,
    check: Callable[[str], bool] | None,
    about: str,
    source: str,
    *,
    gate: str,
    reach: int = 48,
    only_near: Near | None = None,
    certain: bool = True,
) -> Detector:
    """A number whose check digits say that it is one. `only_near`: for those that one in ten random numbers would
    pass, words that must stand near; a number of that form elsewhere is not found."""

    def confirm(match: Match) -> bool | None:
        if only_near and not only_near(match):
            return None
        value = bare(match)
        if len(set(value)) == 1 or (check and not check(value)):
            return None
        return certain

    return Detector(
        name=name,
        kind=IDENTIFIER,
        pattern=pattern,
        about=about,
        reach=reach,
        gate=only_near.gate if only_near else gate,
        lead=reach + CONTEXT if only_near else reach,
        confirm=confirm,
        view=View.CLEAN,
        source=source,
    )
