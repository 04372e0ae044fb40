"""What a request came to, before it is written for one revision and one id. Pure."""

from __future__ import annotations

import msgspec

from standwatch.enforce.ports import Carried, Reply
from standwatch.facts.mcp import McpAnswer, McpError
from standwatch.facts.short_words import short_words
from standwatch.facts.words import SENTENCES, OutcomeStatus
from standwatch.fronts.http_message import Headers, Response
from standwatch.fronts.mcp import results
from standwatch.fronts.mcp.wire import (
    CODE,
    INTERNAL_ERROR,
    NO_ANSWER,
    REPLY_KEY,
    UNANSWERED,
    UNAVAILABLE,
    WITHHELD,
    Id,
    encode,
    error_object,
    error_response,
    fault,
    write_result,
)

FAULT = 1
"""The code under which an upstream client reports that its server gave no answer at all."""


class Outcome(msgspec.Struct, frozen=True):
    """A result or an error, and the headers that name the act. `cached`: see `results.for_modern`."""

    result: bytes = b""
    error: McpError | None = None
    headers: Headers = ()
    cached: bool = False
    ours: bool = False
    """Written here and not by a server: the same for every revision but for the stamps."""


def render(outcome: Outcome, ident: Id, *, modern: bool) -> Response:
    """The HTTP response to request `ident`. Never raises: a result that cannot be understood is an error."""
    error = outcome.error
    if error is None:
        try:
            result = outcome.result
            result = (
                results.for_modern(result, cached=outcome.cached) if modern else results.for_legacy(result)
            )
            return Response(200, write_result(ident, result), outcome.headers)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            error = fault(INTERNAL_ERROR, "The server's result is not an object.")
    if modern:
        error = results.error_for_modern(error)
    return error_response(ident, error, modern=modern, headers=outcome.headers)


def carried(answer: McpAnswer) -> Carried:
    """A server's answer as the gate records it."""
    error = answer.error
    if error is None:
        failed = results.is_error(answer.result) or not answer.result.lstrip().startswith(b"{")
        return Carried("error" if failed else "ok", answer.result)
    status: OutcomeStatus = "error"
    if not answer.sent:
        status = "not_sent"
    elif answer.timed_out:
        status = "timeout"
    elif error.code == FAULT:
        status = "unknown"
    return Carried(status, error_object(error))


def of_reply(reply: Reply, answer: McpAnswer | None, *, tool: bool, cached: bool = False) -> Outcome:
    """What the client hears of `reply`, where `answer` is what the server said to our forward, if it was made.

    `tool`: a tool call, whose refusals are results, so that a model reads them.
    """
    headers = _headers(reply)
    if _left(reply):
        return _word(NO_ANSWER, "unavailable", UNANSWERED, reply, headers, tool=tool)
    if reply.word != "done":
        return _word(CODE[reply.word], reply.word, SENTENCES[reply.word], reply, headers, tool=tool)
    found = reply.carried
    if found is None or found.status == "not_sent":
        return _word(UNAVAILABLE, "unavailable", SENTENCES["unavailable"], reply, headers, tool=tool)
    if found.status in ("timeout", "unknown"):
        return _word(NO_ANSWER, "unavailable", UNANSWERED, reply, headers, tool=tool)
    if found.status == "withheld" and not found.result:
        return _word(NO_ANSWER, "unavailable", WITHHELD, reply, headers, tool=tool)
    # What was changed on its way back is told as it was changed: the record's bytes, not the server's.
    kept = answer if answer is not None and carried(answer).result == found.result else None
    error = None if found.status == "withheld" else _error_of(found, kept)
    if error is not None:
        return Outcome(error=error, headers=headers)
    if not found.result:
        return _word(NO_ANSWER, "unavailable", UNANSWERED, reply, headers, tool=tool)
    return Outcome(found.result, headers=headers, cached=cached)


def _left(reply: Reply) -> bool:
    """Whether an act went out under its intent and nobody can say what became of it: the one `unavailable` after
    which "try again" would be wrong."""
    certain = reply.carried is not None and reply.carried.status == "not_sent"
    return reply.word == "unavailable" and reply.index >= 0 and not certain


class _Object(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: msgspec.Raw = msgspec.Raw()


_object = msgspec.json.Decoder(_Object)


def _error_of(found: Carried, answer: McpAnswer | None) -> McpError | None:
    """The error that came back; read from the record's bytes where the gate answers for an earlier act."""
    if answer is not None:
        return answer.error
    if found.status != "error":
        return None
    return of_bytes(found.result)


def of_bytes(result: bytes) -> McpError | None:
    """The error that `carried` wrote as these bytes; None for what is a result."""
    try:
        read = _object.decode(result)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return McpError(read.code, read.message, bytes(read.data))


def _headers(reply: Reply) -> Headers:
    if not reply.id:
        return ()
    if not reply.receipt:
        return (("standwatch-action", reply.id),)
    return (("standwatch-action", reply.id), ("standwatch-receipt", reply.receipt))


def _word(code: int, word: str, sentence: str, reply: Reply, headers: Headers, *, tool: bool) -> Outcome:
    told = {"word": word, "reference": reply.id}
    text = f"{sentence} Reference: {reply.id}"
    if word == "pending" and (words := short_words(reply.digest)):
        # Of the digest that is signed: whoever asked and whoever signs can tell that they mean the same.
        told["words"] = words
        text += f" Words: {words}."
    if not tool or word == "invalid":
        return Outcome(error=fault(code, sentence, told), headers=headers, ours=True)
    result = {"content": [{"type": "text", "text": text}], "isError": True, "_meta": {REPLY_KEY: told}}
    return Outcome(encode(result), headers=headers, ours=True)
