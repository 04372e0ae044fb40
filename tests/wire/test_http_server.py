"""The HTTP server core over real sockets, on both event loops: raw bytes in, raw bytes out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import httptools
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.errors import Conflict
from standwatch.fronts.http import ClientGone, Limits, Listener, Request, Response, Stream, Writer, serve_http
from support.upstreams import until

Run = Callable[[Coroutine[Any, Any, None]], None]
QUICK = Limits(read_timeout=0.3, idle_timeout=0.3, write_timeout=0.3, linger=20, max_body_bytes=1 << 16)
SMALL = Limits(linger=20, max_body_bytes=1 << 16)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def go(what: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(what, 60))

    return go


async def echo(request: Request) -> Response:
    await asyncio.sleep(0)
    return Response(body=request.method.encode() + b" " + request.path.encode() + b" " + request.body)


@contextlib.asynccontextmanager
async def serving(
    handler: Callable[[Request], Awaitable[Response | Stream]] = echo, **more: Any
) -> AsyncIterator[Listener]:
    listener = await serve_http(handler, name="test", **more)
    try:
        yield listener
    finally:
        await listener.close(0)


async def dial(listener: Listener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def talk(listener: Listener, *pieces: bytes) -> bytes:
    reader, writer = await dial(listener)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.002)
    answer = await reader.read()
    writer.close()
    return answer


def answers(stream: bytes) -> list[tuple[int, bytes]]:
    """Every whole answer in `stream`; asserts that nothing else is there."""
    seen: list[tuple[int, bytes]] = []

    class Each:
        body = b""

        def on_body(self, data: bytes) -> None:
            self.body += data

        def on_message_complete(self) -> None:
            seen.append((parser.get_status_code(), self.body))
            self.body = b""

    parser = httptools.HttpResponseParser(Each())
    parser.feed_data(stream)
    return seen


def refused(stream: bytes) -> tuple[int, str]:
    ((status, body),) = answers(stream)
    error = json.loads(body)
    assert set(error) == {"code", "message"}
    assert b"connection: close" in stream
    return status, error["code"]


def test_keep_alive_and_a_pipeline_are_answered_in_order(run: Run) -> None:
    async def slow_first(request: Request) -> Response:
        await asyncio.sleep(0.05 if request.path == "/0" else 0)
        return Response(body=request.path.encode())

    async def play() -> None:
        async with serving(slow_first) as listener:
            one = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
            stream = await talk(listener, b"".join(one % each for each in range(5)), one % 5 + LAST)
            assert [body for _, body in answers(stream)] == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/5", b"/"]

    run(play())


def test_whoever_sends_ahead_is_read_no_further(run: Run) -> None:
    go = asyncio.Event()

    async def wait(request: Request) -> Response:
        await go.wait()
        return Response(body=b"%d" % len(request.body))

    async def play() -> None:
        async with serving(wait, limits=Limits(max_body_bytes=1 << 20)) as listener:
            reader, writer = await dial(listener)
            one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
            for _ in range(30):
                writer.write(one)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(writer.drain(), 0.5)
            go.set()
            writer.write(LAST)
            assert [body for _, body in answers(await reader.read())] == [b"1000000"] * 30 + [b"0"]
            writer.close()

    run(play())


def test_the_request_as_the_handler_sees_it(run: Run) -> None:
    seen: list[Request] = []

    async def look(request: Request) -> Response:
        seen.append(request)
        return Response(202, content_type="")

    async def play() -> None:
        async with serving(look) as listener:
            await talk(
                listener, b"POST /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
            )
        (request,) = seen
        assert (request.method, request.path, request.query, request.body) == ("POST", "/a", "b", b"hi")
        assert request.listener == "test"
        assert request.peer.startswith("127.0.0.1:")

    run(play())


def test_a_body_in_pieces_and_a_large_answer(run: Run) -> None:
    async def large(request: Request) -> Response:
        return Response(body=request.body * 100)

    async def play() -> None:
        async with serving(large) as listener:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            stream = await talk(
                listener, head, b"5\r\nab", b"cde\r\n", b"ffff\r\n" + b"x" * 65535 + b"\r\n", b"0\r\n\r\n"
            )
            assert answers(stream) == [(200, (b"abcde" + b"x" * 65535) * 100)]

    run(play())


def test_head_options_and_unknown_methods_reach_the_handler(run: Run) -> None:
    async def play() -> None:
        async with serving() as listener:
            stream = await talk(listener, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"content-length: 7\r\n" in stream
            assert stream.endswith(b"\r\n\r\n")
            stream = await talk(listener, b"PROPFIND /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answers(stream) == [(200, b"PROPFIND /d ")]

    run(play())


def test_expect_continue_is_answered_in_its_turn_and_not_for_a_body_too_large(run: Run) -> None:
    async def play() -> None:
        async with serving(limits=SMALL) as listener:
            reader, writer = await dial(listener)
            head = b"POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            writer.write(GET + head % 2)
            assert (await reader.readuntil(b"GET / ")).startswith(b"HTTP/1.1 200")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ok" + head % 70000)
            rest = await reader.read()
            assert b"100 Continue" not in rest
            assert [status for status, _ in answers(rest)] == [200, 413]
            writer.close()

    run(play())


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
            + GET,
            400,
        ),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 100000, 413),
    ],
)
def test_a_refusal_is_read_whole_and_nothing_behind_it_is_served(
    run: Run, stream: bytes, expected: int
) -> None:
    served: list[str] = []

    async def note(request: Request) -> Response:
        served.append(request.path)
        return Response()

    async def play() -> None:
        async with serving(note, limits=SMALL) as listener:
            reader, writer = await dial(listener)
            writer.write(stream)
            assert refused(await reader.read())[0] == expected
            writer.close()
        assert served == []

    run(play())


def test_a_client_still_sending_its_body_hears_the_refusal_and_no_reset(run: Run) -> None:
    def send_on(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
            for _ in range(5):
                time.sleep(0.02)
                client.sendall(b"x" * 65536)
            seen = b""
            while piece := client.recv(65536):
                seen += piece
            return seen

    async def play() -> None:
        async with serving(limits=SMALL) as listener:
            assert refused(await asyncio.to_thread(send_on, listener.port))[0] == 413

    run(play())


def test_what_was_asked_before_the_fault_is_still_answered(run: Run) -> None:
    async def play() -> None:
        async with serving(limits=SMALL) as listener:
            stream = await talk(listener, GET + GET + b"nonsense\r\n\r\n")
            assert [status for status, _ in answers(stream)] == [200, 200, 400]

    run(play())


def test_slow_clients_are_timed_out_whatever_they_trickle(run: Run) -> None:
    async def trickle(listener: Listener, start: bytes, drip: bytes) -> bytes:
        reader, writer = await dial(listener)
        writer.write(start)
        drops = asyncio.ensure_future(reader.read())
        with contextlib.suppress(ConnectionError):
            while not drops.done():
                writer.write(drip)
                await asyncio.sleep(0.02)
        writer.close()
        return await drops

    async def play() -> None:
        async with serving(limits=QUICK) as listener:
            head = b"POST / HTTP/1.1\r\nHost: x\r\n"
            assert refused(await trickle(listener, head, b"X: y\r\n")) == (408, "request_timeout")
            assert refused(await trickle(listener, head + b"Content-Length: 9999\r\n\r\n", b"z")) == (
                408,
                "request_timeout",
            )
            assert await talk(listener) == b""
            assert [status for status, _ in answers(await talk(listener, GET))] == [200]

    run(play())


def test_a_handlers_error_is_a_fixed_sentence_and_the_connection_lives(run: Run) -> None:
    errors: list[BaseException] = []

    async def fail(request: Request) -> Response:
        if request.path == "/bad":
            return Response(headers=(("x", "secret\r\nforged: 1"),))
        raise RuntimeError("secret")

    async def play() -> None:
        async with serving(fail, on_error=errors.append) as listener:
            stream = await talk(listener, GET + b"GET /bad HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
            assert [status for status, _ in answers(stream)] == [500, 500, 500]
            assert b"secret" not in stream
        assert [type(error) for error in errors] == [RuntimeError, ValueError, RuntimeError]

    run(play())


def test_a_full_listener_says_so(run: Run) -> None:
    async def play() -> None:
        async with serving(limits=Limits(max_connections=1)) as listener:
            _, writer = await dial(listener)
            await until(lambda: listener.connections == 1)
            assert refused(await talk(listener)) == (503, "too_many_connections")
            writer.close()
            await until(lambda: listener.connections == 0)
            assert answers(await talk(listener, LAST)) == [(200, b"GET / ")]

    run(play())


def test_whoever_comes_while_it_closes_hears_that_and_nothing_of_room(run: Run) -> None:
    async def play() -> None:
        async with serving() as listener:
            listener.draining = True  # what was accepted a moment before the door fell shut
            assert refused(await talk(listener)) == (503, "closing")

    run(play())


def test_a_client_that_leaves_cancels_its_handler_or_tells_it(run: Run) -> None:
    begun: list[str] = []
    seen: list[str] = []

    async def wait(request: Request) -> Response:
        begun.append(request.path)
        if request.path == "/told":
            gone = asyncio.Event()
            request.when_gone(gone.set)
            await gone.wait()
            seen.append("told")
        else:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
        return Response()

    async def play() -> None:
        async with serving(wait) as listener:
            for number, path in enumerate((b"/told", b"/cancelled"), 1):
                _, writer = await dial(listener)
                writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
                await until(lambda number=number: len(begun) == number)
                writer.close()
                await until(lambda number=number: len(seen) == number)
            assert seen == ["told", "cancelled"]
            await until(lambda: listener.connections == 0)

    run(play())


def test_streams_are_chunked_whole_and_keep_the_connection(run: Run) -> None:
    async def count(writer: Writer) -> None:
        for each in range(3):
            await writer.send(b"data: %d\n\n" % each)
            await writer.send(b"")

    async def answer(request: Request) -> Stream:
        return Stream(count)

    async def play() -> None:
        async with serving(answer) as listener:
            stream = await talk(listener, GET + b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
            assert stream.count(b"data: 0\n\ndata") == 0
            assert stream.count(b"data: 2") == 2
            assert stream.count(b"text/event-stream") == 3
            plain = await talk(listener, b"GET / HTTP/1.0\r\n\r\n")
            assert plain.endswith(b"\r\n\r\ndata: 0\n\ndata: 1\n\ndata: 2\n\n")

    run(play())


def test_a_stream_that_fails_or_is_cut_never_looks_whole(run: Run) -> None:
    writers: list[Writer] = []
    errors: list[BaseException] = []

    async def produce(writer: Writer) -> None:
        await writer.send(b"data: 0\n\n")
        writers.append(writer)
        if len(writers) == 1:
            raise RuntimeError("broke")
        await asyncio.sleep(60)

    async def answer(request: Request) -> Stream:
        return Stream(produce)

    async def read_all(reader: asyncio.StreamReader) -> bytes:
        seen = b""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1000):
                seen += piece
        return seen

    async def play() -> None:
        async with serving(answer, on_error=errors.append) as listener:
            for number, (last, whole) in enumerate(
                ((b"", False), (b"", False), (b"data: halted\n\n", True)), 1
            ):
                reader, writer = await dial(listener)
                writer.write(GET)
                await until(lambda number=number: len(writers) == number)
                await until(lambda: errors)  # that of the first
                writers[-1].cut(last)
                assert writers[-1].closed
                seen = await read_all(reader)
                assert seen.endswith(b"0\r\n\r\n") == whole
                assert last in seen
                writer.close()
            assert [str(error) for error in errors] == ["broke"]

    run(play())


def test_a_stream_waits_for_a_slow_reader_and_gives_it_up_in_time(run: Run) -> None:
    sent = 0
    ended: list[type[BaseException]] = []

    async def flood(writer: Writer) -> None:
        nonlocal sent
        try:
            while True:
                await writer.send(b"x" * 65536)
                sent += 65536
        except BaseException as error:
            ended.append(type(error))
            raise

    async def answer(request: Request) -> Stream:
        request.when_gone(lambda: None)
        return Stream(flood)

    async def play() -> None:
        async with serving(answer, limits=QUICK) as listener:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", listener.port))
                client.send(GET)
                await until(lambda: ended)
            assert ended == [ClientGone]
            assert 0 < sent < 32 << 20
            await until(lambda: listener.connections == 0)

    run(play())


def test_closing_lets_the_busy_finish_and_cuts_what_has_no_end(run: Run) -> None:
    async def forever(writer: Writer) -> None:
        await asyncio.sleep(100)

    begun: list[str] = []

    async def answer(request: Request) -> Response | Stream:
        begun.append(request.path)
        if request.path == "/stream":
            return Stream(forever, ends_early=True)
        await asyncio.sleep(0.2 if request.path == "/soon" else 100)
        return Response(body=b"done")

    async def play() -> None:
        listener = await serve_http(answer, name="test")
        loop = asyncio.get_running_loop()
        replies: dict[str, asyncio.Future[bytes]] = {}
        writers: list[asyncio.StreamWriter] = []  # a writer that is let go closes its connection
        for path in ("/stream", "/soon", "/never", ""):
            reader, writer = await dial(listener)
            writers.append(writer)
            writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() if path else b"")
            replies[path] = asyncio.ensure_future(reader.read())
        await until(lambda: len(begun) == 3 and listener.connections == 4)
        began = loop.time()
        closing = asyncio.ensure_future(listener.close(2))
        await asyncio.wait([replies["/stream"], replies[""]], timeout=1.7)
        assert replies["/stream"].done()
        assert replies[""].done()
        await closing
        assert 1.9 < loop.time() - began < 20
        got = dict(zip(replies, await asyncio.gather(*replies.values(), return_exceptions=True), strict=True))
        soon = got["/soon"]
        assert isinstance(soon, bytes)
        assert b"connection: close" in soon
        assert answers(soon) == [(200, b"done")]
        assert got[""] == b""
        assert b"done" not in repr(got["/never"]).encode()
        with pytest.raises(OSError):
            await dial(listener)

    run(play())


def test_a_unix_socket_is_private_and_a_second_server_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def play() -> None:
        async with serving(unix_path=path):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            with pytest.raises(Conflict):
                await serve_http(echo, name="second", unix_path=path)
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(LAST)
            assert answers(await reader.read()) == [(200, b"GET / ")]
            writer.close()
        assert not path.exists()

    run(play())


def test_two_listeners_may_share_a_port(run: Run) -> None:
    async def play() -> None:
        async with serving(reuse_port=True) as first, serving(reuse_port=True, port=first.port) as second:
            assert second.port == first.port

    run(play())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=8), st.integers(1, 4))
def test_requests_cut_anywhere_get_the_same_answers(cuts: list[int], times: int) -> None:
    one = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    stream = one * times + LAST
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]

    async def play() -> None:
        async with serving() as listener:
            pieces = [stream[begin:end] for begin, end in itertools.pairwise(edges)]
            assert answers(await talk(listener, *pieces)) == [(200, b"POST /p body")] * times + [
                (200, b"GET / ")
            ]

    uvloop.run(play())


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_noise_is_refused_or_left_waiting_and_the_listener_lives(noise: bytes) -> None:
    async def play() -> None:
        async with serving(limits=Limits(read_timeout=0.1, idle_timeout=0.1, linger=0.05)) as listener:
            with contextlib.suppress(ConnectionError):
                await talk(listener, noise)
            listener.limits = Limits()
            assert answers(await talk(listener, LAST)) == [(200, b"GET / ")]

    uvloop.run(play())
