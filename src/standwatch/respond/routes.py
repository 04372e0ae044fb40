"""Which version of a model answers, changed by people: `deploy`, `promote`, `rollback`, and taking a challenger off.

Pure: each answers with the entries to append, or raises a `StandwatchError` that names the command that helps.
Starting takes a right, acknowledged limits and (`gate.deploying`) evidence; going back takes one act and a reason.
"""

from typing import Final, Literal

import msgspec

from standwatch.facts.entries import Deployed, Hold
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.record.serving import Serving
from standwatch.record.state import Held, State
from standwatch.respond.orders import Orderer, require_reason, sees
from standwatch.respond.places import Place, declared_digest, limits_digest, pins, shown_limits, version_scope

WHOLE: Final = 10_000
"""A canary's share is counted in ten-thousandths of requests."""

Mode = Literal["full", "canary", "shadow"]


class Rollback(msgspec.Struct, frozen=True):
    """What goes into the record together, or not at all: the hold that pins, and the change of the route."""

    hold: Hold
    entry: Deployed
    skipped: tuple[str, ...] = ()
    """Former versions that were passed over, each with why."""


# --- forwards --------------------------------------------------------------------------------------------------------


def deploy(
    place: Place,
    version: str,
    who: Orderer,
    reason: str,
    state: State,
    *,
    now: int,
    mode: Mode = "full",
    share: int = 0,
    acknowledged: str = "",
) -> Deployed:
    """The entry that puts `version` in front, before `share` of requests, or beside the front unheard.

    Raises `Forbidden`, `NotFound`, `Malformed`, or `Conflict` with one of the codes `pinned`, `unlocked`, `already`,
    `canary_runs`, `no_front` and `limits_unacknowledged`.
    """
    _require_right(place, who, state, "deploy")
    require_reason(reason, place.command("deploy", f"{version} --reason …"))
    digest = declared_digest(place, version)
    _require_unpinned(place, state, now)
    route = state.routes.get(place.key)
    match mode:
        case "full":
            _require_another(place, route, version, digest)
        case "canary":
            _require_canary(place, route, version, share)
        case "shadow":
            _require_challenger(place, route, version)
    limits = "" if mode == "shadow" else _acknowledged(place, acknowledged)
    return Deployed(
        by=who.ident,
        system=place.name,
        model=place.model.component,
        version=version,
        digest=digest,
        mode=mode,
        share=share if mode == "canary" else 0,
        former=route.version if route is not None and mode == "full" else "",
        follows=_follows(route),
        limits=limits,
    )


def promote(place: Place, who: Orderer, state: State, *, now: int, acknowledged: str = "") -> Deployed:
    """The entry that puts the canary in front, as it runs. Raises as `deploy`, and `Conflict` (`no_canary`)."""
    _require_right(place, who, state, "promote")
    route = state.routes.get(place.key)
    if route is None or not route.canary:
        raise Conflict(
            f"no canary of {place.model.component} runs",
            code="no_canary",
            cure=place.command("deploy", "VERSION --canary 5% --reason …"),
        )
    _require_unpinned(place, state, now)
    if declared_digest(place, route.canary) != route.canary_digest:
        raise Conflict(
            f"the lock names another artifact for {route.canary} than the canary runs",
            code="unlocked",
            cure=place.command("deploy", f"{route.canary} --reason …"),
        )
    return Deployed(
        by=who.ident,
        system=place.name,
        model=place.model.component,
        version=route.canary,
        digest=route.canary_digest,
        former=route.version,
        follows=route.index,
        limits=_acknowledged(place, acknowledged),
    )


def _require_right(place: Place, who: Orderer, state: State, act: str) -> None:
    standing = state.systems.get(place.name)
    if standing is None:
        raise NotFound(f"{place.name} is not in force yet", cure="standwatch status")
    may = {*standing.entry.owner, *standing.entry.halt}
    if not who.admin and who.ident not in may:
        named = ", ".join(sorted(may)) or "an administrator"
        raise Forbidden(
            f"{who.ident} may not {act} for {place.name}: its owner, its halt authority or an administrator may",
            cure=f"ask {named}",
        )


def _require_unpinned(place: Place, state: State, now: int) -> None:
    for held in pins(place.model.component, state, now):
        raise Conflict(
            f"hold {held.index} on {held.scope} by {held.by} pins what {place.model.component} runs",
            code="pinned",
            reference=str(held.index),
            cure=f"standwatch release {held.index} --reason …",
        )


def _require_another(place: Place, route: Serving | None, version: str, digest: str) -> None:
    if route is not None and (route.version, route.digest) == (version, digest):
        raise Conflict(
            f"{place.model.component}@{version} is in front already",
            code="already",
            reference=str(route.index),
            cure=place.command("versions"),
        )


def _require_canary(place: Place, route: Serving | None, version: str, share: int) -> None:
    if not 0 < share < WHOLE:
        raise Malformed("a canary answers between 0.01 % and 99.99 % of requests", code="bad_share")
    if route is None or not route.version:
        raise Conflict(
            f"no version of {place.model.component} is in front: there is nothing for a canary to run beside",
            code="no_front",
            cure=place.command("deploy", f"{version} --reason …"),
        )
    if route.version == version:
        raise Conflict(f"{version} is in front already", code="already", cure=place.command("versions"))
    if route.canary not in ("", version):
        raise Conflict(
            f"another canary runs: {route.canary}",
            code="canary_runs",
            cure=place.command("deploy", f"{route.canary} --end --reason …"),
        )


