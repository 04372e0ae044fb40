"""A reader beside the writer sees every committed entry, flushed or not, and proves what it shows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import apsw
import pytest

from standwatch.facts.entries import AnyEntry, Declared, Hold, Released
from standwatch.facts.errors import NotFound
from standwatch.facts.parts import Part
from standwatch.record.checkpoint import open_checkpoint
from standwatch.record.leaf import decode
from standwatch.record.source import hashes
from standwatch.record.state import State, folds, load, save
from standwatch.record.tiles import TILE_WIDTH, Bundle, Tile, decode_bundle, new_tiles, tile_root
from standwatch.record.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from standwatch.store import journal
from standwatch.store.mark import mac, marks_of
from standwatch.store.reader import Reader
from support.recorders import (
    KEK,
    KEY,
    MILLISECOND,
    ORIGIN,
    SALT,
    SCOPES,
    START,
    Store,
    hold,
    intent,
    outcome,
    store,
)
from support.upstreams import until


async def _fill(it: Store, acts: int) -> list[str]:
    """Some runs, `acts` acts, and a hold placed and released for every tenth."""
    runs = [await it.run() for _ in range(3)]

    async def some(run: str, count: int) -> None:
        for number in range(count):
            await it.act(run, parts=(Part("findings", SALT, b"%d" % number),))
            if number % 10 == 0:
                placed = await it.append(hold("component:other"))
                await it.append(Released(by="p-olga", hold=placed.index))

    await asyncio.gather(*[some(run, acts // 3) for run in runs])
    return runs


def signed(it: Store) -> int:
    """How many entries the last checkpoint covers."""
    return open_checkpoint(it.recorder.head, ORIGIN, [KEY]).size if it.recorder.head else 0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of some thousand entries with a flushed part and a tail."""
    folder = tmp_path_factory.mktemp("filled")

    async def play() -> None:
        async with store("local", folder) as it:
            await _fill(it, 1_500)
            run = await it.run()
            await it.append(intent(run, it.first.state.seen), scopes=SCOPES)
            reader = Reader(folder)
            await until(lambda: signed(it) == reader.size)
            reader.close()

    asyncio.run(play())
    return folder


def test_the_fixture_has_what_the_tests_below_are_about(filled: Path) -> None:
    reader = Reader(filled)
    assert reader.size > 3 * journal.FLUSH
    assert reader.size % journal.FLUSH > 100


def test_actions_and_runs_are_found_in_the_flushed_part_and_in_the_tail(filled: Path) -> None:
    reader = Reader(filled)
    by_action: dict[str, list[int]] = {}
    by_run: dict[str, list[int]] = {}
    run_of: dict[str, str] = {}
    for index, entry in reader.entries(0, reader.size):
        ident, run = getattr(entry, "id", ""), getattr(entry, "run", "")
        if ident:
            by_action.setdefault(ident, []).append(index)
            run_of.setdefault(ident, run)
        if run or ident:
            by_run.setdefault(run or run_of[ident], []).append(index)
    assert len(by_run) == 4
    assert len(by_action) == 1_501
    assert {ident: reader.of_action(ident) for ident in by_action} == by_action
    assert {run: reader.of_run(run) for run in by_run} == by_run
    assert reader.of_action("nobody") == reader.of_run("nobody") == []


def test_control_entries_and_state_at_any_index(filled: Path) -> None:
    reader = Reader(filled)
    state = State()
    control: list[int] = []
    for index, entry in reader.entries(0, reader.size):
        if folds(entry):
            state.fold(index, entry)
            control.append(index)
            if len(control) % 20 == 0:
                assert save(reader.state_at(index)) == save(state)
                assert reader.state_before(index).seen == control[-2]
    assert [index for index, _ in reader.control(0, reader.size)] == control
    assert reader.state_before(0).seen == -1


def test_snapshots_are_taken_and_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from standwatch.store import memory

    monkeypatch.setattr(memory, "SNAPSHOT", 50)
    monkeypatch.setattr(memory, "FLUSH", 64)

    async def play() -> None:
        async with store("local", folder) as it:
            for number in range(400):
                await it.append(
                    Declared(by="p", system=f"s{number % 7}", envelope=f"{number}", components="c")
                )
            reader = Reader(folder)
            state = State()
            for index, entry in reader.entries(0, reader.size):
                state.fold(index, entry)
                assert save(reader.state_at(index)) == save(state)
            assert len(reader._journal.rows("snapshot", 2**62)) == 1
        async with store("local", folder) as it:
            assert save(it.first.state) == save(state)

    asyncio.run(play())


