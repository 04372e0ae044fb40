"""What the task itself chooses among the values of one field: a run that is asked to write to Ann has no business with
Bob, though the address book has both.
"""

import re
from collections.abc import Callable
from typing import Any, Final

MOST: Final = 5_000
"""Values that are kept in all; beyond it nothing is held against a value that is not here."""
LONGEST: Final = 120
"""Characters of a value that can be a name."""
_PLACE: Final = re.compile(r"/\d+(?=/|$)")


class Preferred:
    """Trusted values by the field that they stood in."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, bool | None]] = {}
        self._kept = 0

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, tool: str, at: str, value: Any) -> None:
        """Keep `value`, which stood at the JSON pointer `at` in a result of `tool`."""
        if self._kept >= MOST or not _names(value):
            return
        field = self._fields.setdefault(_field(tool, at, value), {})
        if value not in field:
            field[value] = None
            self._kept += 1

    def instead(self, tool: str, at: str, value: Any, said: Callable[[str], bool]) -> str:
        """Another value of the field at `at` that the task speaks of, by `said`; "" where it speaks of none. Each
        value is looked for in the task once."""
        if not _names(value):
            return ""
        field = self._fields.get(_field(tool, at, value), {})
        for other, named in field.items():
            if named is None:
                field[other] = said(other)
        spoken = [other for other, named in field.items() if named]
        return "" if not spoken or value in spoken else spoken[0]


def _names(value: Any) -> bool:
    """Whether the task could call something by `value`: text with a letter in it, and not long."""
    return isinstance(value, str) and 3 <= len(value) <= LONGEST and any(each.isalpha() for each in value)


def _field(tool: str, at: str, value: str) -> str:
    """The place without the numbers of items, nor the name of a member where that is the value."""
    head, _, last = at.rpartition("/")
    return f"{tool} {_PLACE.sub('/*', head + '/' + ('*' if last == value else last))}"
