"""The steps of asking and telling, without I/O: what is sent, and what an answer comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.client import ClientError, Invalid, Pending, Refused, Unavailable, Unreachable
from standwatch.client.acts import (
    MOST_TURNS,
    PATIENCE,
    Act,
    Done,
    Go,
    Pause,
    Post,
    asking,
    failure,
    ident_of,
    telling,
)
from standwatch.client.plain import LEFT_OUT, told_result

PAY = Act("pay", "bank.send", {"amount": 3, "to": "a"}, key="k")


def played(steps: Any, *answers: Any) -> tuple[Any, list[Any]]:
    """What the steps come to, and what was sent and awaited; an answer that is an exception is thrown in."""
    said: list[Any] = []
    left: Iterator[Any] = iter(answers)
    try:
        command = next(steps)
        while True:
            if isinstance(command, Pause):
                said.append(command.seconds)
                command = steps.send(None)
                continue
            assert isinstance(command, Post)
            said.append(json.loads(command.body))
            answer = next(left)
            command = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    except StopIteration as stop:
        return stop.value, said


def word(word: str, **more: Any) -> tuple[int, str, object]:
    status = {"go": 200, "done": 200, "pending": 202, "refused": 403, "invalid": 400, "unavailable": 503}[
        word
    ]
    return status, "", {"word": word, "id": "x" * 26, "message": word, **more}


def test_a_name_is_the_same_wherever_it_is_made_and_another_for_anything_else() -> None:
    first = ident_of(PAY)
    assert first == ident_of(Act("pay", "bank.send", {"to": "a", "amount": 3}, key="k"))
    others = [
        Act("pay", "bank.send", {"amount": 3.5, "to": "a"}, key="k"), Act("pay", "bank.send", PAY.arguments, key="l"),
        Act("pay", "bank.sent", PAY.arguments, key="k"), Act("ship", "bank.send", PAY.arguments, key="k"),
    ]  # fmt: skip
    assert len({first, ident_of(PAY, 1), *map(ident_of, others)}) == 6


def test_what_certainly_did_nothing_leaves_under_the_next_name() -> None:
    found, said = played(asking(PAY), word("done", status="not_sent", result=None), word("go"))
    assert isinstance(found, Go)
    assert [one["id"] for one in said] == [ident_of(PAY), ident_of(PAY, 1)]
    assert "after" not in said[1]
    assert said[0]["attempt"] == said[1]["attempt"]


@pytest.mark.parametrize("status", ["unknown", "open", "timeout"])
def test_what_nobody_knows_of_is_named_when_it_is_asked_for_again(status: str) -> None:
    with pytest.raises(Pending):
        played(asking(PAY), word("done", status=status), word("pending"))
    steps = asking(PAY)
    next(steps)
    again = steps.send(word("done", status=status))
    assert json.loads(again.body)["after"] == "x" * 26


def test_it_is_not_asked_for_ever() -> None:
    with pytest.raises(Unavailable, match="too often"):
        played(asking(PAY), *[word("done", status="not_sent")] * MOST_TURNS)


def test_who_waits_looks_again_until_the_time_is_up() -> None:
    found, said = played(asking(PAY, wait=60), word("pending"), word("pending"), word("go"))
    assert isinstance(found, Go)
    assert [one for one in said if isinstance(one, float)] == [0.25, 0.5]
    with pytest.raises(Pending):
        played(asking(PAY, wait=0.6), *[word("pending")] * 3)


def test_a_lost_answer_is_asked_for_again_only_under_a_name() -> None:
    found, said = played(asking(PAY), Unreachable("gone"), word("go"))
    assert isinstance(found, Go)
    assert said[0] == said[1]
    with pytest.raises(Unreachable):
        played(asking(Act("pay", "bank.send", {})), Unreachable("gone"), word("go"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (word("refused"), Refused), (word("invalid"), Invalid), (word("unavailable"), Unavailable),
        ((500, "", {}), Unreachable), ((200, "", []), Unreachable), ((200, "", {"word": "go"}), Unreachable),
        ((200, "", {"word": "go", "id": "x", "arguments": 3}), Unreachable), ((401, "", {}), Refused),
        ((200, "", {"word": "yes", "id": "x"}), Unreachable),
    ],
)  # fmt: skip
def test_nothing_but_go_is_leave(answer: Any, kind: type[ClientError]) -> None:
    with pytest.raises(kind):
        played(asking(PAY), answer)


def test_what_was_changed_is_named() -> None:
    found, _ = played(asking(PAY), word("go", arguments={"amount": 3, "to": "<iban-1>", "more": 1}))
    assert found.changed == {"to", "more"}
    assert found.arguments["to"] == "<iban-1>"


def test_an_outcome_is_told_until_it_is_heard() -> None:
    go = Go("x" * 26, "pay", {})
    heard, said = played(telling(go, "ok", 1), Unreachable("gone"), (503, "", {}), (200, "", {}))
    assert (heard, [one for one in said if isinstance(one, float)]) == (True, [0.05, 0.1])
    assert played(telling(go, "ok"), (404, "", {}))[0] is False
    heard, said = played(telling(go, "ok"), *[Unreachable("gone")] * 100)
    assert heard is False
    assert sum(one for one in said if isinstance(one, float)) >= PATIENCE


def test_a_result_that_is_not_told_says_so() -> None:
    assert told_result("x" * 1_000_000) == {LEFT_OUT: "1000002 bytes"}
    assert told_result(object()) == {LEFT_OUT: "object"}
    assert told_result(float("nan")) == {LEFT_OUT: "float"}
    assert not Done("x", "ok", None, kept=False).kept
    assert failure(SystemExit())[0] == "unknown"
