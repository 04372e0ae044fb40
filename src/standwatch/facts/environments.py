"""Where acts reach: environments such as `production`, known by patterns, and what may be done in each without asking.

An environment only ever restricts. So do two that are said of one name, by a manifest and by its organisation: they are
conjoined, and the stricter counts.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from standwatch.facts.rules import Otherwise
from standwatch.facts.words import Effect

Kind = Literal[
    "hosts",
    "urls",
    "branches",
    "namespaces",
    "contexts",
    "workspaces",
    "accounts",
    "databases",
    "paths",
    "variables",
    "commands",
    "names",
    "tools",
]
"""What patterns are about. `contexts`: of Kubernetes and of containers; `workspaces`: of Terraform and its kin, stacks;
`accounts`: cloud profiles, projects, subscriptions, account numbers, apps; `variables`: `NAME=value`; `commands`: a
whole simple command; `names`: what else the environment is called; `tools`: `server.tool`."""

KINDS: Final[tuple[Kind, ...]] = (
    "hosts",
    "urls",
    "branches",
    "namespaces",
    "contexts",
    "workspaces",
    "accounts",
    "databases",
    "paths",
    "variables",
    "commands",
    "names",
    "tools",
)

CALLED_SO: Final[frozenset[Kind]] = frozenset(
    {"branches", "namespaces", "contexts", "workspaces", "accounts", "databases", "names"}
)
"""Kinds of which an environment's own name, and its `names`, are patterns without being said."""

EFFECTS: Final[tuple[Effect, ...]] = ("read", "write", "irreversible")
"""Weakest first: what an answer says of one holds for the stronger ones."""


class Environment(msgspec.Struct, frozen=True):
    """Patterns by which it is known (`*` for anything), and what an effect in it comes to."""

    hosts: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    effects: dict[Effect, Otherwise] = {}
    """Effect → what it, and every stronger one, comes to at least."""

    def patterns(self, kind: Kind) -> tuple[str, ...]:
        """Those that are said of `kind`."""
        found: tuple[str, ...] = getattr(self, kind)
        return found

    def answer(self, effect: Effect) -> Otherwise | None:
        """What `effect` comes to here: as said of it or of a weaker one, whichever is stricter; None for nothing."""
        return _stricter([self.effects.get(one) for one in EFFECTS[: EFFECTS.index(effect) + 1]])


def _stricter(answers: list[Otherwise | None]) -> Otherwise | None:
    return "deny" if "deny" in answers else "step_up" if "step_up" in answers else None


def conjoined(*said: Mapping[str, Environment]) -> dict[str, Environment]:
    """Every environment that anybody declares, by name: all patterns, and of two answers the stricter."""
    found: dict[str, Environment] = {}
    for one in said:
        for name, environment in one.items():
            found[name] = _both(found[name], environment) if name in found else environment
    return found


def _both(one: Environment, other: Environment) -> Environment:
    patterns = {kind: tuple(dict.fromkeys((*one.patterns(kind), *other.patterns(kind)))) for kind in KINDS}
    effects: dict[Effect, Otherwise] = {}
    for effect in EFFECTS:
        answer = _stricter([one.effects.get(effect), other.effects.get(effect)])
        if answer is not None:
            effects[effect] = answer
    return msgspec.structs.replace(one, effects=effects, **patterns)
