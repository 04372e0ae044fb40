"""A handshake session lives in the worker that began it; whichever worker a connection lands on passes it on.

The kernel spreads connections over the workers, and clients of the older MCP revisions open several for one session.
So a session's id begins with its worker's number, and a request for another worker's session goes there over a Unix
socket. So does an action that its caller carries out under an id of its own, and the outcome of every such action; and
what a model said that ran in its caller, since the id of such a decision bears its worker's number as well. Everything
else (all of the stateless revision) is served where it lands.
"""

import base64
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.ids import id_mark
from standwatch.fronts.http import ClientGone, Refusal, Request, Response, Stream, Writer
from standwatch.upstream.http import HttpClient, Timeouts
from standwatch.upstream.http_errors import UpstreamError

Answer = Response | Stream
Handler = Callable[[Request], Awaitable[Answer]]

_ACTIONS: Final = "/v1/actions"
_DECISIONS: Final = "/v1/decisions/"
_SESSION_BYTES: Final = 32
_ID_BYTES: Final = 10
_PASSED: Final = (b"authorization", b"content-type", b"accept", b"mcp-session-id", b"mcp-protocol-version",
                  b"last-event-id", b"origin", b"standwatch-run", b"standwatch-used", b"traceparent")  # fmt: skip
_KEPT: Final = ("mcp-session-id", "standwatch-action", "standwatch-receipt", "www-authenticate", "allow")
_PATIENT: Final = Timeouts(first_byte=3600.0, total=None)
_AWAY: Final = Refusal(503, "unavailable", "The session's worker cannot be reached. Try again.").response()


def marked(worker: int) -> Callable[[int], bytes]:
    """Chance for worker `worker`: session ids begin with its number, 248 random bits follow; it is the mark of ids."""

    def chance(size: int) -> bytes:
        drawn = os.urandom(size)
        if size == _SESSION_BYTES:
            return bytes([worker]) + drawn[1:]
        return drawn[:1] + bytes([worker]) + drawn[2:] if size == _ID_BYTES else drawn

    return chance


def worker_of(session: str) -> int:
    """The worker that a session id names; -1 for what is no id of ours."""
    try:
        return base64.urlsafe_b64decode(session[:4].encode("ascii"))[0]
    except (ValueError, IndexError):
        return -1


def worker_of_decision(path: str) -> int:
    """The worker that owes the outcome told at `path`; -1 where that names no id."""
    try:
        return id_mark(path.removeprefix(_DECISIONS).partition("/")[0])
    except Malformed:
        return -1


def socket_of(state: Path, worker: int) -> Path:
    """Where worker `worker` takes what others pass on."""
    return state / f"worker-{worker}.sock"


class _Named(msgspec.Struct):
    id: str = ""


def _named(body: bytes) -> str:
    """The id that a request for an action gives; "" for none, and for what is no such request."""
    try:
        return _decode(body).id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""


_decode: Final = msgspec.json.Decoder(_Named).decode


class Relay:
    """Serves what is ours with `handle`, and passes the rest to the worker it belongs to."""

    def __init__(self, state: Path, worker: int, workers: int, handle: Handler) -> None:
        self._worker = worker
        self._handle = handle
        self._others = {
            other: HttpClient(unix_path=socket_of(state, other))
            for other in range(workers)
            if other != worker
        }

    async def __call__(self, request: Request) -> Answer:
        """Answer a request from outside."""
        if request.path.startswith(_ACTIONS) and request.method == "POST":
            return await self._action(request)
        if request.path.startswith(_DECISIONS):
            client = self._others.get(worker_of_decision(request.path))
        else:
            session = request.header("mcp-session-id")
            client = self._others.get(worker_of(session)) if session else None
        return await self._handle(request) if client is None else await self._pass_on(request, client)

    async def _action(self, request: Request) -> Answer:
        """What an id was given for is known to one worker alone, which holds the act until its outcome."""
        if request.path == _ACTIONS:
            client = self._others.get(self._home(_named(request.body)))
            return await self._handle(request) if client is None else await self._pass_on(request, client)
        answer, away = await self._handle(request), False
        for client in self._others.values():
            if answer.status != 404:
                return answer
            found = await self._pass_on(request, client)
            away = away or found is _AWAY
            answer = answer if found is _AWAY else found
        return _AWAY if away and answer.status == 404 else answer

    def _home(self, ident: str) -> int:
        """The worker at which an act of this id is asked for, wherever its requests land; "" has none."""
        return crc32(ident.encode()) % (len(self._others) + 1) if ident else self._worker

    async def _pass_on(self, request: Request, client: HttpClient) -> Answer:
        headers = tuple(
            (name.decode(), value.decode("latin-1"))
            for name in _PASSED
            if (value := request.headers.get(name))
        )
        target = f"http://127.0.0.1{request.path}"
        try:
            stream = await client.stream(
                request.method, target, headers=headers, body=request.body, timeouts=_PATIENT, max_bytes=None
            )
        except UpstreamError:
            return _AWAY
        kept = tuple((name, value) for name in _KEPT if (value := stream.header(name)))
        kind = stream.header("content-type") or ""
        if not kind.startswith("text/event-stream"):
            async with stream:
                body = b"".join([chunk async for chunk in stream.chunks()])
            return Response(stream.status, body, kept, kind)

        async def produce(writer: Writer) -> None:
            async with stream:
                async for chunk in stream.chunks():
                    try:
                        await writer.send(chunk)
                    except ClientGone:
                        return

        return Stream(produce, stream.status, kept, kind, ends_early=True)

    async def close(self) -> None:
        for client in self._others.values():
            await client.close()
