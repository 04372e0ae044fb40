"""One generation on its way: what is held back has a bound, and what was withheld is asked of nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from standwatch.enforce.inspecting import Step
from standwatch.facts.configuration import Finding
from standwatch.facts.llm import LlmAnswer, Speech
from standwatch.fronts.llm.generation import MOST_HELD, Ended, Generation
from standwatch.fronts.llm.openai import Chat
from standwatch.fronts.llm.openai_chat import read_chat

PROMPT = read_chat(b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}')
WORD = "word " * 2_000
EVENT = b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": WORD}}]}).encode() + b"\n\n"


class Flood:
    """An answer of so many events, which counts those that were taken."""

    def __init__(self, events: int, status: int = 200, kind: str = "text/event-stream") -> None:
        self._events = events
        self.status = status
        self.headers = (("content-type", kind),)
        self.taken = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        for _ in range(self._events):
            self.taken += 1
            yield EVENT

    async def whole(self) -> bytes:
        return b""

    def close(self) -> None: ...


class Upstream:
    """Gives one answer."""

    def __init__(self, answer: LlmAnswer) -> None:
        self._answer = answer

    async def send(self, path: str, body: bytes, headers: Any, *, streaming: bool) -> LlmAnswer:
        del path, body, headers, streaming
        return self._answer

    async def close(self) -> None: ...

    def scrub(self, data: bytes) -> bytes:
        return data


class Undecided:
    """An inspection that never knows."""

    findings: tuple[Finding, ...] = ()
    free = 0

    def feed(self, kind: Speech, place: str, text: str) -> Step:
        del kind, place, text
        return "hold"

    def end(self) -> Step:
        return "pass"


class Reads:
    """A client."""

    closed = False

    def __init__(self) -> None:
        self.data = b""

    async def send(self, data: bytes) -> None:
        self.data += data

    def cut(self, last: bytes = b"") -> None:
        del last


def carried(events: int) -> tuple[Generation, Flood, Reads]:
    server, reads = Flood(events), Reads()

    async def main() -> Generation:
        work = Generation(Chat(), PROMPT, Upstream(server), Undecided(), ())
        work.writer.set_result(reads)
        await work.carry({"prompt": PROMPT})
        return work

    return asyncio.run(main()), server, reads


def test_a_stream_of_which_too_much_is_held_back_ends_and_is_read_no_further() -> None:
    bound = MOST_HELD // len(EVENT) + 1
    work, server, reads = carried(10 * bound)
    assert work.ended == "withheld"
    assert reads.data == b""
    assert server.taken == bound


def test_what_is_held_back_to_the_end_goes_where_nothing_was_found() -> None:
    work, _, reads = carried(3)
    assert work.ended == "whole"
    assert reads.data == 3 * EVENT


@pytest.mark.parametrize(
    ("ended", "status", "another"),
    [
        ("withheld", 200, False),
        ("client_gone", 200, False),
        ("whole", 200, False),
        ("whole", 400, False),
        ("whole", 429, True),
        ("whole", 503, True),
        ("timeout", 0, True),
        ("not_sent", 0, True),
    ],
)
def test_another_is_asked_only_where_this_one_did_not_answer(
    ended: Ended, status: int, another: bool
) -> None:
    server = Upstream(Flood(0, status or 200, "application/json"))

    async def main() -> bool:
        work = Generation(Chat(), PROMPT, server, Undecided(), ())
        await work.carry({"prompt": PROMPT})
        work.ended = ended
        return work.failed

    assert asyncio.run(main()) is another
