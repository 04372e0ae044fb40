"""The embedded store is a source like any other: an auditor beside it reads what an auditor of its export reads."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from standwatch.facts.entries import AnyEntry, Intent, Opened
from standwatch.facts.errors import Malformed
from standwatch.facts.frames import Ack, Append
from standwatch.facts.parts import Action, action_bytes
from standwatch.record.export import PAYLOADS, export
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.reconstruct import explain
from standwatch.record.source import Source, commitments, ident_of, read_action, read_leaf
from standwatch.record.verify import verify
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder, Setup
from standwatch.store.sealing import Kek
from support.logs import KEY, LOG, Log, bank

KEK = Kek(1, bytes(range(32)))


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def stored(log: Log, folder: Path) -> None:
    """Write the entries of `log` through a real recorder; their indices stay the same."""
    clock = Clock()
    clock.now = decode(log.all[0]).at
    setup = Setup(folder=folder, key=KEY, sign=LOG.private.sign, kek=KEK, clock=clock, entropy=os.urandom)

    async def write() -> None:
        recorder = Recorder.open(setup)
        try:
            link = recorder.link()
            for index, leaf in enumerate(log.all[1:], 1):
                entry = decode(leaf)
                assert not isinstance(entry, Opened)
                clock.now = entry.at
                fresh: AnyEntry = msgspec.structs.replace(entry, at=0)  # type: ignore[type-var]
                beside = tuple(part for name in PAYLOADS for part in _parts(log, index, name))
                answer = await link.append(Append(link.next_number(), fresh, beside))
                assert isinstance(answer, Ack), answer
                assert answer.index == index
        finally:
            await asyncio.to_thread(recorder.close)

    asyncio.run(write())


def _parts(log: Log, index: int, name: str) -> tuple:  # type: ignore[type-arg]
    found = log.parts.get((index, name))
    return found.parts if found else ()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("store")
    log = bank(120)
    stored(log, folder)
    return Reader(folder, kek=KEK)


def test_a_store_verifies(reader: Reader) -> None:
    source: Source = reader
    found = verify(source, KEY.vkey)
    assert found.problems == ()
    assert found.status == "verified"
    assert found.counts["part.present"] > 300


def test_its_export_is_read_as_the_store_is(reader: Reader) -> None:
    read = Exported(dict(export(reader, KEY.vkey, parts=PAYLOADS)).get)
    assert verify(read, KEY.vkey) == verify(reader, KEY.vkey)
    for index in (9, 11, 12, 16, 200):
        ident = ident_of(reader.entry(index))
        assert explain(read, ident, KEY.vkey) == explain(reader, ident, KEY.vkey)
        assert explain(read, ident, KEY.vkey).problems == ()


def test_without_its_keys_a_store_verifies_and_tells_no_payloads(reader: Reader) -> None:
    closed = Reader(reader._head.parent)
    found = verify(closed, KEY.vkey)
    assert (found.status, found.counts.get("part.present", 0)) == ("verified", 0)
    assert found.counts["part.absent"] > 300


def test_every_entry_says_what_it_commits_to() -> None:
    log = bank(0)
    for index, leaf in enumerate(log.all):
        names = {wanted.name for wanted in commitments(decode(leaf))}
        assert names == {name for place, name in log.parts if place == index}


@pytest.mark.parametrize(
    "leaf", [b"", b"{", b"\xff", b'{"at":1,"kind":"ctl.hold.1#', b'{"kind":"x"}', b"[" * 99_999]
)
def test_a_leaf_that_nobody_vouches_for_is_read_or_refused(leaf: bytes) -> None:
    with pytest.raises(Malformed):
        read_leaf(leaf)


def test_an_action_is_read_only_from_its_canonical_bytes() -> None:
    log = bank(0)
    intent = next(entry for leaf in log.all if isinstance(entry := decode(leaf), Intent))
    members, (part, _) = log.judged(intent.id)
    action = read_action(part.data)
    assert isinstance(action, Action)
    assert action_bytes(action) == part.data
    assert members["id"] == action.id
    for bad in (
        b"",
        b"{}",
        b"[]",
        part.data + b" ",
        part.data.replace(b"action.1", b"action.2"),
        part.data[:-1],
    ):
        with pytest.raises(Malformed):
            read_action(bad)
