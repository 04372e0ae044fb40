"""Children that execute pinned models again (`standwatch/executor.py`): one for each model and version, kept warm, few.

They are started as model-context servers are (`stdio`): in a group of their own, with nothing of our environment but
the four harmless names, and they end with us. One that is late, says what nobody asked or writes without end is killed;
whoever asks next finds a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from standwatch.facts.configuration import Component
from standwatch.facts.decisions import Row, Trouble
from standwatch.upstream.http_errors import UpstreamError
from standwatch.upstream.stdio import Child, launch, start

OURS: Final = Path(__file__).parents[1] / "executor.py"
"""What `{executor}` in a manifest's command stands for."""
LINE: Final = 32 << 20
_PATIENCE: Final = 1.0
_REST: Final = 1.0
"""Seconds between two starts of one executor."""


class Pin(msgspec.Struct, frozen=True):
    """What is executed: version `version` of `model` (`system/component`), from the file of this digest.

    `path` and `command` are relative to the organisation's folder."""

    model: str
    version: str
    path: str
    sha256: str
    command: tuple[str, ...]


class Reply(msgspec.Struct, frozen=True):
    """One line of an executor: one member besides `id`."""

    id: int | None = None
    loaded: dict[str, Any] | None = None
    outputs: dict[str, list[Any]] | None = None
    contributions: dict[str, Any] | None = None
    why: str = ""
    about: dict[str, Any] | None = None
    error: dict[str, str] | None = None


_encode: Final = msgspec.json.Encoder().encode
_read: Final = msgspec.json.Decoder(Reply).decode


