"""Times as people write them: `2h`, `2026-12-01`, `2026-12-01T08:00+01:00`."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from standwatch.facts.errors import Malformed

_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def now() -> int:
    """µs since 1970, UTC."""
    return time.time_ns() // 1000


def before(text: str) -> int:
    """As `instant`, for the past: a span is one before now."""
    if found := _SPAN.fullmatch(text):
        return now() - int(found[1]) * _SECONDS[found[2]] * 1_000_000
    return instant(text)


def utc(micros: int) -> str:
    """`micros` as RFC 3339 in UTC, to the microsecond."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()


def instant(text: str) -> int:
    """`text` in µs UTC: a date (its first moment), an RFC 3339 time, or a span from now. Raises `Malformed`.

    A time of day without its offset is refused: nobody knows which one was meant.
    """
    if found := _SPAN.fullmatch(text):
        return now() + int(found[1]) * _SECONDS[found[2]] * 1_000_000
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and len(text) == 10:
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is not None:
            return int(moment.timestamp()) * 1_000_000 + moment.microsecond
    except (ValueError, OverflowError):
        pass
    raise Malformed(
        f"{text[:60]!r} is no time: expected 2h, 7d, 2026-12-01 or 2026-12-01T08:00+01:00", code="bad_time"
    )
