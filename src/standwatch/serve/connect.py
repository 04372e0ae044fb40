"""`standwatch connect SYSTEM`: stdio on one side, the agents' listener on the other.

For the many MCP clients that can only start a command. It decides nothing and holds nothing back: it carries lines to
`/mcp/{system}` and answers to lines, in the revision that the client speaks, and keeps the receipts it is given.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import MODERN
from standwatch.upstream.http import HttpClient, Timeouts
from standwatch.upstream.http_errors import UpstreamError
from standwatch.upstream.mcp_headers import ParamHeaders, modern_headers, param_headers

MOST_LINE: Final = 16 << 20
MOST_AT_ONCE: Final = 64
_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_PATIENT: Final = Timeouts(first_byte=3600.0, total=None)

Write = Callable[[bytes], None]


class Bridge:
    """One client's connection. `write` puts one message, without its newline, before the client."""

    def __init__(self, url: str, token: str, write: Write, receipts: Path | None = None) -> None:
        self._url = url
        self._auth = ("authorization", f"Bearer {token}")
        self._write = write
        self._receipts = receipts
        self._client = HttpClient()
        self._session = ""
        self._version = ""
        self._params: dict[str, ParamHeaders] = {}
        self._under_way: dict[Any, asyncio.Task[None]] = {}
        self._loose: set[asyncio.Task[None]] = set()
        self._hello: dict[str, Any] | None = None
        self._opening = asyncio.Lock()

    async def take(self, line: bytes) -> None:
        """Carry one line. What is not JSON-RPC is answered here; nothing malformed is sent on."""
        try:
            message: Any = parse(line)
        except Malformed:
            self._fail(None, -32700, "Parse error")
            return
        if not isinstance(message, dict):
            self._fail(None, -32600, "Invalid Request")
            return
        members = cast("dict[str, Any]", message)
        if members.get("method") == "notifications/cancelled" and self._modern(members):
            self._cancel(members)
            return
        task = asyncio.get_running_loop().create_task(self._carry(members, msgspec.json.encode(members)))
        ident = members.get("id")
        if "method" in members and isinstance(ident, str | int):
            self._under_way[ident] = task
            task.add_done_callback(lambda _: self._under_way.pop(ident, None))
        else:
            self._loose.add(task)
            task.add_done_callback(self._loose.discard)
        if members.get("method") == "initialize":
            self._hello = members
            await asyncio.wait({task})

    def _modern(self, message: dict[str, Any]) -> bool:
        params = message.get("params")
        meta = cast("dict[str, Any]", params).get("_meta") if isinstance(params, dict) else None
        enveloped = isinstance(meta, dict) and _VERSION in cast("dict[str, Any]", meta)
        return enveloped or (
            not self._session and not self._version and message.get("method") != "initialize"
        )

    def _cancel(self, message: dict[str, Any]) -> None:
        """In the stateless revision a cancelled request is a closed stream."""
        params = cast("dict[str, Any]", message.get("params") or {})
        task = self._under_way.get(params.get("requestId"))
        if task is not None:
            task.cancel()

    def _headers(self, message: dict[str, Any]) -> list[tuple[str, str]]:
        headers = [
            self._auth,
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ]
        method = message.get("method")
        if self._modern(message) and isinstance(method, str):
            params = cast("dict[str, Any]", message.get("params") or {})
            known = self._params.get(str(params.get("name")), ()) if method == "tools/call" else ()
            named = modern_headers(method, params, known)
            meta = cast("dict[str, Any]", params.get("_meta") or {})
            version = str(meta.get(_VERSION, MODERN))
            return [
                *headers,
                *((name, version if name == "mcp-protocol-version" else value) for name, value in named),
            ]
        if self._session:
            headers.append(("mcp-session-id", self._session))
        if self._version and method != "initialize":
            headers.append(("mcp-protocol-version", self._version))
        return headers

    async def _carry(self, message: dict[str, Any], body: bytes) -> None:
        ident, wanted = message.get("id"), "method" in message and "id" in message
        session = self._session
        try:
            if not await self._sent(message, body):
                await self._reopen(session)
                await self._sent(message, body, last=True)
        except UpstreamError as error:
            print(f"standwatch connect: {error}", file=sys.stderr)
            if wanted:
                self._fail(ident, -32603, "The gateway cannot be reached. Is it running? standwatch up")

    async def _sent(self, message: dict[str, Any], body: bytes, *, last: bool = False) -> bool:
        """Carry one message and what answers it. False, with nothing passed on, where its session is not known.

        A gateway that was restarted knows no session of before: such a message has gone nowhere, and may go again.
        """
        ident, wanted = message.get("id"), "method" in message and "id" in message
        async with await self._client.stream(
            "POST", self._url, headers=tuple(self._headers(message)), body=body, timeouts=_PATIENT
        ) as answer:
            known = answer.status != 404 or not self._session or message.get("method") == "initialize"
            if not known and self._hello is not None and not last:
                return False
            self._keep_receipt(answer.header("standwatch-receipt"))
            self._session = answer.header("mcp-session-id") or self._session
            if (answer.header("content-type") or "").startswith("text/event-stream"):
                async for event in answer.events():
                    self._pass_on(message, event.data)
                return True
            whole = b"".join([chunk async for chunk in answer.chunks()])
            if whole:
                self._pass_on(message, _addressed(whole, ident) if wanted and answer.status >= 400 else whole)
            elif wanted:
                self._fail(ident, -32603, f"the gateway answered {answer.status}")
            return True

    async def _reopen(self, gone: str) -> None:
        """Shake hands again in place of the session `gone`, unheard by the client. Where that fails, what is sent
        next is answered with the gateway's own words."""
        async with self._opening:
            if self._session != gone or self._hello is None:
                return  # another message was faster
            hello = {**self._hello, "id": "standwatch-connect"}
            for message in (hello, {"jsonrpc": "2.0", "method": "notifications/initialized"}):
                async with await self._client.stream(
                    "POST",
                    self._url,
                    headers=tuple(one for one in self._headers(message) if one != ("mcp-session-id", gone)),
                    body=msgspec.json.encode(message),
                    timeouts=_PATIENT,
                ) as answer:
                    whole = b"".join([chunk async for chunk in answer.chunks()])
                    opened = answer.header("mcp-session-id")
                    if message is hello and answer.status == 200 and opened:
                        self._session = opened
                        self._learn("initialize", whole)

    def _pass_on(self, message: dict[str, Any], data: bytes) -> None:
        if not data.strip():
            return
        method = message.get("method")
        if method in ("initialize", "tools/list"):
            self._learn(str(method), data)
        self._write(data.replace(b"\r", b" ").replace(b"\n", b" "))

    def _learn(self, method: str, data: bytes) -> None:
        """What later requests must repeat in headers: the revision agreed on, and marks of input schemas."""
        try:
            result = msgspec.json.decode(data, type=dict[str, Any]).get("result")
        except (msgspec.DecodeError, msgspec.ValidationError):
            return
        if not isinstance(result, dict):
            return
        members = cast("dict[str, Any]", result)
        if method == "initialize":
            self._version = str(members.get("protocolVersion", ""))
            task = asyncio.get_running_loop().create_task(self._listen())
            self._loose.add(task)
            task.add_done_callback(self._loose.discard)
            return
        for tool in cast("list[dict[str, Any]]", members.get("tools") or []):
            try:
                self._params[str(tool.get("name"))] = param_headers(tool.get("inputSchema"))
            except Malformed:
                continue

    async def _listen(self) -> None:
        """The standalone stream of a handshake session: what the servers say outside any call."""
        headers = (self._auth, ("accept", "text/event-stream"), ("mcp-session-id", self._session),
                   ("mcp-protocol-version", self._version))  # fmt: skip
        try:
            async with await self._client.stream(
                "GET", self._url, headers=headers, timeouts=_PATIENT
            ) as answer:
                if answer.status == 200:
                    async for event in answer.events():
                        self._pass_on({}, event.data)
        except UpstreamError:
            return

    def _keep_receipt(self, receipt: str | None) -> None:
        if receipt and self._receipts is not None:
            self._receipts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._receipts.open("a", encoding="ascii") as file:
                file.write(receipt + "\n")

    def _fail(self, ident: Any, code: int, message: str) -> None:
        self._write(
            msgspec.json.encode({"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": message}})
        )

    async def close(self) -> None:
        """The client has gone: end what is under way, and the session."""
        for task in (*self._under_way.values(), *self._loose):
            task.cancel()
        if self._session:
            headers = (self._auth, ("mcp-session-id", self._session), ("mcp-protocol-version", self._version))
            with contextlib.suppress(UpstreamError):
                brief = Timeouts(first_byte=2, total=3)
                await self._client.request("DELETE", self._url, headers=headers, timeouts=brief)
        await self._client.close()


