"""Spans are told as times; whatever else a person writes is left for the operation to refuse."""

import pytest

from standwatch.console.moments import ago
from standwatch.serve.control_reading import instant

NOW = 1_795_285_924_913_113


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5_400), ("2h", 7_200), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_a_span_is_that_long_ago(text: str, seconds: int) -> None:
    assert abs(instant(ago(text, NOW)) - (NOW - seconds * 1_000_000)) <= 1


@pytest.mark.parametrize(
    "text", ["", "0h", "h", "2 h", "2y", "-2h", "2026-11-20T00:00Z", "٢h", "999999h", "2h\n"]
)
def test_anything_else_is_left_as_it_is(text: str) -> None:
    assert ago(text, NOW) == text
