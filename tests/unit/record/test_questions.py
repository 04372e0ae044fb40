"""A question and its answers: how many, in which order, who may, and what takes an approval back."""

from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import PasskeyEnded, Rule, Unmasked
from standwatch.facts.parts import commitment
from standwatch.record import questions
from standwatch.record.state import load, save
from support.panel import IDENT, MINUTE, PEOPLE, SALT, TOOL, Panel, key


def asked(quorum: int = 2, ordered: bool = False, *people: str) -> Panel:
    panel = Panel(*people, quorum=quorum, ordered=ordered)
    assert panel.asks() == ""
    return panel


def test_an_approval_stands_when_as_many_have_approved_as_must() -> None:
    panel = asked(3)
    assert panel.leaves(signed=panel.index).startswith("approval: no such approval")
    for person in ("cat", "ann"):
        assert panel.says(person) == ""
        assert panel.question.open
        assert panel.leaves(signed=panel.index).startswith("approval: no such approval")
    assert panel.says("dan") == ""
    assert panel.question.answer is not None
    assert panel.question.answer.by == "dan", "the answer that decided"
    assert panel.question.approvers == ("cat", "ann", "dan")
    assert load(save(panel.state)) == panel.state, "the votes outlive a restart"
    assert panel.leaves() == ""
    assert panel.leaves().startswith("duplicate"), "used once"


def test_the_same_person_twice_is_one() -> None:
    panel = asked(2)
    assert panel.says("ann") == ""
    assert "has approved already" in panel.says("ann")
    assert panel.question.open


def test_one_key_is_one_voice_whoever_holds_it() -> None:
    panel = asked(2)
    assert panel.says("ann") == ""
    assert "same key" in panel.says("ben", key=key("ann"))
    assert panel.question.open


def test_an_answer_about_another_action_is_none() -> None:
    panel = asked(2)
    assert "not the action" in panel.says("ann", digest="d2" * 32)
    assert panel.question.approvers == ()


def test_nobody_else_answers() -> None:
    panel = Panel(quorum=2)
    assert panel.asks("ann", "ben") == ""
    panel.person("eve")
    assert "may not answer" in panel.says("eve")
    assert "may not answer" in panel.says("cat"), "not asked, though the manifest names them"
    assert "may not answer" in panel.says("cat", "refuse"), "nor may they stop it so: a hold can"


def test_one_refusal_ends_it_whatever_was_said_before() -> None:
    panel = asked(3)
    panel.says("ann")
    panel.says("ben")
    assert panel.says("cat", "refuse") == ""
    assert panel.question.answer is not None
    assert panel.question.answer.decision == "refuse"
    assert "was refused" in panel.says("dan")
    assert panel.leaves().startswith("approval: the approval is not for this action")


def test_of_two_who_answer_opposite_ways_at_once_the_sequence_decides() -> None:
    early, late = asked(1), asked(1)
    assert early.says("ann", "refuse") == ""
    assert "was refused" in early.says("ben")
    assert late.says("ann") == ""
    assert late.says("ben", "refuse") == "", "what has not left may still be refused"
    assert late.leaves().startswith("approval: the approval is not for this action")
    gone = asked(1)
    gone.says("ann")
    assert gone.leaves() == ""
    assert "answered and used" in gone.says("ben", "refuse"), "what has left cannot be"


def test_whoever_approved_may_think_better_of_it() -> None:
    panel = asked(1)
    panel.says("ann")
    assert panel.says("ann", "refuse") == ""
    assert panel.leaves().startswith("approval")


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        (("ann", "ben"), True),
        (("ann", "dan"), True),
        (("ben", "cat"), True),
        (("cat", "dan"), True),
        (("ben", "ann"), False),
        (("dan", "cat"), False),
    ],
)
def test_in_an_order_whoever_comes_later_in_it_approves_later(order: tuple[str, str], taken: bool) -> None:
    panel = asked(2, True)
    said = [panel.says(person) for person in order]
    assert (said == ["", ""]) is taken
    assert panel.question.open is not taken


def test_in_an_order_nobody_goes_before_so_many_that_too_few_are_left() -> None:
    panel = asked(3, True)
    assert "too late in the order" in panel.says("cat")
    assert panel.says("ben") == ""
    assert "too late in the order" in panel.says("dan")
    assert "comes before" in panel.says("ann")
    assert questions.next_ones(panel.state, panel.question, panel.now) == ("cat",)


