"""One route of the operators' API: what is served, and what the OpenAPI document and the tests are made of."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from standwatch.fronts.control_client import Came
from standwatch.fronts.control_ports import Actor, Operations

BASE: Final = "/api/v1"


class Call(msgspec.Struct, frozen=True):
    """One request, as an operation sees it: who asks, the path's names, the query's, and the body."""

    who: Actor
    names: dict[str, str]
    query: dict[str, str]
    body: Any = None
    came: Came = Came("")
    """Where it came from: what opens a session is bound to that."""


class Route(msgspec.Struct, frozen=True):
    """One operation. `takes` and `gives` are the types of its bodies; `query` names its query parameters."""

    method: str
    path: str
    name: str
    summary: str
    gives: Any
    act: Callable[[Operations, Call], Awaitable[Any]]
    takes: Any = None
    query: tuple[str, ...] = ()
    made: bool = False
    """Answers 201: something new is in the record."""
    open: bool = False
    """Takes no credential: what lets people in, and answers for itself."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the path must match, whole; `{name}` is one segment."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", BASE + self.path))
