"""An answer is judged again: it stands unless the verdict would now be another one, and for these bytes alone."""

from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act, Carried, Resumed
from standwatch.enforce.steps import Event, NotRecorded, Record, Steps
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import ArgumentRule, Manifest
from standwatch.facts.entries import AskedMany, Config, DeclaredRules, Denied, Endorsed, Intent, Rule
from standwatch.facts.frames import Append
from standwatch.flow.origin import Place
from support import bank
from support.playbook import Stage

IBAN = "GB29NWBK60161331926819"
LARGE = bank.call(recipient=IBAN, amount=900)


def approved() -> Stage:
    stage = Stage()
    stage.answer(stage.play(LARGE).id)
    return stage


def lets(stage: Stage, act: Act = LARGE) -> bool:
    """Whether the approval lets `act` through."""
    before = len(stage.forwarded)
    stage.play(act)
    return len(stage.forwarded) > before and stage.last(Intent).signed >= 0


def test_it_lets_these_bytes_through_once() -> None:
    stage = approved()
    assert lets(stage)
    assert not lets(stage)


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": 901},
        {"amount": 900.01},
        {"recipient": "GB29NWBK60161331926818"},
        {"recipient": IBAN.lower()},
        {"memo": "and this"},
    ],
)
def test_a_changed_amount_recipient_or_anything_is_another_question(arguments: dict[str, Any]) -> None:
    stage = approved()
    changed = msgspec.structs.replace(LARGE, arguments=LARGE.arguments | arguments)
    assert not lets(stage, changed)
    assert lets(stage), "the approval is still good for what it was given for"


def changed(stage: Stage, manifest: Manifest, forbids: str = "") -> None:
    """Another configuration is in force; the record says so, and the world is the one that belongs to it."""
    config = msgspec.structs.replace(bank.configuration(manifest), root="root-2")
    stage.world = bank.world(config, forbids)
    stage.put(Config(root="root-2", follows=stage.state.config))


def tool(**changes: Any) -> Manifest:
    send = msgspec.structs.replace(bank.SEND, **changes)
    return msgspec.structs.replace(bank.MANIFEST, tools={**bank.MANIFEST.tools, send.name: send})


def test_a_policy_that_now_forbids_it_is_not_undone_by_an_approval() -> None:
    stage = approved()
    changed(stage, bank.MANIFEST, 'forbid(principal, action == Action::"call", resource);')
    assert not lets(stage)
    assert stage.last(Denied).code == "policy"


def test_nor_a_bound_that_now_refuses_outright() -> None:
    stage = approved()
    arguments = {**bank.SEND.arguments, "amount": ArgumentRule(max=500, otherwise="deny")}
    changed(stage, tool(arguments=arguments))
    assert not lets(stage)
    assert stage.last(Denied).code == "bounds"


def test_another_configuration_under_which_it_would_still_be_asked_leaves_it_standing() -> None:
    stage = approved()
    arguments = {**bank.SEND.arguments, "amount": ArgumentRule(max=400)}
    changed(stage, tool(arguments=arguments))
    assert lets(stage)


def test_an_approval_that_ended_lets_nothing_through() -> None:
    stage = Stage()
    stage.answer(stage.play(LARGE).id, seconds=60)
    stage.now += 60_000_000
    assert not lets(stage)
    assert not stage.forwarded


def test_a_question_that_nobody_answered_in_time_is_a_refusal() -> None:
    stage = Stage()
    first = stage.play(LARGE)
    stage.now += 901_000_000
    again = stage.play(LARGE)
    assert (again.word, again.id == first.id) == ("pending", False), "asked anew, not let through"
    assert not stage.forwarded


def test_a_hold_after_the_approval_stops_it() -> None:
    stage = approved()
    hold = stage.hold("tool:bank.send_money")
    assert not lets(stage)
    assert stage.last(Denied).code == "held"
    stage.release(hold)
    assert lets(stage), "it was not used up by the refusal"