async def _declare(it: Store, count: int) -> None:
    for number in range(count):
        await it.append(Declared(by="p", system=f"s{number % 7}", envelope=f"{number}", components="c"))


def _snapshots(folder: Path) -> dict[int, bytes]:
    db = apsw.Connection(str(folder / journal.DATABASE))
    found = {int(str(index)): bytes(data) for index, data in db.execute("SELECT idx, state FROM snapshot")}  # type: ignore[arg-type]
    db.close()
    return found


@pytest.mark.parametrize("damaged", [1, 99], ids=["the last", "all"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[len(b"standwatch/state/") + 4 :],
        lambda data: b"standwatch/state/\0\0\0\xff" + data[len(b"standwatch/state/") + 4 :],
        lambda data: data[:-9],
        lambda _: b"",
        lambda data: data[:-40] + bytes(40),
    ],
    ids=["no version", "another version", "cut off", "empty", "overwritten"],
)
def test_a_snapshot_that_is_not_of_this_fold_is_folded_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes], damaged: int
) -> None:
    from standwatch.store import memory

    monkeypatch.setattr(memory, "SNAPSHOT", 50)
    monkeypatch.setattr(memory, "FLUSH", 64)

    async def play() -> None:
        async with store("local", folder) as it:
            await _declare(it, 300)
            before = save(it.first.state)
        made = _snapshots(folder)
        assert len(made) > 2
        db = apsw.Connection(str(folder / journal.DATABASE))
        for index in sorted(made)[-damaged:]:
            chain, data = made[index][32:64], made[index][64:]
            db.execute("UPDATE snapshot SET state = ? WHERE idx = ?", (_marked(chain + damage(data)), index))
        db.close()
        reader = Reader(folder, kek=KEK)
        assert save(reader.state_at(reader.size - 1)) == before
        reader.close()
        async with store("local", folder) as it:
            assert save(it.first.state) == before
            await _declare(it, 64)  # another flush, and with it a snapshot that can be used
            after = save(it.first.state)
        assert load(_snapshots(folder)[max(_snapshots(folder))][64:]).seen > max(made) or damaged == 1
        reader = Reader(folder, kek=KEK)
        assert save(reader.state_at(reader.size - 1)) == after
        reader.close()

    asyncio.run(play())


def _marked(data: bytes) -> bytes:
    """`data` as the store marks a snapshot for its own."""
    return mac(marks_of(KEK)[0], b"snapshot", data) + data


@pytest.mark.parametrize(
    "forge", [lambda data: data, lambda data: bytes(32) + data], ids=["no mark", "a wrong mark"]
)
def test_a_state_that_somebody_wrote_into_the_database_is_not_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, forge: Callable[[bytes], bytes]
) -> None:
    from standwatch.store import memory

    monkeypatch.setattr(memory, "SNAPSHOT", 50)
    monkeypatch.setattr(memory, "FLUSH", 64)

    async def play() -> None:
        async with store("local", folder) as it:
            await _declare(it, 150)
            before = save(it.first.state)
        made = _snapshots(folder)
        ghost = load(made[max(made)][64:])
        ghost.tokens["ab" * 32] = ("principal", "ghost")
        db = apsw.Connection(str(folder / journal.DATABASE))
        forged = forge(made[max(made)][32:64] + save(ghost))
        db.execute("UPDATE snapshot SET state = ? WHERE idx = ?", (forged, max(made)))
        db.close()
        for kek in (KEK, None):
            reader = Reader(folder, kek=kek)
            assert save(reader.state_at(reader.size - 1)) == before
            reader.close()
        async with store("local", folder) as it:
            assert save(it.first.state) == before

    asyncio.run(play())


