"""The disk fails at every k-th call: nothing is acknowledged that is not durable, nothing acknowledged is lost."""

import asyncio
import os
import random
import shutil
from pathlib import Path

import apsw
import pytest

from standwatch.facts.entries import Gap, Hold, Intent, Outcome
from standwatch.facts.errors import Tampered
from standwatch.facts.frames import Ack, Append, Fetch, Refusal
from standwatch.facts.parts import Part
from standwatch.record.checkpoint import open_checkpoint
from standwatch.record.source import hashes
from standwatch.record.state import save
from standwatch.record.tree import Frontier, leaf_hash
from standwatch.store.journal import Journal
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from support.disk import Fault, faulty, recording
from support.recorders import KEY, ORIGIN, SALT, SCOPES, Store, asked, hold, intent, outcome, setup, store
from support.upstreams import until

PARTS = (Part("findings", SALT, bytes(700)),)


class Told:
    """What callers heard."""

    def __init__(self) -> None:
        self.acks: list[Ack] = []
        self.intents: dict[str, int] = {}
        self.unrecorded: set[str] = set()

    def hear(self, answer: Ack | Refusal) -> bool:
        if isinstance(answer, Ack):
            self.acks.append(answer)
        return isinstance(answer, Ack)


async def _agent(it: Store, run: str, told: Told, acts: int) -> None:
    link = it.first
    for _ in range(acts):
        entry = intent(run, link.state.seen)
        answer = await link.append(Append(link.next_number(), entry, PARTS, scopes=SCOPES))
        if told.hear(answer):
            assert isinstance(answer, Ack)
            told.intents[entry.id] = answer.index
            done = Append(link.next_number(), outcome(entry.id, answer.index), PARTS[:0])
            told.hear(await link.append(done))
        else:
            assert isinstance(answer, Refusal)
            assert answer.code in {"unrecorded", "stale"}, answer
            told.unrecorded.add(entry.id)
            await asyncio.sleep(0.01)


def check(folder: Path, told: Told) -> Reader:
    """Everything that was acknowledged is in the log, where it was said to be, and the log is sound."""
    reader = Reader(folder)
    tree = Frontier()
    for ack in told.acks:
        assert leaf_hash(reader.leaf(ack.index)) == ack.leaf
    leaves = [leaf for _, leaf in reader.leaves(0, reader.size)]
    assert len(leaves) == reader.size
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    assert Frontier.of(hashes(reader, reader.size), reader.size).root() == tree.root()
    times = [entry.at for _, entry in reader.entries(0, reader.size)]
    assert times == sorted(times)
    for index, entry in reader.entries(0, reader.size):
        if isinstance(entry, (Intent, Outcome)):
            assert index in reader.of_action(entry.id)
        if isinstance(entry, Intent) and entry.id in told.unrecorded:
            # It got through though its caller was refused: the record says that nothing was sent.
            last = reader.entry(reader.of_action(entry.id)[-1])
            assert isinstance(last, Outcome)
            assert last.status in {"not_sent", "unknown"}
    return reader


@pytest.mark.parametrize("fault", ["write", "sync", "full"])
@pytest.mark.parametrize("count", [1, 4])
def test_a_fault_at_every_kth_call(tmp_path: Path, fault: Fault, count: int) -> None:
    struck: list[int] = []

    async def play(folder: Path, skip: int, name: str) -> None:
        told = Told()
        with faulty(name) as disk:
            async with store("local", folder, vfs=name) as it:
                run = await it.run()
                disk.arm(fault, skip, count)
                await asyncio.gather(*[_agent(it, run, told, 6) for _ in range(4)])
                held = await it.ask(hold("component:other"))
                told.hear(held)
                failed = disk.failed
                struck.append(failed)
                disk.disarm()
                await until(lambda: it.first.alive)
                await _agent(it, run, told, 1)
                assert failed == 0 or told.acks[-1].index == it.recorder._writer.size - 1
                if isinstance(held, Ack):
                    assert held.index in it.first.state.holds
        reader = check(folder, told)
        gaps = [entry for _, entry in reader.entries(0, reader.size) if isinstance(entry, Gap)]
        assert bool(gaps) >= bool(told.unrecorded)
        reader.close()
        recorder = await asyncio.to_thread(Recorder.open, setup(folder))  # no false alarm
        await asyncio.to_thread(recorder.close)
        reader = check(folder, told)
        assert reader.open_intents() == {}
        assert open_checkpoint(reader.checkpoint(), ORIGIN, [KEY]).size == reader.size
        reader.close()

    step = 5 if os.environ.get("STANDWATCH_EVERYTHING") else 11
    for skip in range(0, 60, step):
        asyncio.run(play(tmp_path / f"{skip}", skip, f"faulty-{fault}-{count}-{skip}"))
    assert sum(struck) >= count


