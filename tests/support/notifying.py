"""What tests of telling people share: entries, a reader of messages that keeps the rules, a receiver that may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from standwatch.facts.entries import (
    Answered,
    Asked,
    Decided,
    Deferred,
    Denied,
    Deployed,
    Evidence,
    Hold,
    Pulled,
    Released,
)
from standwatch.facts.notifying import Channel, Notify, Route, Webhook
from standwatch.notify.message import Message
from standwatch.notify.words import Words

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOON = 1_800_000_000_000_000 - 1_800_000_000_000_000 % (24 * HOUR) + 12 * HOUR
"""Noon of some day, UTC."""
WORDS = Words(
    frozenset({"pay", "loans", "bank.send", "scorer"}),
    {"olga": "Olga", "chen": "Chen"},
    lambda scope: ("pay",) if scope in ("system:pay", "all") else (),
)
JUDGED: dict[str, Any] = {"run": "r", "digest": "0" * 64, "seen": 0, "why": "0" * 64}


def hold(at: int = NOON, scope: str = "system:pay", until: int = 0) -> Hold:
    return Hold(at=at, by="olga", scope=scope, until=until)


def released(number: int, at: int = NOON) -> Released:
    return Released(at=at, by="olga", hold=number)


def asked(ident: str = "Q1", at: int = NOON, until: int = NOON + HOUR, **more: Any) -> Asked:
    said: dict[str, Any] = {"system": "pay", "tool": "bank.send", "by": "agent-1", **more}
    return Asked(at=at, id=ident, until=until, **JUDGED, **said)


def answered(ident: str = "Q1", at: int = NOON, decision: str = "approve") -> Answered:
    return Answered(
        at=at,
        by="olga",
        id=ident,
        of=0,
        decision=decision,
        digest="",
        key="",
        sig="",
        head="",
        until=at + HOUR,
    )


def deferred(ident: str = "Q1", at: int = NOON, until: int = NOON + 8 * HOUR) -> Deferred:
    return Deferred(
        at=at,
        id=ident,
        until=until,
        code="ask_budget",
        system="pay",
        tool="bank.send",
        by="agent-1",
        **JUDGED,
    )


def pulled(ident: str = "Q1", at: int = NOON, into: str = "question") -> Pulled:
    return Pulled(at=at, by="olga", id=ident, of=0, system="pay", into=into)


def denied(at: int = NOON, **more: Any) -> Denied:
    said: dict[str, Any] = {
        "system": "pay",
        "tool": "bank.send",
        "by": "agent-1",
        "id": "D1",
        "code": "provenance",
    }
    return Denied(at=at, **JUDGED, **(said | more))


def decided(code: str, at: int = NOON) -> Decided:
    return Decided(
        at=at,
        by="front",
        id="M1",
        run="r",
        system="loans",
        model="scorer",
        tree="",
        seen=0,
        why="",
        codes={code: 1},
    )


def rollback(at: int = NOON) -> Deployed:
    return Deployed(
        at=at, by="olga", system="loans", model="scorer", version="1", former="2", mode="rollback"
    )


def evidence(outcome: str, at: int = NOON) -> Evidence:
    return Evidence(
        at=at, by="chen", system="pay", envelope="", components="", outcome=outcome, until=at + 24 * HOUR
    )


def notify(**routes: Any) -> Notify:
    """One channel `oncall`, and a route that brings it everything, changed by `routes`."""
    return Notify(
        {"oncall": Channel(webhook=Webhook("http://127.0.0.1:1/", "S"))}, (Route(("oncall",), **routes),)
    )


class Alerts:
    """What a receiver knows that keeps to the rules: ids once, one open alert for an incident, nothing out of place."""

    def __init__(self) -> None:
        self.seen: dict[str, Message] = {}
        self.open: dict[str, Message] = {}
        self.told: list[Message] = []
        self.said: set[tuple[object, ...]] = set()
        self.forgotten: set[str] = set()
        """Incidents of which we told what no disk would keep, before a crash: they may be told again with more."""

    def take(self, message: Message) -> None:
        if message.id in self.seen:
            return  # at least once: the id says that it is the same
        said = (message.incident, message.stage, message.lines, message.entries)
        assert not message.entries or said not in self.said, f"the same under another id: {message}"
        self.said.add(said)
        self.seen[message.id] = message
        self.told.append(message)
        again = message.incident in self.forgotten
        match message.stage:
            case "opened":
                assert again or message.incident not in self.open, f"a second alert of {message.title}"
                self.open[message.incident] = message
            case "updated":
                assert again or message.incident in self.open, f"an update of no alert: {message.title}"
                self.open[message.incident] = message
            case "resolved":
                self.open.pop(message.incident, None)
            case _:
                assert message.stage == "noted"

    @property
    def stages(self) -> list[str]:
        return [one.stage for one in self.told]


# --- a receiver ----------------------------------------------------------------------------------------------------


class Hook:
    """One request that arrived."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


Manner = Callable[[Hook, asyncio.StreamWriter], Awaitable[None]]


async def polite(_: Hook, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")


def answering(status: str, extra: str = "") -> Manner:
    async def answer(_: Hook, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{extra}content-length: 0\r\n\r\n".encode())

    return answer


async def silent(_: Hook, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def dying(_: Hook, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


class Receiver:
    """Takes webhooks in the manner that stands in `manner`, and remembers all of them."""

    def __init__(self) -> None:
        self.manner: Manner = polite
        self.got: list[Hook] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                hook = Hook(head[0].split(" ")[1], headers, body)
                self.got.append(hook)
                await self.manner(hook, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.hang_up()
