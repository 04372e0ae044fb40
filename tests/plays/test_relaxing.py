"""Relaxations as a security engineer reads them: what one lets pass, what it never does, and when it is over."""

from typing import Any

import msgspec
import pytest

from standwatch.enforce.steps import Record
from standwatch.facts.configuration import ArgumentRule, RedLine
from standwatch.facts.entries import Declared, Denied, Intent, Restored
from standwatch.facts.frames import Refusal
from support import bank
from support.playbook import Stage
from support.relaxing import BAD, MANIFEST, MINUTE, relax, world

SEND = bank.call(**BAD)


def stage(forbids: str = "", **members: Any) -> Stage:
    return Stage(world(forbids, msgspec.structs.replace(MANIFEST, **members)))


def test_without_a_relaxation_it_is_refused() -> None:
    it = stage()
    assert it.play(SEND).word == "refused"
    assert it.last(Denied).code == "source"


def test_a_relaxed_check_is_judged_and_recorded_and_a_person_signs_instead() -> None:
    it = stage()
    index = relax(it)
    pending = it.play(SEND)
    assert pending.word == "pending"
    it.answer(pending.id)
    assert it.play(SEND).word == "done"
    intent = it.last(Intent)
    assert (intent.verdict, intent.disposition) == ("deny", "allow")
    finding = it.findings()["provenance"]
    assert finding["enforced"] is False
    assert finding["relaxed"] == index
    assert finding["decision"] == "deny", "what the check said stays said"


def test_an_approval_given_under_a_relaxation_is_void_once_that_is_over() -> None:
    it = stage()
    relax(it, until=it.now + MINUTE)
    pending = it.play(SEND)
    it.answer(pending.id)
    it.now += MINUTE
    assert it.play(SEND).word == "refused"
    assert not it.forwarded


def test_it_ends_at_its_end_and_no_later() -> None:
    it = stage()
    relax(it, compensating="per_run:2", until=it.now + MINUTE)
    it.now += MINUTE - 1
    assert it.play(SEND).word == "done"
    it.now += 1
    assert it.play(SEND).word == "refused"


def test_an_end_between_verdict_and_intent_wins() -> None:
    it = stage()
    relax(it, compensating="per_run:2", until=it.now + MINUTE)
    steps = it.begin(SEND)
    intent = next(steps)
    assert isinstance(intent, Record)
    it.now += MINUTE
    denied = steps.send(it.execute(intent, None))  # type: ignore[arg-type]
    assert isinstance(denied, Record)
    assert isinstance(denied.entry, Denied)


def test_an_early_end_between_verdict_and_intent_wins() -> None:
    it = stage()
    index = relax(it, compensating="per_run:2")
    steps = it.begin(SEND)
    intent = next(steps)
    it.put(Restored(by="p-maria", relaxed=index, system="payments-agent"))  # type: ignore[arg-type]
    denied = steps.send(it.execute(intent, None))  # type: ignore[arg-type]
    assert isinstance(denied, Record)
    assert isinstance(denied.entry, Denied)


def test_what_stands_in_as_a_limit_is_counted_by_the_sequencer() -> None:
    it = stage()
    relax(it, compensating="per_run:2")
    assert [it.play(SEND).word for _ in range(3)] == ["done", "done", "refused"]
    assert it.last(Denied).code == "budget"


def test_a_limit_that_is_no_tighter_than_the_declared_one_stands_in_for_nothing() -> None:
    it = stage()
    relax(it, compensating="per_run:3")  # the manifest allows three as it is
    assert it.play(SEND).word == "refused"


@pytest.mark.parametrize(
    ("compensating", "members", "lives"),
    [
        ("step_up", {}, True),
        ("limits", {}, True),
        ("policy", {}, False),  # the organisation forbids nothing
        ("per_day:1", {}, True),
    ],
)
def test_a_relaxation_counts_only_while_what_stands_in_is_live(
    compensating: str, members: dict[str, Any], lives: bool
) -> None:
    it = stage(**members)
    relax(it, compensating=compensating)
    assert (it.play(SEND).word != "refused") is lives


def test_two_relaxations_do_not_stand_in_for_each_other() -> None:
    it = stage(forbids=FORBIDS_SENDING)
    relax(it, compensating="policy")
    relax(it, check="policy", compensating="provenance")
    assert it.play(SEND).word == "refused"


FORBIDS_SENDING = 'forbid(principal, action, resource == Tool::"bank.send_money");'


def test_a_forbid_is_passed_by_with_provenance_in_its_place() -> None:
    it = stage(forbids=FORBIDS_SENDING)
    assert it.play(bank.call(**bank.PAY)).word == "refused"
    index = relax(it, check="policy", compensating="provenance")
    assert isinstance(index, int)
    assert it.play(bank.call(**bank.PAY)).word == "done"
    assert it.play(SEND).word == "refused", "what stands in still says no"


@pytest.mark.parametrize(
    "scope", ["system:payments-agent", "tool:bank.send_money", "agent:payer", f"run:{bank.RUN}"]
)
def test_it_covers_its_scope(scope: str) -> None:
    it = stage()
    relax(it, scope=scope)
    assert it.play(SEND).word == "pending"


@pytest.mark.parametrize("scope", ["tool:bank.delete_account", "agent:other", "run:other"])
def test_it_covers_nothing_else(scope: str) -> None:
    it = stage()
    assert isinstance(relax(it, scope=scope), int)
    assert it.play(SEND).word == "refused"


