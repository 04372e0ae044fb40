"""`asks:` of a manifest's limits or of an organisation's defaults, and `decoys:` of approvals."""

from typing import Final

from standwatch.declare.schema import Fields, Reader, integer
from standwatch.declare.text import Node, Problems
from standwatch.facts.asks import Asks

LEAST: Final = 4
"""Decoys are at most one in so many: who is shown more of them than of real questions looks at neither."""


def read_asks(node: Node, problems: Problems) -> Asks | None:
    """The most questions there may be, each an integer from 0 on."""
    fields = Fields(node, problems, "asks")
    asks = Asks(
        per_run=fields.take("per_run", _count, None),
        per_person_per_hour=fields.take("per_person_per_hour", _count, None),
        per_hour=fields.take("per_hour", _count, None),
        per_day=fields.take("per_day", _count, None),
    )
    fields.close()
    return asks


def read_decoys(node: Node, problems: Problems) -> int | None:
    """`{one_in: 20}`; 0 for none."""
    fields = Fields(node, problems, "decoys")
    found = fields.need("one_in", _count, None)
    fields.close()
    if found is not None and 0 < found < LEAST:
        problems.add(fields.place("one_in"), f"{found}, expected 0 for none, or at least {LEAST}")
        return None
    return found


def _maybe(reader: Reader[int]) -> Reader[int | None]:
    return reader


_count = _maybe(integer())
