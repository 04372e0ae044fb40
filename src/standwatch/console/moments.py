"""Times as people write them into a page's fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def ago(text: str, now: int) -> str:
    """`2h` as the time two hours before `now` (µs); anything else as it is, for the operation to read or refuse."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return text
    span = timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    return (datetime.fromtimestamp(now / 1e6, UTC) - span).isoformat()
