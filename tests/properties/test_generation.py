"""Whatever an inspection says and however the bytes come apart: what leaves is a beginning of what came, in whole
events, and nothing of it was still held back or behind a cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.enforce.inspecting import Step
from standwatch.facts.configuration import Finding
from standwatch.facts.llm import LlmAnswer, LlmFault, Speech
from standwatch.fronts.llm.generation import Generation
from standwatch.fronts.llm.openai import Chat
from standwatch.fronts.llm.openai_chat import read_chat

PROMPT = read_chat(b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}')


def event(word: str) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": word} if word else {}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class Scripted:
    """An upstream and its answer: these pieces, and then the end or a break."""

    status = 200
    headers = (("content-type", "text/event-stream"),)

    def __init__(self, pieces: list[bytes], *, breaks: bool) -> None:
        self._pieces = pieces
        self._breaks = breaks

    async def send(self, path: str, body: bytes, headers: Any, *, streaming: bool) -> LlmAnswer:
        del path, body, headers, streaming
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._breaks:
            raise LlmFault("it broke off", reason="broken", sent=True)

    async def whole(self) -> bytes:
        return b"".join(self._pieces)

    def close(self) -> None: ...

    def scrub(self, data: bytes) -> bytes:
        return data


class Says:
    """An inspection by a script of its steps; when it is used up, and at the end, as `last` says."""

    findings: tuple[Finding, ...] = ()
    free = 0

    def __init__(self, steps: list[Step], last: Step) -> None:
        self.steps = steps
        self.last = last
        self.told: list[Step] = []

    def feed(self, kind: Speech, place: str, text: str) -> Step:
        del kind, place, text
        self.told.append(self.steps[len(self.told)] if len(self.told) < len(self.steps) else self.last)
        return self.told[-1]

    def end(self) -> Step:
        return "cut" if self.last == "cut" else "pass"


class Reads:
    """A client."""

    closed = False

    def __init__(self) -> None:
        self.data = b""

    async def send(self, data: bytes) -> None:
        self.data += data

    def cut(self, last: bytes = b"") -> None:
        del last


STEPS: Any = st.sampled_from(["pass", "pass", "hold", "cut"])


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["", "Hello", "ü\n"]), max_size=8),
    st.lists(STEPS, max_size=8),
    st.sampled_from(["pass", "cut"]),
    st.lists(st.integers(0, 2_000), max_size=8),
    st.booleans(),
)
def test_what_leaves_is_a_beginning_of_what_came(
    words: list[str], steps: list[Step], last: Step, cuts: list[int], breaks: bool
) -> None:
    events = [event(word) for word in words]
    stream = b"".join(events)
    marks = sorted({0, len(stream), *(one % (len(stream) + 1) for one in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(marks)]
    says, reads = Says(steps, last), Reads()

    async def main() -> tuple[Generation, Any]:
        server = Scripted(pieces, breaks=breaks)
        work = Generation(Chat(), PROMPT, server, says, ())
        work.writer.set_result(reads)
        return work, await work.carry({"prompt": PROMPT})

    work, carried = asyncio.run(main())
    edges = [sum(map(len, events[:n])) for n in range(len(events) + 1)]
    assert stream.startswith(reads.data)
    assert len(reads.data) in edges
    assert len(reads.data) <= edges[may_go(words, says.told, whole=work.ended == "whole")]
    if "cut" in says.told or (last == "cut" and not breaks):
        assert (work.ended, carried.status) == ("withheld", "withheld")
    elif breaks:
        assert (work.ended, carried.status) == ("broken", "error")
    else:
        assert (work.ended, carried.status, reads.data) == ("whole", "ok", stream)
    kept = json.loads(carried.result)
    assert (kept["bytes"], kept["sha256"]) == (len(reads.data), sha256(reads.data).hexdigest())


def may_go(words: list[str], told: list[Step], *, whole: bool) -> int:
    """How many events may have left, by what the inspection said of those that say something."""
    free, held, steps = 0, False, iter(told)
    for number, word in enumerate(words, 1):
        step = next(steps, None) if word else ("hold" if held else "pass")
        if step is None or step == "cut":
            return free
        held = step == "hold"
        free = free if held else number
    return len(words) if whole else free
