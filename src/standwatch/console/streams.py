"""Streams of server-sent events that pages follow: what changed, and entries as they are committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.fronts.control_live import SIFT, sift_of
from standwatch.fronts.control_ports import Actor, Operations
from standwatch.fronts.control_streams import changes_stream, entries_stream
from standwatch.fronts.http import Stream


class Follow(msgspec.Struct, frozen=True):
    """One stream: the same as the API's, for whoever may open a page."""

    stream: Callable[[Operations, Actor, dict[str, str], str], Stream]
    """The last argument is what the client was told last, where its line broke."""
    query: tuple[str, ...] = ()


def _after(last: str, query: dict[str, str]) -> str:
    """Where entries go on: behind the last one that was heard."""
    return str(int(last) + 1) if last else query.get("from", "")


STREAMS: Final[dict[str, Follow]] = {
    "/live": Follow(lambda ops, who, _, last: changes_stream(ops.changes(who, last))),
    "/tail/stream": Follow(
        lambda ops, who, query, last: entries_stream(ops.tail(who, _after(last, query), sift_of(query))),
        ("from", *SIFT),
    ),
}
"""By path."""
