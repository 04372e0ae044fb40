"""Incidents and what each channel knows of them: one alert for one incident, first at once, then folded. Pure.

`hear` takes events in order, `pass_time` ends what ends by itself, `due` says what is to be sent now. The same book
with the same calls says the same, so a book that was saved and read again goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from standwatch.facts.notifying import SEVERITIES, EventKind, Severity
from standwatch.notify.events import Event
from standwatch.notify.message import MOST_LINES, Line, Message, Stage, ident

WINDOW: Final = 60_000_000
"""µs between two messages about one open incident to one channel; its end is told at once."""
MOST_MEMBERS: Final = 1_000
"""Members that one incident counts; further ones are told and end with it."""

Silent = Callable[["Incident", str], bool]
"""Whether a channel is not to be told of an incident now: quiet hours, or too much waits there already."""
Reach = Callable[["Incident"], Sequence[str]]
"""The channels that an incident goes to."""


class Member(msgspec.Struct, frozen=True):
    """Why an incident is open. `until` 0 for until it is ended."""

    until: int = 0
    expires: str = ""
    soon: int = 0


class Thread(msgspec.Struct):
    """What one channel knows of one incident. `told`: it has an open alert; `lines` it has not heard yet."""

    told: bool = False
    at: int = 0
    sequence: int = 0
    lines: list[Line] = []
    more: int = 0

    def add(self, line: Line) -> None:
        """Another line; one that waits already is counted."""
        for known in self.lines:
            if known.text == line.text:
                known.times, known.index = known.times + line.times, line.index
                return
        if len(self.lines) < MOST_LINES:
            self.lines.append(Line(line.text, line.index, line.at, line.times))
        else:
            self.more += line.times


class Incident(msgspec.Struct):
    """Something that is the matter, until no member is left. Times in µs; `ended` 0 while it is open."""

    key: str
    origin: str
    """What makes it another incident than the last of this key."""
    kinds: list[EventKind]
    severity: Severity
    title: str
    over: str
    at: int
    systems: tuple[str, ...] = ()
    members: dict[str, Member] = {}
    ended: int = 0
    once: bool = False
    """Nobody has to hear that it is over."""
    threads: dict[str, Thread] = {}


class Book(msgspec.Struct):
    """The incidents that are open, or whose end somebody has not heard."""

    incidents: dict[str, Incident] = {}
    places: dict[str, str] = {}
    """Member that something ends by name → its incident's key."""

    def hear(self, event: Event, reach: Reach) -> Incident | None:
        """Take one event in; the incident that it belongs to, None for none."""
        if event.ends:
            return self._end(event, reach)
        incident = self.incidents.get(event.key)
        joined = incident is not None and not incident.ended and event.joins
        if incident is None or incident.ended:
            incident = self._open(event, incident)
        _rise(incident, event)
        if not joined and len(incident.members) < MOST_MEMBERS:
            incident.members[event.member] = Member(event.until, event.expires, event.soon)
            if ":" in event.member:  # what something ends by name; spells end by themselves
                self.places[event.member] = event.key
        _tell(incident, Line(event.line, event.index, event.at), reach)
        return incident

    def _open(self, event: Event, ended: Incident | None) -> Incident:
        """A new incident; the threads of one whose end was not told yet go on, so that they hear of both."""
        incident = Incident(
            event.key,
            f"{event.index}/{event.at}",
            [event.kind],
            event.severity,
            event.title,
            event.over,
            event.at,
        )
        incident.once = event.once
        if ended is not None:
            incident.origin, incident.threads = ended.origin, ended.threads
            incident.kinds, incident.severity = ended.kinds, ended.severity
        self.incidents[event.key] = incident
        return incident

    def _end(self, event: Event, reach: Reach) -> Incident | None:
        key = self.places.pop(event.member, "")
        incident = self.incidents.get(key)
        if incident is None or incident.members.pop(event.member, None) is None:
            return None
        _tell(incident, Line(event.line, event.index, event.at), reach)
        _close(incident, event.at)
        return incident

    def pass_time(self, now: int, reach: Reach) -> list[Incident]:
        """End what ends by itself, and say what will end soon; the incidents that changed."""
        changed: list[Incident] = []
        for incident in self.incidents.values():
            before = len(incident.members)
            told = _announce(incident, now, reach)
            for name, member in [*incident.members.items()]:
                if 0 < member.until <= now:
                    del incident.members[name]
                    self.places.pop(name, None)
                    if member.expires:
                        _tell(incident, Line(member.expires, -1, member.until), reach)
            if before and not incident.members:
                _close(incident, now)
            if told or len(incident.members) != before:
                changed.append(incident)
        return changed

    def join(self, other: "Book") -> None:
        """Take in the incidents of `other` that are not here."""
        self.incidents = other.incidents | self.incidents
        self.places = other.places | self.places

    def forget(self, channels: Sequence[str]) -> None:
        """Let go of what channels that are no longer there were to hear."""
        for incident in self.incidents.values():
            for gone in incident.threads.keys() - set(channels):
                del incident.threads[gone]

    def members(self, prefix: str) -> list[str]:
        """The members whose names begin with `prefix`."""
        return [name for name in self.places if name.startswith(prefix)]

    def due(
        self, now: int, silent: Silent, head: Callable[[Incident, str, Thread], Message]
    ) -> Iterator[tuple[str, Message]]:
        """(channel, message) of all that is to be sent now; what has been said is over is then forgotten."""
        for key, incident in [*self.incidents.items()]:
            for channel, thread in incident.threads.items():
                stage = _stage(incident, thread, now)
                if stage and not silent(incident, channel):
                    yield channel, _say(incident, thread, stage, now, head(incident, channel, thread))
            if incident.ended and not any(one.told or one.lines for one in incident.threads.values()):
                del self.incidents[key]


