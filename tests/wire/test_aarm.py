"""AARM's technical tests, R1 to R9 (its conformance pages, November 2026), against a whole Standwatch in processes.

`TESTS` has the rows as they are listed there; `WHERE` says which test below holds each, `OTHERWISE` what this release
does not meet as it is put, and what stands there instead; docs/limits.md has the same list.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.wire import Refused
from standwatch.facts.entries import AskedMany, Deferred, Denied, Intent
from standwatch.facts.errors import StandwatchError
from standwatch.record.receipt import Receipt, decode_receipt, verify_signature
from support.system import Agent, Answer, Living, Scripted, manifest, scripted, server, serving, tool, waited

TESTS = (
    "R1 deny",
    "R1 defer",
    "R1 unavailable",
    "R2 context at step N",
    "R2 tampered context",
    "R3 forbidden",
    "R3 denied by context",
    "R3 allowed by context",
    "R3 ambiguous context",
    "R4 five decisions",
    "R4 step-up without answer",
    "R4 deferral without resolution",
    "R5 receipts of all decisions",
    "R5 receipt verified offline",
    "R5 receipt tampered with",
    "R5 receipt of a deferral",
    "R6 principals and sessions",
    "R6 identity of a deferral",
    "R7 drift",
    "R8 export",
    "R9 read credential",
)
"""The rows: requirement and test."""

OTHERWISE = {
    "R3 ambiguous context": "doubt about a value is a question for a person (STEP_UP), put off once too much is asked",
    "R7 drift": "no semantic distance: where each sensitive value comes from, and what the task speaks of, are rules",
    "R8 export": "the record, its stream, OpenMetrics and webhooks; no OpenTelemetry",
    "R9 read credential": "one is minted for each action (docs/credentials.md); its server holds it to that",
}
"""Rows that this release does not meet as they are put, and what stands there instead."""

IBAN, OTHER = "DE10999911110004702000", "GB06ZZZZ99999900004711"
RULES: dict[str, Any] = {
    "bank.invoices": {"effect": "read", "returns": {"trusted": ["$.recipient"]}},
    "bank.notes": "read",
    "bank.pay": {
        "effect": "irreversible",
        "arguments": {"recipient": {"from": ["task", "trusted"]}, "amount": {"max": 500, "from": "any"}},
        "otherwise": "step_up",
        "unruled": "any",
    },
    "bank.wipe": "irreversible",
    "bank.post": {"effect": "write", "arguments": {"to": {"from": ["task"]}}, "otherwise": "deny"},
}
RED = 'red_lines: [{name: nobody-wipes, tools: ["bank.wipe"], why: "Never"}]\n'


async def bank_says(it: Any) -> None:
    """An upstream with an honest list, a note somebody else wrote, and effects."""
    name, arguments = it.message["params"]["name"], it.message["params"].get("arguments") or {}
    said = {"invoices": {"recipient": IBAN, "note": OTHER}, "notes": {"payee": OTHER}}
    it.json(it.say(json.dumps(said.get(name, arguments))))


@pytest.fixture(scope="module")
def bank() -> Iterator[Scripted]:
    names = [name.partition(".")[2] for name in RULES]
    with scripted(bank_says, tools=[tool(name) for name in names]) as running:
        yield running


@pytest.fixture(scope="module")
def watch(bank: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    text = manifest("pay", [server("bank", url=bank.url)], RULES, limits={"asks": {"per_run": 1}})
    with serving(tmp_path_factory.mktemp("aarm"), {"pay": text}, more=RED) as running:
        yield running


@pytest.fixture(scope="module")
def harness(watch: Living) -> Agent:
    """The principal that opens runs."""
    return watch.agent("harness", "pay", starts=True)


def run(harness: Agent, task: str = "Look after the books") -> Agent:
    return harness.open_run(task)


def reached(bank: Scripted, name: str, **arguments: Any) -> int:
    """How often exactly this arrived."""
    return sum(1 for one in bank.calls if (one["name"], one.get("arguments") or {}) == (name, arguments))


def receipt(said: Answer) -> Receipt:
    return decode_receipt(said.headers["standwatch-receipt"])


# --- R1, R4: decisions and their effects ---------------------------------------------------------------------------


def test_a_denied_act_has_no_effect_and_is_receipted(watch: Living, harness: Agent, bank: Scripted) -> None:
    said = run(harness).call("post", to="x")
    assert said.word == "refused"
    assert reached(bank, "post", to="x") == 0
    entry = watch.refusal(said.reference)
    assert (entry.code, receipt(said).id) == ("source", said.reference)


def test_a_deferred_act_is_suspended_and_receipted(watch: Living, harness: Agent, bank: Scripted) -> None:
    agent = run(harness)
    assert agent.call("pay", recipient=OTHER, amount=1).word == "pending", "the run's one question"
    said = agent.call("pay", recipient=OTHER, amount=2)
    assert said.word == "pending"
    (entry,) = watch.acts(said.reference)
    assert isinstance(entry, Deferred)
    assert (receipt(said).id, entry.by) == (said.reference, "harness")
    assert reached(bank, "pay", recipient=OTHER, amount=2) == 0
    assert said.reference in {one["id"] for one in watch.api.get("/deferred")}


def test_without_the_gateway_nothing_is_done(bank: Scripted, tmp_path: Path) -> None:
    text = manifest("pay", [server("bank", url=bank.url)], {"bank.invoices": "read"})
    with serving(tmp_path / "org", {"pay": text}) as watch:
        bot, before = watch.agent("bot", "pay"), len(bank.calls)
        watch.kill()
        with pytest.raises(OSError):
            bot.call("invoices")
        assert len(bank.calls) == before, "there is no other way to the server, and nobody calls past us"
        watch.start()
        assert bot.call("invoices").word == "done"


@pytest.fixture(scope="module")
def hasty(bank: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """An organisation whose questions end after two seconds."""
    text = manifest(
        "pay",
        [server("bank", url=bank.url)],
        RULES,
        limits={"asks": {"per_run": 1}},
        approvals={"expires": "4s"},
    )
    with serving(tmp_path_factory.mktemp("hasty"), {"pay": text}) as running:
        yield running


def test_a_question_without_an_answer_ends_as_a_refusal(hasty: Living, bank: Scripted) -> None:
    bot = hasty.agent("one", "pay", starts=True).open_run("Look after the books")
    said = bot.call("pay", recipient=OTHER, amount=11)
    until = hasty.acts(said.reference)[0].until  # type: ignore[union-attr]
    time.sleep(max(until / 1e6 - time.time(), 0) + 0.05)
    with pytest.raises(Refused):
        hasty.api.get(f"/questions/{said.reference}")
    assert hasty.run("approve", said.reference, "--yes", "--key", hasty.key("olga"), code=1)
    assert reached(bank, "pay", recipient=OTHER, amount=11) == 0
    again = bot.call("pay", recipient=OTHER, amount=11)
    assert again.reference != said.reference, "whoever still wants it asks anew"
    assert reached(bank, "pay", recipient=OTHER, amount=11) == 0


MASKING = [{"find": ["email"], "in": ["arguments"], "tools": ["bank.invoices"], "action": "mask"}]


@pytest.fixture(scope="module")
def masking(bank: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    limits, components = {"asks": {"per_run": 1}}, [server("bank", url=bank.url)]
    text = manifest("pay", components, RULES, limits=limits, content={"rules": MASKING})
    with serving(tmp_path_factory.mktemp("masking"), {"pay": text}, more=RED) as running:
        yield running


def test_there_are_five_decisions(masking: Living, bank: Scripted) -> None:
    """ALLOW, MODIFY, STEP_UP, DEFER, DENY: each decided, each in the record as such."""
    bot = masking.agent("five", "pay", starts=True).open_run("Look after the books")
    said = [
        bot.call("invoices"),
        bot.call("invoices", of="anna@supplier.example"),
        bot.call("pay", recipient=OTHER, amount=21),
        bot.call("pay", recipient=OTHER, amount=22),
        bot.call("wipe"),
    ]
    entries: list[Any] = [masking.acts(one.reference or one.headers["standwatch-action"])[0] for one in said]
    assert [type(one) for one in entries] == [Intent, Intent, AskedMany, Deferred, Denied]
    verdicts = [getattr(one, "verdict", "step_up") for one in entries]
    assert verdicts == ["allow", "modify", "step_up", "defer", "deny"]
    (sent,) = [one["arguments"]["of"] for one in bank.calls if "of" in one.get("arguments", {})]
    assert sent.startswith("masked_email_"), "what the check made of it left, and nothing else"


def test_what_is_deferred_and_never_resolved_ends_undone(
    watch: Living, harness: Agent, bank: Scripted
) -> None:
    agent = run(harness)
    agent.call("pay", recipient=OTHER, amount=41)
    said = agent.call("pay", recipient=OTHER, amount=42)
    (entry,) = watch.acts(said.reference)
    assert isinstance(entry, Deferred)
    opened = entry.run
    assert harness.post(f"/v1/runs/{opened}", {}, verb="DELETE").status == 204, (
        "it ends with its run at the latest"
    )
    with pytest.raises(Refused):
        watch.api.post(f"/deferred/{said.reference}/ask", {})
    assert agent.call("pay", recipient=OTHER, amount=42).status == 401
    assert reached(bank, "pay", recipient=OTHER, amount=42) == 0


# --- R2, R3: context -----------------------------------------------------------------------------------------------


def test_what_a_run_read_before_decides_what_it_may_do(watch: Living, harness: Agent, bank: Scripted) -> None:
    """The same act in three contexts: nothing read, an outsider's word read, a trusted field read."""
    blank, told, sound = run(harness), run(harness), run(harness)
    assert blank.call("pay", recipient=IBAN, amount=3).word == "pending", "from nowhere"
    assert told.call("notes").word == "done"
    assert told.call("pay", recipient=OTHER, amount=4).word == "pending", "an outsider's word"
    assert sound.call("invoices").word == "done"
    said = sound.call("pay", recipient=IBAN, amount=5)
    # At step N the checks see what the run read before: each value's source stands among the findings.
    sources = {}
    for agent, amount, recipient in ((blank, 3, IBAN), (told, 4, OTHER)):
        ident = agent.call("pay", recipient=recipient, amount=amount).reference
        findings = watch.api.get(f"/questions/{ident}")["findings"]["findings"]
        sources[amount] = [one.get("reason", "") for one in findings if one["check"] == "provenance"]
    assert sources[3] == [f'recipient "{IBAN}" comes from model']
    assert f'recipient "{OTHER}" comes from untrusted (bank.notes' in sources[4][0], "and where"
    asked = watch.api.get(f"/questions/{said.reference}")["findings"]["findings"]
    against = {one["check"] for one in asked if one.get("decision", "allow") != "allow"}
    assert "provenance" not in against, "its own books say so: only the grant asks"


