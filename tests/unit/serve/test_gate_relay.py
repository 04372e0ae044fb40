"""Several workers, one id: it is judged once, and its outcome reaches the worker that owes it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from standwatch.enforce.ports import Caller
from standwatch.facts.configuration import Listener
from standwatch.facts.ids import new_id
from standwatch.fronts.control_ports import AgentOrder
from standwatch.fronts.http import Request, Response, serve_http
from standwatch.serve.gate import LONGEST_RUN, LiveGate
from standwatch.serve.listeners import Agents
from standwatch.serve.relay import Relay, marked, socket_of
from standwatch.serve.servers import Servers
from support.gates import intents, outcomes, reading
from support.watch import Watch, now


class Workers:
    """Three gates on one recorder, each behind its relay."""

    def __init__(self, watch: Watch, relays: list[Relay], token: str) -> None:
        self.watch, self._relays, self._token = watch, relays, token

    async def post(self, worker: int, path: str, body: Any) -> tuple[int, Any]:
        headers = {
            b"host": b"localhost",
            b"authorization": f"Bearer {self._token}".encode(),
            b"content-type": b"application/json",
        }
        request = Request("POST", path, "", headers, json.dumps(body).encode(), True)
        answer = await self._relays[worker](request)
        return answer.status, json.loads(getattr(answer, "body", b"null") or b"null")


async def workers(folder: Path, stack: AsyncExitStack, *, missing: int = -1) -> Workers:
    watch = await stack.enter_async_context(reading(folder))
    order = AgentOrder("hands", ("pay",))
    token = (await watch.control.add_agent(watch.who("maria"), order)).token
    relays: list[Relay] = []
    for number in range(3):
        gate = LiveGate(
            watch.recorder.link(), watch.gate.world, clock=now, chance=watch.gate._chance, receipt=lambda *_: ""  # pyright: ignore[reportPrivateUsage]
        )  # fmt: skip
        agents = Agents(gate, Servers(folder, {}), Listener("127.0.0.1", 0), b"k" * 32, lambda _: None)
        if number != missing:
            door = await serve_http(agents.handle, name="relay", unix_path=socket_of(folder, number))
            stack.push_async_callback(door.close, 0.1)
        relay = Relay(folder, number, 3, agents.handle)
        stack.push_async_callback(relay.close)
        relays.append(relay)
    return Workers(watch, relays, token)


ACT = {"system": "pay", "tool": "bank.send", "arguments": {"amount": 1}}


def test_one_id_goes_once_whichever_worker_it_reaches(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack:
            all_of = await workers(tmp_path, stack)
            for turn in range(3):
                ident = new_id(now() + turn, bytes(10))
                answers = [
                    await all_of.post(worker, "/v1/actions", {**ACT, "id": ident}) for worker in range(3)
                ]
                assert answers == [(200, {"word": "go", "id": ident})] * 3
                told = await all_of.post(
                    turn, f"/v1/actions/{ident}/outcome", {"status": "ok", "system": "pay"}
                )
                assert told == (200, {"word": "done", "id": ident})
                assert await outcomes(all_of.watch, ident) == ["ok"]
            assert len(intents(all_of.watch)) == 3

    asyncio.run(asyncio.wait_for(work(), 100))


def test_an_outcome_finds_the_worker_of_an_id_of_our_own(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack:
            all_of = await workers(tmp_path, stack, missing=2)
            _, go = await all_of.post(0, "/v1/actions", ACT)
            told = {"status": "ok", "system": "pay"}
            assert (await all_of.post(1, f"/v1/actions/{go['id']}/outcome", told))[0] == 200
            strange = new_id(now(), b"nobody has")
            status, _ = await all_of.post(1, f"/v1/actions/{strange}/outcome", told)
            assert status == 503, "the worker that cannot be reached may be the one that knows it"

    asyncio.run(asyncio.wait_for(work(), 100))


@pytest.mark.parametrize("body", [{"id": 7}, [], "x"])
def test_what_is_no_request_for_an_action_is_answered_where_it_lands(tmp_path: Path, body: Any) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack:
            assert (await (await workers(tmp_path, stack)).post(1, "/v1/actions", body))[0] == 400

    asyncio.run(asyncio.wait_for(work(), 100))


def test_a_run_with_a_token_ends_by_itself(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            caller = Caller("agent", "agent", ("pay",), starts=True)
            run, _, until = await watch.gate.open_run(caller, "pay", "one")
            assert 0 < until - now() <= LONGEST_RUN * 60_000_000
            assert watch.gate.state.runs[run][1].until == until

    asyncio.run(asyncio.wait_for(work(), 100))


@pytest.mark.parametrize(
    "path", ["/v1/decisions/{}/outcome", "/v1/decisions/{}/outcome/", "/v1/decisions/{}"]
)
def test_what_is_told_of_a_decision_goes_where_it_was_asked(tmp_path: Path, path: str) -> None:
    async def play() -> None:
        heard: list[tuple[str, Request]] = []

        async def here(request: Request) -> Response:
            heard.append(("here", request))
            return Response(200, b"{}")

        async def there(request: Request) -> Response:
            heard.append(("there", request))
            return Response(200, b"{}")

        door = await serve_http(there, name="relay", unix_path=socket_of(tmp_path, 1))
        relay = Relay(tmp_path, 0, 2, here)
        headers = {
            b"host": b"localhost",
            b"authorization": b"Bearer x",
            b"standwatch-used": b"4/0",
            b"standwatch-run": b"r",
            b"traceparent": b"00-1-2-03",
        }
        for worker, wanted in ((0, "here"), (1, "there"), (7, "here")):
            ident = new_id(now(), marked(worker)(10))
            await relay(Request("POST", path.format(ident), "", dict(headers), b"{}", True))
            where, request = heard.pop()
            assert (where, request.path) == (wanted, path.format(ident))
            assert headers.keys() - {b"host"} <= request.headers.keys()
        await relay(Request("POST", "/v1/decisions/no-id/outcome", "", headers, b"{}", True))
        await relay(Request("POST", "/v1/decisions", "", headers, b"{}", True))
        assert [where for where, _ in heard] == ["here", "here"]
        await relay.close()
        await door.close(0.1)

    asyncio.run(play())
