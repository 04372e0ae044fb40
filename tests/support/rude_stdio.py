"""A small legacy server on stdin and stdout whose tools are its bad manners. It notes what it is told in a file.

python rude_stdio.py NOTES
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

NOTES = Path(sys.argv[1])
TOOLS = [
    "echo", "hang", "die", "answer_and_die", "junk", "flood", "wrong_id", "twice", "not_utf8", "huge", "deep",
    "neither", "batch", "close_stdin", "env", "orphan", "noise", "asks_roots", "changes", "spam",
]  # fmt: skip
out = sys.stdout.buffer
listed = 0


def send(line: bytes) -> None:
    out.write(line + b"\n")
    out.flush()


def result(ident: Any, text: str) -> bytes:
    said = {"content": [{"type": "text", "text": text}]}
    return json.dumps({"jsonrpc": "2.0", "id": ident, "result": said}).encode()


def note(message: Any) -> None:
    with NOTES.open("a") as notes:
        notes.write(json.dumps(message) + "\n")


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def call(ident: Any, name: str, arguments: dict[str, Any]) -> None:
    match name:
        case "hang":
            return
        case "die":
            print("my last words", file=sys.stderr, flush=True)
            die()
        case "answer_and_die":
            send(result(ident, "done"))
            die()
        case "junk":
            for line in (
                b"Server listening!",
                b"",
                b"null",
                b"[1,2]",
                b"{}",
                b'{"jsonrpc":"1.0"}',
                b"\x00\x01",
            ):
                send(line)
        case "flood":
            while True:
                send(b"x" * 1000)
        case "wrong_id":
            for other in (ident + 1000, str(ident), None, -1):
                send(result(other, "not yours"))
        case "twice":
            send(result(ident, "first"))
        case "not_utf8":
            send(b'{"jsonrpc":"2.0","id":%d,"result":{"content":"\xff\xfe"}}' % ident)
        case "huge":
            send(result(ident, "x" * int(arguments.get("size", 3 << 20))))
            return
        case "deep":
            send(b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (ident, b"[" * 100_000 + b"]" * 100_000))
        case "neither":
            send(b'{"jsonrpc":"2.0","id":%d}' % ident)
            return
        case "batch":
            send(b"[" + result(ident, "in a batch") + b"]")
        case "close_stdin":
            sys.stdin.close()
            os.close(0)
            time.sleep(60)
        case "env":
            send(result(ident, json.dumps(dict(os.environ))))
            return
        case "orphan":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
            send(result(ident, str(child.pid)))
            return
        case "noise":
            print("e" * (1 << 20) + "the end", file=sys.stderr, flush=True)
        case "asks_roots":
            send(b'{"jsonrpc":"2.0","id":"r1","method":"roots/list"}')
            send(b'{"jsonrpc":"2.0","id":"p1","method":"ping"}')
            send(b'{"jsonrpc":"2.0","id":"x1","method":"evil/thing"}')
        case "changes":
            for _ in range(100):
                send(b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}')
        case "spam":
            for n in range(20_000):
                send(b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d,"progress":%d}}'
                     % (ident, n))  # fmt: skip
        case _:
            pass
    send(result(ident, arguments.get("text", name)))


def tools() -> list[dict[str, Any]]:
    global listed
    listed += 1
    changing = [{"name": f"new_{listed}", "inputSchema": {"type": "object"}}]
    return [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS] + changing


def main() -> None:
    note({"pid": os.getpid()})
    for line in sys.stdin.buffer:
        message = json.loads(line)
        note(message)
        ident, params = message.get("id"), message.get("params") or {}
        match message.get("method"):
            case "initialize":
                hello = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}}}
                send(json.dumps({"jsonrpc": "2.0", "id": ident, "result": hello}).encode())
            case "tools/list":
                send(json.dumps({"jsonrpc": "2.0", "id": ident, "result": {"tools": tools()}}).encode())
            case "tools/call":
                call(ident, params["name"], params.get("arguments") or {})
            case "server/discover":
                send(b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32601,"message":"What?"}}' % ident)
            case _:
                pass


main()