class _Running:
    """One child, asked one thing at a time."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.wanted = 0
        self.used = 0.0
        self.loaded = False
        self.child: Child | None = None
        self._number = 0
        self._waiting: asyncio.Future[Reply] | None = None

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    async def begin(self, pin: Pin, folder: Path, environment: Mapping[str, str]) -> None:
        """Raises `UpstreamError` where it cannot be started."""
        command = tuple(str(OURS) if word == "{executor}" else word for word in pin.command)
        what = launch(Component(kind="model", name=pin.model, command=command), folder, environment)
        self.child = await start(what, self._line, self._ended, LINE)

    async def ask(self, asked: dict[str, Any]) -> Reply | Trouble:
        """Cancelled by whoever has waited long enough."""
        child = self.child
        self._number += 1
        self._waiting = asyncio.get_running_loop().create_future()
        line = _encode({"id": self._number, **asked})
        if child is None or len(line) > LINE or not child.write(line):
            return Trouble("unreachable", "the executor takes no more")
        try:
            return await self._waiting
        except UpstreamError as error:
            return Trouble("bad_answer" if error.sent else "unreachable", str(error))

    def _line(self, line: bytes) -> None:
        waiting = self._waiting
        try:
            reply = _read(line)
        except (msgspec.DecodeError, RecursionError):
            reply = None
        if reply is None or waiting is None or waiting.done() or reply.id != self._number:
            self._refuse("the executor said what nobody asked", misbehaved=True)
        else:
            waiting.set_result(reply)

    def _ended(self) -> None:
        child = self.child
        words = "" if child is None else child.last_words.decode(errors="replace").strip()[-400:]
        self._refuse(f"the executor ended: {child.why if child else ''} {words}".strip(), misbehaved=False)

    def _refuse(self, text: str, *, misbehaved: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(UpstreamError(text, sent=misbehaved))
        if misbehaved and self.child is not None:
            self.child.kill(text)

    def kill(self, why: str) -> None:
        """At once."""
        if self.child is not None:
            self.child.kill(why)
            self.child.close_pipes()

    async def stop(self) -> None:
        """In good order."""
        if self.child is not None:
            await self.child.stop(_PATIENCE)
            self.child.close_pipes()


class Executors:
    """By pin. INVARIANT: no more than `most` run at once."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, most: int = 4) -> None:
        self._folder = folder
        self._environment = environment
        self._most = most
        self._running: dict[Pin, _Running] = {}
        self._begun: dict[Pin, float] = {}
        self._closed = False

    async def predict(
        self, pin: Pin, rows: dict[str, Any], outputs: list[dict[str, Any]], within: float
    ) -> dict[str, list[Any]] | Trouble:
        """Outputs by name for `rows` (`names` with `rows`, or `base` and `changes`), within seconds."""
        told = await self._ask(pin, {"predict": {**rows, "outputs": outputs}}, within)
        if isinstance(told, Trouble):
            return told
        return Trouble("bad_answer", "the executor gave no outputs") if told.outputs is None else told.outputs

    async def contributions(
        self, pin: Pin, names: tuple[str, ...], row: Row, within: float
    ) -> dict[str, Any] | str | Trouble:
        """The model's own contributions, as the executor says them; or why it has none."""
        told = await self._ask(pin, {"contributions": {"names": names, "row": row}}, within)
        if isinstance(told, Trouble):
            return told
        return told.why if told.contributions is None else told.contributions

    async def about(self, pin: Pin, within: float) -> dict[str, Any] | Trouble:
        """Kind, library versions, digest of the adapter."""
        told = await self._ask(pin, {"about": {}}, within)
        if isinstance(told, Trouble):
            return told
        return told.about or {}

    async def close(self) -> None:
        """Ends all."""
        self._closed = True
        running, self._running = list(self._running.values()), {}
        await asyncio.gather(*(each.stop() for each in running), return_exceptions=True)

    async def _ask(self, pin: Pin, asked: dict[str, Any], within: float) -> Reply | Trouble:
        """One question, with whatever start and load it needs. INVARIANT: whoever gives up waiting for an answer
        that is on its way kills the child: the next would take it for theirs."""
        running = self._of(pin)
        if isinstance(running, Trouble):
            return running
        running.wanted += 1
        try:
            async with asyncio.timeout(within), running.turn:
                return await self._turn(pin, running, asked)
        except TimeoutError:
            return Trouble("timeout", f"the executor took longer than {within:g} s")
        except UpstreamError as error:
            return Trouble("unreachable", str(error))
        finally:
            running.wanted -= 1
            running.used = asyncio.get_running_loop().time()

    async def _turn(self, pin: Pin, running: _Running, asked: dict[str, Any]) -> Reply | Trouble:
        try:
            told = await self._load(pin, running)
            if told is None:
                told = await running.ask(asked)
        except asyncio.CancelledError:
            self._forget(pin, running, "it was not waited for any longer")
            raise
        if isinstance(told, Trouble):
            self._forget(pin, running, told.text)
            return told
        return told if told.error is None else Trouble("upstream_error", _said(told.error))

    async def _load(self, pin: Pin, running: _Running) -> Reply | Trouble | None:
        """None once the pinned artifact is loaded."""
        if running.loaded and running.alive:
            return None
        if running.child is None:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._begun.get(pin, -_REST) + _REST - loop.time())
            self._begun = {pin: at for pin, at in self._begun.items() if at > loop.time() - _REST}
            self._begun[pin] = loop.time()
            await running.begin(pin, self._folder, self._environment)
        told = await running.ask({"load": {"path": pin.path, "sha256": pin.sha256}})
        running.loaded = isinstance(told, Reply) and told.error is None
        return None if running.loaded else told

    def _of(self, pin: Pin) -> _Running | Trouble:
        """The child of `pin`, or room for one: what was used least lately ends."""
        found = self._running.get(pin)
        if found is not None and (found.child is None or found.alive):
            return found
        if found is not None:
            self._forget(pin, found, "it ended")
        if self._closed:
            return Trouble("unreachable", "the executors were stopped")
        idle = sorted((each.used, other) for other, each in self._running.items() if not each.wanted)
        if len(self._running) >= self._most:
            if not idle:
                return Trouble("unreachable", f"{self._most} executors are busy")
            _, last = min(idle, key=lambda each: each[0])
            self._forget(last, self._running[last], "another was wanted")
        self._running[pin] = _Running()
        return self._running[pin]

    def _forget(self, pin: Pin, running: _Running, why: str) -> None:
        if self._running.get(pin) is running:
            del self._running[pin]
        running.kill(why)


def _said(error: dict[str, str]) -> str:
    return f"{error.get('code', '')}: {error.get('text', '')}"[:1000]
