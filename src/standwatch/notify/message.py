"""What one channel is told once: before it takes the form of a webhook, a chat message or a mail."""

import hashlib
from typing import Final, Literal

import msgspec

from standwatch.facts.notifying import EventKind, Severity

Stage = Literal["noted", "opened", "updated", "resolved", "test"]
"""Every `opened` is followed by one `resolved`; `noted` is over as it happens, and opens nothing."""
MOST_LINES: Final = 20
"""Lines that one message has; of more it says how many."""


class Line(msgspec.Struct):
    """One thing that happened, `times` times; `index` is its last entry, -1 for none; `at` when it was first, µs."""

    text: str
    index: int
    at: int
    times: int = 1

    @property
    def shown(self) -> str:
        return self.text if self.times == 1 else f"{self.text} ({self.times} times)"


class Message(msgspec.Struct, frozen=True):
    """`id` stays the same however often it is sent: a receiver that has seen it may drop it."""

    id: str
    incident: str
    """What all messages about one incident share."""
    stage: Stage
    event: EventKind | Literal["test"]
    severity: Severity
    title: str
    at: int
    organisation: str
    url: str
    """The organisation's own console: the only link that is ever sent."""
    systems: tuple[str, ...] = ()
    """As they are declared; those that are not are told of in the lines only."""
    lines: tuple[str, ...] = ()
    more: int = 0
    """Lines left out."""
    entries: tuple[int, ...] = ()
    """Where in the record it stands."""


def ident(*parts: str | int) -> str:
    """An id that says nothing and is the same whenever it is made of the same."""
    whole = "\n".join(str(part) for part in parts)
    return hashlib.sha256(b"standwatch/notify/1\n" + whole.encode()).hexdigest()[:32]


def headline(message: Message) -> str:
    """One line that says what it is about and how grave it is."""
    word = {"updated": "still", "resolved": "over", "test": "test"}.get(message.stage, message.severity)
    return f"[{word}] {message.title}"


def plain(message: Message) -> str:
    """The message as lines of text, for chats and mails."""
    more = [f"and {message.more} more"] if message.more else []
    entries = ", ".join(map(str, message.entries))
    where = [f"record: {entries}"] if entries else []
    return "\n".join([*message.lines, *more, *where, f"{message.organisation}: {message.url}"])
