"""One system whole: its manifest in words, its evidence and what counts of it, as of any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from standwatch.authority.grant import decision_permission, grant, permits
from standwatch.authority.tiers import tier
from standwatch.enforce.case import World
from standwatch.facts.configuration import ArgumentRule, Component, Configuration, Manifest, System, Tool
from standwatch.facts.errors import Forbidden, NotFound
from standwatch.facts.words import Level
from standwatch.fronts.control_models import ModelVersions
from standwatch.fronts.control_ports import Actor
from standwatch.fronts.control_systems import EvidenceLine, ExposureLine, PartLine, SystemSheet, ToolLine
from standwatch.record.state import Standing, State
from standwatch.respond.orders import sees
from standwatch.respond.scope import parse
from standwatch.serve.adopt import decode_configuration
from standwatch.serve.control_people import orderer
from standwatch.serve.control_reading import Record, moment
from standwatch.serve.control_scopes import covered
from standwatch.serve.control_spending import currency
from standwatch.serve.gate import LiveGate

_EFFECTS: Final = ("read", "write", "irreversible", "generation")


class Systems:
    """Reads sheets. `bypasses` names the paths that go round an agents' URL; `names` shows people."""

    def __init__(
        self,
        gate: LiveGate,
        source: Record,
        clock: Callable[[], int],
        bypasses: Callable[[str], Sequence[str]],
    ) -> None:
        self._gate, self._source, self._clock, self._bypasses = gate, source, clock, bypasses

    async def sheet(
        self, who: Actor, system: str, as_of: str, models: tuple[ModelVersions, ...]
    ) -> SystemSheet:
        """The sheet of `system`, now or as of a moment. Raises `Forbidden` and `NotFound`."""
        past = moment(self._source, as_of) if as_of else None
        state = self._gate.state if past is None else self._source.state_before(past.index + 1)
        now = self._clock() if past is None else past.at
        standing = state.systems.get(system)
        if standing is None:
            raise NotFound(f"no manifest declares {system[:80]}", cure="standwatch status")
        if not sees(orderer(who), system, state):
            raise Forbidden(f"{who.name} may not see {system}")
        configuration = await self._configuration(state) if past is not None else self._gate.configuration
        declared = configuration.systems.get(system) if configuration is not None else None
        held = grant(state, system, now)
        return SystemSheet(
            system=system,
            at=now,
            index=self._source.size - 1 if past is None else past.index,
            past=past is not None,
            known=declared is not None,
            evidence=_evidence(state, standing, held.evidence),
            exposure=tuple(
                ExposureLine(entry.week, entry.people, entry.error, index)
                for index, entry in reversed(state.exposure.get(system, ()))
            ),
            models=models,
            permits=_permits(held.level, tier(state, system)),
            holds=_holds(state, system, now, self._gate.world),
            bypasses=self._round() if past is None else (),
            **({} if declared is None else _declared(declared)),
        )

    def _round(self) -> tuple[str, ...]:
        agents = self._gate.configuration.organisation.agents
        return tuple(self._bypasses(agents.url))

    async def _configuration(self, state: State) -> Configuration | None:
        """The configuration that was in force in `state`; None where it was erased or cannot be read."""
        if state.config < 0:
            return None
        index = state.config
        found = await asyncio.to_thread(self._source.sealed, index, str(index), "manifest")
        return decode_configuration(found.parts[-1].data) if found.parts else None


def _evidence(state: State, standing: Standing, basis: tuple[int, ...]) -> tuple[EvidenceLine, ...]:
    name = standing.entry.system
    about = {(envelope, state.running(name, parts)) for envelope, parts in standing.lineage}
    return tuple(
        EvidenceLine(
            index,
            one.at,
            one.by,
            one.outcome,
            one.until,
            one.report,
            counts=index in basis,
            elsewhere=(one.envelope, one.components) not in about,
        )
        for index, one in reversed(state.evidence.get(name, ()))
    )


def _permits(level: Level, stakes: int) -> dict[str, str]:
    return {
        **{effect: permits(level, effect) for effect in _EFFECTS},
        "decision": decision_permission(level, stakes),
    }


