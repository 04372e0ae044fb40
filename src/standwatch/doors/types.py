"""PEP 249's type objects and constructors, for PostgreSQL: a column's type code is an OID of `pg_type`."""

from __future__ import annotations

import datetime
from typing import Final

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


class OidSet(frozenset[int]):
    """Equal to each of its members, as PEP 249 wants a type object to be."""

    def __eq__(self, other: object) -> bool:
        return other in self if isinstance(other, int) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()


STRING: Final = OidSet((18, 19, 25, 1042, 1043))
BINARY: Final = OidSet((17,))
NUMBER: Final = OidSet((20, 21, 23, 700, 701, 790, 1700))
DATETIME: Final = OidSet((1082, 1083, 1114, 1184, 1186, 1266))
ROWID: Final = OidSet((26,))


def DateFromTicks(ticks: float) -> datetime.date:
    """The date, UTC, so many seconds after 1970."""
    return TimestampFromTicks(ticks).date()


def TimeFromTicks(ticks: float) -> datetime.time:
    """The time of day, UTC, so many seconds after 1970."""
    return TimestampFromTicks(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The moment, UTC, so many seconds after 1970."""
    return datetime.datetime.fromtimestamp(ticks, datetime.UTC)
