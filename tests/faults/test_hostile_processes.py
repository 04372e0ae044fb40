"""Processes that are killed and clocks that go back, under calls: what was acknowledged stays, what is not known is
called unknown, and whoever is left goes on or refuses."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Intent, Outcome
from support.system import (
    PATIENCE,
    Answer,
    Living,
    Scripted,
    crew,
    manifest,
    scripted,
    server,
    serving,
    tool,
    waited,
)

CLOCK = """
import os, time
_true = time.time_ns
time.time_ns = lambda: _true() + int(os.environ.get("TEST_CLOCK_AHEAD", "0")) * 1_000_000_000
"""


async def look_or_hang(it: Any) -> None:
    if it.message["params"]["name"] == "hang":
        await it.free.wait()
    it.json(it.say("answered"))


@pytest.fixture
def up() -> Iterator[Scripted]:
    with scripted(look_or_hang, tools=[tool("look"), tool("hang")]) as running:
        yield running


def system(up: Scripted) -> dict[str, str]:
    return {"s": manifest("s", [server("up", url=up.url)], {"up.look": "read", "up.hang": "read"})}


def unsettled(watch: Living) -> set[str]:
    """Intents without an outcome."""
    return {one.id for one in watch.of(Intent)} - {one.id for one in watch.of(Outcome)}


def ended(call: Any) -> bool:
    """Whether a call that hung came to an end other than an answer of its server."""
    try:
        said: Answer = call.result(2 * PATIENCE)
    except (OSError, HTTPException):
        return True
    return said.word == "unavailable"


def test_a_worker_that_is_killed_takes_nothing_with_it(up: Scripted, tmp_path: Path) -> None:
    with serving(tmp_path, system(up), workers=2) as watch, crew() as submit:
        bot = watch.agent("bot", "s")
        with up.reached(8):
            hanging = [submit(bot.call, "hang", n=n) for n in range(8)]
        before = len(unsettled(watch))
        assert before == 8
        first, second = watch.children()
        os.kill(first, signal.SIGKILL)
        lost = waited(lambda: [one for one in hanging if one.done()])
        assert all(ended(one) for one in lost)
        assert bot.call("look").word == "done", "the other goes on"
        assert waited(lambda: len(unsettled(watch)) == 8 - len(lost))
        gone = {one.status for one in watch.of(Outcome)} - {"ok"}
        assert gone == {"unknown"}
        up.release()
        rest = [one.result(PATIENCE) for one in hanging if one not in lost]
        assert all(one.text == "answered" for one in rest)
        fresh = waited(lambda: (now := watch.children()) and len(now) == 2 and first not in now and now)
        assert second in fresh
        assert waited(lambda: not unsettled(watch))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_recorder_that_is_killed_lets_nothing_through_and_recovers(
    up: Scripted, tmp_path: Path, workers: int
) -> None:
    with serving(tmp_path, system(up), workers=workers) as watch, crew() as submit:
        bot = watch.agent("bot", "s")
        answered = [bot.call("look", n=n) for n in range(20)]
        with up.reached(2):
            hanging = [submit(bot.call, "hang", n=n) for n in range(2)]
        orphans = watch.children()
        reached = len(up.calls)
        watch.kill()
        passed = []
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            try:
                passed.append(bot.call("look", after="the recorder").word)
            except (OSError, HTTPException):
                break
        assert "done" not in passed
        assert len(up.calls) == reached, "nothing leaves without a recorder"
        assert all(ended(one) for one in hanging)
        assert waited(lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in orphans))
        watch.start(workers)
        for one in answered:
            assert isinstance(watch.acts(one.reference)[0], Intent), "what was acknowledged is there"
        assert waited(lambda: not unsettled(watch))
        assert bot.call("look").word == "done"
        assert {one.status for one in watch.of(Outcome)} <= {"ok", "unknown"}


@pytest.mark.parametrize("workers", [2])
def test_a_recorder_that_hangs_is_as_good_as_none(up: Scripted, tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, system(up), workers=workers) as watch:
        bot = watch.agent("bot", "s")
        assert bot.call("look").word == "done"
        reached = len(up.calls)
        os.kill(watch.process.pid, signal.SIGSTOP)
        try:
            assert bot.call("look").word == "unavailable"
            assert len(up.calls) == reached
        finally:
            os.kill(watch.process.pid, signal.SIGCONT)
        assert waited(lambda: bot.call("look").word == "done")


def test_a_clock_that_goes_back_brings_nothing_back(up: Scripted, tmp_path: Path) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK)
    path = os.pathsep.join(filter(None, [str(tmp_path / "clock"), os.environ.get("PYTHONPATH", "")]))
    with serving(tmp_path / "org", system(up), PYTHONPATH=path, TEST_CLOCK_AHEAD="3600") as watch:
        bot = watch.agent("bot", "s")
        ahead = watch.api.get("/status")["now"]
        assert ahead > time.time_ns() // 1000 + 3_000_000_000
        short = watch.agent("short", "s", until=ahead + 200_000)
        waited(lambda: short.call("look").status == 401)
        hold = watch.api.post("/holds", {"scope": "tool:up.hang", "reason": "t", "until": ahead + 400_000})
        waited(lambda: watch.api.get("/status")["now"] > ahead + 400_000)
        watch.stop()
        watch.start()
        assert hold["recorded"]
        assert short.mcp("tools/call", {"name": "look", "arguments": {}}).word != "done"
        assert bot.call("look").word == "done"
        again = watch.halt("system:s")
        assert bot.call("look").word == "refused"
        watch.release(again["hold"])
        assert bot.call("look").word == "done"
        times = [entry.at for _, entry in watch.entries()]
        assert times == sorted(times), "the record's time never goes back"
