"""Texts that vouch for values: the task, and the trusted fields of results.

A value is vouched for where it stands in such a text: as its words, whole and in their order, whatever the case and
the white space; or as the number, date, time, IBAN, e-mail address or URL that the text has in another usual spelling.

INVARIANT: nothing is folded here that tells values apart; what can be read in two ways vouches for neither.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from standwatch.flow.amounts import number, numbers
from standwatch.flow.dates import dates, stamp, times
from standwatch.flow.fold import poses, spoken, stands
from standwatch.flow.origin import Place
from standwatch.flow.shapes import host_of, iban_in, shapes, url_form

MOST_TEXT: Final = 1 << 19
"""Characters of texts that vouch; what comes beyond vouches for nothing."""
MOST_VALUES: Final = 20_000
"""Texts, and what is read in them, likewise."""
LONGEST: Final = 4_096
"""Characters of a value that is looked for; a longer one is its writer's own."""

LONGEST_MEANT: Final = 2_048
"""Characters of a value that may be an address in another spelling."""

_MARK: Final = "\x00"


class Vouching:
    """Texts and what is read in them."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        """By text and by what is read in one: where."""
        self._texts: list[str] = []
        self._starts: list[tuple[int, Place]] = []
        self._length = 0

    def add(self, value: Any, place: Place) -> None:
        """Let `value`, a text or a number, vouch."""
        if len(self._places) >= MOST_VALUES:
            return
        if isinstance(value, str):
            self._add_text(value, place)
        elif form := number(value):
            self._places.setdefault(f"n:{form}", place)

    def name(self, value: Any, place: Place) -> None:
        """Let `value` vouch for itself as a whole, in its usual spellings, and for nothing that stands in it."""
        if not isinstance(value, str):
            self.add(value, place)
        elif len(self._places) < MOST_VALUES and len(value) <= LONGEST and (said := _bare(spoken(value))):
            self._places.setdefault(f"={said}", place)
            for item in meant(value):
                self._places.setdefault(item, place)

    def _add_text(self, text: str, place: Place) -> None:
        said = spoken(text)
        if not said or self._length + len(said) > MOST_TEXT:
            return
        self._places.setdefault(f"={said}", place)
        for item in written(text):
            self._places.setdefault(item, place)
        self._starts.append((self._length, place))
        self._texts.append(said)
        self._length += len(said) + 1

    def find(self, value: Any) -> Place | None:
        """The text that vouches for `value`; None where none does."""
        if not self._places:
            return None
        if not isinstance(value, str):
            return self._places.get(f"n:{number(value)}")
        if len(value) > LONGEST or poses(value):
            return None
        return self._text(value) or self._stamp(value)

    def _text(self, value: str) -> Place | None:
        said = _bare(spoken(value))
        if not any(each.isalnum() for each in said) or _MARK in said:
            return None
        found = self._places.get(f"={said}")
        if found is None:
            found = next((where for item in meant(value) if (where := self._places.get(item))), None)
            if found is not None and (unit := unit_of(value)) and not self._speaks_of(unit):
                found = None
        return found or self._phrase(said)

    def _speaks_of(self, unit: tuple[str, ...]) -> bool:
        """Whether any text has the currency, or the percent, that a number is given in."""
        self._join()
        text = self._texts[0] if self._texts else ""
        return any(re.search(rf"(?<![^\W\d_]){re.escape(one)}", text) is not None for one in unit)

    def _phrase(self, said: str) -> Place | None:
        self._join()
        at = stands(said, self._texts[0]) if self._texts else -1
        if at < 0 and said[0] in "#@" and said[1:].isalnum():
            at = stands(said[1:], self._texts[0])
        if at < 0:
            return None
        return next(place for start, place in reversed(self._starts) if start <= at)

    def _join(self) -> None:
        if len(self._texts) > 1:
            self._texts = [_MARK.join(self._texts)]

    def _stamp(self, value: str) -> Place | None:
        """A date with a time is vouched for where both are."""
        parts = stamp(value.strip())
        if parts is None:
            return None
        date, time = self._text(parts[0]), self._text(parts[1])
        return date if time is not None else None


_EDGES: Final = " \t\r\n\"'.,;:!?"


def _bare(said: str) -> str:
    """Without the quotes around it and the punctuation behind it."""
    return said.strip("\"' ").rstrip(_EDGES) or said


def written(text: str) -> Iterator[str]:
    """What a text has: every number, date and time with one reading, and each address in its usual spellings."""
    for one in numbers(text, strict=True):
        yield f"n:{one}"
    for one in dates(text, strict=True):
        yield f"d:{one}"
    for one in times(text):
        yield f"t:{one}"
    for one in shapes(text):
        if one.kind in ("url", "domain") and (ended := _ENDED.match(one.text)):
            yield from written(ended[0])  # the next sentence begins without a space: no top domain begins so
        match one.kind:
            case "url":
                scheme, rest = url_form(one.text.removeprefix("mailto:"))
                yield f"u:{rest}"
                for known in (scheme,) if scheme else ("http", "https"):
                    yield f"u:{known}://{rest}"
                if scheme or one.text.lower().startswith("www."):
                    yield f"h:{host_of(one.text)}"
            case "email" | "domain":
                yield f"u:{one.text.lower()}"
                if one.kind == "domain":
                    yield from (f"u:{scheme}://{one.text.lower()}" for scheme in ("http", "https"))
            case "iban" | "card" | "account" | "phone":
                yield f"a:{squeezed(one.text)}"
            case _:
                pass


_ENDED: Final = re.compile(r"[a-z0-9./:_-]+\.[a-z]{2,}(?=\.[A-Z][a-z]*$)")


def squeezed(text: str) -> str:
    """An account or telephone number as its letters, digits and leading plus."""
    return "+" * text.startswith("+") + "".join(each for each in text.lower() if each.isalnum())


@lru_cache(maxsize=1_024)
def meant(value: str) -> tuple[str, ...]:
    """What `value` as a whole means in another spelling, where that is one thing."""
    return tuple(_meant(value)) if len(value) <= LONGEST_MEANT else ()


def _meant(value: str) -> Iterator[str]:
    said = value.strip()
    if _NUMERIC.fullmatch(said):
        found = list(numbers(said, strict=True))
        if len(found) == 1:
            yield f"n:{found[0]}"
    if any(each.isdigit() for each in said) and len(said) < 40:
        days = set(dates(said, strict=True))
        if days and _ONE_DATE.fullmatch(said):
            yield from _one_date(days)
        hours = set(times(said))
        if len(hours) == 1 and _ONE_TIME.fullmatch(said):
            yield f"t:{next(iter(hours))}"
    if said.isascii() and " " not in said and ("." in said or "/" in said):
        scheme, rest = url_form(said)
        yield f"u:{scheme}://{rest}" if scheme else f"u:{rest}"
        if "/" not in said and "@" not in said:
            yield f"h:{said.lower()}"
    if said.isascii() and _ACCOUNT.fullmatch(said) and (not said[:2].isalpha() or iban_in(said) == said):
        yield f"a:{squeezed(said)}"


def _one_date(days: set[str]) -> Iterator[str]:
    """The one date that these spellings are of, with its year where it has one."""
    short, long = min(days), max(days)  # `--` sorts before any year
    if len(days) == 1 or (len(days) == 2 and short.startswith("--") and long.endswith(short[2:])):
        yield f"d:{long}"


_UNIT: Final = re.compile(r"[$€£¥₹%]|[A-Z]{3}")
_UNITS: Final[dict[str, tuple[str, ...]]] = {
    one: said
    for said in (
        ("$", "usd", "dollar", "dólar"), ("€", "eur"), ("£", "gbp", "pound", "pfund", "livre", "libra"),
        ("¥", "jpy", "cny", "yen", "yuan"), ("₹", "inr", "rupee"), ("chf", "franken", "franc", "fr."),
        ("%", "percent", "per cent", "prozent", "pour cent", "por ciento", "por cento", "per cento", "procent"),
    )
    for one in said
}  # fmt: skip


def unit_of(value: str) -> tuple[str, ...]:
    """How the currency is said, or the percent, that the number `value` is given in; empty for a bare number. 50 of one
    is not 50 of another."""
    said = value.strip()
    found = _UNIT.search(said) if _NUMERIC.fullmatch(said) else None
    return () if found is None else _UNITS.get(found[0].lower(), (found[0].lower(),))


_NUMERIC: Final = re.compile(r"[-+−$€£¥₹\d.,' \u00a0\u202f\u2009’%]*(?:[A-Z]{3})?|[A-Z]{3} ?[-+\d.,' ’]+")
_ONE_DATE: Final = re.compile(
    r"\w{1,10}[-/. ]+(?:of |de )?\w{1,10}(?:[-/.]|,? (?:de )?)?\w{0,4}", re.IGNORECASE
)
_ONE_TIME: Final = re.compile(r"\d{1,2}(?::\d{2}){0,2}(?:\.0+)? ?(?:[ap]\.?m\.?|uhr|h)?", re.IGNORECASE)
_ACCOUNT: Final = re.compile(r"\+?[\w(](?:[ ()./-]{0,2}\w){6,40}", re.ASCII)
