"""What a run has read by acts that other processes carried, or this one before it was started anew.

INVARIANT: a process never judges on less than the record has of what a run has read: the sequencer compares
(`record.known`), and who lags comes here first. What is not to be had any more makes the unknown untrusted.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import msgspec

from standwatch.enforce.hearing import overhear
from standwatch.enforce.reading import read_of
from standwatch.enforce.steering import leaves, steers
from standwatch.facts.configuration import Returns
from standwatch.facts.errors import Malformed
from standwatch.facts.frames import Did, Fetch, Fetched, Recall, Recalled
from standwatch.flow.forms import normal
from standwatch.flow.origin import Place
from standwatch.flow.trail import Trail
from standwatch.fronts.llm.anthropic_read import read_messages
from standwatch.fronts.llm.openai_chat import read_chat
from standwatch.fronts.llm.openai_responses import read_response

MOST_BYTES: Final = 8 << 20
"""Bytes of results of one run that are read back at once; the rest counts as missed."""
AT_ONCE: Final = 16
"""Acts whose parts are asked for together."""

_READERS: Final = {"chat.completions": read_chat, "responses": read_response, "messages": read_messages}


class Asked(Protocol):
    """What this needs of the link to the recorder."""

    def next_number(self) -> int: ...
    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]": ...
    def recall(self, recall: Recall) -> "asyncio.Future[Recalled]": ...


class _Action(msgspec.Struct, frozen=True):
    event: str = "tool_call"
    arguments: dict[str, Any] = {}


async def catch_up(link: Asked, run: str, trail: Trail, returns: Callable[[str], Returns]) -> bool:
    """Let `trail` learn what it does not know of `run`; whether the record could be asked. `returns`: what is declared
    of the results of a tool."""
    sent = trail.own
    answer = await link.recall(Recall(link.next_number(), run, trail.upto))
    if not answer.known:
        return False
    left = MOST_BYTES
    if answer.more:
        trail.missed(Place(at="longer ago than is read back"))
    unknown = [one for one in answer.acts if one.id not in trail.acts]
    for some in _batches(unknown):
        for one, action, result in await asyncio.gather(*(_parts(link, each) for each in some)):
            left -= len(result.data)
            if left < 0:
                trail.missed(Place(one.tool.partition(".")[0], one.tool, one.id, "more than is read back"))
                continue
            _learn(trail, one, action, result, returns(one.tool))
            await _heard_by_a_model(link, trail, one, action)
    trail.upto = max(trail.upto, answer.last)
    # What this process sent before it asked is in the answer's sum; what it sent meanwhile is not.
    trail.others = answer.heard - sent
    return True


def _batches(acts: list[Did]) -> Iterator[list[Did]]:
    for start in range(0, len(acts), AT_ONCE):
        yield acts[start : start + AT_ONCE]


async def _parts(link: Asked, one: Did) -> tuple[Did, _Action, Fetched]:
    asked = link.fetch(Fetch(link.next_number(), one.id, "action"))
    result = link.fetch(Fetch(link.next_number(), one.id, "result")) if one.result else None
    fetched = await asked
    try:
        action = msgspec.json.decode(fetched.data, type=_Action) if fetched.known else _Action()
    except msgspec.DecodeError:
        action = _Action()
    return one, action, Fetched(0) if result is None else await result


def _learn(trail: Trail, one: Did, action: _Action, result: Fetched, returns: Returns) -> None:
    if one.id in trail.acts or (
        one.going and action.event != "generation"
    ):  # learned meanwhile, or not a model
        return
    trail.acts.add(one.id)
    values = ((name, leaf) for name, value in action.arguments.items() for leaf in leaves(name, value))
    used = tuple(
        (name, normal(leaf.value))
        for name, leaf in values
        if steers(leaf) and trail.origin(leaf.value).source == "task"
    )
    trail.past.add(one.tool, used)
    if one.result and not result.known:
        trail.missed(Place(one.tool.partition(".")[0], one.tool, one.id, "erased"))
        return
    read = read_of(
        action.event, one.tool, one.id, result.data, returns=returns, seam=one.seam, status=one.status
    )
    if read is not None:
        trail.learn(read)


async def _heard_by_a_model(link: Asked, trail: Trail, one: Did, action: _Action) -> None:
    """The results of tools in a prompt that went to a model."""
    if action.event != "generation":
        return
    component = one.tool.partition(".")[0]
    body = await link.fetch(Fetch(link.next_number(), one.id, "body"))
    try:
        prompt = _READERS[action.arguments.get("api", "")](body.data) if body.known else None
    except (Malformed, KeyError):
        prompt = None
    if prompt is None:
        trail.missed(Place(component, one.tool, one.id, "not kept"))
    else:
        overhear(trail, prompt, component, one.id)