def ruled(stage: Stage, **changes: Any) -> None:
    """The system is declared anew, with this rule for its questions."""
    told = msgspec.structs.asdict(stage.state.systems["payments-agent"].entry) | {"at": 0}
    rule: dict[str, Any] = {"by": ["p-omar", "p-chen"]} | changes
    stage.put(DeclaredRules(**(told | {"rules": {"": Rule(**rule)}})))


def test_where_nobody_may_answer_what_asks_is_refused_and_says_so() -> None:
    stage = Stage()
    ruled(stage, quorum=3)
    assert stage.play(LARGE).word == "refused"
    assert stage.last(Denied).code == "too_few_approvers"


@pytest.mark.parametrize("behalf", ["p-omar", "OMAR@bank.example", " omar@bank.example "])
def test_whom_the_run_serves_is_not_asked_about_it(behalf: str) -> None:
    stage = Stage()
    ruled(stage, never=["requester"])
    stage.trail(bank.RUN).behalf = behalf
    assert stage.play(LARGE).word == "pending"
    assert stage.last(AskedMany).people == ["p-chen"]


def test_where_it_cannot_be_read_any_more_whom_it_serves_nobody_is_asked() -> None:
    stage = Stage()
    ruled(stage, never=["requester"])
    stage.trail(bank.RUN).known = False
    assert stage.play(LARGE).word == "refused"
    assert stage.last(Denied).code == "requester_unknown"
    ruled(stage)
    assert stage.play(LARGE).word == "pending", "where anybody may answer it does not matter"


def test_who_acts_in_the_run_is_not_asked_about_it() -> None:
    stage = Stage()
    ruled(stage, by=["payer", "p-omar"], never=["requester"])
    assert stage.play(LARGE).word == "pending"
    assert stage.last(AskedMany).people == ["p-omar"]


# --- coming back with the question ----------------------------------------------------------------------------


def back(stage: Stage, *, seconds: int = 0, **changes: Any) -> tuple[Act, str]:
    """The act asked about, as somebody comes back to its question with a sealed state; and its reference."""
    asked = stage.play(LARGE)
    assert asked.word == "pending"
    stage.now += seconds * 1_000_000
    told = {"id": asked.id, "digest": asked.digest, "root": stage.state.root}
    return msgspec.structs.replace(LARGE, resumes=Resumed(**(told | changes))), asked.id


def test_who_comes_back_to_a_question_hears_how_it_stands() -> None:
    stage = Stage()
    act, ident = back(stage)
    reply = stage.play(act)
    assert (reply.word, reply.id) == ("pending", ident)
    stage.answer(ident)
    assert lets(stage, act)


def test_and_never_asks_another_one() -> None:
    """Used, refused, or over: a state that is good for nothing any more puts nothing before people."""
    used, refused, over = Stage(), Stage(), Stage()
    for stage in (used, refused, over):
        act, ident = back(stage)
        if stage is used:
            stage.answer(ident)
            assert lets(stage, act)
        elif stage is refused:
            stage.answer(ident, "refuse")
        else:
            stage.now = stage.last(AskedMany).until
        asked = sum(isinstance(entry, AskedMany) for _, entry in stage.log)
        assert stage.play(act).word == "refused"
        assert sum(isinstance(entry, AskedMany) for _, entry in stage.log) == asked
    assert stage.last(Denied).code == "void"


def test_a_state_for_a_question_that_no_retry_finds_asks_nothing_either() -> None:
    """An approval that was used by a plain repetition, in between: the state is still of that question."""
    stage = Stage()
    act, ident = back(stage)
    stage.matches.clear()
    stage.answer(ident)
    assert stage.play(act).word == "refused"
    assert stage.last(Denied).code == "void"


@pytest.mark.parametrize(
    "changes", [{"root": "another"}, {"digest": "d0" * 32}, {"id": "01m7q5cqg9e008000000000009"}]
)
def test_it_comes_back_to_that_question_under_that_configuration_or_to_none(changes: dict[str, str]) -> None:
    stage = Stage()
    act, ident = back(stage, **changes)
    stage.answer(ident)
    assert not lets(stage, act)
    assert stage.last(Denied).code == "void"
    assert lets(stage), "the approval itself stands"


# --- a value that people vouched for --------------------------------------------------------------------------


