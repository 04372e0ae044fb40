"""Calls to a legacy server that wait for a 2026-07-28 client to come back with answers.

The call goes on upstream; the client holds a sealed handle. INVARIANT: a handle is taken once, by the principal, run,
system, method, name and arguments that it was given to; each time the call asks again it gets a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from standwatch.enforce.ports import Caller
from standwatch.facts.mcp import McpAnswer
from standwatch.fronts.http_message import Response
from standwatch.fronts.mcp import asks, rounds
from standwatch.fronts.mcp.exchange import NOBODY, Question
from standwatch.fronts.mcp.outcome import Outcome, render
from standwatch.fronts.mcp.turn import House, Turn
from standwatch.fronts.mcp.wire import INVALID_PARAMS, Rejected, encode


class Parked(msgspec.Struct, frozen=True):
    """One call that waits."""

    turn: Turn
    method: str
    named: str
    arguments: dict[str, Any]
    timer: asyncio.TimerHandle


class Parking:
    """The calls of this process that wait for their clients."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._parked: dict[str, Parked] = {}
        self._asked = 0

    async def ask(self, turn: Turn, question: Question) -> McpAnswer:
        """Puts the question among those that the client is asked next, and waits for its answer."""
        principal = turn.caller.principal
        waiting = sum(1 for one in self._parked.values() if one.turn.caller.principal == principal)
        if waiting >= self._house.limits.calls:
            return NOBODY
        self._asked += 1
        key = f"ask-{self._asked}"
        turn.exchange.questions[key] = question
        turn.exchange.wake()
        try:
            return await question.answer
        finally:
            turn.exchange.questions.pop(key, None)

    def park(self, turn: Turn, method: str, named: str, arguments: dict[str, Any]) -> Response:
        """Leaves the call waiting and asks the client what it has to ask."""
        handle = self._house.entropy(16).hex()
        state = rounds.seal(turn, method, named, arguments, handle=handle)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._house.limits.state_seconds, self._expire, handle)
        self._parked[handle] = Parked(turn, method, named, arguments, timer)
        requests = {
            key: {"method": one.method, "params": msgspec.Raw(one.params or b"{}")}
            for key, one in turn.exchange.questions.items()
        }
        told = {"resultType": "input_required", "inputRequests": requests, "requestState": state}
        return render(Outcome(encode(told)), turn.ident, modern=True)

    def take(self, handle: str, turn: Turn) -> Parked:
        """The call that waits under `handle`, given the answers `turn` brings. Raises `Rejected` if it is gone."""
        parked = self._parked.get(handle)
        if parked is None:
            raise rounds.bad_state()
        questions = parked.turn.exchange.questions
        answers = turn.responses or {}
        for key, question in questions.items():
            given = answers.get(key)
            if given is not None and asks.kind_of(given) != question.kind:
                raise Rejected(INVALID_PARAMS, f"inputResponses[{key!r}] is no answer to {question.method}")
        del self._parked[handle]
        parked.timer.cancel()
        for key in [key for key in questions if key in answers]:
            question = questions.pop(key)
            if not question.answer.done():
                question.answer.set_result(McpAnswer(encode(answers[key])))
        return parked

    def _expire(self, handle: str) -> None:
        parked = self._parked.pop(handle, None)
        if parked is not None and (task := parked.turn.exchange.task) is not None:
            task.cancel()

    def cut(self, struck: Callable[[str, Caller], bool]) -> None:
        """Ends every call that waits of which `struck` says so, given its system and caller."""
        for handle, parked in tuple(self._parked.items()):
            if struck(parked.turn.offer.system, parked.turn.caller):
                parked.timer.cancel()
                self._expire(handle)
