"""One act on its way: sent with the gateway's key, heard piece by piece, passed on byte for byte.

Chunks leave at the ends of events, so that wherever a hold cuts the stream, the client has read whole ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, Literal, cast

from standwatch.enforce.inspecting import Inspect, Step
from standwatch.enforce.ports import Carried
from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta, LlmAnswer, LlmFault, LlmServer, Prompt
from standwatch.facts.spending import Usage
from standwatch.facts.words import OutcomeStatus
from standwatch.fronts.http_message import EVENT_STREAM, JSON, ClientGone, Headers, Response, Writer
from standwatch.fronts.llm.dialect import Dialect
from standwatch.fronts.llm.frames import Framed, Frames
from standwatch.fronts.llm.heard import Heard
from standwatch.fronts.llm.openai_chat import loosely
from standwatch.fronts.llm.unmasking import Unmasking

Ended = Literal[
    "whole", "cut", "withheld", "client_gone", "broken", "timeout", "too_large", "not_sent", "malformed"
]
"""How an answer ended: as the upstream ended it; by a hold; by what was found in it; and so on."""

HEAVY: Final = 1 << 20
"""Bytes of a whole answer beyond which it is looked through off the loop."""
MOST_HELD: Final = 1 << 20
"""Bytes of a stream that an inspection may hold back."""


class Generation:
    """What is carried once the passage lets it go. `response` is the whole answer, where it was no stream."""

    def __init__(
        self, dialect: Dialect, prompt: Prompt, server: LlmServer | None, inspect: Inspect, headers: Headers
    ) -> None:
        self._dialect = dialect
        self._server = server
        self._inspect = inspect
        self._headers = headers
        self._hearer = dialect.hearer()
        self._heard = Heard(prompt, self._hearer.facts)
        self._counting = False
        self._ready: list[bytes] = []
        self._held: deque[tuple[int, bytes]] = deque()
        """What is held back: how many pieces had been fed with it, and its bytes."""
        self._fed = 0
        self._unmasking: Unmasking | None = None
        self._last: list[Delta] = []
        self._holding = 0
        self._answer: LlmAnswer | None = None
        self.ended: Ended = "cut"
        self.response: Response | None = None
        loop = asyncio.get_running_loop()
        self.head: asyncio.Future[LlmAnswer] = loop.create_future()
        """Set when the first piece of a stream may go; somebody must then set `writer`."""
        self.writer: asyncio.Future[Writer] = loop.create_future()

    async def carry(self, arguments: dict[str, Any]) -> Carried:
        """`enforce.ports.Forward`."""
        prompt = cast("Prompt", arguments["prompt"])
        if arguments.get("masks"):
            self._unmasking = Unmasking(arguments["masks"])
        if self._server is None:
            self.ended = "not_sent"
            return Carried("not_sent")
        if prompt.stream:
            counted = self._dialect.counted(prompt)
            self._counting = counted is not prompt
            prompt = counted
        answer: LlmAnswer | None = None
        try:
            answer = await self._server.send(
                self._dialect.path, prompt.body, self._headers, streaming=prompt.stream
            )
            self._begun(answer)
            if prompt.stream and answer.status == 200 and _kind(answer).startswith(EVENT_STREAM):
                await self._stream(answer)
            else:
                await self._whole(answer)
        except LlmFault as fault:
            self._heard.error = str(fault)
            self.ended = _FAULTS[fault.reason] if fault.sent else "not_sent"
        except ClientGone:
            self.ended = "client_gone"
        except Malformed as error:
            self._heard.error = str(error)
            self.ended = "malformed"
        finally:
            if answer is not None:
                answer.close()
        return self.so_far()

    def so_far(self) -> Carried:
        """`enforce.ports.SoFar`: what became of it, as far as it came."""
        status = _STATUS[self.ended]
        if status == "ok" and not 200 <= self._heard.status < 300:
            status = "error"
        usage = self._hearer.facts.usage
        if usage is None and self._heard.status >= 400:
            usage = Usage()  # an upstream that answers with an error has nothing to charge for
        return Carried(status, self._heard.document(self.ended), usage, self._inspect.findings)

    @property
    def failed(self) -> bool:
        """Whether another may be asked instead: this one did not answer, or not now, and nothing was passed on."""
        if self.head.done() or self.ended in ("withheld", "client_gone"):
            return False
        status = self._heard.status
        return self.ended != "whole" or status in (408, 429) or status >= 500

    def _begun(self, answer: LlmAnswer) -> None:
        self._answer = answer
        self._heard.status = answer.status
        self._heard.request = next(
            (value for name, value in answer.headers if name.endswith("request-id")), ""
        )

    async def _whole(self, answer: LlmAnswer) -> None:
        came = await answer.whole()
        heavy = len(came) > HEAVY
        body = await asyncio.to_thread(self._looked, answer, came) if heavy else self._looked(answer, came)
        if body is None:
            self.ended = "withheld"
            return
        self.ended = "whole"
        self.response = Response(answer.status, body, told(answer), _kind(answer) or JSON)

    def _looked(self, answer: LlmAnswer, came: bytes) -> bytes | None:
        """A whole answer as it goes on; None for one that is withheld. Raises `Malformed`."""
        body = cast("LlmServer", self._server).scrub(came)
        if 200 <= answer.status < 300:
            if any(self._look(delta) == "cut" for delta in self._hearer.whole(body)):
                return None
            if self._inspect.end() != "pass":
                return None
        else:
            self._heard.error = body[:4096].decode("utf-8", "replace")
            # An error is read by its client too, and by many a model behind it.
            if any(self._inspect.feed(one.kind, one.place, one.text) == "cut" for one in _erring(body)):
                return None
            if self._inspect.end() != "pass":
                return None
        if self._unmasking is not None:
            body = self._unmasking.whole(body)
        self._heard.sent(body)
        return body

    async def _stream(self, answer: LlmAnswer) -> None:
        frames = Frames()
        async for piece in answer.chunks():
            if not await self._pass_on(frames.feed(piece)):
                return
        rest = frames.rest()
        if rest is not None and not await self._pass_on([rest]):
            return
        if self._inspect.end() != "pass":
            self.ended = "withheld"
            return
        if self._unmasking is not None:
            self._held.extend((self._fed, raw) for raw in self._unmasking.end())
        self._let_go(self._fed)
        await self._release()
        await self._open()
        self.ended = "whole"

    async def _pass_on(self, events: list[Framed]) -> bool:
        """False where the stream is to end here. What may go by then goes first."""
        ended = False
        for event in map(self._scrubbed, events):
            step = self._step(event)
            if step == "cut":
                ended = True
                break
            raw = self._dialect.uncounted(event.raw, event.data) if self._counting else event.raw
            pieces = [raw] if self._unmasking is None else self._unmasking.event(raw, event.data, self._last)
            for one in pieces:
                self._held.append((self._fed, one))
                self._holding += len(one)
            self._let_go(self._inspect.free if step == "hold" else self._fed)
            if self._holding > MOST_HELD:
                ended = True
                break
        await self._release()
        if ended:
            self.ended = "withheld"
        return not ended

    def _scrubbed(self, event: Framed) -> Framed:
        """INVARIANT: our key is neither passed on nor written down, whoever repeats it."""
        scrub = cast("LlmServer", self._server).scrub
        raw = scrub(event.raw)
        return event if raw is event.raw else Framed(raw, event.event, scrub(event.data))

    def _step(self, event: Framed) -> Step:
        """What the inspection says of one event; one that says nothing waits its turn behind what is held back."""
        step: Step = "hold" if self._held else "pass"
        self._last = self._hearer.event(event.event, event.data)
        for delta in self._last:
            step = self._look(delta)
            if step == "cut":
                break
        return step

    async def _open(self) -> Writer:
        """INVARIANT: until the first piece may go the client has heard nothing, and another may still be asked."""
        if not self.head.done():
            self.head.set_result(cast("LlmAnswer", self._answer))
        return await self.writer

    def _let_go(self, fed: int) -> None:
        """What was said up to piece `fed` may be sent."""
        while self._held and self._held[0][0] <= fed:
            raw = self._held.popleft()[1]
            self._holding -= len(raw)
            self._ready.append(raw)

    async def _release(self) -> None:
        """Send what may go."""
        ready = self._ready
        if ready:
            data = ready[0] if len(ready) == 1 else b"".join(ready)
            self._ready = []
            await (await self._open()).send(data)
            self._heard.sent(data, len(ready))

    def _look(self, delta: Delta) -> Step:
        self._heard.said(delta)
        self._fed += 1
        return self._inspect.feed(delta.kind, delta.place, delta.text)


def _erring(body: bytes) -> list[Delta]:
    """What an error says, of whatever form it is."""
    try:
        return loosely(body)
    except Malformed:
        return [Delta("text", "", body.decode("utf-8", "replace"))]


def told(answer: LlmAnswer) -> Headers:
    """The headers of an answer that go back, but for its content type."""
    return tuple((name, value) for name, value in answer.headers if name != "content-type")


def _kind(answer: LlmAnswer) -> str:
    return next((value for name, value in answer.headers if name == "content-type"), "")


_FAULTS: Final[dict[str, Ended]] = {
    "unreachable": "not_sent", "timeout": "timeout", "broken": "broken", "too_large": "too_large",
}  # fmt: skip

_STATUS: Final[dict[Ended, OutcomeStatus]] = {
    "whole": "ok", "cut": "unknown", "withheld": "withheld", "client_gone": "unknown", "broken": "error",
    "timeout": "timeout", "too_large": "error", "not_sent": "not_sent", "malformed": "error",
}  # fmt: skip
