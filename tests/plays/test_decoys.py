"""Decoys as a security engineer reads them: what is made of a refused payment, and what nobody gets out of it."""

import msgspec
import pytest

from standwatch.enforce.asking import DECOY, REAL, question, shown
from standwatch.enforce.case import Case
from standwatch.enforce.decoys import ASKING, masked
from standwatch.enforce.drafting import Draft, case_of, draft_of
from standwatch.enforce.judge import every, judge
from standwatch.enforce.ports import Act
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.configuration import RedLine
from standwatch.facts.entries import AskedMany, Endorsed
from standwatch.facts.frames import Append
from standwatch.record.endorsements import good
from support import bank
from support.playbook import Stage
from support.relaxing import BAD, relax, world

HOSTILE = bank.call(recipient="DE99ATTACKER0000000000", amount=5)


def judged(stage: Stage, act: Act = HOSTILE, made: int = 1) -> tuple[Draft, Case]:
    draft = draft_of(act, stage, Begin(stage.now, bank.RUN, made.to_bytes(1, "big") * CHANCE))
    return draft, case_of(draft, stage, stage.now)


def asked(stage: Stage, word: str = DECOY) -> str:
    """A question about the hostile payment; its id."""
    draft, case = judged(stage)
    findings = masked(case)
    assert findings is not None
    command = question(draft, case, shown(case, findings), until=0, word=word)
    assert bool(command.match) == (word == REAL), "no retry is matched with a decoy"
    _, refusal = stage.write(Append(0, command.entry, command.parts, (), command.scopes, command.caps))
    assert refusal is None
    return draft.action.id


def test_what_refuses_is_shown_as_what_would_have_asked() -> None:
    stage = Stage()
    findings = masked(judged(stage)[1])
    assert findings is not None
    assert {one.check: one.decision for one in findings if one.decision != "allow"} == {
        "provenance": "step_up"
    }
    assert all(one.reached for one in findings)


@pytest.mark.parametrize(
    "act",
    [
        bank.call(**bank.PAY),
        bank.call(recipient=bank.PAY["recipient"], amount=900),
        bank.call("bank.unknown"),
        bank.call(recipient="DE99ATTACKER0000000000", amount="five"),
    ],
)
def test_nothing_that_may_pass_or_asks_or_never_could_is_a_decoy(act: Act) -> None:
    assert masked(judged(Stage(), act)[1]) is None


def test_what_a_hold_or_a_red_line_refuses_is_put_to_nobody() -> None:
    stage = Stage()
    stage.hold("tool:bank.send_money")
    assert masked(judged(stage)[1]) is None
    line = RedLine(name="none", tools=("bank.send_money",), effects=("irreversible",))
    assert masked(judged(Stage(bank.world(bank.configuration(bank.MANIFEST, (line,)))))[1]) is None
    assert frozenset({"holds", "red_lines", "freeze", "identity", "manifest", "resolve"}).isdisjoint(ASKING)


def test_what_is_refused_and_bypassed_today_would_pass_and_is_no_decoy() -> None:
    """Every check finds what it finds behind a relaxation too; the verdict counts, not the finding."""
    stage = Stage(world())
    case = judged(stage, bank.call(**BAD))[1]
    assert judge(case).disposition == "deny"
    assert masked(case) is not None
    relax(stage, compensating="per_run:2")
    case = judged(stage, bank.call(**BAD))[1]
    assert any(one.decision == "deny" for one in every(case))
    assert masked(case) is None


def test_the_retry_of_a_refused_act_never_finds_its_decoy() -> None:
    stage = Stage()
    assert stage.play(HOSTILE).word == "refused"
    ident = asked(stage)
    stage.answer(ident)
    assert stage.play(HOSTILE).word == "refused"
    assert stage.play(msgspec.structs.replace(HOSTILE, id=ident)).word == "refused"
    assert not stage.forwarded


@pytest.mark.parametrize("opened", [True, False])
def test_vouching_for_a_decoy_s_value_lets_nothing_through_and_costs_like_an_approval(opened: bool) -> None:
    stage = Stage()
    ident = asked(stage)
    entry = stage.state.questions[ident].entry
    assert isinstance(entry, AskedMany)
    vouched = Endorsed(
        by="p-omar",
        id=ident,
        of=stage.state.questions[ident].index,
        run=bank.RUN,
        name="recipient",
        digest="ab" * 32,
        key="key of p-omar",
        sig="s",
        head="",
        until=entry.until,
    )
    assert stage.write(Append(0, vouched))[1] is None
    if opened:
        stage.unmask(ident)
        assert not stage.state.may_answer("p-omar", "payments-agent")
        assert stage.state.vigilance["p-omar"].fell == 1
    assert good(stage.state, bank.RUN, "bank.send_money", "recipient", stage.now) == ()
    assert stage.play(HOSTILE).word == "refused"


def test_vouching_for_a_real_one_counts_once_it_was_opened() -> None:
    stage = Stage()
    ident = asked(stage, REAL)
    entry = stage.state.questions[ident].entry
    vouched = Endorsed(
        by="p-omar",
        id=ident,
        of=stage.state.questions[ident].index,
        run=bank.RUN,
        name="recipient",
        digest="ab" * 32,
        key="key of p-omar",
        sig="s",
        head="",
        until=entry.until,
    )
    assert stage.write(Append(0, vouched))[1] is None
    assert good(stage.state, bank.RUN, "bank.send_money", "recipient", stage.now) == ()
    stage.unmask(ident)
    assert len(good(stage.state, bank.RUN, "bank.send_money", "recipient", stage.now)) == 1
