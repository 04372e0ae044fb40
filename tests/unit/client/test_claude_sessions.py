"""The names of calls in sessions that are resumed: by what came to a result before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from standwatch.client.acts import Go
from standwatch.client.claude_sessions import Open, Session, finished, what_of

PAY = {"to": "nordlicht", "amount": 182}


def asked(ident: str, name: str = "pay", arguments: Any = PAY) -> dict[str, Any]:
    block = {"type": "tool_use", "id": ident, "name": name, "input": arguments}
    return {"type": "assistant", "message": {"content": [block]}}


def came(ident: str, *, error: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": ident, "content": "paid", "is_error": error}
    return {"type": "user", "message": {"content": [block]}}


def transcript(folder: Path, *lines: Any, end: str = "") -> str:
    path = folder / "session.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines) + end)
    return str(path)


def test_a_call_that_came_to_no_result_is_the_same_call_when_it_is_made_again(tmp_path: Path) -> None:
    what = what_of("pay", PAY)
    fresh = Session("s/", str(tmp_path / "none"))
    assert fresh.key(what) == "s//0"
    killed = Session("s/", transcript(tmp_path, asked("1")))
    assert killed.key(what) == "s//0"
    told = Session("s/", transcript(tmp_path, asked("1"), came("1", error=True), {"type": "summary"}))
    assert told.key(what) == "s//0"  # "its outcome is unknown", says the host
    done = Session("s/", transcript(tmp_path, asked("1"), came("1"), asked("2"), came("2"), asked("3")))
    assert done.key(what) == "s//2"
    assert done.key(what_of("pay", {**PAY, "amount": 183})) == "s//0"


def test_what_is_under_way_counts_and_so_does_what_ended(tmp_path: Path) -> None:
    session, what = Session("s/", ""), what_of("pay", PAY)
    session.open["toolu_1"] = Open(Go("1", "desk", PAY), what, PAY)
    assert session.key(what) == "s//1"
    del session.open["toolu_1"]
    session.end(what)
    assert session.key(what) == "s//1"


def test_whatever_stands_in_a_transcript_is_read_or_passed_over(tmp_path: Path) -> None:
    texts: list[Any] = [7, [], "x", {"message": 3}, {"message": {"content": "text"}}]
    calls: list[Any] = [came("unknown"), asked("1", "look", None), came("1"), came("1")]
    strange = [*texts, {"message": {"content": [1, {"type": "tool_use"}]}}, *calls]
    path = transcript(tmp_path, *strange, end='{"type": "assistant", "mess')
    assert list(finished(path)) == [what_of("look", {})]
