"""A sample of `make soak`: each blow once against whole servers under load, and audits that can fail."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.soaking import ledger
from bench.soaking.audit import Auditor
from bench.soaking.callers import Note
from bench.soaking.rounds import BLOWS, Log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    made = Log(tmp_path_factory.mktemp("soak") / "a log", random.Random(seed))
    yield made
    made.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("blow", [*BLOWS, "server"])
def test_nothing_is_done_unrecorded_and_nothing_acknowledged_is_lost(log: Log, blow: str) -> None:
    tally = log.round(blow)
    print(blow, tally)
    assert tally.done > (0 if blow == "disk" else 50), "there was no load"
    # A worker may die with nobody's call in its hands.
    assert tally.lost + tally.unavailable > 0 or blow == "worker", "the blow struck nobody"
    assert log.notes_of_the_sdk > 0, "the official client got nothing done"


def test_the_audit_finds_what_it_is_there_to_find(log: Log) -> None:
    done = ledger.done(log.book)
    told = next(note for note in reversed(log.notes) if note.receipt)
    other = next(note for note in log.notes if note.receipt and note.action != told.action)
    Auditor(log.folder).audit([told], done)
    for why, notes, book in (
        ("done without an intent", [], [*done, "a payment out of nowhere"]),
        ("done twice", [], [*done, done[0]]),
        ("never done", [], [one for one in done if one != told.subject]),
        ("was not done", [Note("invented", "done")], done),
        ("was done", [Note(done[0], "refused")], done),
        ("of another action", [msgspec.structs.replace(told, receipt=other.receipt)], done),
        ("against", [msgspec.structs.replace(told, subject=other.subject)], done),
    ):
        with pytest.raises(AssertionError, match=why):
            Auditor(log.folder).audit(notes, book)
