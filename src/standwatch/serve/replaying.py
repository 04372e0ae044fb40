"""`replay`: a changed configuration beside the one in force, and the record of past runs under both. Reads only.

The same here for a running server (in a process of its own) and for an export in anybody's hands.
"""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import compare
from standwatch.enforce.replaying import Replay
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Malformed, NotFound
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
from standwatch.record.judged import part_of
from standwatch.record.source import Source, read_leaf
from standwatch.serve.aside import Progress
from standwatch.serve.control_reading import instant, whole
from standwatch.serve.world import compile_world

SECONDS: Final = 600
"""Of a processor, that one replay may take."""


def replay(source: Source, order: ReplayOrder) -> ReplayDocument:
    """What the record would have come to. Raises `Misconfigured` for a configuration that is none, `Malformed` for a
    `since` that is no moment, `NotFound` for a system that neither declares."""
    found = declare(order.files)
    new = found.configuration
    old = in_force(source)
    known = {*new.systems, *(old.systems if old is not None else ())}
    if order.system and order.system not in known:
        raise NotFound(f"neither configuration declares {order.system[:80]}", cure="standwatch check")
    change = compare(old, new) if old is not None else None
    replayed = Replay(
        source, compile_world(new), compile_world, since=_since(order.since), system=order.system
    ).run()
    return ReplayDocument(
        root=new.root,
        direction=change.whole if change is not None else "wider",
        differences=tuple(str(one) for one in change.differences) if change is not None else (),
        replayed=replayed,
        warnings=found.warnings,
    )


def in_force(source: Source) -> Configuration | None:
    """The configuration that the record has in force at its end; None where it cannot be read."""
    index = source.state_before(source.span[1]).config
    if index < 0:
        return None
    try:
        opening = part_of(source, index, read_leaf(source.leaf(index)), "manifest", [])
        return msgspec.json.decode(opening.data, type=Configuration)
    except (NotFound, Malformed, msgspec.DecodeError):
        return None


def _since(text: str) -> int:
    index = whole(text) if text else 0
    return instant(text) if index is None else index


def replayed(source: Source, given: bytes, progress: Progress) -> ReplayDocument:
    """What `serve.aside` does for `replay`: `given` is a `ReplayOrder`."""
    del progress
    return replay(source, msgspec.msgpack.decode(given, type=ReplayOrder))
