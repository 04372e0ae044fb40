"""`/v1/decisions`: decisions in plain JSON, and the seam for models that run in their caller's process.

    POST /v1/decisions               {system, rows, names?, model?, version?, parameters?, used?, expects?}
                                     → 200 {"word":"done", …rows}, or {"word":"go","id","version","digest","rows":[…],…}
    POST /v1/decisions/{id}/outcome  {outputs, version?, digest?, used?, system?} or {error, system?}
                                     → 200 {"word":"done", …rows}

`go` is for a model that is declared with `protocol: client`: it may be run on the rows with these indices, and what it
said is told before anybody acts on it. Otherwise 403 `refused`, 400 `invalid`, 503 `unavailable`, each with its fixed
sentence and our reference.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeVar

import msgspec

from standwatch.enforce.decision_ports import Deciders
from standwatch.facts.decisions import Answer, Ask, Predicted, Trouble
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.ids import parse_id
from standwatch.fronts.decisions import Templates, malformed
from standwatch.fronts.decisions_plain import of_records, of_rows
from standwatch.fronts.decisions_read import MOST_BODY, MOST_ROWS, Batch, at_leisure
from standwatch.fronts.decisions_said import readings, said, used_ids
from standwatch.fronts.decisions_write import Template, ids, receipt, sentence, status
from standwatch.fronts.door import NOWHERE, UNAUTHENTICATED, Door, answer, invalid, read
from standwatch.fronts.http_message import Refusal, Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

MOST_TEXT: Final = 300
"""Characters kept of an error that a model raised."""
MOST_NAME: Final = 128
T = TypeVar("T")
_PATH: Final = "/v1/decisions"
TOO_LARGE: Final = Refusal(413, "body_too_large", f"A body has at most {MOST_BODY} bytes here.").response()


class Wished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows to be decided: objects, or lists in the order of `names`."""

    system: str
    rows: list[Any]
    names: list[str] = []
    model: str = ""
    version: str = ""
    parameters: dict[str, Any] = {}
    used: list[str] = []
    expects: dict[str, dict[str, Any]] = {}


