"""What a run reads by an act: the same now, after a restart, in another worker, and when the record is replayed."""

from typing import Final

from standwatch.facts.configuration import Returns
from standwatch.facts.words import OutcomeStatus, Seam
from standwatch.flow.origin import Kind, Read

_KINDS: Final[dict[str, Kind]] = {
    "resource_read": "resource",
    "prompt_get": "prompt",
    "completion": "completion",
    "elicitation": "answer",
    "sampling": "answer",
    "roots": "answer",
}
"""What is read by acts that are no tool calls."""


def read_of(
    event: str, tool: str, ident: str, data: bytes, *, returns: Returns, seam: Seam, status: OutcomeStatus
) -> Read | None:
    """What act `ident` brought, `data` as it came back. None for what is no reading: what a model says comes from
    nowhere."""
    if event == "generation":
        return None
    return Read(
        data=data,
        server=tool.partition(".")[0],
        tool=tool,
        call=ident,
        kind=_KINDS.get(event, "result"),
        returns=returns if event == "tool_call" else Returns(),
        # INVARIANT: only what we carried ourselves can be trusted; a result that its caller tells us is its own word.
        told_by_us=seam == "proxy" and status == "ok",
    )