def test_anybody_refuses_out_of_their_turn() -> None:
    panel = asked(2, True)
    assert panel.says("dan", "refuse") == ""


def test_votes_are_counted_again_as_the_act_leaves() -> None:
    """The fold keeps no decided question below its quorum; where that counts, nobody relies on it."""
    panel = asked(2)
    panel.says("ann")
    panel.says("ben")
    whole = panel.question
    for votes in (whole.answers[:1], (whole.answers[0], whole.answers[0])):
        panel.state.questions[IDENT] = msgspec.structs.replace(whole, answers=votes)
        assert panel.leaves() == "approval: too few people have approved"
    panel.state.questions[IDENT] = whole
    assert panel.leaves() == ""


def test_a_decoy_takes_nothing_of_what_its_run_and_its_day_may_ask() -> None:
    panel = Panel()
    assert panel.asks(flag=commitment(SALT, b"decoy")) == ""
    counted = [ledger["asks"] for ledger in panel.sequencer.ledgers.values() if "asks" in ledger]
    assert counted == [1, 1], "the run's and the day's"
    assert panel.admit(Unmasked(by="standwatch", id=IDENT, of=panel.index, salt=SALT.hex(), decoy=True)) == ""
    assert [ledger["asks"] for ledger in panel.sequencer.ledgers.values() if "asks" in ledger] == [0, 0]


def test_whoever_falls_for_a_decoy_loses_what_they_approved_elsewhere() -> None:
    panel, other = asked(1), "01m7q5cqg9e008000000000002"
    assert panel.says("ann") == ""
    assert panel.asks(ident=other, flag=commitment(SALT, b"decoy")) == ""
    of = panel.index
    assert panel.says("ann", id=other, of=of) == ""
    assert panel.admit(Unmasked(by="standwatch", id=other, of=of, salt=SALT.hex(), decoy=True)) == ""
    assert panel.question.open, "and others are asked again"
    assert questions.next_ones(panel.state, panel.question, panel.now) == ("ben", "cat", "dan")
    assert panel.says("ben") == ""
    assert panel.leaves() == ""


def test_it_ends_with_the_first_approval_that_ends() -> None:
    panel = asked(2)
    panel.says("ann", minutes=3)
    panel.says("ben", minutes=9)
    assert panel.question.until == panel.question.answers[0][1].until
    panel.now += 4 * MINUTE
    assert panel.leaves().startswith("approval: the approval has expired")


def test_an_approval_that_ended_is_not_counted_and_may_be_given_again() -> None:
    panel = asked(2)
    panel.says("ann", minutes=1)
    panel.now += 2 * MINUTE
    assert panel.says("ben") == ""
    assert panel.question.open, "one of two: Ann's has ended"
    assert panel.says("ann") == ""
    assert panel.leaves() == ""


def test_nobody_answers_after_its_time() -> None:
    panel = asked(1)
    panel.now += 15 * MINUTE
    assert panel.says("ann").startswith("stale")


def dismissed(panel: Panel) -> None:
    panel.person("ann", revoked=True)


def without_her_key(panel: Panel) -> None:
    panel.person("ann", keys=["ed25519:another"])


def not_named(panel: Panel) -> None:
    panel.declare(Rule(by=["ben", "cat", "dan"], quorum=2))


def not_named_for_the_tool(panel: Panel) -> None:
    panel.declare(Rule(by=["ben", "cat", "dan"], quorum=2), tool=TOOL)


def owner_now(panel: Panel) -> None:
    panel.declare(Rule(by=list(PEOPLE), quorum=2, never=["owner"]), owner=("ann",))


LOSSES = [dismissed, without_her_key, not_named, not_named_for_the_tool, owner_now]


@pytest.mark.parametrize("loses", LOSSES)
def test_who_may_not_answer_any_more_has_lost_the_vote(loses: object) -> None:
    assert callable(loses)
    panel = asked(2)
    panel.says("ann")
    panel.says("ben")
    loses(panel)
    assert panel.question.open, "below the quorum it waits again"
    assert panel.leaves(signed=panel.index).startswith("approval: no such approval")
    assert panel.says("cat") == "", "somebody else may make it up"
    assert panel.question.approvers == ("ben", "cat")
    assert panel.leaves() == ""