def _holds(state: State, system: str, now: int, world: World) -> tuple[int, ...]:
    return tuple(
        held.index
        for held in state.holds.values()
        if not 0 < held.until <= now and system in covered(parse(held.scope), world, state)
    )


def _declared(system: System) -> dict[str, Any]:
    """What stands in the manifest and its lock, as members of the sheet."""
    manifest, lock = system.manifest, system.lock
    return {
        "parts": tuple(_part(one, lock.components.get(one.name, "")) for one in manifest.components),
        "tools": tuple(_tool(one, lock.tools.get(one.name, ""), manifest) for one in manifest.tools.values()),
        "limits": tuple(_limits(manifest)),
        "approvers": _approvers(manifest),
    }


def _part(one: Component, digest: str) -> PartLine:
    # Arguments may hold credentials: of a command only its program is shown.
    return PartLine(
        one.kind,
        one.name,
        one.vendor,
        one.version,
        one.url or (one.command[0] if one.command else ""),
        digest,
    )


def _tool(one: Tool, digest: str, manifest: Manifest) -> ToolLine:
    own = one.approvals is not None
    bounded = one.arguments or one.only_declared or one.per_run is not None or one.intent
    return ToolLine(
        one.name,
        one.effect,
        one.otherwise if bounded else "",
        tuple(_bounds(one)),
        digest,
        approvals=_approvers(manifest, one.name) if own else "",
        approvers=manifest.answering(one.name).by if own else (),
    )


def _bounds(tool: Tool) -> Iterator[str]:
    for name, rule in tool.arguments.items():
        yield f"{name}: {', '.join(_rule(rule)) or 'any value'}"
    if tool.only_declared:
        yield "no other arguments"
    if tool.per_run is not None:
        yield f"at most {tool.per_run} in a run"
    if tool.intent:
        yield f"only where the task says {' or '.join(tool.intent)}"
    if tool.timeout is not None:
        yield f"within {tool.timeout} s"


def _rule(rule: ArgumentRule) -> Iterator[str]:
    if rule.required:
        yield "required"
    if rule.min is not None and rule.max is not None:
        yield f"{rule.min} to {rule.max}"
    elif rule.min is not None:
        yield f"at least {rule.min}"
    elif rule.max is not None:
        yield f"at most {rule.max}"
    if rule.one_of is not None:
        yield f"one of {', '.join(map(str, rule.one_of))}"
    if rule.each_of is not None:
        yield f"each of {', '.join(rule.each_of) or 'none'}"
    if rule.pattern is not None:
        yield f"matching {rule.pattern}"
    if rule.max_length is not None:
        yield f"at most {rule.max_length} characters"
    if rule.sources:
        yield f"from {' or '.join(rule.sources)}"
    if rule.otherwise == "step_up":
        yield "else a person is asked"


def _limits(manifest: Manifest) -> Iterator[str]:
    limits = manifest.limits
    counts = (
        (limits.calls_per_run, "calls in a run"),
        (limits.minutes_per_run, "minutes for a run"),
        (limits.calls_per_minute, "calls a minute"),
        (limits.asks_per_run, "questions to people in a run"),
        (limits.asks_per_person_per_hour, "questions to one person an hour"),
        (limits.asks_per_hour, "questions an hour"),
        (limits.asks_per_day, "questions a day"),
        (limits.tokens_per_run, "tokens in a run"),
        (limits.money_per_run, f"{currency(manifest)} in a run"),
    )
    yield from (f"at most {count} {what}" for count, what in counts if count is not None)
    yield from (f"at most {most} {name} a day" for name, most in limits.per_day.items())


def _approvers(manifest: Manifest, tool: str = "") -> str:
    """How many, in words, of the system or of one tool; who answers for the system stands in `status`."""
    asked = manifest.answering(tool)
    order = ", in order" if asked.ordered else ""
    never = f"; never the {' nor the '.join(asked.never)}" if asked.never else ""
    return f"{asked.quorum} of {len(asked.by)}{order}{never}"
