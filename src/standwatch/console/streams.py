"""Streams of server-sent events that pages follow: what changed, and entries as they are committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.fronts.control_live import SIFT
from standwatch.fronts.control_ports import Actor, Operations
from standwatch.fronts.control_routes import sift_of
from standwatch.fronts.control_streams import changes_stream, entries_stream
from standwatch.fronts.http import Stream


class Follow(msgspec.Struct, frozen=True):
    """One stream: the same as the API's, for whoever may open a page."""

    stream: Callable[[Operations, Actor, dict[str, str]], Stream]
    query: tuple[str, ...] = ()


STREAMS: Final[dict[str, Follow]] = {
    "/live": Follow(lambda ops, who, _: changes_stream(ops.changes(who))),
    "/tail/stream": Follow(
        lambda ops, who, query: entries_stream(ops.tail(who, query.get("from", ""), sift_of(query))),
        ("from", *SIFT),
    ),
}
"""By path."""
