"""CPU µs of a governed generation and of each streamed chunk, beside a proxy that only passes bytes on, in one run.

    python -m bench.llm [generations]

"alone" is what one chunk costs in this process, step by step, without any wire. "governed" is `standwatch up` with an
agent's token, the passage, intent and outcome durable, the content rules of an organisation that says nothing about
them; "raw" is the same HTTP server and client with nothing in between. The upstream is another process that answers
with bytes made before. In "paced" streams each chunk arrives alone, in "rushed" ones they arrive as fast as they can.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bench.load import cpu_of
from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.enforce.contents import Look
from standwatch.enforce.inspecting import PASSING
from standwatch.enforce.listening import Listening
from standwatch.facts.content import IDENTIFIERS, ContentRule
from standwatch.facts.llm import Delta
from standwatch.fronts.http import EVENT_STREAM, Request, Response, Stream, Writer, serve_http
from standwatch.fronts.llm.frames import Frames
from standwatch.fronts.llm.heard import Heard
from standwatch.fronts.llm.openai_chat import ChatHearer, read_chat
from standwatch.fronts.llm.usage import uncounted
from standwatch.serve.contents import build
from standwatch.upstream.http import HttpClient

KEY: Final = "sk-bench-0123456789"
CHUNKS: Final = 400
AT_ONCE: Final = 8
PACE: Final = 0.001
ROUNDS: Final = 3
WORDS: Final = ("The", " invoice", " of", " the", " supplier", " was", " paid", " on", " Monday", ".\n")

EVERYTHING: Final = {
    "find": ["secrets", "identifiers", "canaries", "exfiltration", "invisible", "instructions"],
    "in": ["prompts", "answers"],
    "action": "deny",
}
CANARIES: Final = {"ledger": "${BENCH_CANARY}"}


def event(word: str) -> bytes:
    """A chunk as OpenAI's API writes it, of about 250 bytes."""
    chunk = {
        "id": "chatcmpl-bench0123456789abcdef0123",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "small-2026-01-01",
        "service_tier": "default",
        "system_fingerprint": "fp_bench01",
        "choices": [{"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


EVENTS: Final = [event(WORDS[n % len(WORDS)]) for n in range(CHUNKS)]
WHOLE: Final = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "small-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(WORDS) * 20},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 500, "completion_tokens": 200, "total_tokens": 700},
    }
).encode()


def prompt(model: str, size: int, *, stream: bool) -> bytes:
    """A body of about `size` bytes, in turns of 400 bytes."""
    turn = "Please look at the invoice of the supplier and say whether it was paid. " * 5
    count = max(1, size // 420)
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": f"{n}: {turn}"} for n in range(count)]
    return json.dumps(
        {"model": model, "stream": stream, "messages": messages}, separators=(",", ":")
    ).encode()


# --- alone ---------------------------------------------------------------------------------------------------------


def alone(report: Report) -> None:
    """Each step of one chunk, in this process."""
    asked = read_chat(prompt("small", 2_000, stream=True))
    hearer = ChatHearer()
    heard = Heard(asked, hearer.facts)
    frames = Frames()
    one = EVENTS[5]
    framed = frames.feed(one)[0]
    delta = hearer.event(framed.event, framed.data)[0]

    def whole() -> None:
        for each in frames.feed(one):
            for said in hearer.event(each.event, each.data):
                heard.said(said)
                PASSING.feed(said.kind, said.place, said.text)
            heard.sent(uncounted(each.raw, each.data))

    steps: dict[str, Callable[[], object]] = {
        "cut into events": lambda: frames.feed(one),
        "read (msgspec, typed)": lambda: hearer.event(framed.event, framed.data),
        "kept and hashed": lambda: (heard.said(delta), heard.sent(framed.raw)),
        "looked through: secrets": _looking(delta, ("secrets",)),
        "looked through: all": _looking(delta, ("secrets", *IDENTIFIERS, "exfiltration", "invisible")),
        "all but looking": whole,
    }
    rows: list[list[Cell]] = [[name, _pure(do)] for name, do in steps.items()]
    report.table("chunk", f"CPU µs of one streamed chunk of {len(one)} bytes, alone", ("step", "µs"), rows)


def _looking(delta: Delta, words: tuple[str, ...]) -> Callable[[], object]:
    """The inspection of `words`: a new one every so many chunks, as for streams."""
    rule = ContentRule(words, ("answers",), action="deny", certain=True)
    look = Look(build(frozenset(words), {}), (rule,))
    state: list[Any] = [Listening(look, lambda one: one), 0]

    def do() -> object:
        state[1] += 1
        if state[1] % CHUNKS == 0:
            state[0].end()
            state[0] = Listening(look, lambda one: one)
        return state[0].feed(delta.kind, delta.place, WORDS[state[1] % len(WORDS)])

    return do


def _pure(do: Callable[[], object], seconds: float = 0.5) -> float:
    best = float("inf")
    for _ in range(5):
        count, begun, end = 0, time.process_time(), time.perf_counter() + seconds / 5
        while time.perf_counter() < end:
            for _ in range(100):
                do()
            count += 100
        best = min(best, (time.process_time() - begun) / count * 1e6)
    return best


# --- the other processes -------------------------------------------------------------------------------------------


class _Canned(asyncio.Protocol):
    """Answers every whole request: with one JSON, or with a stream, paced or rushed by the model's name."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self.heard = b""
        if b'"stream":true' in body:
            asyncio.get_running_loop().create_task(self._stream(PACE if b'"paced"' in body else 0.0))
            return
        said = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        self.transport.write(said % (len(WHOLE), WHOLE))

    async def _stream(self, pace: float) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for each in (*EVENTS, b"data: [DONE]\n\n"):
            self.transport.write(b"%x\r\n%b\r\n" % (len(each), each))
            await asyncio.sleep(pace)
        self.transport.write(b"0\r\n\r\n")


def canned(pipe: Connection) -> None:
    """The upstream's process."""

    async def go() -> None:
        server = await asyncio.get_running_loop().create_server(_Canned, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(go())


def through(pipe: Connection, port: int) -> None:
    """The raw proxy's process."""

    async def go() -> None:
        client = HttpClient()

        async def handle(request: Request) -> Response | Stream:
            answer = await client.stream(
                "POST",
                f"http://127.0.0.1:{port}/v1/chat/completions",
                headers=(("content-type", "application/json"),),
                body=request.body,
            )
            if (answer.header("content-type") or "") != EVENT_STREAM:
                async with answer:
                    return Response(answer.status, b"".join([piece async for piece in answer.chunks()]))

            async def produce(writer: Writer) -> None:
                async with answer:
                    async for piece in answer.chunks():
                        await writer.send(piece)

            return Stream(produce)

        listener = await serve_http(handle, name="raw")
        pipe.send(listener.port)
        await asyncio.Event().wait()

    uvloop.run(go())


def _started(work: Callable[..., None], *more: Any) -> tuple[Any, int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs, *more), daemon=True)
    process.start()
    return process, ours.recv()


# --- the load ------------------------------------------------------------------------------------------------------


async def _load(port: int, path: str, tokens: Sequence[str], body: bytes, count: int) -> None:
    """`tokens`: one of each client, for each is a run of its own."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    streamed = b'"stream":true' in body

    async def one(token: str, times: int) -> None:
        known = f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
        request = f"{head}{known}".encode() + body
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 << 20)
        for _ in range(times):
            writer.write(request)
            got = await reader.readuntil(b"\r\n\r\n")
            if not got.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not served: {got[:400]!r}")
            if streamed:
                found = await reader.readuntil(b"\r\n0\r\n\r\n")
                if found.count(b"data: ") != CHUNKS + 1:
                    raise RuntimeError(f"not whole: {found[-600:]!r}")
            else:
                length = int(got.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one(token, count // AT_ONCE) for token in tokens))


def _cost(pid: int, per: int, count: int, *load: Any) -> float:
    """CPU µs of process `pid` for each of `per` in `count` requests; the least of some rounds."""
    uvloop.run(_load(*load, AT_ONCE))
    best = float("inf")
    for _ in range(ROUNDS):
        before = cpu_of(pid)
        uvloop.run(_load(*load, count))
        best = min(best, (cpu_of(pid) - before) / count / per * 1e6)
    return best


def over_the_wire(report: Report, count: int) -> None:
    """Governed and raw, whole and streamed."""
    from support.system import manifest, serving

    upstream, port = _started(canned)
    proxy, bare = _started(through, port)
    component = {
        "kind": "llm",
        "name": "small",
        "provider": "openai-compatible",
        "url": f"http://127.0.0.1:{port}/v1",
        "models": ["*"],
        "key_env": "BENCH_KEY",
    }
    with tempfile.TemporaryDirectory() as folder:
        keys = {"BENCH_KEY": KEY, "BENCH_CANARY": "planted-0077-c4f1e2"}
        systems = {
            "desk": manifest("desk", [component], {}),
            "all": manifest("all", [component], {}, content={"rules": [EVERYTHING], "canaries": CANARIES}),
        }
        with serving(Path(folder) / "org", systems, accept=False, **keys) as living:
            tokens = {
                name: [living.agent(f"{name}-{n}", name).token for n in range(AT_ONCE)] for name in systems
            }
            pid = living.process.pid

            def both(body: bytes, per: int, many: int, system: str = "desk") -> tuple[float, float]:
                path = f"/openai/{system}/v1/chat/completions"
                governed = _cost(pid, per, many, living.agents, path, tokens[system], body)
                return governed, _cost(proxy.pid, per, many, bare, path, tokens[system], body)

            rows: list[list[Cell]] = []
            for size in (2_000, 20_000):
                governed, passed = both(prompt("whole", size, stream=False), 1, count)
                rows.append(
                    [f"prompt of {size // 1000} kB", governed, passed, governed / passed, 1e6 / governed]
                )
            columns = ("one generation, whole", "governed", "raw", "ratio", "governed/s/core")
            report.table("generation", "CPU µs", columns, rows)
            rows = []
            for system, looked in (("desk", "default rules"), ("all", "everything looked for")):
                for manner in ("paced", "rushed"):
                    streams = max(AT_ONCE, count // 50)
                    body = prompt(manner, 2_000, stream=True)
                    governed, passed = both(body, CHUNKS + 1, streams, system)
                    rows.append([f"{manner}, {looked}", governed, passed, governed - passed])
            columns = ("one chunk of a stream", "governed", "raw", "difference")
            report.table("streamed", f"CPU µs; {CHUNKS} chunks a stream, {AT_ONCE} at once", columns, rows)
    for process in (upstream, proxy):
        process.terminate()
        process.join()


def main(count: int) -> None:
    """Measure and print."""
    report = Report(live=True)
    report.machine(machine(), raw(Path()))
    alone(report)
    over_the_wire(report, count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