def test_a_vote_that_was_lost_does_not_come_back_with_its_person() -> None:
    panel = asked(2)
    first = {"head": "1:aa", "until": panel.now + MINUTE}
    panel.says("ann", **first)
    dismissed(panel)
    panel.person("ann")
    assert panel.question.approvers == ()
    assert "sign anew" in panel.says("ann", **first), "whoever reads the record has her signature"
    assert "sign anew" in panel.says("ann", **first, sig="or one made of it"), (
        "as anybody can of one by ECDSA"
    )
    assert load(save(panel.state)) == panel.state
    assert panel.says("ann", **first | {"head": "2:bb"}) == "", "she may say it anew"


def test_a_refusal_outlives_whoever_gave_it() -> None:
    panel = asked(1)
    panel.says("ann", "refuse")
    dismissed(panel)
    assert panel.question.answer is not None
    assert not panel.question.open


def test_above_the_quorum_one_loss_does_not_open_it() -> None:
    panel = asked(1)
    panel.says("ann")
    assert "approved already" in panel.says("ben"), "once it stands nobody need sign"


@pytest.mark.parametrize("rule", [{"quorum": 3}, {"quorum": 2, "ordered": True}])
def test_a_manifest_that_wants_more_voids_what_was_asked_for_less(rule: dict[str, Any]) -> None:
    panel = asked(2)
    panel.says("ann")
    panel.says("ben")
    panel.declare(Rule(by=list(PEOPLE), **rule))
    assert questions.spent(panel.state, panel.question, panel.now), "asked anew"
    assert panel.leaves().startswith("approval: ")


def test_what_too_few_can_still_approve_is_asked_anew() -> None:
    panel = Panel("ann", "ben", quorum=2)
    panel.asks()
    assert not questions.spent(panel.state, panel.question, panel.now)
    panel.person("ben", revoked=True)
    assert questions.spent(panel.state, panel.question, panel.now)


@pytest.mark.parametrize(
    "changes",
    [
        {"people": []},
        {"people": ["ann", "ann"]},
        {"people": ["ann", "eve"]},
        {"people": ["ann"]},
        {"quorum": 1},
        {"quorum": 5},
        {"flag": ""},
        {"flag": "F1" * 32},
        {"ordered": False},
        {"people": ["ben", "ann"]},
    ],
)
def test_the_sequencer_takes_no_question_that_is_less_than_the_manifest_says(
    changes: dict[str, object],
) -> None:
    panel = Panel(quorum=2, ordered=True)
    assert panel.asks(**changes).startswith("invalid"), changes  # type: ignore[arg-type]
    assert panel.asks() == ""


def test_nor_one_put_to_owner_or_requester_where_they_never_answer() -> None:
    panel = Panel(quorum=1, never=["owner", "requester"])
    panel.declare(panel.rule, owner=("ann",))
    assert "may not answer it" in panel.asks("ann", "ben")
    assert panel.asks("ben", "cat", by="agent") == ""
    other = Panel("agent", "ben", quorum=1, never=["requester"])
    assert "whoever asks does not answer" in other.asks()
    assert other.asks("ben") == ""


def test_the_rules_of_a_tool_are_its_own() -> None:
    panel = Panel(quorum=1)
    panel.declare(Rule(by=["cat", "dan"], quorum=2), tool=TOOL)
    assert panel.asks("ann").startswith("invalid")
    assert panel.asks("cat", "dan", quorum=2) == ""
    assert questions.answering(panel.state, "pay", "bank.else") == PEOPLE


def test_the_key_that_signed_is_looked_at_not_the_person_s_other_ones() -> None:
    panel = asked(1)
    panel.says("ann")
    panel.person("ann", keys=[key("ann"), "ed25519:second"])
    assert panel.leaves() == "", "one more key takes nothing away"


def test_an_ended_passkey_of_nobody_asked_changes_nothing() -> None:
    panel = asked(1)
    panel.says("ann")
    panel.force(PasskeyEnded(by="x", credential="c", person="zoe"))
    assert panel.state.questions[IDENT].answer is not None
