"""Questions as 2026-07-28 asks them: a half-way result, and the same request again with answers.

Four ways, by the revisions of client and server (MCP 2026-07-28, "Multi round-trip requests"):
both modern: each round is an act, and the server's state is sealed on its way through the client; a legacy client
before a modern server: the rounds are made here, within one act; a modern client before a legacy server: the call
waits here (`park`) while the client is asked; both legacy: a request on the call's own stream.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import msgspec

from standwatch.facts.mcp import McpAnswer, McpCall, McpServer
from standwatch.fronts.mcp import asks, results
from standwatch.fronts.mcp.outcome import Outcome, of_reply
from standwatch.fronts.mcp.sealed import State, digest_of
from standwatch.fronts.mcp.turn import Turn
from standwatch.fronts.mcp.wire import INVALID_PARAMS, METHOD_NOT_FOUND, Rejected, encode, fault

MOST_ROUNDS: Final = 10
_BACK_OFF: Final = 0.25
_STATE_ONLY: Final = "inputResponses and requestState must be an object and a string"

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def bad_state() -> Rejected:
    """The state was changed, is over, or is somebody else's: which of them is not said."""
    return Rejected(INVALID_PARAMS, "Invalid or expired requestState", {"reason": "invalid_request_state"})


def reopen(turn: Turn, method: str, named: str, arguments: dict[str, Any], text: str) -> State:
    """The state a client came back with. Raises `Rejected` unless it was given to this request."""
    binding = turn.binding(method, named, digest_of(arguments))
    state = turn.house.sealer.open(text, binding, turn.house.clock())
    if state is None:
        raise bad_state()
    return state


async def admit(turn: Turn, server: str) -> dict[str, Any]:
    """The members with which a client comes back, judged, as they are sent on. Raises `Rejected`."""
    sent: dict[str, Any] = {}
    if turn.opened is not None:
        if turn.opened.upstream is None or turn.opened.server != server:
            raise bad_state()
        sent["requestState"] = turn.opened.upstream
    if turn.responses is not None:
        sent["inputResponses"] = await _judged_answers(turn, server, turn.responses)
    return sent


async def _judged_answers(turn: Turn, server: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answers that may go to `server`; one that may not, or answers no question, is left out: it is asked again."""
    passed: dict[str, Any] = {}
    offered = turn.offer.may_ask(server, turn.capabilities)
    for key, answer in given.items():
        event = asks.kind_of(answer)
        if event is None or event not in offered:
            continue
        reply = await asks.permitted(turn, server, event, {"key": key, "answer": answer}, inward=False)
        if reply.word == "done" and reply.carried is not None and reply.carried.status == "ok":
            judged = asks.read_object(reply.carried.result) or {}
            if isinstance(judged.get("answer"), dict):
                passed[key] = judged["answer"]
    return passed


def check_responses(params: dict[str, Any]) -> None:
    """Whether what a client came back with has the right form. Raises `Rejected`."""
    state, given = params.get("requestState"), params.get("inputResponses")
    if state is not None and not isinstance(state, str):
        raise Rejected(INVALID_PARAMS, _STATE_ONLY)
    if "inputResponses" in params:
        if not isinstance(given, dict) or len(cast("dict[str, Any]", given)) > 64:
            raise Rejected(INVALID_PARAMS, _STATE_ONLY)
        if not all(isinstance(answer, dict) for answer in cast("dict[str, Any]", given).values()):
            raise Rejected(INVALID_PARAMS, "an input response must be an object")


async def interim_outcome(
    turn: Turn, outcome: Outcome, *, method: str, named: str, server: str, arguments: dict[str, Any]
) -> Outcome:
    """A modern server's result for a modern client; if it asks, each question judged and its state sealed."""
    try:
        found = results.interim(outcome.result)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Outcome(
            error=fault(-32603, "The server asks in a form that is none."), headers=outcome.headers
        )
    if found is None:
        return outcome
    offered = turn.offer.may_ask(server, turn.capabilities)
    members = _members.decode(outcome.result)
    judged: dict[str, Any] = {}
    for key, asked in found.requests.items():
        event, given = asks.ASKED.get(asked.method), asks.read_object(bytes(asked.params))
        if event is None or event not in offered or given is None:
            return Outcome(error=fault(METHOD_NOT_FOUND, "Not offered"), headers=outcome.headers)
        reply = await asks.permitted(turn, server, event, given, inward=True)
        if reply.word != "done" or reply.carried is None or reply.carried.status != "ok":
            return of_reply(reply, None, tool=method == "tools/call")
        changed = reply.carried.result != encode(given)
        params = msgspec.Raw(reply.carried.result) if changed else asked.params
        judged[key] = {"method": asked.method, "params": params}
    if judged:
        members["inputRequests"] = msgspec.Raw(encode(judged))
    if found.state is not None:
        sealed = seal(turn, method, named, arguments, server=server, upstream=found.state)
        members["requestState"] = msgspec.Raw(encode(sealed))
    return Outcome(encode(members), headers=outcome.headers)


def seal(
    turn: Turn,
    method: str,
    named: str,
    arguments: dict[str, Any],
    *,
    server: str = "",
    upstream: str | None = None,
    handle: str = "",
) -> str:
    """A `requestState` for this request, bound to all that it must come back with."""
    until = turn.house.clock() + turn.house.limits.state_seconds * 1_000_000
    binding = turn.binding(method, named, digest_of(arguments))
    return turn.house.sealer.seal(State(binding, until, server, upstream, handle))


async def settle(turn: Turn, server: McpServer, call: McpCall, answer: McpAnswer) -> McpAnswer:
    """A modern server before a legacy client: asks the client what the server asks, and calls again, until it is done.

    A question that gets no answer ends the call: the server is not asked to go on without it.
    """
    for _ in range(MOST_ROUNDS):
        try:
            found = results.interim(answer.result)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return McpAnswer(error=fault(-32603, "The server asks in a form that is none."))
        if found is None:
            return answer
        responses: dict[str, Any] = {}
        for key, asked in found.requests.items():
            event = asks.ASKED.get(asked.method)
            if event is None or event not in call.capabilities:
                return McpAnswer(error=fault(METHOD_NOT_FOUND, "Not offered"))
            said = await asks.put(turn, server.name, event, asked.method, bytes(asked.params))
            if said.error is not None:
                return said
            responses[key] = msgspec.json.decode(said.result)
        if not found.requests:
            await asyncio.sleep(_BACK_OFF)
        params = {**call.params, "inputResponses": responses}
        if found.state is not None:
            params["requestState"] = found.state
        answer = results.plain(await server.call(msgspec.structs.replace(call, params=params)))
        if answer.error is not None:
            return answer
    return McpAnswer(error=fault(-32603, "The server asked too often."))
