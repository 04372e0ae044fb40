"""Sealed parts open with their keys only, and an erased key is nowhere in the files any more."""

import asyncio
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from standwatch.facts.errors import Malformed, Misconfigured, NotFound, Tampered
from standwatch.facts.frames import Fetch
from standwatch.facts.parts import Part
from standwatch.store.journal import DATABASE, Journal
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from standwatch.store.sealing import Kek, Keys, Sealer
from support.recorders import KEK, SALT, SCOPES, hold, intent, outcome, setup, store

PART = Part("findings", SALT, b"secret")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "keys.db")


def _sealer(journal: Journal, kek: Kek = KEK) -> Sealer:
    return Sealer(journal, kek, os.urandom)


@pytest.mark.parametrize("part", [PART, Part("action", b"", b"{}"), Part("result", SALT, b"")])
def test_what_is_sealed_opens_again(journal: Journal, part: Part) -> None:
    blob = _sealer(journal).seal(part, "a1", "r1", ("ann",))
    assert Keys(journal, KEK).open(blob, part.name, "a1") == part
    assert part.data not in blob or len(part.data) < 3


def test_every_change_is_found(journal: Journal) -> None:
    blob = _sealer(journal).seal(PART, "a1", "r1", ("ann",))
    keys = Keys(journal, KEK)
    for at in (0, *range(9, len(blob))):  # between them stands the number of the run key
        changed = blob[:at] + bytes([blob[at] ^ 4]) + blob[at + 1 :]
        with pytest.raises(Tampered):
            keys.open(changed, "findings", "a1")
    with pytest.raises(Tampered):
        keys.open(blob, "result", "a1")
    with pytest.raises(Tampered):
        keys.open(blob, "findings", "a2")
    with pytest.raises(Tampered):
        keys.open(b"\1", "findings", "a1")
    with pytest.raises(Tampered):
        Keys(journal, Kek(1, bytes(32))).open(blob, "findings", "a1")
    with pytest.raises(Misconfigured):
        Keys(journal, Kek(2, KEK.key)).open(blob, "findings", "a1")
    assert keys.open(blob[:1] + (99).to_bytes(8, "big") + blob[9:], "findings", "a1") is None
    for number in (2**63, 2**64 - 1):  # beyond what SQLite counts to
        with pytest.raises(Tampered):
            keys.open_row(blob[:1] + number.to_bytes(8, "big") + blob[9:], 3, "a1")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_stands_there_is_opened_or_tampered(journal: Journal, seed: int) -> None:
    """Nothing but `Tampered`, and `Misconfigured` for a KEK that is not here, comes out of bytes that somebody made."""
    chance = random.Random(seed)
    about = [
        "ann",
        "[",
        '["ann"',
        "{}",
        "[1]",
        "[" * 100_000,
        '["\\ud800"]',
        '["ann", "bob"]',
        "[]",
        "null",
        "",
    ]
    for turn in range(400):
        blob = _sealer(journal).seal(PART, "a1", f"r{turn}", ("ann",))
        spoilt = bytearray(blob if chance.random() < 0.7 else chance.randbytes(chance.randrange(80)))
        for _ in range(chance.randrange(4)):
            if spoilt:
                spoilt[chance.randrange(len(spoilt))] = chance.choice((0, 1, 127, 128, 255))
        wrapped = chance.choice((b"", bytes(24), bytes(40), bytes(41)))
        db = journal._db
        if chance.random() < 0.5:
            db.execute("UPDATE run_key SET subjects = ?", (chance.choice(about),))
        if chance.random() < 0.3:
            db.execute("UPDATE run_key SET wrapped = ? WHERE run = ?", (wrapped, f"r{turn}"))
        if chance.random() < 0.1:
            db.execute("UPDATE subject_key SET wrapped = ?, epoch = ?", (wrapped, chance.choice((1, 2**40))))
        for open_ in (Keys(journal, KEK).open_row, lambda b, _, i: Keys(journal, KEK).open(b, "findings", i)):
            with suppress(Tampered, Misconfigured):
                open_(bytes(spoilt), 7, "a1")
        db.execute("DELETE FROM subject_key")
        db.execute("DELETE FROM run_key")
        db.execute("DELETE FROM run_key_about")


def test_a_part_about_two_people_needs_both_keys(journal: Journal) -> None:
    for gone in ("ann", "bob"):
        sealer = _sealer(journal)
        blob = sealer.seal(PART, "a1", "r1", ("bob", "ann"))
        alone = sealer.seal(PART, "a2", "r1", ("carl",))
        assert sealer.open(blob, "findings", "a1") == PART
        sealer.erase(gone)
        assert sealer.open(blob, "findings", "a1") is None
        assert sealer.open(alone, "findings", "a2") == PART


