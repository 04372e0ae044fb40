"""The sheet: everything that a signature over a canonical action binds, from its exact bytes and nothing else.

A person who signs has to see what the bytes say: every member, every argument with its type, whole. Numbers, account
numbers and addresses are cut into groups for the eye; the groups of a value joined are the value. What the server
knows beside (who asked, where a value came from) is no part of this: it is not signed.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec

from standwatch.console.inert import Inert, inert
from standwatch.console.reading import Reading, read_number, read_text
from standwatch.facts.canonical import canonical, parse
from standwatch.facts.errors import Malformed
from standwatch.facts.parts import Action, action_digest
from standwatch.facts.short_words import short_words

ROWS: Final = 1_500
"""Rows of one tree. What lies beyond stands in it all the same: each value left in one row, whole, as its JSON."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value of the tree: how deep, under which name or place, of which type, and itself."""

    pointer: str
    """RFC 6901, from the root of the tree."""
    depth: int
    type: str
    """`text`, `whole number`, `number`, `true or false`, `nothing`, `object`, `list`; `JSON` of one in one piece."""
    name: Inert | None = None
    """The member's name; None in a list."""
    place: int = -1
    """The place in a list, from 0; -1 in an object."""
    size: int = 0
    """Characters of a text, members of an object, items of a list."""
    text: Inert | None = None
    """A text, or the JSON of a value in one piece."""
    literal: str = ""
    """The exact JSON of a number, a truth value or null."""
    reading: Reading | None = None


class Sheet(msgspec.Struct, frozen=True):
    """What is signed, legible. `problems` are reasons not to sign whatever it says; empty is as it should be."""

    digest: str
    """SHA-256 of the bytes, computed here."""
    words: str
    size: int
    """Bytes of the canonical action."""
    members: tuple[Row, ...]
    """All members but the arguments, in the order in which people ask for them."""
    arguments: tuple[Row, ...]
    told: dict[str, str]
    """The members that are texts, exactly: for comparing, never for showing."""
    problems: tuple[str, ...]
    raw: Inert
    """The bytes themselves, as text."""


ORDER: Final = (
    "system", "tool", "by", "target", "event", "phase", "id", "run", "schema", "conf", "org", "nonce", "kind",
)  # fmt: skip
_KNOWN: Final = frozenset((*Action.__struct_fields__, "kind"))


def sheet(action: str, first: Sequence[str] = ()) -> Sheet:
    """The sheet of the canonical action whose bytes are the UTF-8 of `action`. Never raises: what cannot be read is a
    problem, and is shown as it stands. Arguments of the names in `first` stand before the others."""
    data = action.encode("utf-8", "surrogatepass")
    digest = action_digest(data)
    problems: list[str] = []
    members: dict[str, Any] = {}
    try:
        value = parse(data)
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
        if canonical(value) != data:
            problems.append(
                "The bytes are not in canonical form: two readers may understand them differently."
            )
        problems += _shape(members)
    except Malformed as error:
        problems.append(f"The bytes cannot be read as an action: {error}.")
    rest = [
        name
        for name in (*ORDER, *sorted(set(members) - set(ORDER)))
        if name in members and name != "arguments"
    ]
    return Sheet(
        digest=digest,
        words=short_words(digest),
        size=len(data),
        members=tuple(row for name in rest for row in tree(members[name], name=name)),
        arguments=tuple(
            row
            for row in tree(_ordered(members.get("arguments", {}), first))
            if row.depth or row.type != "object"
        ),
        told={name: value for name, value in members.items() if isinstance(value, str)},
        problems=tuple(problems),
        raw=inert(action),
    )


def _ordered(arguments: Any, first: Sequence[str]) -> Any:
    if not isinstance(arguments, dict):
        return arguments
    told = cast("dict[str, Any]", arguments)
    return {name: told[name] for name in (*first, *told) if name in told}


def compared(found: Sheet, *, digest: str, org: str, ident: str, system: str, tool: str) -> tuple[str, ...]:
    """Why the sheet is not of the question that the server says it is of; empty where it is."""
    problems: list[str] = []
    if found.digest != digest:
        problems.append("The digest of these bytes is not the one that was asked about.")
    for name, told in (("org", org), ("id", ident), ("system", system), ("tool", tool)):
        if found.told.get(name, "") != told:
            problems.append(f"The signed {name} is not the one of the question.")
    return tuple(problems)


def _shape(members: dict[str, Any]) -> Iterator[str]:
    if members.get("kind") != "action.1":
        yield "The bytes are not an action of the kind action.1: this page may not show all that they mean."
    if unknown := sorted(set(members) - _KNOWN):
        many = "1 member" if len(unknown) == 1 else f"{len(unknown)} members"
        yield f"The action has {many} that this page does not know: see below."
    if missing := sorted(_KNOWN - set(members)):
        yield f"The action lacks {', '.join(missing)}."
    if not isinstance(members.get("arguments", {}), dict):
        yield "The arguments are no object."


# --- the tree ------------------------------------------------------------------------------------------------


def tree(value: Any, *, name: str = "") -> Iterator[Row]:
    """`value` and all that is in it, outermost first. Depth-first, as it stands in the canonical bytes."""
    left = ROWS
    # (value, pointer, depth, name, place); a stack and no recursion: depth is the caller's choice.
    waiting: list[tuple[Any, str, int, str | None, int]] = [(value, "", 0, name, -1)]
    while waiting:
        found, pointer, depth, called, place = waiting.pop()
        left -= 1
        inner = _inner(found)
        if inner and left < len(waiting) + len(inner):
            yield _whole(found, pointer, depth, called, place)
            continue
        yield _row(found, pointer, depth, called, place)
        for key, each in reversed(inner):
            named = isinstance(key, str)
            waiting.append(
                (each, f"{pointer}/{_escaped(key)}", depth + 1, key if named else None, -1 if named else key)
            )


def _inner(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(cast("dict[str | int, Any]", value).items())
    return list(enumerate(cast("list[Any]", value))) if isinstance(value, list) else []


def _escaped(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _row(value: Any, pointer: str, depth: int, name: str | None, place: int) -> Row:
    called = None if name is None else inert(name, identifier=True)
    if isinstance(value, str):
        shown = inert(value, identifier=_one_word(value))
        return Row(pointer, depth, "text", called, place, len(value), shown, reading=read_text(value, shown))
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "list"
        return Row(pointer, depth, kind, called, place, len(cast("list[Any]", value)))
    literal = canonical(value).decode()
    if isinstance(value, bool):
        return Row(pointer, depth, "true or false", called, place, literal=literal)
    if value is None:
        return Row(pointer, depth, "nothing", called, place, literal=literal)
    kind = "whole number" if isinstance(value, int) else "number"
    return Row(pointer, depth, kind, called, place, literal=literal, reading=read_number(literal))


def _whole(value: Any, pointer: str, depth: int, name: str | None, place: int) -> Row:
    called = None if name is None else inert(name, identifier=True)
    text = canonical(value).decode()
    return Row(pointer, depth, "JSON", called, place, len(text), inert(text))


def _one_word(text: str) -> bool:
    """Whether a text is a name rather than a sentence: then each of its letters counts."""
    return len(text) <= 320 and not any(letter.isspace() for letter in text.strip())
