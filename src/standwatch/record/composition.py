"""What a decision rests on: the decisions, look-ups and calls that it names, and those that they name. Pure.

A part is *mixed* where another version answered than was deployed, or where two versions of one model took part in the
same decision; it is *stale* where, by the time it was used, its version was no longer in front or a person had
overridden it.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.facts.entries import Asked, Decided, Denied, Intent, Overridden
from standwatch.facts.errors import Malformed, NotFound
from standwatch.record.decision import Decision, Part, context_of, decision, find_decision, mixed_of
from standwatch.record.decision_text import decision_text
from standwatch.record.source import Source, read_leaf
from standwatch.record.state import State

DEEPEST: Final = 16
MOST: Final = 256
"""How far and how wide the graph is walked; how many lie beyond is said."""


def composition(source: Source, reference: str) -> tuple[Part, ...]:
    """Everything that decision `reference` rests on, each part once, nearest first. Raises `NotFound`."""
    index, entry, row = find_decision(source, reference)
    found: dict[str, Part] = {}
    waiting = [(one, f"{index}/{row}", 1, index) for one in entry.used]
    while waiting and len(found) < MOST:
        name, by, depth, at = waiting.pop(0)
        if name in found:
            continue
        part, used = _part(source, name, by, depth, at)
        found[name] = part
        if depth < DEEPEST:
            waiting += [(one, name, depth + 1, part.index) for one in used]
    parts = list(_versions({entry.model: entry.version}, list(found.values())))
    if beyond := len({one[0] for one in waiting} - found.keys()):
        rest = Part(reference=f"{beyond} more", by="", depth=1, kind="unknown", stale=("not looked at",))
        parts.append(rest)
    return tuple(parts)


def decided(source: Source, reference: str, vkey: str = "") -> tuple[Decision, tuple[Part, ...], str] | None:
    """Decision `reference` with what it rests on, and both as text; None where no decision is called so.

    Raises `NotFound` for a reference that can only be a decision's.
    """
    try:
        told = decision(source, reference, vkey)
    except NotFound:
        if "/" in reference or reference.isdecimal():
            raise
        return None
    parts = composition(source, reference)
    return told, parts, decision_text(told, parts)


def _part(source: Source, name: str, by: str, depth: int, user: int) -> tuple[Part, tuple[str, ...]]:
    """The part called `name`, used by entry `user`, and what it used itself."""
    try:
        index, entry, row = find_decision(source, name)
    except NotFound:
        return _call(source, name, by, depth), ()
    except Malformed:
        return Part(reference=name, by=by, depth=depth, kind="unknown"), ()
    if index >= user:  # what came later cannot have been used
        return Part(reference=name, by=by, depth=depth, kind="unknown", index=index), ()
    context, _ = context_of(source, index, entry, [])
    route = source.state_before(index).routes.get(f"{entry.system}/{entry.model}")
    part = Part(
        reference=name,
        by=by,
        depth=depth,
        kind="decision",
        index=index,
        at=entry.at,
        system=entry.system,
        name=entry.model,
        version=entry.version,
        route=", ".join(f"{count} by {who}" for who, count in sorted(entry.routes.items())),
        mixed=mixed_of(entry, route, context),
        stale=tuple(_stale(source, index, entry, row, user)),
    )
    return part, tuple(entry.used)


def _stale(source: Source, index: int, entry: Decided, row: int, user: int) -> Iterator[str]:
    state: State = source.state_before(user)
    route = state.routes.get(f"{entry.system}/{entry.model}")
    if entry.version and (route is None or entry.version not in (route.version, route.canary)):
        now = route.version if route is not None else "none"
        yield f"when it was used, version {now} was in front"
    for place in source.of_action(entry.id):
        one = read_leaf(source.leaf(place)) if place < user else None
        if isinstance(one, Overridden) and one.of == index and one.row == row:
            yield f"overridden in entry {place} before it was used"


def _call(source: Source, name: str, by: str, depth: int) -> Part:
    for index in reversed(source.of_action(name)):
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Intent | Asked | Denied):
            return Part(
                reference=name,
                by=by,
                depth=depth,
                kind="refused" if isinstance(entry, Denied) else "call",
                index=index,
                at=entry.at,
                system=entry.system,
                name=entry.tool,
            )
    return Part(reference=name, by=by, depth=depth, kind="unknown")


def _versions(own: dict[str, str], parts: list[Part]) -> Iterator[Part]:
    """Mark the parts of models that took part in several versions."""
    seen: dict[str, set[str]] = {name: {version} for name, version in own.items()}
    for part in parts:
        if part.kind == "decision":
            seen.setdefault(part.name, set()).add(part.version)
    for part in parts:
        several = seen.get(part.name, set()) - {""} if part.kind == "decision" else set[str]()
        if len(several) > 1:
            text = f"versions {', '.join(sorted(several))} of {part.name} took part in one decision"
            part = msgspec.structs.replace(part, mixed=(*part.mixed, text))  # noqa: PLW2901
        yield part
