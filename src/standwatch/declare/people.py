"""Names in manifests → opaque ids of people."""

import msgspec

from standwatch.declare.schema import Reader, listing, nearest, scalar, short
from standwatch.declare.text import Mark, Node, Problems
from standwatch.facts.configuration import Organisation


class Directory(msgspec.Struct, frozen=True):
    """Who may be named: addresses and groups. `complete` is False where the organisation's file could not be read."""

    addresses: dict[str, str]
    groups: dict[str, tuple[str, ...]]
    development: bool
    complete: bool = True

    def find(self, name: str) -> tuple[str, ...] | None:
        """The people whom an address or a group names; None where it names nobody."""
        if "@" in name:
            ident = self.addresses.get(name.lower())
            return None if ident is None else (ident,)
        return self.groups.get(name)

    def expected(self, name: str) -> str:
        """What could have been meant by `name`."""
        known = list(self.addresses) if "@" in name else list(self.groups)
        kind = "a person of standwatch.yaml" if "@" in name else "a group of standwatch.yaml"
        return f"{kind}: {nearest(name, known)}" if known else f"{kind}, which names none"


def directory(organisation: Organisation | None) -> Directory:
    """The directory of `organisation`; an empty, incomplete one for None."""
    if organisation is None:
        return Directory({}, {}, development=False, complete=False)
    addresses = {person.address.lower(): person.id for person in organisation.people}
    return Directory(addresses, organisation.groups, organisation.development)


def names(whom: Directory, *, lenient: bool) -> Reader[tuple[str, ...]]:
    """People by address or group, alone or in a list → their ids, each once.

    A name that is nobody's leaves a gap and a warning where `lenient` (the system is then restricted) or the
    organisation is under development, and is a problem elsewhere.
    """

    def read(node: Node, problems: Problems) -> tuple[str, ...] | None:
        given = listing(_name, "an address or a group", least=1, single=True)(node, problems)
        if given is None:
            return None
        found: dict[str, None] = {}
        for name, mark in given:
            people = whom.find(name)
            if people is None:
                _unknown(whom, name, mark, problems, lenient)
            found |= dict.fromkeys(people or ())
        return tuple(found)

    return read


def _name(node: Node, problems: Problems) -> tuple[str, Mark] | None:
    found = scalar("an address or a group")(node, problems)
    return (found.text, found.mark) if found else None


def _unknown(whom: Directory, name: str, mark: Mark, problems: Problems, lenient: bool) -> None:
    if not whom.complete:
        return
    what = f"{short(name)} is nobody, expected {whom.expected(name)}"
    if lenient or whom.development:
        problems.warn(mark, what)
    else:
        problems.add(mark, what)
