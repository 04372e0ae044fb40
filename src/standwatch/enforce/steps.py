"""What the passage says and hears: the commands it yields, the events it receives, and the world it may look at."""

from collections.abc import Generator
from typing import Any, Final, Protocol

import msgspec

from standwatch.authority.grant import Grant
from standwatch.enforce.case import World
from standwatch.enforce.masks import Masks
from standwatch.enforce.ports import Act, Carried, Reply
from standwatch.facts.configuration import Component
from standwatch.facts.credentials import Warrant
from standwatch.facts.entries import Asked, Decided, Deferred, Denied, Intent, Outcome, Relaxed
from standwatch.facts.frames import RefusalCode, RowPart
from standwatch.facts.parts import Part
from standwatch.flow.trail import Trail
from standwatch.record.state import State

# --- commands: what the passage wants done -------------------------------------------------------------------


class Record(msgspec.Struct, frozen=True):
    """Append this, conditionally. The event is `Recorded` once it is durable, or `NotRecorded`."""

    entry: Intent | Denied | Asked | Deferred | Outcome | Decided
    parts: tuple[Part, ...]
    scopes: tuple[str, ...] = ()
    caps: dict[str, int] = {}
    valid_until: int = 0
    match: bytes = b""
    subjects: tuple[str, ...] = ()
    """The people whom the act is about: their keys seal the parts."""
    rows: tuple[RowPart, ...] = ()
    """Sealed rows of decisions."""
    relaxed: tuple[int, ...] = ()
    """Indices of the relaxations that the verdict used: looked at once more before anything leaves."""
    others: int | None = None
    """Which outcomes that other processes wrote in this run the verdict knew (`flow.trail`); None where it rests on
    none."""
    wait: bool = True
    """False where the reply need not wait for durability: the event then comes at once."""


class FindQuestion(msgspec.Struct, frozen=True):
    """Look for a question in this run that this act repeats. The event is `Question`."""

    run: str
    match: bytes


class Forward(msgspec.Struct, frozen=True):
    """Carry the act to the world, with the credential that `warrant` asks for. The event is `Returned`."""

    id: str
    scopes: tuple[str, ...]
    arguments: dict[str, Any]
    warrant: Warrant | None = None
    """What the credential is for; None where the upstream takes none for each act."""
    component: Component | None = None
    """With `warrant`: the upstream, which declares how."""


Command = Record | FindQuestion | Forward

# --- events: what happened -----------------------------------------------------------------------------------


class Begin(msgspec.Struct, frozen=True):
    """An act arrives: in run `run`, at `now` (µs), with `CHANCE` random bytes."""

    now: int
    run: str
    chance: bytes


class Recorded(msgspec.Struct, frozen=True):
    now: int
    index: int
    at: int
    leaf: bytes


class NotRecorded(msgspec.Struct, frozen=True):
    now: int
    code: RefusalCode
    detail: str


class Question(msgspec.Struct, frozen=True):
    """The action bytes of the question found; empty for none."""

    now: int
    action: bytes = b""


class Returned(msgspec.Struct, frozen=True):
    """What came back, µs after it was sent."""

    now: int
    carried: Carried
    took: int = 0


Event = Recorded | NotRecorded | Question | Returned


class View(Protocol):
    """The world as the passage may look at it, always as it is now."""

    @property
    def world(self) -> World: ...
    @property
    def state(self) -> State: ...
    def grant(self, system: str, now: int) -> Grant: ...

    def trail(self, run: str) -> Trail: ...
    def masks(self, run: str) -> Masks:
        """The values that `run` has masked, and the key of its tokens."""
        ...

    def relaxed(self, now: int) -> tuple[tuple[int, Relaxed], ...]:
        """The relaxations in force, by the record and by this process's own clock; with their indices."""
        ...

    def validator(self, act: Act) -> Any: ...


Steps = Generator[Command, Event, Reply]

CHANCE: Final = 10 + 16 + 4 * 32
"""Random bytes one act uses: its id, the nonce of the canonical action, and four salts."""
