"""Sessions of the older revisions: unguessable, bound to one principal and one system, ended when idle."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Final

from standwatch.facts.mcp import McpAnswer
from standwatch.fronts.mcp.exchange import NOBODY, Exchange, Question
from standwatch.fronts.mcp.streams import COMPLETE, Standing
from standwatch.fronts.mcp.wire import Id, encode, write_request

_BYTES: Final = 32
_SHOWN: Final = 256
"""Pages of approvals that one session is remembered to have shown; the oldest are forgotten first."""


class Session:
    """One client's handshake. `id` is also the name under which servers keep the client apart."""

    def __init__(self, ident: str, principal: str, run: str, system: str, revision: str) -> None:
        self.id = ident
        self.principal = principal
        self.run = run
        self.system = system
        self.revision = revision
        self.capabilities: dict[str, Any] = {}
        self.level = ""
        self.used = 0
        self.calls: dict[Id, Exchange] = {}
        self.subscribed: set[str] = set()
        self.stream: Standing | None = None
        self._asked: dict[int, asyncio.Future[McpAnswer]] = {}
        self._last = 0
        self._shown: dict[str, bool] = {}
        """Questions whose page the client was shown, and whether they are settled."""

    @property
    def busy(self) -> bool:
        """Whether it is in use right now."""
        return bool(self.calls) or self.stream is not None

    async def deliver(self, exchange: Exchange, question: Question, patience: float) -> McpAnswer:
        """Asks the client on the stream of the call that the question belongs to."""
        if exchange.gone:
            return NOBODY
        self._last += 1
        number = self._last
        self._asked[number] = question.answer
        exchange.asked.add(question.answer)
        try:
            exchange.emit(write_request(number, question.method, question.params), must=True)
            async with asyncio.timeout(patience):
                return await question.answer
        except TimeoutError:
            return NOBODY
        finally:
            del self._asked[number]
            exchange.asked.discard(question.answer)

    def answered(self, number: Any, answer: McpAnswer) -> None:
        """The client's answer to one of our requests; to none of them, nothing."""
        waiting = self._asked.get(number) if type(number) is int else None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def remember(self, ident: str) -> None:
        """The client was shown the page of question `ident`: it hears when that is settled."""
        while len(self._shown) >= _SHOWN:
            del self._shown[next(iter(self._shown))]
        self._shown[ident] = False

    def settled(self, ident: str) -> None:
        """Question `ident` is settled. Whoever was not shown its page hears nothing (MCP 2025-11-25, a MUST)."""
        if ident in self._shown:
            self._shown[ident] = True
            self.tell()

    def tell(self) -> None:
        """Says what is settled, once there is a stream to say it on."""
        if self.stream is None:
            return
        for ident in [ident for ident, over in self._shown.items() if over]:
            self.stream.say(COMPLETE, encode({"elicitationId": ident}))
            del self._shown[ident]


class Sessions:
    """All sessions of this process."""

    def __init__(
        self,
        entropy: Callable[[int], bytes],
        clock: Callable[[], int],
        idle: int,
        most: int,
        ended: Callable[[Session], None],
    ) -> None:
        self._entropy = entropy
        self._clock = clock
        self._idle = idle * 1_000_000
        self._most = most
        self._ended = ended
        self._open: dict[str, Session] = {}
        self._swept = 0

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, principal: str, run: str, system: str, revision: str) -> Session | None:
        """A new session; None where the principal has too many that are all in use."""
        self._sweep()
        own = [one for one in self._open.values() if one.principal == principal]
        if len(own) >= self._most:
            idle = min((one for one in own if not one.busy), key=lambda one: one.used, default=None)
            if idle is None:
                return None
            self.end(idle)
        ident = base64.urlsafe_b64encode(self._entropy(_BYTES)).rstrip(b"=").decode("ascii")
        session = self._open[ident] = Session(ident, principal, run, system, revision)
        session.used = self._clock()
        return session

    def find(self, ident: str, principal: str, run: str, system: str) -> Session | None:
        """The session, if it is this caller's for this system: somebody else's is as unknown as none."""
        session = self._open.get(ident)
        if session is None or (session.principal, session.run, session.system) != (principal, run, system):
            return None
        now = self._clock()
        if self._over(session, now):
            self.end(session)
            return None
        session.used = now
        return session

    def settled(self, ident: str) -> None:
        """Question `ident` is settled."""
        for session in tuple(self._open.values()):
            session.settled(ident)

    def end(self, session: Session) -> None:
        """It is over: its calls are cancelled, its stream is cut, its id is unknown from now on."""
        if self._open.pop(session.id, None) is None:
            return
        for exchange in tuple(session.calls.values()):
            if exchange.task is not None:
                exchange.task.cancel()
        if session.stream is not None:
            session.stream.cut()
        self._ended(session)

    def _over(self, session: Session, now: int) -> bool:
        return now - session.used > self._idle and not session.busy

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept < 10_000_000:
            return
        self._swept = now
        for session in [one for one in self._open.values() if self._over(one, now)]:
            self.end(session)
