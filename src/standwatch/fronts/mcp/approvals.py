"""Approvals as clients can show them: the address of the page where a person signs, by URL-mode elicitation.

2026-07-28: a half-way result that asks to open the page, and a sealed state with which the client comes back;
2025-11-25: a request on the call's own stream, and a notification once the question is settled (MCP, "Elicitation",
"URL mode"). Once for each question: whoever repeats a call that is still pending hears so, and nobody is shown the same
page in a loop.

INVARIANT: what a client answers here means nothing. Only the signature counts, and it never passes through a client.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from standwatch.enforce.ports import Reply, Resumed
from standwatch.facts.mcp import McpAnswer
from standwatch.facts.short_words import short_words
from standwatch.fronts.http_message import Headers
from standwatch.fronts.mcp import asks, rounds
from standwatch.fronts.mcp.exchange import Question
from standwatch.fronts.mcp.outcome import Outcome
from standwatch.fronts.mcp.sealed import State, digest_of
from standwatch.fronts.mcp.turn import Turn
from standwatch.fronts.mcp.wire import encode

KEY: Final = "standwatch/approval"
"""Under which a 2026-07-28 client is asked to open the page."""

ASKING: Final = frozenset({"tools/call", "resources/read", "prompts/get"})
"""Requests that may be answered half-way (MCP 2026-07-28, "Multi round-trip requests")."""

MOST_CARRIED: Final = 64 << 10
"""Bytes of answers to a server's own questions that a state of ours carries along."""


PATIENCE: Final = 60.0
"""Seconds for which a 2025-11-25 call waits until its client says that the page was opened, or that it was not."""


def can_show(turn: Turn) -> bool:
    """Whether the client declares that it opens addresses."""
    offered: Any = turn.capabilities.get("elicitation")
    return isinstance(offered, dict) and "url" in offered


def _fresh(turn: Turn, reply: Reply, method: str) -> bool:
    """Whether a question was put just now, to whose client a page can be shown."""
    put = reply.word == "pending" and bool(reply.digest) and reply.index >= 0
    return put and method in ASKING and can_show(turn)


def _page(turn: Turn, reply: Reply) -> dict[str, str]:
    base = turn.house.gate.configuration.organisation.public_url
    return {"mode": "url", "message": _message(reply), "url": f"{base}/approvals/{reply.id}"}


def show(
    turn: Turn, reply: Reply, headers: Headers, *, method: str, named: str, server: str, arguments: Any
) -> Outcome | None:
    """The answer to a call about which a question was put just now; None where the plain words must do."""
    if not turn.modern or not _fresh(turn, reply, method):
        return None
    if len(encode(turn.responses)) > MOST_CARRIED:
        return None
    state = State(
        turn.binding(method, named, digest_of(arguments)),
        reply.until,
        server=server,
        upstream=turn.opened.upstream if turn.opened is not None else None,
        asked=reply.id,
        action=reply.digest,
        root=turn.house.gate.configuration.root,
        responses=turn.responses,
    )
    told = {
        "resultType": "input_required",
        "inputRequests": {KEY: {"method": "elicitation/create", "params": _page(turn, reply)}},
        "requestState": turn.house.sealer.seal(state),
    }
    return Outcome(encode(told), headers=headers, ours=True)


def _message(reply: Reply) -> str:
    """What the client shows with the address. The words are of the digest that is signed: both sides can compare."""
    return (
        "This action waits for a person's signature on this page. "
        f"Reference: {reply.id}. Words: {short_words(reply.digest)}."
    )


async def shown(turn: Turn, reply: Reply, method: str) -> Resumed | None:
    """Shows the page to a 2025-11-25 client while its call waits; the question, once the client says that it did.

    Its user has then agreed to open the page, and may or may not have signed there: the same act again tells. A client
    that says no, something else, or nothing in time leaves the call pending as it is.
    """
    if turn.remember is None or turn.deliver is None or not _fresh(turn, reply, method):
        return None
    turn.remember(reply.id)
    waiting: asyncio.Future[McpAnswer] = asyncio.get_running_loop().create_future()
    params = encode({**_page(turn, reply), "elicitationId": reply.id})
    try:
        async with asyncio.timeout(PATIENCE):
            said = await turn.deliver(Question("elicitation", "elicitation/create", params, waiting))
    except TimeoutError:
        return None
    told = asks.read_object(said.result) if said.error is None else None
    if told is None or told.get("action") != "accept":
        return None
    return Resumed(reply.id, reply.digest, turn.house.gate.configuration.root)


def resume(turn: Turn, opened: State) -> State | None:
    """Takes up the question that `opened` is about; what is left is the server's own state, or None.

    What the client says under our key is not looked at. Raises `Rejected` where the configuration is another one than
    that under which the question was put: the approval itself may still stand, and a plain repetition finds it.
    """
    if opened.root != turn.house.gate.configuration.root:
        raise rounds.bad_state()
    turn.resumes = Resumed(opened.asked, opened.action, opened.root)
    turn.responses = opened.responses
    return opened if opened.upstream is not None else None
