"""The record as it grows, for operators: its latest entries, a stream of them, what changed, what passed lately."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Endorsed,
    Hold,
    Outcome,
    Principal,
    Relaxed,
    Released,
    Restored,
    RunClosed,
    RunOpened,
    SecondPlace,
    TaskTaken,
)
from standwatch.facts.errors import Malformed
from standwatch.fronts.control_live import TOPICS, Changed, EntryLine, Latest, Sift, Traffic, TrafficLine
from standwatch.record.leaf import Unknown, decode
from standwatch.record.source import Source
from standwatch.serve.control_reading import Record, position, shown, whole
from standwatch.serve.control_render import kind_of
from standwatch.serve.growth import Growth
from standwatch.watch.traffic import STEP, STEPS, Cell, Window, quantile

_CHUNK: Final = 200
"""Entries read at once, so that nobody else waits for long."""
_SIFTED: Final = 20_000
"""Entries that one answer looks through for those that are wanted."""
MOST: Final = 200
_WINDOW: Final = 200_000
"""Entries that the window of the present is made of at most, once, in the background."""
_PAST: Final = 20_000
"""Entries that one of the past is: somebody waits for it."""
_SETTLE: Final = 0.1
"""Seconds between two looks for changes: below what a person notices, and all that an open page costs under load."""
_BREATH: Final = 0.05
"""Seconds between two looks for entries."""
_TICK: Final = 10.0


Still = Callable[[], bool]
"""Whether somebody who was let in would be let in still: a stream outlives the look at a credential."""


def follow(  # noqa: PLR0917 - what, from where, and who is told
    source: Source,
    growth: Growth,
    start: str,
    sift: Sift,
    still: Still,
    names: Callable[[], Mapping[str, str]] = dict[str, str],
) -> AsyncIterator[EntryLine]:
    """Entries from `start` on that `sift` lets through, and then as they are committed, while `still`. `names` are
    people's, for the sentences."""
    return _follow(source, growth, position(source, start), sift, still, names)


async def _follow(  # noqa: PLR0917 - as above
    source: Source,
    growth: Growth,
    at: int,
    sift: Sift,
    still: Still,
    names: Callable[[], Mapping[str, str]],
) -> AsyncIterator[EntryLine]:
    with growth.listening() as grown:
        while still():
            size = source.size
            while at < size and still():  # whoever reads slowly is not served for as long as they like
                some = list(source.leaves(at, min(size, at + _CHUNK)))
                at += len(some)
                for line in _lines(some, sift, names()):
                    yield line
                await asyncio.sleep(0)
            await grown.wait()
            await asyncio.sleep(_BREATH)


def latest(source: Source, before: int, limit: int, sift: Sift, names: Mapping[str, str] = {}) -> Latest:
    """At most `limit` entries before index `before` (negative: the end) that `sift` lets through, latest first."""
    size = source.size
    at = size if before < 0 else min(before, size)
    end, found = at, list[EntryLine]()
    while at > 0 and len(found) < limit and end - at < _SIFTED:
        begin = max(0, at - _CHUNK)
        some = [*source.leaves(begin, at)]
        for line in _lines(reversed(some), sift, names):
            found.append(line)
            if len(found) == limit:
                return Latest(tuple(found), line.index if line.index > 0 else -1, end - line.index)
        at = begin
    return Latest(tuple(found), at or -1, end - at)


def _lines(leaves: Iterable[tuple[int, bytes]], sift: Sift, names: Mapping[str, str]) -> Iterator[EntryLine]:
    for index, leaf in leaves:
        entry = decode(leaf)
        if fits(entry, sift):
            yield shown(index, leaf, entry, names)


def fits(entry: AnyEntry | Unknown, sift: Sift) -> bool:
    """Whether `sift` lets `entry` through."""
    verdict = (getattr(entry, name, "") for name in ("verdict", "status", "decision", "outcome"))
    return (
        (not sift.system or getattr(entry, "system", "") == sift.system)
        and kind_of(entry).startswith(sift.kind)
        and (not sift.by or entry.by == sift.by)
        and (not sift.verdict or sift.verdict in verdict)
    )


# --- what changed --------------------------------------------------------------------------------------------


async def changes(source: Record, growth: Growth, still: Still, after: str = "") -> AsyncIterator[Changed]:
    """What changed since it was last told, from now on; at least every ten seconds, and ten times a second at most.

    `after` is the index that somebody was told last, before their line broke: then what they missed comes first.
    """
    seen = _told(after, source.size)
    with growth.listening() as grown:
        loop = asyncio.get_running_loop()
        tick = loop.time() + _TICK
        yield Changed(seen - 1, ())
        while still():
            if seen == source.size:
                await grown.wait(max(0.0, min(1.0, tick - loop.time())))
            size = source.size
            topics = _topics(source, seen, size)
            seen = size
            if loop.time() >= tick:
                topics.add("tick")
                tick = loop.time() + _TICK
            if topics:
                yield Changed(size - 1, tuple(sorted(topics)))
            await asyncio.sleep(_SETTLE)


