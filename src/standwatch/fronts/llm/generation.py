"""One act on its way: sent with the gateway's key, heard piece by piece, passed on byte for byte.

Chunks leave at the ends of events, so that wherever a hold cuts the stream, the client has read whole ones.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal, cast

from standwatch.enforce.inspecting import Inspect, Step
from standwatch.enforce.ports import Carried
from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta, LlmAnswer, LlmFault, LlmServer, Prompt
from standwatch.facts.words import OutcomeStatus
from standwatch.fronts.http_message import EVENT_STREAM, JSON, ClientGone, Headers, Response, Writer
from standwatch.fronts.llm.dialect import Dialect
from standwatch.fronts.llm.frames import Framed, Frames
from standwatch.fronts.llm.heard import Heard

Ended = Literal[
    "whole", "cut", "withheld", "client_gone", "broken", "timeout", "too_large", "not_sent", "malformed"
]
"""How an answer ended: as the upstream ended it; by a hold; by what was found in it; and so on."""

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
        self._held: list[bytes] = []
        self._holding = 0
        self.ended: Ended = "cut"
        self.response: Response | None = None
        loop = asyncio.get_running_loop()
        self.head: asyncio.Future[LlmAnswer] = loop.create_future()
        """Set once a stream has begun; somebody must then set `writer`."""
        self.writer: asyncio.Future[Writer] = loop.create_future()

    async def carry(self, arguments: dict[str, Any]) -> Carried:
        """`enforce.ports.Forward`."""
        prompt = cast("Prompt", arguments["prompt"])
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
        return Carried(status, self._heard.document(self.ended), self._hearer.facts.usage)

    def _begun(self, answer: LlmAnswer) -> None:
        self._heard.status = answer.status
        self._heard.request = next(
            (value for name, value in answer.headers if name.endswith("request-id")), ""
        )

    async def _whole(self, answer: LlmAnswer) -> None:
        body = cast("LlmServer", self._server).scrub(await answer.whole())
        kind = _kind(answer)
        if 200 <= answer.status < 300:
            for delta in self._hearer.whole(body):
                if self._look(delta) == "cut":
                    self.ended = "withheld"
                    return
            if self._inspect.end() != "pass":
                self.ended = "withheld"
                return
        else:
            self._heard.error = body[:4096].decode("utf-8", "replace")
        self._heard.sent(body)
        self.ended = "whole"
        self.response = Response(answer.status, body, told(answer), kind or JSON)

    async def _stream(self, answer: LlmAnswer) -> None:
        self.head.set_result(answer)
        writer = await self.writer
        frames = Frames()
        async for piece in answer.chunks():
            if not await self._pass_on(frames.feed(piece), writer):
                return
        rest = frames.rest()
        if rest is not None and not await self._pass_on([rest], writer):
            return
        if self._inspect.end() != "pass":
            self.ended = "withheld"
            return
        self._ready += self._held
        await self._release(writer)
        self.ended = "whole"

    async def _pass_on(self, events: list[Framed], writer: Writer) -> bool:
        """False where the stream is to end here. What may go by then goes first."""
        ended = False
        for event in events:
            step = self._step(event)
            if step == "cut":
                ended = True
                break
            raw = self._dialect.uncounted(event.raw, event.data) if self._counting else event.raw
            if step == "hold":
                self._held.append(raw)
                self._holding += len(raw)
                if self._holding > MOST_HELD:
                    ended = True
                    break
            elif self._held:
                self._ready += (*self._held, raw)
                self._held, self._holding = [], 0
            else:
                self._ready.append(raw)
        await self._release(writer)
        if ended:
            self.ended = "withheld"
        return not ended

    def _step(self, event: Framed) -> Step:
        """What the inspection says of one event; one that says nothing waits its turn behind what is held back."""
        step: Step = "hold" if self._held else "pass"
        for delta in self._hearer.event(event.event, event.data):
            step = self._look(delta)
            if step == "cut":
                break
        return step

    async def _release(self, writer: Writer) -> None:
        """Send what may go."""
        ready = self._ready
        if ready:
            data = cast("LlmServer", self._server).scrub(ready[0] if len(ready) == 1 else b"".join(ready))
            self._ready = []
            await writer.send(data)
            self._heard.sent(data, len(ready))

    def _look(self, delta: Delta) -> Step:
        self._heard.said(delta)
        return self._inspect.feed(delta.kind, delta.place, delta.text)


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
