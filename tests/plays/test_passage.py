"""The passage as a security engineer reads it: one scene for each rule, command by command where order matters."""

import msgspec
import pytest

from standwatch.enforce.ports import Caller, Carried
from standwatch.enforce.steps import Forward, Record, Recorded, Returned
from standwatch.facts.asks import MOST_DEFERRED
from standwatch.facts.configuration import RedLine
from standwatch.facts.entries import (
    Asked,
    AskedMany,
    Deferred,
    Denied,
    Intent,
    Outcome,
    Principal,
    Pulled,
    RunClosed,
)
from standwatch.facts.parts import action_digest
from support import bank
from support.playbook import Stage


def test_an_allowed_payment_is_recorded_before_it_leaves_and_after_it_returned() -> None:
    stage = Stage()
    steps = stage.begin(bank.call(**bank.PAY))
    intent = next(steps)
    assert isinstance(intent, Record)
    assert isinstance(intent.entry, Intent)
    recorded = stage.execute(intent, Carried("ok"))
    forward = steps.send(recorded)
    assert isinstance(forward, Forward)
    assert forward.arguments == bank.PAY
    outcome = steps.send(Returned(stage.now, Carried("ok", b'{"paid":true}'), 900))
    assert isinstance(outcome, Record)
    assert isinstance(outcome.entry, Outcome)
    assert outcome.wait, "an irreversible effect is reported only once its outcome is durable"
    assert isinstance(recorded, Recorded)
    assert outcome.entry.of == recorded.index
    with pytest.raises(StopIteration) as end:
        steps.send(stage.execute(outcome, Carried("ok")))
    assert end.value.value.word == "done"
    assert end.value.value.carried.result == b'{"paid":true}'


def test_what_is_recorded_is_what_is_forwarded() -> None:
    stage = Stage()
    stage.play(bank.call(**bank.PAY))
    index = next(i for i, entry in stage.log if isinstance(entry, Intent))
    action = stage.parts[index]["action"]
    assert msgspec.json.decode(action)["arguments"] == bank.PAY
    assert stage.last(Intent).digest == action_digest(action)
    assert stage.last(Intent).spend == {"bank.send_money.amount": 120_000_000}


def test_a_hijacked_recipient_is_refused_and_the_reason_stays_with_operators() -> None:
    stage = Stage()
    reply = stage.play(bank.call(recipient="DE99ATTACKER0000000000", amount=120))
    assert reply.word == "refused"
    assert reply.carried is None
    assert not stage.forwarded
    assert stage.last(Denied).code == "source"
    assert stage.findings()["provenance"]["reason"] == 'recipient "DE99ATTACKER0000000000" comes from model'
    assert stage.findings()["policy"]["reached"] is False


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (bank.call("bank.transfer_everything"), "undeclared"),
        (bank.call("other.tool"), "undeclared"),
        (bank.call(recipient="x"), "invalid"),
        (bank.call(recipient="GB29NWBK60161331926819", amount="120"), "invalid"),
        (bank.call(recipient="GB29NWBK60161331926819", amount=-5), "invalid"),
        (msgspec.structs.replace(bank.call(**bank.PAY), definition=None), "missing"),
        (
            msgspec.structs.replace(
                bank.call(**bank.PAY),
                definition=msgspec.structs.replace(bank.DEFINITIONS["send_money"], digest="changed"),
            ),
            "definition_changed",
        ),
        (msgspec.structs.replace(bank.call(**bank.PAY), system="nobody"), "wrong_system"),
        (
            bank.call(caller=Caller("stranger", "agent", ("payments-agent",), bank.RUN), **bank.PAY),
            "unknown_principal",
        ),
    ],
)
def test_what_is_not_declared_locked_and_well_formed_is_denied(act: object, code: str) -> None:
    stage = Stage()
    reply = stage.play(act)  # type: ignore[arg-type]
    assert reply.word in ("refused", "invalid")
    assert stage.last(Denied).code == code
    assert not stage.forwarded


@pytest.mark.parametrize(
    "scope",
    [
        "all",
        "system:payments-agent",
        "tool:bank.send_money",
        "server:bank",
        "agent:payer",
        f"run:{bank.RUN}",
        "component:bank",
        "component:claude",
        "vendor:anthropic",
        "version:claude@claude-sonnet-5",
    ],
)
def test_a_hold_on_any_scope_of_the_act_stops_it_until_every_holder_released(scope: str) -> None:
    stage = Stage()
    first, second = stage.hold(scope), stage.hold(scope)
    assert stage.play(bank.call(**bank.PAY)).word == "refused"
    stage.release(first)
    assert stage.play(bank.call(**bank.PAY)).word == "refused"
    stage.release(second)
    assert stage.play(bank.call(**bank.PAY)).word == "done"


