"""What the operators' side says of who is told. Times are integer µs UTC, 0 for none."""

from __future__ import annotations

import msgspec


class ChannelLine(msgspec.Struct, frozen=True):
    """One channel: how many messages wait for it, how many died, and how it went last."""

    name: str
    form: str
    """`webhook`, `slack` or `smtp`."""
    to: str
    """The host it leads to; of an address no more is shown, for it may be a credential."""
    waiting: int = 0
    dead: int = 0
    last: int = 0
    """When a message was delivered last."""
    error: str = ""
    """Why the last attempt that failed did, where something waits or died."""
    problem: str = ""
    """Why nothing can be sent there as things are."""


class IncidentLine(msgspec.Struct, frozen=True):
    """An incident that is open, and the channels that have an open alert about it."""

    id: str
    event: str
    severity: str
    title: str
    at: int
    systems: tuple[str, ...] = ()
    open: int = 0
    """What still keeps it open: holds, questions."""
    told: tuple[str, ...] = ()


class DeliveryLine(msgspec.Struct, frozen=True):
    """A message on its way to a channel, or one that could not be delivered for a day (`dead`)."""

    id: str
    channel: str
    state: str
    title: str
    stage: str
    made: int
    attempts: int
    due: int = 0
    error: str = ""


class Notifications(msgspec.Struct, frozen=True):
    """Who is told, what is open, what waits or died. `problem`: why a restart would lose some of it."""

    channels: tuple[ChannelLine, ...] = ()
    incidents: tuple[IncidentLine, ...] = ()
    deliveries: tuple[DeliveryLine, ...] = ()
    problem: str = ""


class TestSent(msgspec.Struct, frozen=True):
    """What became of a test: `sent`, or `waits` for another attempt, with why."""

    __test__ = False

    id: str
    channel: str
    state: str
    attempts: int
    error: str = ""
