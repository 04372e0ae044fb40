"""Which of the declared systems a scope touches: what `halt` says it covers, and whose authority lifts it."""

from collections.abc import Iterable

from standwatch.enforce.case import World
from standwatch.enforce.envelope import act_scopes, system_scopes
from standwatch.facts.entries import Asked, Intent
from standwatch.record.state import State
from standwatch.respond.scope import Scope


def covered(scope: Scope, world: World, state: State) -> tuple[str, ...]:
    """The declared systems on whose actions a hold on `scope` falls, by name."""
    text = str(scope)
    match scope.kind:
        case "all":
            return tuple(sorted(world.envelopes))
        case "agent":
            principal = state.principals.get(scope.name)
            return tuple(sorted(principal.systems)) if principal is not None else ()
        case "run":
            _, run = state.runs.get(scope.name, (0, None))
            return (run.system,) if run is not None else ()
        case "version":
            model = scope.name.partition("@")[0]  # a version that is declared no more is still of its model
            return tuple(
                sorted(
                    name
                    for name, envelope in world.envelopes.items()
                    if text in system_scopes(envelope) or model in envelope.system.manifest.models
                )
            )
        case _:
            return tuple(
                sorted(name for name, envelope in world.envelopes.items() if text in system_scopes(envelope))
            )


def touches(scope: str, intent: Intent, world: World) -> bool:
    """Whether a hold on `scope` falls on `intent`."""
    return scope in _scopes(intent, world)


def holding(
    asked: Asked, world: World, state: State, now: int, memory: Iterable[str] = ()
) -> tuple[int, ...]:
    """The holds that fall at `now` on what is asked about, by index; -1 where one of the scopes in `memory` does."""
    scopes = _scopes(asked, world)
    unrecorded = (-1,) if any(scope in scopes for scope in memory) else ()
    return (*sorted(hold.index for hold in state.held(scopes, now)), *unrecorded)


def _scopes(act: Intent | Asked, world: World) -> tuple[str, ...]:
    envelope = world.envelopes.get(act.system)
    tool = envelope.tools.get(act.tool) if envelope is not None else None
    return act_scopes(envelope, tool, system=act.system, name=act.tool, by=act.by, run=act.run)
