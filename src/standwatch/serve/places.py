"""Whose token it is: the key that a run is bound to, and the place it is used from.

A bound token is nothing without a proof by its key. One that is not bound is its bearer's; that it is used from a
second place while it was in use in a first is written down, once for a run, and refused by nobody: addresses change,
and a hold on the run is one tap away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

import msgspec

from standwatch.enforce.ports import Shown
from standwatch.facts.entries import AnyEntry, RunBound, RunOpened, SecondPlace
from standwatch.facts.errors import Conflict, Forbidden, Unrecorded
from standwatch.facts.frames import Ack
from standwatch.facts.parts import Part, commitment
from standwatch.keys.dpop import Seen, shown
from standwatch.record.state import State

LIVE: Final = 600_000_000
"""µs after its last use for which a token counts as in use where it was used."""
BY: Final = "standwatch"


class Around(Protocol):
    """What this needs of the gate."""

    @property
    def state(self) -> State: ...
    def now(self) -> int: ...
    def chance(self, count: int) -> bytes: ...
    def append(self, entry: AnyEntry, parts: tuple[Part, ...] = ()) -> Awaitable[Ack]: ...


class Places:
    """By run. Of one process: workers do not tell each other where a token was used."""

    def __init__(self, gate: Around) -> None:
        self._gate = gate
        self._seen = Seen()
        self._last: dict[str, tuple[str, int]] = {}
        self._telling: dict[str, asyncio.Task[None]] = {}

    def objection(self, scheme: str, token: str, run: RunOpened | None, came: Shown) -> str:
        """Why this token is not taken with what came along; "" where it is."""
        bound = run.bound if isinstance(run, RunBound) else ""
        if not bound:
            if scheme.lower() == "dpop":
                return "the token is not bound to a key"
            if run is not None and came.peer:
                self._used(run, _place(came.peer))
            return ""
        assert run is not None
        if scheme.lower() == "dpop" and self._key(token, came, bound) == bound:
            return ""
        self._tell(run, "without_key", "", _place(came.peer))
        return "the run's token came without a proof by its key"

    def _key(self, token: str, came: Shown, bound: str) -> str:
        if came.key is None:
            now = self._gate.now() // 1_000_000
            try:
                came.key = shown(
                    came.proof,
                    method=came.method,
                    host=came.host,
                    path=came.path,
                    token=token,
                    now=now,
                    seen=self._seen,
                    bound=bound,
                )
            except Forbidden:
                came.key = ""
        return came.key

    def _used(self, run: RunOpened, place: str) -> None:
        now = self._gate.now()
        before, at = self._last.get(run.run, (place, now))
        self._last[run.run] = (place, now)
        if before != place and now - at < LIVE:
            self._tell(run, "another_place", before, place)

    def _tell(self, run: RunOpened, code: str, before: str, place: str) -> None:
        """Once for a run; the places are sealed, for addresses are about people."""
        if run.run in self._gate.state.places or run.run in self._telling:
            return
        told = msgspec.json.encode({"first": before, "second": place})
        part = Part("reason", self._gate.chance(32), told)
        entry = SecondPlace(
            by=BY, run=run.run, principal=run.principal, code=code, why=commitment(part.salt, part.data)
        )
        task = asyncio.get_running_loop().create_task(self._write(entry, part))
        self._telling[run.run] = task
        task.add_done_callback(lambda _: self._telling.pop(run.run, None))

    async def _write(self, entry: SecondPlace, part: Part) -> None:
        try:
            await self._gate.append(entry, (part,))
        except (Conflict, Unrecorded):  # it is written already; or nothing can be, and nothing passes either
            return

    def forget(self, run: str) -> None:
        """It has ended; and so have those below it, of which nobody tells."""
        self._last.pop(run, None)
        alive = self._gate.state.runs
        if len(self._last) > 2 * len(alive):
            self._last = {one: seen for one, seen in self._last.items() if one in alive}


def _place(peer: str) -> str:
    return peer if peer.startswith("unix:") else peer.rpartition(":")[0]
