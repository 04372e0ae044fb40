"""What decisions in one flow know of each other: which were made, and the W3C trace they belong to.

It follows `contextvars`: into awaited coroutines and new tasks, not into threads that were there before.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

MOST_USED = 64
"""Ids that one decision may name."""


@dataclass(slots=True)
class Flow:
    """One stretch of work: the ids of the decisions made in it so far, and its `traceparent`.

    `later`: whether each of them rests on those before it; else they are for the one decision that encloses them.
    """

    trace: str
    later: bool
    made: list[str] = field(default_factory=list[str])

    def add(self, ident: str) -> None:
        """A decision was made; beyond the most that may be named the latest are."""
        if ident and ident not in self.made:
            self.made.append(ident)
            del self.made[:-MOST_USED]


_flow: ContextVar[Flow | None] = ContextVar("standwatch.flow", default=None)


def current() -> Flow | None:
    """The flow we are in."""
    return _flow.get()


def trace_of(given: str | None) -> str:
    """The `traceparent` to send: the one given, else a step of the flow's, else a new one."""
    if given:
        return given
    flow = _flow.get()
    return step(flow.trace) if flow is not None else step("")


def step(trace: str) -> str:
    """A `traceparent` of the same trace with a parent of its own (W3C Trace Context §3.2); "" begins a trace.

    >>> step("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")[:36]
    '00-4bf92f3577b34da6a3ce929d0e0e4736-'
    """
    parts = trace.split("-")
    known, flags = (parts[1], parts[3]) if len(parts) == 4 else (os.urandom(16).hex(), "00")
    return f"00-{known}-{os.urandom(8).hex()}-{flags}"


@contextmanager
def within(trace: str, later: bool) -> Generator[Flow]:
    """A flow of its own, as long as the block runs."""
    flow = Flow(trace, later)
    token = _flow.set(flow)
    try:
        yield flow
    finally:
        _flow.reset(token)


@contextmanager
def composition(traceparent: str = "") -> Generator[Flow]:
    """Decisions in this block belong together: one trace, and each names those made before it as `used`.

    >>> with composition() as flow:
    ...     flow.add("41/0")  # what `client.decide` does
    ...     current().made
    ['41/0']
    """
    with within(traceparent or step(""), True) as flow:
        yield flow
