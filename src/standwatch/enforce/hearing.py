"""What a run reads by way of its model: tool results, documents, and what hosted tools bring."""

from typing import Final

from standwatch.facts.llm import Prompt, Turn
from standwatch.flow.origin import Place, Read
from standwatch.flow.trail import Trail

_READ: Final = frozenset({("tool", "result"), ("tool", "text"), ("tool", "other"), ("user", "other")})
"""(role, kind) of what somebody else may have written: what tools returned, and documents."""


def overhear(trail: Trail, prompt: Prompt, component: str, ident: str) -> None:
    """Label what the model is about to read in action `ident`, each text once.

    INVARIANT: it is labelled before it leaves, so that no answer to it is acted on before. Nothing of it is trusted:
    what a harness says that a tool returned is the harness' word, and the text of whoever wrote it.
    """
    for turn in prompt.turns:
        if turn.kind == "image" and turn.role == "tool":
            trail.missed(_place(turn, component, ident))  # what stands in a picture is not read here
        elif (turn.role, turn.kind) in _READ and turn.text:
            place = _place(turn, component, ident)
            said = turn.text.encode("utf-8", "surrogatepass")
            trail.overhear(
                Read(data=said, server=place.server, tool=place.tool, call=place.call, kind="said")
            )
    if prompt.hosted:  # what its provider reads for it goes round us
        trail.missed(Place(component, f"{component}.generation", ident))


def _place(turn: Turn, component: str, ident: str) -> Place:
    return Place(component, turn.name or f"{component}.generation", turn.call or ident, turn.at)
