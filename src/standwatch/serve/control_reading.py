"""Reading the record for operators: a moment of the past, entries as lines, exports, tiles, what `diagnose` sees."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AnyEntry, Intent
from standwatch.facts.errors import Malformed, NotFound
from standwatch.fronts.control_ports import Check, EntryLine, LogLine
from standwatch.record.checkpoint import parse_text
from standwatch.record.explanation import Explanation
from standwatch.record.export import MANIFESTS, PAYLOADS
from standwatch.record.export import export as export_files
from standwatch.record.leaf import Unknown, decode
from standwatch.record.note import parse as parse_note
from standwatch.record.reconstruct import explain
from standwatch.record.render import render
from standwatch.record.source import Source
from standwatch.record.state import State
from standwatch.record.tiles import Tile, encode_bundle, parse_path
from standwatch.serve.control_render import kind_of, named, sentence

MOST: Final = 1_000
"""Entries in one answer."""
_USUAL: Final = 200


class Record(Source, Protocol):
    """The record as its own server reads it: a source that also knows times and what is under way."""

    def at(self, time: int) -> int:
        """The index of the last entry written at or before `time` (µs); -1 where all are later."""
        ...

    def control(self, start: int, stop: int) -> list[tuple[int, AnyEntry | Unknown]]:
        """The entries in [start, stop) over which state is folded."""
        ...

    def open_intents(self) -> dict[int, Intent]:
        """The intents without an outcome, by index."""
        ...

    def checkpoint(self, size: int | None = None) -> bytes:
        """The latest signed checkpoint, or the latest of at most `size` entries. Raises `NotFound`."""
        ...

    def of_run(self, run: str) -> list[int]:
        """The entries of `run`, ascending; the overrides of system S are those of run `override/S`."""
        ...


class Moment(msgspec.Struct, frozen=True):
    """A state of the record: folded up to entry `index`, seen at `at` (µs)."""

    index: int
    at: int


def whole(text: str) -> int | None:
    """A whole number in ASCII digits, as far as JSON's are exact; None for whatever else it is, however long."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else None


def moment(source: Record, text: str) -> Moment:
    """`text` as an index of the record, or an RFC 3339 time with its zone. Raises `Malformed` or `NotFound`."""
    if not source.size:
        raise NotFound("the record is empty")
    index = whole(text)
    if index is not None:
        if index >= source.size:
            raise NotFound(f"the record ends at entry {source.size - 1}", cure="standwatch status")
        return Moment(index, time_of(source, index))
    at = instant(text)
    index = source.at(at)
    if index < 0:
        raise NotFound("the record begins later than that", cure="standwatch status --as-of 0")
    return Moment(index, at)


def then(source: Record, as_of: str) -> tuple[State, int] | None:
    """The state at the moment `as_of`, and when that is (µs); None for the present. Raises as `moment` does."""
    if not as_of:
        return None
    found = moment(source, as_of)
    return source.state_before(found.index + 1), found.at


def instant(text: str) -> int:
    """An RFC 3339 time with its zone → µs UTC. Raises `Malformed`."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return int(found.timestamp()) * 1_000_000 + found.microsecond
    except (ValueError, OverflowError):
        pass
    raise Malformed(
        f"{text[:60]!r} is neither an index nor a time with its zone, such as 2026-12-20T00:00Z",
        code="bad_time",
    )


def time_of(source: Source, index: int) -> int:
    """The time of entry `index`."""
    return decode(source.leaf(index)).at


def position(source: Source, start: str) -> int:
    """An index from `start`: negative counts from the end, "" is the end less `_USUAL`/10."""
    count = whole(start.removeprefix("-")) if start else _USUAL // 10
    if count is None:
        raise Malformed(f"{start[:40]!r} is no index")
    asked = -count if not start or start.startswith("-") else count
    return max(0, source.size + asked) if asked < 0 else min(asked, source.size)


def entry_lines(source: Source, start: str, limit: str, names: Mapping[str, str] = {}) -> Iterator[EntryLine]:
    """At most `limit` (200 for "", 1,000 at most) entries from `start` on; `names` of people stand in the sentences."""
    many = whole(limit) if limit else _USUAL
    if many is None or not 0 < many <= MOST:
        raise Malformed(f"{limit[:40]!r} is no limit between 1 and {MOST}")
    begin = position(source, start)
    for index, leaf in source.leaves(begin, min(source.size, begin + many)):
        yield shown(index, leaf, decode(leaf), names)


def shown(index: int, leaf: bytes, entry: AnyEntry | Unknown, names: Mapping[str, str] = {}) -> EntryLine:
    """Entry `index`, whose bytes are `leaf`, as a line. Its members stay as they are; its sentence says `names`."""
    whole = {"kind": entry.kind} if isinstance(entry, Unknown) else msgspec.json.decode(leaf)
    who = named(entry, names)
    return EntryLine(index, entry.at, kind_of(entry), f"{who.by}: {sentence(who)}", whole)


def log_line(source: Source, vkey: str, now: int, *, alive: bool) -> LogLine:
    """How long the record is, and how far it is signed."""
    size, signed, behind = source.size, -1, 0
    with suppress(NotFound):
        signed = parse_text(parse_note(source.checkpoint()).text).size
    if max(signed, 0) < size:
        behind = max(0, now - time_of(source, max(signed, 0)))
    return LogLine(vkey.partition("+")[0], vkey, size, signed, behind, alive)


def export(
    source: Source, vkey: str, start: str, stop: str, *, payloads: bool
) -> Iterator[tuple[str, bytes]]:
    """The files of an export of entries [start, stop): all of them for ""."""
    begin, end = _index(start), _index(stop)
    parts = PAYLOADS if payloads else MANIFESTS
    return export_files(source, vkey, start=begin or 0, end=end, parts=parts)


def _index(text: str) -> int | None:
    if not text:
        return None
    found = whole(text)
    if found is None:
        raise Malformed(f"{text[:40]!r} is no index of the record")
    return found


def explained(source: Source, vkey: str, ident: str) -> tuple[Explanation, str]:
    """The reconstruction of action `ident`, and the same as text."""
    told = explain(source, ident, vkey)
    return told, render(told)


def tile(source: Source, path: str) -> bytes | None:
    """`tile/L/N[.p/W]` or `tile/entries/N[.p/W]` (C2SP tlog-tiles); None where the log has no such tile."""
    try:
        resource = parse_path(path)
        if isinstance(resource, Tile):
            return source.tile(resource)
        begin = resource.index * 256
        found = [leaf for _, leaf in source.leaves(begin, begin + resource.width)]
        return encode_bundle(found) if len(found) == resource.width else None
    except (Malformed, NotFound):
        return None


def checks(state: State, configuration: Configuration, log: LogLine, now: int) -> tuple[Check, ...]:
    """What is known without asking the machine: the record, its signature, the fold, the configuration."""
    late = log.behind > 10_000_000
    return (
        Check("record", log.alive, "it can be written" if log.alive else "it cannot be written", ""),
        Check(
            "checkpoint",
            log.checkpoint >= 0 and not late,
            f"{max(log.checkpoint, 0)} of {log.size} entries signed, {log.behind / 1e6:.1f} s behind",
        ),
        Check(
            "state",
            not state.stopped,
            state.stopped or f"folded up to entry {state.seen}",
            "standwatch verify",
        ),
        Check(
            "configuration",
            state.config >= 0 and state.root == configuration.root,
            f"entry {state.config}, root {state.root[:16]}",
            "standwatch check",
        ),
        Check("clock", log.size == 0 or state.at <= now + 1_000_000, "not behind the last control entry", ""),
    )