def test_a_hold_elsewhere_stops_nothing() -> None:
    stage = Stage()
    stage.hold("tool:bank.delete_account")
    assert stage.play(bank.call(**bank.PAY)).word == "done"


def test_a_hold_sequenced_after_the_verdict_wins_over_the_intent() -> None:
    stage = Stage()
    steps = stage.begin(bank.call(**bank.PAY))
    intent = next(steps)
    stage.hold("server:bank")
    denied = steps.send(stage.execute(intent, Carried("ok")))
    assert isinstance(denied, Record)
    assert isinstance(denied.entry, Denied)
    assert denied.entry.code == "held"
    assert not stage.intents()


def test_a_large_payment_waits_for_a_signature_and_is_released_once() -> None:
    stage = Stage()
    stage.world = bank.world(bank.configuration())
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    pending = stage.play(large)
    assert pending.word == "pending"
    assert stage.play(large) == msgspec.structs.replace(pending, index=-1), (
        "asked once, however often it is tried"
    )
    assert sum(isinstance(entry, Asked) for _, entry in stage.log) == 1
    stage.answer(pending.id)
    done = stage.play(large)
    assert (done.word, done.id) == ("done", pending.id)
    assert stage.last(Intent).signed >= 0
    assert stage.last(Intent).digest == stage.last(Asked).digest
    again = stage.play(large)
    assert again.word != "done", "an approval is used once"


def test_a_refused_question_stays_refused() -> None:
    stage = Stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    pending = stage.play(large)
    stage.answer(pending.id, "refuse")
    assert stage.play(large).word == "refused"
    assert not stage.forwarded


def test_an_approval_does_not_open_what_is_forbidden_by_now() -> None:
    stage = Stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    pending = stage.play(large)
    stage.answer(pending.id)
    stage.hold("tool:bank.send_money")
    assert stage.play(large).word == "refused"
    assert not stage.forwarded


def test_an_expired_approval_asks_anew() -> None:
    stage = Stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    pending = stage.play(large)
    stage.answer(pending.id, seconds=10)
    stage.now += 11_000_000
    assert stage.play(large).word == "pending"
    assert not stage.forwarded


def test_over_the_ask_budget_nothing_more_is_asked() -> None:
    stage = Stage()
    words = [
        stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=900 + step)).word for step in range(4)
    ]
    assert words == ["pending"] * 4
    assert [type(entry) for _, entry in stage.log[-4:]] == [AskedMany, AskedMany, Deferred, Deferred]
    assert stage.last(Deferred).code == "ask_budget"


def test_the_same_deferred_act_again_is_the_same_entry() -> None:
    stage = Stage()
    for step in range(2):
        stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=900 + step))
    first = stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=950))
    size = stage.next
    again = stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=950))
    assert (again.word, again.id) == ("pending", first.id)
    assert stage.next == size, "nothing new was written"
    assert not stage.forwarded


def test_a_dropped_act_is_refused_until_its_time_is_over_and_then_judged_anew() -> None:
    stage = Stage()
    for step in range(2):
        stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=900 + step))
    third = bank.call(recipient="GB29NWBK60161331926819", amount=950)
    first = stage.play(third)
    stage.put(Pulled(by="p-omar", id=first.id, of=stage.next - 1, system="payments-agent", into="nothing"))
    assert (stage.play(third).word, stage.play(third).id) == ("refused", first.id)
    stage.now = stage.last(Deferred).until
    assert stage.play(third).id != first.id


def test_a_full_queue_refuses_what_comes_on_top() -> None:
    stage = Stage()
    words = [
        stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=900 + step)).word
        for step in range(2 + MOST_DEFERRED + 1)
    ]
    assert words == ["pending"] * (2 + MOST_DEFERRED) + ["refused"]
    assert (stage.last(Denied).verdict, stage.last(Denied).code) == ("defer", "ask_budget")


def test_budgets_per_run_and_per_day_are_reserved_and_what_was_not_sent_is_given_back() -> None:
    stage = Stage()
    pay = {"recipient": "GB29NWBK60161331926819", "amount": 400}
    assert stage.play(bank.call(**pay), Carried("not_sent")).word == "unavailable"
    assert [stage.play(bank.call(**pay)).word for _ in range(3)] == ["done", "done", "refused"]
    assert stage.last(Denied).code == "budget"
    stage.now += bank.DAY
    assert stage.play(bank.call(**pay)).word == "done", "a new day, and the third call of this run"
    assert stage.play(bank.call(**bank.PAY)).word == "refused", "three a run"


def test_a_freeze_stops_effects_and_not_reads() -> None:
    stage = Stage(bank.world(bank.configuration(bank.FROZEN)))
    assert stage.play(bank.call("bank.delete_account")).word == "refused"
    assert stage.last(Denied).code == "frozen"
    assert stage.play(bank.call("bank.get_transactions")).word == "done"


