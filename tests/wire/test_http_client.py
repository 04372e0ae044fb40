"""The outgoing client over real sockets, on both event loops, against upstreams that lie, hang, flood and die."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import itertools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.upstream.http import (
    ClosedUnanswered,
    HttpClient,
    Timeouts,
    TooLarge,
    Unreachable,
    UpstreamError,
    UpstreamProtocol,
    UpstreamTimeout,
)
from support.upstreams import until

Run = Callable[[Coroutine[Any, Any, None]], None]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST, TOTAL, SILENCE = Timeouts(first_byte=0.15), Timeouts(total=0.4), Timeouts(silence=0.1)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def go(what: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(what, 60))

    return go


class Upstream:
    """A scripted server: what it was asked, and how many connections it saw."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[bytes] = []
        self.connections = 0
        self.closed = 0


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    return head + (await reader.readexactly(length) if length else b"")


@contextlib.asynccontextmanager
async def upstream(script: Script | bytes = OK, **more: Any) -> AsyncIterator[Upstream]:
    """Answers each request with the bytes, or runs the script with the request's number."""
    state = Upstream()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                state.asked.append(await read_request(reader))
                if isinstance(script, bytes):
                    writer.write(script)
                else:
                    await script(reader, writer, len(state.asked))
                if writer.is_closing():
                    break
        state.closed += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **more)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()


async def raises(kind: type[UpstreamError], what: Awaitable[object], *, sent: bool) -> UpstreamError:
    with pytest.raises(kind) as raised:
        await what
    assert raised.value.sent is sent
    assert raised.value.code.startswith("upstream_")
    return raised.value


def test_a_request_and_its_answer(run: Run) -> None:
    answer = b"HTTP/1.1 201 Made\r\nContent-Type: a/b\r\nX: 1\r\nx: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer += b"2\r\nok\r\n0\r\n\r\n"

    async def play() -> None:
        async with upstream(answer) as server:
            client = HttpClient()
            got = await client.request(
                "POST", f"{server.url}/p?q=1#f", headers=(("Authorization", "Bearer t"),), body=b"hi"
            )
            assert (got.status, got.body, got.header("x"), got.header("absent")) == (201, b"ok", "1, 2", None)
            (asked,) = server.asked
            assert asked.startswith(b"POST /p?q=1 HTTP/1.1\r\nhost: 127.0.0.1:")
            assert b"\r\naccept-encoding: identity\r\n" in asked
            assert asked.endswith(b"\r\nAuthorization: Bearer t\r\ncontent-length: 2\r\n\r\nhi")
            await client.close()

    run(play())


def test_connections_are_reused_one_exchange_at_a_time(run: Run) -> None:
    async def play() -> None:
        async with upstream() as server:
            client = HttpClient()
            for _ in range(5):
                await client.request("GET", server.url)
            assert server.connections == 1
            await asyncio.gather(*(client.request("GET", server.url) for _ in range(20)))
            assert 1 < server.connections <= 20
            await client.close()

    run(play())


def test_more_requests_than_connections_wait_their_turn(run: Run) -> None:
    async def play() -> None:
        async with upstream() as server:
            client = HttpClient(max_per_origin=2)
            got = await asyncio.gather(*(client.request("GET", server.url) for _ in range(40)))
            assert [each.body for each in got] == [b"ok"] * 40
            assert server.connections == 2
            await client.close()

    run(play())


def test_waiting_for_a_connection_ends_in_time_and_loses_no_slot(run: Run) -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number == 1:
            await free.wait()
        writer.write(OK)

    free = asyncio.Event()

    async def play() -> None:
        async with upstream(slow) as server:
            client = HttpClient(max_per_origin=1)
            first = asyncio.ensure_future(client.request("GET", server.url))
            await until(lambda: server.asked)
            error = await raises(
                UpstreamTimeout,
                client.request("GET", server.url, timeouts=Timeouts(connect=0.05)),
                sent=False,
            )
            assert isinstance(error, UpstreamTimeout)
            assert error.phase == "connect"
            cancelled = asyncio.ensure_future(client.request("GET", server.url))
            await asyncio.sleep(0.02)
            cancelled.cancel()
            free.set()
            assert (await first).body == b"ok"
            assert (await client.request("GET", server.url)).body == b"ok"
            assert len(server.asked) == 2
            await client.close()

    run(play())


