"""A scripted upstream that speaks Anthropic's messages: it says what a test tells it to, and remembers what it heard.

No model runs here. Its answers have the form that the vendor's reference gives (`anthropic-version: 2023-06-01`); the
official SDK reads them, so they are as real as its types.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-upstream-0123456789abcdef"
MODEL = "claude-scripted-1"


class Asked:
    """One request, and the connection to answer it on."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.raw = body
        self.body: dict[str, Any] = json.loads(body) if body else {}
        self._handler = handler

    @property
    def key(self) -> str:
        """Wherever it stands: the vendor's SDKs moved it."""
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self, said: Any, status: int = 200, **headers: str) -> None:
        """A whole answer."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self._head(status, "application/json", headers, {"content-length": str(len(body))})
        self._handler.wfile.write(body)

    def begin(self, **headers: str) -> None:
        """The head of a stream."""
        self._head(200, "text/event-stream; charset=utf-8", headers, {"transfer-encoding": "chunked"})

    def event(self, said: dict[str, Any]) -> None:
        """One event of it."""
        self.piece(f"event: {said['type']}\ndata: {json.dumps(said)}\n\n".encode())

    def piece(self, piece: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self._handler.wfile.flush()

    def end(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def hang_up(self) -> None:
        """Ends the connection, whatever was promised on it."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)

    def _head(self, status: int, kind: str, headers: dict[str, str], more: dict[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in {"content-type": kind, "request-id": "req_scripted", **headers, **more}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()


Script = Callable[[Asked], None]


class Claude:
    """The upstream. `script` may be changed at any time; `free` is for scripts that wait."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.free = threading.Event()
        claude = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                it = Asked(self, body)
                claude.asked.append(it)
                try:
                    claude.script(it)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                del request, client_address

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Claude]:
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.free.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


@contextmanager
def claude(script: Script | None = None) -> Iterator[Claude]:
    """An upstream that answers as `talk` does, or as `script` says."""
    with Claude(script or talk).running() as running:
        yield running


# --- what it says ------------------------------------------------------------------------------------------------


def usage(**more: int) -> dict[str, Any]:
    found = {
        "input_tokens": 25,
        "output_tokens": 15,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    return {**found, **more}


def message(content: list[dict[str, Any]], model: str = MODEL, **more: Any) -> dict[str, Any]:
    said = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage(),
    }
    return {**said, **more}


def error(kind: str, text: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_scripted"}


TEXT = [{"type": "text", "text": "Guten Tag – schön, Sie zu sehen. 👋"}]
TOOL = [
    {"type": "text", "text": "I will look."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Wien", "days": 2}},
]
THINKING = [
    {"type": "thinking", "thinking": "Let me see…", "signature": "c2lnbmF0dXJl"},
    {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="},
    {"type": "text", "text": "42"},
]
CITED = [
    {
        "type": "text",
        "text": "The sky is blue",
        "citations": [
            {
                "type": "char_location",
                "cited_text": "sky is blue",
                "document_index": 0,
                "document_title": "Facts",
                "start_char_index": 4,
                "end_char_index": 15,
            }
        ],
    }
]
SAYS = {"tool": TOOL, "think": THINKING, "cite": CITED}


def wanted(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What is said to the last message: by its first word, else a greeting."""
    content = body["messages"][-1]["content"]
    text = (
        content if isinstance(content, str) else next((b["text"] for b in content if b["type"] == "text"), "")
    )
    return SAYS.get(text.split(" ", 1)[0], TEXT)


def talk(it: Asked) -> None:
    """Answers as the vendor would: a message, a stream, a count, or an error that its words ask for."""
    if it.key != KEY:
        it.json(error("authentication_error", "invalid x-api-key"), 401)
    elif it.path.startswith("/v1/messages/count_tokens"):
        it.json({"input_tokens": len(it.raw)})
    elif it.body["messages"][-1]["content"] == "overload":
        it.json(error("overloaded_error", "Overloaded"), 529, retry_after="1", x_should_retry="false")
    elif it.body["messages"][-1]["content"] == "bad":
        it.json(error("invalid_request_error", "messages: roles must alternate"), 400)
    elif it.body.get("stream"):
        stream(it, wanted(it.body))
    else:
        content = wanted(it.body)
        stop = "tool_use" if content is TOOL else "end_turn"
        it.json(message(content, it.body["model"], stop_reason=stop))


def stream(it: Asked, content: list[dict[str, Any]]) -> None:
    """The message as a stream, its texts in small pieces."""
    it.begin()
    it.event(
        {
            "type": "message_start",
            "message": message([], it.body["model"], stop_reason=None, usage=usage(output_tokens=1)),
        }
    )
    it.event({"type": "ping"})
    for index, block in enumerate(content):
        for one in steps(index, block):
            it.event(one)
    stop = "tool_use" if content is TOOL else "end_turn"
    delta = {"stop_reason": stop, "stop_sequence": None}
    it.event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}})
    it.event({"type": "message_stop"})
    it.end()


def steps(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One block's events."""
    empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
    begun = {**block, **empty.get(block["type"], {})}
    begun.pop("citations", None)
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in _deltas(block):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for one in block.get("citations", ()):
                yield {"type": "citations_delta", "citation": one}
            for start in range(0, len(block["text"]), 4):
                yield {"type": "text_delta", "text": block["text"][start : start + 4]}
        case "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            said = json.dumps(block["input"])
            for start in range(0, len(said), 5):
                yield {"type": "input_json_delta", "partial_json": said[start : start + 5]}
        case _:
            return
