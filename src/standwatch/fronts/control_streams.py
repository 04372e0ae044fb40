"""Server-sent events for operators: entries as they are committed, and that something changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from standwatch.fronts.control_live import Changed, EntryLine
from standwatch.fronts.http import Request, Stream, Writer

_HEADERS: Final = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))


def last_event(request: Request) -> str:
    """The id that a client saw last before its line broke (HTML, "the Last-Event-ID header"); "" for none."""
    found = request.header("last-event-id") or ""
    return found if found.isascii() and found.isdecimal() and len(found) < 16 else ""


def entries_stream(lines: AsyncIterator[EntryLine]) -> Stream:
    """Each entry as an event; its id is the index, so that a client that reconnects can go on after it."""

    async def produce(writer: Writer) -> None:
        await writer.send(b": open\n\n")  # the head goes out before the first entry
        async for line in lines:
            await writer.send(b"id: %d\ndata: %b\n\n" % (line.index, msgspec.json.encode(line)))

    return Stream(produce, headers=_HEADERS, ends_early=True)


def changes_stream(found: AsyncIterator[Changed]) -> Stream:
    """Each change as one event `changed` with its document, and one for each of its topics, by name."""

    async def produce(writer: Writer) -> None:
        async for change in found:
            data = msgspec.json.encode(change)
            events = b"".join(
                b"event: %b\ndata: %d\n\n" % (topic.encode(), change.index) for topic in change.topics
            )
            await writer.send(b"id: %d\nevent: changed\ndata: %b\n\n" % (change.index, data) + events)

    return Stream(produce, headers=_HEADERS, ends_early=True)
