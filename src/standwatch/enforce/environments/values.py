"""What a word comes to, what a variable is for, and what a value of some kind says."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.environments import places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.families import BY_NAME, MODES, STAGES
from standwatch.enforce.idioms.line import Word
from standwatch.facts.environments import Kind

VARIABLES: Final[dict[str, Kind]] = {
    name: kind for family in BY_NAME.values() for name, kind in family.variables.items()
}
_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


_OVERRIDES: Final[dict[str, tuple[Kind, ...]]] = {
    "KUBECONFIG": ("contexts", "namespaces"),
    "GIT_DIR": ("branches",),
    "GIT_WORK_TREE": ("branches",),
    "TF_WORKSPACE": ("workspaces",),
    "TF_DATA_DIR": ("workspaces",),
}
"""Variables in whose place what is around counts no more."""


def variable(claims: Claims, name: str, value: str | None) -> None:
    """`NAME=value`, as a pattern of variables knows it, and by what the variable is for."""
    for kind in _OVERRIDES.get(name, ()):
        claims.around.pop(kind, None)
    if value is None:
        if name in VARIABLES or name in STAGES:
            claims.doubt((), f"{name} is known only when it runs")
        return
    said = f"{name}={value}"
    claims.say("variables", said, said)
    if name in STAGES:
        claims.say("names", value, said)
    kind = VARIABLES.get(name)
    if kind is not None and name not in MODES:
        claim(claims, kind, value, said)
    elif kind is None:
        places.url(claims, value, said)


def value_of(claims: Claims, word: Word) -> str | None:
    """What a word comes to; None where that is known only when it runs."""
    if not word.expands:
        return word.text
    if (
        "$" not in word.text and "`" not in word.text
    ):  # cut, chosen, or one of several: only the farthest is told
        return None
    left = False

    def known(found: re.Match[str]) -> str:
        nonlocal left
        value = claims.variables.get(found[1])
        left = left or not value
        return value or found[0]

    made = _VARIABLE.sub(known, word.text)
    return None if left or "$(" in made or "`" in made or "$" in made else made


def claim(claims: Claims, kind: Kind, value: str, said: str) -> None:
    match kind:
        case "hosts":
            places.host(claims, value, said)
        case "urls":
            if not places.url(claims, value, said) and not places.connection(claims, value):
                places.host(claims, value, said)
        case "paths":
            places.path(claims, value, said)
        case "databases":
            if not places.url(claims, value, said) and not places.connection(claims, value):
                claims.say("databases", value, said)
        case "names":
            for one in re.split(r"[\s,]+", value):
                claims.say("names", one.rpartition("=")[2], said)
        case _:
            claims.say(kind, value, said)


def tells(kind: Kind) -> set[Kind]:
    """What is told by a value of `kind`: a connection string has both, a stage stands for all that it is made of."""
    match kind:
        case "urls":
            return {"hosts", "databases"}
        case "names":
            return {"hosts", "databases", "accounts", "paths", "workspaces", "names"}
        case _:
            return {kind}
