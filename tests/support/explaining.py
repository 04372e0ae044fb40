"""A model that is a Python function, and whoever answers the steps of an explanation with it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from standwatch.facts.decisions import Row, Trouble
from standwatch.facts.models import Actionable, Feature, Model, Outcome, Output
from standwatch.watch.reexecution import Batch, Command, Contributed, Reply

T = TypeVar("T")


def scored(*features: Feature, threshold: float = 0.5, **more: Any) -> Model:
    """A model of these features whose score `s` denies at or above `threshold`."""
    outcome = Outcome("s", threshold, at_or_above="denied", below="granted", **more)
    return Model("credit", inputs=features, outputs=(Output("s", "score"),), outcome=outcome)


def number(name: str, low: float | None = 0, high: float | None = 10, **actionable: Any) -> Feature:
    """An actionable number."""
    return Feature(name, min=low, max=high, actionable=Actionable(**actionable))


def drive(
    steps: Generator[Command, Reply, T],
    predict: Callable[[Row], Any],
    *,
    contributed: Contributed | None = None,
    seen: list[Row] | None = None,
    breaks_at: int = 0,
) -> T:
    """Runs the steps to their end; `predict` gives output `s` of a row. The n-th batch is not executed."""
    reply: Reply | None = None
    batches = 0
    while True:
        try:
            command = next(steps) if reply is None else steps.send(reply)
        except StopIteration as end:
            return end.value
        if isinstance(command, Batch):
            batches += 1
            rows = command.rows()
            if seen is not None:
                seen.extend(rows)
            reply = (
                Trouble("timeout", "too slow")
                if batches == breaks_at
                else {"s": [predict(row) for row in rows]}
            )
        else:
            reply = contributed or Contributed("", why="none of its own")
