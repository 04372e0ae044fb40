"""PEP 249's exceptions, and ours below them. Every one of ours means: of this statement nothing remains."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class Warning(Exception):
    """Something of note."""


class Error(Exception):
    """Anything that went wrong."""

    reference: str = ""
    """What an operator finds it by; "" where there is nothing to find."""


class InterfaceError(Error):
    """The door was used in a way that it is not for."""


class DatabaseError(Error):
    """Of the database."""


class DataError(DatabaseError):
    """Of values."""


class OperationalError(DatabaseError):
    """Of the database's operation."""


class IntegrityError(DatabaseError):
    """Of constraints."""


class InternalError(DatabaseError):
    """Of the database's inside."""


class ProgrammingError(DatabaseError):
    """Of a statement."""


class NotSupportedError(DatabaseError):
    """Of what this door does not do."""


class Refused(OperationalError):
    """It may not be done."""


class Pending(OperationalError):
    """A person is asked; the same statement again, at this door, is the same question, and runs once they said yes."""


class Unavailable(OperationalError):
    """Nobody judges now, so nothing runs."""


class TooMuch(OperationalError):
    """It touched more rows, or other tables, than was judged; it was rolled back."""


class Unknown(OperationalError):
    """The connection was lost after COMMIT was sent: nobody knows whether it stands. It is never sent again."""


_STANDARD = (
    Warning,
    Error,
    InterfaceError,
    DatabaseError,
    DataError,
    OperationalError,
    IntegrityError,
    InternalError,
    ProgrammingError,
    NotSupportedError,
)


class Family:
    """Our exceptions such that who catches the driver's catches ours: each is one of `driver`'s of the same rank too.

    `driver` is the module of a PEP 249 driver, or None for ours alone.
    """

    def __init__(self, driver: ModuleType | None) -> None:
        self._driver = driver
        self._made: dict[type[Exception], type[Exception]] = {}

    def error(self, kind: type[Exception], message: str, reference: str = "") -> Exception:
        """An exception of `kind` that is also of the driver's. `message` names the reference where there is one."""
        made = self._made.get(kind)
        if made is None:
            made = self._made[kind] = self._make(kind)
        found: Any = made(message)
        found.reference = reference
        return found

    @property
    def percents(self) -> bool:
        """Whether the driver looks for `%s` in a statement, or nobody knows for what it looks."""
        return getattr(self._driver, "paramstyle", "format") in ("format", "pyformat")

    def standard(self, name: str) -> type[Exception]:
        """PEP 249's exception of that name: the driver's where it has one."""
        theirs = getattr(self._driver, name, None)
        ours = next(one for one in _STANDARD if one.__name__ == name)
        return theirs if isinstance(theirs, type) and issubclass(theirs, Exception) else ours

    def _make(self, kind: type[Exception]) -> type[Exception]:
        rank = next(one for one in kind.__mro__ if one in _STANDARD)
        theirs = self.standard(rank.__name__)
        return (
            kind
            if issubclass(kind, theirs)
            else type(kind.__name__, (kind, theirs), {"__module__": __name__})
        )
