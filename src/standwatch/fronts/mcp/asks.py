"""What a server asks of its client: sampling, elicitation, roots. Each question is an act of its own (`phase` ask).

A question can be how a hijacked server fishes for a password or borrows the client's model, so it is judged before
the client sees it, whatever the call that it belongs to was judged.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from standwatch.enforce.ports import Act, Carried, Event, Reply
from standwatch.facts.canonical import parse
from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import AskClient, McpAnswer, McpError
from standwatch.facts.words import SENTENCES
from standwatch.fronts.mcp.exchange import Question
from standwatch.fronts.mcp.outcome import carried, of_bytes
from standwatch.fronts.mcp.turn import Turn
from standwatch.fronts.mcp.wire import CODE, INVALID_PARAMS, METHOD_NOT_FOUND, UNAVAILABLE, encode, fault

ASKED: Final[dict[str, Event]] = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""Method → the event it is judged as, which is also the client capability that allows it."""


def asker(turn: Turn, server: str) -> AskClient:
    """What a legacy server's requests during this turn's call are answered by."""

    async def ask(method: str, params: bytes) -> McpAnswer:
        event = ASKED.get(method)
        if event is None or event not in turn.capabilities:
            return McpAnswer(error=McpError(METHOD_NOT_FOUND, "Not offered"))
        return await put(turn, server, event, method, params)

    return ask


async def put(turn: Turn, server: str, event: Event, method: str, params: bytes) -> McpAnswer:
    """Judges a question, delivers it and waits for the client's answer."""
    arguments = read_object(params)
    if arguments is None:
        return McpAnswer(error=McpError(INVALID_PARAMS, "The parameters are not an object"))
    heard: list[McpAnswer] = []

    async def forward(judged: dict[str, Any]) -> Carried:
        if turn.deliver is None:
            return Carried("not_sent")
        sent = params if judged == arguments else encode(judged)
        waiting: asyncio.Future[McpAnswer] = asyncio.get_running_loop().create_future()
        answer = await turn.deliver(Question(event, method, sent, waiting))
        heard.append(answer)
        return carried(answer)

    reply = await judge(turn, server, event, arguments, forward, inward=True)
    if (
        reply.word == "done"
        and reply.carried is not None
        and reply.carried.status in ("ok", "error")
        and heard
    ):
        unchanged = reply.carried.result == carried(heard[0]).result
        return heard[0] if heard[0].error is not None and unchanged else _told(reply.carried)
    return declined(event, reply)


def _told(told: Carried) -> McpAnswer:
    """What goes to the server, as it was looked at: an error whose words were changed is an error still."""
    error = None if told.status == "ok" else of_bytes(told.result)
    return McpAnswer(told.result) if error is None else McpAnswer(error=error)


async def judge(
    turn: Turn,
    server: str,
    event: Event,
    arguments: dict[str, Any],
    forward: Any,
    *,
    inward: bool,
    returns: bool = True,
) -> Reply:
    """One question (`inward`), or one answer to it, through the gate."""
    act = Act(
        caller=turn.caller,
        system=turn.offer.system,
        event=event,
        tool=f"{server}.{event}",
        target=server,
        arguments=arguments,
        phase="ask",
        inward=inward,
        returns=returns,
    )
    return await turn.house.gate.act(act, forward)


async def permitted(
    turn: Turn, server: str, event: Event, arguments: dict[str, Any], *, inward: bool
) -> Reply:
    """Judges what a 2026-07-28 message carries with it: there is nothing to wait for, it goes or stays."""

    async def forward(judged: dict[str, Any]) -> Carried:
        return Carried("ok", encode(judged))

    return await judge(turn, server, event, arguments, forward, inward=inward, returns=False)


def declined(event: Event, reply: Reply) -> McpAnswer:
    """What the server hears instead of an answer: a user who says no, for a form; else an error."""
    if event == "elicitation":
        return McpAnswer(b'{"action":"decline"}' if reply.word == "refused" else b'{"action":"cancel"}')
    word = reply.word if reply.word != "done" else "unavailable"
    told = {"word": word, "reference": reply.id}
    return McpAnswer(error=fault(CODE.get(word, UNAVAILABLE), SENTENCES[word], told))


def read_object(raw: bytes) -> dict[str, Any] | None:
    """Strict JSON that is an object, or None."""
    try:
        value: Any = parse(raw or b"{}")
    except Malformed:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def kind_of(answer: dict[str, Any]) -> Event | None:
    """Which question an answer is of, by its form; None where it is an answer to none."""
    if isinstance(answer.get("action"), str):
        return "elicitation"
    if "content" in answer and "role" in answer:
        return "sampling"
    return "roots" if isinstance(answer.get("roots"), list) else None