def test_a_fold_that_met_an_unknown_kind_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version knows the kind, and must not go on from what this one made of the rest."""
    from standwatch.store import memory, writer

    monkeypatch.setattr(memory, "SNAPSHOT", 50)
    monkeypatch.setattr(memory, "FLUSH", 64)
    leaf_of = writer._leaf

    def novel(entry: AnyEntry, now: int) -> tuple[bytes, AnyEntry]:
        if not isinstance(entry, Hold):
            return leaf_of(entry, now)
        leaf = b'{"at":%d,"by":"p","kind":"ctl.novel.1"}' % now
        return leaf, cast("AnyEntry", decode(leaf))

    async def play() -> None:
        async with store("local", folder) as it:
            await _declare(it, 200)
            kept = set(_snapshots(folder))
            assert kept
            monkeypatch.setattr(writer, "_leaf", novel)
            ack = await it.append(hold())
            await _declare(it, 200)
            assert it.first.state.stopped
            assert set(_snapshots(folder)) == kept
        async with store("local", folder) as it:
            assert it.first.state.stopped
            await _declare(it, 100)
            assert set(_snapshots(folder)) == kept
        reader = Reader(folder)
        assert reader.state_at(reader.size - 1).stopped
        assert not reader.state_before(ack.index).stopped
        reader.close()

    asyncio.run(play())


def test_times_are_found(filled: Path) -> None:
    reader = Reader(filled)
    times = [entry.at for _, entry in reader.entries(0, reader.size)]
    for time in [0, *times[::97], times[-1], times[-1] + 10**9, times[700] - 1, times[700] + 1]:
        assert reader.at(time) == sum(at <= time for at in times) - 1


def test_tiles_are_those_of_the_tree_over_the_leaves(filled: Path) -> None:
    reader = Reader(filled)
    leaves = [leaf_hash(leaf) for _, leaf in reader.leaves(0, reader.size)]
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    for tile in new_tiles(0, reader.size):
        data = reader.tile(tile)
        if tile.level == 0:
            start = tile.index * TILE_WIDTH
            assert data == b"".join(leaves[start : start + tile.width])
        else:
            assert data[:32] == tile_root(reader.tile(Tile(tile.level - 1, tile.index * TILE_WIDTH)))
    source = hashes(reader, reader.size)
    assert Frontier.of(source, reader.size).root() == tree.root()
    with pytest.raises(NotFound):
        reader.tile(Tile(0, reader.size // TILE_WIDTH))
    with pytest.raises(NotFound):
        reader.tile(Tile(5, 0, 1))
    bundle = Bundle(reader.size // TILE_WIDTH, 3)
    start = bundle.index * TILE_WIDTH
    assert decode_bundle(reader.bundle(bundle), 3) == [leaf for _, leaf in reader.leaves(start, start + 3)]


def test_the_signed_checkpoint_covers_everything_and_proofs_lead_to_it(filled: Path) -> None:
    reader = Reader(filled)
    head = open_checkpoint(reader.checkpoint(), ORIGIN, [KEY])
    assert head.size == reader.size
    source = hashes(reader, head.size)
    for index in (0, 255, 256, 1_700, head.size - 1):
        proof = inclusion_proof(source, index, head.size)
        verify_inclusion(leaf_hash(reader.leaf(index)), index, head.size, proof, head.root)
    old = open_checkpoint(reader.checkpoint(head.size // 2), ORIGIN, [KEY])
    assert old.size <= head.size // 2
    proof = consistency_proof(source, old.size, head.size)
    verify_consistency(old.size, head.size, proof, old.root, head.root)


def test_a_checkpoint_follows_an_entry_after_a_pause(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder, pause=0.5) as it:
            ack = await it.append(hold())
            await until(lambda: signed(it) > ack.index)
            reader = Reader(folder)
            assert reader.checkpoint() == it.recorder.head
            reader.close()

    asyncio.run(play())


def test_a_reader_follows_the_writer_over_a_flush(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            reader = Reader(folder, kek=KEK)
            run = await it.run()
            for _ in range(6):
                entries = [intent(run, it.first.state.seen) for _ in range(200)]
                acks = await asyncio.gather(*[it.append(each, scopes=SCOPES) for each in entries])
                assert reader.of_action(entries[-1].id) == [acks[-1].index]
                assert len(reader.open_intents()) == 200
                ends = [outcome(e.id, a.index) for e, a in zip(entries, acks, strict=True)]
                await asyncio.gather(*[it.append(each) for each in ends])
                assert reader.open_intents() == {}
            assert len(reader.of_run(run)) == 1 + 6 * 400
            reader.close()

    asyncio.run(play())


def test_what_a_reader_without_the_key_can_see(filled: Path) -> None:
    reader = Reader(filled)
    index, entry = next((i, e) for i, e in reader.entries(0, reader.size) if getattr(e, "id", ""))
    assert reader.part(entry.id, "findings") is None  # type: ignore[union-attr]
    assert reader.sealed(index, entry.id, "findings").parts == ()  # type: ignore[union-attr]
    assert Reader(filled, kek=KEK).part(entry.id, "findings") is not None  # type: ignore[union-attr]


def test_a_reader_wants_a_log(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Reader(tmp_path)
    with pytest.raises(NotFound):
        Reader(tmp_path).leaf(0)


def test_the_clock_of_the_fixture_is_the_one_tests_set(filled: Path) -> None:
    assert Reader(filled).entry(0).at - START < 100 * MILLISECOND