def test_while_the_disk_fails_everything_is_refused_and_the_gap_is_said_first(tmp_path: Path) -> None:
    async def play() -> None:
        with faulty("failing") as disk:
            async with store("local", tmp_path, vfs="failing") as it:
                run = await it.run()
                disk.arm("sync", 0, 10**9)
                for _ in range(5):
                    refusal = await it.refused(intent(run, it.first.state.seen), scopes=SCOPES)
                    assert refusal.code == "unrecorded"
                assert not it.first.alive
                assert it.recorder.problem
                before = Reader(tmp_path).size
                disk.disarm()
                ack = await it.append(intent(run, it.first.state.seen), scopes=SCOPES)
                assert it.first.alive
                reader = Reader(tmp_path)
                gap = next(e for _, e in reader.entries(before, ack.index) if isinstance(e, Gap))
                assert gap.unrecorded >= 5
                assert gap.begin <= gap.at

    asyncio.run(play())


def test_a_record_that_is_only_read_meanwhile_still_becomes_writable(tmp_path: Path) -> None:
    """Nobody appends, and look-ups come faster than it tries again."""

    async def play() -> None:
        with faulty("looked at") as disk:
            async with store("local", tmp_path, vfs="looked at") as it:
                run = await it.run()
                disk.arm("sync", 0, 10**9)
                await it.refused(intent(run, it.first.state.seen), scopes=SCOPES)
                disk.disarm()
                for _ in range(1_500):
                    await it.first.fetch(Fetch(it.first.next_number(), run, "task"))
                    await asyncio.wrap_future(it.recorder.open_intents())
                    if it.first.alive:
                        break
                    await asyncio.sleep(0.02)
                assert it.first.alive

    asyncio.run(play())


def test_a_commit_that_happened_though_it_reported_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers were refused, so the intent ends as `not_sent`; replicas learn of the hold that is in force."""
    commit = Journal.commit
    failures = [apsw.IOError("after the fact")]

    def commit_and_fail(self: Journal) -> None:
        commit(self)
        if failures:
            raise failures.pop()

    async def play() -> None:
        async with store("local", tmp_path) as it:
            run = await it.run()
            monkeypatch.setattr(Journal, "commit", commit_and_fail)
            entry = intent(run, it.first.state.seen)
            both = await asyncio.gather(
                it.ask(entry, scopes=SCOPES), it.ask(asked(run, it.first.state.seen, 2**52))
            )
            assert [isinstance(each, Refusal) and each.code for each in both] == ["unrecorded", "unrecorded"]
            await it.append(hold())
            reader = Reader(tmp_path)
            ghost, end = (reader.entry(index) for index in reader.of_action(entry.id))
            assert isinstance(ghost, Intent)
            assert isinstance(end, Outcome)
            assert end.status == "not_sent"
            assert len(it.first.state.questions) == 1
            assert save(it.first.state) == save(reader.state_at(reader.size))
            reader.close()

    asyncio.run(play())


def test_a_full_disk_still_takes_a_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk has no room until the ballast is let go; then there is room for a hold, and for nothing else."""
    from standwatch.store import ballast

    async def play() -> None:
        with faulty("filling") as disk:
            async with store("local", tmp_path, vfs="filling") as it:
                run = await it.run()
                monkeypatch.setattr(ballast, "_free", lambda _: 0)
                released = ballast.Ballast.release

                def release(self: ballast.Ballast) -> None:
                    released(self)
                    disk.disarm()

                monkeypatch.setattr(ballast.Ballast, "release", release)
                disk.arm("full", 0, 10**9)
                both = await asyncio.gather(
                    it.ask(intent(run, it.first.state.seen), scopes=SCOPES), it.ask(hold())
                )
                assert isinstance(both[0], Refusal)
                assert both[0].code == "unrecorded"
                assert isinstance(both[1], Ack)
                assert both[1].index in it.first.state.holds
                assert not it.first.alive
                assert (
                    await it.refused(intent(run, it.first.state.seen), scopes=SCOPES)
                ).code == "unrecorded"
                again = await it.append(hold("all"))
                reader = Reader(tmp_path)
                assert isinstance(reader.entry(again.index), Hold)
                monkeypatch.undo()
                await until(lambda: it.first.alive)
                ack = await it.append(intent(run, it.first.state.seen), scopes=SCOPES)
                gaps = [e for _, e in reader.entries(again.index, ack.index) if isinstance(e, Gap)]
                assert len(gaps) == 1
                assert gaps[0].unrecorded >= 1

    asyncio.run(play())


