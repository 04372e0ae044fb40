"""The door behind the gateway: what was judged there are a call's own arguments, and the door holds the call to them.

The gateway judges `{statement, reads, writes, rows}` by the manifest, as it judges any call of any server; the door
asks nobody again, and runs nothing that would touch more than the call said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from standwatch.client.acts import Go
from standwatch.doors.errors import Family, Refused
from standwatch.doors.measuring import Measure


class Held:
    """In the place of a passage, for one call that was judged already."""

    def __init__(self, errors: Family) -> None:
        self._errors = errors
        self.reads: tuple[str, ...] = ()
        self.writes: tuple[str, ...] = ()
        self.rows = 0

    def state(self, arguments: dict[str, Any]) -> None:
        """What the next call says of itself."""
        self.reads = tuple(arguments.get("reads") or ())
        self.writes = tuple(arguments.get("writes") or ())
        self.rows = int(arguments.get("rows") or 0)

    def ask(self, text: str, sets: Sequence[Any], measure: Measure, rows: int) -> Go:
        """Leave, where the call said what it would touch. Raises `Refused` with what it would have to say."""
        more = sorted({*measure.reads} - {*self.reads, *self.writes})
        if more or not set(measure.writes) <= set(self.writes) or rows > self.rows:
            wanted = f"reads {list(measure.reads)}, writes {list(measure.writes)}, rows {rows}"
            raise self._errors.error(Refused, f"The call must say what its statement touches: {wanted}.")
        return Go("", "", {"statement": text})

    def tell(self, go: Go, status: str, result: Any = None) -> None:
        """Nothing: the gateway hears the answer itself."""