def test_whoever_is_erased_and_comes_back_gets_a_new_key(journal: Journal) -> None:
    sealer = _sealer(journal)
    old = sealer.seal(PART, "a1", "r1", ("ann",))
    sealer.erase("ann")
    new = sealer.seal(PART, "a1", "r1", ("ann",))
    assert sealer.open(old, "findings", "a1") is None
    assert sealer.open(new, "findings", "a1") == PART


def test_only_what_has_a_key_can_be_erased(journal: Journal) -> None:
    with pytest.raises(NotFound):
        _sealer(journal).erase("nobody")
    with pytest.raises(NotFound):
        _sealer(journal).erase("")


def test_a_salt_has_one_length(journal: Journal) -> None:
    with pytest.raises(Malformed):
        _sealer(journal).seal(Part("findings", b"short", b""), "a1", "r1", ())


def test_keys_wrapped_anew_do_without_the_old_epoch(journal: Journal) -> None:
    sealer = _sealer(journal)
    blob = sealer.seal(PART, "a1", "r1", ("ann", "bob"))
    fresh = Kek(2, b"another key above the keys, here")
    assert sealer.rewrap(fresh) == 2
    assert Keys(journal, fresh).open(blob, "findings", "a1") == PART
    with pytest.raises(Misconfigured):
        Keys(journal, KEK).open(blob, "findings", "a1")


def test_the_cache_of_run_keys_is_bounded(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    from standwatch.store import sealing

    monkeypatch.setattr(sealing, "KEPT", 4)
    sealer = _sealer(journal)
    blobs = [sealer.seal(PART, "a1", f"r{n % 6}", ()) for n in range(24)]
    assert len(sealer._ready) == 4
    assert all(sealer.open(blob, "findings", "a1") == PART for blob in blobs)
    assert int(journal._db.execute("SELECT count(*) FROM run_key").get) == 6


def _raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


class Remembered:
    """Random bytes, all remembered: among them every key that was made."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        self.given.append(os.urandom(count))
        return self.given[-1]


def test_an_erased_key_is_in_no_file_any_more(folder: Path) -> None:
    async def play() -> None:
        entropy = Remembered()
        async with store("local", folder, entropy=entropy) as it:
            run = await it.run()
            idents: list[str] = []
            for _ in range(300):
                entry = intent(run, it.first.state.seen)
                ack = await it.append(entry, scopes=SCOPES, parts=(PART,), subjects=("ann",))
                await it.append(
                    outcome(entry.id, ack.index), parts=(Part("result", SALT, b"r"),), subjects=("bob",)
                )
                idents.append(entry.id)
            rows = Journal(folder / DATABASE, readonly=True)
            wrapped = [w for s, _, w in rows.rows("subject_keys") if s == "ann"]
            wrapped += [
                w for (w,) in rows._db.execute("SELECT wrapped FROM run_key WHERE subjects = '[\"ann\"]'")
            ]
            rows.close()
            assert len(wrapped) == 2
            assert all(each in _raw(folder) for each in wrapped)

            await asyncio.wrap_future(it.recorder.erase("ann"))

            after = _raw(folder)
            assert not any(each in after for each in wrapped)
            assert not any(each in after for each in entropy.given if len(each) == 32)
            link = it.first
            for ident in idents[::50]:
                assert not (await link.fetch(Fetch(link.next_number(), ident, "findings"))).known
                assert (await link.fetch(Fetch(link.next_number(), ident, "result"))).known
            reader = Reader(folder, kek=KEK)
            index = reader.of_action(idents[0])[0]
            assert reader.sealed(index, idents[0], "findings").erased
            assert not reader.sealed(index, idents[0], "action").erased
            reader.close()
            again = intent(run, it.first.state.seen)
            await it.append(again, scopes=SCOPES, parts=(PART,), subjects=("ann",))
            assert (await link.fetch(Fetch(link.next_number(), again.id, "findings"))).data == b"secret"

    asyncio.run(play())


def test_retention_drops_a_day_and_leaves_the_log_whole(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            placed = await it.append(hold(), parts=(Part("reason", SALT, b"why"),))
            days = await asyncio.wrap_future(it.recorder.submit(lambda: it.recorder._journal.days()))
            assert days == {"20261118"}
            await asyncio.wrap_future(it.recorder.drop_day("20261118"))
            fetched = await it.first.fetch(Fetch(it.first.next_number(), str(placed.index), "reason"))
            assert not fetched.known
            again = await it.append(hold(), parts=(Part("reason", SALT, b"again"),))
            assert again.index == placed.index + 1
            fetched = await it.first.fetch(Fetch(it.first.next_number(), str(again.index), "reason"))
            assert fetched.data == b"again"

    asyncio.run(play())


def test_a_recorder_with_another_key_above_the_keys_does_not_seal_under_it(folder: Path) -> None:
    recorder = Recorder.open(setup(folder))
    recorder.close()
    reader = Reader(folder, kek=Kek(1, bytes(32)))
    assert reader.part("nobody", "task") is None
    reader.close()
