"""Approvals as clients can show them: the address of the page where a person signs, by URL-mode elicitation.

2026-07-28: a half-way result that asks to open the page, and a sealed state with which the client comes back;
2025-11-25: the error -32042, and a notification once the question is answered (MCP, "Elicitation", "URL mode").
Once for each question: whoever repeats a call that is still pending hears so, and nobody is shown the same page in a
loop.

INVARIANT: what a client answers here means nothing. Only the signature counts, and it never passes through a client.
"""

from __future__ import annotations

from typing import Any, Final

from standwatch.enforce.ports import Reply, Resumed
from standwatch.facts.short_words import short_words
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import Headers
from standwatch.fronts.mcp import rounds
from standwatch.fronts.mcp.outcome import Outcome
from standwatch.fronts.mcp.results import URL_ELICITATION_REQUIRED
from standwatch.fronts.mcp.sealed import State, digest_of
from standwatch.fronts.mcp.turn import Turn
from standwatch.fronts.mcp.wire import encode, fault

KEY: Final = "standwatch/approval"
"""Under which a 2026-07-28 client is asked to open the page."""

ASKING: Final = frozenset({"tools/call", "resources/read", "prompts/get"})
"""Requests that may be answered half-way (MCP 2026-07-28, "Multi round-trip requests")."""

MOST_CARRIED: Final = 64 << 10
"""Bytes of answers to a server's own questions that a state of ours carries along."""


def can_show(turn: Turn) -> bool:
    """Whether the client declares that it opens addresses, in a revision that has them."""
    offered: Any = turn.capabilities.get("elicitation")
    return isinstance(offered, dict) and "url" in offered and (turn.modern or turn.remember is not None)


def show(
    turn: Turn, reply: Reply, headers: Headers, *, method: str, named: str, server: str, arguments: Any
) -> Outcome | None:
    """The answer to a call about which a question was put just now; None where the plain words must do."""
    fresh = reply.word == "pending" and reply.digest and reply.index >= 0
    if not fresh or method not in ASKING or not can_show(turn):
        return None
    organisation = turn.house.gate.configuration.organisation
    page = {
        "mode": "url",
        "message": _message(reply),
        "url": f"{organisation.public_url}/approvals/{reply.id}",
    }
    if not turn.modern:
        return _required(turn, reply, page, headers)
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
        "inputRequests": {KEY: {"method": "elicitation/create", "params": page}},
        "requestState": turn.house.sealer.seal(state),
    }
    return Outcome(encode(told), headers=headers, ours=True)


def _message(reply: Reply) -> str:
    """What the client shows with the address. The words are of the digest that is signed: both sides can compare."""
    return (
        "This action waits for a person's signature on this page. "
        f"Reference: {reply.id}. Words: {short_words(reply.digest)}."
    )


def _required(turn: Turn, reply: Reply, page: dict[str, str], headers: Headers) -> Outcome:
    """2025-11-25: nothing is held open; the client calls again when it hears that the page is done with."""
    assert turn.remember is not None
    turn.remember(reply.id)
    told = {
        "elicitations": [{**page, "elicitationId": reply.id}],
        "word": "pending",
        "reference": reply.id,
    }
    return Outcome(error=fault(URL_ELICITATION_REQUIRED, SENTENCES["pending"], told), headers=headers)


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
