"""The OpenAPI 3.1 document of the operators' API, generated from the tables that serve it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from standwatch import __version__
from standwatch.fronts.control_client import COOKIE, SECURE_COOKIE
from standwatch.fronts.control_names import FORMS, NAMES
from standwatch.fronts.control_plain import PLAIN, Plain
from standwatch.fronts.control_route import BASE, Route
from standwatch.fronts.control_routes import ROUTES

Json = dict[str, Any]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The one shape of errors: a stable code, a sentence, the entry concerned, and the command that helps."""

    code: str
    message: str
    reference: str = ""
    cure: str = ""


ALWAYS: Final = {
    400: "The request is malformed: its framing, its query, its JSON, or a value in them.",
    403: "Not permitted to this caller, or the request comes from a page of another origin.",
    405: "The path takes other methods; `Allow` names them.",
    408: "The request did not arrive in time.",
    417: "The one expectation met is `100-continue`.",
    421: "The listener is not known by this Host.",
    429: "Too many requests; `Retry-After` says when.",
    431: "The head is too large.",
    500: "A fault of ours, or something that does not verify.",
    501: "The one transfer coding taken is `chunked`.",
    503: "Not now: the record cannot be written, or there is no room for another connection.",
    505: "This listener speaks HTTP/1.1 and HTTP/1.0.",
}
"""What any request may be answered with, and why."""

KNOWN: Final = {401: "No credential, or one that is not valid (any more)."}
BODY: Final = {413: "The body is too large."}
TABLE: Final = {
    404: "There is none of that name, or none that this caller may see.",
    409: "It does not apply (any more): what it refers to has changed, or is settled.",
    422: "The configuration does not allow it; the message says where.",
}
"""What operations may be answered with beside that."""

_WHY: Final = ALWAYS | KNOWN | BODY | TABLE


_SESSION: Final = (
    "A session's cookie; what changes something has its CSRF token in `X-CSRF-Token` and is sent by a page of ours. "
    "On the Unix socket no credential is needed: the account at its other end is who asks."
)
_SCHEMES: Final[Json] = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": _SESSION},
    "session_tls": {"type": "apiKey", "in": "cookie", "name": SECURE_COOKIE, "description": _SESSION},
}


def document() -> Json:
    """The document as JSON values."""
    types = [kind for route in ROUTES for kind in (route.gives, route.takes) if kind is not None]
    types += [plain.gives for plain in PLAIN if plain.gives is not None]
    schemas, components = msgspec.json.schema_components(
        (*types, Problem), ref_template="#/components/schemas/{name}"
    )
    found = dict(zip(map(id, (*types, Problem)), schemas, strict=True))
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route, found)
    for plain in PLAIN:
        paths.setdefault(plain.path, {})["get"] = _plain(plain, found)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Standwatch",
            "version": __version__,
            "description": "The operators' side. Times are integer microseconds UTC; 0 stands for none.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {str(status): _refusal(status, found[id(Problem)]) for status in sorted(_WHY)},
            "securitySchemes": _SCHEMES,
        },
        "security": [{"token": []}, {"session": []}, {"session_tls": []}],
    }


def _refusal(status: int, schema: Any) -> Json:
    found: Json = {"description": _WHY[status], "content": {"application/json": {"schema": schema}}}
    named = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After"}.get(status)
    if named:
        found["headers"] = {named: {"required": True, "schema": {"type": "string"}}}
    return found


def _refusals(*tables: dict[int, str]) -> Json:
    statuses = sorted(status for table in tables for status in table)
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _operation(route: Route, schemas: dict[int, Any]) -> Json:
    good = {"description": "Done.", "content": {"application/json": {"schema": schemas[id(route.gives)]}}}
    bad = _refusals(ALWAYS, KNOWN, TABLE, BODY if route.method != "GET" else {})
    found: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": _parameters(route.path, route.query),
        "responses": {"201" if route.made else "200": good, **bad},
    }
    if route.takes is not None:
        body = {"application/json": {"schema": schemas[id(route.takes)]}}
        found["requestBody"] = {"required": True, "content": body}
    if route.open:
        found["security"] = []
    return found


def _plain(plain: Plain, schemas: dict[int, Any]) -> Json:
    media = {plain.media: {"schema": _schema(plain, schemas)}}
    bad = _refusals(
        ALWAYS, {} if plain.open else KNOWN, TABLE if plain.query else {}, {404: ""} if plain.unknown else {}
    )
    if plain.down:
        bad["503"] = {"description": "No action may pass now, and why.", "content": media}
    found: Json = {
        "operationId": plain.name,
        "summary": plain.summary,
        "parameters": _parameters(plain.path, plain.query),
        "responses": {"200": {"description": "Done.", "content": media}, **bad},
    }
    if plain.open:
        found["security"] = []
    return found


def _schema(plain: Plain, schemas: dict[int, Any]) -> Json:
    match plain.media:
        case "application/json":
            return schemas[id(plain.gives)]
        case "text/event-stream":
            return _event(schemas[id(plain.gives)])
        case media if media.startswith(("text/", "application/openmetrics")):
            return {"type": "string"}
        case _:
            return {}  # bytes (OpenAPI 3.1, "Considerations for file uploads": no schema)


def _event(data: Any) -> Json:
    """One server-sent event (OpenAPI has no word for them): its id and name, and its data as JSON text."""
    told = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    text = {"type": "string"}
    return {"type": "object", "properties": {"id": text, "event": text, "data": told}, "required": ["data"]}


def _parameters(path: str, query: tuple[str, ...]) -> list[Json]:
    return [_parameter(name, "path") for name in re.findall(r"\{(\w+)\}", path)] + [
        _parameter(name, "query") for name in query
    ]


def _parameter(name: str, where: str) -> Json:
    found: Json = {"name": name, "in": where, "required": where == "path"}
    found["schema"] = FORMS.get(name, {"type": "string"})
    if name in NAMES:
        found["description"] = NAMES[name]
    return found