def test_a_recorder_starts_on_a_full_disk_for_the_sake_of_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standwatch.store import ballast

    async def play() -> None:
        async with store("local", tmp_path) as it:
            run = await it.run()
            entry = intent(run, it.first.state.seen)
            await it.append(entry, scopes=SCOPES)
        (tmp_path / "ballast").unlink()
        monkeypatch.setattr(ballast, "_free", lambda _: 0)
        async with store("local", tmp_path) as it:
            assert not it.first.alive
            await it.append(hold())
            reader = Reader(tmp_path)
            assert len(reader.open_intents()) == 1
            monkeypatch.undo()
            await until(lambda: not reader.open_intents())
            last = reader.entry(reader.of_action(entry.id)[-1])
            assert isinstance(last, Outcome)
            assert last.status == "unknown"
            await until(lambda: it.first.alive)
            reader.close()

    asyncio.run(play())


def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    told = Told()
    moments: list[tuple[int, int, bytes]] = []

    async def play(folder: Path) -> dict[str, bytes]:
        with recording("recording") as disk:
            async with store("local", folder, vfs="recording") as it:
                run = await it.run()
                await asyncio.sleep(0.1)
                base = {path.name: path.read_bytes() for path in folder.glob("record.db*")}
                disk.ops.clear()

                async def watch() -> None:
                    while True:
                        head = (folder / "head").read_bytes()
                        moments.append((len(told.acks), len(disk.ops), head))
                        await asyncio.sleep(0.002)

                watching = asyncio.create_task(watch())
                await asyncio.gather(*[_agent(it, run, told, 60) for _ in range(8)])
                watching.cancel()
            ops = list(disk.ops)
        assert len(ops) > 500
        assert len(moments) > 20
        for number, (acks, upto, head) in enumerate(chance.sample(moments, 20)):
            found = tmp_path / f"found {number}"
            found.mkdir()
            for name, data in disk.after_power_cut(base, upto, chance).items():
                if not name.endswith("-shm"):
                    (found / name).write_bytes(data)
            (found / "head").write_bytes(head)
            recorder = await asyncio.to_thread(Recorder.open, setup(found))
            await asyncio.to_thread(recorder.close)
            heard = Told()
            heard.acks = told.acks[:acks]
            check(found, heard).close()
        return base

    asyncio.run(play(tmp_path / "log"))


def test_an_older_copy_is_never_signed_again(tmp_path: Path) -> None:
    async def some(folder: Path, acts: int) -> None:
        async with store("local", folder) as it:
            run = await it.run()
            for _ in range(acts):
                await it.act(run)

    folder = tmp_path / "log"
    asyncio.run(some(folder, 20))
    old = (folder / "record.db").read_bytes()
    asyncio.run(some(folder, 5))
    new, head = (folder / "record.db").read_bytes(), (folder / "head").read_bytes()
    (folder / "record.db").write_bytes(old)
    for _ in range(2):
        with pytest.raises(Tampered, match="older copy"):
            Recorder.open(setup(folder))
        assert (folder / "head").read_bytes() == head
    (folder / "record.db").unlink()
    with pytest.raises(Tampered):
        Recorder.open(setup(folder))
    (folder / "record.db").write_bytes(new)
    (folder / "head").unlink()
    with pytest.raises(Tampered, match="gone"):
        Recorder.open(setup(folder))
    lines = head.split(b"\n")
    (folder / "head").write_bytes(b"\n".join([lines[0], b"%d" % (int(lines[1]) - 1), *lines[2:]]))
    with pytest.raises(Tampered):
        Recorder.open(setup(folder))
    (folder / "head").write_bytes(head)
    Recorder.open(setup(folder)).close()


