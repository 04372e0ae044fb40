"""What a verifier holds against a record in which questions were not opened, or not as what they were asked as."""

from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import AskedMany, Intent, Revalidated, Unmasked
from standwatch.record.replay import Origin, Replay
from standwatch.record.state import load, save
from support import bank
from support.playbook import Stage

LARGE = bank.call(recipient="GB29NWBK60161331926819", amount=900)


def replayed(stage: Stage, log: list[tuple[int, Any]]) -> list[str]:
    """The codes of what is wrong with `log`, signatures aside."""
    replay = Replay(Origin("bank.example/test", "test"), 0, lambda _: None, None, lambda *_: False)
    for index, entry in enumerate(bank.opening(stage.world.configuration)):
        replay.objections(index, msgspec.structs.replace(entry, at=bank.NOW - 1000 + index))
    return [
        code
        for index, entry in log
        for code, _ in replay.objections(index, entry)
        if not code.endswith("_signature")
    ]


@pytest.fixture
def stage() -> Stage:
    """An act was asked about, approved, opened as real and carried out."""
    found = Stage()
    found.answer(found.play(LARGE).id)
    assert found.play(LARGE).word == "done"
    return found


def changed(stage: Stage, kind: type[Any], **changes: Any) -> list[tuple[int, Any]]:
    return [
        (index, msgspec.structs.replace(one, **changes) if isinstance(one, kind) else one)
        for index, one in stage.log
    ]


def test_as_it_was_written_nothing_is_wrong(stage: Stage) -> None:
    assert replayed(stage, stage.log) == []


def test_what_left_before_its_question_was_opened_is_an_objection(stage: Stage) -> None:
    log = [(index, one) for index, one in stage.log if not isinstance(one, Unmasked)]
    assert "approval" in replayed(stage, log)


def test_a_question_is_opened_as_nothing_else(stage: Stage) -> None:
    found = replayed(stage, changed(stage, Unmasked, decoy=True))
    assert "invalid" in found
    assert "invalid" in replayed(stage, changed(stage, Unmasked, salt="00" * 32))


def test_another_flag_is_opened_by_nothing(stage: Stage) -> None:
    assert "invalid" in replayed(stage, changed(stage, AskedMany, flag="0" * 64))


def test_a_real_question_is_not_opened_while_it_can_be_answered() -> None:
    stage = Stage()
    ident = stage.play(LARGE).id
    (index, asked) = stage.log[-1]
    assert isinstance(asked, AskedMany)
    flag = stage.parts[index]["flag"]
    entry = Unmasked(id=ident, of=index, salt=flag[:32].hex())
    assert replayed(stage, [*stage.log, (index + 1, msgspec.structs.replace(entry, at=stage.now))]) == [
        "stale"
    ]


def test_a_right_that_nobody_lost_is_not_given_back(stage: Stage) -> None:
    last = stage.log[-1][0]
    entry = Revalidated(at=stage.now, by="p-chen", person="p-omar", follows=-1, key="k", sig="s")
    assert replayed(stage, [*stage.log, (last + 1, entry)]) == ["invalid"]
    assert any(isinstance(one, Intent) for _, one in stage.log)


def test_a_snapshot_keeps_all_of_it(stage: Stage) -> None:
    ident = stage.play(bank.call(recipient="GB29NWBK60161331926819", amount=901)).id
    assert ident in stage.state.veiled
    assert stage.state.paces
    assert stage.state.vigilance
    assert load(save(stage.state)) == stage.state
