"""The passage, as a door asks it: once for each statement, before it runs; and what is told after."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from standwatch.client.acts import Done, Go
from standwatch.client.errors import ClientError
from standwatch.client.errors import Pending as Asked
from standwatch.client.errors import Refused as Denied
from standwatch.doors.errors import Family, NotSupportedError, Pending, Refused, Unavailable
from standwatch.doors.measuring import Measure

MOST_RESULT: Final = 100
"""Rows of a result that are told, so that values in them have an origin."""
MOST_WAITING: Final = 100
"""Statements about which a person is asked that one door remembers."""
_PLAIN: Final = (str, int, float, bool, type(None))
_TEXT: Final = (
    decimal.Decimal,
    uuid.UUID,
    datetime.date,
    datetime.time,
    datetime.datetime,
    datetime.timedelta,
)


class Asks(Protocol):
    """Of a client (`standwatch.client.Client`), what a door needs."""

    def act(
        self, system: str, tool: str, arguments: Mapping[str, Any], *, key: str = "", wait: float = 0.0
    ) -> Go | Done: ...

    def outcome(self, go: Go, status: str = "ok", result: Any = None) -> bool: ...


class Asker(NamedTuple):
    """Who asks, and as what. `wait`: seconds to look for a person's answer."""

    client: Asks
    system: str
    name: str
    """Of the component in the manifest: its tools are `NAME.query` and `NAME.execute`."""
    database: str
    """`postgresql://host:port/name`, as the manifest's environments know the place."""
    wait: float = 0.0


class Judge(Protocol):
    """Who says whether a statement may run, and hears what became of it."""

    def ask(self, text: str, sets: Sequence[Any], measure: Measure, rows: int) -> Go: ...

    def tell(self, go: Go, status: str, result: Any = None) -> None: ...


class Passage:
    """Asks, for one connection."""

    def __init__(self, asker: Asker, errors: Family) -> None:
        self._asker = asker
        self._errors = errors
        self._waiting: dict[str, str] = {}
        """Of what a person is asked about: what it is → the key it was asked under. Asked again it is the same act."""

    def ask(self, text: str, sets: Sequence[Any], measure: Measure, rows: int) -> Go:
        """Leave to run `text`, touching `rows` at most. Raises `Refused`, `Pending`, `Unavailable`: nothing runs."""
        arguments: dict[str, Any] = {
            "kind": measure.kind,
            "statement": text,
            "database": self._asker.database,
            "reads": list(measure.reads),
            "writes": list(measure.writes),
            "rows": rows,
            "estimated": measure.rows,
        }
        if any(each is not None for each in sets):
            shown = [self.shown(each) for each in sets]
            arguments["parameters"] = shown[0] if len(shown) == 1 else shown
        if measure.triggers:
            arguments["triggers"] = list(measure.triggers)
        return self.ask_for("query" if measure.effect == "read" else "execute", arguments)

    def ask_for(self, tool: str, arguments: dict[str, Any]) -> Go:
        """Leave to call `tool` of this door. Raises as `ask`."""
        same = hashlib.sha256(json.dumps([tool, arguments], sort_keys=True).encode()).hexdigest()
        key = self._waiting.pop(same, "") or secrets.token_hex(16)
        try:
            found = self._asker.client.act(
                self._asker.system,
                f"{self._asker.name}.{tool}",
                arguments,
                key=key,
                wait=self._asker.wait,
            )
        except Asked as error:
            self._waiting[same] = key
            while len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            raise self._errors.error(Pending, str(error), error.reference) from error
        except Denied as error:
            raise self._errors.error(Refused, str(error), error.reference) from error
        except ClientError as error:
            raise self._errors.error(Unavailable, str(error), error.reference) from error
        if isinstance(found, Done):
            raise self._errors.error(Refused, "It was done before.", found.id)
        if found.changed:
            self.tell(found, "not_sent")
            raise self._errors.error(
                Refused, "It may be done only otherwise than it was asked for.", found.id
            )
        return found

    def tell(self, go: Go, status: str, result: Any = None) -> None:
        """What became of it. One that is not heard is overdue with the gateway some day, and `unknown` then."""
        self._asker.client.outcome(go, status, result)

    def shown(self, value: Any) -> Any:
        """A parameter as whoever judges sees it. Of these types exactly: a driver may take a type of somebody's own
        for SQL."""
        kind = cast("type[object]", type(value))
        if kind in _PLAIN:
            return value
        if kind in _TEXT:
            return str(value)
        if kind in (bytes, bytearray):
            return "\\x" + value.hex()
        if kind in (list, tuple):
            return [self.shown(one) for one in cast("Sequence[Any]", value)]
        if kind is dict:
            return {str(name): self.shown(one) for name, one in cast("dict[Any, Any]", value).items()}
        raise self._errors.error(
            NotSupportedError,
            f"a parameter of type {kind.__name__} cannot be shown to whoever judges: give a plain value",
        )


def shown_rows(columns: Sequence[str], rows: Sequence[Any], most: int = MOST_RESULT) -> dict[str, Any]:
    """A result as it is told: its first rows, as objects."""
    told = [dict(zip(columns, map(_cell, _cells(row)), strict=False)) for row in rows[:most]]
    return {"rows": told, "count": len(rows)}


def _cells(row: Any) -> Iterable[Any]:
    """A row's values; some drivers make mappings of rows."""
    return cast("Mapping[str, Any]", row).values() if isinstance(row, Mapping) else row


def _cell(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value[:1_000] if isinstance(value, str) else value
    return str(value)[:1_000]
