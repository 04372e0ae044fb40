"""`environments:` of a manifest, or of an organisation for all: by what it is known, and what may be done there."""

from typing import Final

from standwatch.declare.rules import otherwise
from standwatch.declare.schema import Fields, Reader, choice, listing, mapping, shaped, short
from standwatch.declare.text import Listing, Mapping, Node, Problems
from standwatch.facts.environments import EFFECTS, KINDS, Environment
from standwatch.facts.rules import Otherwise
from standwatch.facts.words import Effect

MOST: Final = 50
"""Environments that one file declares."""
MOST_PATTERNS: Final = 300
"""Patterns of one kind."""

environment_name: Final = shaped(
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "an environment's name in letters, digits, - and _"
)
_effect: Reader[Effect] = choice("read", "write", "irreversible")
_pattern = shaped(r"[^\x00-\x1f\x7f]{1,256}", "a name, or a pattern with *")
_patterns: Final = listing(_pattern, "patterns", least=1, single=True)
_nothing: dict[Effect, Otherwise] = {}


def read_environments(node: Node, problems: Problems) -> dict[str, Environment] | None:
    """Environments by name. One that says nothing of itself is known by its name alone."""
    found = mapping(environment_name, _environment, "environments")(node, problems)
    if found is not None and len(found) > MOST:
        problems.add(node.mark, f"{len(found)} environments, expected at most {MOST}")
    return found


def _environment(name: str, node: Node, problems: Problems) -> Environment:
    fields = Fields(node, problems, f"the environment {short(name)}")
    found = Environment(
        hosts=fields.take("hosts", _patterns, ()),
        urls=fields.take("urls", _patterns, ()),
        branches=fields.take("branches", _patterns, ()),
        namespaces=fields.take("namespaces", _patterns, ()),
        contexts=fields.take("contexts", _patterns, ()),
        workspaces=fields.take("workspaces", _patterns, ()),
        accounts=fields.take("accounts", _patterns, ()),
        databases=fields.take("databases", _patterns, ()),
        paths=fields.take("paths", _patterns, ()),
        variables=fields.take("variables", _patterns, ()),
        commands=fields.take("commands", _patterns, ()),
        names=fields.take("names", _patterns, ()),
        tools=fields.take("tools", _patterns, ()),
        effects=fields.take("effects", _effects, _nothing),
    )
    fields.close()
    for kind in KINDS:
        if len(said := found.patterns(kind)) > MOST_PATTERNS:
            problems.add(fields.place(kind), f"{len(said)} {kind}, expected at most {MOST_PATTERNS}")
    if bare := [one for one in found.variables if "=" not in one]:
        problems.add(fields.place("variables"), f"{short(bare[0])} has no value, expected NAME=value")
    return found


def _effects(node: Node, problems: Problems) -> dict[Effect, Otherwise] | None:
    read: dict[str, Otherwise] = mapping(_known, _answered, "what effects come to")(node, problems) or {}
    return {effect: read[effect] for effect in EFFECTS if effect in read}


def _answered(_: str, node: Node, problems: Problems) -> Otherwise | None:
    return otherwise(node, problems)


def _known(node: Node, problems: Problems) -> str | None:
    return _effect(node, problems)


def check_named(node: Node | None, known: dict[str, Environment], problems: Problems) -> None:
    """A freeze of an environment that nobody declares would freeze nothing. `node`: the freezes as they are written."""
    for one in node.items if isinstance(node, Listing) else ():
        said = one.members.get("environments") if isinstance(one, Mapping) else None
        items = said.value.items if said is not None and isinstance(said.value, Listing) else ()
        for item in items:
            name = getattr(item, "text", "")
            if name and name not in known:
                expected = (
                    f"one of {', '.join(sorted(known))}" if known else "one that `environments` declares"
                )
                problems.add(item.mark, f"no environment is called {short(name)}, expected {expected}")
