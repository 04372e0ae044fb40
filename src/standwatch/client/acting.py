"""Acts: judged before they are done, done once, heard of after. What `Client` and `AsyncClient` have in common."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from standwatch.client.acts import Act, Done, Go, Pause, Post, Steps, asking, failure, telling
from standwatch.client.errors import ClientError, Unreachable
from standwatch.client.wire import Answered, Async, Sync

T = TypeVar("T")
PARTING: Final = 2.0
"""Seconds for which what is being cancelled waits until its outcome was heard."""


class Acting:
    """The acts of a `Client`."""

    _wire: Sync

    def act(
        self,
        system: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        id: str = "",
        target: str = "",
        seam: str = "client",
        wait: float = 0.0,
    ) -> Go | Done:
        """May `tool` (`server.name`, as the manifest has it) be called with `arguments`? `Go` says so, and an `outcome`
        is owed then; `Done` says that it left before.

        `key` is your own name for this one act, the same whenever it is the same one: of two callers with one key,
        in whatever processes, one is given leave; the other hears what became of it, and where nobody knows a person
        is asked before it leaves again. `id` is the same, but an id of your own making, and nobody is asked. `wait`:
        seconds to look for the answer of a person.

        Raises `Refused`, `Pending`, `Invalid`, `Unavailable`: nothing may be done then.
        """
        asked = Act(system, tool, arguments, key, id, target, seam)
        return self._drive(asking(asked, wait))

    def outcome(self, go: Go, status: str = "ok", result: Any = None) -> bool:
        """Tell what became of it (`ok`, `error`, `timeout`, `not_sent`, `unknown`), and what came back; whether that
        was heard. Where nobody hears it is told again for a quarter of a minute."""
        return self._drive(telling(go, status, result))

    def perform(
        self, system: str, tool: str, arguments: Mapping[str, Any], do: Callable[[Go], T], **more: Any
    ) -> T:
        """Ask, call `do` if it may be done, tell the outcome; what it returned, or what was returned the first time.

        `more` as `act` takes it. Raises `ClientError` where it was not done, `Failed` and `AlreadyDone` where it was
        done before, and whatever `do` raises.
        """
        found = self.act(system, tool, arguments, **more)
        if isinstance(found, Done):
            return found.value()
        try:
            result = do(found)
        except BaseException as error:
            with contextlib.suppress(ClientError):  # what stops us is what is raised
                self.outcome(found, *failure(error))
            raise
        self.outcome(found, "ok", result)
        return result

    def _drive(self, steps: Steps) -> Any:
        answer: Answered | None = None
        try:
            command = next(steps)
            while True:
                match command:
                    case Pause():
                        time.sleep(command.seconds)
                        command = steps.send(None)
                    case Post():
                        try:
                            answer = self._wire.post(command.path, command.body, {})
                        except Unreachable as error:
                            command = steps.throw(error)
                        else:
                            command = steps.send(answer)
        except StopIteration as stop:
            return stop.value


class ActingAsync:
    """The acts of an `AsyncClient`."""

    _wire: Async

    async def act(
        self,
        system: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        id: str = "",
        target: str = "",
        seam: str = "client",
        wait: float = 0.0,
    ) -> Go | Done:
        """As `Client.act`."""
        asked = Act(system, tool, arguments, key, id, target, seam)
        return await self._drive(asking(asked, wait))

    async def outcome(self, go: Go, status: str = "ok", result: Any = None) -> bool:
        """As `Client.outcome`."""
        return await self._drive(telling(go, status, result))

    async def perform(
        self,
        system: str,
        tool: str,
        arguments: Mapping[str, Any],
        do: Callable[[Go], Awaitable[T]],
        **more: Any,
    ) -> T:
        """As `Client.perform`. What is cancelled on the way tells so first, for which it takes two seconds at most."""
        found = await self.act(system, tool, arguments, **more)
        if isinstance(found, Done):
            return found.value()
        try:
            result = await do(found)
        except BaseException as error:
            await self.part(found, *failure(error))
            raise
        await self.part(found, "ok", result)
        return result

    async def part(self, go: Go, status: str, result: Any = None) -> None:
        """Tell the outcome; also while we are being cancelled, for `PARTING` seconds."""
        telling = asyncio.get_running_loop().create_task(self.outcome(go, status, result))
        stopped: BaseException | None = None
        try:
            await asyncio.shield(telling)
        except ClientError:
            return
        except asyncio.CancelledError as error:
            stopped = error
        if stopped is not None:
            await asyncio.wait((telling,), timeout=PARTING)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            raise stopped

    async def _drive(self, steps: Steps) -> Any:
        answer: Answered | None = None
        try:
            command = next(steps)
            while True:
                match command:
                    case Pause():
                        await asyncio.sleep(command.seconds)
                        command = steps.send(None)
                    case Post():
                        try:
                            answer = await self._wire.post(command.path, command.body, {})
                        except Unreachable as error:
                            command = steps.throw(error)
                        else:
                            command = steps.send(answer)
        except StopIteration as stop:
            return stop.value
