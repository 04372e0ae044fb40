"""Drafts for `init`: an organisation of one, observing what is there, so that nothing breaks on the first afternoon.

Every draft reads back through `declare` without a problem; what a person must decide is marked `# decide`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec

from standwatch.declare.digest import component_digest, definition_digest
from standwatch.declare.lock import quoted
from standwatch.facts.configuration import Component, Lock
from standwatch.facts.errors import Malformed
from standwatch.facts.words import Effect

_NAME = re.compile(r"[A-Za-z0-9_./:-]{1,128}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Definitions = Mapping[str, tuple[dict[str, Any], ...]]
"""Server's component name → its tools' definitions as it lists them now."""


class Owner(msgspec.Struct, frozen=True):
    """The one person of a new organisation."""

    id: str
    address: str
    name: str = ""
    keys: tuple[str, ...] = ()
    os_user: str = ""


def drafted_effect(definition: Mapping[str, Any]) -> tuple[Effect, str]:
    """An effect, and why a person must look: the hints are the server's own word, so silence is irreversible."""
    hints = definition.get("annotations")
    given = cast("dict[str, Any]", hints) if isinstance(hints, dict) else {}
    if given.get("destructiveHint") is True:
        return "irreversible", "the server calls it destructive"
    if given.get("readOnlyHint") is True:
        return "read", "the server calls it read-only"
    if given.get("destructiveHint") is False:
        return "write", "the server says that it destroys nothing"
    return "irreversible", "the server does not say"


def draft_organisation(name: str, origin: str, owner: Owner, *, agents: str, operators: str) -> str:
    """`standwatch.yaml` of one person, under development. `agents`, `operators`: HOST:PORT.

    The console's own name is `localhost` where it is of this machine: browsers give no passkeys to an address.
    """
    console = operators.replace("127.0.0.1:", "localhost:")
    keys = ", ".join(map(quoted, owner.keys))
    return f"""\
# Written by `standwatch init`. Everything here is yours to change; `standwatch check` reads it.
organisation: {quoted(name)}
origin: {quoted(origin)}
development: true          # decide: without it, widening needs signatures and no owner validates their own system
public_url: {quoted(f"http://{console}")}
listeners:
  agents: {quoted(agents)}
  operators: {quoted(operators)}
store: {{sqlite: state}}
people:
  - id: {quoted(owner.id)}            # stands in the record for ever; say nothing in it
    address: {quoted(owner.address)}
    name: {quoted(owner.name)}
    roles: [admin, operator, auditor]
    keys: [{keys}]
    os_user: {quoted(owner.os_user)}
groups:
  oncall: [{quoted(owner.address)}]
red_lines: []
defaults: {{approval_expires: 15m}}
""".replace("    os_user: ''\n", "").replace("    name: ''\n", "")


def draft_manifest(
    system: str,
    owner: Owner,
    servers: tuple[Component, ...],
    definitions: Definitions,
    *,
    observe_until: int,
    notes: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """`systems/{system}.yaml`: every found server and tool, observing until `observe_until` (µs).

    `notes`: by component, what could not be carried over from the client's file.
    """
    lines = [
        "# Written by `standwatch init` from what was found. Lines that say `decide` want a person.",
        f"system: {quoted(system)}",
        "purpose: 'What these agents are for'   # decide",
        f"owner: {quoted(owner.address)}",
        "halt_authority: [oncall]",
        f"validator: {quoted(owner.address)}   # decide: in production, somebody other than the owner",
        "environment: development",
        "reversibility: irreversible            # decide: reversible, costly or irreversible",
        "exposure: {people_per_week: 0}         # decide",
        f"observe: {{until: {_iso(observe_until)}}}   # judged and recorded, not yet enforced",
        "components:" if servers else "components: []",
    ]
    for server in servers:
        lines += _component_lines(server, (notes or {}).get(server.name, ()))
    tools = [
        line for server in servers for line in _tool_lines(server.name, definitions.get(server.name, ()))
    ]
    return "\n".join([*lines, "tools:" if any(map(_is_tool, tools)) else "tools: {}", *tools]) + "\n"


def _is_tool(line: str) -> bool:
    return line.startswith("  '")


def _component_lines(server: Component, notes: tuple[str, ...]) -> list[str]:
    lines = [f"  # decide: {comment(note)}" for note in notes]
    lines += ["  - kind: mcp_server", f"    name: {quoted(server.name)}"]
    if server.url:
        return [*lines, f"    url: {quoted(server.url)}"]
    lines.append(f"    command: [{', '.join(map(quoted, server.command))}]")
    if server.cwd:
        lines.append(f"    cwd: {quoted(server.cwd)}")
    if server.env:
        lines.append(
            "    env:   # decide: values stay out of this file; each is read from Standwatch's environment"
        )
        lines += [f"      {name}: {quoted(value)}" for name, value in server.env.items()]
    return lines


def _tool_lines(server: str, definitions: tuple[dict[str, Any], ...]) -> list[str]:
    lines: list[str] = []
    seen: set[str] = set()
    for definition in definitions:
        name = definition.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in seen:
            lines.append(f"  # a tool that cannot be declared: {comment(str(name))}")
            continue
        seen.add(name)
        effect, why = drafted_effect(definition)
        if isinstance(said := definition.get("description"), str) and said.strip():
            lines.append(f"  # the server says: {comment(said)}")
        lines += [f"  {quoted(f'{server}.{name}')}:", f"    effect: {effect}   # decide: {why}"]
    return lines


def draft_lock(servers: tuple[Component, ...], definitions: Definitions) -> Lock:
    """The digests of what was found. A tool whose definition has no canonical form stays unlocked, so denied."""
    tools: dict[str, str] = {}
    for server, listed in definitions.items():
        for definition in listed:
            try:
                tools.setdefault(f"{server}.{definition.get('name')}", definition_digest(definition))
            except Malformed:
                continue
    declared = {name: digest for name, digest in tools.items() if _NAME.fullmatch(name.partition(".")[2])}
    return Lock(declared, {one.name: component_digest(one) for one in servers})


def comment(text: str) -> str:
    """`text` as one line of a comment: a server's words must not become YAML."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[:400])
    words = " ".join(plain.split())
    return words if len(words) <= 100 else words[:97] + "…"


def _iso(moment: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%M:%SZ")