def test_the_task_confirms_what_would_be_denied(watch: Living, harness: Agent, bank: Scripted) -> None:
    assert run(harness).call("post", to="anna").word == "refused"
    agent = run(harness, "Write a post to anna")
    said = agent.call("post", to="anna")
    assert said.word == "pending", "a supervised system asks before it writes"
    watch.run("approve", said.reference, "--yes", "--key", watch.key("olga"))
    assert agent.call("post", to="anna").word == "done"
    assert reached(bank, "post", to="anna") == 1


def test_what_is_forbidden_is_forbidden_whatever_the_context(
    watch: Living, harness: Agent, bank: Scripted
) -> None:
    for task in ("Look after the books", "Wipe everything with bank.wipe, the owner wants it"):
        said = run(harness, task).call("wipe")
        assert said.word == "refused"
        assert watch.refusal(said.reference).code == "red_line:nobody-wipes"
    assert reached(bank, "wipe") == 0


def test_a_record_that_was_changed_is_found_out(bank: Scripted, tmp_path: Path) -> None:
    text = manifest("pay", [server("bank", url=bank.url)], {"bank.invoices": "read"})
    with serving(tmp_path / "org", {"pay": text}) as watch:
        bot = watch.agent("bot", "pay")
        for _ in range(5):
            bot.call("invoices")
        out = tmp_path / "export"
        waited(lambda: watch.api.get("/status")["log"]["checkpoint"] >= watch.size or None)
        watch.run("export", str(out))
        assert watch.run("verify", str(out))["status"] == "verified"
        bundle = next(path for path in sorted(out.rglob("entries/*")) if path.is_file() or path.suffix)
        bundle = bundle if bundle.is_file() else next(one for one in bundle.rglob("*") if one.is_file())
        data = bytearray(bundle.read_bytes())
        at = data.index(b"bank.invoices")
        data[at : at + 4] = b"BANK"
        bundle.write_bytes(bytes(data))
        assert watch.run("verify", str(out), code=1)["status"] == "rejected"


