"""`/v1/runs`: whoever drives agents opens a run for a task and hands its token to the agent.

    POST   /v1/runs        {system, task, on_behalf_of?}  → 201 {"run","token","until"}
    DELETE /v1/runs/{run}                                 → 204

The task text comes from a principal that may start runs, never from a token that calls tools (DESIGN.md §9).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from standwatch.enforce.ports import Gate
from standwatch.facts.errors import Conflict, Forbidden, NotFound, Unrecorded
from standwatch.facts.words import SENTENCES
from standwatch.fronts.door import NOWHERE, UNAUTHENTICATED, Door, answer, invalid, read
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

MOST_TASK: Final = 64 << 10
MOST_NAME: Final = 512
_PATH: Final = "/v1/runs"


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done, in the user's words, and for whom."""

    system: str
    task: str
    on_behalf_of: str = ""


class RunsFront:
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
        """Answers one request below `/v1/runs`."""
        opening = request.path == _PATH
        refused = self._door.refusal(request, "POST" if opening else "DELETE") or self._door.stranger(request)
        if refused is not None:
            return refused
        try:
            return await (self._open(request) if opening else self._close(request))
        except Forbidden:
            return answer(403, {"word": "refused", "id": "", "message": SENTENCES["refused"]})
        except NotFound:
            return NOWHERE
        except (Conflict, Unrecorded):
            return answer(503, {"word": "unavailable", "id": "", "message": SENTENCES["unavailable"]})

    async def _open(self, request: Request) -> Response:
        asked = read(request, Opening)
        if asked is None or len(asked.task) > MOST_TASK or len(asked.on_behalf_of) > MOST_NAME:
            return invalid("Expected JSON: {system, task, on_behalf_of?}.")
        caller = self._door.caller(request, asked.system) if asked.system else None
        if caller is None:
            return UNAUTHENTICATED
        run, token, until = await self._gate.open_run(caller, asked.system, asked.task, asked.on_behalf_of)
        return answer(201, {"run": run, "token": token, "until": until}, (("cache-control", "no-store"),))

    async def _close(self, request: Request) -> Response:
        run = request.path.removeprefix(_PATH + "/")
        caller = self._door.caller(request, "")
        if caller is None:
            return UNAUTHENTICATED
        if not 0 < len(run) <= MOST_NAME:
            return NOWHERE
        await self._gate.close_run(caller, run)
        return Response(204, content_type="")
