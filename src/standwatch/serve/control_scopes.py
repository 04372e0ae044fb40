"""Which of the declared systems a scope touches: what `halt` says it covers, and whose authority lifts it."""

from standwatch.enforce.case import World
from standwatch.enforce.envelope import act_scopes, system_scopes
from standwatch.facts.entries import Intent
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
    envelope = world.envelopes.get(intent.system)
    tool = envelope.tools.get(intent.tool) if envelope is not None else None
    return scope in act_scopes(
        envelope, tool, system=intent.system, name=intent.tool, by=intent.by, run=intent.run
    )
