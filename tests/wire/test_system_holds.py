"""Stopping, over the real wire: every kind of scope while calls are in flight, by whom, and with the server down or
its disk full. In one process, and with workers that learn of a hold from the recorder."""

from __future__ import annotations

import http.client
import json
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.cli.wire import Refused
from standwatch.facts.entries import Hold
from support.system import (
    META,
    MODERN,
    PATIENCE,
    Agent,
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

LLM = {"kind": "llm", "name": "mind", "vendor": "acme", "version": "3"}
TOOLS = {"up.look": "read", "up.hang": "read"}
UNANSWERED = "The action was sent, but no answer came."


async def look_or_hang(it: Any) -> None:
    if it.message["params"]["name"] == "hang":
        await it.free.wait()
    it.json(it.say("answered"))


@pytest.fixture(scope="module")
def up() -> Iterator[Scripted]:
    with scripted(look_or_hang, tools=[tool("look"), tool("hang")]) as running:
        yield running


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(
    up: Scripted, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Living]:
    systems = {
        "s": manifest("s", [LLM, server("up", url=up.url)], TOOLS),
        "other": manifest("other", [server("them", url=up.url)], {"them.look": "read"}),
    }
    with serving(tmp_path_factory.mktemp("holds"), systems, workers=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "s", starts=True)


@pytest.fixture(autouse=True)
def released(watch: Living) -> Iterator[None]:
    """A test that fails leaves no hold to the next."""
    yield
    for hold in watch.api.get("/status")["holds"]:
        watch.api.post(f"/holds/{hold['id']}/release", {"reason": "the test is over"})


@pytest.fixture(scope="module")
def bystander(watch: Living) -> Agent:
    return watch.agent("bystander", "other")


KINDS = [
    "all",
    "system:s",
    "component:mind",
    "version:mind@3",
    "tool:up.hang",
    "server:up",
    "agent:bot",
    "run:",
    "vendor:acme",
]


@pytest.mark.parametrize("scope", KINDS)
def test_a_halt_cuts_what_is_in_flight_and_refuses_what_comes(
    watch: Living, bot: Agent, bystander: Agent, up: Scripted, scope: str
) -> None:
    caller = bot.open_run("Look at things") if scope == "run:" else bot
    with crew() as submit:
        with up.reached(3):
            hanging = [submit(caller.call, "hang", n=n) for n in range(3)]
        if scope == "run:":
            scope += next(one.run for one in reversed(watch.of_runs()) if not one.implicit)
        found = watch.halt(scope)
        cut = [one.result(PATIENCE) for one in hanging]
    ids = {one.reference for one in cut}
    assert all(one.text.startswith(UNANSWERED) for one in cut), cut
    assert {one["id"] for one in found["in_flight"]} == ids
    assert all(one["cancelled"] and one["outcome"] == "unknown" for one in found["in_flight"]), found
    assert {watch.outcome(ident).status for ident in ids} == {"unknown"}
    for _ in range(8):  # whichever worker it lands on
        said = caller.call("hang")
        assert said.word == "refused", said
        assert watch.refusal(said.reference).code == "held"
    assert (bystander.call("look").word == "refused") == (scope == "all")
    watch.release(found["hold"])
    assert caller.call("look").word == "done"
    assert bystander.call("look").word == "done"


@pytest.mark.parametrize("scope", ["system:s", "all", "agent:bot", "revoked"])
def test_a_halt_cuts_standing_streams(watch: Living, bot: Agent, scope: str) -> None:
    listener = watch.agent("listener", "s") if scope == "revoked" else bot
    opened = listening(listener)
    if scope == "revoked":
        watch.api.post("/agents/listener/revoke")
    else:
        hold = watch.halt(scope)["hold"]
    assert drained(opened)
    if scope != "revoked":
        watch.release(hold)


def listening(agent: Agent) -> http.client.HTTPResponse:
    """A stream that stands, its first words read."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=30)
    params = {"notifications": {"toolsListChanged": True}, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    headers = {
        "authorization": f"Bearer {agent.token}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "subscriptions/listen",
    }
    connection.request("POST", f"/mcp/{agent.system}", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"acknowledged" in answer.read1(65_536)
    return answer


def drained(answer: http.client.HTTPResponse) -> bool:
    """Whether the stream ends within the connection's patience."""
    try:
        while answer.read1(65_536):
            pass
    except TimeoutError:
        return False
    except (http.client.IncompleteRead, OSError):
        return True
    return True


def test_a_call_of_nobody_halted_goes_on(watch: Living, bot: Agent, bystander: Agent, up: Scripted) -> None:
    with crew() as submit:
        with up.reached():
            hanging = submit(bot.call, "hang")
        hold = watch.halt("system:other")["hold"]
        assert bystander.call("look").word == "refused"
        assert not hanging.done()
        up.release()
        assert hanging.result(PATIENCE).text == "answered"
    up.seize()
    watch.release(hold)


class Person(Agent):
    """A human at the operators' door."""

    def hold(self, scope: str) -> int:
        return self.post("/api/v1/holds", {"scope": scope, "reason": "by hand"}).last["hold"]

    def lift(self, hold: int, reason: str = "over") -> int:
        return self.post(f"/api/v1/holds/{hold}/release", {"reason": reason}).status


@pytest.fixture(scope="module")
def people(watch: Living) -> dict[str, Person]:
    tokens = {
        name: watch.api.post("/agents", {"name": name, "role": "human"})["token"]
        for name in ("maria", "olga", "otto")
    }
    return {name: Person(watch.operators, token, "") for name, token in tokens.items()}


def test_only_the_holder_or_the_halt_authority_releases(
    watch: Living, bot: Agent, people: dict[str, Person]
) -> None:
    hold = people["maria"].hold("system:s")
    assert people["otto"].lift(hold) == 403, "an operator without authority over the system"
    assert people["olga"].lift(hold, "  ") in (400, 422), "a reason is required"
    assert bot.call("look").word == "refused"
    assert people["olga"].lift(hold) == 200, "its halt authority"
    mine = people["otto"].hold("system:s")
    assert people["maria"].lift(mine) == 403, "an owner is not its halt authority"
    assert people["otto"].lift(mine) == 200, "its holder"
    everything = people["maria"].hold("all")
    assert people["olga"].lift(everything) == 403, "all goes beyond one system"
    assert people["maria"].lift(everything) == 200
    assert bot.call("look").word == "done"


def test_a_scope_runs_again_only_when_every_holder_has_released(
    watch: Living, bot: Agent, people: dict[str, Person]
) -> None:
    holds = [people[name].hold("agent:bot") for name in ("maria", "otto")] + [
        watch.halt("tool:up.look")["hold"]
    ]
    people["maria"].lift(holds[0])
    assert bot.call("look").word == "refused"
    people["otto"].lift(holds[1])
    assert bot.call("look").word == "refused"
    watch.release(holds[2])
    assert bot.call("look").word == "done"
    with pytest.raises(Refused) as twice:
        watch.release(holds[2])
    assert twice.value.status in (404, 409)


def test_a_halt_ends_by_itself_if_it_says_so(watch: Living, bot: Agent) -> None:
    until = watch.api.get("/status")["now"] + 2_000_000
    watch.api.post("/holds", {"scope": "system:s", "reason": "a moment", "until": until})
    assert bot.call("look").word == "refused"
    assert waited(lambda: bot.call("look").word == "done")
    assert watch.api.get("/status")["now"] >= until


def test_a_halt_with_the_server_down_is_in_force_before_it_opens(watch: Living, bot: Agent) -> None:
    watch.stop()
    found = watch.run("halt", "system:s", "--reason", "nobody is there")
    assert found["marker"]
    assert not found["recorded"]
    watch.start(watch.workers)
    assert bot.call("look").word == "refused"
    hold = watch.api.get("/status")["holds"][0]
    assert (hold["scope"], hold["reason"]) == ("system:s", "nobody is there")
    watch.release(hold["id"])
    assert bot.call("look").word == "done"


def test_a_halt_on_a_disk_that_takes_nothing_more(watch: Living, bot: Agent) -> None:
    """The files of the server may grow no further (RLIMIT_FSIZE), which its database takes for a full disk."""
    soft, hard = resource.prlimit(watch.process.pid, resource.RLIMIT_FSIZE)
    before = len(watch.of(Hold))
    resource.prlimit(watch.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert bot.call("look").word == "unavailable", "what cannot be recorded does not leave"
        found = watch.halt("system:s")
        assert not found["recorded"]
        assert bot.call("look").word in ("unavailable", "refused")
        assert [one["id"] for one in watch.api.get("/status")["holds"]] == [-1]
    finally:
        resource.prlimit(watch.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    watch.stop()
    watch.start(watch.workers)
    assert len(watch.of(Hold)) == before + 1
    assert bot.call("look").word == "refused"
    watch.release(watch.api.get("/status")["holds"][0]["id"])
    assert bot.call("look").word == "done"


def test_a_scope_that_is_none_is_refused_with_the_command_that_helps(watch: Living, bot: Agent) -> None:
    for scope in ("", "everything", "system:", "tool:look", "version:mind"):
        with pytest.raises(Refused) as said:
            watch.halt(scope)
        assert said.value.status in (400, 422)
    assert watch.halt("system:nobody")["warning"]
    watch.release(watch.api.get("/status")["holds"][0]["id"])
    assert bot.call("look").word == "done"