def _rise(incident: Incident, event: Event) -> None:
    if SEVERITIES.index(event.severity) > SEVERITIES.index(incident.severity):
        incident.severity = event.severity
    if event.kind not in incident.kinds:
        incident.kinds.append(event.kind)
    incident.systems = tuple(dict.fromkeys((*incident.systems, *event.systems)))
    incident.once = incident.once and event.once
    if event.leads:
        incident.title = event.title


def _tell(incident: Incident, line: Line, reach: Reach) -> None:
    for channel in reach(incident):
        incident.threads.setdefault(channel, Thread())
    for thread in incident.threads.values():
        thread.add(line)


def _announce(incident: Incident, now: int, reach: Reach) -> bool:
    """Say once of every member that it will end soon."""
    found = [(name, one) for name, one in incident.members.items() if 0 < one.soon <= now < one.until]
    for name, member in found:
        incident.members[name] = msgspec.structs.replace(member, soon=0)
        _tell(incident, Line(f"{name.replace(':', ' ')} ends soon", -1, now), reach)
    return bool(found)


def _close(incident: Incident, at: int) -> None:
    if not incident.members and not incident.ended:
        incident.ended = at


def _stage(incident: Incident, thread: Thread, now: int) -> Stage | None:
    """What a channel has to hear now; None for nothing."""
    if incident.once:
        waits = thread.at and now < thread.at + WINDOW and not incident.ended
        return "noted" if thread.lines and not waits else None
    if incident.ended and (thread.told or thread.lines):
        return "resolved"
    if not thread.told:
        return "opened" if thread.lines else None
    return "updated" if thread.lines and now >= thread.at + WINDOW else None


def _say(incident: Incident, thread: Thread, stage: Stage, now: int, head: Message) -> Message:
    """The message, and the thread as it is once it is sent.

    Its id follows from what it says: after a crash that forgot that it was sent, the same is made again under the same
    id and dropped by who has it, but what has more to say is not.
    """
    lines, more = thread.lines, thread.more
    message = msgspec.structs.replace(
        head,
        id=ident(head.id, stage, more, *(f"{line.index}/{line.times}/{line.text}" for line in lines)),
        incident=ident("incident", incident.key, incident.origin),
        stage=stage,
        event="rollback" if "rollback" in incident.kinds else incident.kinds[0],
        severity=incident.severity,
        title=incident.over if stage == "resolved" and incident.over else incident.title,
        systems=incident.systems,
        lines=tuple(line.shown for line in lines),
        more=more,
        entries=tuple(dict.fromkeys(line.index for line in lines if line.index >= 0)),
    )
    thread.lines, thread.more, thread.at = [], 0, now
    thread.sequence += 1
    thread.told = stage in ("opened", "updated")
    return message