def _told(after: str, size: int) -> int:
    """The index from which on somebody was told nothing; what they say may be of another log, or nonsense."""
    known = after.isascii() and after.isdecimal() and len(after) < 16
    return min(int(after) + 1, size) if known else size


def _topics(source: Record, seen: int, size: int) -> set[str]:
    if size - seen > _SIFTED:  # they were away for long: everything may have changed
        return set(TOPICS)
    return {topic_of(entry) for _, entry in source.control(seen, size)} if size > seen else set()


def topic_of(entry: AnyEntry | Unknown) -> str:
    """What somebody who looks at a page calls it."""
    match entry:
        case Hold() | Released():
            return "holds"
        case Asked() | Answered() | Endorsed() | Outcome():
            return "questions"
        case Relaxed() | Restored():
            return "relaxations"
        case RunOpened() | TaskTaken() | RunClosed() | SecondPlace():
            return "runs"
        case Principal():
            return "people"
        case _:
            return _BY_KIND.get(kind_of(entry), "systems")


_BY_KIND: Final[dict[str, str]] = {
    "act.deferred.1": "questions",
    "act.unmasked.1": "questions",
    "act.answered.2": "questions",
    "act.endorsed.1": "questions",
    "act.intent.1": "questions",
    "ctl.watch.1": "watch",
    "ctl.enrolled.1": "people",
    "ctl.passkey_ended.1": "people",
    "ctl.passkey_doubted.1": "people",
    "ctl.signed_in.1": "people",
    "ctl.signed_out.1": "people",
    "ctl.passkey_refused.1": "people",
    "ctl.revalidated.1": "people",
}
"""Kinds that are told of by name, so that a new one needs no import here; the rest concern systems."""


# --- what passed ---------------------------------------------------------------------------------------------


class Watcher:
    """Keeps the window of the present, behind the record; makes one for a moment of the past."""

    def __init__(self, source: Record) -> None:
        self._source = source
        self._window = Window()
        self._next = -1
        self._since = 0
        self._whole = True

    async def look(self, now: int) -> None:
        """Take in what was written since the last look; at the first one, what is in the window."""
        size = self._source.size
        if self._next < 0:
            self._next, self._whole = _begin(self._source, now, size, _WINDOW)
            self._since = now if self._next >= size else decode(self._source.leaf(self._next)).at
        while self._next < size:
            for index, leaf in self._source.leaves(self._next, min(size, self._next + _CHUNK)):
                self._window.note(index, decode(leaf))
                self._next = index + 1
            await asyncio.sleep(0)

    def present(self, now: int, sees: Iterable[str]) -> Traffic:
        """What passed in the window up to `now`, of the systems in `sees`."""
        whole = self._whole or self._since <= _first(now)
        return _traffic(self._window, now, whole=whole, since=self._since, sees=sees)


def past(source: Record, index: int, at: int, sees: Iterable[str]) -> Traffic:
    """What passed in the window that ended with entry `index`, at `at`."""
    size = index + 1
    begin, whole = _begin(source, at, size, _PAST)
    window = Window()
    for number, leaf in source.leaves(begin, size):
        window.note(number, decode(leaf))
    since = decode(source.leaf(begin)).at if begin < size else at
    return _traffic(window, at, whole=whole, since=since, sees=sees)


def _first(now: int) -> int:
    """When the window that ends in the step of `now` begins."""
    return (now // STEP - STEPS + 1) * STEP


def _begin(source: Record, now: int, size: int, most: int) -> tuple[int, bool]:
    """The first entry of the window up to `now`, and whether it may hold all of it."""
    begin = source.at(_first(now) - 1) + 1
    return (begin, True) if size - begin <= most else (size - most, False)


def _traffic(window: Window, now: int, *, whole: bool, since: int, sees: Iterable[str]) -> Traffic:
    seen = frozenset(sees)
    lines = tuple(_line(name, cells) for name, cells in window.lately(now).items() if name in seen)
    return Traffic(_first(now) if whole else since, now, STEP, whole, lines)


def _line(system: str, cells: tuple[Cell | None, ...]) -> TrafficLine:
    there = [cell for cell in cells if cell is not None]
    each: list[Any] = [cell or Cell() for cell in cells]
    errors = sum(cell.errors for cell in there)
    return TrafficLine(
        system,
        allow=sum(cell.allow for cell in there),
        step_up=sum(cell.step_up for cell in there),
        defer=sum(cell.defer for cell in there),
        deny=sum(cell.deny for cell in there),
        errors=errors,
        done=sum(cell.done for cell in there),
        p50=quantile(there, 0.5),
        p95=quantile(there, 0.95),
        acts=tuple(cell.allow + cell.step_up + cell.defer + cell.deny for cell in each),
        failed=tuple(cell.errors for cell in each) if errors else (),
        slow=tuple(quantile([cell], 0.95) for cell in each),
    )


def at_most(limit: str) -> int:
    """How many entries are wanted: 50 for "". Raises `Malformed`."""
    found = whole(limit) if limit else 50
    if found is None or not 0 < found <= MOST:
        raise Malformed(f"{limit[:40]!r} is no limit between 1 and {MOST}")
    return found