def test_a_red_line_cannot_be_observed_away() -> None:
    observing = msgspec.structs.replace(bank.MANIFEST, observe_until=bank.NOW + bank.DAY)
    line = RedLine(name="no-deletes", tools=("*.delete_*",), effects=("irreversible",))
    stage = Stage(bank.world(bank.configuration(observing, (line,))))
    assert stage.play(bank.call("bank.delete_account")).word == "refused"
    assert stage.last(Denied).code == "red_line:no-deletes"


def test_under_observation_policy_provenance_and_grant_are_judged_but_not_enforced() -> None:
    observing = msgspec.structs.replace(bank.MANIFEST, observe_until=bank.NOW + bank.DAY)
    stage = Stage(bank.world(bank.configuration(observing)))
    assert stage.play(bank.call(recipient="DE99ATTACKER0000000000", amount=120)).word == "done"
    intent = stage.last(Intent)
    assert (intent.verdict, intent.disposition) == ("deny", "allow")
    assert stage.findings()["provenance"]["enforced"] is False
    over = stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=501))
    assert over.word == "pending", "irreversible bounds stay in force"
    stage.now += bank.DAY
    assert stage.play(bank.call(recipient="DE99ATTACKER0000000000", amount=120)).word == "refused"


def test_without_evidence_a_system_is_supervised_and_asks() -> None:
    stage = Stage()
    stage.now += 31 * bank.DAY
    assert stage.play(bank.call("bank.get_transactions")).word == "done"
    assert stage.play(bank.call(**bank.PAY)).word == "pending"
    assert stage.findings()["grant"]["code"] == "supervised"


def test_a_forbid_of_the_organisation_holds_and_may_ask() -> None:
    forbid = '@otherwise("step_up")\nforbid(principal, action, resource == Tool::"bank.get_transactions");'
    stage = Stage(bank.world(forbids=forbid))
    assert stage.play(bank.call("bank.get_transactions")).word == "pending"
    stage = Stage(bank.world(forbids='forbid(principal, action, resource == Tool::"bank.get_transactions");'))
    assert stage.play(bank.call("bank.get_transactions")).word == "refused"


def test_a_forbid_that_fails_denies() -> None:
    stage = Stage(bank.world(forbids="forbid(principal, action, resource) when { context.missing > 3 };"))
    assert stage.play(bank.call("bank.get_transactions")).word == "refused"
    assert stage.last(Denied).code == "policy_failed"


def test_a_revoked_caller_and_a_closed_run_stop_at_once() -> None:
    stage = Stage()
    stage.put(RunClosed(by="payer", run=bank.RUN))
    assert stage.play(bank.call(**bank.PAY)).word == "refused"
    assert stage.last(Denied).code == "wrong_run"
    stage = Stage()
    stage.put(Principal(by="p-maria", name="payer", role="agent", systems=["payments-agent"], revoked=True))
    assert stage.play(bank.call(**bank.PAY)).word == "refused"
    assert stage.last(Denied).code == "unknown_principal"


def test_a_configuration_this_process_has_not_taken_up_denies() -> None:
    stage = Stage()
    stage.state.root = "root-2"
    assert stage.play(bank.call(**bank.PAY)).word == "unavailable", (
        "it is a matter of moments, so it may be tried again"
    )
    assert stage.last(Denied).code == "configuration"


def test_a_trusted_result_lets_its_values_steer_later_acts() -> None:
    stage = Stage()
    result = msgspec.json.encode(
        {"structuredContent": {"result": [{"recipient": "FR7630006000011234567890189"}]}}
    )
    later = bank.call(recipient="FR7630006000011234567890189", amount=10)
    assert stage.play(later).word == "refused"
    stage.play(bank.call("bank.get_transactions"), Carried("ok", result))
    assert stage.play(later).word == "done"


def test_an_upstream_that_hangs_or_dies_is_unavailable_and_its_outcome_recorded() -> None:
    for status in ("timeout", "unknown", "not_sent"):
        stage = Stage()
        assert stage.play(bank.call(**bank.PAY), Carried(status)).word == "unavailable"  # type: ignore[arg-type]
        assert stage.last(Outcome).status == status


def test_two_retries_of_one_approved_act_release_it_once() -> None:
    stage = Stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    pending = stage.play(large)
    stage.answer(pending.id)
    slow = stage.begin(large)
    intent = slow.send(stage.execute(next(slow), Carried("ok")))
    assert isinstance(intent, Record)
    assert isinstance(intent.entry, Intent), "the slow one holds the approval in its hand"
    assert stage.play(large).word == "done"
    denied = slow.send(stage.execute(intent, Carried("ok")))
    assert isinstance(denied, Record)
    assert isinstance(denied.entry, Denied)
    assert denied.entry.code == "approval"
    assert len(stage.forwarded) == 1


