"""A scripted model server for coding agents: it asks for the calls of a script, one a turn, and says that it is done.

No model runs here. It speaks what each host asks of its provider, streamed: Anthropic's messages, OpenAI's responses,
Gemini's generateContent. Which turn it is, it tells by the results that a request has.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Call = tuple[str, dict[str, Any]]


class Model:
    """`script`: the calls; `heard`: what came back for each, as text, of the last request."""

    def __init__(self, script: list[Call]) -> None:
        self.script = script
        self.heard: list[str] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

            def do_GET(self) -> None:
                self.whole({"data": [], "models": []})

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
                path = self.path.partition("?")[0]
                if path.endswith("/messages"):
                    events = model.messages(asked)
                elif path.endswith("/responses"):
                    events = model.openai(asked)
                elif "GenerateContent" in path or "generateContent" in path:
                    events = model.gemini(asked)
                else:
                    events = [("", {"input_tokens": 9, "totalTokens": 9})]
                if asked.get("stream") or "stream" in path:
                    self.stream(events)
                else:
                    self.whole(events[-1][1])

            def whole(self, said: Any) -> None:
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def stream(self, events: list[tuple[str, Any]]) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for name, said in events:
                    head = f"event: {name}\n" if name else ""
                    self.wfile.write(f"{head}data: {json.dumps(said)}\n\n".encode())
                self.close_connection = True

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                del request, client_address

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _turn(self, results: list[Any]) -> tuple[int, Call | None]:
        if len(results) >= len(self.heard):
            self.heard = [one if isinstance(one, str) else json.dumps(one) for one in results]
        turn = len(results)
        return turn, self.script[turn] if turn < len(self.script) else None

    def messages(self, asked: dict[str, Any]) -> list[tuple[str, Any]]:
        """Anthropic's."""
        pieces = [
            each for one in asked["messages"] if isinstance(one["content"], list) for each in one["content"]
        ]
        turn, call = self._turn([each.get("content") for each in pieces if each["type"] == "tool_result"])
        if call is not None and asked.get("tools"):
            block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{turn}", "name": call[0], "input": {}}
            delta: dict[str, Any] = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
            stop = "tool_use"
        else:
            block, delta, stop = (
                {"type": "text", "text": ""},
                {"type": "text_delta", "text": "Done."},
                "end_turn",
            )
        usage = {"input_tokens": 5, "output_tokens": 5}
        head = {
            "id": f"msg_{turn}",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [],
        }
        begun = {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}
        ended = {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": usage,
        }
        return [
            ("message_start", {"type": "message_start", "message": begun}),
            ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
            ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            ("message_delta", ended),
            ("message_stop", {"type": "message_stop"}),
        ]

    def openai(self, asked: dict[str, Any]) -> list[tuple[str, Any]]:
        """OpenAI's responses."""
        items = [one for one in asked["input"] if isinstance(one, dict)]
        turn, call = self._turn(
            [one.get("output") for one in items if one.get("type", "").endswith("_output")]
        )
        if call is not None:
            arguments = json.dumps(call[1])
            named = {
                "type": "function_call",
                "name": call[0],
                "arguments": arguments,
                "call_id": f"call_{turn}",
            }
            item: dict[str, Any] = {"id": f"fc_{turn}", "status": "completed", **named}
        else:
            content = [{"type": "output_text", "text": "Done.", "annotations": []}]
            item = {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        usage = {"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}
        whole = {
            "id": f"resp_{turn}",
            "object": "response",
            "status": "completed",
            "output": [item],
            "usage": usage,
        }
        return [
            ("response.created", {"type": "response.created", "response": {**whole, "output": []}}),
            (
                "response.output_item.done",
                {"type": "response.output_item.done", "output_index": 0, "item": item},
            ),
            ("response.completed", {"type": "response.completed", "response": whole}),
        ]

    def gemini(self, asked: dict[str, Any]) -> list[tuple[str, Any]]:
        """Gemini's."""
        parts = [each for one in asked.get("contents", []) for each in one.get("parts", [])]
        turn, call = self._turn([each["functionResponse"] for each in parts if "functionResponse" in each])
        if call is not None and asked.get("tools"):
            part: dict[str, Any] = {"functionCall": {"name": call[0], "args": call[1], "id": f"g{turn}"}}
        else:
            part = {"text": "Done."}
        content = {"role": "model", "parts": [part]}
        usage = {"promptTokenCount": 5, "candidatesTokenCount": 5, "totalTokenCount": 10}
        return [("", {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage})]

    @contextmanager
    def running(self) -> Iterator[Model]:
        """Serve until the end of the block."""
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)
