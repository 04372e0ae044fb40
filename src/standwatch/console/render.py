"""Templates to HTML. Everything is escaped; a name that a view does not have is an error; nothing is marked safe."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from standwatch.console.assets import asset_path
from standwatch.console.frame import Frame
from standwatch.console.inert import marked, pieces
from standwatch.console.svg import bars, max_of


@cache
def environment() -> Environment:
    """The templates, compiled as they are first wanted."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    names: dict[str, Any] = made.globals
    filters: dict[str, Any] = made.filters  # pyright: ignore[reportUnknownMemberType, reportAssignmentType]
    names["asset"] = asset_path
    tests: dict[str, Any] = made.tests
    tests["plain"] = plain
    filters |= {
        "iso": iso,
        "clock": clock,
        "span": span,
        "number": number,
        "percent": percent,
        "pieces": pieces,
        "marked": marked,
        "bars": bars,
        "max_of": max_of,
        "duration": duration,
    }
    return made


def render(template: str, view: Any, frame: Frame, *, csrf: str, nonce: str) -> bytes:
    """`view` in `template`. `csrf` goes into its forms, `nonce` onto every element that htmx serves."""
    page = environment().get_template(template)
    return page.render(view=view, frame=frame, csrf=csrf, nonce=nonce).encode()


def plain(text: str) -> bool:
    """Whether `text` is ASCII that one can see, with single spaces: escaped, it cannot deceive about itself."""
    return _PLAIN.fullmatch(text) is not None


_PLAIN: Final = re.compile(r"(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?")


def iso(at: int) -> str:
    """µs UTC as RFC 3339, to the second, with its offset."""
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def clock(at: int) -> str:
    """The same for people: a date, a time, and `Z`."""
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M:%S}Z"


def span(length: int) -> str:
    """A length of time in µs in its largest fitting unit: `42 s`, `7 min`, `31 h`, `12 d`."""
    seconds = abs(length) // 1_000_000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def duration(length: float) -> str:
    """How long something took, from µs: `840 µs`, `12 ms`, `1.4 s`."""
    if length < 1_000:
        return f"{length:.0f} µs"
    if length < 1_000_000:
        return f"{length / 1e3:.3g} ms" if length < 999_500 else "1 s"
    return f"{length / 1e6:.3g} s"


def number(value: float) -> str:
    """A count with thin gaps between thousands, as ISO 80000 writes it."""
    return f"{value:,.0f}".replace(",", "\u202f")


def percent(part: float, whole: float) -> str:
    """A share; `–` of nothing. Never rounds something to nothing, nor almost all to all."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"
