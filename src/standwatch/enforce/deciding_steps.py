"""What the passage of a decision says and hears, and what it carries along: commands, events, one request's batch."""

from collections.abc import Generator
from typing import Final, Protocol

import msgspec

from standwatch.authority.grant import Grant
from standwatch.enforce.answering import RowResult
from standwatch.enforce.models import ModelEnvelope
from standwatch.enforce.ports import Caller
from standwatch.enforce.steps import NotRecorded, Record, Recorded
from standwatch.enforce.steps import View as AnyView
from standwatch.facts.configuration import Finding
from standwatch.facts.decisions import Answer, Ask, Predicted, Row, Trouble
from standwatch.facts.words import Seam

CHANCE: Final = 10 + 8 + 2 * 32
"""Random bytes one request uses: its id, the canary's lot, the salts of its context and of its rows."""


class AskModel(msgspec.Struct, frozen=True):
    """Ask version `version` about `rows` within `within` seconds. The event is `Heard`."""

    version: str
    rows: list[Row]
    indices: tuple[int, ...]
    """Which of the request's rows these are."""
    within: float


class Heard(msgspec.Struct, frozen=True):
    """What the model server said, µs after it was asked."""

    now: int
    predicted: Predicted | Trouble
    took: int = 0


class View(AnyView, Protocol):
    """The world as a decision may look at it, always as it is now."""

    def front_grant(self, system: str, model: str, version: str, now: int) -> Grant:
        """The grant that `system` would have with `version` of `model`, which is on its route, in front."""
        ...

    def stopped(self, scopes: tuple[str, ...]) -> bool:
        """Whether one of `scopes` is halted in memory, because the record could not be written (DESIGN.md §7)."""
        ...

    @property
    def recording(self) -> bool:
        """Whether what is decided now has a chance of being recorded."""
        ...


Command = Record | AskModel
Event = Recorded | NotRecorded | Heard
Steps = Generator[Command, Event, Answer]


Stop = tuple[str, str]
"""Why the model does not answer at all: code and reason; empty strings where it may."""


class Batch(msgspec.Struct):
    """One request on its way: what does not change however often it is judged, and the rows' results so far."""

    ask: Ask
    caller: Caller
    seam: Seam
    ident: str
    run: str
    chance: bytes
    begun: int
    envelope: ModelEnvelope
    results: list[RowResult | None]
    version: str = ""
    digest: str = ""
    served: dict[str, str] = {}
    findings: list[Finding] = []
    used: tuple[str, ...] = ()
    """What the model used while it ran."""
    took: int = 0
