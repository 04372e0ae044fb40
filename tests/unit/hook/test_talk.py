"""The hook's connection, before servers that answer late or otherwise than they were asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from standwatch.hook.files import Settings
from standwatch.hook.talk import Line, Unreachable
from standwatch.hook.work import GO, NO, handle


def said(status: int, **body: Any) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(data), data)


@contextmanager
def serving(answer: Callable[[socket.socket, int], None]) -> Iterator[str]:
    """`answer` has each connection, by its number, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            number = 0
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection, number), daemon=True).start()
                number += 1

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_answer_that_came_too_late_answers_nothing_else() -> None:
    def answer(connection: socket.socket, number: int) -> None:
        with connection:
            connection.recv(65_536)
            if number == 0 and not connection.recv(
                65_536
            ):  # it waits until something more is asked, or all is over
                return
            connection.sendall(said(200, id=("first", "second")[number]))

    with serving(answer) as url:
        line = Line(url)
        with pytest.raises(Unreachable):
            line.post("/v1/actions", "t", {"call": "first"}, time.monotonic() + 0.2)
        assert line.post("/v1/actions", "t", {"call": "second"}, time.monotonic() + 30)[1] == {"id": "second"}
        line.close()


@pytest.mark.parametrize(
    ("go", "code"),
    [
        ({"word": "go", "id": "1"}, GO),
        ({"word": "go", "id": "1", "arguments": {"command": "true"}}, NO),
        ({"word": "go"}, NO),
        ({"word": "gone", "id": "1"}, NO),
        ({"id": "1"}, NO),
    ],
)
def test_nothing_but_a_go_for_what_was_asked_is_a_go(tmp_path: Path, go: dict[str, Any], code: int) -> None:
    asked: list[str] = []

    def answer(connection: socket.socket, number: int) -> None:
        with connection:
            while data := connection.recv(65_536):
                path = data.split(b" ")[1].decode()
                asked.append(path)
                run = {"run": "r", "token": "t", "until": 0}
                connection.sendall(said(201, **run) if path == "/v1/runs" else said(200, **go))

    call = {
        "hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_use_id": "c",
        "tool_input": {"command": "echo hello"}, "cwd": str(tmp_path),
    }  # fmt: skip
    with serving(answer) as url:
        settings = {"url": url, "token": "t", "system": "s", "host": "claude-code"}
        (tmp_path / "hook.json").write_text(json.dumps(settings))
        found = handle(Settings(str(tmp_path)), Line(url), "before", json.dumps(call).encode())
    assert found.code == code, found.words
    assert (asked[2:] == ["/v1/actions/1/outcome"]) == ("arguments" in go), "what does not go was not sent"


@pytest.mark.parametrize("name", ["PostToolUse", "UserPromptSubmit", "Stop", "SessionStart", ""])
def test_where_a_call_was_expected_nothing_else_is_one(tmp_path: Path, name: str) -> None:
    settings = {"url": "http://127.0.0.1:9", "token": "t", "system": "s", "host": "claude-code"}
    (tmp_path / "hook.json").write_text(json.dumps(settings))
    event = {"hook_event_name": name, "session_id": "s", "tool_name": "Bash", "tool_input": {"command": "ls"}}
    line = Line("http://127.0.0.1:9")
    assert handle(Settings(str(tmp_path)), line, "before", json.dumps(event).encode()).code == NO


def test_where_the_server_is_down_the_person_reads_what_starts_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    settings = {"url": url, "token": "t", "system": "s", "host": "claude-code"}
    event = {
        "hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_use_id": "c",
        "tool_input": {"command": "ls"}, "cwd": str(tmp_path),
    }  # fmt: skip
    for org, told in (
        ("/srv/my watch", " A person starts it with: standwatch --org '/srv/my watch' up"),
        ("", ""),
    ):
        (tmp_path / "hook.json").write_text(json.dumps({**settings, "org": org}))
        found = handle(Settings(str(tmp_path)), Line(url), "before", json.dumps(event).encode())
        assert found.code == NO
        assert found.words.startswith("No answer from Standwatch, so nothing may be done (")
        assert found.words.endswith(f"refused).{told}")
