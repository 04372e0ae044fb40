"""Which of the declared systems a scope touches: what `halt` says it covers, and whose authority lifts it."""

from standwatch.enforce.case import World
from standwatch.facts.entries import Intent
from standwatch.record.state import State
from standwatch.respond.scope import ALL, Scope


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
        case _:
            return tuple(sorted(name for name in world.envelopes if text in _scopes(world, name)))


def _scopes(world: World, system: str) -> set[str]:
    envelope = world.envelopes[system]
    return {*envelope.scopes, *(scope for tool in envelope.tools.values() for scope in tool.scopes)}


def touches(scope: str, intent: Intent, world: World) -> bool:
    """Whether a hold on `scope` falls on `intent`."""
    own = {ALL, f"system:{intent.system}", f"tool:{intent.tool}", f"agent:{intent.by}", f"run:{intent.run}"}
    server = intent.tool.partition(".")[0]
    envelope = world.envelopes.get(intent.system)
    tool = envelope.tools.get(intent.tool) if envelope is not None else None
    scopes = tool.scopes if tool is not None else envelope.scopes if envelope is not None else ()
    return scope in {*own, f"server:{server}", *scopes}


def known(world: World, state: State) -> list[str]:
    """Every scope that would touch something, for suggestions."""
    found = {scope for name in world.envelopes for scope in _scopes(world, name)}
    found |= {f"agent:{name}" for name, principal in state.principals.items() if not principal.revoked}
    return sorted(found | {f"run:{run}" for run in state.runs} | {ALL})