def _require_challenger(place: Place, route: Serving | None, version: str) -> None:
    if route is not None and version in (route.version, route.canary, route.shadow):
        raise Conflict(f"{version} sees these rows already", code="already", cure=place.command("versions"))


def _acknowledged(place: Place, digest: str) -> str:
    wanted = limits_digest(place.model)
    if digest == wanted:
        return wanted
    texts = "; ".join(shown_limits(place.model)) or "none"
    raise Conflict(
        f"whoever deploys {place.model.component} acknowledges exactly its known limits: {texts}",
        code="limits_unacknowledged",
        cure=f"add --acknowledge {wanted}" if wanted else "leave out --acknowledge: there are none",
    )


def _follows(route: Serving | None) -> int:
    return route.index if route is not None else -1


# --- backwards -------------------------------------------------------------------------------------------------------


def rollback(place: Place, who: Orderer, reason: str, state: State, *, now: int, to: str = "") -> Rollback:
    """One act, without approval: back to `to`, else to the last former version that may serve.

    It brings a hold on the version that is taken off, so that nothing is deployed until somebody releases it. Where a
    canary runs, `to` the version in front takes off the canary alone. Raises `Forbidden`, or `Conflict` with one of
    the codes `no_former`, `already`, `held` and `undeclared`, or `NotFound` for a version that never served.
    """
    if not sees(who, place.name, state):
        raise Forbidden(f"{who.ident} may see nothing of {place.name}, and so may not roll it back")
    require_reason(reason, place.command("rollback", "--reason …"))
    route = state.routes.get(place.key)
    if route is None or not route.version:
        raise _nowhere(place, f"no version of {place.model.component} was ever in front", "component:", "")
    skipped: tuple[str, ...] = ()
    if not to:
        to, skipped = _latest(place, route, state, now)
    digest = _target(place, route, to, state, now)
    bad = route.canary if to == route.version else route.version
    scope = version_scope(place, bad)
    return Rollback(
        Hold(by=who.ident, scope=scope),
        Deployed(
            by=who.ident,
            system=place.name,
            model=place.model.component,
            version=to,
            digest=digest,
            mode="rollback",
            former=bad,
            follows=route.index,
        ),
        skipped,
    )


def end(place: Place, version: str, who: Orderer, reason: str, state: State) -> Deployed:
    """The entry that takes a canary or challenger off the route: a way of stopping, so whoever may see it may."""
    if not sees(who, place.name, state):
        raise Forbidden(f"{who.ident} may see nothing of {place.name}, and so may not end what runs there")
    require_reason(reason, place.command("deploy", f"{version} --end --reason …"))
    route = state.routes.get(place.key)
    if route is None or not version or version not in (route.canary, route.shadow):
        raise Conflict(
            f"{version or 'nothing'} is neither canary nor challenger of {place.model.component}",
            code="no_canary",
            cure=place.command("versions"),
        )
    return Deployed(
        by=who.ident,
        system=place.name,
        model=place.model.component,
        version=version,
        mode="end",
        follows=route.index,
    )


def _latest(place: Place, route: Serving, state: State, now: int) -> tuple[str, tuple[str, ...]]:
    """Where a canary runs, the front without it; else the last former version that may serve and was not taken back."""
    if route.canary and _held(place, route.version, state, now) is None:
        return route.version, ()
    skipped: list[str] = []
    for version, _ in reversed(route.former):
        held = _held(place, version, state, now)
        if held is not None:
            skipped.append(f"{version} is held by {held.index}")
        elif version in route.taken_back:
            skipped.append(f"{version} was taken back before")
        elif version in place.model.versions:
            return version, tuple(skipped)
        else:
            skipped.append(f"{version} is declared no more")
    if not skipped:
        what = f"{place.model.component}@{route.version} is its first version: there is none to go back to"
        raise _nowhere(place, what, "version:", f"@{route.version}")
    what = f"no former version of {place.model.component} may serve: {'; '.join(skipped)}"
    raise _nowhere(place, what, "version:", f"@{route.version}")


def _nowhere(place: Place, what: str, kind: str, version: str) -> Conflict:
    """There is nothing to go back to, but there is a way to stop."""
    kept = place.model.fallback.kind
    then = "requests are refused" if kept == "refuse" else f"its fallback ({kept}) answers"
    return Conflict(
        f"{what}. Halted, {then}",
        code="no_former",
        cure=f"standwatch halt {kind}{place.model.component}{version} --reason …",
    )


def _target(place: Place, route: Serving, to: str, state: State, now: int) -> str:
    """The digest under which `to` served. Raises where it may not serve again."""
    if to == route.version and not route.canary:
        raise Conflict(f"{to} is in front already", code="already", cure=place.command("versions"))
    known = dict(route.former) | {route.version: route.digest}
    if to not in known:
        names = ", ".join(version for version, _ in reversed(route.former)) or "none"
        raise NotFound(
            f"{to} never served all of {place.model.component}; former versions: {names}",
            code="no_former",
            cure=place.command("versions"),
        )
    held = _held(place, to, state, now)
    if held is not None:
        raise Conflict(
            f"hold {held.index} on {held.scope} by {held.by} stops {to} itself",
            code="held",
            reference=str(held.index),
            cure=f"standwatch release {held.index} --reason …",
        )
    if to not in place.model.versions:
        raise Conflict(
            f"the manifest does not declare {to} any more: nobody says where it is served",
            code="undeclared",
            cure=f"add it to systems/{place.name}.yaml again, or roll back --to another",
        )
    return known[to]


def _held(place: Place, version: str, state: State, now: int) -> Held | None:
    return next(iter(state.held((version_scope(place, version),), now)), None)
