"""Was this change of a route allowed where it stands? What an auditor asks of every `ctl.deployed.1`. Pure.

The rules of `respond.routes`, told from the record alone. Two things the record does not hold: who administered the
organisation, which the caller may say, and what the manifest declared, which is sealed beside the configuration.
"""

from collections.abc import Collection, Iterator

from standwatch.facts.entries import Deployed
from standwatch.record.serving import Serving
from standwatch.record.state import Standing, State


def problems(state: State, index: int, entry: Deployed, admins: Collection[str] | None = None) -> list[str]:
    """What is wrong with entry `index`, each in a sentence; empty for nothing.

    `state` is folded over the entries before it. `admins` are the opaque ids of who administered then; None where the
    caller cannot tell: then any human of the record may have been one.
    """
    standing = state.systems.get(entry.system)
    if standing is None:
        return [f"no manifest declared {entry.system}"]
    route = state.routes.get(f"{entry.system}/{entry.model}")
    return [
        *_chain(route, index, entry),
        *_person(state, standing, entry, admins),
        *_pinned(state, entry),
        *_mode(state, route or Serving(-1, 0), index, entry),
    ]


def _chain(route: Serving | None, index: int, entry: Deployed) -> Iterator[str]:
    last = route.index if route is not None else -1
    if entry.follows != last or entry.follows >= index:
        yield f"it follows entry {entry.follows}; the last change of this route was {last}"


def _person(
    state: State, standing: Standing, entry: Deployed, admins: Collection[str] | None
) -> Iterator[str]:
    """Forwards: owner, halt authority or an administrator. Backwards: anybody who acts for the organisation."""
    if state.development:
        return
    known = state.principals.get(entry.by)
    if known is None or known.role != "human" or known.revoked or 0 < known.until <= entry.at:
        yield f"{entry.by} was nobody who acts for the organisation"
        return
    declared = standing.entry
    may = {*declared.owner, *declared.halt}
    if entry.mode in ("rollback", "end") or entry.by in may or admins is None or entry.by in admins:
        return
    yield f"{entry.by} was neither owner nor halt authority of {entry.system}, nor an administrator"


def _pinned(state: State, entry: Deployed) -> Iterator[str]:
    if entry.mode in ("rollback", "end"):
        return
    mark = f"version:{entry.model}@"
    for held in state.holds.values():
        if held.scope.startswith(mark) and not 0 < held.until <= entry.at:
            yield f"hold {held.index} on {held.scope} pinned this route"


def _mode(state: State, route: Serving, index: int, entry: Deployed) -> Iterator[str]:
    match entry.mode:
        case "full":
            if entry.former != route.version:
                yield f"it says that it took over from {_named(entry.former)}; {_named(route.version)} was in front"
        case "canary":
            if not 0 < entry.share < 10_000:
                yield f"its share is {entry.share} in ten thousand"
            if not route.version or route.version == entry.version:
                yield "there was no other version in front for it to run beside"
        case "shadow":
            if entry.version in (route.version, route.canary):
                yield "what it was to be compared with is itself"
        case "end":
            if not entry.version or entry.version not in (route.canary, route.shadow):
                yield f"{_named(entry.version)} was neither canary nor challenger"
        case "rollback":
            yield from _rollback(state, route, index, entry)
        case _:
            yield f"{entry.mode[:40]!r} is no way to deploy"


def _rollback(state: State, route: Serving, index: int, entry: Deployed) -> Iterator[str]:
    known = dict(route.former)
    bad = route.version
    if route.canary and entry.version == route.version:  # the canary alone is taken back
        known, bad = {route.version: route.digest}, route.canary
    if known.get(entry.version) != entry.digest:
        yield f"{_named(entry.version)} did not serve before with that artifact"
    if entry.former != bad:
        yield f"it says that it took {_named(entry.former)} off; that was {_named(bad)}"
    scope = f"version:{entry.model}@{entry.version}"
    for held in state.held((scope,), entry.at):
        yield f"it went back to {entry.version} under hold {held.index}"
    # INVARIANT: a rollback and the hold that pins it are in the record together or not at all.
    brought = state.holds.get(index - 1)
    if brought is None or (brought.scope, brought.by) != (f"version:{entry.model}@{bad}", entry.by):
        yield f"no hold on {_named(bad)} came with it"


def _named(version: str) -> str:
    return version or "nothing"
