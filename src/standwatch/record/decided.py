"""What an auditor holds against decisions, against what challengers said of them, and against overrides.

The leaves name no rows: what a row itself says (its version, where the one before answered) is held against the route
by `record.decision`, which opens it.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from standwatch.facts.entries import AnyEntry, Decided, Deployed, Overridden, Shadowed
from standwatch.facts.words import LEVELS, Level
from standwatch.record.leaf import Unknown
from standwatch.record.serving import misplaced
from standwatch.record.state import ALL, State

EntryAt: TypeAlias = Callable[[int], AnyEntry | Unknown | None]
"""Entry n, read again; None where it is not here, or is not what the log has there."""

Objection: TypeAlias = tuple[str, str]

KEPT: Final = 4_096
"""Decisions remembered: what comes after one is mostly near; the others are read again."""

SERVED: Final = frozenset({"model", "previous"})
"""Routes on which a version answers."""


class Decisions:
    """Feeds on the entries that may stand; `objections` comes before `take` of each."""

    def __init__(self, entry_at: EntryAt) -> None:
        self._entry_at = entry_at
        self._recent: dict[int, Decided] = {}
        self._challenged: dict[tuple[str, str], int] = {}
        """(route, version) → index until which that version was its shadow."""

    def take(self, index: int, entry: AnyEntry, state: State) -> None:
        """Entry `index` stands; `state` is that before it."""
        match entry:
            case Decided():
                self._recent[index] = entry
                if len(self._recent) > KEPT:
                    del self._recent[next(iter(self._recent))]
            case Deployed():
                key = f"{entry.system}/{entry.model}"
                route = state.routes.get(key)
                if route is not None and route.shadow:
                    self._challenged[key, route.shadow] = index
            case _:
                pass

    def objections(
        self, index: int, entry: AnyEntry, state: State, human: Callable[[str], bool], level: Level | None
    ) -> Iterator[Objection]:
        """What is wrong with `entry`. `level`: what the rules give its system; None where they are not recomputed."""
        match entry:
            case Decided():
                yield from _decided(entry, state, level)
            case Shadowed():
                yield from self._shadowed(index, entry, state)
            case Overridden():
                yield from self._overridden(index, entry, human)
            case _:
                return

    def _of(self, index: int, entry: Shadowed | Overridden) -> Decided | str | None:
        """The decision that `entry` names, why it can be none, or None where the range begins after it."""
        if not 0 <= entry.of < index:
            return f"entry {entry.of} is not before it"
        found = self._recent.get(entry.of) or self._entry_at(entry.of)
        if found is None:
            return None
        if not isinstance(found, Decided) or found.id != entry.id:
            return f"entry {entry.of} is not the decision {entry.id[:40]}"
        if (found.system, found.model) != (entry.system, entry.model):
            return f"entry {entry.of} is a decision of {found.system}/{found.model}"
        return found

    def _shadowed(self, index: int, entry: Shadowed, state: State) -> Iterator[Objection]:
        of = self._of(index, entry)
        if isinstance(of, str):
            yield "challenged", of
        elif of is not None and not 0 <= entry.same <= entry.rows <= of.rows:
            yield "challenged", f"{entry.same} of {entry.rows} rows, where the decision has {of.rows}"
        key = f"{entry.system}/{entry.model}"
        route = state.routes.get(key)
        now = route.shadow if route is not None else ""
        if now != entry.version and self._challenged.get((key, entry.version), -1) <= entry.of:
            yield "version", f"version {entry.version} was no challenger of {key} at that decision or since"

    def _overridden(self, index: int, entry: Overridden, human: Callable[[str], bool]) -> Iterator[Objection]:
        of = self._of(index, entry)
        if isinstance(of, str):
            yield "override", of
        elif of is not None and not 0 <= entry.row < of.rows:
            yield "override", f"entry {entry.of} has {of.rows} rows, counted from 0"
        if not human(entry.by):
            yield "override", f"{entry.by} was no person of the record"
        if not entry.why:
            yield "override", "no reason is sealed beside it"


def _decided(entry: Decided, state: State, level: Level | None) -> Iterator[Objection]:
    """The version was on the route, as the digest says, and nothing stopped what says that it answered."""
    counts, codes = entry.routes.values(), entry.codes.values()
    if entry.routes and (sum(counts) != entry.rows or min(counts) < 1):
        yield "rows", f"its routes are of {sum(counts)} rows; it has {entry.rows}"
    if entry.codes and (sum(codes) > entry.rows or min(codes) < 1):
        yield "rows", f"its codes are of {sum(codes)} rows; it has {entry.rows}"
    if wrong := misplaced(state.routes.get(f"{entry.system}/{entry.model}"), entry):
        yield "version", wrong
    served = entry.routes.keys() & SERVED if entry.routes else {"model"}
    if "model" in served and not entry.version:
        yield "version", "a model decided and no version is named"
    for route in sorted(served):
        version = entry.version if route == "model" else _previous(entry, state)
        if not version and route == "previous":
            yield "version", "the version before decided, and there is none"
        for hold in state.held(scopes_of(entry, version), entry.at):
            yield "hold", f"decided under hold {hold.index} on {hold.scope}"
    if served and level is not None and LEVELS.index(entry.grant) > LEVELS.index(level):
        yield "grant", f"it used {entry.grant} authority where the rules give {level}"


def _previous(entry: Decided, state: State) -> str:
    route = state.routes.get(f"{entry.system}/{entry.model}")
    return route.previous if route is not None else ""


def scopes_of(entry: Decided, version: str) -> tuple[str, ...]:
    """The scopes of a decision by `version`, as far as its leaf tells."""
    model = (f"component:{entry.model}", f"version:{entry.model}@{version}")
    return (ALL, f"system:{entry.system}", *model, f"agent:{entry.by}", f"run:{entry.run}")
