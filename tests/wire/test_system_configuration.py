"""The organisation's text changed under a running server: wholly or not at all, narrower at once, wider when those have
signed whom the configuration in force names; in one process, and in workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.system import Agent, Living, Scripted, echo, manifest, scripted, server, serving, tool, waited


@pytest.fixture(scope="module")
def up() -> Iterator[Scripted]:
    with scripted(echo, tools=[tool("look"), tool("count"), tool("more")]) as running:
        yield running


@pytest.fixture(params=[0, 2], ids=["alone", "workers"])
def watch(up: Scripted, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Living]:
    """An organisation that is not under development: widening wants signatures."""
    first = said(up)
    with serving(tmp_path, {"s": first}, workers=request.param, development=False) as running:
        yield running


def said(up: Scripted, most: int = 10, *extra: str) -> str:
    tools = {"up.look": "read", "up.count": {"effect": "read", "arguments": {"n": {"max": most}}}}
    return manifest("s", [server("up", url=up.url)], {**tools, **dict.fromkeys(extra, "read")})


@pytest.fixture
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "s")


def root(watch: Living) -> str:
    return watch.api.get("/status")["root"]


def everywhere(bot: Agent, tool: str, **arguments: int) -> bool:
    """Whether a tool is served whichever worker a call lands on: one that has not caught up is `unavailable`."""
    return all(bot.call(tool, **arguments).word == "done" for _ in range(12))


def test_a_bad_edit_leaves_the_old_in_force(watch: Living, bot: Agent, up: Scripted) -> None:
    before = root(watch)
    for bad in ("", "system: [", said(up) + "unknown_key: 1\n", said(up).replace('"read"', '"reed"'), "\x00"):
        watch.declare("s", bad)
        found = watch.api.post("/configuration/reload")
        assert found["result"] == "refused", found
        assert all("systems/s.yaml" in problem for problem in found["problems"]), found
        assert root(watch) == before
        assert bot.call("count", n=5).word == "done"
    assert watch.heard("is refused, the one in force stays"), "it says so"
    assert any("not in force" in one for one in watch.api.get("/status")["warnings"])
    watch.declare("s", said(up))
    assert watch.api.post("/configuration/reload")["result"] == "unchanged"


def test_a_file_that_is_half_written_never_applies(watch: Living, bot: Agent, up: Scripted) -> None:
    before, whole = root(watch), said(up, 3)
    for cut in range(40, len(whole) - 1, len(whole) // 12):
        watch.manifest("s").write_text(whole[:cut])
        found = watch.api.post("/configuration/reload")
        assert found["result"] in ("refused", "waits"), (found, whole[:cut])
        assert root(watch) == before
        assert bot.call("count", n=5).word == "done"
    watch.declare("s", said(up))


def test_what_is_narrower_takes_force_by_itself(watch: Living, bot: Agent, up: Scripted) -> None:
    assert bot.call("count", n=5).word == "done"
    heard = len(watch.said)
    watch.declare("s", said(up, 3))
    watch.heard(r"in force \(narrower\)", heard)
    assert waited(lambda: everywhere(bot, "count", n=3))
    for _ in range(6):
        refused = bot.call("count", n=5)
        assert refused.word == "refused"
        assert watch.refusal(refused.reference).code == "bounds"


def test_what_is_wider_waits_for_those_in_force_to_sign(watch: Living, bot: Agent, up: Scripted) -> None:
    before = root(watch)
    watch.declare("s", said(up, 10, "up.more"))
    watch.run("accept", "s", "--yes")
    found = watch.api.get("/configuration")
    assert found["result"] == "waits"
    assert found["direction"] == "wider"
    assert bot.call("more").word == "refused"
    assert watch.run("sign-config", "--yes", "--key", watch.key("otto"))["result"] == "waits"
    assert root(watch) == before, "an operator is not asked"
    wanted = [one["any_of"] for one in found["needed"]]
    signers = [name for name in ("maria", "chen", "olga") if any(name in any_of for any_of in wanted)]
    assert "maria" in signers
    for name in signers[:-1]:
        watch.run("sign-config", "--yes", "--key", watch.key(name))
        assert root(watch) == before, "not before the last has signed"
        assert bot.call("more").word == "refused"
    done = watch.run("sign-config", "--yes", "--key", watch.key(signers[-1]))
    assert done["result"] == "in_force"
    assert waited(lambda: everywhere(bot, "more"))
    assert bot.call("count", n=10).word == "done"


def test_a_folder_changed_while_the_server_was_down_is_a_change_like_any_other(
    watch: Living, bot: Agent, up: Scripted
) -> None:
    before = root(watch)
    watch.stop()
    watch.declare("s", said(up, 1000))
    watch.start(watch.workers)
    assert root(watch) == before
    assert bot.call("count", n=11).word == "refused"
    assert bot.call("count", n=10).word == "done"


def test_a_broken_folder_at_the_start_leaves_the_recorded_one_in_force(
    watch: Living, bot: Agent, up: Scripted
) -> None:
    before = root(watch)
    watch.stop()
    watch.declare("s", "system: [")
    watch.start(watch.workers)
    assert root(watch) == before
    assert bot.call("count", n=10).word == "done"
    assert bot.call("count", n=11).word == "refused"
