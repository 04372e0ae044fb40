"""Public vectors of what an approver was shown against what ran (agent-evidence-vectors).

The suite is `converted-argument-binding/v1`.

Each case is a call through a whole Standwatch: the raw arguments are sent as the agent's bytes, what is shown is the
sheet that a person signs, what runs is what reached the server. A case in which something else would have run is driven
by asking for exactly that with the approval at hand: it does not go on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.wire import Refused
from standwatch.facts.canonical import canonical, parse
from standwatch.facts.errors import Malformed
from standwatch.facts.parts import approval_bytes
from standwatch.keys import ed25519
from support.system import (
    META,
    MODERN,
    Agent,
    Answer,
    Living,
    Scripted,
    echo,
    manifest,
    scripted,
    server,
    serving,
    tool,
)

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "approvals" / "converted-argument-binding.v1.json").read_text(encoding="utf-8")
)
NOT_OURS = {
    "contract-id-missing": "the form of the corpus's own records",
    "contract-id-unknown": "the form of the corpus's own records",
    "modify-drops-defaulted-field": "here nobody edits a call: what a check changes is judged again, then asked about",
}
CASES = {one["id"]: one for one in SUITE["vectors"] if one["id"] not in NOT_OURS}
RUNS = {"bound"}
NEVER_ASKED = {"shown_not_storable", "invalid_call_approved"}
OTHER_BYTES = {"rebuild_not_identical", "shown_not_executed"}
OTHER_DIGEST = {"approval_not_bound_to_shown", "call_mutated_after_approval"}


def named(case: str) -> str:
    return case.replace("-", "_")


def schema(record: dict[str, Any]) -> dict[str, Any]:
    """The tool's input schema as the case declares its parameters."""
    declared: dict[str, Any] = record["parameters"]
    properties = {
        name: {key: rule[key] for key in ("type", "enum", "default") if key in rule}
        for name, rule in declared.items()
    }
    wanted = [name for name, rule in declared.items() if "default" not in rule]
    return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}


@pytest.fixture(scope="module")
def bank() -> Iterator[Scripted]:
    tools = [tool(named(case), schema(one["record"])) for case, one in CASES.items()]
    with scripted(echo, tools=tools) as running:
        yield running


@pytest.fixture(scope="module")
def watch(bank: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    rules: dict[str, Any] = {f"bank.{named(case)}": "irreversible" for case in CASES}
    systems = {"pay": manifest("pay", [server("bank", url=bank.url)], rules)}
    with serving(tmp_path_factory.mktemp("converted"), systems) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "pay")


def call(bot: Agent, case: str, arguments: str) -> Answer:
    """The call with these bytes as its arguments, not re-serialised by us."""
    name = named(case)
    params = f'{{"name":{json.dumps(name)},"arguments":{arguments},"_meta":{json.dumps(META)}}}'
    body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
    heads = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": name}
    return bot.post(f"/mcp/{bot.system}", body.encode(), heads)


def ran(bank: Scripted, case: str) -> list[Any]:
    """What reached the server of this case's tool."""
    return [one["arguments"] for one in bank.calls if one["name"] == named(case)]


def asked(watch: Living, bot: Agent, case: str, arguments: str) -> str:
    """Asks for a call with `arguments`; its id, once it is sure that exactly they are shown."""
    said = call(bot, case, arguments)
    assert said.word == "pending", said
    sheet = watch.api.get(f"/questions/{said.reference}")
    assert canonical(json.loads(sheet["action"])["arguments"]) == canonical(parse(arguments.encode()))
    return said.reference


def sign(watch: Living, ident: str, digest: str = "") -> None:
    """Olga's approval; with `digest` over another action than the one asked about."""
    if not digest:
        watch.run("approve", ident, "--yes", "--key", watch.key("olga"))
        return
    sheet = watch.api.get(f"/questions/{ident}")
    question, key = sheet["question"], ed25519.load(Path(watch.key("olga")))
    told: dict[str, Any] = {"decision": "approve", "by": "olga", "head": "", "until": question["until"]}
    message = approval_bytes(
        asked=question["index"], digest=digest, flag=question.get("flag", ""), org=sheet["org"], **told
    )
    order = {**told, "key": ed25519.public(key), "sig": ed25519.sign(key, message)}
    with pytest.raises(Refused):
        watch.api.post(f"/questions/{ident}/answer", order)


@pytest.mark.parametrize("case", CASES)
def test_what_runs_is_what_was_shown_or_nothing(watch: Living, bot: Agent, bank: Scripted, case: str) -> None:
    one = CASES[case]
    reason, shown, executed = one["reason"], one["shown"], one["executed"]
    if reason in RUNS:
        # A person signs the whole call as it will run, changed or not; other spellings of it are the same call.
        wanted = one.get("modified", shown)
        sign(watch, asked(watch, bot, case, wanted))
        assert call(bot, case, executed).word == "done"
        assert [canonical(run) for run in ran(bank, case)] == [canonical(parse(wanted.encode()))]
        assert call(bot, case, executed).word == "pending", "once"
    elif reason in NEVER_ASKED:
        size = len(watch.api.get("/questions"))
        said = call(bot, case, shown)
        assert (said.status, said.error["code"]) == (
            400,
            -32602 if reason == "invalid_call_approved" else -32700,
        )
        assert len(watch.api.get("/questions")) == size, "nobody is asked about what cannot be"
        assert ran(bank, case) == []
    elif reason in OTHER_BYTES:
        sign(watch, asked(watch, bot, case, shown))
        assert call(bot, case, executed).word in ("pending", "invalid"), "another call is another question"
        assert ran(bank, case) == []
        assert call(bot, case, shown).word == "done"
        assert [canonical(run) for run in ran(bank, case)] == [canonical(parse(shown.encode()))]
    else:
        assert reason in OTHER_DIGEST
        ident = asked(watch, bot, case, shown)
        record = one["record"]
        other = record["callCopyAfterSha256" if "mutated" in reason else "approval"]
        sign(watch, ident, other if isinstance(other, str) else other["shownSha256"])
        assert call(bot, case, shown).word == "pending"
        assert ran(bank, case) == []


def test_what_does_not_apply_is_named() -> None:
    assert {one["id"] for one in SUITE["vectors"]} == {*CASES, *NOT_OURS}
    assert len(SUITE["vectors"]) == 17
    reasons = {one["reason"] for one in CASES.values()}
    assert reasons == RUNS | NEVER_ASKED | OTHER_BYTES | OTHER_DIGEST


def test_what_cannot_be_stored_is_no_json_here() -> None:
    for one in CASES.values():
        if one["reason"] == "shown_not_storable":
            with pytest.raises(Malformed):
                parse(one["shown"].encode())
