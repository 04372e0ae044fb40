"""PLACEHOLDER of the lead, until contracts are written: replace the whole file; keep these names and shapes."""

from collections.abc import Sequence
from typing import Any

from standwatch.facts.models import Output


def problem(outputs: Sequence[Output], columns: dict[str, list[Any]], rows: int) -> tuple[str, str]:
    """(code, reason) of what is wrong with an answer; ("", "") for nothing."""
    return "", ""


def differs(output: Output, expects: dict[str, Any]) -> str:
    """What the consumer takes `output` for and it is not; "" for nothing."""
    return ""