def test_a_backup_of_the_whole_folder_is_not_signed_again(tmp_path: Path) -> None:
    """The head within the folder is as old as the rest; its twin outside is not."""
    folder, backup, head = tmp_path / "log", tmp_path / "backup", tmp_path / "elsewhere"

    async def some(acts: int) -> None:
        async with store("local", folder, head=head) as it:
            run = await it.run()
            for _ in range(acts):
                await it.act(run)

    asyncio.run(some(5))
    shutil.copytree(folder, backup)
    asyncio.run(some(5))
    newest, now = head.read_bytes(), tmp_path / "now"
    folder.rename(now)
    shutil.copytree(backup, folder)
    for _ in range(2):
        with pytest.raises(Tampered, match="older copy"):
            Recorder.open(setup(folder, head=head))
        assert head.read_bytes() == newest
    shutil.rmtree(folder)
    with pytest.raises(Tampered, match="older copy"):  # nor is a log begun anew under this key
        Recorder.open(setup(folder, head=head))
    shutil.rmtree(folder)
    now.rename(folder)
    asyncio.run(some(1))
    assert head.read_bytes() == (folder / "head").read_bytes()


def test_one_of_the_two_heads_may_be_missing_or_behind_and_not_both(tmp_path: Path) -> None:
    folder, head = tmp_path / "log", tmp_path / "elsewhere"
    inside = folder / "head"
    Recorder.open(setup(folder, head=head)).close()
    older = head.read_bytes()

    async def play() -> None:
        async with store("local", folder, head=head) as it:
            await it.act(await it.run())

    asyncio.run(play())
    newest = head.read_bytes()
    for lost in (head, inside):
        lost.unlink()
        Recorder.open(setup(folder, head=head)).close()
        assert head.read_bytes() == inside.read_bytes() == newest
        lost.write_bytes(older)  # killed between the two
        recorder = Recorder.open(setup(folder, head=head))
        assert recorder.head == newest
        recorder.close()
        assert head.read_bytes() == inside.read_bytes() == newest
    for wrong in (head, inside):
        wrong.write_bytes(newest[:-9])
        with pytest.raises(Tampered, match="not a checkpoint"):
            Recorder.open(setup(folder, head=head))
        wrong.write_bytes(newest)
    head.unlink()
    inside.unlink()
    with pytest.raises(Tampered, match="gone"):
        Recorder.open(setup(folder, head=head))


def test_a_rewritten_entry_is_not_signed(tmp_path: Path) -> None:
    async def play() -> None:
        async with store("local", tmp_path) as it:
            run = await it.run()
            for _ in range(20):
                await it.act(run)

    asyncio.run(play())
    db = apsw.Connection(str(tmp_path / "record.db"))
    leaf = db.execute("SELECT leaf FROM entry WHERE idx = 7").get
    assert isinstance(leaf, bytes)
    db.execute("UPDATE entry SET leaf = ? WHERE idx = 7", (leaf.replace(b"agent", b"Agent"),))
    db.close()
    with pytest.raises(Tampered, match="not those that were signed"):
        Recorder.open(setup(tmp_path))
    assert open_checkpoint((tmp_path / "head").read_bytes(), ORIGIN, [KEY]).size > 7


def test_a_log_is_not_taken_for_another(tmp_path: Path) -> None:
    from standwatch.record.note import NoteKey

    Recorder.open(setup(tmp_path)).close()
    with pytest.raises(Tampered):
        Recorder.open(setup(tmp_path, key=NoteKey("other.invalid/log", KEY.public)))


def test_a_process_that_was_refused_finds_its_log_unharmed(tmp_path: Path) -> None:
    """The first entry cannot be written: opening says so, and works when the disk does."""
    from standwatch.facts.errors import StandwatchError

    with faulty("stillborn") as disk:
        disk.arm("sync", 2, 10**9)
        with pytest.raises(StandwatchError) as found:
            Recorder.open(setup(tmp_path, vfs="stillborn"))
        assert found.value.code == "unrecorded"
        disk.disarm()
        Recorder.open(setup(tmp_path, vfs="stillborn")).close()
