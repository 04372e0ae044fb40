"""Answers what an explanation wants executed (`watch.reexecution`): by the pinned artifact, or the served version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.decisions import Rows, Trouble
from standwatch.facts.models import Model
from standwatch.upstream.executor import Executors, Pin
from standwatch.watch.reexecution import Batch, Command, Contributed, Outputs, Reply, Share, Steps

CHUNK: Final = 1_000
"""Rows of one request to a server that also serves others."""
Answer = Callable[[Command, float], Awaitable[Reply]]
"""Carries out one command within seconds. Never raises for what a model does or says."""
T = TypeVar("T")


async def drive(steps: Steps[T], answer: Answer, within: float) -> T:
    """Takes `steps` to their end. After `within` seconds every command is `Trouble`, so that they end soon.

    They are taken in a thread: tens of milliseconds of search must not stand before somebody's decision."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    moved = await asyncio.to_thread(_move, steps, None)
    while not isinstance(moved, _Done):
        left = end - loop.time()
        reply = await answer(moved, left) if left > 0 else Trouble("timeout", "there is no time left")
        moved = await asyncio.to_thread(_move, steps, reply)
    return moved.value


class _Done(Generic[T]):
    """What the steps came to."""

    def __init__(self, value: T) -> None:
        self.value = value


def _move(steps: Steps[T], reply: Reply | None) -> Command | _Done[T]:
    """The next command. `StopIteration` may not leave a thread's function through a future."""
    try:
        return next(steps) if reply is None else steps.send(reply)
    except StopIteration as done:
        return _Done(done.value)


def pinned(executors: Executors, pin: Pin, model: Model) -> Answer:
    """By the artifact of the pin's digest, in the model's own environment."""
    names = tuple(feature.name for feature in model.inputs)
    outputs = [{"name": each.name, "type": each.type, "labels": each.labels} for each in model.outputs]

    async def answer(command: Command, within: float) -> Reply:
        if isinstance(command, Batch):
            rows = {"names": names, "base": command.base, "changes": await _changes(command)}
            return await executors.predict(pin, rows, outputs, within)
        told = await executors.contributions(pin, names, command.row, within)
        if isinstance(told, Trouble):
            return told
        return Contributed("", why=told) if isinstance(told, str) else contributed(told)

    return answer


def served(server: ModelServer, version: str, model: Model) -> Answer:
    """By the version that is served, which has no contributions of its own to tell."""
    names = tuple(feature.name for feature in model.inputs)

    async def answer(command: Command, within: float) -> Reply:
        if not isinstance(command, Batch):
            return Contributed("", why="it is only known at its server, which tells no contributions")
        loop = asyncio.get_running_loop()
        end, rows, found = loop.time() + within, command.rows(), Outputs()
        for first in range(0, len(rows), CHUNK):
            told = await server.infer(
                version, Rows(names, rows[first : first + CHUNK]), max(0.0, end - loop.time())
            )
            if isinstance(told, Trouble):
                return told
            for name, column in told.outputs.items():
                found.setdefault(name, []).extend(column)
        return found

    return answer


async def _changes(batch: Batch) -> dict[str, Any]:
    return changes(batch) if len(batch.moves) <= CHUNK else await asyncio.to_thread(changes, batch)


def changes(batch: Batch) -> dict[str, Any]:
    """The moves of a batch as the executor takes them: three columns."""
    at: list[int] = []
    feature: list[int] = []
    value: list[Any] = []
    for row, moves in enumerate(batch.moves):
        for place, new in moves:
            at.append(row)
            feature.append(place)
            value.append(new)
    return {"count": len(batch.moves), "at": at, "feature": feature, "value": value}


class _Part(msgspec.Struct, frozen=True):
    features: tuple[str, ...]
    value: float


class _Told(msgspec.Struct, frozen=True):
    """Contributions as the executor's protocol has them."""

    method: str
    link: str
    base: float
    margin: float
    parts: tuple[_Part, ...]
    of: int | None = None


def contributed(told: dict[str, Any]) -> Contributed | Trouble:
    """What an executor said about contributions, read strictly."""
    try:
        read = msgspec.convert(told, _Told)
    except msgspec.ValidationError as error:
        return Trouble("bad_answer", f"contributions: {error}")
    parts = tuple(Share(part.features, part.value) for part in read.parts)
    return Contributed(read.method, read.link, read.base, read.margin, parts, read.of)
