"""LangGraph's `interrupt`, where what it is resumed with means nothing: the answer is in the record."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Final, NoReturn, cast

from langgraph.config import get_config
from langgraph.types import Command, Interrupt, interrupt

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
    """Take the values that our pauses were resumed with out of the way: no interrupt of the tool's own gets them.

    For tasks of one call each. LangGraph has no public way to see how many there are; where its inside looks otherwise,
    none are taken.
    """
    configurable = cast("dict[str, Any]", get_config().get("configurable", {}))
    pad = configurable.get("__pregel_scratchpad")
    if pad is None:
        return
    with _one:
        waits = len(getattr(pad, "resume", ())) + (pad.get_null_resume(False) is not None)
        for _ in range(waits):
            interrupt({MARK: ""})


def resuming(paused: Iterable[Any], value: Any = "answered") -> Command[Any]:
    """The command that resumes a run at all of our pauses among `paused`: interrupts, or the result of an invocation.

    Whether people have answered is looked up again; a call whose question is still open pauses once more.
    """
    found: Any = paused
    if isinstance(paused, dict):
        found = cast("dict[str, Any]", paused).get("__interrupt__", ())
    elif hasattr(paused, "interrupts"):
        found = paused.interrupts
    ours = [one for one in found if isinstance(one, Interrupt) and MARK in (one.value or {})]
    if not ours:
        raise ValueError("there is no pause of Standwatch's here")
    return Command(resume={one.id: value for one in ours})
