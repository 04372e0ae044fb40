"""What a verifier holds against a record: actions that left against their verdict, and relaxations nobody signed."""

import msgspec

from standwatch.facts.entries import Intent, Relaxed
from standwatch.record.replay import Origin, Replay
from support import bank
from support.playbook import Stage
from support.relaxing import BAD, relax, relaxed, world


def replayed(stage: Stage, observed: bool | None = False) -> list[tuple[int, str]]:
    """The codes of what is wrong with each entry of what the stage wrote, signatures aside."""
    start = [(i, one) for i, one in enumerate(bank.opening(stage.world.configuration))]
    replay = Replay(Origin("bank.example/test", "test"), 0, lambda _: None, None, lambda *_: observed)
    for index, entry in start:
        replay.objections(index, msgspec.structs.replace(entry, at=bank.NOW - 1000 + index))
    return [
        (index, code)
        for index, entry in stage.log
        for code, _ in replay.objections(index, entry)
        if not code.endswith("_signature")
    ]


def test_an_action_under_a_relaxation_in_force_is_allowed_where_it_stands() -> None:
    stage = Stage(world())
    relax(stage, compensating="per_run:1")
    assert stage.play(bank.call(**BAD)).word == "done"
    assert replayed(stage) == []


def test_the_same_action_without_one_is_not() -> None:
    stage = Stage(world())
    index = relax(stage, compensating="per_run:1")
    stage.play(bank.call(**BAD))
    stage.log = [(i, one) for i, one in stage.log if not isinstance(one, Relaxed)]
    intent = next(i for i, one in stage.log if isinstance(one, Intent))
    assert isinstance(index, int)
    assert replayed(stage) == [(intent, "disposition")]


def test_nor_one_whose_relaxation_would_have_asked_a_person() -> None:
    stage = Stage(world())
    relax(stage, compensating="per_run:1")
    stage.play(bank.call(**BAD))
    asks = relaxed(stage, compensating="step_up", follows=-1)
    stage.log = [(i, _at(asks, one) if isinstance(one, Relaxed) else one) for i, one in stage.log]
    assert [code for _, code in replayed(stage)] == ["disposition"]


def _at(entry: Relaxed, other: Relaxed) -> Relaxed:
    return msgspec.structs.replace(entry, at=other.at)


def test_observation_covers_it_and_what_cannot_be_read_is_not_held_against_it() -> None:
    for observed in (True, None):
        stage = Stage(world())
        relax(stage, compensating="per_run:1")
        stage.play(bank.call(**BAD))
        stage.log = [(i, one) for i, one in stage.log if not isinstance(one, Relaxed)]
        assert replayed(stage, observed) == []


def test_a_relaxation_whose_signatures_are_not_theirs_is_held_against_the_record() -> None:
    stage = Stage(world())
    relax(stage)
    replay = Replay(Origin("bank.example/test", "test"), 0, lambda _: None)
    for index, entry in enumerate(bank.opening(stage.world.configuration)):
        replay.objections(index, entry)
    (index, entry), *_ = stage.log
    codes = [code for code, _ in replay.objections(index, entry)]
    assert codes == ["relaxation_signature"] * 2
