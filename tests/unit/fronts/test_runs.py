"""`/v1/runs`: what binds a run, what is given to a sub-agent; and neither is asked for where it has no place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.enforce.ports import NOTHING_SHOWN, Below, Caller, Shown
from standwatch.facts.errors import Conflict, Forbidden, Unrecorded
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.runs import MOST_NAME, MOST_TASK, RunsFront
from wire.bare_gateway import SYSTEM, TOKEN, PassThrough, configuration

pytestmark = pytest.mark.anyio
JKT = "k" * 43


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate(PassThrough):
    """Whoever says `run` in the header comes with a run's own token."""

    def __init__(self) -> None:
        super().__init__(configuration(["shell.run"], ()))
        self.opened: list[Any] = []
        self.shown: list[Shown] = []
        self.error: Exception | None = None

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        self.shown.append(shown)
        return super().identify(authorization.replace("DPoP", "Bearer"), system, run)

    async def open_run(
        self, caller: Caller, system: str, task: str, on_behalf_of: str = "", bound: str = ""
    ) -> tuple[str, str, int]:
        return self._opened("run", (system, task, on_behalf_of, bound))

    async def open_below(self, caller: Caller, wish: Below) -> tuple[str, str, int]:
        return self._opened(caller.run, wish)

    async def extend_run(self, caller: Caller, run: str, words: str) -> None:
        self._opened(run, (caller.run, words))

    def _opened(self, by: str, what: Any) -> tuple[str, str, int]:
        if self.error is not None:
            raise self.error
        self.opened.append((by, what))
        return "run-1", "sw_secret", 7


async def post(gate: Gate, body: Any, run: str = "", **more: str) -> Response:
    heads = {"host": "localhost", "authorization": f"Bearer {TOKEN}", "standwatch-run": run, **more}
    raw = json.dumps(body).encode()
    pairs = {name.encode(): value.encode() for name, value in heads.items() if value}
    request = Request("POST", "/v1/runs", "", pairs, raw, True)
    request.peer = "192.0.2.1:4000"
    return await RunsFront(gate).handle(request)


async def add(gate: Gate, run: str, body: Any, method: str = "POST") -> Response:
    pairs = {b"host": b"localhost", b"authorization": f"Bearer {TOKEN}".encode()}
    path = f"/v1/runs/{run}/task"
    return await RunsFront(gate).handle(Request(method, path, "", pairs, json.dumps(body).encode(), True))


async def test_its_user_says_more_of_a_task() -> None:
    gate = Gate()
    assert (await add(gate, "run-1", {"task": "and the next one"})).status == 200
    assert gate.opened == [("run-1", ("", "and the next one"))]
    for body in ({}, {"task": ""}, {"task": 7}, {"task": "t", "run": "r"}, {"task": "x" * (MOST_TASK + 1)}):
        assert (await add(gate, "run-1", body)).status == 400
    assert (await add(gate, "run-1", {"task": "t"}, "DELETE")).status == 405
    gate.error = Forbidden("not yours")
    assert (await add(gate, "run-1", {"task": "t"})).status == 403
    assert len(gate.opened) == 1


async def test_a_run_is_opened_for_a_task_and_bound_to_a_key() -> None:
    gate = Gate()
    answer = await post(gate, {"system": SYSTEM, "task": "pay", "on_behalf_of": "ada", "cnf": {"jkt": JKT}})
    assert (answer.status, json.loads(answer.body)) == (
        201,
        {"run": "run-1", "token": "sw_secret", "until": 7},
    )
    assert ("cache-control", "no-store") in answer.headers
    assert gate.opened == [("run", (SYSTEM, "pay", "ada", JKT))]


async def test_with_a_run_s_token_one_below_it_is_opened() -> None:
    gate = Gate()
    given = {"tools": ["bank.*"], "effects": ["read"], "minutes": 5, "cnf": {"jkt": JKT}}
    assert (await post(gate, {"system": SYSTEM, **given}, "r")).status == 201
    assert (await post(gate, {"system": SYSTEM}, "r")).status == 201
    assert gate.opened == [("r", Below(("bank.*",), ("read",), 5, JKT)), ("r", Below())]


@pytest.mark.parametrize("more", [{"task": "pay eve"}, {"on_behalf_of": "eve"}])
async def test_a_sub_agent_has_the_task_of_the_run_above(more: dict[str, str]) -> None:
    gate = Gate()
    assert (await post(gate, {"system": SYSTEM, **more}, "r")).status == 403
    assert not gate.opened


@pytest.mark.parametrize(
    "body",
    [
        {"tools": ["a"], "task": "t"}, {"effects": ["read"], "task": "t"}, {"minutes": 1, "task": "t"}, {},
        {"task": None}, {"task": "x" * (MOST_TASK + 1)}, {"task": "t", "on_behalf_of": "x" * (MOST_NAME + 1)},
        {"task": "t", "cnf": {"jkt": "k" * 42}}, {"task": "t", "cnf": {"jkt": "k" * 42 + "="}},
        {"task": "t", "cnf": {"jwk": {}}}, {"task": "t", "cnf": {}}, {"task": "t", "parent": "r"},
        {"task": "t", "bound": JKT}, {"task": "t", "until": 1 << 60},
    ],
)  # fmt: skip
async def test_what_has_no_place_is_refused(body: dict[str, Any]) -> None:
    gate = Gate()
    assert (await post(gate, {"system": SYSTEM, **body})).status == 400
    assert not gate.opened


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [""]}, {"tools": ["x" * 201]}, {"tools": ["x"] * 65}, {"tools": "bank.*"}, {"tools": [7]},
        {"effects": ["all"]}, {"effects": "read"}, {"minutes": -1}, {"minutes": 1441}, {"minutes": 1.5},
        {"minutes": True}, {"minutes": "5"},
    ],
)  # fmt: skip
async def test_what_a_sub_agent_is_given_has_its_form(body: dict[str, Any]) -> None:
    gate = Gate()
    assert (await post(gate, {"system": SYSTEM, **body}, "r")).status == 400
    assert not gate.opened


async def test_a_proof_is_handed_on_with_what_it_is_for() -> None:
    gate = Gate()
    await post(gate, {"system": SYSTEM, "task": "t"}, dpop="a.b.c", authorization=f"DPoP {TOKEN}")
    one = gate.shown[0]
    assert (one.proof, one.method, one.host, one.path) == ("a.b.c", "POST", "localhost", "/v1/runs")
    assert one.peer == "192.0.2.1:4000"
    assert all(other is one for other in gate.shown), "one request shows one proof"


async def test_nobody_is_told_which_proofs_are_taken_but_by_the_challenge() -> None:
    answer = await post(Gate(), {"system": SYSTEM, "task": "t"}, authorization="Bearer sw_other")
    challenges = dict(answer.headers)
    assert answer.status == 401
    assert "DPoP algs=" in challenges["www-authenticate"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(Forbidden("may not start runs"), 403), (Conflict("too deep"), 503), (Unrecorded("disk"), 503)],
)
@pytest.mark.parametrize("run", ["", "r"])
async def test_what_cannot_be_opened_says_one_word(error: Exception, status: int, run: str) -> None:
    gate = Gate()
    gate.error = error
    answer = await post(gate, {"system": SYSTEM, **({} if run else {"task": "t"})}, run)
    assert (answer.status, str(error) in answer.body.decode()) == (status, False)
