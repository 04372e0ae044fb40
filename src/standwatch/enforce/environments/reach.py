"""Which environments an act reaches: its claims held against what is declared. Linear in both (RE2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import re2

from standwatch.enforce.environments import places
from standwatch.enforce.environments.arguments import claims_of
from standwatch.enforce.environments.claims import Claim, Claims
from standwatch.enforce.environments.commands import read
from standwatch.enforce.patterns import Pattern
from standwatch.facts.configuration import Component, Tool
from standwatch.facts.environments import CALLED_SO, KINDS, Environment, Kind


class Known(msgspec.Struct, frozen=True):
    """One environment, compiled. `declared`: kinds of which it has patterns of its own."""

    name: str
    environment: Environment
    patterns: dict[Kind, Pattern]
    declared: frozenset[Kind]


class Reached(msgspec.Struct, frozen=True):
    """Environments that an act reaches, and those that it may reach for all it says; each with the word that tells."""

    environments: dict[str, str] = {}
    unknown: dict[str, str] = {}


NOWHERE: Final = Reached()


def compile_environments(environments: Mapping[str, Environment]) -> tuple[Known, ...]:
    """The declared environments, ready for `reach`."""
    return tuple(_known(name, one) for name, one in sorted(environments.items()))


def _known(name: str, environment: Environment) -> Known:
    called = (name, *environment.names)
    patterns: dict[Kind, Pattern] = {}
    for kind in KINDS:
        said = (*environment.patterns(kind), *(called if kind in CALLED_SO else ()))
        if said:
            patterns[kind] = _pattern(kind, said)
    return Known(name, environment, patterns, frozenset(kind for kind in KINDS if environment.patterns(kind)))


def _pattern(kind: Kind, said: tuple[str, ...]) -> Pattern:
    """One expression for all of them, in lower case: `*` stands for anything, all else for itself."""
    return re2.compile("(?s)(?:" + "|".join(_expression(kind, one.casefold()) for one in said) + ")")


def _expression(kind: Kind, pattern: str) -> str:
    made = ".*".join(re2.escape(piece) for piece in pattern.replace("**", "*").split("*"))
    if kind == "paths":  # a folder stands for what is in it, and a relative one may lie anywhere
        inside = made.removesuffix("/") + "(?:/.*)?"
        return inside if pattern.startswith(("/", "~", "*")) else f"(?:.*/)?{inside}"
    if kind == "urls" and "://" not in pattern:
        return "[a-z0-9+.-]+://" + made
    return made


def standing(component: Component) -> tuple[Claim, ...]:
    """What a declared server says of where it reaches, whatever is asked of it."""
    claims = Claims()
    if component.url:
        places.url(claims, component.url)
    for value in component.env.values():
        places.url(claims, value)
    if component.command:
        for word in component.command:
            if not places.url(claims, word):
                places.connection(claims, word)
        read(claims, " ".join(word for word in component.command if " " not in word and "$" not in word))
    return tuple(one for one in claims.found if one.kind not in ("commands", "paths"))


def reach(
    known: tuple[Known, ...],
    tool: Tool,
    arguments: Mapping[str, Any],
    stands: tuple[Claim, ...] = (),
    *,
    hooked: bool = False,
) -> Reached:
    """Where a call of `tool` reaches. `stands`: where its server does, whatever is asked of it; `hooked`: as
    `claims_of` takes it."""
    claims = claims_of(arguments, tool.arguments, hooked=hooked)
    claims.say("tools", tool.name, tool.name)
    claims.found.extend(stands)
    environments: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for one in known:
        if why := _reaches(one, claims):
            environments[one.name] = why
        elif why := _may_reach(one, claims):
            unknown[one.name] = why
    return Reached(environments, unknown)


def _reaches(known: Known, claims: Claims) -> str:
    for claim in claims.found:
        pattern = known.patterns.get(claim.kind)
        if pattern is None:
            continue
        if claim.value is None or pattern.fullmatch(claim.value.casefold()):
            return f"{claim.kind}: {claim.said}"
    return ""


def _may_reach(known: Known, claims: Claims) -> str:
    """Why it cannot be told whether `known` is reached: something that decides is not said."""
    for one in claims.open:
        declared = known.declared.intersection(one.kinds)
        if one.only_declared and not declared:
            continue
        # INVARIANT: a pattern more never makes known what was unknown, so each kind that is declared is to be told.
        if (declared - one.told) if declared else not one.told.intersection(one.kinds):
            return one.why
    return ""
