"""The seam without a wire: an act is judged now, its caller carries it out, and its outcome is heard later.

Each act asked for is a task in the passage that waits for its outcome. INVARIANT: one id goes once; every go ends in an
outcome, told by its caller or, once it is overdue, by us.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from standwatch.enforce.case import World
from standwatch.enforce.ports import Act, Before, Caller, Carried, Forward, Reply
from standwatch.facts.canonical import canonical
from standwatch.facts.errors import Conflict, Forbidden, Malformed

LONGEST: Final = 900.0
"""Seconds in which an outcome is to be told, where the tool has no `timeout` of its own."""
MOST: Final = 1_000
"""The most outcomes that one principal may owe."""


class Passing(Protocol):
    """The gate, as this seam needs it."""

    world: World

    def newest(self) -> str:
        """The id of the act that left last."""
        ...

    async def act(self, act: Act, forward: Forward, *, theirs: bool = False) -> Reply: ...

    async def before(self, act: Act) -> Before | Reply | None:
        """What the record answers to its id (`serve.before`)."""
        ...


class Owing(msgspec.Struct, eq=False):
    """One act asked for. `answer` is what its caller hears; `outcome` what the caller says became of it."""

    principal: str
    match: bytes
    """Digest of what was asked: the id again means the same again, or it is `invalid`."""
    answer: "asyncio.Future[Reply]"
    outcome: "asyncio.Future[Carried]"
    attempt: str = ""
    """Who was given leave: anybody else who comes with the id hears that it has left."""
    told: bool = False
    """Whether somebody has heard the answer."""
    ident: str = ""
    """The id it left under: an approved act keeps the one that was signed."""
    task: "asyncio.Task[Reply] | None" = None


class Owed:
    """What was asked without a wire and has no outcome yet. `name` makes a new id; `longest` is in seconds."""

    def __init__(self, gate: Passing, name: Callable[[], str], *, longest: float = LONGEST) -> None:
        self._gate = gate
        self._name = name
        self._longest = longest
        self._asked: dict[tuple[str, str], Owing] = {}
        """By principal and the id it gave."""
        self._gone: dict[str, Owing] = {}
        """By the id it left under."""
        self._counts: Counter[str] = Counter()

    async def begin(self, act: Act) -> Reply | Before:
        """Judge and record `act`; `done` means go, and that an outcome is owed to `finish`.

        The same id again, until its outcome is recorded, gets the same answer, or for another attempt `Before`; with
        anything else it is `invalid`. Afterwards it gets what the record has of it.
        """
        principal = act.caller.principal
        try:
            match = _digest(act)
        except Malformed:
            return Reply("invalid", act.id or self._name())
        owing = self._asked.get((principal, act.id)) if act.id else None
        if owing is None and act.id:
            known = await self._gate.before(act)
            if known is not None:
                return known
            owing = self._asked.get((principal, act.id))  # somebody may have asked meanwhile
        if owing is None:
            if self._counts[principal] >= MOST:
                return Reply("unavailable", act.id or self._name())
            owing = self._start(act, match)
        elif owing.match != match:
            return Reply("invalid", act.id)
        reply = await self._answer(act, owing)
        # INVARIANT: of two attempts at one id one goes.
        return Before(reply.id, "open") if reply.word == "done" and act.attempt != owing.attempt else reply

    async def _answer(self, act: Act, owing: Owing) -> Reply:
        try:
            reply = await asyncio.shield(owing.answer)
        except asyncio.CancelledError:
            # Nobody heard the answer. Who gave an id can ask again; of anybody else we know that nothing was done.
            if not act.id and not owing.outcome.done():
                owing.outcome.set_result(Carried("not_sent"))
            raise
        owing.told = owing.told or act.attempt == owing.attempt
        return reply

    def _start(self, act: Act, match: bytes) -> Owing:
        loop = asyncio.get_running_loop()
        owing = Owing(act.caller.principal, match, loop.create_future(), loop.create_future(), act.attempt)
        self._counts[owing.principal] += 1
        if act.id:
            self._asked[owing.principal, act.id] = owing
        owing.task = loop.create_task(self._gate.act(act, self._carry(act, owing), theirs=True))
        owing.task.add_done_callback(lambda task: self._end(act, owing, task))
        return owing

    def _carry(self, act: Act, owing: Owing) -> Forward:
        async def carry(arguments: dict[str, Any]) -> Carried:
            # INVARIANT: the gate puts an act among its flights and calls this in one step, so the newest is ours.
            owing.ident = self._gate.newest()
            self._gone[owing.ident] = owing
            changed = None if arguments == act.arguments else Carried("ok", msgspec.json.encode(arguments))
            owing.answer.set_result(Reply("done", owing.ident, changed))
            await asyncio.wait((owing.outcome,), timeout=self._patience(act))
            if not owing.outcome.done():
                owing.outcome.set_result(Carried("unknown" if owing.told else "not_sent"))
            return owing.outcome.result()

        return carry

    def _patience(self, act: Act) -> float:
        envelope = self._gate.world.envelopes.get(act.system)
        tool = envelope.find(act) if envelope is not None else None
        return (tool.tool.timeout if tool is not None else None) or self._longest

    def _end(self, act: Act, owing: Owing, task: "asyncio.Task[Reply]") -> None:
        """It is in the record, or it never went: from here on the id is an id like any other."""
        if not owing.answer.done():
            fell = task.cancelled() or task.exception() is not None
            owing.answer.set_result(Reply("unavailable", act.id or self._name()) if fell else task.result())
        self._gone.pop(owing.ident, None)
        self._asked.pop((owing.principal, act.id), None)
        self._counts[owing.principal] -= 1
        if not self._counts[owing.principal]:
            del self._counts[owing.principal]

    async def finish(self, caller: Caller, ident: str, carried: Carried) -> Reply:
        """Hear what became of act `ident`; whoever goes away meanwhile has told it all the same.

        Raises `Forbidden` where this caller owes no such outcome, `Conflict` where another one is being recorded.
        """
        owing = self._gone.get(ident)
        if owing is None or owing.task is None or owing.principal != caller.principal:
            raise Forbidden("no outcome of this action is owed by this caller")
        if not owing.outcome.done():
            owing.outcome.set_result(carried)
        elif owing.outcome.result() != carried:
            raise Conflict("its outcome was told already")
        return await asyncio.shield(owing.task)


def _digest(act: Act) -> bytes:
    """What was asked, without the id. Raises `Malformed` for arguments that have no canonical form."""
    asked = [act.caller.run, act.system, act.event, act.tool, act.target, act.arguments, act.seam]
    return hashlib.sha256(canonical(asked)).digest()