class Ran(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller's model said: a list for each output, one value for each row it was allowed; or its error."""

    outputs: dict[str, list[Any]] | None = None
    version: str = ""
    digest: str = ""
    used: list[str] = []
    error: str | None = None
    system: str = ""


class DecisionsClientFront:
    """`hosts` and `origins` as `check_origin` takes them."""

    def __init__(
        self,
        deciders: Deciders,
        *,
        hosts: Collection[str] = LOOPBACK_HOSTS,
        origins: Collection[str] = LOOPBACK_ORIGINS,
    ) -> None:
        self._deciders = deciders
        self._door = Door(deciders, hosts, origins)
        self._templates = Templates()

    async def handle(self, request: Request) -> Response:
        """Answer one request at `/v1/decisions` or below it."""
        refused = self._door.refusal(request, "POST")
        if refused is not None:
            return refused
        if self._door.caller(request, "") is None:
            return UNAUTHENTICATED
        if len(request.body) > MOST_BODY:
            return TOO_LARGE
        if request.path == _PATH:
            return await self._ask(request)
        ident, _, last = request.path.removeprefix(_PATH + "/").partition("/")
        if last != "outcome" or not _is_id(ident):
            return NOWHERE
        return await self._hear(request, ident)

    async def _ask(self, request: Request) -> Response:
        wished = await _read(request, Wished)
        if wished is None:
            return invalid(
                "Expected JSON: {system, rows, names?, model?, version?, parameters?, used?, expects?}."
            )
        caller = self._door.caller(request, wished.system) if wished.system else None
        if caller is None:
            return UNAUTHENTICATED
        card = self._deciders.card(wished.system, wished.model)
        if card is None or (wished.version and wished.version not in card.model.versions):
            return NOWHERE
        known = self._templates.of(card)
        try:
            ask = await at_leisure(request.body, lambda: _ask(request, wished, known))
        except Malformed as error:
            noted = await malformed(self._deciders, caller, card, wished.version, str(error))
            return invalid(str(error), noted.id)
        if card.model.protocol != "client":
            return told(known, await self._deciders.decide(caller, ask))
        going = await self._deciders.begin(caller, ask)
        if isinstance(going, Answer):
            return told(known, going)
        contract = msgspec.Raw(known.contract)
        return answer(200, {"word": "go", **msgspec.to_builtins(going), "contract": contract})

    async def _hear(self, request: Request, ident: str) -> Response:
        ran = await _read(request, Ran)
        if ran is None or (ran.outputs is None) == (ran.error is None):
            return invalid("Expected JSON: {outputs, version?, digest?, used?, system?} or {error}.", ident)
        caller = self._door.caller(request, ran.system)
        if caller is None:
            return UNAUTHENTICATED
        try:
            found = await self._deciders.finish(caller, ident, _predicted(ran))
        except Malformed as error:
            return invalid(str(error), ident)
        except (Forbidden, NotFound):
            return NOWHERE
        except Conflict:
            return answer(409, {"word": "invalid", "id": ident, "message": "Its outcome was told already."})
        return told(None, found)


async def _read(request: Request, form: type[T]) -> T | None:
    """The body as `form`; None where it is none."""
    try:
        return await at_leisure(request.body, lambda: read(request, form))
    except Malformed:
        return None


def _ask(request: Request, wished: Wished, known: Template) -> Ask:
    features = known.columns
    rows: Batch = (
        of_rows(features, wished.names, wished.rows) if wished.names else of_records(features, wished.rows)
    )
    beside = said(request, wished.parameters, features.place)
    if not wished.expects.keys() <= set(known.names):
        raise Malformed(
            f"expects: of the outputs {', '.join(known.names)} was expected what you take them for"
        )
    return Ask(
        system=wished.system,
        model=known.model.component,
        rows=rows.rows,
        version=wished.version,
        problems=rows.problems,
        parameters=beside.parameters,
        trace=beside.trace,
        used=used_ids(wished.used) or beside.used,
        expects={name: readings(expected) for name, expected in wished.expects.items()},
    )


def _predicted(ran: Ran) -> Predicted | Trouble:
    """Raises `Malformed` for ids that are none of ours, and for too much of anything."""
    if ran.outputs is None:
        return Trouble("upstream_error", (ran.error or "")[:MOST_TEXT])
    if max(len(ran.version), len(ran.digest)) > MOST_NAME or any(
        len(values) > MOST_ROWS for values in ran.outputs.values()
    ):
        raise Malformed(
            f"at most {MOST_ROWS:,} values of an output, and a short version and digest, were expected"
        )
    return Predicted(ran.outputs, ran.version, ran.digest, used_ids(ran.used))


def told(known: Template | None, found: Answer) -> Response:
    """The answer as plain JSON; `known` adds the outputs' contract where the model is at hand."""
    if found.word != "done":
        body = {"word": _word(found), "id": found.id, "message": sentence(found)}
        return answer(status(found), body, receipt(found))
    body: dict[str, Any] = {
        "word": "done",
        "id": found.id,
        "version": found.version,
        "recorded": found.recorded,
        "outputs": found.outputs,
    }
    if found.grant:
        body["grant"] = found.grant
    if known is not None:
        body["contract"] = msgspec.Raw(known.contract)
    body["rows"] = [
        {
            "id": ident,
            "outputs": row.outputs,
            "outcome": row.outcome,
            "route": row.route,
            "code": row.code,
            "version": row.version or found.version,
        }
        for ident, row in zip(ids(found), found.rows, strict=True)
    ]
    return answer(200, body, receipt(found))


def _word(found: Answer) -> str:
    return {403: "refused", 400: "invalid"}.get(status(found), "unavailable")


def _is_id(text: str) -> bool:
    try:
        parse_id(text)
    except Malformed:
        return False
    return True