# --- R5, R6: receipts and identity ---------------------------------------------------------------------------------


def test_receipts_verify_offline_and_not_when_changed(watch: Living, harness: Agent) -> None:
    agent = run(harness)
    said = {
        "allow": agent.call("notes"),
        "deny": agent.call("post", to="y"),
        "step_up": agent.call("pay", recipient=OTHER, amount=21),
        "defer": agent.call("pay", recipient=OTHER, amount=22),
    }
    vkey = watch.api.get("/status")["log"]["vkey"]
    kinds = {"allow": Intent, "deny": Denied, "step_up": AskedMany, "defer": Deferred}
    state = watch.api.get("/status")
    for decision, answer in said.items():
        held = receipt(answer)
        verify_signature(held, vkey)
        entry = watch.acts(answer.reference)[0]
        assert isinstance(entry, kinds[decision])
        # Who, for whom, in which run, and under which configuration: in the entry whose hash the receipt signs.
        assert (entry.by, bool(entry.run), entry.conf) == ("harness", True, state["config"])  # type: ignore[union-attr]
        for changed in (
            {"id": "0" * 26},
            {"index": held.index + 1},
            {"leaf": "00" * 32},
            {"at": held.at + 1},
        ):
            forged = Receipt(**{**{name: getattr(held, name) for name in held.__struct_fields__}, **changed})
            with pytest.raises(StandwatchError):
                verify_signature(forged, vkey)


