"""PEP 249's own compliance suite before a governed connection: what a program expects of a driver it finds here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import dbapi20
import pg8000.dbapi
import pytest

from standwatch.client.acts import Go
from standwatch.doors import dbapi
from support.postgres import cluster

# What is raised is the driver's, or ours and the driver's: by its exceptions programs know it.
THEIRS = {name: getattr(pg8000.dbapi, name) for name in dbapi.__all__ if name.endswith(("Error", "Warning"))}
MODULE = SimpleNamespace(
    **{name: getattr(dbapi, name) for name in dbapi.__all__} | THEIRS | {"paramstyle": "qmark"}
)


class Allows:
    """A passage that lets everything go."""

    def act(self, system: str, tool: str, arguments: Any, *, key: str = "", wait: float = 0.0) -> Go:
        return Go(key, system, dict(arguments))

    def outcome(self, go: Go, status: str = "ok", result: Any = None) -> bool:
        return True


class TestCompliance(dbapi20.DatabaseAPI20Test):
    """The suite as published; what it leaves to the driver's author is below."""

    driver: ClassVar[Any] = MODULE
    connect_kw_args: ClassVar[dict[str, Any]] = {}
    name: ClassVar[str] = ""

    @pytest.fixture(autouse=True)
    def _question_marks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """pg8000 leaves `%%` in a literal as it is, which the suite's statements in the style `format` rest on."""
        monkeypatch.setattr(pg8000.dbapi, "paramstyle", "qmark")

    def _connect(self) -> dbapi.Connection:
        if not TestCompliance.name:
            TestCompliance.name = cluster().fresh()
        raw = cluster().connect(TestCompliance.name)
        return dbapi.connect(raw, Allows(), system="suite", name="db")

    def test_nextset(self) -> None:
        """One statement at a time is judged, so there is never another result."""
        connection = self._connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.nextset() is None
        connection.close()

    def test_setoutputsize(self) -> None:
        """Without effect, and there."""
        connection = self._connect()
        connection.cursor().setoutputsize(1000, 2)
        connection.close()

    def test_callproc(self) -> None:
        """What a procedure does cannot be seen: said, rather than done."""
        connection = self._connect()
        with pytest.raises(dbapi.NotSupportedError):
            connection.cursor().callproc("lower", ("FOO",))
        connection.close()
