"""What the readers of prompts share."""

from __future__ import annotations

from typing import Any, Final, cast

from standwatch.facts.canonical import parse_foreign
from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Role, Turn

MOST_MODEL: Final = 256
MOST_TURNS: Final = 20_000
MOST_TOOLS: Final = 512


def members_of(body: bytes) -> dict[str, Any]:
    """The request's members. Raises `Malformed` saying what was expected."""
    value = parse_foreign(body)
    if not isinstance(value, dict):
        raise Malformed("a JSON object was expected")
    return cast("dict[str, Any]", value)


def model_of(members: dict[str, Any]) -> str:
    """The model that is asked for."""
    model = members.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MOST_MODEL or not model.isprintable():
        raise Malformed("model: a model's name was expected")
    return model


def flag(members: dict[str, Any], name: str) -> bool:
    """A boolean member; absent and null are false."""
    value = members.get(name)
    if value is not None and not isinstance(value, bool):
        raise Malformed(f"{name}: a boolean was expected")
    return value or False


def count(members: dict[str, Any], *names: str) -> int | None:
    """The first of the members `names` that is there: a whole number above zero."""
    for name in names:
        value = members.get(name)
        if value is not None:
            if type(value) is not int or not 0 < value < 2**53:
                raise Malformed(f"{name}: a whole number above zero was expected")
            return value
    return None


def listed(value: Any, name: str) -> list[Any]:
    """A list; none for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{name}: a list was expected")
    return cast("list[Any]", value)


def named(value: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def word(value: Any) -> str:
    """A text, or "" for anything else."""
    return value if isinstance(value, str) else ""


def strings(value: Any, role: Role, at: str, found: list[Turn]) -> None:
    """Every text in a value of no form that is known: none of it goes by unseen."""
    if isinstance(value, str):
        found.append(Turn(role, "other", value, at))
    elif isinstance(value, dict):
        for key, one in cast("dict[str, Any]", value).items():
            strings(one, role, f"{at}/{step(key)}", found)
    elif isinstance(value, list):
        for index, one in enumerate(cast("list[Any]", value)):
            strings(one, role, f"{at}/{index}", found)


def step(name: str) -> str:
    """A member's name as a step of a pointer (RFC 6901 §3)."""
    return name.replace("~", "~0").replace("/", "~1")


def bounded(turns: list[Turn], tools: list[str]) -> None:
    """Raises `Malformed` for more than anybody means."""
    if len(turns) > MOST_TURNS or len(tools) > MOST_TOOLS:
        raise Malformed(f"at most {MOST_TURNS:,} pieces of text and {MOST_TOOLS} tools were expected")