def test_holds_and_red_lines_are_not_touched() -> None:
    it = stage()
    relax(it, scope="system:payments-agent", compensating="per_run:1")
    hold = it.hold("tool:bank.send_money")
    assert it.play(SEND).word == "refused"
    it.release(hold)
    lines = (RedLine("no-sending", tools=("bank.send_money",)),)
    it.world = bank.world(bank.configuration(MANIFEST, lines))
    assert it.play(SEND).word == "refused"
    assert it.last(Denied).code == "red_line:no-sending"


def test_a_policy_that_failed_is_not_relaxed() -> None:
    broken = "forbid(principal, action, resource) when { context.arguments.nothing == 1 };"
    it = stage(forbids=broken)
    relax(it, check="policy", compensating="step_up")
    assert it.play(bank.call(**bank.PAY)).word == "refused"
    assert it.last(Denied).code == "policy_failed"


def test_bounds_that_ask_are_passed_by_where_the_effect_can_be_taken_back() -> None:
    looked = msgspec.structs.replace(bank.READ, arguments={"days": ArgumentRule(max=30, otherwise="step_up")})
    it = stage(tools={looked.name: looked})
    many = bank.call("bank.get_transactions", days=90)
    assert it.play(many).word == "pending"
    relax(it, check="limits", scope="tool:bank.get_transactions", compensating="per_run:1")
    assert it.play(many).word == "done"
    assert it.play(many).word == "refused"


def test_bounds_of_an_irreversible_effect_are_not_relaxed() -> None:
    it = stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    relax(it, check="limits", compensating="per_run:1", signatures={"p-omar": "s"})
    assert it.play(large).word == "pending"


def test_a_relaxation_is_no_evidence() -> None:
    it = stage()
    before = it.grant("payments-agent", it.now)
    relax(it, check="grant", compensating="per_run:1")
    after = it.grant("payments-agent", it.now)
    assert (after.level, after.evidence) == (before.level, before.evidence)
    it.now += 31 * bank.DAY  # the evidence has lapsed, and a relaxation of a day cannot be had any more
    assert it.grant("payments-agent", it.now).level == "supervised"


def test_another_envelope_ends_it() -> None:
    it = stage()
    relax(it)
    changed = msgspec.structs.replace(it.state.systems["payments-agent"].entry, envelope="envelope-2", at=0)
    assert isinstance(changed, Declared)
    it.put(changed)
    assert not it.relaxed(it.now)


def test_a_manifest_that_allows_less_ends_it() -> None:
    it = stage()
    relax(it, until=it.now + 3 * 3600_000_000)
    assert it.play(SEND).word == "pending"
    it.world = world(manifest=msgspec.structs.replace(MANIFEST, relaxations=None))
    other = bank.call(recipient="DE98ATTACKER0000000000", amount=5)
    assert it.play(other).word == "refused"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"check": "holds"}, "may not be relaxed"),
        ({"check": "identity"}, "may not be relaxed"),
        ({"check": "manifest"}, "may not be relaxed"),
        ({"scope": "all"}, "is no scope"),
        ({"scope": "system:other"}, "is no scope"),
        ({"scope": "server:bank"}, "is no scope"),
        ({"compensating": "provenance"}, "cannot stand in"),
        ({"compensating": "nothing"}, "cannot stand in"),
        ({"compensating": "per_run:0"}, "cannot stand in"),
        ({"compensating": "per_run:١"}, "cannot stand in"),
        ({"check": "grant", "compensating": "step_up"}, "cannot stand in"),
        ({"envelope": "envelope-0"}, "another envelope"),
        ({"until": bank.NOW}, "ends within"),
        ({"until": bank.NOW + 25 * 3600_000_000}, "ends within"),
        ({"signatures": {}}, "takes the signature"),
        ({"signatures": {"p-omar": "s"}}, "takes the signature"),
        ({"check": "policy", "signatures": {"p-chen": "s"}}, "takes the signature"),
        ({"follows": 4}, "is not the last relaxation"),
    ],
)
def test_what_may_not_be_relaxed_is_refused_by_the_sequencer(changes: dict[str, Any], told: str) -> None:
    found = relax(stage(), **changes)
    assert isinstance(found, Refusal)
    assert told in found.detail


def test_an_old_signature_cannot_be_said_again() -> None:
    it = stage()
    first = relax(it, scope="tool:bank.delete_account")
    again = relax(it, scope="tool:bank.delete_account", follows=-1)
    assert isinstance(first, int)
    assert isinstance(again, Refusal)
    assert again.code == "duplicate"


def test_a_renewal_takes_another_person_and_the_second_becomes_a_change() -> None:
    it = stage()
    people: dict[str, str] = {"p-chen": "s"}
    assert isinstance(relax(it, signatures=people), int)
    it.now += 40 * MINUTE
    same = relax(it, signatures=people)
    assert isinstance(same, Refusal)
    assert "somebody who did not sign it" in same.detail
    assert isinstance(relax(it, signatures=people | {"p-omar": "s"}), int)
    it.now += 40 * MINUTE
    third = relax(it, signatures={"p-chen": "s", "p-omar": "s", "p-maria": "s"})
    assert isinstance(third, Refusal)
    assert "standwatch sign-config" in third.detail
    it.now += bank.DAY + MINUTE
    assert isinstance(relax(it, signatures=people), int), "a day later it is another matter"


def test_rules_that_bound_are_what_limits_can_stand_in_with() -> None:
    tool = msgspec.structs.replace(
        bank.SEND, arguments={"recipient": ArgumentRule(sources=("task",), otherwise="deny")}
    )
    it = stage(tools={tool.name: tool})
    relax(it, compensating="limits")
    assert it.play(SEND).word == "refused", "a tool without bounds has none to stand in"
