"""The OpenAPI 3.1 document of the operators' API, generated from the table that serves it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from standwatch import __version__
from standwatch.fronts.control_routes import BASE, ROUTES, Route


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The one shape of errors: a stable code, a sentence, the entry concerned, and the command that helps."""

    code: str
    message: str
    reference: str = ""
    cure: str = ""


def document() -> dict[str, Any]:
    """The document as JSON values."""
    types = [kind for route in ROUTES for kind in (route.gives, route.takes) if kind is not None]
    schemas, components = msgspec.json.schema_components(
        (*types, Problem), ref_template="#/components/schemas/{name}"
    )
    found = dict(zip(map(id, (*types, Problem)), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route, found)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Standwatch",
            "version": __version__,
            "description": "The operators' side. Times are integer microseconds UTC; 0 stands for none.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", route.path)
    parameters = [_parameter(name, "path") for name in names] + [
        _parameter(name, "query") for name in route.query
    ]
    good = {"description": "Done.", "content": {"application/json": {"schema": schemas[id(route.gives)]}}}
    bad = {"description": "Refused.", "content": {"application/json": {"schema": schemas[id(Problem)]}}}
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "201" if route.made else "200": good,
            **{str(status): bad for status in (400, 401, 403, 404, 405, 409, 422, 503)},
        },
    }
    if route.takes is not None:
        body = {"application/json": {"schema": schemas[id(route.takes)]}}
        found["requestBody"] = {"required": True, "content": body}
    return found


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}
