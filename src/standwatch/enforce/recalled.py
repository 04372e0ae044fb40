"""An action of the record as an act once more: what its canonical bytes and the state of a moment say of it."""

import msgspec

from standwatch.enforce.ports import Act, Caller
from standwatch.facts.configuration import Definition
from standwatch.facts.parts import Action
from standwatch.facts.words import Seam
from standwatch.record.state import State


def act_of(action: Action, seam: Seam, state: State) -> Act:
    """The act. Of its tool's definition the digest alone is known: whether the arguments fit the schema was found out
    when it was first judged. Raises `msgspec.ValidationError` for words that no act of ours uses."""
    principal = state.principals.get(action.by)
    caller = Caller(
        action.by,
        principal.role if principal is not None else "agent",
        tuple(principal.systems) if principal is not None else (),
        run=action.run,
    )
    definition = Definition(action.tool, action.schema, {}) if action.schema else None
    return msgspec.convert(
        {
            "caller": caller,
            "system": action.system,
            "event": action.event,
            "tool": action.tool,
            "target": action.target,
            "arguments": action.arguments,
            "definition": definition,
            "phase": action.phase,
            "seam": seam,
        },
        Act,
    )
