"""Numbers as people write them: `1,234.50`, `1.234,50`, `1 234,50`, `1'234.50`, `$50`, `50 EUR`, `5 %`.

One number is written as decimal digits without trailing zeros. What has two readings is settled by how the rest of the
same text writes its numbers; where that does not settle it, a strict reader reads nothing and a loose one both.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, Literal

Style = Literal["point", "comma", "mixed"]
"""Which mark is decimal in a text; `point` where nothing says so."""

_SPACE = "\u00a0\u202f\u2009"
# A pattern that begins with a digit is looked for several times as fast as one that begins with what stands before it.
_FIRST: Final = r"\d(?:(?<!\w\d)(?<!\w[.,'@:/_+#-]\d)|(?<=[A-Z]{3}\d)(?<![A-Za-z0-9_][A-Z]{3}\d))"
"""A digit at the beginning of a number: not within a word, but for the letters of a currency."""
_SPACED: Final = re.compile(
    rf"{_FIRST}\d{{0,2}}(?:[ {_SPACE}]\d{{3}})+(?P<cents>[.,]\d{{1,2}})?(?!\d)"
    r"(?P<after> ?(?:[$€£¥₹]|[A-Z]{3}(?!\w)))?(?!\w)(?![.,:/@'_+-]\w)"
)
_BEFORE: Final = re.compile(r"(?:[$€£¥₹]|(?<![A-Za-z0-9_])[A-Z]{3}) ?$")
_PLAIN: Final = re.compile(
    rf"(?P<number>{_FIRST}\d*(?:[.,'’]\d+)*)(?:[A-Z]{{3}})?(?!\w)(?![.:/@'_+-]\w)(?!,\d)"
)
_GROUPS: Final = re.compile(r"\d{1,3}(?:[.,']\d{3})+", re.ASCII)
_LONGEST: Final = 40
"""Characters of a number; a longer one is a name."""


def numbers(text: str, *, strict: bool) -> Iterator[str]:
    """The numbers of `text`, each in its one spelling."""
    if not any(digit in text for digit in "0123456789"):
        return
    found = list(_written(text, strict=strict))
    style = style_of(found) if strict else "mixed"
    for one in found:
        yield from readings(one, style, strict=strict)


def _written(text: str, *, strict: bool) -> Iterator[str]:
    taken: list[tuple[int, int]] = []
    for match in _SPACED.finditer(text):
        start, end = match.start(), match.start("after") if match["after"] else match.end()
        number = text[start:end]
        known = match["cents"] or match["after"] or _BEFORE.search(text, max(0, start - 5), start)
        if not strict or " " not in number or known:
            taken.append((start, end))
            yield _sign(text, start) + number
    spans = iter(taken)
    span = next(spans, None)
    for match in _PLAIN.finditer(text):
        start = match.start()
        while span is not None and span[1] <= start:
            span = next(spans, None)
        if strict and span is not None and span[0] <= start:
            continue  # a part of what was read as one number
        yield _sign(text, start) + match["number"]


def _sign(text: str, start: int) -> str:
    """A minus right before a number, and behind no word."""
    signed = start > 0 and text[start - 1] in "-−"
    return "-" if signed and not (start > 1 and (text[start - 2].isalnum() or text[start - 2] == "_")) else ""


def style_of(written: list[str]) -> Style:
    """Which mark is decimal, by the numbers that have one reading only."""
    marks = {_decimal_mark(_bare(one)) for one in written} - {""}
    if marks == {","}:
        return "comma"
    return "mixed" if len(marks) == 2 else "point"


def _decimal_mark(bare: str) -> str:
    """`.` or `,` where `bare` can only be read with that as its decimal mark."""
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return ""
    mark = bare[last]
    other = "," if mark == "." else "."
    if other in bare:
        return mark
    if bare.count(mark) > 1:
        return other if _GROUPS.fullmatch(bare.lstrip("-")) else ""
    return mark if len(bare) - last - 1 != 3 or bare.lstrip("-").startswith("0") else ""


def readings(written: str, style: Style, *, strict: bool) -> Iterator[str]:
    """What `written` may be: one reading at most for a strict reader."""
    whole, point, cents = written.partition(".")
    short = not point or (len(cents) in (1, 2) and cents.isdigit())
    if short and whole.isdigit() and written.isascii() and len(written) <= _LONGEST:
        yield _plain(written)  # as nearly all are
        return
    bare = _bare(written)
    if len(bare) > _LONGEST:
        return
    marks = [_decimal_mark(bare)]
    if not marks[0]:
        marks = {"point": ["."], "comma": [","], "mixed": [".", ","]}[style]
    found = {form for mark in marks if (form := _form(bare, mark))}
    if not strict or len(found) == 1:
        yield from found


def _bare(written: str) -> str:
    bare = written.replace("−", "-").replace("’", "'").replace(" ", "")
    for space in _SPACE:
        bare = bare.replace(space, "")
    return bare


def _form(bare: str, mark: str) -> str:
    """The number with decimal mark `mark`, its groups being groups of three; "" where it is none."""
    whole, _, cents = bare.partition(mark)
    grouping = "," if mark == "." else "."
    if grouping in cents or mark in cents or "'" in cents:
        return ""
    digits = whole.lstrip("-")
    if (grouping in digits or "'" in digits) and not _GROUPS.fullmatch(digits):
        return ""
    digits = digits.replace(grouping, "").replace("'", "")
    if not (digits.isascii() and digits.isdigit() and (not cents or (cents.isascii() and cents.isdigit()))):
        return ""
    return _plain(("-" if whole.startswith("-") else "") + digits + ("." + cents if cents else ""))


def number(value: Any) -> str:
    """The one spelling of a JSON number; "" for what is none, or no finite one."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if value.bit_length() < 256 else ""
    if isinstance(value, float) and value == value and abs(value) < 1e30:  # noqa: PLR0124 - not a NaN
        return _plain(format(Decimal(repr(value)), "f"))
    return ""


def _plain(digits: str) -> str:
    sign = "-" if digits.startswith("-") else ""
    whole, _, cents = digits.lstrip("-").partition(".")
    whole, cents = whole.lstrip("0") or "0", cents.rstrip("0")
    form = f"{whole}.{cents}" if cents else whole
    return form if form == "0" else sign + form
