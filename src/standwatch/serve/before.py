"""What became of an act that was asked for under an id before, by the record alone.

INVARIANT: an id goes once, whoever gave it and whatever has died since: who comes back to one that left hears how it
ended, and to one that nobody knows of is told that nobody knows.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from standwatch.enforce.case import World
from standwatch.enforce.ports import Act, Before, Reply
from standwatch.facts.frames import Fetch, Fetched, Trace, Traced


class Looks(Protocol):
    """What this needs of the link to the recorder."""

    def next_number(self) -> int: ...
    def trace(self, trace: Trace) -> "asyncio.Future[Traced]": ...
    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]": ...


class _Action(msgspec.Struct, frozen=True):
    arguments: dict[str, Any] = {}


async def before(link: Looks, world: World, act: Act, same: Callable[[str], bool]) -> Before | Reply | None:
    """What is answered to `act` by what the record has under its id; None where nothing stands against asking. `same`:
    whether a run is the one that `act` belongs to, or shares what it has read.

    INVARIANT: what came back is told within its run alone: another one would have read it and not know.
    """
    found = await link.trace(Trace(link.next_number(), act.id))
    if not found.known:
        return Reply("unavailable", act.id)
    if not found.status and not found.lapsed:
        return None
    if (found.by, found.system, found.tool) != (act.caller.principal, act.system, act.tool):
        return Reply("invalid", act.id)
    if found.lapsed:  # its question is over: the next one is asked under another id
        return Reply("refused", act.id) if found.refused else Before(act.id, "not_sent")
    if found.status and not found.sent and await _other(link, world, act):
        return Reply("invalid", act.id)
    return await _ended(link, act.id, found, here=same(found.run))


async def _ended(link: Looks, ident: str, found: Traced, *, here: bool) -> Before:
    if found.status in ("", "open") or not found.result:
        return Before(ident, found.status or "unknown")
    if found.withheld or not here:
        return Before(ident, found.status, kept=False)
    result = await link.fetch(Fetch(link.next_number(), ident, "result"))
    return Before(ident, found.status, result.data if result.known else b"", result.known)


async def _other(link: Looks, world: World, act: Act) -> bool:
    """Whether something else left under the id, as far as that is still known and can be compared."""
    envelope = world.envelopes.get(act.system)
    if envelope is not None and envelope.contents is not None and envelope.contents.masks:
        return False  # what stands there was opened: tokens may have gone in
    kept = await link.fetch(Fetch(link.next_number(), act.id, "action"))
    if not kept.known:
        return False
    try:
        return msgspec.json.decode(kept.data, type=_Action).arguments != act.arguments
    except msgspec.DecodeError:
        return True