def _addressed(whole: bytes, ident: Any) -> bytes:
    """A fault of the transport names no request: it answers `ident`, or a client waits for ever."""
    try:
        said = msgspec.json.decode(whole, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return whole
    return msgspec.json.encode({**said, "id": ident}) if said.get("id", "") is None else whole


async def bridge(url: str, token: str, receipts: Path | None) -> int:
    """Carry stdin to `url` and back until stdin ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MOST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    def write(message: bytes) -> None:
        sys.stdout.buffer.write(message + b"\n")
        sys.stdout.buffer.flush()

    carrying = Bridge(url, token, write, receipts)
    room = asyncio.Semaphore(MOST_AT_ONCE)
    try:
        while line := await reader.readline():
            if line.strip():
                async with room:
                    await carrying.take(line)
    except ValueError:
        print(f"standwatch connect: a line longer than {MOST_LINE} bytes", file=sys.stderr)
        return 2
    finally:
        await carrying.close()
    return 0


def main(url: str, system: str, token: str, receipts: Path | None = None) -> int:
    """Run the bridge to `system` of the gateway at `url`; the exit code."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "standwatch"
    kept = receipts or folder / f"receipts-{system}.txt"
    return asyncio.run(bridge(f"{url.rstrip('/')}/mcp/{system}", token, kept))
