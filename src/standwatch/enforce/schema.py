"""Arguments against the input schema the server itself publishes and the lock has accepted."""

from typing import Any, Final, Protocol, cast

import jsonschema_rs

from standwatch.facts.configuration import Definition


class Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...


class Schemas:
    """Validators by definition digest, compiled once. Nothing is ever fetched; patterns run in linear time."""

    def __init__(self) -> None:
        self._ready: dict[str, Validator] = {}

    def of(self, definition: Definition | None) -> Validator | None:
        """The validator for a definition; None where there is no definition to hold the arguments to."""
        if definition is None:
            return None
        ready = self._ready.get(definition.digest)
        if ready is None:
            if len(self._ready) >= KEPT:
                self._ready.clear()
            ready = self._ready[definition.digest] = _compile(definition.schema)
        return ready


KEPT: Final = 10_000


class _Refuses:
    """For a schema that cannot be compiled: what cannot be checked does not pass."""

    def is_valid(self, instance: Any) -> bool:
        return False


def _compile(schema: dict[str, Any]) -> Validator:
    try:
        return cast(
            "Validator",
            jsonschema_rs.validator_for(
                schema, retriever=_never, pattern_options=jsonschema_rs.RegexOptions()
            ),
        )
    except Exception:
        return _Refuses()


def _never(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema")
