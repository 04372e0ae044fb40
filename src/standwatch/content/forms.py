"""How detectors of numbers are written: bare digits of a match, words that stand near it, days of a calendar."""

import calendar
from collections.abc import Callable

import re2

from standwatch.content.detector import Detector, Match, View
from standwatch.content.found import IDENTIFIER
from standwatch.content.prefilter import options

_SEPARATORS = b" -./()\t"


def bare(match: Match) -> str:
    """The value without separators, in capitals."""
    return match.value.translate(None, _SEPARATORS).decode("latin-1").upper()


def near(*words: str) -> Callable[[Match], bool]:
    """Whether one of these (RE2, small letters, at the beginning of a word) stands near: 64 bytes before, 24 after."""
    regexp = re2.compile(("(?i)(?:^|[^a-z])(?:" + "|".join(words) + ")").encode(), options())

    def check(match: Match) -> bool:
        return regexp.search(match.before) is not None or regexp.search(match.after[:24]) is not None

    return check


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
    only_near: Callable[[Match], bool] | None = None,
    certain: bool = True,
) -> Detector:
    """A number whose check digits say that it is one. `only_near`: for those that one in ten random numbers would
    pass, words that must stand near; a number of that form elsewhere is not found."""

    def confirm(match: Match) -> bool | None:
        value = bare(match)
        if len(set(value)) == 1 or (check and not check(value)):
            return None
        if only_near and not only_near(match):
            return None
        return certain

    return Detector(
        name=name,
        kind=IDENTIFIER,
        pattern=pattern,
        about=about,
        reach=reach,
        gate=gate,
        confirm=confirm,
        view=View.CLEAN,
        source=source,
    )