@pytest.mark.parametrize(
    "answer",
    [
        OK[:-1] + b"k" + b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"junk",
    ],
)
def test_a_connection_with_anything_odd_about_it_is_not_reused(run: Run, answer: bytes) -> None:
    async def play() -> None:
        async with upstream(answer) as server:
            client = HttpClient()
            for _ in range(3):
                assert (await client.request("GET", server.url)).body == b"ok"
            assert server.connections == 3
            await client.close()

    run(play())


def test_bytes_nobody_asked_for_close_an_idle_connection(run: Run) -> None:
    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK)
        await answered[number - 1].wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")

    answered = [asyncio.Event(), asyncio.Event()]

    async def play() -> None:
        async with upstream(late) as server:
            client = HttpClient()
            for number in range(2):
                assert (await client.request("GET", server.url)).body == b"ok"
                answered[number].set()
                await until(lambda closed=number + 1: server.closed == closed)
            assert server.connections == 2
            await client.close()

    run(play())


BROKEN = {
    "TE and CL": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "an encoding not asked for": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    "TE gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "TE in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "interim answers without end": b"HTTP/1.1 103 Hints\r\n\r\n" * 50,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_a_protocol_error(run: Run, answer: bytes) -> None:
    async def play() -> None:
        async with upstream(answer) as server:
            client = HttpClient()
            await raises(UpstreamProtocol, client.request("GET", server.url), sent=True)
            await raises(UpstreamProtocol, read_stream(client, server.url), sent=True)
            await client.close()

    run(play())


async def read_stream(client: HttpClient, url: str, **more: Any) -> bytes:
    async with await client.stream("GET", url, **more) as answer:
        return b"".join([piece async for piece in answer.chunks()])


def test_an_answer_that_breaks_off_is_no_answer(run: Run) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
        writer.close()

    async def play() -> None:
        async with upstream(cut) as server:
            client = HttpClient()
            await raises(UpstreamProtocol, client.request("GET", server.url), sent=True)
            await raises(UpstreamProtocol, read_stream(client, server.url), sent=True)
            await client.close()

    run(play())


def test_a_body_may_end_with_the_connection(run: Run) -> None:
    async def until_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall ")
        await asyncio.sleep(0.01)
        writer.write(b"of it")
        writer.close()

    async def play() -> None:
        async with upstream(until_close) as server:
            client = HttpClient()
            assert (await client.request("GET", server.url)).body == b"all of it"
            assert await read_stream(client, server.url) == b"all of it"
            await client.close()

    run(play())


def test_interim_answers_head_and_bodiless_statuses(run: Run) -> None:
    async def play(answer: bytes, method: str, status: int) -> None:
        async with upstream(answer) as server:
            client = HttpClient()
            for _ in range(2):
                got = await client.request(method, server.url)
                assert (got.status, got.body) == (status, b"ok" if status == 200 and method == "GET" else b"")
            await client.close()

    run(play(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" + OK, "GET", 200))
    run(play(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "HEAD", 200))
    run(play(b"HTTP/1.1 204 No Content\r\n\r\n", "POST", 204))
    run(play(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "GET", 302))


def test_a_flood_is_cut_at_its_limit(run: Run) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(SSE)
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    async def play() -> None:
        async with upstream(flood) as server:
            client = HttpClient()
            await raises(TooLarge, client.request("GET", server.url, max_bytes=1 << 20), sent=True)
            await raises(TooLarge, read_stream(client, server.url, max_bytes=1 << 20), sent=True)
            stream = await client.stream("GET", server.url, max_bytes=None)
            with pytest.raises(TooLarge):
                _ = [event async for event in stream.events(max_event_bytes=1 << 18)]
            await until(lambda: server.closed == 3)
            await client.close()
        async with upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n") as server:
            await raises(TooLarge, HttpClient().request("GET", server.url), sent=True)
        for endless in (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, SSE + b"1;" + b"a" * 200_000):
            async with upstream(endless) as server:
                await raises(TooLarge, HttpClient().request("GET", server.url), sent=True)

    run(play())


def test_a_slow_reader_makes_the_upstream_wait(run: Run) -> None:
    written = 0

    async def much(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        nonlocal written
        writer.write(SSE)
        for _each in range(400):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            written += 65536
        writer.write(b"0\r\n\r\n")

    async def play() -> None:
        async with upstream(much) as server:
            client = HttpClient()
            # Silence is the upstream's only while we read: 1 s of it is no error while we look away.
            patience = Timeouts(silence=1)
            async with await client.stream("GET", server.url, max_bytes=None, timeouts=patience) as answer:
                await asyncio.sleep(1.5)
                assert written < 16 << 20
                assert sum([len(piece) async for piece in answer.chunks()]) == 400 * 65536
            assert (await read_stream(client, server.url, max_bytes=None))[-1:] == b"x"
            assert server.connections == 1
            await client.close()

    run(play())


def test_each_phase_has_its_time(run: Run) -> None:
    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number % 3 == 1:
            await asyncio.sleep(60)
        writer.write(SSE)
        while number % 3 == 2:
            await asyncio.sleep(0.02)
            writer.write(b"1\r\nx\r\n")
        await asyncio.sleep(60)

    async def play() -> None:
        async with upstream(hang) as server:
            client = HttpClient()
            phases: list[str] = []
            for timeouts in (FIRST, TOTAL, SILENCE):
                error = await raises(
                    UpstreamTimeout, client.request("GET", server.url, timeouts=timeouts), sent=True
                )
                assert isinstance(error, UpstreamTimeout)
                phases.append(error.phase)
            assert phases == ["first_byte", "total", "silence"]
            await asyncio.sleep(0.05)
            await client.close()

    run(play())


def test_nobody_there_is_unreachable_and_nothing_was_sent(run: Run) -> None:
    async def play() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            client = HttpClient(max_per_origin=1)
            for _ in range(3):  # a failed dial gives its slot back
                await raises(Unreachable, client.request("GET", url), sent=False)
        await raises(
            Unreachable, HttpClient(unix_path=Path("/nonexistent")).request("GET", "http://x/"), sent=False
        )
        await client.close()
        await raises(Unreachable, client.request("GET", url), sent=False)

    run(play())


async def _close_second(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    if number == 2:
        writer.close()
    else:
        writer.write(OK)


def test_a_request_is_never_sent_twice_unless_called_idempotent(run: Run) -> None:
    async def play() -> None:
        for idempotent in (False, True):
            async with upstream(_close_second) as server:
                client = HttpClient()
                await client.request("GET", server.url)
                if idempotent:
                    assert (await client.request("GET", server.url, idempotent=True)).body == b"ok"
                else:
                    await raises(ClosedUnanswered, client.request("GET", server.url), sent=True)
                assert len(server.asked) == (3 if idempotent else 2)
                await client.close()

    run(play())


def test_a_fresh_connection_or_a_begun_answer_is_never_retried(run: Run) -> None:
    async def die(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"" if number == 1 else b"H")
        writer.close()

    async def begin(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK if number == 1 else b"HTTP/1.1 2")
        if number > 1:
            writer.close()

    async def play() -> None:
        async with upstream(die) as server:
            client = HttpClient()
            await raises(ClosedUnanswered, client.request("GET", server.url, idempotent=True), sent=True)
            assert len(server.asked) == 1
        async with upstream(begin) as server:
            await client.request("GET", server.url)
            await raises(UpstreamProtocol, client.request("GET", server.url, idempotent=True), sent=True)
            assert len(server.asked) == 2
        await client.close()

    run(play())


def test_cancelling_closes_the_connection_and_only_that_one(run: Run) -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await cancelled.wait()
        writer.write(OK)

    cancelled = asyncio.Event()

    async def play() -> None:
        async with upstream(slow) as server:
            client = HttpClient()
            tasks = [asyncio.ensure_future(client.request("GET", server.url)) for _ in range(3)]
            await until(lambda: len(server.asked) == 3)
            tasks[0].cancel()
            cancelled.set()
            got = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(got[0], asyncio.CancelledError)
            assert [getattr(each, "body", None) for each in got[1:]] == [b"ok", b"ok"]
            await until(lambda: server.closed == 1)
            await asyncio.sleep(0.05)
            assert server.closed == 1
            await client.close()

    run(play())


def test_events_arrive_as_they_are_sent_and_leaving_early_closes(run: Run) -> None:
    async def tick(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(SSE)
        for each in itertools.count():
            event = b"id: %d\ndata: %d\n\n" % (each, each)
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0.01)

    async def play() -> None:
        async with upstream(tick) as server:
            client = HttpClient()
            async with await client.stream("GET", server.url) as answer:
                assert (answer.status, answer.header("content-type")) == (200, "text/event-stream")
                seen: list[bytes] = []
                async for event in answer.events():
                    seen.append(event.data)
                    if len(seen) == 3:
                        break
                assert seen == [b"0", b"1", b"2"]
            await until(lambda: server.closed == 1)
            reading = asyncio.ensure_future(read_stream(client, server.url))
            await until(lambda: len(server.asked) == 2)
            await asyncio.sleep(0.05)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await until(lambda: server.closed == 2)
            await client.close()

    run(play())


def test_a_stream_closed_by_another_task_ends_for_its_reader(run: Run) -> None:
    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(SSE)
        await asyncio.sleep(60)

    async def play() -> None:
        async with upstream(hang) as server:
            client = HttpClient()
            answer = await client.stream("GET", server.url)

            async def read() -> list[bytes]:
                return [piece async for piece in answer.chunks()]

            reading = asyncio.ensure_future(read())
            await asyncio.sleep(0.02)
            answer.close()
            assert await asyncio.wait_for(reading, 20) == []
            await client.close()

    run(play())


def test_idle_connections_are_given_up(run: Run) -> None:
    async def play() -> None:
        async with upstream() as server:
            client = HttpClient(max_idle=0.1)
            await client.request("GET", server.url)
            await until(lambda: server.closed == 1)
            await client.close()

    run(play())


def test_the_environments_proxy_is_not_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with upstream() as server:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
            client = HttpClient()
            assert (await client.request("GET", server.url)).status == 200
            await client.close()

    run(play())


def test_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    async def play() -> None:
        server = await asyncio.start_unix_server(serve, tmp_path / "s")
        client = HttpClient(unix_path=tmp_path / "s")
        assert (await client.request("GET", "http://localhost/")).body == b"ok"
        await client.close()
        server.close()

    run(play())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_verified(run: Run, certificate: Path) -> None:
    async def play() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        async with upstream(ssl=context) as server:
            url = server.url.replace("http:", "https:")
            trusting = HttpClient(ssl_context=ssl.create_default_context(cafile=str(certificate)))
            for _ in range(2):
                assert (await trusting.request("POST", url, body=b"x" * 100_000)).body == b"ok"
            assert server.connections == 1
            await trusting.close()
            strict = HttpClient(max_per_origin=1)
            for _ in range(2):
                await raises(Unreachable, strict.request("GET", url), sent=False)
            wrong = url.replace("127.0.0.1", "localhost")
            await raises(Unreachable, trusting_again(certificate).request("GET", wrong), sent=False)
            assert len(server.asked) == 2

    run(play())


def trusting_again(certificate: Path) -> HttpClient:
    return HttpClient(ssl_context=ssl.create_default_context(cafile=str(certificate)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_answers_cut_anywhere_are_the_same_answer(cuts: list[int], chunked: bool) -> None:
    body = b"3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nT: t\r\n\r\n" if chunked else b"abcdefg"
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 7"
    stream = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + framing + b"\r\nX-Y: z\r\n\r\n" + body
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]

    async def pieces(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        for begin, end in itertools.pairwise(edges):
            writer.write(stream[begin:end])
            await asyncio.sleep(0.001)

    async def play() -> None:
        async with upstream(pieces) as server:
            client = HttpClient()
            got = await client.request("GET", server.url)
            assert (got.status, got.header("x-y"), got.body) == (200, "z", b"abcdefg")
            assert await read_stream(client, server.url) == b"abcdefg"
            assert server.connections == 1
            await client.close()

    uvloop.run(play())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_an_error_and_never_an_answer(noise: bytes) -> None:
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(noise)
        writer.close()

    async def play() -> None:
        async with upstream(shout) as server:
            client = HttpClient()
            await raises(UpstreamProtocol, client.request("GET", server.url), sent=True)
            await client.close()

    uvloop.run(play())
