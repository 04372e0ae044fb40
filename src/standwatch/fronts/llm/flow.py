"""From a request for a generation to its answer, whatever the provider: one act, whole or streamed.

A stream runs as a task of its own: its head decides the form of the HTTP answer, and whoever leaves, or a hold that
falls, cancels that task alone. The outcome then says how far it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from standwatch.enforce.llms import asked_as, generation_arguments, serving, stand_ins
from standwatch.enforce.ports import Act, Caller, Gate, Reply
from standwatch.facts.configuration import Component
from standwatch.facts.errors import Malformed
from standwatch.facts.llm import LlmServer, Prompt
from standwatch.fronts.http_message import (
    EVENT_STREAM,
    ClientGone,
    Headers,
    Request,
    Response,
    Stream,
    Writer,
)
from standwatch.fronts.llm.dialect import Dialect
from standwatch.fronts.llm.generation import Generation, told

NOBODY: Final = "?"
"""Stands where a component would: the manifest has none that serves the model."""
HEAVY: Final = 256 << 10
"""Bytes of a body beyond which it is read off the loop."""

Servers = Callable[[str, str], LlmServer | None]
"""(system, component) → its upstream."""


class Flow:
    """`fresh` makes ids of actions."""

    def __init__(self, gate: Gate, servers: Servers, fresh: Callable[[], str]) -> None:
        self._gate = gate
        self._servers = servers
        self._fresh = fresh
        self._under_way: set[asyncio.Task[Reply]] = set()

    async def generate(
        self, request: Request, caller: Caller, system: str, dialect: Dialect
    ) -> Response | Stream:
        """Answer one request of `caller` for a generation."""
        body = request.body
        try:
            prompt = dialect.read(body) if len(body) <= HEAVY else await asyncio.to_thread(dialect.read, body)
        except Malformed as error:
            return await self._malformed(caller, system, dialect, body, str(error))
        await self._gate.take_task(caller, system, prompt)
        headers = tuple((one, value) for one in dialect.passed if (value := request.header(one)))
        before = ""
        *others, last = self.components(system, dialect, prompt)
        for component in (*others, last):
            mine = prompt if component is None else asked_as(component, prompt)
            mine = replace(mine, instead_of=before) if before else mine
            act = self._act(caller, system, component, mine)
            server = None if component is None else self._servers(system, component.name)
            work = Generation(dialect, mine, server, self._gate.inspect(act), headers)
            if prompt.stream:
                task = self._start(request, act, work)
                if await _headed(task, work):
                    return _streamed(task, act, work, dialect)
                reply = task.result()
            else:
                reply = await self._gate.act(act, work.carry, so_far=work.so_far)
            if component is last or not _again(reply, work):
                return _answered(reply, work, dialect)
            before = act.id
        raise AssertionError("the last one answers, whatever it says")

    def components(self, system: str, dialect: Dialect, prompt: Prompt) -> tuple[Component | None, ...]:
        """The component that serves the model asked for, and its stand-ins; None where the manifest has none."""
        declared = self._gate.configuration.systems.get(system)
        components = declared.manifest.components if declared else ()
        first = serving(components, dialect.providers, prompt.model)
        return (None,) if first is None else stand_ins(components, first, dialect.providers)

    def _act(self, caller: Caller, system: str, component: Component | None, prompt: Prompt) -> Act:
        """INVARIANT: each attempt is an act, so that nothing leaves before an intent that names whom it goes to."""
        name = NOBODY if component is None else component.name
        return Act(
            caller=caller,
            system=system,
            event="generation",
            tool=f"{name}.generation",
            target=prompt.model,
            arguments=generation_arguments(prompt),
            prompt=prompt,
            id=self._fresh(),
        )

    async def _malformed(
        self, caller: Caller, system: str, dialect: Dialect, body: bytes, problem: str
    ) -> Response:
        """What cannot be read is refused like anything else, and stands in the record."""
        act = Act(
            caller=caller,
            system=system,
            event="generation",
            tool=f"{NOBODY}.generation",
            target="",
            arguments={"bytes": len(body), "problem": problem},
            id=self._fresh(),
        )
        reply = await self._gate.act(act, _never)
        return dialect.refusal(
            reply.word if reply.word != "done" else "unavailable", reply.id, noted(reply), told=problem
        )

    def _start(self, request: Request, act: Act, work: Generation) -> asyncio.Task[Reply]:
        task = asyncio.get_running_loop().create_task(self._gate.act(act, work.carry, so_far=work.so_far))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        request.when_gone(lambda: _stop(task))
        return task


async def _headed(task: asyncio.Task[Reply], work: Generation) -> bool:
    """Waits until a stream has begun, or its act is over without one."""
    try:
        await asyncio.wait((task, work.head), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not work.head.done() and task.cancelled():
        raise ClientGone
    return work.head.done()


def _streamed(task: asyncio.Task[Reply], act: Act, work: Generation, dialect: Dialect) -> Stream:
    """The stream of an act that has begun to answer."""
    answer = work.head.result()

    async def produce(writer: Writer) -> None:
        work.writer.set_result(writer)
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
        if task.cancelled():
            raise ClientGone
        await writer.send(_last(task.result(), work, dialect))

    headers = (*told(answer), ("standwatch-action", act.id))
    return Stream(produce, answer.status, headers, _kind(answer.headers))


def _again(reply: Reply, work: Generation) -> bool:
    """Whether a stand-in is asked: this one is held, or did not answer. What was refused otherwise stays refused."""
    if reply.word == "refused":
        return reply.code == "held"
    return reply.word in ("done", "unavailable") and reply.index >= 0 and not reply.code and work.failed


def _stop(task: asyncio.Task[Reply]) -> None:
    task.cancel()


async def _never(_: dict[str, Any]) -> Any:
    raise AssertionError("a request that cannot be read is never carried")


def _kind(headers: Headers) -> str:
    return next((value for name, value in headers if name == "content-type"), EVENT_STREAM)


def noted(reply: Reply) -> Headers:
    """The headers by which a caller can prove and find what was recorded."""
    receipt = (("standwatch-receipt", reply.receipt),) if reply.receipt else ()
    return (("standwatch-action", reply.id), *receipt)


def _answered(reply: Reply, work: Generation, dialect: Dialect) -> Response:
    """The upstream's whole answer, or our refusal."""
    headers = noted(reply)
    if reply.word != "done":
        return dialect.refusal(reply.word, reply.id, headers)
    if work.response is not None:
        found = work.response
        return Response(found.status, found.body, (*found.headers, *headers), found.content_type)
    return dialect.refusal("refused" if work.ended == "withheld" else "unavailable", reply.id, headers)


def _last(reply: Reply, work: Generation, dialect: Dialect) -> bytes:
    """What ends a stream: nothing of ours but the receipt, in a comment, where it is whole; else an error."""
    receipt = f": standwatch-receipt {reply.receipt}\n\n".encode("ascii") if reply.receipt else b""
    if work.ended == "whole":
        return receipt
    return dialect.broken("refused" if work.ended == "withheld" else "unavailable", reply.id) + receipt
