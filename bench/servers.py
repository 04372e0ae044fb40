"""The other servers of the benchmark, each a process of its own: `python -m bench.servers KIND PORT [UPSTREAM]`.

upstream   a bare MCP server of 2026-07-28 over HTTP: parses the call, answers with a text as long as its body
stdio      the same over stdin and stdout, in the revision that most stdio servers speak
through    a pass-through proxy before UPSTREAM: asyncio.Protocol and httptools on both sides, judges nothing
mortgage   as `model`, answering as the example's mortgage model would
model      a bare OIP server: answers a fixed probability for each row, so that only the gateway is measured
sdk        a server on the official `mcp` SDK over uvicorn with one real tool, governed by nobody
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from typing import Any

import httptools
import msgspec
import uvloop

from bench.flow import pages

_SCHEMA = (
    b'{"type":"object","properties":{"recipient":{"type":"string"},"amount":{"type":"number"},'
    b'"subject":{"type":"string"},"note":{"type":"string"}}}'
)
_LIST = b",".join(
    b'{"name":"%b","description":"bench","inputSchema":%b}' % (name, _SCHEMA) for name in (b"pay", b"look")
)
_STAMPS = b'"resultType":"complete","ttlMs":60000,"cacheScope":"private"'
RESULTS = {
    "tools/list": b'{%b,"tools":[%b]}' % (_STAMPS, _LIST),
    "server/discover": b'{%b,"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},'
    b'"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}}' % _STAMPS,
}
_HELLO = (
    b'{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},'
    b'"serverInfo":{"name":"bench","version":"1"}}'
)


class _Message(msgspec.Struct):
    method: str
    id: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(_Message).decode


_PAGES = " ".join(pages(200_000, random.Random(7))).replace("\n", " ").encode()
"""Words, amounts, dates, addresses, as in pages and mails."""
_starts = itertools.count()


def _page(size: int) -> bytes:
    """The next `size` bytes: no two answers in 200 kB are the same."""
    room = len(_PAGES) - size
    at = next(_starts) * size % max(room, 1)
    return _PAGES[at : at + size] if room > 0 else b"x" * size


def answer(body: bytes) -> bytes:
    """The JSON-RPC answer to `body`; empty for a notification."""
    message = _decode(body)
    if not message.id:
        return b""
    if message.method == "tools/call":
        text = _page(max(len(body) - 200, 100))
        result = b'{"resultType":"complete","content":[{"type":"text","text":"%b"}]}' % text
    else:
        result = RESULTS.get(message.method, b"")
    if not result:
        error = b'{"jsonrpc":"2.0","id":%b,"error":{"code":-32601,"message":"Method not found"}}'
        return error % bytes(message.id)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (bytes(message.id), result)


def http(body: bytes) -> bytes:
    """`body` as an HTTP answer; a 202 where it is empty."""
    if not body:
        return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    status = b"404 Not Found" if b'"code":-32601' in body[:200] else b"200 OK"
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Upstream(asyncio.Protocol):
    """One connection of the bare MCP server."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        body, self.pieces = b"".join(self.pieces), []
        self.transport.write(http(answer(body)))


class _Tensor(msgspec.Struct):
    shape: list[int]


class _Inference(msgspec.Struct):
    inputs: list[_Tensor]


_inference = msgspec.json.Decoder(_Inference).decode


class Model(Upstream):
    """One connection of the bare OIP server: a model that costs nothing. Version 2 answers 0.75, every other 0.25."""

    url, name, output = b"", b"scorer", b"p"

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        body, self.pieces = b"".join(self.pieces), []
        rows = _inference(body).inputs[0].shape[0] if body else 0
        version, value = (b"2", b"0.75") if b"/versions/2" in self.url else (b"1", b"0.25")
        output = b'{"name":"%b","shape":[%d,1],"datatype":"FP64","data":[%b]}'
        outputs = output % (self.output, rows, b",".join([value] * rows))
        self.transport.write(
            http(b'{"model_name":"%b","model_version":"%b","outputs":[%b]}' % (self.name, version, outputs))
        )


class Mortgage(Model):
    """The same, with the output that the example's mortgage model has."""

    name, output = b"mortgage", b"p_denied"


class Through(asyncio.Protocol):
    """One connection of the pass-through, with one connection of its own to the upstream."""

    port = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.pieces: list[bytes] = []
        self.heads: list[bytes] = []
        self.far: Any = None
        self.waiting: list[bytes] = []
        asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        self.far, _ = await loop.create_connection(lambda: Back(self.transport), "127.0.0.1", self.port)
        for each in self.waiting:
            self.far.write(each)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.heads.append(name + b": " + value + b"\r\n")

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        whole = b"POST /mcp HTTP/1.1\r\n" + b"".join(self.heads) + b"\r\n" + b"".join(self.pieces)
        self.heads, self.pieces = [], []
        if self.far is None:
            self.waiting.append(whole)
        else:
            self.far.write(whole)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.far is not None:
            self.far.close()


class Back(asyncio.Protocol):
    """The upstream's answers on their way back to `near`."""

    def __init__(self, near: Any) -> None:
        self.near = near

    def connection_made(self, transport: Any) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        body, self.pieces = b"".join(self.pieces), []
        self.parser = httptools.HttpResponseParser(self)
        self.near.write(http(body))


async def listen(protocol: type[asyncio.Protocol], port: int) -> None:
    """Serve `protocol` on a port of this host, for ever."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    await server.serve_forever()


def stdio() -> None:
    """Lines in, lines out."""
    for line in sys.stdin.buffer:
        message = _decode(line)
        if message.method == "initialize":
            said = b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (bytes(message.id), _HELLO)
        else:
            said = answer(line) if message.method != "server/discover" else b""
            if message.method == "server/discover":
                said = b'{"jsonrpc":"2.0","id":%b,"error":{"code":-32601,"message":"?"}}' % bytes(message.id)
        if said:
            sys.stdout.buffer.write(said + b"\n")
            sys.stdout.buffer.flush()


def sdk(port: int) -> None:
    """One real tool on the official SDK."""
    import logging

    import uvicorn
    from mcp.server.mcpserver import MCPServer

    logging.disable(logging.INFO)
    server = MCPServer("bench")

    @server.tool()
    def pay(recipient: str, amount: float, subject: str, note: str = "") -> str:
        """Pays nobody."""
        return f"{recipient} {amount} {subject}" + "x" * len(note)

    app = server.streamable_http_app(json_response=True, stateless_http=True)
    uvicorn.run(app, port=port, log_level="error", access_log=False, loop="uvloop", http="httptools")


def main(kind: str, port: int, upstream: int) -> None:
    match kind:
        case "upstream":
            uvloop.run(listen(Upstream, port))
        case "model":
            uvloop.run(listen(Model, port))
        case "mortgage":
            uvloop.run(listen(Mortgage, port))
        case "through":
            Through.port = upstream
            uvloop.run(listen(Through, port))
        case "stdio":
            stdio()
        case "sdk":
            sdk(port)
        case _:
            raise SystemExit(f"no server of kind {kind}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
