"""How to speak of what entries name: the organisation's own names as they are, everybody else's quoted."""

from collections.abc import Callable

import msgspec

from standwatch.notify.inert import quoted


class Words(msgspec.Struct, frozen=True):
    """`declared` are the names that the organisation itself wrote."""

    declared: frozenset[str]
    people: dict[str, str]
    """Opaque id → name."""
    covers: Callable[[str], tuple[str, ...]]
    """The systems on which a scope falls."""
    waits: Callable[[str], bool] = lambda _: False
    """Whether the question about an action still waits for people."""

    def name(self, text: str) -> str:
        """A name of the organisation's as it is, any other quoted."""
        return text if text in self.declared else quoted(text)

    def scope(self, text: str) -> str:
        """A scope, its name as any name."""
        kind, colon, name = text.partition(":")
        if not colon:
            return text if text == "all" else quoted(text)
        component, at, version = name.partition("@")
        named = f"{self.name(component)} version {quoted(version)}" if at else self.name(name)
        return f"{kind} {named}"

    def by(self, ident: str) -> str:
        """A person by name, any other principal quoted."""
        return self.people.get(ident) or quoted(ident)

    def systems(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.declared)
