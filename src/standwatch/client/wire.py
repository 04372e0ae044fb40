"""A request as bytes and an answer as JSON: HTTP/1.1 over `http.client`, and over asyncio's streams. No retries.

A decision asked for twice is two decisions, so a request that may have arrived is never sent again. Connections are
kept for a while; one that the other side has closed in the meantime is found out before it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import select
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from standwatch.client.errors import Unreachable

IDLE: Final = 20.0
"""Seconds for which an unused connection is kept."""
MOST_KEPT: Final = 16
MOST_ANSWER: Final = 64 << 20
"""Bytes of an answer."""

Answered = tuple[int, str, object]
"""Status, receipt, body."""


class Prover(Protocol):
    """A key, and what proves that a request is by whoever has it (RFC 9449)."""

    @property
    def thumbprint(self) -> str:
        """Of its public half (RFC 7638)."""
        ...

    def proof(self, method: str, url: str, token: str) -> str:
        """For one request, with one token, now."""
        ...


class Place:
    """Where the gateway is and who we are. Raises ValueError for an address or a token that is none."""

    def __init__(self, url: str, token: str, run: str = "", key: Prover | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"an address such as http://127.0.0.1:8400 was expected, not {url!r}")
        if not all(word.isascii() and word.isprintable() for word in (token, run)):
            raise ValueError("a token is printable ASCII")
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port or (443 if self.secure else 80)
        self.path = parts.path.rstrip("/")
        self.netloc = parts.netloc
        self.url, self.key, self.token, self.run = url, key, token, run
        scheme = "Bearer" if key is None else "DPoP"
        self.headers = {"Authorization": f"{scheme} {token}", "Content-Type": "application/json"}
        if run:
            self.headers["Standwatch-Run"] = run

    def shown(self, path: str) -> dict[str, str]:
        """The headers of one POST to `path`; with a proof of its own where there is a key."""
        if self.key is None:
            return self.headers
        usual = self.port == (443 if self.secure else 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        where = f"{'https' if self.secure else 'http'}://{host if usual else f'{host}:{self.port}'}{self.path}{path}"
        return {
            **self.headers,
            "Host": where.split("/")[2],
            "DPoP": self.key.proof("POST", where, self.token),
        }


def body_of(value: Any) -> bytes:
    """JSON of `value`; numpy's scalars and arrays are written as what they hold.

    Raises ValueError for NaN and infinity, TypeError for what JSON has no form for.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    for method in ("tolist", "item"):
        if callable(plain := getattr(value, method, None)):
            return plain()
    raise TypeError(f"JSON has no form for {type(value).__name__}")


def read_json(status: int, body: bytes) -> object:
    """The JSON in an answer. Raises `Unreachable` where there is none: then it was not the gateway that answered."""
    try:
        return json.loads(body)
    except ValueError:
        raise Unreachable(f"what answered {status} is not Standwatch") from None


class Sync:
    """Connections of threads: each is used by one at a time."""

    def __init__(self, place: Place, timeout: float) -> None:
        self._place, self._timeout = place, timeout
        self._lock = threading.Lock()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Send one request and wait for its answer. Raises `Unreachable`."""
        connection = self._taken()
        try:
            connection.request("POST", self._place.path + path, body, {**self._place.shown(path), **headers})
            answer = connection.getresponse()
            data = answer.read(MOST_ANSWER + 1)
            if len(data) > MOST_ANSWER:
                raise http.client.HTTPException("an answer of that size is none")  # noqa: TRY301
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"{self._place.netloc}: {error or type(error).__name__}") from error
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._give(connection)
        return answer.status, answer.headers.get("Standwatch-Receipt", ""), read_json(answer.status, data)

    def _taken(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                since, connection = self._idle.pop()
                if time.monotonic() - since < IDLE and _quiet(connection):
                    return connection
                connection.close()
        place = self._place
        if place.secure:
            return http.client.HTTPSConnection(place.host, place.port, timeout=self._timeout)
        return http.client.HTTPConnection(place.host, place.port, timeout=self._timeout)

    def _give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), connection))
            spare = self._idle[:-MOST_KEPT]
            del self._idle[:-MOST_KEPT]
        for _, old in spare:
            old.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


def _quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether a kept connection is still open: one that has something to say has said goodbye."""
    sock: Any = connection.sock
    return sock is not None and not select.select([sock], [], [], 0)[0]


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Async:
    """Connections of one event loop."""

    def __init__(self, place: Place, timeout: float) -> None:
        self._place, self._timeout = place, timeout
        self._idle: list[tuple[float, Streams]] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Send one request and wait for its answer. Raises `Unreachable`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(path, body, headers)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise Unreachable(f"{self._place.netloc}: {error or type(error).__name__}") from error

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        reader, writer = await self._taken()
        done = False
        try:
            writer.write(self._head(path, len(body), headers) + body)
            await writer.drain()
            status, found = await _read_head(reader)
            data = await _read_body(reader, found)
            done = found.get("connection", "").lower() != "close"
        finally:
            if not done:
                writer.close()
        if len(self._idle) < MOST_KEPT and done:
            self._idle.append((time.monotonic(), (reader, writer)))
        elif done:
            writer.close()
        return status, found.get("standwatch-receipt", ""), read_json(status, data)

    def _head(self, path: str, length: int, headers: Mapping[str, str]) -> bytes:
        lines = {
            "Host": self._place.netloc,
            "Content-Length": str(length),
            **self._place.shown(path),
            **headers,
        }
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self._place.path}{path} HTTP/1.1\r\n{told}\r\n".encode("ascii")

    async def _taken(self) -> Streams:
        while self._idle:
            since, (reader, writer) = self._idle.pop()
            if time.monotonic() - since < IDLE and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        place = self._place
        secure = ssl.create_default_context() if place.secure else None
        return await asyncio.open_connection(place.host, place.port, ssl=secure)

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        idle, self._idle = self._idle, []
        for _, (_, writer) in idle:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and headers of an answer (RFC 9112 §4, §5); ValueError where it is none."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("no HTTP answer")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(rest[:3]), headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MOST_ANSWER:
        raise ValueError("an answer of that size is none")
    return await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """RFC 9112 §7.1. A proxy before the gateway may answer so."""
    found = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if not 0 < size <= MOST_ANSWER - len(found):
            raise ValueError("an answer of that size is none")
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(found)
