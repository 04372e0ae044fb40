"""Agents that keep paying, and write down what they were told.

Two kinds: raw ones, which keep the receipt of every reply, and the official `mcp` SDK's client.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Final, Literal

import msgspec

from bench.organisation import PAYEE
from standwatch.facts.words import SENTENCES

Heard = Literal["done", "refused", "unavailable", "lost"]
"""The word of the reply; `lost` where there was none, so that the caller knows nothing."""

TIMEOUT: Final = 10.0


class Note(msgspec.Struct, frozen=True):
    """What became of the payment with this subject, as its caller knows it."""

    subject: str
    heard: Heard
    action: str = ""
    receipt: str = ""


class Callers:
    """`raw` and `sdk` callers at one door, until `stop`."""

    def __init__(self, port: int, token: str, name: str, *, raw: int = 8, sdk: int = 1) -> None:
        self.notes: list[Note] = []
        self._port, self._token, self._name = port, token, name
        self._count = itertools.count()
        self._stopping = False
        loop = asyncio.get_running_loop()
        work = [self._raw() for _ in range(raw)] + [self._sdk() for _ in range(sdk)]
        self._tasks = [loop.create_task(one) for one in work]

    async def stop(self) -> list[Note]:
        """Let calls under way end; everything that was heard."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        return self.notes

    def _subject(self) -> str:
        return f"{self._name}-{next(self._count)}"

    async def _raw(self) -> None:
        while not self._stopping:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    while not self._stopping and await self._call(reader, writer):
                        pass
                finally:
                    writer.close()
            await asyncio.sleep(0.02)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One payment; False where the connection cannot be used any more."""
        subject = self._subject()
        try:
            writer.write(request(self._port, self._token, subject))
            head, body = await asyncio.wait_for(_answer(reader), TIMEOUT)
        except (OSError, EOFError, TimeoutError, ValueError):
            self.notes.append(Note(subject, "lost"))
            return False
        self.notes.append(note(subject, head, body))
        return True

    async def _sdk(self) -> None:
        while not self._stopping:
            try:
                await self._session()
            except Exception:
                await asyncio.sleep(0.05)

    async def _session(self) -> None:
        import httpx2
        from mcp.client.client import Client
        from mcp.client.streamable_http import streamable_http_client

        headers = {"authorization": f"Bearer {self._token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, trust_env=False) as http:
            transport = streamable_http_client(f"http://127.0.0.1:{self._port}/mcp/s0", http_client=http)
            async with Client(transport) as client:
                while not self._stopping:
                    subject = self._subject()
                    arguments = {"recipient": PAYEE, "amount": 1.25, "subject": subject, "note": ""}
                    try:
                        async with asyncio.timeout(TIMEOUT):
                            result = await client.call_tool("pay", arguments)
                    except Exception:
                        self.notes.append(Note(subject, "lost"))
                        raise
                    text = " ".join(getattr(block, "text", "") for block in result.content)
                    self.notes.append(Note(subject, _word(text) if result.is_error else "done"))


def request(port: int, token: str, subject: str) -> bytes:
    """A payment as an MCP call of 2026-07-28."""
    body = msgspec.json.encode(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "pay",
                "arguments": {"recipient": PAYEE, "amount": 1.25, "subject": subject},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        }
    )
    head = (
        f"POST /mcp/s0 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
        "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
        "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: pay\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return head, await reader.readexactly(int(head["content-length"]))


class _Result(msgspec.Struct):
    is_error: bool = msgspec.field(default=False, name="isError")


class _Answer(msgspec.Struct):
    result: _Result | None = None


def note(subject: str, head: dict[str, str], body: bytes) -> Note:
    """What a reply says."""
    answer = msgspec.json.decode(body, type=_Answer)
    well = answer.result is not None and not answer.result.is_error
    heard = "done" if well else _word(body.decode())
    return Note(subject, heard, head.get("standwatch-action", ""), head.get("standwatch-receipt", ""))


def _word(text: str) -> Heard:
    """A refusal says that nothing was done; everything else leaves it open."""
    return "refused" if '"word":"refused"' in text or SENTENCES["refused"] in text else "unavailable"


async def pay_once(port: int, token: str, subject: str, *, patience: float = 20.0) -> Note:
    """One payment that must get through: the log goes on. Each attempt has a subject of its own."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    for attempt in itertools.count():
        tried = f"{subject}-{attempt}"
        heard = Note(tried, "lost")
        with suppress(OSError, EOFError, TimeoutError, ValueError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(port, token, tried))
            heard = note(tried, *await asyncio.wait_for(_answer(reader), TIMEOUT))
            writer.close()
        if heard.heard == "done":
            return heard
        if loop.time() > deadline:
            raise AssertionError(f"the log does not go on: {heard}")
        await asyncio.sleep(0.1)
    raise AssertionError
