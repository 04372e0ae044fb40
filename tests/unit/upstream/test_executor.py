"""Executors that hang, die, lie and write without end; few of them, warm, and none outlives us."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.upstream.executor import Executors, Pin
from standwatch.upstream.reexecution import changes, contributed, drive, served
from standwatch.watch.explaining import explain
from standwatch.watch.reexecution import Batch
from support.explaining import number, scored

RUDE = Path(__file__).parents[2] / "support/rude_executor.py"
ROWS = {"names": ["a"], "rows": [[1.0]]}


def pin(folder: Path, manners: str, version: str = "1") -> Pin:
    command = (sys.executable, str(RUDE), str(folder / "notes"), manners)
    return Pin("credit/scorer", version, "model.json", "0" * 64, command)


def run(folder: Path, go: Callable[[Executors], Awaitable[Any]], **more: Any) -> Any:
    async def body() -> Any:
        executors = Executors(folder, {"PATH": "/usr/bin:/bin", "STANDWATCH_SECRET": "x"}, **more)
        try:
            return await go(executors)
        finally:
            await executors.close()

    return asyncio.run(body())


def notes(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "notes").read_text().splitlines()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def gone(pid: int) -> bool:
    """Whether it is, within half a minute."""
    for _ in range(1_500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


def test_one_child_is_kept_warm_and_sees_nothing_of_ours(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        at = pin(tmp_path, "good")
        told = await asyncio.gather(*(executors.predict(at, ROWS, [], 60) for _ in range(5)))
        assert told == [{"p": [0.1]}] * 5

    run(tmp_path, go)
    (one,) = notes(tmp_path)
    assert "STANDWATCH_SECRET" not in one["environment"]
    assert not alive(one["pid"]), "it ends with us"


@pytest.mark.parametrize(
    ("manners", "code", "words"),
    [
        ("dies at once", "unreachable", "no such library"),
        ("dies", "unreachable", "ended"),
        ("hangs", "timeout", "longer"),
        ("junk", "bad_answer", "nobody asked"),
        ("another's", "bad_answer", "nobody asked"),
        ("endless", "unreachable", "beyond all bounds"),
        ("nothing", "bad_answer", "no outputs"),
        ("error", "upstream_error", "it is broken"),
    ],
)
def test_bad_manners_are_trouble_and_the_next_asks_a_new_child(
    tmp_path: Path, manners: str, code: str, words: str
) -> None:
    async def go(executors: Executors) -> None:
        within = 3 if manners == "hangs" else 60
        told = await executors.predict(pin(tmp_path, manners), ROWS, [], within)
        assert isinstance(told, Trouble)
        assert told.code == code
        assert words in told.text
        if manners not in ("nothing", "error"):
            assert await gone(notes(tmp_path)[0]["pid"])
        assert await executors.predict(pin(tmp_path, "good"), ROWS, [], 60) == {"p": [0.1]}

    run(tmp_path, go)


def test_an_answer_too_many_is_not_taken_for_the_next_ones(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        at = pin(tmp_path, "twice")
        assert await executors.predict(at, ROWS, [], 60) == {"p": [0.1]}
        assert await gone(notes(tmp_path)[0]["pid"])

    run(tmp_path, go)


def test_whoever_gives_up_leaves_nothing_for_others(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        task = asyncio.ensure_future(executors.predict(pin(tmp_path, "hangs"), ROWS, [], 30))
        while not (tmp_path / "notes").exists():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait({task})
        assert await gone(notes(tmp_path)[0]["pid"])

    run(tmp_path, go)


def test_no_more_than_so_many_are_there(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        for version in ("1", "2", "3"):
            await executors.predict(pin(tmp_path, "good", version), ROWS, [], 60)
        first, *rest = [note["pid"] for note in notes(tmp_path)]
        assert await gone(first)
        assert all(alive(pid) for pid in rest)
        slow = [
            asyncio.ensure_future(executors.predict(pin(tmp_path, "hangs", v), ROWS, [], 2)) for v in "45"
        ]
        await asyncio.sleep(0.2)
        told = await executors.predict(pin(tmp_path, "good", "6"), ROWS, [], 60)
        assert isinstance(told, Trouble)
        assert "busy" in told.text
        await asyncio.gather(*slow)

    run(tmp_path, go, most=2)


def test_a_command_that_is_none(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        told = await executors.predict(Pin("m", "1", "x", "0" * 64, ("no-such-program",)), ROWS, [], 60)
        assert isinstance(told, Trouble)
        assert told.code == "unreachable"

    run(tmp_path, go)


def test_our_own_executor_is_named_in_braces(tmp_path: Path) -> None:
    async def go(executors: Executors) -> None:
        at = Pin("m", "1", "none.json", "0" * 64, (sys.executable, "{executor}"))
        told = await executors.predict(at, ROWS, [], 60)
        assert isinstance(told, Trouble)
        assert "FileNotFoundError" in told.text

    run(tmp_path, go)


class Server:
    """A served model in this process: half of the first feature; `fails_at` is the request that is not answered."""

    def __init__(self, fails_at: int = 0) -> None:
        self.asked: list[int] = []
        self.fails_at = fails_at

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        assert within > 0
        self.asked.append(len(rows.rows))
        if len(self.asked) == self.fails_at:
            return Trouble("unreachable", "it is down")
        return Predicted({"s": [float(row[0] or 0) / 2 for row in rows.rows]}, version)

    async def ready(self, version: str) -> bool:
        return True

    async def close(self) -> None:
        return None


def test_the_served_version_answers_in_requests_of_a_thousand() -> None:
    server = Server()
    model = scored(number("a", 0, 10, step=0.001), threshold=2.5)
    answer = served(server, "3", model)
    found = asyncio.run(drive(explain(model, (2.0,), {"s": 1.0}, pinned=False), answer, 30))
    assert (found.grade.grade, found.grade.same) == ("served", True)
    assert found.changes.singles[0].changes[0].after == 5
    assert found.contributions is None
    assert max(server.asked) == 1000


def test_a_server_that_fails_in_between_leaves_what_was_found() -> None:
    model = scored(number("a", 0, 10, step=1), threshold=2.5)
    found = asyncio.run(
        drive(explain(model, (2.0,), {"s": 1.0}, pinned=False), served(Server(4), "3", model), 30)
    )
    assert found.grade.same
    assert "it is down" in found.changes.why
    assert found.changes.singles == ()


def test_time_that_is_over_is_trouble() -> None:
    model = scored(number("a"))
    found = asyncio.run(
        drive(explain(model, (2.0,), {"s": 1.0}, pinned=False), served(Server(), "3", model), 0)
    )
    assert found.grade.grade == "narrative"
    assert "timeout" in found.grade.why


def test_a_server_has_the_shape_of_the_port() -> None:
    server: ModelServer = Server()
    assert asyncio.run(server.ready("1"))


def test_changes_stand_for_the_rows_of_the_batch() -> None:
    batch = Batch((1, "a", None), [(), ((0, 2),), ((1, "b"), (2, True))])
    assert batch.rows() == [(1, "a", None), (2, "a", None), (1, "b", True)]
    assert changes(batch) == {"count": 3, "at": [1, 2, 2], "feature": [0, 1, 2], "value": [2, "b", True]}


@pytest.mark.parametrize(
    "told", [{}, {"method": 3}, {"method": "m", "link": "", "base": "x", "margin": 0, "parts": []}]
)
def test_contributions_are_read_strictly(told: dict[str, Any]) -> None:
    assert isinstance(contributed(told), Trouble)
