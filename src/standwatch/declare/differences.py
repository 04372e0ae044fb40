"""What changed, and which way: the small orders that `narrowing` is put together from.

Each function compares one member, old with new, and writes down every difference. What is not provably narrower
is wider.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, Literal, TypeVar, cast

import msgspec

from standwatch.facts.configuration import Number

Direction = Literal["same", "narrower", "wider"]
T = TypeVar("T")


class Difference(msgspec.Struct, frozen=True):
    """One difference, for a human. `system` is "" where it concerns the organisation."""

    system: str
    where: str
    what: str
    direction: Literal["narrower", "wider"]

    def __str__(self) -> str:
        place = f"{self.system}: {self.where}" if self.system else self.where
        return f"{self.direction}: {place}: {self.what}"


class Differences:
    """The differences of one system, or of the organisation."""

    def __init__(self, system: str = "") -> None:
        self._system = system
        self.found: list[Difference] = []

    def narrower(self, where: str, what: str) -> None:
        self.found.append(Difference(self._system, where, what, "narrower"))

    def wider(self, where: str, what: str) -> None:
        self.found.append(Difference(self._system, where, what, "wider"))

    def say(self, where: str, what: str, *, narrower: bool) -> None:
        """Write `what` down as narrower or wider."""
        (self.narrower if narrower else self.wider)(where, what)

    def any_change(self, where: str, old: object, new: object) -> None:
        """A member without an order: every change is wider."""
        if old != new:
            self.wider(where, f"{shown(old)} → {shown(new)}")

    def at_most(self, where: str, old: Number | None, new: Number | None) -> None:
        """A cap: lower is narrower, none is widest."""
        if old != new:
            lower = new is not None and (old is None or new < old)
            self.say(where, f"{shown(old)} → {shown(new)}", narrower=lower)

    def at_least(self, where: str, old: Number | None, new: Number | None) -> None:
        """A floor: higher is narrower, none is widest."""
        if old != new:
            higher = new is not None and (old is None or new > old)
            self.say(where, f"{shown(old)} → {shown(new)}", narrower=higher)

    def ranked(self, where: str, old: T, new: T, strictest_last: tuple[T, ...]) -> None:
        """One of an ordered few: later in `strictest_last` is narrower."""
        if old != new:
            stricter = strictest_last.index(new) > strictest_last.index(old)
            self.say(where, f"{shown(old)} → {shown(new)}", narrower=stricter)

    def permitted(self, where: str, old: Collection[Hashable], new: Collection[Hashable]) -> None:
        """A set of what is let through: fewer is narrower, more is wider."""
        self._members(where, old, new, added_is_narrower=False)

    def demanded(self, where: str, old: Collection[Hashable], new: Collection[Hashable]) -> None:
        """A set of what holds things back: more is narrower, fewer is wider."""
        self._members(where, old, new, added_is_narrower=True)

    def _members(
        self, where: str, old: Collection[Hashable], new: Collection[Hashable], *, added_is_narrower: bool
    ) -> None:
        before, after = set(old), set(new)
        for one in sorted(after - before, key=repr):
            self.say(where, f"{shown(one)} added", narrower=added_is_narrower)
        for one in sorted(before - after, key=repr):
            self.say(where, f"{shown(one)} removed", narrower=not added_is_narrower)

    def some_of(self, where: str, old: Collection[Hashable] | None, new: Collection[Hashable] | None) -> None:
        """A set that binds only where it is given: None is widest, then fewer is narrower."""
        if old is None or new is None:
            if (old is None) != (new is None):
                self.say(where, f"{shown(old)} → {shown(new)}", narrower=old is None)
            return
        self.permitted(where, old, new)

    def caps(self, where: str, old: Mapping[str, Number], new: Mapping[str, Number]) -> None:
        """Caps by name: an absent one does not bind."""
        for name in sorted(old.keys() | new.keys()):
            self.at_most(f"{where}.{name}", old.get(name), new.get(name))

    def things(
        self,
        where: str,
        old: Mapping[str, T],
        new: Mapping[str, T],
        each: Callable[[str, T, T], None],
    ) -> None:
        """Named things that permit: one more is wider, one less is narrower, a changed one is as `each` says."""
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                self.narrower(f"{where} {name}", "removed")
            elif name not in old:
                self.wider(f"{where} {name}", "added")
            else:
                each(name, old[name], new[name])


def direction(found: Collection[Difference]) -> Direction:
    """`wider` if anything is, else `narrower` if anything is, else `same`."""
    if any(one.direction == "wider" for one in found):
        return "wider"
    return "narrower" if found else "same"


def shown(value: Any) -> str:
    """A value for a human, cut short."""
    if value is None or value in ((), ""):
        return "none"
    text = ", ".join(map(str, cast("tuple[Any, ...]", value))) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"
