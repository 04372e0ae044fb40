"""Words and what contradicts them, as the record takes them and as an auditor holds them against it."""

from __future__ import annotations

import msgspec

from standwatch.facts.entries import Contradicted, RunOpened, Word
from standwatch.facts.frames import Append, Refusal
from standwatch.record.replay import Origin, Replay
from standwatch.record.sequence import MOST_WORDS, Sequencer
from standwatch.record.state import State

NOW = 1_795_000_000_000_000
OPENED = RunOpened(at=NOW, by="harness", run="r", system="pay", principal="agent")
SAID = Word(at=NOW, by="agent", id="w", run="r", system="pay", result="c1" * 32)


def admitted(sequencer: Sequencer, entry: Word) -> Refusal | None:
    return sequencer.admit(Append(1, entry), NOW)


def test_a_word_is_taken_from_whom_the_run_belongs_to_and_only_so_often() -> None:
    sequencer = Sequencer(State())
    refused = admitted(sequencer, SAID)
    assert refused is not None
    assert refused.code == "run", "no such run"
    sequencer.take(0, OPENED)
    assert admitted(sequencer, SAID) is None
    for wrong in ({"by": "another"}, {"run": "other"}):
        refused = admitted(sequencer, msgspec.structs.replace(SAID, **wrong))
        assert refused is not None
        assert refused.code == "run"
    for index in range(MOST_WORDS):
        sequencer.take(1 + index, SAID)
    refused = admitted(sequencer, SAID)
    assert refused is not None
    assert (refused.code, refused.detail) == ("budget", "words")


def test_nothing_contradicts_what_came_after_it() -> None:
    replay = Replay(Origin("log.invalid", "key"), 0, lambda _: None)
    made = Contradicted(
        at=NOW, by="standwatch", id="w", of=1, run="r", system="pay", code="not_done", entries=[0]
    )
    assert [code for code, _ in replay.objections(2, made)] == []
    assert [code for code, _ in replay.objections(2, msgspec.structs.replace(made, of=2))] == ["contradicted"]
    assert [code for code, _ in replay.objections(2, msgspec.structs.replace(made, entries=[9]))] == [
        "contradicted"
    ]
