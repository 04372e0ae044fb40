"""Server-sent events as bytes: an incremental parser and an encoder. Pure.

Source: WHATWG HTML, "9.2.5 Parsing an event stream" and "9.2.6 Interpreting an event stream". Field values stay bytes
(they are UTF-8 by definition; whoever reads a value decodes it strictly or refuses it).
"""

from __future__ import annotations

import msgspec

from standwatch.facts.errors import Malformed

MAX_EVENT_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class SseEvent(msgspec.Struct, frozen=True):
    """One dispatched event. `event` is the type as sent, b"" for the default; `id` is None when unsaid."""

    data: bytes
    event: bytes = b""
    id: bytes | None = None


class SseParser:
    """Feed it bytes cut anywhere; it returns the events that are complete.

    An event longer than `max_event_bytes` (its raw bytes, comments included) raises `Malformed` with code
    `sse_event_too_large`; the parser must not be fed again. An event that the stream ends within is never
    dispatched, as the standard says.
    """

    __slots__ = ("_buffer", "_limit", "_scanned", "_skip_lf", "_started", "last_event_id", "retry_ms")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._buffer = bytearray()
        self._limit = max_event_bytes
        self._scanned = 0
        self._skip_lf = False
        self._started = False
        self.last_event_id = b""
        self.retry_ms: int | None = None

    def feed(self, data: bytes) -> list[SseEvent]:
        """Returns the events completed by `data`, in order."""
        self._buffer += self._unix_lines(data)
        if not self._started and not self._take_bom():
            return []
        events: list[SseEvent] = []
        begin = 0
        while (end := self._buffer.find(b"\n\n", max(begin, self._scanned))) >= 0:
            self._bound(end - begin)
            event = self._interpret(bytes(self._buffer[begin:end]))
            if event is not None:
                events.append(event)
            begin = end + 2
        del self._buffer[:begin]
        # The last byte may be the first half of a blank line, so it is looked at again.
        self._scanned = max(0, len(self._buffer) - 1)
        self._bound(len(self._buffer))
        return events

    def _unix_lines(self, data: bytes) -> bytes:
        # CR, LF and CRLF all end a line. A CR at the end of one piece ends its line at once (waiting for a LF
        # would delay the event); a LF that opens the next piece then belongs to it.
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 0x0A:
                data = data[1:]
        if b"\r" in data:
            self._skip_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _take_bom(self) -> bool:
        """Drops one leading byte order mark; False while the bytes so far may still become one."""
        if len(self._buffer) < len(_BOM) and _BOM.startswith(self._buffer):
            return False
        if self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        self._started = True
        return True

    def _bound(self, size: int) -> None:
        if size > self._limit:
            raise Malformed(f"a server-sent event exceeds {self._limit} bytes", code="sse_event_too_large")

    def _interpret(self, block: bytes) -> SseEvent | None:
        data: list[bytes] = []
        event = b""
        event_id: bytes | None = None
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                event = value
            elif field == b"id" and b"\0" not in value:
                event_id = self.last_event_id = value
            elif field == b"retry" and value.isdigit() and len(value) <= 9:
                self.retry_ms = int(value)
        return SseEvent(b"\n".join(data), event, event_id) if data else None


def encode_event(
    data: bytes, *, event: bytes = b"", event_id: bytes | None = None, retry_ms: int | None = None
) -> bytes:
    """One event as it goes on the wire. Line breaks inside `data` become several `data:` lines.

    A line break in `event` or `event_id`, or a NUL in the latter, raises `Malformed`: it would forge a field.
    """
    head = b""
    if event:
        head += b"event: " + _one_line(event) + b"\n"
    if event_id is not None:
        head += b"id: " + _one_line(event_id) + b"\n"
    if retry_ms is not None:
        head += b"retry: %d\n" % retry_ms
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return head + b"data: " + data + b"\n\n"


def encode_comment(text: bytes = b"") -> bytes:
    """A comment line, which keeps a quiet stream's intermediaries awake."""
    return b": " + _one_line(text) + b"\n\n"


def _one_line(value: bytes) -> bytes:
    if b"\n" in value or b"\r" in value or b"\0" in value:
        raise Malformed("a line break or NUL in a server-sent field", code="sse_field_forged")
    return value
