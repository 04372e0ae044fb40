"""A manifest drafted from what servers list. It grants nothing: every tool is drafted as irreversible and never to be
called (`per_run: 0`), until somebody has decided what stands behind `# decide`.

What a server says of its tools (names, descriptions, hints, schemas) is its own word, and stands in comments. Only
what narrows is taken from it: the `enum` of an argument becomes `one_of`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from standwatch.declare.discover import Definitions, comment, drafted_effect
from standwatch.declare.lock import quoted
from standwatch.facts.configuration import Component
from standwatch.facts.naming import is_prose, verb, words

MOST_ARGUMENTS: Final = 200
"""Arguments of one tool that are drafted."""
MOST_VALUES: Final = 50
"""Values of an `enum` that become `one_of`."""

_NAME = re.compile(r"[A-Za-z0-9_./:-]{1,128}", re.ASCII)
_LEADS_OUT: Final = frozenset(
    ("domain", "endpoint", "host", "hostname", "href", "link", "uri", "url", "urls", "website")
)
_READS: Final = frozenset("count describe fetch find get list look query read search show view".split())  # noqa: SIM905


def draft_system(
    system: str, people: tuple[str, str], servers: tuple[Component, ...], listed: Definitions
) -> str:
    """`systems/{system}.yaml`. `people`: the addresses of its owner and its validator, as far as they are known."""
    owner, validator = people
    lines = [
        "# Drafted by `standwatch suggest`. Nothing in it may be called until somebody decides what says `decide`:",
        "# of each tool set its effect and take away `per_run: 0`. What the servers say of themselves is in comments.",
        f"system: {quoted(system)}",
        "purpose: 'What it is for'   # decide",
        f"owner: {quoted(owner)}   # decide",
        f"halt_authority: [{quoted(owner)}]   # decide: who is called at night",
        f"validator: {quoted(validator)}   # decide: somebody other than the owner",
        "reversibility: irreversible   # decide: what a wrong decision costs: reversible, costly or irreversible",
        "exposure: {people_per_week: 0}   # decide",
        "components:",
    ]
    for server in servers:
        lines += ["  - kind: mcp_server", f"    name: {quoted(server.name)}"]
        reached = (
            f"url: {quoted(server.url)}"
            if server.url
            else f"command: [{', '.join(map(quoted, server.command))}]"
        )
        lines.append(f"    {reached}")
    return "\n".join([*lines, *draft_tools(listed), "fallback: refuse"]) + "\n"


def draft_tools(listed: Definitions, declared: frozenset[str] = frozenset()) -> list[str]:
    """The lines of `tools:`, without those that are `declared` already."""
    lines: list[str] = []
    for server, definitions in listed.items():
        seen = set(declared)
        for definition in definitions:
            name = definition.get("name")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                lines.append(f"  # a tool that cannot be declared: {comment(str(name))}")
            elif (full := f"{server}.{name}") not in seen:
                seen.add(full)
                lines += _tool(full, definition)
    return ["tools:" if any(not one.startswith("  #") for one in lines) else "tools: {}", *lines]


def _tool(name: str, definition: dict[str, Any]) -> Iterator[str]:
    hinted, why = drafted_effect(definition)
    if isinstance(said := definition.get("description"), str) and said.strip():
        yield f"  # the server says: {comment(said)}"
    yield f"  {quoted(name)}:"
    reads = "; its name says that it reads" if _READS & set(verb(name)) else ""
    yield f"    effect: irreversible   # decide: read, write or irreversible? {why}{reads}"
    yield "    per_run: 0             # decide: how many in one run; 0 is never"
    yield "    otherwise: step_up     # decide: or deny"
    if hinted != "read" and not reads:
        said_so = ", ".join(map(quoted, verb(name)))
        yield (
            f"    intent: [{said_so}]   # decide: how people ask for it, in every language that they use"
            if said_so
            else ("    # decide: intent: the words in which people ask for it")
        )
    yield from _arguments(definition.get("inputSchema"), reads=hinted == "read" or bool(reads))
    yield from _returns(definition.get("outputSchema"))


def _arguments(schema: Any, *, reads: bool) -> Iterator[str]:
    given = _properties(schema)
    drafted = [
        line
        for name, one in list(given.items())[:MOST_ARGUMENTS]
        if (line := _argument(name, one, reads=reads))
    ]
    if drafted:
        yield "    arguments:"
        yield from drafted
    if given:
        yield "    only_declared: false   # decide: true refuses arguments that stand in no rule"


def _argument(name: str, schema: dict[str, Any], *, reads: bool) -> str:
    if re.fullmatch(r"[^\x00-\x1f\x7f]{1,128}", name) is None:
        return f"      # an argument that cannot be named: {comment(name)}"
    key = quoted(name)
    values = _values(schema)
    if values:
        return f"      {key}: {{one_of: [{', '.join(values)}]}}   # the server names no others"
    if _leads_out(name, schema):
        return f"      {key}: {{urls: read}}   # decide: only what was read as a URL, or is in the task"
    if reads or schema.get("type") == "boolean":
        return ""
    if is_prose(name):
        return f"      {key}: {{carries: {{from: [task, trusted]}}}}   # prose: URLs and addresses inside it"
    return f"      {key}: {{from: [task, trusted]}}   # decide: where it may come from{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    return ", and min and max" if schema.get("type") in ("number", "integer") else ""


def _leads_out(name: str, schema: dict[str, Any]) -> bool:
    said = words(name)
    return schema.get("format") in ("uri", "url", "hostname", "iri") or bool(said and said[-1] in _LEADS_OUT)


def _values(schema: dict[str, Any]) -> list[str]:
    found: Any = schema.get("enum")
    values = cast("list[Any]", found) if isinstance(found, list) else []
    plain = [one for one in values if isinstance(one, str) and 0 < len(one) <= 200 and one.isprintable()]
    return (
        [quoted(one) for one in dict.fromkeys(plain)] if 0 < len(values) == len(plain) <= MOST_VALUES else []
    )


def _properties(schema: Any) -> dict[str, dict[str, Any]]:
    found: Any = cast("dict[str, Any]", schema).get("properties") if isinstance(schema, dict) else None
    members = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {name: cast("dict[str, Any]", one) for name, one in members.items() if isinstance(one, dict)}


def _returns(schema: Any) -> Iterator[str]:
    fields = ", ".join(f"$.{name}" for name in list(_properties(schema))[:12])
    told = f" of {comment(fields)}" if fields else ""
    yield f"    # decide: returns: {{trusted: […]}}: which fields{told} can no outsider write"
    yield "    # decide: returns: {secret: […]}: which are confidential"
