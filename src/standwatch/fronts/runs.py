"""`/v1/runs`: whoever drives agents opens a run for a task and hands its token to the agent.

    POST   /v1/runs  {system, task, on_behalf_of?, cnf?}            → 201 {"run","token","until"}
    POST   /v1/runs  {system, tools?, effects?, minutes?, cnf?}     → 201, with a run's own token: for a sub-agent
    POST   /v1/runs/{run}/task  {task}                              → 200, its user has said more
    POST   /v1/runs/{run}/word  {text, system?}                     → 200, what its agent said; `current`: the caller's
    DELETE /v1/runs/{run}                                           → 204

The task text comes from a principal that may start runs, never from a token that calls tools (DESIGN.md §9): a run for
a sub-agent has the task of the run it is opened from. `cnf: {"jkt": …}` (RFC 7800, RFC 9449) binds the token to a key.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

import msgspec

from standwatch.enforce.ports import Below, Gate
from standwatch.facts.errors import Conflict, Forbidden, NotFound, Unrecorded
from standwatch.facts.words import SENTENCES, Effect
from standwatch.fronts.door import NOWHERE, UNAUTHENTICATED, Door, answer, invalid, read
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

MOST_TASK: Final = 64 << 10
MOST_NAME: Final = 512
Tool = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_PATH: Final = "/v1/runs"
_TASK: Final = "/task"
_WORD: Final = "/word"
CURRENT: Final = "current"
"""In place of a run: the one that the caller is in."""
MOST_WORD: Final = 64 << 10


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key that a token is bound to (RFC 7800), by its thumbprint (RFC 7638)."""

    jkt: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{43}$")]


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done, in the user's words, and for whom; or, with a run's own token, what a sub-agent may."""

    system: str
    task: str | msgspec.UnsetType = msgspec.UNSET
    on_behalf_of: str = ""
    cnf: Confirmation | None = None
    tools: Annotated[tuple[Tool, ...], msgspec.Meta(max_length=64)] = ()
    effects: tuple[Effect, ...] = ()
    minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0


class Saying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More of what is to be done, in the user's words."""

    task: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TASK)]
    system: str = ""


class Spoken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent said of its run, as its host passes it on; of much the end."""

    text: Annotated[str, msgspec.Meta(min_length=1)]
    system: str = ""


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
        adding = request.path.endswith(_TASK) and not opening
        speaking = request.path.endswith(_WORD) and not opening
        method = "POST" if opening or adding or speaking else "DELETE"
        refused = self._door.refusal(request, method) or self._door.stranger(request)
        if refused is not None:
            return refused
        try:
            if speaking:
                return await self._hear(request)
            if adding:
                return await self._add(request)
            return await (self._open(request) if opening else self._close(request))
        except Forbidden:
            return answer(403, {"word": "refused", "id": "", "message": SENTENCES["refused"]})
        except NotFound:
            return NOWHERE
        except (Conflict, Unrecorded):
            return answer(503, {"word": "unavailable", "id": "", "message": SENTENCES["unavailable"]})

    async def _open(self, request: Request) -> Response:
        asked = read(request, Opening)
        task = asked.task or "" if asked is not None else ""
        if asked is None or len(task) > MOST_TASK or len(asked.on_behalf_of) > MOST_NAME:
            return invalid("Expected JSON: {system, task, on_behalf_of?, cnf?}.")
        caller = self._door.caller(request, asked.system) if asked.system else None
        if caller is None:
            return UNAUTHENTICATED
        bound = asked.cnf.jkt if asked.cnf is not None else ""
        if caller.run:
            if task or asked.on_behalf_of:
                raise Forbidden("a run for a sub-agent has the task of the run it is opened from")
            below = Below(asked.tools, asked.effects, asked.minutes, bound)
            run, token, until = await self._gate.open_below(caller, below)
        elif asked.tools or asked.effects or asked.minutes:
            return invalid("tools, effects and minutes are said with a run's own token, for a sub-agent.")
        elif asked.task is msgspec.UNSET:
            return invalid("A run is opened for a task; only a sub-agent's has that of another.")
        else:
            run, token, until = await self._gate.open_run(
                caller, asked.system, task, asked.on_behalf_of, bound
            )
        return answer(201, {"run": run, "token": token, "until": until}, (("cache-control", "no-store"),))

    async def _add(self, request: Request) -> Response:
        said = read(request, Saying)
        if said is None:
            return invalid("Expected JSON: {task, system?}.")
        run = request.path.removeprefix(_PATH + "/").removesuffix(_TASK)
        caller = self._door.caller(request, said.system)
        if caller is None:
            return UNAUTHENTICATED
        if not 0 < len(run) <= MOST_NAME or "/" in run:
            return NOWHERE
        await self._gate.extend_run(caller, run, said.task)
        return answer(200, {"run": run})

    async def _hear(self, request: Request) -> Response:
        """An agent's own word. The answer is the same whatever it is worth."""
        said = read(request, Spoken)
        if said is None:
            return invalid("Expected JSON: {text, system?}.")
        run = request.path.removeprefix(_PATH + "/").removesuffix(_WORD)
        caller = self._door.caller(request, said.system)
        if caller is None:
            return UNAUTHENTICATED
        if not 0 < len(run) <= MOST_NAME or "/" in run:
            return NOWHERE
        named = "" if run == CURRENT else run
        ident = await self._gate.take_word(caller, said.system, named, said.text[-MOST_WORD:])
        return answer(200, {"word": "done", "id": ident})

    async def _close(self, request: Request) -> Response:
        run = request.path.removeprefix(_PATH + "/")
        caller = self._door.caller(request, "")
        if caller is None:
            return UNAUTHENTICATED
        if not 0 < len(run) <= MOST_NAME:
            return NOWHERE
        await self._gate.close_run(caller, run)
        return Response(204, content_type="")
