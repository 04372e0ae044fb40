"""`/v1/actions`: the passage for everything that acts without a wire we could stand in. Judge → intent → go, or not.

    POST /v1/actions                {id?, system, tool, arguments?, target?, seam?, attempt?, after?}
                                                                                    → 200 {"word":"go","id"}
    POST /v1/actions/{id}/outcome   {status, result?, system?}                       → 200 {"word":"done","id"}

Otherwise 202 `pending`, 403 `refused`, 400 `invalid`, 503 `unavailable`, each with its fixed sentence. Repeating a
request with the same `id` gets the same answer; once the act has left, another `attempt` at it, and anybody when it has
ended, gets 200 {"word":"done","id","status","result"?}: how it ended, and nothing is to be done. A `go` that carries
`arguments` was given for those and no others.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

import msgspec

from standwatch.enforce.ports import Act, Before, Caller, Carried, Gate, Reply
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, Unrecorded
from standwatch.facts.ids import parse_id
from standwatch.fronts.door import NOWHERE, UNAUTHENTICATED, Door, answer, invalid, of_word, read
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

MOST_NAME: Final = 512
MOST_ATTEMPT: Final = 64
_PATH: Final = "/v1/actions"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done. `tool` is `server.name` as the manifest writes it."""

    system: str
    tool: str
    arguments: dict[str, Any] = {}
    id: str = ""
    target: str = ""
    seam: Literal["hook", "client"] = "client"
    attempt: str = ""
    """With `id`: whoever is at it. A retry bears the same; work that is begun again another one."""
    after: str = ""
    """The act that this one repeats, of which nobody knows what became: a person is asked whether to."""


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of it. `not_sent` only where it is certain that nothing happened."""

    status: Literal["ok", "error", "timeout", "not_sent", "unknown"]
    result: Any = None
    system: str = ""


class ActionsFront:
    """`hosts` and `origins` as `check_origin` takes them."""

    def __init__(
        self,
        gate: Gate,
        *,
        hosts: Collection[str] = LOOPBACK_HOSTS,
        origins: Collection[str] = LOOPBACK_ORIGINS,
    ) -> None:
        self._gate = gate
        self._door = Door(gate, hosts, origins)

    async def handle(self, request: Request) -> Response:
        """Answers one request below `/v1/actions`."""
        refused = self._door.refusal(request, "POST") or self._door.stranger(request)
        if refused is not None:
            return refused
        if request.path == _PATH:
            return await self._ask(request)
        ident, _, last = request.path.removeprefix(_PATH + "/").partition("/")
        if last != "outcome" or not _is_id(ident):
            return NOWHERE
        return await self._hear(request, ident)

    async def _ask(self, request: Request) -> Response:
        asked = read(request, Asked)
        if asked is None:
            return invalid(
                "Expected JSON: {id?, system, tool, arguments?, target?, seam?: hook|client, attempt?, after?}."
            )
        caller = self._door.caller(request, asked.system) if asked.system else None
        if caller is None:
            return UNAUTHENTICATED
        if not 0 < len(asked.tool) <= MOST_NAME or "." not in asked.tool:
            return invalid("tool must be server.name.")
        if asked.id and not _is_id(asked.id):
            return invalid("id must be a UUIDv7 as 26 characters of lower-case Crockford base32.")
        if (asked.after and not _is_id(asked.after)) or len(asked.attempt) > MOST_ATTEMPT:
            return invalid("after is an id; attempt has at most 64 characters.")
        return await self._begin(caller, asked)

    async def _begin(self, caller: Caller, asked: Asked) -> Response:
        act = Act(
            caller=caller,
            system=asked.system,
            event="tool_call",
            tool=asked.tool,
            target=asked.target or asked.tool.partition(".")[0],
            arguments=asked.arguments,
            seam=asked.seam,
            id=asked.id,
            attempt=asked.attempt if asked.id else "",
            again=asked.after,
        )
        reply = await self._gate.begin(act)
        if isinstance(reply, Before):
            return _left(reply)
        return of_word(reply, "go", "arguments", self._gate.configuration.organisation.public_url)

    async def _hear(self, request: Request, ident: str) -> Response:
        told = read(request, Told)
        if told is None:
            return invalid(
                "Expected JSON: {status: ok|error|timeout|not_sent|unknown, result?, system?}.", ident
            )
        caller = self._door.caller(request, told.system)
        if caller is None:
            return UNAUTHENTICATED
        result = b"" if told.result is None else msgspec.json.encode(told.result)
        try:
            reply = await self._gate.finish(caller, ident, Carried(told.status, result))
        except (Forbidden, NotFound):
            return NOWHERE
        except Conflict:
            return answer(409, {"word": "invalid", "id": ident, "message": "Its outcome was told already."})
        except Unrecorded:
            return answer(503, {"word": "unavailable", "id": ident, "message": "Tell it again later."})
        # Heard is heard, whatever it was: `unavailable` is for an outcome that could not be recorded.
        return of_word(reply if reply.carried is None else Reply("done", reply.id, receipt=reply.receipt))


def _left(before: Before) -> Response:
    """How an act ended that left under this id; without `result` where that is not to be had."""
    told: dict[str, Any] = {"word": "done", "id": before.id, "status": before.status}
    if before.kept:
        told["result"] = msgspec.Raw(before.result or b"null")
    return answer(200, told)


def _is_id(text: str) -> bool:
    try:
        parse_id(text)
    except Malformed:
        return False
    return True
