"""`/v2`: the Open Inference Protocol V2 over HTTP, before any server of predictive models.

    GET  /v2, /v2/health/live, /v2/health/ready
    GET  /v2/models/{system}[.component][/versions/{v}], …/ready
    POST /v2/models/{system}[.component][/versions/{v}]/infer

Whoever is refused hears a fixed sentence in the protocol's `{"error"}`, with our reference. A request that cannot be
read says what was expected, and is written down as well: an `Ask` without rows, whose one problem is at -1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from standwatch import __version__
from standwatch.enforce.decision_ports import Deciders, ModelCard
from standwatch.enforce.ports import Caller
from standwatch.facts.decisions import Answer, Ask, Rows
from standwatch.facts.errors import Malformed
from standwatch.fronts.decisions_read import MOST_BODY, Batch, at_leisure, batch, inference, outputs
from standwatch.fronts.decisions_said import Said, members, said
from standwatch.fronts.decisions_write import Template, inferred, metadata, no_answer, problem, template
from standwatch.fronts.door import Door
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

_MODELS: Final = "/v2/models/"
_MOST_NAME: Final = 256
WHOLE: Final = -1
"""Where the problem of a request as a whole stands in `Ask.problems`."""


class Named(msgspec.Struct, frozen=True):
    """What a path names: `name` is `{system}[.component]`, `last` is "", `ready` or `infer`."""

    name: str
    system: str
    model: str
    version: str
    last: str


class Templates:
    """What was worked out of each declared model, kept for as long as it is declared so."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Template] = {}

    def of(self, card: ModelCard) -> Template:
        """The template of the model on `card`."""
        key = card.system, card.model.component
        known = self._known.get(key)
        if known is None or known.model is not card.model:
            known = self._known[key] = template(card.model)
        return known


class DecisionsFront:
    """`hosts` and `origins` as `check_origin` takes them; `ready` says whether decisions can be taken at all."""

    def __init__(
        self,
        deciders: Deciders,
        *,
        hosts: Collection[str] = LOOPBACK_HOSTS,
        origins: Collection[str] = LOOPBACK_ORIGINS,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._deciders = deciders
        self._door = Door(deciders, hosts, origins)
        self._ready = ready
        self._templates = Templates()

    async def handle(self, request: Request) -> Response:
        """Answer one request at `/v2` or below it."""
        path = request.path
        if path.startswith("/v2/health/"):
            return self._health(request, path[11:])
        named = _named(path) if path.startswith(_MODELS) else None
        infer = named is not None and named.last == "infer"
        refused = self._door.refusal(request, "POST" if infer else "GET")
        if refused is not None:
            return spoken(refused)
        caller = self._door.caller(request, "" if named is None else named.system)
        if caller is None:
            return UNKNOWN_CALLER
        if path in ("/v2", "/v2/"):
            return _json({"name": "standwatch", "version": __version__, "extensions": []})
        card = None if named is None else self._deciders.card(named.system, named.model)
        if named is None or card is None or (named.version and named.version not in card.model.versions):
            return NO_MODEL
        if infer:
            return await self._infer(request, caller, named, card)
        if not named.last:
            return Response(200, metadata(card, named.name))
        able = card.ready and named.version in ("", card.version)
        return _json({"name": named.name, "ready": able}, 200 if able else 503)

    def _health(self, request: Request, what: str) -> Response:
        """Probes have no token: they learn that we are here, and nothing else."""
        refused = self._door.barred(request, "GET")
        if refused is not None:
            return spoken(refused)
        match what:
            case "live":
                return _json({"live": True})
            case "ready":
                able = self._ready()
                return _json({"live": True, "ready": able}, 200 if able else 503)
            case _:
                return NO_MODEL

    async def _infer(self, request: Request, caller: Caller, named: Named, card: ModelCard) -> Response:
        if len(request.body) > MOST_BODY:
            return TOO_LARGE
        known = self._templates.of(card)
        try:
            read = await at_leisure(request.body, lambda: _read(request, known))
        except Malformed as error:
            answer = await malformed(self._deciders, caller, card, named.version, str(error))
            return problem(400, str(error), answer.id, ())
        ask = Ask(
            system=card.system,
            model=card.model.component,
            rows=read.batch.rows,
            version=named.version,
            problems=read.batch.problems,
            parameters=read.said.parameters,
            trace=read.said.trace,
            used=read.said.used,
            expects=read.expects,
        )
        answer = await self._deciders.decide(caller, ask)
        if answer.word != "done":
            return no_answer(answer)
        return inferred(known, named.name, read.id, answer, read.wanted)


class _Read(msgspec.Struct, frozen=True):
    """An inference request, read."""

    id: str | None
    batch: Batch
    said: Said
    wanted: tuple[str, ...] | None
    expects: dict[str, dict[str, Any]]


def _read(request: Request, known: Template) -> _Read:
    """Raises `Malformed`."""
    asked = inference(request.body, request.headers.get(b"inference-header-content-length") is not None)
    wanted, expects = outputs(asked, known.names)
    told = said(request, members(asked.parameters), known.columns.place)
    return _Read(asked.id, batch(known.columns, asked.inputs), told, wanted, expects)


async def malformed(deciders: Deciders, caller: Caller, card: ModelCard, version: str, text: str) -> Answer:
    """Have it written down that a request could not be read; the answer's id is the reference."""
    ask = Ask(
        system=card.system,
        model=card.model.component,
        version=version,
        rows=Rows(tuple(feature.name for feature in card.model.inputs), []),
        problems={WHOLE: text},
    )
    return await deciders.decide(caller, ask)


def spoken(response: Response) -> Response:
    """A refusal at the door in the protocol's error shape."""
    text: Any = msgspec.json.decode(response.body)
    return problem(response.status, text["message"], "", response.headers)


def split_model(name: str) -> tuple[str, str]:
    """`system.component` as two; a system's name has no dot."""
    system, _, component = name.partition(".")
    return system, component


def _named(path: str) -> Named | None:
    """What a path below `/v2/models/` names; None where there is no such path."""
    name, *rest = (unquote(part) for part in path.removeprefix(_MODELS).split("/"))
    version = ""
    if rest[:1] == ["versions"]:
        if len(rest) == 1 or not rest[1]:
            return None
        version, rest = rest[1], rest[2:]
    if not name or len(name) > _MOST_NAME or rest not in ([], ["ready"], ["infer"]):
        return None
    return Named(name, *split_model(name), version, rest[0] if rest else "")


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(body))


UNKNOWN_CALLER: Final = problem(
    401, "A valid bearer token is needed.", "", (("www-authenticate", 'Bearer realm="standwatch"'),)
)
NO_MODEL: Final = problem(404, "There is no such model or path here.")
TOO_LARGE: Final = problem(413, f"A body has at most {MOST_BODY} bytes here.")
