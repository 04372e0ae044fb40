"""MLflow's scoring protocol: `POST /invocations/{system}[.component]`, and `GET /ping`, `/health`, `/version`.

A body holds exactly one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, and perhaps `params`
(MLflow 2.0 and later). The answer is `{"predictions": […]}` in MLflow's shape, with `standwatch` beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, cast
from urllib.parse import unquote

import msgspec

from standwatch import __version__
from standwatch.enforce.decision_ports import Deciders
from standwatch.facts.canonical import parse
from standwatch.facts.decisions import Answer, Ask
from standwatch.facts.errors import Malformed
from standwatch.fronts.decisions import Templates, malformed, split_model
from standwatch.fronts.decisions_columns import Columns
from standwatch.fronts.decisions_plain import of_columns, of_records, of_rows
from standwatch.fronts.decisions_read import MOST_BODY, Batch, at_leisure
from standwatch.fronts.decisions_said import said
from standwatch.fronts.decisions_write import Template, columns, ids, receipt, sentence, status
from standwatch.fronts.door import Door
from standwatch.fronts.http_message import Headers, Request, Response
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS

PATHS: Final = ("/ping", "/health", "/version")
_INVOCATIONS: Final = "/invocations/"
_FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_CODES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    503: "TEMPORARILY_UNAVAILABLE",
}


class MlflowFront:
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
        """Answer one request at `PATHS` or below `/invocations/`."""
        if request.path in PATHS:
            refused = self._door.barred(request, "GET")
            return _spoken(refused) if refused is not None else _alive(request.path)
        refused = self._door.refusal(request, "POST")
        if refused is not None:
            return _spoken(refused)
        name = unquote(request.path.removeprefix(_INVOCATIONS))
        system, model = split_model(name)
        caller = self._door.caller(request, system) if system else None
        if caller is None:
            return _error(401, "A valid bearer token is needed.")
        card = self._deciders.card(system, model)
        if card is None:
            return _error(404, "There is no such model here.")
        if len(request.body) > MOST_BODY:
            return _error(413, f"A body has at most {MOST_BODY} bytes here.")
        kind = (request.header("content-type") or "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _error(415, "A body is application/json here.")
        known = self._templates.of(card)
        try:
            asked, parameters = await at_leisure(request.body, lambda: _read(known.columns, request.body))
            told = said(request, parameters, known.columns.place)
        except Malformed as error:
            answer = await malformed(self._deciders, caller, card, "", str(error))
            return _error(400, str(error), answer.id)
        ask = Ask(
            system=card.system,
            model=card.model.component,
            rows=asked.rows,
            problems=asked.problems,
            parameters=told.parameters,
            trace=told.trace,
            used=told.used,
        )
        answer = await self._deciders.decide(caller, ask)
        if answer.word != "done":
            return _error(status(answer), sentence(answer), answer.id, receipt(answer))
        return _predicted(known, answer)


def _read(features: Columns, raw: bytes) -> tuple[Batch, dict[str, Any]]:
    body = parse(raw)
    if not isinstance(body, dict):
        raise Malformed(f"an object with one of {', '.join(_FORMS)} was expected")
    members = cast("dict[str, Any]", body)
    forms = [name for name in _FORMS if name in members]
    parameters: object = members.get("params") or {}
    if len(forms) != 1 or members.keys() - {*_FORMS, "params"} or not isinstance(parameters, dict):
        raise Malformed(
            f"exactly one of {', '.join(_FORMS)} was expected, and perhaps an object params; and nothing else"
        )
    return _rows(features, forms[0], members[forms[0]]), cast("dict[str, Any]", parameters)


def _rows(features: Columns, form: str, value: Any) -> Batch:
    match form, value:
        case "dataframe_split", {"columns": names, "data": rows, **rest} if rest.keys() <= {"index"}:
            return of_rows(features, cast("list[Any]", names) if isinstance(names, list) else [], rows)
        case "dataframe_split", _:
            raise Malformed("dataframe_split: {columns, data, index?} was expected")
        case "inputs", dict():
            return of_columns(features, cast("dict[str, Any]", value))
        case "dataframe_records", _:
            return of_records(features, value)
        case _, [dict(), *_]:
            return of_records(features, value)
        case _:
            return of_rows(features, features.names, value)


def _predicted(known: Template, answer: Answer) -> Response:
    """One output is a list of its values, several are records by name: as MLflow writes a series and a frame."""
    found = columns(known, answer)
    if len(found) == 1:
        predictions: list[Any] = found[0]
    else:
        predictions = [dict(zip(known.names, row, strict=True)) for row in zip(*found, strict=True)]
    rows = [
        {
            "id": ident,
            "outcome": row.outcome,
            "route": row.route,
            "code": row.code,
            "version": row.version or answer.version,
        }
        for ident, row in zip(ids(answer), answer.rows, strict=True)
    ]
    beside: dict[str, Any] = {
        "id": answer.id,
        "version": answer.version,
        "recorded": answer.recorded,
        "contract": msgspec.Raw(known.contract),
        "rows": rows,
    }
    if answer.grant:
        beside["grant"] = answer.grant
    body = msgspec.json.encode({"predictions": predictions, "standwatch": beside})
    return Response(200, body, receipt(answer))


def _alive(path: str) -> Response:
    """What an MLflow scoring server says of itself; we are no MLflow, and say so."""
    if path == "/version":
        return Response(200, f"standwatch {__version__}".encode(), content_type="text/plain")
    return Response(200, b"\n")


def _spoken(response: Response) -> Response:
    text: Any = msgspec.json.decode(response.body)
    return _error(response.status, text["message"], "", response.headers)


def _error(code: int, text: str, reference: str = "", headers: Headers = ()) -> Response:
    """MLflow's error shape, with our reference beside it where there is one."""
    told = {"error_code": _CODES.get(code, "BAD_REQUEST"), "message": text}
    return Response(
        code, msgspec.json.encode(told | ({"reference": reference} if reference else {})), headers
    )
