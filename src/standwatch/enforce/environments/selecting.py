"""Commands that name what they are about by words of their own, or decide where later ones of the same line go."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.environments import places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.said import Said
from standwatch.enforce.environments.values import value_of
from standwatch.enforce.idioms.line import Word
from standwatch.facts.environments import Kind

_OBJECT: Final = re.compile(r"(?:ns|namespaces?|project)/(.+)", re.IGNORECASE)


def kubernetes(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    told = set[Kind]()
    words = [value for one in named if (value := value_of(claims, one)) is not None]
    if any(one.text in ("-A", "--all-namespaces") for one in said.words):
        claims.say("namespaces", None, "--all-namespaces")
        told.add("namespaces")
    for place, one in enumerate(words):
        found = _OBJECT.fullmatch(one)
        if found is not None:
            claims.say("namespaces", found[1], one)
            told.add("namespaces")
        elif place and words[place - 1].casefold() in (
            "ns",
            "namespace",
            "namespaces",
            "project",
            "projects",
        ):
            for each in words[place:]:
                claims.say("namespaces", each, f"namespace {each}")
            told.add("namespaces")
    if words[:1] == ["config"] and len(words) > 2 and words[1] in ("use-context", "set-context", "use"):
        claims.around["contexts"] = words[2]
        claims.around.pop("namespaces", None)
    if said.name in ("kubectx", "kubens") and words:
        claims.around["contexts" if said.name == "kubectx" else "namespaces"] = words[0]
    if words[:2] == ["config", "set-context"]:
        claims.around.update(
            {one.kind: one.value for one in claims.found if one.kind == "namespaces" and one.value}
        )
    if words[:1] == ["config"] or words[:1] == ["version"] or said.name in ("kubectx", "kubens", "kustomize"):
        told |= {"contexts", "namespaces"}
    for one in words:
        if "/" in one and "." in one:
            places.word(claims, one)
    return told


def stacks(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    told = set[Kind]()
    words = [value for one in named if (value := value_of(claims, one)) is not None]
    if words[:2] in (
        ["workspace", "select"],
        ["workspace", "delete"],
        ["workspace", "new"],
        ["stack", "select"],
        ["stack", "rm"],
    ):
        for one in words[2:]:
            claims.say("workspaces", one, f"{' '.join(words[:2])} {one}")
            if words[1] == "select":
                claims.around["workspaces"] = one
        told.add("workspaces")
    for place, one in enumerate(said.words):
        text = (
            said.words[place + 1].text
            if one.text in ("-var", "--var") and place + 1 < len(said.words)
            else one.text
        )
        found = re.fullmatch(
            r"(?:--?var=?)?['\"]?(env|environment|stage|workspace)\s*=\s*['\"]?([\w-]+)['\"]?", text
        )
        if found is not None:
            claims.say("names", found[2], text)
            told |= {"workspaces", "names"}
    return told


def selected(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    """A command that says where later ones of the same line go, and URLs of what is stored."""
    words = [value for one in named if (value := value_of(claims, one)) is not None]
    for one in words:
        places.word(claims, one)
    match words[:4]:
        case ["config", "set", "project" | "account" | "core/project", value]:
            claims.around["accounts"] = value
        case ["config", "configurations", "activate", value] | ["account", "set", value, *_]:
            claims.around["accounts"] = value
        case ["account", "set"]:
            chosen = [one.value for one in claims.found if one.kind == "accounts" and one.value]
            if chosen:
                claims.around["accounts"] = chosen[-1]
        case ["context", "use", value, *_]:
            claims.around["contexts"] = value
        case (
            ["eks", "update-kubeconfig", *_]
            | [_, "clusters", "get-credentials", *_]
            | ["aks", "get-credentials", *_]
        ):
            claims.around.pop("contexts", None)
            claims.around.pop("namespaces", None)
        case ["configure" | "config" | "auth" | "login" | "account" | "help" | "version", *_]:
            pass
        case _:
            return set()
    return {"accounts"}


_CONNECTS: Final = re.compile(r"\\c(?:onnect)?[ \t]+([^\s;]+)(?:[ \t]+[^\s;]+[ \t]+([^\s;]+))?")
_USES: Final = re.compile(r"(?i)(?:^|[;\s])use\s+[`\"\[]?([\w$-]+)")


def statements(claims: Claims, text: str) -> None:
    """Where statements go that are given to a database's client: `\\connect`, `USE`."""
    text = text[:65_536]
    for found in _CONNECTS.finditer(text):
        claims.say("databases", found[1], found[0])
        places.url(claims, found[1])
        if found[2]:
            places.host(claims, found[2], found[0])
    for found in _USES.finditer(text):
        claims.say("databases", found[1], found[0])
