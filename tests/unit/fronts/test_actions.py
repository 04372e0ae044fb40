"""`/v1/actions` and `/v1/runs`: who may ask, in which form, and what each word answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.enforce.ports import Act, Caller, Carried, Reply
from standwatch.facts.errors import Conflict, Forbidden
from standwatch.facts.ids import new_id
from standwatch.fronts.actions import ActionsFront
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.runs import RunsFront
from wire.bare_gateway import SYSTEM, TOKEN, PassThrough, configuration

pytestmark = pytest.mark.anyio
ID = new_id(1_800_000_000_000_000, bytes(10))
ACTION = {"system": SYSTEM, "tool": "shell.run", "arguments": {"command": "ls"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate(PassThrough):
    def __init__(self) -> None:
        super().__init__(configuration(["shell.run"], ()))
        self.reply = Reply("done", ID)
        self.begun: list[Act] = []
        self.told: list[tuple[str, Carried]] = []
        self.error: Exception | None = None

    async def begin(self, act: Act) -> Reply:
        self.begun.append(act)
        return self.reply

    async def finish(self, caller: Caller, ident: str, carried: Carried) -> Reply:
        del caller
        if self.error is not None:
            raise self.error
        self.told.append((ident, carried))
        return Reply("done", ident)

    async def open_run(
        self, caller: Caller, system: str, task: str, on_behalf_of: str = "", bound: str = ""
    ) -> Any:
        del bound
        if self.error is not None:
            raise self.error
        return "run-1", f"{caller.principal}/{system}/{task}/{on_behalf_of}", 7


def request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    heads = {"host": "localhost", "authorization": f"Bearer {TOKEN}", **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method, path, "", {k.encode(): v.encode() for k, v in heads.items() if v}, raw, True)


def told(answer: Response, status: int) -> Any:
    assert answer.status == status, answer
    return json.loads(answer.body)


async def test_go_and_then_what_happened() -> None:
    gate = Gate()
    front = ActionsFront(gate)
    go = await front.handle(request("POST", "/v1/actions", {**ACTION, "seam": "hook", "id": ID}))
    assert told(go, 200) == {"word": "go", "id": ID}
    (act,) = gate.begun
    assert (act.tool, act.target, act.seam, act.id, act.definition) == (
        "shell.run",
        "shell",
        "hook",
        ID,
        None,
    )
    outcome = {"status": "ok", "result": {"exit": 0}}
    done = await front.handle(request("POST", f"/v1/actions/{ID}/outcome", outcome))
    assert told(done, 200) == {"word": "done", "id": ID}
    assert gate.told == [(ID, Carried("ok", b'{"exit":0}'))]


async def test_changed_arguments_and_the_receipt_are_told_with_the_go() -> None:
    gate = Gate()
    gate.reply = Reply("done", ID, Carried("ok", b'{"command":"ls -n"}'), receipt="cmM=")
    answer = await ActionsFront(gate).handle(request("POST", "/v1/actions", ACTION))
    assert told(answer, 200)["arguments"] == {"command": "ls -n"}
    assert answer.headers == (("standwatch-receipt", "cmM="),)


@pytest.mark.parametrize(
    ("word", "status"), [("pending", 202), ("refused", 403), ("invalid", 400), ("unavailable", 503)]
)
async def test_every_word_has_its_status(word: Any, status: int) -> None:
    gate = Gate()
    gate.reply = Reply(word, ID)
    answer = told(await ActionsFront(gate).handle(request("POST", "/v1/actions", ACTION)), status)
    assert (answer["word"], answer["id"]) == (word, ID)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'{"system":"fixture","system":"fixture","tool":"a.b"}', b'{"tool":"a.b"}',
        json.dumps({**ACTION, "more": 1}).encode(), json.dumps({**ACTION, "arguments": []}).encode(),
        json.dumps({**ACTION, "seam": "proxy"}).encode(), json.dumps({**ACTION, "id": "7"}).encode(),
        json.dumps({**ACTION, "tool": "run"}).encode(), json.dumps({**ACTION, "tool": "a." + "b" * 600}).encode(),
    ],
)  # fmt: skip
async def test_a_body_of_another_form_is_invalid(body: bytes) -> None:
    gate = Gate()
    assert (
        told(await ActionsFront(gate).handle(request("POST", "/v1/actions", body)), 400)["word"] == "invalid"
    )
    assert not gate.begun


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401), ({"authorization": "Bearer sw_x"}, 401), ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
    ],
)  # fmt: skip
async def test_who_may_not_come_in(headers: dict[str, str], status: int) -> None:
    gate = Gate()
    for front, path in ((ActionsFront(gate), "/v1/actions"), (RunsFront(gate), "/v1/runs")):
        body = ACTION if path == "/v1/actions" else {"system": SYSTEM, "task": "t"}
        assert (await front.handle(request("POST", path, body, **headers))).status == status
    assert not gate.begun


@pytest.mark.parametrize("path", ["/v1/actions", f"/v1/actions/{ID}/outcome", "/v1/runs"])
@pytest.mark.parametrize("body", [b"{", b'"' + b"x" * (1 << 20) + b'"'])
async def test_a_strangers_body_is_not_looked_at(path: str, body: bytes) -> None:
    gate = Gate()
    front = RunsFront(gate) if path == "/v1/runs" else ActionsFront(gate)
    stranger = await front.handle(request("POST", path, body, authorization="Bearer sw_x"))
    known = await front.handle(request("POST", path, body))
    assert (stranger.status, known.status) == (401, 400 if len(body) == 1 else 413)


async def test_a_body_has_at_most_a_mebibyte() -> None:
    gate = Gate()
    large = {**ACTION, "arguments": {"command": "x" * (1 << 20)}}
    assert told(await ActionsFront(gate).handle(request("POST", "/v1/actions", large)), 413) == {
        "code": "body_too_large", "message": "A body has at most 1048576 bytes here.",
    }  # fmt: skip
    assert not gate.begun
    large["arguments"] = {"command": "x" * (1 << 19)}
    assert (await ActionsFront(gate).handle(request("POST", "/v1/actions", large))).status == 200


async def test_other_verbs_and_paths() -> None:
    gate = Gate()
    assert (await ActionsFront(gate).handle(request("GET", "/v1/actions"))).status == 405
    for path in ("/v1/actions/", f"/v1/actions/{ID}", f"/v1/actions/{ID}/else", "/v1/actions/x/outcome"):
        assert (await ActionsFront(gate).handle(request("POST", path, {"status": "ok"}))).status == 404
    gate.error = Forbidden("not yours")
    outcome = request("POST", f"/v1/actions/{ID}/outcome", {"status": "ok"})
    assert (await ActionsFront(gate).handle(outcome)).status == 404
    gate.error = Conflict("twice")
    assert (await ActionsFront(gate).handle(outcome)).status == 409


async def test_runs_open_and_close() -> None:
    gate = Gate()
    front = RunsFront(gate)
    opening = {"system": SYSTEM, "task": "pay invoice 7", "on_behalf_of": "ada"}
    answer = await front.handle(request("POST", "/v1/runs", opening))
    assert told(answer, 201) == {"run": "run-1", "token": "tester/fixture/pay invoice 7/ada", "until": 7}
    assert (await front.handle(request("DELETE", "/v1/runs/run-1"))).status == 204
    gate.error = Forbidden("may not start runs")
    assert told(await front.handle(request("POST", "/v1/runs", opening)), 403)["word"] == "refused"
    assert told(await front.handle(request("POST", "/v1/runs", {"system": SYSTEM})), 400)["word"] == "invalid"