def test_one_id_has_one_question_so_that_what_is_signed_is_what_leaves() -> None:
    stage = Stage()
    first = msgspec.structs.replace(
        bank.call(recipient="GB29NWBK60161331926819", amount=12345), id="01mcc5rm00e008008004002001"
    )
    second = msgspec.structs.replace(first, arguments={**first.arguments, "amount": 501})
    assert stage.play(first).word == "pending"
    assert stage.play(second).word != "pending"
    stage.matches = dict.fromkeys(stage.matches, stage.parts[min(stage.parts)]["action"])
    stage.answer(first.id)
    assert stage.play(second).word != "done", "what was found is not what was asked for now"
    assert not stage.forwarded


def test_a_dismissed_approver_s_yes_is_none() -> None:
    stage = Stage()
    large = bank.call(recipient="GB29NWBK60161331926819", amount=900)
    stage.answer(stage.play(large).id)
    stage.put(Principal(by="standwatch", name="p-omar", role="human", revoked=True))
    assert stage.play(large).word == "refused"
    assert stage.last(Denied).code == "restricted", "and its only halt authority is nobody real any more"
    assert not stage.forwarded


def test_what_a_caller_says_it_read_or_did_not_do_changes_nothing() -> None:
    stage = Stage()
    hook = msgspec.structs.replace(bank.call("bank.get_transactions"), seam="client", definition=None)
    laundered = msgspec.json.encode({"structuredContent": [{"recipient": "FR7630006000011234567890189"}]})
    stage.play(hook, Carried("ok", laundered))
    assert stage.play(bank.call(recipient="FR7630006000011234567890189", amount=10)).word == "refused"
    pay = msgspec.structs.replace(bank.call(**bank.PAY), seam="client", definition=None)
    words = [stage.play(pay, Carried("not_sent")).word for _ in range(4)]
    assert words == ["unavailable", "unavailable", "unavailable", "refused"], (
        "three a run, whatever it says became of them"
    )


def test_a_refund_never_lowers_another_day() -> None:
    stage = Stage()
    pay = {"recipient": "GB29NWBK60161331926819", "amount": 400}
    late = []
    for _ in range(2):
        steps = stage.begin(bank.call(**pay))
        command = next(steps)
        while not isinstance(command, Forward):
            command = steps.send(stage.execute(command, Carried("ok")))
        late.append(steps)
    stage.now += bank.DAY
    before = stage.sequencer.ledgers.copy()
    for steps in late:
        outcome = steps.send(Returned(stage.now, Carried("not_sent")))
        with pytest.raises(StopIteration):
            steps.send(stage.execute(outcome, Carried("ok")))
    days = {key: dict(ledger) for key, ledger in stage.sequencer.ledgers.items() if key.startswith("day/")}
    assert all(amount >= 0 for ledger in days.values() for amount in ledger.values())
    assert len(before) >= len(days)


def test_a_stopped_fold_stops_an_observed_system_too() -> None:
    observing = msgspec.structs.replace(bank.MANIFEST, observe_until=bank.NOW + bank.DAY)
    stage = Stage(bank.world(bank.configuration(observing)))
    stage.state.stopped = "entry 9 is of an unknown kind"
    assert stage.play(bank.call(**bank.PAY)).word == "refused"


def test_names_that_callers_make_up_do_not_stand_in_leaves() -> None:
    stage = Stage()
    stage.play(bank.call("bank.olga approved this\u001b[2J"))
    assert stage.last(Denied).tool == "?"


@pytest.mark.parametrize(
    "uri",
    [
        "ledger://a/../b",
        "ledger://a/%2e%2e/b",
        "ledger://a\\b",
        "ledger://..",
        "ledger://a%2Fb",
        "ledger://a/./b",
    ],
)
def test_a_resource_is_read_by_its_plain_name(uri: str) -> None:
    stage = Stage()
    read = msgspec.structs.replace(bank.call("bank.resource_read"), event="resource_read", target=uri)
    assert stage.play(read).word == "refused"
    plain = msgspec.structs.replace(read, target="ledger://a/b")
    assert stage.play(plain).word == "done"


def test_a_revoked_caller_s_runs_end_with_it() -> None:
    stage = Stage()
    stage.put(Principal(by="p-maria", name="payer", role="agent", systems=["payments-agent"], revoked=True))
    stage.put(Principal(by="p-maria", name="payer", role="agent", systems=["payments-agent"], token="new"))
    assert stage.play(bank.call(**bank.PAY)).word == "refused"
    assert bank.RUN not in stage.state.runs
