"""Where everything comes together: events in, deliveries out, and what of it has to be kept.

Memory comes first: a disk that takes nothing more keeps nobody from being told. Times in µs.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec

from standwatch.facts.notifying import EVENTS, EventKind, Notify
from standwatch.notify.delivery import Delivery, Failure
from standwatch.notify.events import Event
from standwatch.notify.incidents import Book, Incident, Thread
from standwatch.notify.message import Message, ident
from standwatch.notify.outbox import KEPT, Changes, Kept, packed
from standwatch.notify.routing import channels, quiet

BACKLOG: Final = 100
"""Messages that may wait for one channel: beyond it, what happens is folded into fewer."""
ABREAST: Final = 4
"""Attempts on one channel at a time."""
FAULT: Final = "fault:"


class Fault(msgspec.Struct, frozen=True):
    """Something that is the matter now and is no entry (yet): the store is down, a halt stands in memory only."""

    name: str
    key: str
    kind: EventKind
    title: str
    over: str
    line: str
    ended: str
    systems: tuple[str, ...] = ()


class Desk:
    """`chance` gives numbers of [0, 1)."""

    def __init__(self, origin: str, chance: Callable[[], float]) -> None:
        self.origin = origin
        self.cursor = -1
        """The next entry to read; -1 where nothing was ever read."""
        self.notify = Notify()
        self.organisation = self.url = ""
        self.book = Book()
        self.waiting: dict[str, Delivery] = {}
        self.over: deque[Delivery] = deque(maxlen=KEPT)
        """What was sent or died, the latest last."""
        self._chance = chance
        self._number = 0
        self._changed: dict[str, Delivery] = {}
        self._moved = False

    def resume(self, kept: Kept) -> None:
        """Go on where an earlier process stopped; what is about another log is let go of.

        Where this one had to begin without its outbox, what it has found out since stands, and what waited is sent.
        """
        if kept.origin != self.origin:
            return
        if self.cursor < 0:
            self.cursor = kept.cursor
        self.book.join(kept.book)
        for one in kept.deliveries:
            if one.state == "waits":
                self.waiting.setdefault(one.id, one)
            else:
                self.over.append(one)
            self._number = max(self._number, one.number)

    def configure(self, notify: Notify, organisation: str, url: str) -> None:
        """What is in force from now on."""
        self.organisation, self.url = organisation, url
        if notify != self.notify:
            self.notify = notify
            self.book.forget([*notify.channels])
            self._moved = True

    # --- in ----------------------------------------------------------------------------------------------------

    def hear(self, events: Iterable[Event], cursor: int) -> None:
        """Take in what the entries before `cursor` gave."""
        for event in events:
            self.book.hear(event, self._reach)
        self._moved = self._moved or cursor != self.cursor
        self.cursor = cursor

    def faults(self, faults: Iterable[Fault], now: int) -> None:
        """What is the matter now: what was and is not any more has ended."""
        present = {FAULT + one.name: one for one in faults}
        known = set(self.book.members(FAULT))
        for name, one in present.items():
            if name not in known:
                event = Event(
                    kind=one.kind, severity=EVENTS[one.kind][0], at=now, line=one.line, key=one.key,
                    title=one.title, over=one.over, systems=one.systems, member=name, expires=one.ended,
                )  # fmt: skip
                self._moved = self.book.hear(event, self._reach) is not None or self._moved
        for name in known - present.keys():
            event = Event(kind="record", at=now, line=self._last_word(name), member=name, ends=True)
            self._moved = self.book.hear(event, self._reach) is not None or self._moved

    def _last_word(self, name: str) -> str:
        incident = self.book.incidents.get(self.book.places.get(name, ""))
        member = incident.members.get(name) if incident is not None else None
        return member.expires if member is not None else ""

    def pass_time(self, now: int) -> None:
        """End what ends by itself, and put on its way what is to be told now."""
        self._moved = bool(self.book.pass_time(now, self._reach)) or self._moved
        waiting = Counter(one.channel for one in self.waiting.values())

        def silent(incident: Incident, channel: str) -> bool:
            return waiting[channel] >= BACKLOG or quiet(self.notify, incident, channel, now)

        def head(incident: Incident, channel: str, thread: Thread) -> Message:
            waiting[channel] += 1
            made = ident(self.origin, incident.key, incident.origin, channel, thread.sequence)
            return Message(made, "", "opened", "test", "info", "", now, self.organisation, self.url)

        for channel, message in self.book.due(now, silent, head):
            self._post(channel, message, now)

    def _reach(self, incident: Incident) -> tuple[str, ...]:
        return channels(self.notify, incident)

    def test(self, channel: str, made: str, by: str, now: int) -> Delivery:
        """A message that says that it is a test, sent like any other."""
        message = Message(
            ident(self.origin, "test", made), "", "test", "test", "info", "This is a test of Standwatch",
            now, self.organisation, self.url, lines=(f"ordered by {by} for the channel {channel}",),
        )  # fmt: skip
        return self._post(channel, message, now)

    def _post(self, channel: str, message: Message, now: int) -> Delivery:
        self._number = max(self._number + 1, now)
        delivery = Delivery(message.id, channel, message, now, now, self._number)
        self.waiting[delivery.id] = self._changed[delivery.id] = delivery
        self._moved = True
        return delivery

    # --- out ---------------------------------------------------------------------------------------------------

    def ready(self, now: int, busy: Collection[str]) -> list[Delivery]:
        """What may be attempted now, beside those of ids `busy`: of one incident to one channel only the earliest."""
        found: list[Delivery] = []
        under_way = Counter(one.channel for name in busy if (one := self.waiting.get(name)) is not None)
        blocked: set[tuple[str, str]] = set()
        for one in sorted(self.waiting.values(), key=lambda each: each.number):
            if one.channel not in self.notify.channels:
                self._end(msgspec.structs.replace(one, state="dead", ended=now, error="the channel is gone"))
                continue
            first = one.thread not in blocked
            blocked.add(one.thread)
            if first and one.id not in busy and one.due <= now and under_way[one.channel] < ABREAST:
                under_way[one.channel] += 1
                found.append(one)
        return found

    def ended(self, one: Delivery, now: int, result: str | Failure) -> Delivery | None:
        """What became of an attempt; the delivery as it is now, None where it is no longer there."""
        current = self.waiting.get(one.id)
        if current is None:
            return None
        if isinstance(result, str):
            return self._end(current.sent(now, result))
        after = current.failed(now, result, self._chance())
        if after.state == "dead":
            return self._end(after)
        self.waiting[one.id] = self._changed[one.id] = after
        return after

    def find(self, ident: str) -> Delivery | None:
        """The delivery of that id, as it is now."""
        return self.waiting.get(ident) or next((one for one in reversed(self.over) if one.id == ident), None)

    def _end(self, one: Delivery) -> Delivery:
        self.waiting.pop(one.id, None)
        self._changed[one.id] = one
        self.over.append(one)
        return one

    # --- kept --------------------------------------------------------------------------------------------------

    def changes(self) -> Changes | None:
        """What has to be kept since the last time this was asked; None for nothing."""
        if not self._moved and not self._changed:
            return None
        found = Changes(self.origin, self.cursor, packed(self.book), tuple(self._changed.values()))
        self._changed, self._moved = {}, False
        return found

    def not_kept(self, changes: Changes) -> None:
        """`changes` could not be kept: they are among the next."""
        self._changed = {one.id: one for one in changes.deliveries} | self._changed
        self._moved = True
