"""Values that people vouch for: how many must, for how long, and what ends it."""

import pytest

from standwatch.facts.entries import Rule, RunClosed, Unmasked
from standwatch.record import endorsements
from standwatch.record.state import load, save
from support.panel import IDENT, MINUTE, PEOPLE, RUN, SALT, TOOL, Panel


def asked(quorum: int = 1, **rule: bool) -> Panel:
    panel = Panel(quorum=quorum, **rule)
    assert panel.asks() == ""
    return panel


def good(panel: Panel, tool: str = TOOL, argument: str = "recipient", run: str = RUN) -> bool:
    """Whether the value is vouched for, the question opened as soon as nobody can answer it any more."""
    if IDENT in panel.state.veiled and not panel.question.open:
        opened = Unmasked(by="standwatch", id=IDENT, of=panel.question.index, salt=SALT.hex())
        assert panel.admit(opened) == ""
    return bool(endorsements.good(panel.state, run, tool, argument, panel.now))


def test_a_value_is_vouched_for_in_its_run_for_its_tool_and_argument_alone() -> None:
    panel = asked()
    assert not good(panel)
    assert panel.vouches("ann") == ""
    assert not panel.question.open, "the question is answered by it"
    assert good(panel)
    assert not good(panel, tool="bank.other")
    assert not good(panel, argument="amount")
    assert not good(panel, run="01m7q5cqg0e008000000000009")
    assert load(save(panel.state)) == panel.state


def test_a_question_that_was_not_opened_vouches_for_nothing() -> None:
    panel = asked()
    panel.vouches("ann")
    assert not endorsements.good(panel.state, RUN, TOOL, "recipient", panel.now)


def test_as_many_must_vouch_as_must_approve() -> None:
    panel = asked(2)
    assert panel.vouches("ann") == ""
    assert panel.question.open
    assert not good(panel)
    assert "has vouched for it already" in panel.vouches("ann")
    assert panel.vouches("cat") == ""
    assert good(panel)
    assert "answered already" in panel.vouches("dan")


def test_one_key_is_one_voice_whoever_holds_it() -> None:
    panel = asked(2)
    panel.vouches("ann")
    assert "same key" in panel.vouches("ben", key="ed25519:ann")
    assert not good(panel)


def test_in_the_order_that_they_would_approve_in() -> None:
    panel = asked(2, ordered=True)
    assert panel.vouches("ben") == ""
    assert "comes before" in panel.vouches("ann")
    assert panel.vouches("dan") == ""
    assert good(panel)


def test_approving_and_vouching_are_not_added_up() -> None:
    panel = asked(2)
    panel.says("ann")
    panel.vouches("ben")
    assert panel.question.open
    assert not good(panel)


@pytest.mark.parametrize("other", [{"digest": "b2" * 32}])
def test_nobody_slips_another_value_of_the_same_argument_under(other: dict[str, str]) -> None:
    panel = asked(2)
    panel.vouches("ann")
    assert "another value" in panel.vouches("ben", **other)


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "01m7q5cqg0e008000000000009"},
        {"of": 3},
        {"name": ""},
        {"digest": ""},
        {"minutes": 0},
        {"minutes": 24 * 60 + 1},
        {"by": "eve"},
    ],
)
def test_the_sequencer_takes_no_other(changes: dict[str, object]) -> None:
    panel = asked()
    assert panel.vouches("ann", **changes).startswith(("duplicate", "approval")), changes  # type: ignore[arg-type]
    assert panel.question.open


def test_it_ends_at_its_time() -> None:
    panel = asked(2)
    panel.vouches("ann", minutes=5)
    panel.vouches("ben", minutes=60)
    assert good(panel)
    panel.now += 5 * MINUTE
    assert not good(panel)


def test_it_ends_with_its_run() -> None:
    panel = asked()
    panel.vouches("ann")
    panel.force(RunClosed(by="recorder", run=RUN))
    assert panel.state.endorsed == {}


@pytest.mark.parametrize("loss", ["dismissed", "key", "named"])
def test_it_ends_with_the_rights_of_whoever_vouched_and_nothing_leaves_on_it(loss: str) -> None:
    panel = asked(2)
    first: dict[str, object] = {"head": "1:aa", "until": panel.now + MINUTE * 60}
    panel.vouches("ann", **first)
    panel.vouches("ben")
    assert good(panel)
    judged = panel.index
    match loss:
        case "dismissed":
            panel.person("ann", revoked=True)
        case "key":
            panel.person("ann", keys=["ed25519:other"])
        case _:
            panel.declare(Rule(by=["ben", "cat"], quorum=2))
    assert not good(panel)
    assert panel.question.open, "and people are wanted again"
    assert panel.state.fence((f"run:{RUN}",)) > judged, "what was judged before is judged again"
    panel.person("ann")
    panel.declare(Rule(by=list(PEOPLE), quorum=2))
    assert "sign anew" in panel.vouches("ann", **first), "whoever reads the record has her signature"
    assert panel.vouches("ann", **first | {"head": "2:bb"}) == ""


def test_a_refusal_after_all_takes_it_back() -> None:
    panel = asked()
    panel.vouches("ann")
    assert good(panel)
    judged = panel.index
    assert panel.says("ben", "refuse") == ""
    assert not good(panel)
    assert panel.state.fence((f"run:{RUN}",)) > judged


def test_a_manifest_that_wants_more_people_is_not_served_by_fewer() -> None:
    panel = asked()
    panel.vouches("ann")
    assert good(panel)
    panel.declare(Rule(by=list(PEOPLE), quorum=2))
    assert not good(panel)


def test_an_approval_answers_the_question_too() -> None:
    panel = asked()
    panel.says("ann")
    assert "answered already" in panel.vouches("ben")
    other = asked()
    other.vouches("ann")
    assert "approved already" in other.says("ben")
