"""What a Cedar policy looks at: which of a call's arguments its conditions can depend on.

Cedar names attributes only literally, so its own JSON form of a policy tells exactly. What is not understood here
counts as looking at everything: then the policy is given the whole context, and nothing is kept of its answer.
"""

from typing import Any, Final, cast

Looks = frozenset[str] | None
"""Names of the arguments that are read: empty for a policy that never looks at the context, None for everything."""

_SHAPE: Final = ""
"""Stands for `context has arguments`: a look, though at no argument."""


def looks(form: dict[str, Any]) -> Looks:
    """What the conditions of the policy with this JSON form look at."""
    found: set[str] = set()
    return frozenset(found) if _walk(form.get("conditions", []), found) else None


def together(every: list[Looks]) -> Looks:
    """What several policies look at."""
    names: set[str] = set()
    for one in every:
        if one is None:
            return None
        names |= one
    return frozenset(names)


def _walk(node: Any, found: set[str]) -> bool:
    """Collect the arguments that `node` reads; False where it uses the context in any other way."""
    match node:
        case {"Var": "context"}:
            return False
        case {"has": {"left": {"Var": "context"}, "attr": "arguments"}}:
            found.add(_SHAPE)
            return True
        case {".": {"left": {".": {"left": {"Var": "context"}, "attr": "arguments"}}, "attr": str(name)}} | {
            "has": {"left": {".": {"left": {"Var": "context"}, "attr": "arguments"}}, "attr": str(name)}
        }:
            found.add(name)
            return True
        case dict():
            return all(_walk(each, found) for each in cast("dict[str, Any]", node).values())
        case list():
            return all(_walk(each, found) for each in cast("list[Any]", node))
        case _:
            return True
