"""States of the past: those folded on the way to others are what folding anew would give, in bounded memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from standwatch.facts.entries import Released
from standwatch.facts.frames import Ack, Append
from standwatch.record.state import State, save
from standwatch.store import reader
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from support.recorders import hold, setup

CONTROLS = 1_200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of many holds, of which every other one is released again."""
    folder = tmp_path_factory.mktemp("log")
    recorder = Recorder.open(setup(folder))
    write = recorder._writer.write
    number = 0
    while number < CONTROLS:
        appends = [Append(number + k, hold(f"system:s{number + k}")) for k in range(100)]
        _, acks = recorder.submit(lambda some=appends: write(some)).result()
        released = [
            Append(number, Released(by="p", hold=ack.index)) for ack in acks[::2] if isinstance(ack, Ack)
        ]
        recorder.submit(lambda some=released: write(some)).result()
        number += len(appends) + len(released)
    recorder.close()
    return folder


def anew(log: Reader, index: int) -> State:
    state = State()
    for place, entry in log.control(0, index + 1):
        state.fold(place, entry)
    return state


def test_states_come_out_as_if_folded_anew(folder: Path) -> None:
    log = Reader(folder)
    indices = random.Random(3).choices(range(log.size), k=60)
    for index in indices:
        assert save(log.state_at(index)) == save(anew(log, index)), index
    assert len(log._folded._kept) > 2, "none was kept"
    log.close()


def test_a_state_that_was_handed_out_is_the_askers_own(folder: Path) -> None:
    log = Reader(folder)
    last = log.size - 1
    before = save(log.state_at(last))
    log.state_at(last).holds.clear()
    assert save(log.state_at(last)) == before
    log.close()


def test_what_is_kept_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_KEPT", 40_000)
    log = Reader(folder)
    sizes: list[int] = []
    for index in range(0, log.size, 50):
        log.state_at(index)
        sizes.append(sum(map(len, log._folded._kept.values())))
    assert 0 < max(sizes) <= 40_000
    assert save(log.state_at(700)) == save(anew(log, 700))
    log.close()