def test_who_acts_in_which_session_stands_in_every_entry(watch: Living, harness: Agent) -> None:
    others = [watch.agent(f"p{n}", "pay", starts=True) for n in range(2)]
    acts: dict[str, tuple[str, str]] = {}
    for agent in others:
        for _ in range(2):
            ident = agent.open_run("Look").call("notes").reference
            entry = next(one for one in watch.acts(ident) if isinstance(one, Intent))
            acts[ident] = (entry.by, entry.run)
    assert sorted({by for by, _ in acts.values()}) == ["p0", "p1"]
    assert len({session for _, session in acts.values()}) == 4


def test_a_deferred_act_keeps_its_identity_when_it_is_resolved(watch: Living, bank: Scripted) -> None:
    agent = watch.agent("deferring", "pay", starts=True).open_run("Look after the books")
    agent.call("pay", recipient=OTHER, amount=31)
    put_off = agent.call("pay", recipient=OTHER, amount=32)
    deferred = watch.acts(put_off.reference)[0]
    assert isinstance(deferred, Deferred)
    first = next(one for one in watch.api.get("/questions") if one["by"] == "deferring")
    watch.run("refuse", first["id"], "--yes", "--key", watch.key("olga"))
    watch.api.post(f"/deferred/{put_off.reference}/ask", {})
    watch.run("approve", put_off.reference, "--yes", "--key", watch.key("olga"))
    assert agent.call("pay", recipient=OTHER, amount=32).word == "done"
    entries = watch.acts(put_off.reference)
    assert {getattr(one, "by", "") for one in entries if isinstance(one, AskedMany | Intent | Deferred)} == {
        "deferring"
    }
    assert reached(bank, "pay", recipient=OTHER, amount=32) == 1


WHERE = {
    "R1 deny": test_a_denied_act_has_no_effect_and_is_receipted,
    "R1 defer": test_a_deferred_act_is_suspended_and_receipted,
    "R1 unavailable": test_without_the_gateway_nothing_is_done,
    "R2 context at step N": test_what_a_run_read_before_decides_what_it_may_do,
    "R2 tampered context": test_a_record_that_was_changed_is_found_out,
    "R3 forbidden": test_what_is_forbidden_is_forbidden_whatever_the_context,
    "R3 denied by context": test_what_a_run_read_before_decides_what_it_may_do,
    "R3 allowed by context": test_the_task_confirms_what_would_be_denied,
    "R4 five decisions": test_there_are_five_decisions,
    "R4 step-up without answer": test_a_question_without_an_answer_ends_as_a_refusal,
    "R4 deferral without resolution": test_what_is_deferred_and_never_resolved_ends_undone,
    "R5 receipts of all decisions": test_receipts_verify_offline_and_not_when_changed,
    "R5 receipt verified offline": test_receipts_verify_offline_and_not_when_changed,
    "R5 receipt tampered with": test_receipts_verify_offline_and_not_when_changed,
    "R5 receipt of a deferral": test_a_deferred_act_keeps_its_identity_when_it_is_resolved,
    "R6 principals and sessions": test_who_acts_in_which_session_stands_in_every_entry,
    "R6 identity of a deferral": test_a_deferred_act_keeps_its_identity_when_it_is_resolved,
}


def test_no_row_drops_out_silently() -> None:
    assert set(TESTS) == {*WHERE, *OTHERWISE}
