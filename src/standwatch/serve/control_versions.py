"""Versions and routes in operation: deployed, promoted, taken back, and told as of any moment."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from standwatch.authority.grant import grant
from standwatch.facts.configuration import System
from standwatch.facts.entries import Deployed, Shadowed
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, Unrecorded
from standwatch.facts.frames import Ack
from standwatch.fronts.control_models import (
    ChangeLine,
    DeploymentOrder,
    ModelLine,
    ModelVersions,
    PinLine,
    RollbackOrder,
    Routed,
    VersionLine,
    Versions,
)
from standwatch.fronts.control_ports import Actor
from standwatch.gate.deploying import Candidate, missing, require_evidence
from standwatch.record.leaf import decode
from standwatch.record.serving import Serving
from standwatch.record.source import commitments, open_part
from standwatch.record.state import ALL, State
from standwatch.respond import routes
from standwatch.respond.orders import sees
from standwatch.respond.places import Place, limits_digest, pins, place, shown_limits
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_reading import Record, moment
from standwatch.serve.control_status import Lately
from standwatch.serve.gate import LiveGate

SHOWN: Final = 50
"""Changes of a route that one answer lists."""
_SOUGHT: Final = 1_000
"""Changes that are read to find since when a version serves."""
_COMPARED: Final = 20_000
"""Entries at the end of the record in which comparisons with a challenger are counted."""
_TRIES: Final = 20
_STEP: Final = 0.005
"""Seconds between two tries of a rollback that another change of the route overtook."""


class Routes:
    """Changes routes through the one gate. Every error is a `StandwatchError`."""

    def __init__(self, gate: LiveGate, source: Record, holds: Holds, clock: Callable[[], int]) -> None:
        self.loaded: Mapping[tuple[str, str, str], bool] = {}
        """What servers said last of (system, model, version); set by whoever asks them."""
        self._gate = gate
        self._source = source
        self._holds = holds
        self._clock = clock

    # --- forwards ------------------------------------------------------------------------------------------

    async def deploy(self, who: Actor, system: str, order: DeploymentOrder) -> Routed:
        """Put a version in front, before a part of the requests, beside the front, or take one off again."""
        where, now = self._place(system, order.model), self._clock()
        entry = self._changed(where, who, order, now)
        candidate = Candidate(system, entry.model, entry.version, entry.digest)
        command = where.command("validate", f"--version {entry.version} --until 90d")
        note = require_evidence(self._gate.state, candidate, entry.mode, now=now, command=command)
        ack = await self._holds.append(entry, order.reason)
        await self._holds.settled(ack.index)
        return self._routed(entry, ack, _said(entry), notes=(note,) if note else ())

    def _changed(self, where: Place, who: Actor, order: DeploymentOrder, now: int) -> Deployed:
        state, person = self._gate.state, orderer(who)
        match order.mode:
            case "full" | "canary" | "shadow":
                return routes.deploy(
                    where,
                    order.version,
                    person,
                    order.reason,
                    state,
                    now=now,
                    mode=order.mode,
                    share=order.share,
                    acknowledged=order.acknowledged,
                )
            case "promote":
                return routes.promote(where, person, state, now=now, acknowledged=order.acknowledged)
            case "end":
                return routes.end(where, order.version, person, order.reason, state)
            case _:
                raise Malformed(
                    f"{order.mode[:40]!r} is no way to deploy: expected full, canary, shadow, promote or end",
                    code="bad_mode",
                )

    # --- backwards -----------------------------------------------------------------------------------------

    async def rollback(self, who: Actor, system: str, order: RollbackOrder) -> Routed:
        """Back to a former version in one act, pinned by a hold that comes with it or not at all."""
        where = self._place(system, order.model)
        found = routes.rollback(
            where, orderer(who), order.reason, self._gate.state, now=self._clock(), to=order.to
        )
        ack = await self._written(where, who, order, found)
        await self._holds.settled(ack.index)
        entry, hold = found.entry, ack.index - 1
        skipped = tuple(f"passed over {one}" for one in found.skipped)
        release = f"standwatch release {hold} --reason …"
        text = f"{entry.model}@{entry.version} serves; hold {hold} pins {entry.former} off"
        return self._routed(entry, ack, text, hold=hold, release=release, notes=skipped)

    async def _written(self, where: Place, who: Actor, order: RollbackOrder, found: routes.Rollback) -> Ack:
        """Append it. A change that came between is no reason to refuse a rollback, if the same version is in front."""
        for _ in range(_TRIES):
            try:
                return await self._holds.append(found.entry, order.reason, (found.hold,))
            except Unrecorded as error:
                raise Unrecorded(str(error), cure=f"standwatch halt {found.hold.scope} --reason …") from error
            except Conflict:
                await asyncio.sleep(_STEP)
            now = self._clock()
            again = routes.rollback(where, orderer(who), order.reason, self._gate.state, now=now, to=order.to)
            if again.entry.former != found.entry.former:
                break
            found = again
        raise Conflict(
            f"{found.entry.former} is not in front any more: somebody was faster",
            cure=where.command("versions"),
        )

    def _routed(
        self,
        entry: Deployed,
        ack: Ack,
        text: str,
        *,
        hold: int = -1,
        release: str = "",
        notes: tuple[str, ...] = (),
    ) -> Routed:
        level = grant(self._gate.state, entry.system, self._clock()).level
        return Routed(
            index=ack.index,
            at=ack.at,
            text=f"{entry.system}: {text}; its grant is {level}",
            system=entry.system,
            model=entry.model,
            mode=entry.mode,
            version=entry.version,
            former=entry.former,
            level=level,
            hold=hold,
            release=release,
            notes=notes,
        )

    def _place(self, system: str, model: str) -> Place:
        return place(self._gate.configuration.systems.get(system), system, model)

    # --- looking -------------------------------------------------------------------------------------------

    async def versions(self, who: Actor, system: str, at: str = "") -> Versions:
        """Which version answers, for every model of `system`: now, or at an index or RFC 3339 time of the past."""
        past = moment(self._source, at) if at else None
        state = self._gate.state if past is None else self._source.state_before(past.index + 1)
        now = self._clock() if past is None else past.at
        if not sees(orderer(who), system, state if past is None else self._gate.state):
            raise Forbidden(f"{who.name} may not see {system}")
        if system not in state.systems:
            raise NotFound(f"no manifest declared {system} then", cure="standwatch status")
        declared = self._gate.configuration.systems.get(system) if past is None else None
        return Versions(
            system=system,
            at=now,
            index=self._source.size - 1 if past is None else past.index,
            past=past is not None,
            models=tuple(
                self._model(state, system, model, declared, now)
                for model in models_of(state, system, declared)
            ),
            names=names(self._gate.configuration),
        )

    def _model(
        self, state: State, system: str, model: str, declared: System | None, now: int
    ) -> ModelVersions:
        route = state.routes.get(f"{system}/{model}") or Serving(-1, 0)
        changes = tuple(self._changes(route.index, route.version))
        put = next((one for one in changes if one.mode in ("full", "rollback")), None)
        known = ModelVersions(
            model=model,
            version=route.version,
            digest=route.digest,
            since=put.at if put else 0,
            entry=put.index if put else -1,
            by=put.by if put else "",
            canary=route.canary,
            share=route.share,
            shadow=route.shadow,
            former=tuple(version for version, _ in reversed(route.former)),
            previous=route.previous,
            taken_back=route.taken_back,
            pinned=tuple(
                PinLine(held.index, held.scope, held.by, held.at, held.until)
                for held in pins(model, state, now)
            ),
            held=tuple(
                PinLine(held.index, held.scope, held.by, held.at, held.until)
                for held in state.held(_stops(system, model, route.version), now)
            ),
            changes=changes[:SHOWN],
        )
        if declared is None or model not in declared.manifest.models:
            return known
        compared, agreed = self._agreement(system, model, route)
        known = msgspec.structs.replace(
            known,
            compared=compared,
            agreed=agreed,
            loaded={name[2]: said for name, said in self.loaded.items() if name[:2] == (system, model)},
        )
        return _with_manifest(known, place(declared, system, model), state, now)

    def _agreement(self, system: str, model: str, route: Serving) -> tuple[int, int]:
        """(rows, rows that came out the same) of the challenger on `route`, in the last entries of the record."""
        if not route.shadow:
            return 0, 0
        rows = same = 0
        size = self._source.size
        wanted = b'"version":' + msgspec.json.encode(route.shadow)
        named = b'"system":' + msgspec.json.encode(system)
        for _, leaf in self._source.leaves(max(route.index, size - _COMPARED), size):
            if b'"kind":"act.shadowed.1"' in leaf and wanted in leaf and named in leaf:
                entry = decode(leaf)
                if isinstance(entry, Shadowed) and entry.model == model:
                    rows, same = rows + entry.rows, same + entry.same
        return rows, same

    def _changes(self, index: int, version: str) -> Iterator[ChangeLine]:
        """The changes of a route, the latest first: each names the one before it. As far as they are shown, and on
        to the one that put `version` in front."""
        found = not version
        for count in range(_SOUGHT):
            if index < 0 or (count >= SHOWN and found):
                return
            entry = decode(self._source.leaf(index))
            if not isinstance(entry, Deployed):
                return
            found = found or entry.mode in ("full", "rollback")
            yield ChangeLine(
                index=index,
                at=entry.at,
                by=entry.by,
                mode=entry.mode,
                version=entry.version,
                share=entry.share,
                former=entry.former,
                limits=entry.limits,
                why=self._why(index, entry) if count < SHOWN else "",
            )
            index = entry.follows

    def _why(self, index: int, entry: Deployed) -> str:
        for wanted in commitments(entry):
            return open_part(self._source, index, entry, wanted).data.decode(errors="replace")
        return ""


def _said(entry: Deployed) -> str:
    named = f"{entry.model}@{entry.version}"
    match entry.mode:
        case "canary":
            return f"{named} answers {entry.share / 100:g} % of requests"
        case "shadow":
            return f"{named} sees the same rows and is not heard"
        case "end":
            return f"{named} is off the route"
        case _:
            return f"{named} serves"


def _with_manifest(known: ModelVersions, where: Place, state: State, now: int) -> ModelVersions:
    model, locked = where.model, where.system.lock.components
    lines: list[VersionLine] = []
    for name, version in model.versions.items():
        digest = locked.get(f"{model.component}@{name}", "") if version.artifact else ""
        _, lacks = missing(state, Candidate(where.name, model.component, name, digest), now)
        lines.append(VersionLine(name, digest, bool(digest) or not version.artifact, lacks))
    return msgspec.structs.replace(
        known,
        warm=model.warm,
        fallback=model.fallback.kind,
        declared=tuple(lines),
        limits=shown_limits(model),
        acknowledge=limits_digest(model),
    )


def _stops(system: str, model: str, version: str) -> tuple[str, ...]:
    """The scopes under which a hold stops the version in front; a vendor's stand in the manifest."""
    return (ALL, f"system:{system}", f"component:{model}", f"version:{model}@{version}")


def models_of(state: State, system: str, declared: System | None) -> list[str]:
    """The models of `system`: those declared, and those that have a route in `state`."""
    mine = {key.partition("/")[2] for key in state.routes if key.partition("/")[0] == system}
    return sorted(mine | (declared.manifest.models.keys() if declared is not None else set()))


def model_lines(
    state: State, system: str, declared: System | None, now: int, lately: Lately
) -> tuple[ModelLine, ...]:
    """The models of `system` as `status` shows them."""
    found: list[ModelLine] = []
    for model in models_of(state, system, declared):
        key = f"{system}/{model}"
        route = state.routes.get(key) or Serving(-1, 0)
        held = tuple(held.index for held in pins(model, state, now))
        rows, fallback = lately.rows.get(key, 0), lately.fallback.get(key, 0)
        found.append(
            ModelLine(
                model,
                route.version,
                route.canary,
                route.share,
                route.shadow,
                held,
                tuple(one.index for one in state.held(_stops(system, model, route.version), now)),
                rows,
                fallback,
            )
        )
    return tuple(found)
