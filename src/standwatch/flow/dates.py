"""Dates and times of day as people write them: `2026-03-01`, `1 March 2026`, `01.03.2026`, `10 am`.

`3/1/2026` is a day in March or one in January: a strict reader reads it only where one of the two is none. Between
dots the day comes first. A year of two digits is one of this century. A date without a year is one without a year.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

_NAMES: Final = (
    "january jan januar janvier janv enero ene gennaio gen januari|"
    "february feb februar février févr fevrier febrero febbraio febr februari|"
    "march mar märz maerz mrz mars marzo maart mrt|"
    "april apr avril avr abril abr aprile|"
    "may mai mayo maggio mag mei|"
    "june jun juni juin junio giugno giu|"
    "july jul juli juillet juil julio luglio lug|"
    "august aug août aout agosto ago augustus|"
    "september sep sept septembre septiembre settembre set|"
    "october oct oktober okt octobre octubre ottobre ott|"
    "november nov novembre noviembre|"
    "december dec dezember dez décembre déc decembre diciembre dic dicembre"
)
_MONTHS: Final = {name: month for month, names in enumerate(_NAMES.split("|"), 1) for name in names.split()}
_END: Final = r"(?!\w)(?![-/.]\d)"
# A pattern that begins with a digit is looked for six times as fast as one that begins with what stands before it.
_FIRST: Final = r"\d(?<!\w\d)(?<!\d[-/.:,]\d)"

_YEAR_FIRST: Final = re.compile(rf"({_FIRST}\d{{3}})([-/.])(\d{{1,2}})\2(\d{{1,2}})(?!\d)(?![-/.]\d)")
_DOTTED: Final = re.compile(rf"({_FIRST}\d?)\.(\d{{1,2}})\.(\d{{4}}|\d{{2}}){_END}")
_SLASHED: Final = re.compile(rf"({_FIRST}\d?)([/-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_END}")
_NUMERIC: Final = re.compile(rf"{_FIRST}\d{{0,3}}([-/.])\d{{1,2}}\1\d")
_DAY_MONTH: Final = re.compile(
    rf"({_FIRST}\d?)(?:st|nd|rd|th|er|º|\.)?(?: of| de|-)? ?([^\W\d_]{{3,10}})\b\.?"
    r"(?:,? (?:de )?(\d{4})\b|-(\d{4})\b)?",
    re.IGNORECASE,
)
_MONTH_DAY: Final = re.compile(r" (\d{1,2})(?:st|nd|rd|th)?(?!\w)(?:,? (\d{4})\b)?", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(\d(?:(?<=\dT\d)|(?<![\w.,:]\d))\d?)(?:(?::(\d{2})(?::(\d{2})(?:\.0+)?)?)|(?= ?[aphu]))"
    r"(?: ?(a\.?m\.?|p\.?m\.?|uhr|h)(?!\w))?(?![\d:])(?!\.\d)",
    re.IGNORECASE,
)
_LONGEST: Final = max(map(len, _MONTHS))
_TAILS: Final = {name[-2:] for name in _MONTHS} | {f"{name[-1]}." for name in _MONTHS}
"""What stands right before the day where a month does."""
_WORD: Final = re.compile(r"(?<![^\W_])([^\W\d_]+)\.?$")
_STAMP: Final = re.compile(
    r"(?P<date>.*\d)(?:T|,? (?:at )?)(?P<time>\d{1,2}(?::\d{2}){0,2} ?(?:[ap]\.?m\.?)?)", re.I
)


def dates(text: str, *, strict: bool) -> Iterator[str]:
    """The dates of `text` as `YYYY-MM-DD` and as `--MM-DD`; of those without a year, the latter alone."""
    if not _DIGIT.search(text):
        return
    for found in _NUMERIC.finditer(text):
        yield from _numeric(text, found.start(), strict=strict)
    for match in _DAY_MONTH.finditer(text):
        if month := _MONTHS.get(match[2].lower()):
            yield from _date(match[3] or match[4] or "", month, match[1])
    for match in _MONTH_DAY.finditer(text):  # what stands before is looked at only where a day follows
        if text[max(0, match.start() - 2) : match.start()].lower() not in _TAILS:
            continue
        word = _WORD.search(text, max(0, match.start() - _LONGEST - 2), match.start())
        if word is not None and (month := _MONTHS.get(word[1].lower())):
            yield from _date(match[2] or "", month, match[1])


def _numeric(text: str, start: int, *, strict: bool) -> Iterator[str]:
    if match := _YEAR_FIRST.match(text, start):
        yield from _date(match[1], match[3], match[4])
    elif match := _DOTTED.match(text, start):
        yield from _date(_century(match[3]), match[2], match[1])
    elif match := _SLASHED.match(text, start):
        year = _century(match[4])
        both = {*_date(year, match[1], match[3])}, {*_date(year, match[3], match[1])}
        if not strict or both[0] == both[1] or not all(both):
            yield from both[0] | both[1]


_DIGIT: Final = re.compile(r"\d")


def _century(year: str) -> str:
    return year if len(year) == 4 else f"20{year}"


def _date(year: str, month: str | int, day: str) -> Iterator[str]:
    try:
        found = dt.date(int(year or 2000), int(month), int(day))
    except ValueError:
        return
    written = found.isoformat()
    yield f"-{written[4:]}"
    if year:
        yield written


def times(text: str) -> Iterator[str]:
    """The times of day of `text` as `HH:MM`, or `HH:MM:SS` where seconds are told."""
    if not _DIGIT.search(text):
        return
    for match in _TIME.finditer(text):
        hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
        half = (match[4] or "")[:1].lower()
        if not match[2] and not half:
            continue  # a number
        if half in ("a", "p"):
            if not 1 <= hour <= 12:
                continue
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour < 24 and minute < 60 and second < 60:
            yield f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def stamp(text: str) -> tuple[str, str] | None:
    """A value that is a date and a time of day: the texts of the two. None where it is none, or names a zone."""
    match = _STAMP.fullmatch(text) if len(text) < 60 else None
    return (match["date"], match["time"]) if match is not None else None
