"""A scripted upstream of language models: a real HTTP server whose answers follow from the request, and no model.

The name of the model says its manners: `scripted-text` answers, `scripted-tools` calls the first tool it is offered,
`scripted-429` errs so, `scripted-endless` never ends. What it was asked stands in `requests`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("It", " is", " scripted", ",", " not", " \u00fcber", "legt", "; said", " \u4f60\u597d", ".")
SECRET = "sk-upstream-0123456789abcdef"
"""The gateway's key: an upstream that gets another one says 401."""
ERRORS: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "scripted-400": (
        400,
        {
            "message": "Unknown parameter: 'foo'.",
            "type": "invalid_request_error",
            "param": "foo",
            "code": "unknown_parameter",
        },
        {},
    ),
    "scripted-401": (
        401,
        {
            "message": "Incorrect API key provided.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        },
        {},
    ),
    "scripted-404": (
        404,
        {
            "message": "The model does not exist.",
            "type": "invalid_request_error",
            "param": None,
            "code": "model_not_found",
        },
        {},
    ),
    "scripted-429": (
        429,
        {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"},
        {"retry-after": "7", "x-should-retry": "false"},
    ),
    "scripted-500": (
        500,
        {"message": "The server had an error.", "type": "server_error", "param": None, "code": None},
        {"x-should-retry": "false"},
    ),
    "scripted-leak": (
        400,
        {
            "message": f"what you sent was {SECRET}",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
        {},
    ),
}
LIMITS = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}


class Upstream:
    """What a test sees of it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.gone = threading.Event()
        """Set once somebody closed a connection that was being written to."""
        self.go = threading.Event()
        """`scripted-gated` writes on once it is set."""

    @property
    def last(self) -> dict[str, Any]:
        return json.loads(self.requests[-1][2])


def _ident(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:24]


class Handler(BaseHTTPRequestHandler):
    """One request; `upstream` is set by `llm_upstream`."""

    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def log_message(self, format: str, *_: object) -> None:
        """Quietly."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.upstream.requests.append((self.path, headers, body))
        asked = json.loads(body)
        model = asked.get("model", "")
        if model in ERRORS:
            status, error, more = ERRORS[model]
            self._json(status, {"error": error}, more)
        elif headers.get("authorization") != f"Bearer {SECRET}":
            self._json(*ERRORS["scripted-401"][:1], {"error": ERRORS["scripted-401"][1]}, {})
        elif model in MISBEHAVING:
            MISBEHAVING[model](self, asked)
        elif self.path == "/v1/chat/completions":
            self._chat(asked, body)
        elif self.path == "/v1/responses":
            self._responses(asked, body)
        else:
            self._json(404, {"error": {"message": "no such path", "type": "invalid_request_error"}}, {})

    # --- how it writes ----------------------------------------------------------------------------------------

    def _json(self, status: int, value: Any, more: dict[str, str]) -> None:
        self.whole(status, json.dumps(value).encode(), more)

    def whole(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, each in {
            "content-type": "application/json",
            "x-request-id": "req_scripted",
            "set-cookie": "a=b",
            **LIMITS,
            **(more or {}),
        }.items():
            self.send_header(name, each)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.write(body)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("x-request-id", "req_scripted")
        for name, each in LIMITS.items():
            self.send_header(name, each)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.upstream.gone.set()
            raise

    def chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, value: Any, name: str = "") -> None:
        said = (
            value
            if isinstance(value, bytes)
            else json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        )
        self.chunk((f"event: {name}\n".encode() if name else b"") + b"data: " + said + b"\n\n")

    def end(self) -> None:
        self.write(b"0\r\n\r\n")

    # --- chat completions -------------------------------------------------------------------------------------

    def _chat(self, asked: dict[str, Any], body: bytes) -> None:
        # What is asked on the client's behalf is not part of what the answer follows from.
        known = {key: one for key, one in asked.items() if key not in ("stream_options", "stream")}
        base = {
            "id": f"chatcmpl-{_ident(json.dumps(known, sort_keys=True).encode())}",
            "created": 1_700_000_000,
            "model": asked["model"] + "-2026-01-01",
            "service_tier": "default",
            "system_fingerprint": "fp_scripted",
        }
        usage = {
            "prompt_tokens": 40,
            "completion_tokens": 10,
            "total_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }
        if asked.get("stream"):
            self._chat_stream(asked, base, usage)
            return
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(WORDS),
            "refusal": None,
            "annotations": [],
        }
        if asked["model"] == "scripted-tools" and asked.get("tools"):
            message |= {
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {
                            "name": asked["tools"][0]["function"]["name"],
                            "arguments": '{"city":"Zürich"}',
                        },
                    }
                ],
            }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": _logprobs(asked),
            "finish_reason": "stop",
            "unheard_of": {"by": ["anybody", 1.50]},
        }
        self._json(200, {**base, "object": "chat.completion", "choices": [choice], "usage": usage}, {})

    def _chat_stream(self, asked: dict[str, Any], base: dict[str, Any], usage: dict[str, Any]) -> None:
        counting = (asked.get("stream_options") or {}).get("include_usage")

        def say(delta: dict[str, Any], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "logprobs": _logprobs(asked), "finish_reason": finish}
            self.event(
                {
                    **base,
                    "object": "chat.completion.chunk",
                    "choices": [choice],
                    **({"usage": None} if counting else {}),
                }
            )

        self.begin()
        self.chunk(b": a comment, as servers send them to keep a line awake\n\n")
        say({"role": "assistant", "content": "", "refusal": None})
        if asked["model"] == "scripted-tools" and asked.get("tools"):
            name = asked["tools"][0]["function"]["name"]
            say(
                {
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": name, "arguments": ""},
                        }
                    ]
                }
            )
            for piece in ('{"ci', 'ty":"Zü', 'rich"}'):
                say({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            say({}, "tool_calls")
        else:
            for at, word in enumerate(WORDS):
                if asked["model"] == "scripted-gated" and at == 3:
                    self.upstream.go.wait(30)
                if asked["model"] == "scripted-slow":
                    time.sleep(0.05)
                say({"content": word, "reasoning_content": "hm"} if at == 0 else {"content": word})
            say({}, "stop")
        if counting:
            self.event({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        self.event(b"[DONE]")
        self.end()

    # --- responses --------------------------------------------------------------------------------------------

    def _responses(self, asked: dict[str, Any], body: bytes) -> None:
        base = {
            "id": f"resp_{_ident(body)}",
            "object": "response",
            "created_at": 1_700_000_000,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.get("instructions"),
            "metadata": {},
            "model": asked["model"] + "-2026-01-01",
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": asked.get("tools", []),
            "top_p": 1.0,
        }
        usage = {
            "input_tokens": 40,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens": 10,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 50,
        }
        text = "".join(WORDS)
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
        called = {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city":"Zürich"}',
        }
        calling = asked["model"] == "scripted-tools" and asked.get("tools")
        item = called if calling else message
        done = {**base, "status": "completed", "output": [item], "usage": usage}
        if not asked.get("stream"):
            self._json(200, done, {})
            return
        self.begin()
        number = iter(range(1000))

        def say(kind: str, **more: Any) -> None:
            self.event({"type": kind, "sequence_number": next(number), **more}, kind)

        say("response.created", response={**base, "status": "in_progress", "output": [], "usage": None})
        place = {"item_id": item["id"], "output_index": 0}
        if calling:
            say(
                "response.output_item.added",
                output_index=0,
                item={**called, "arguments": "", "status": "in_progress"},
            )
            for piece in ('{"ci', 'ty":"Zü', 'rich"}'):
                say("response.function_call_arguments.delta", **place, delta=piece)
            say(
                "response.function_call_arguments.done",
                **place,
                name="weather",
                arguments=called["arguments"],
            )
        else:
            say(
                "response.output_item.added",
                output_index=0,
                item={**message, "content": [], "status": "in_progress"},
            )
            say("response.content_part.added", **place, content_index=0, part={**part, "text": ""})
            for word in WORDS:
                say("response.output_text.delta", **place, content_index=0, delta=word, logprobs=[])
            say("response.output_text.done", **place, content_index=0, text=text, logprobs=[])
            say("response.content_part.done", **place, content_index=0, part=part)
        say("response.output_item.done", output_index=0, item=item)
        say("response.completed", response=done)
        self.end()


def _logprobs(asked: dict[str, Any]) -> Any:
    if not asked.get("logprobs"):
        return None
    return {
        "content": [{"token": "It", "logprob": -0.25, "bytes": [73, 116], "top_logprobs": []}],
        "refusal": None,
    }


# --- what misbehaves -----------------------------------------------------------------------------------------------


def _chunk_of(word: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def _endless(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    piece = json.dumps(_chunk_of("again and " * 800)).encode()
    while True:
        handler.event(piece)


def _trickle(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    while True:
        handler.event(_chunk_of("drop"))
        time.sleep(0.02)


def _broken(handler: Handler, _: dict[str, Any]) -> None:
    """Breaks off in the middle of an event."""
    handler.begin()
    handler.event(_chunk_of("half"))
    handler.chunk(b'data: {"id":"c","choi')
    handler.close_connection = True
    handler.connection.shutdown(2)


def _half_event(handler: Handler, _: dict[str, Any]) -> None:
    """A stream that ends well, within an event."""
    handler.begin()
    handler.event(_chunk_of("half"))
    handler.chunk(b'data: {"id":"c","choi')
    handler.end()


def _half_json(handler: Handler, asked: dict[str, Any]) -> None:
    if asked.get("stream"):
        handler.begin()
        handler.event(_chunk_of("first"))
        handler.event(b'{"id":"c","choices":[{"delta":{"cont')
        handler.end()
    else:
        handler.whole(200, b'{"id":"c","choices":[{"mess')


def _no_sse(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    handler.chunk(b"<html>this is no stream of events</html>\n\n")
    handler.end()


def _long_event(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    handler.chunk(b"data: ")
    for _i in range(50):
        handler.chunk(b"x" * (1 << 20))
    handler.end()


def _large(handler: Handler, _: dict[str, Any]) -> None:
    """50 MB, in one answer."""
    value = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "y" * (50 << 20)},
            }
        ],
    }
    handler.whole(200, json.dumps(value).encode())


def _too_large(handler: Handler, _: dict[str, Any]) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(1 << 30))
    handler.end_headers()
    while True:
        handler.write(b" " * (1 << 20))


def _endless_head(handler: Handler, _: dict[str, Any]) -> None:
    handler.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.write(b"x-more: and more\r\n" * 100)


def _silent(handler: Handler, _: dict[str, Any]) -> None:
    time.sleep(20)


def _stalled(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    handler.event(_chunk_of("and then"))
    time.sleep(20)


def _parrot(handler: Handler, asked: dict[str, Any]) -> None:
    """Says the key that it was asked with."""
    said = f"the key is {SECRET}"
    if asked.get("stream"):
        handler.begin()
        handler.event(_chunk_of(said))
        handler.event(b"[DONE]")
        handler.end()
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        value = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        handler.whole(200, json.dumps(value).encode())


def _echo(handler: Handler, asked: dict[str, Any]) -> None:
    """Says what its user said last."""
    said = str(asked["messages"][-1]["content"])
    if asked.get("stream"):
        handler.begin()
        for word in said.split(" "):
            handler.event(_chunk_of(word + " "))
        handler.event(b"[DONE]")
        handler.end()
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        value = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        handler.whole(200, json.dumps(value).encode())


def _carriage(handler: Handler, _: dict[str, Any]) -> None:
    """Every way to end a line, cut everywhere."""
    handler.begin()
    whole = b"".join(
        b"data: " + json.dumps(_chunk_of(word)).encode() + ending * 2
        for word, ending in zip(WORDS, (b"\r\n", b"\n", b"\r", b"\r\n", b"\n") * 2, strict=True)
    )
    for at in range(0, len(whole), 7):
        handler.chunk(whole[at : at + 7])
    handler.event(b"[DONE]")
    handler.end()


MISBEHAVING = {
    "scripted-endless": _endless,
    "scripted-trickle": _trickle,
    "scripted-broken": _broken,
    "scripted-half-event": _half_event,
    "scripted-half-json": _half_json,
    "scripted-no-sse": _no_sse,
    "scripted-long-event": _long_event,
    "scripted-large": _large,
    "scripted-too-large": _too_large,
    "scripted-endless-head": _endless_head,
    "scripted-silent": _silent,
    "scripted-stalled": _stalled,
    "scripted-carriage": _carriage,
    "scripted-parrot": _parrot,
    "scripted-echo": _echo,
}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hung up is no news."""


@contextmanager
def llm_upstream() -> Iterator[Upstream]:
    """The upstream, listening."""
    server = _Quiet(("127.0.0.1", 0), Handler)
    upstream = Upstream(server.server_port)
    server.RequestHandlerClass = type("Bound", (Handler,), {"upstream": upstream})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
