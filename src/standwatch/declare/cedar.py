"""Cedar from a configuration: schema, generated permits, entities and context. Evaluation is `enforce`'s.

Who may call which tool at all is said here once: in the slice of a declared tool, any agent that was let into the
system may take the action of the tool's declared effect. The organisation's forbids are conjoined.
"""

from typing import Any, Final, cast

import cedarpy
import msgspec

from standwatch.declare.policies import Statement, accepted, statements
from standwatch.declare.text import Problems
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Configuration, Manifest, Tool
from standwatch.facts.errors import Malformed
from standwatch.facts.words import Effect

LONG: Final = 2**63 - 1
MICRO: Final = 1_000_000


def check_policies(configuration: Configuration, problems: Problems) -> None:
    """Every forbid holds against the schema, so that none can fail while it is evaluated."""
    schema = cedarpy.Schema.from_str(cedar_schema(configuration)) if configuration.policies else None
    for policy in configuration.policies if schema else ():
        file = f"policies/{policy.name}.cedar"
        for statement in statements(file, policy.text, problems):
            for error in _errors(statement, schema):
                problems.add(statement.mark, f"{error}, expected what the generated schema allows")


def _errors(statement: Statement, schema: Any) -> list[str]:
    found = cedarpy.validate_policies(statement.text, schema)
    said = [error.error.removeprefix("for policy `policy0`, ") for error in found.errors]
    if not found.validation_passed and not said:
        said = ["Cedar refuses it"]
    return list(dict.fromkeys(said))


def argument_names(configuration: Configuration) -> frozenset[str]:
    """Every argument that a manifest names: what `context.arguments` may hold."""
    tools = [tool for system in configuration.systems.values() for tool in system.manifest.tools.values()]
    return frozenset(name for tool in tools for name in tool.arguments)


def cedar_schema(configuration: Configuration) -> str:
    """The schema, in Cedar's own syntax. The same for every slice of `configuration`."""
    members = ", ".join(f"{quoted(name)}?: Value" for name in sorted(argument_names(configuration)))
    return f"""\
type Value = {{ "text"?: String, "micros"?: Long, "flag"?: Bool, "items"?: Set<String>, "json"?: String }};
type Call = {{ "arguments"?: {{ {members} }}, "names"?: Set<String> }};
entity Agent;
entity System;
entity Server;
entity Tool in [Server, System] = {{
  "name": String, "server": String, "system": String, "effect": String, "environment": String,
  "reversibility": String, "tier": Long
}};
action "read", "write", "irreversible" appliesTo {{ principal: [Agent], resource: [Tool], context: Call }};
"""


def cedar_action(tool: Tool, effect: Effect | None = None) -> str:
    return f'Action::"{effect or tool.effect}"'


def cedar_resource(tool: Tool) -> str:
    return f"Tool::{quoted(tool.name)}"


def cedar_principal(name: str) -> str:
    return f"Agent::{quoted(name)}"


def quoted(text: str) -> str:
    """`text` as a Cedar string literal, in the one spelling that Cedar takes in an entity's name."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def cedar_policies(configuration: Configuration, system: str, tool: str, effect: Effect | None = None) -> str:
    """The slice for `tool` of `system`: its generated permit, and every forbid that could speak of it. `effect`: for
    calls that have this one, of a tool whose calls have effects of their own.

    Raises `KeyError` for what is not declared (no slice means denied), `ValueError` for a policy that cannot be read.
    """
    manifest = configuration.systems[system].manifest
    declared = _having(manifest.tools[tool], effect)
    permit = (
        f'@id("permit") permit (principal is Agent, action == {cedar_action(declared)}, '
        f"resource == {cedar_resource(declared)});"
    )
    forbids = [
        statement.text
        for policy in configuration.policies
        for statement in accepted(policy.text)
        if may_concern(statement.form, manifest, declared)
    ]
    return "\n".join([permit, *forbids])


def may_concern(form: dict[str, Any], manifest: Manifest, tool: Tool) -> bool:
    """False only where the policy's scope certainly excludes `tool` of `manifest`."""
    action, resource = form["action"], form["resource"]
    actions = action.get("entities") or ([action["entity"]] if "entity" in action else [])
    if actions and not any(one["id"] == tool.effect for one in actions):
        return False
    inside = resource.get("in", resource) if resource["op"] == "is" else resource
    entity = inside.get("entity")
    if entity is None:
        return True
    own = {("Tool", tool.name), ("Server", tool.server), ("System", manifest.system)}
    return (entity["type"], entity["id"]) in own


def _having(tool: Tool, effect: Effect | None) -> Tool:
    return tool if effect in (None, tool.effect) else msgspec.structs.replace(tool, effect=effect)


def cedar_entities(configuration: Configuration, system: str, tool: str, effect: Effect | None = None) -> str:
    """The entities of a slice, as Cedar's JSON: the tool with its facts, its server and its system."""
    manifest = configuration.systems[system].manifest
    declared = _having(manifest.tools[tool], effect)
    server = {"type": "Server", "id": declared.server}
    whole = {"type": "System", "id": system}
    facts = {
        "name": declared.name,
        "server": declared.server,
        "system": system,
        "effect": declared.effect,
        "environment": manifest.environment,
        "reversibility": manifest.reversibility,
        "tier": manifest.tier,
    }
    entities: list[dict[str, Any]] = [
        {"uid": {"type": "Tool", "id": tool}, "attrs": facts, "parents": [server, whole]},
        {"uid": server, "attrs": {}, "parents": []},
        {"uid": whole, "attrs": {}, "parents": []},
    ]
    return msgspec.json.encode(entities).decode()


def cedar_context(arguments: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """A call's arguments as Cedar can hold them, whatever they are.

    `arguments` has those of `known` (`argument_names`), each as the views that fit: `text`; `micros`, any number
    in millionths, rounded away from zero and clamped to 64 bits; `flag`; `items`, a list's elements as text; and
    `json`, the canonical text of lists, objects and null. `names` has the names of all arguments.
    """
    views = {name: _views(value) for name, value in arguments.items() if name in known}
    return {"arguments": views, "names": sorted(arguments)}


def _views(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"flag": value}
        case str():
            return {"text": value}
        case int() | float():
            return {"micros": _micros(value)}
        case list():
            items = cast("list[Any]", value)
            return {"items": [_text(one) for one in items], "json": _text(items)}
        case _:
            return {"json": _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return canonical(value).decode()
    except Malformed:
        return "unreadable"


def _micros(value: int | float) -> int:
    try:
        numerator, denominator = value.as_integer_ratio()
    except (OverflowError, ValueError):
        return LONG
    scaled = -(-abs(numerator) * MICRO // denominator)
    return max(-LONG, min(LONG, -scaled if numerator < 0 else scaled))
