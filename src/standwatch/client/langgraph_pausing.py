"""LangGraph's `interrupt`, where what it is resumed with means nothing: the answer is in the record."""

from __future__ import annotations

import re
import threading
from typing import Any, Final, NoReturn, cast

from langgraph.config import get_config
from langgraph.types import Command, interrupt

from standwatch.client.errors import Pending

MARK: Final = "standwatch"
"""The member of an interrupt's value that holds the reference: by this one knows our interrupts."""
_one = threading.Lock()
"""Calls of one node may run in threads beside each other, and LangGraph numbers their interrupts as they come."""


def payload(tool: str, pending: Pending) -> dict[str, str]:
    """What a person or a program is shown of the pause."""
    return {
        MARK: pending.reference,
        "tool": tool,
        "message": pending.message,
        "url": pending.url,
        "words": pending.words,
    }


def pause(shown: dict[str, str]) -> NoReturn:
    """Pause the run. Each value that it was resumed with is one answer that did not settle it."""
    with _one:
        while True:
            interrupt(shown)


def discard() -> None:
    """Take what our pauses were resumed with out of the way: no interrupt of the tool's own gets it for an answer.

    For tasks of one call each. LangGraph has no public way to see what there is; where its inside looks otherwise than
    in 1.2, nothing is taken.
    """
    pad = get_config().get("configurable", {}).get("__pregel_scratchpad")
    if pad is None:
        return
    with _one:
        given: list[Any] = [*getattr(pad, "resume", ()), pad.get_null_resume(False)]
        last = max((at for at, one in enumerate(given) if _ours(one)), default=-1)
        for _ in range(last + 1 - _next(pad)):
            interrupt({MARK: ""})


def _next(pad: Any) -> int:
    """The number of the task's next interrupt: those before it have had their answers."""
    counter = getattr(pad.interrupt_counter, "_counter", None)
    if counter is None:
        return 0
    found = re.fullmatch(r"count\((\d+)\)", repr(getattr(counter, "__self__", None)))
    return int(found[1]) if found else 1 << 30


def resuming(paused: Any) -> Command[Any]:
    """The command that resumes a run at all of our pauses among `paused`: the result of an invocation, what
    `graph.get_state` gives, or interrupts.

    Whether people have answered is looked up again; a call whose question is still open pauses once more.
    Raises ValueError where there is no pause of ours.
    """
    if isinstance(paused, dict):
        paused = cast("dict[str, Any]", paused).get("__interrupt__", ())
    found: list[Any] = list(getattr(paused, "interrupts", paused))
    ours = {one.id: {MARK: one.value[MARK]} for one in found if _ours(one.value)}
    if not ours:
        raise ValueError("there is no pause of Standwatch's here")
    return Command(resume=ours)


def _ours(value: Any) -> bool:
    return isinstance(value, dict) and MARK in cast("dict[str, Any]", value)