OTHER = bank.call(recipient="DE99ATTACKER0000000000", amount=5)


def vouched(seconds: int) -> Stage:
    """Omar vouches for the recipient of `OTHER` in its run, for so long."""
    recipient = msgspec.structs.replace(bank.SEND.arguments["recipient"], otherwise="step_up")
    asking = tool(arguments={**bank.SEND.arguments, "recipient": recipient})
    stage = Stage(bank.world(bank.configuration(asking)))
    ident = stage.play(OTHER).id
    question = stage.state.questions[ident]
    entry = Endorsed(
        by="p-omar", id=ident, of=question.index, run=bank.RUN, name="recipient", digest="a1" * 32,
        key="key of p-omar", sig="s", head="", until=stage.now + seconds * 1_000_000,
    )  # fmt: skip
    _, refusal = stage.write(Append(0, entry))
    assert refusal is None, refusal
    stage.unmask(ident)
    stage.trail(bank.RUN).vouched[question.index, "recipient"] = canonical(OTHER.arguments["recipient"])
    return stage


def test_a_value_that_people_vouch_for_is_good_in_its_run() -> None:
    stage = vouched(60)
    assert stage.play(OTHER).word == "done"
    assert stage.findings()["provenance"]["code"] == "endorsed"
    other = msgspec.structs.replace(
        OTHER, arguments=OTHER.arguments | {"recipient": "DE98ATTACKER0000000000"}
    )
    assert stage.play(other).word == "pending", "and no other value"


def test_a_value_that_is_vouched_for_is_good_where_it_stood() -> None:
    """Whoever vouched for an account in one field of an argument has not vouched for it in another."""
    close = msgspec.structs.replace(bank.DELETE, intent=("pay",))
    tools = {**bank.MANIFEST.tools, close.name: close}
    stage = Stage(bank.world(bank.configuration(msgspec.structs.replace(bank.MANIFEST, tools=tools))))
    stage.trail(bank.RUN).missed(Place())
    payment = {"payer": "DE99ATTACKER0000000000", "payees": [{"to": "DE98ANNA000000000000"}]}
    one = bank.call("bank.delete_account", payment=payment)
    ident = stage.play(one).id
    question = stage.state.questions[ident]
    entry = Endorsed(
        by="p-omar", id=ident, of=question.index, run=bank.RUN, name="payment", digest="a1" * 32,
        key="key of p-omar", sig="s", head="", until=stage.now + 60_000_000,
    )  # fmt: skip
    _, refusal = stage.write(Append(0, entry))
    assert refusal is None, refusal
    stage.unmask(ident)
    stage.trail(bank.RUN).vouched[question.index, "payment"] = canonical(payment)

    def comes_to(payer: str, *payees: str) -> str:
        arguments = {"payment": {"payer": payer, "payees": [{"to": each} for each in payees]}}
        return stage.play(msgspec.structs.replace(one, arguments=arguments)).word

    attacker, anna = "DE99ATTACKER0000000000", "DE98ANNA000000000000"
    assert comes_to(attacker, anna) == "done"
    assert comes_to(attacker, anna, anna) == "done", "another item of the same list"
    assert comes_to(anna, attacker) == "pending", "the other way round"


def answer_all(stage: Stage, steps: Steps, event: Event) -> None:
    while True:
        event = stage.execute(steps.send(event), Carried("ok", b"{}"))


def test_what_was_judged_on_it_is_not_written_after_its_end() -> None:
    """The intent is on its way to the record while the endorsement ends."""
    stage = vouched(60)
    steps = stage.begin(OTHER)
    command = next(steps)
    while not (isinstance(command, Record) and isinstance(command.entry, Intent)):
        command = steps.send(stage.execute(command, Carried("ok", b"{}")))
    stage.now += 60_000_000
    answered = stage.execute(command, Carried("ok", b"{}"))
    assert isinstance(answered, NotRecorded)
    assert answered.code == "stale"
    with pytest.raises(StopIteration) as over:
        answer_all(stage, steps, answered)
    assert over.value.value.word == "pending", "judged again: people are asked"
    assert stage.forwarded == []
