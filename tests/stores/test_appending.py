"""What is acknowledged is durable, in order and once; what may not be written is refused with a reason."""

import asyncio
from pathlib import Path

import pytest

from standwatch.facts.entries import (
    Answered,
    Asked,
    Declared,
    Denied,
    Evidence,
    Gap,
    Intent,
    Released,
    RunBound,
    RunClosed,
)
from standwatch.facts.errors import Conflict
from standwatch.facts.frames import Ack, Append, Fetch, Find, Refusal
from standwatch.facts.parts import Part
from standwatch.record.leaf import decode
from standwatch.record.sequence import IDLE
from standwatch.record.tree import leaf_hash
from standwatch.store.journal import FLUSH
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from support.recorders import (
    KEK,
    MILLISECOND,
    SALT,
    SCOPES,
    START,
    Clock,
    Kind,
    Store,
    asked,
    hold,
    ident,
    intent,
    opened,
    outcome,
    setup,
    store,
)


def test_an_acknowledged_entry_is_durable_before_it_is_acknowledged(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            entry = intent(run, it.first.state.seen)
            ack = await it.append(entry, scopes=SCOPES)
            reader = Reader(folder)
            assert leaf_hash(reader.leaf(ack.index)) == ack.leaf
            found = reader.entry(ack.index)
            assert isinstance(found, Intent)
            assert (found.id, found.at) == (entry.id, ack.at)
            reader.close()

    asyncio.run(play())


def test_replicas_are_told_before_the_answer(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder, links=2) as it:
            told: list[int] = []
            it.first.on_told = lambda index, _: told.append(index)
            ack = await it.append(hold())
            assert it.first.state.holds[ack.index].scope == "system:pay"
            assert told == [ack.index]
            assert it.first.state.at == ack.at

    asyncio.run(play())


def test_a_failing_listener_is_reported_and_keeps_nobody_from_folding(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            reports: list[str] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: reports.append(context["message"])
            )

            def listener(_index: int, _entry: object) -> None:
                raise RuntimeError

            it.first.on_told = listener
            ack = await it.append(hold())
            assert ack.index in it.first.state.holds
            assert reports == ["a listener failed on an entry"]

    asyncio.run(play())


def test_after_a_stale_refusal_the_replica_has_caught_up(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder, links=2) as it:
            run = await it.run()
            seen = it.first.state.seen
            placed = await it.append(hold(), through=1)
            refusal = await it.refused(intent(run, seen), scopes=SCOPES)
            assert (refusal.code, refusal.seen) == ("stale", placed.index)
            assert it.first.state.seen >= refusal.seen
            assert placed.index in it.first.state.holds
            await it.append(intent(run, it.first.state.seen), scopes=SCOPES)

    asyncio.run(play())


def test_an_entry_sent_again_hears_the_same_answer(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            entry = intent(run, it.first.state.seen)
            first = await it.append(entry, scopes=SCOPES)
            again = await it.append(entry, scopes=SCOPES)
            assert (again.index, again.at, again.leaf) == (first.index, first.at, first.leaf)
            done = outcome(entry.id, first.index)
            ended = await it.append(done)
            assert (await it.append(done)).index == ended.index
            other = intent(run, it.first.state.seen, entry.id, digest="f" * 64)
            assert (await it.refused(other, scopes=SCOPES)).code == "duplicate"
            assert (await it.refused(outcome(entry.id, first.index, status="error"))).code == "duplicate"

    asyncio.run(play())


def test_an_action_id_is_used_once_however_long_ago(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        old, future = ident(START - 10**12), ident(START + 10**15)
        async with store(kind, folder) as it:
            run = await it.run()
            seen = it.first.state.seen
            acks = [await it.append(intent(run, seen, each), scopes=SCOPES) for each in (old, future)]
            for each, ack in zip((old, future), acks, strict=True):
                await it.append(outcome(each, ack.index))
            await asyncio.gather(*[it.act(run) for _ in range(FLUSH)])
        async with store(kind, folder, clock=Clock(START + 10**9)) as it:  # remembered entries are later ones
            for each, ack in zip((old, future), acks, strict=True):
                assert (await it.append(intent(run, seen, each), scopes=SCOPES)).index == ack.index
                other = intent(run, seen, each, digest="f" * 64)
                assert (await it.refused(other, scopes=SCOPES)).code == "duplicate"

    asyncio.run(play())


def test_a_cap_holds_for_intents_in_flight_together(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder, links=2) as it:
            run = await it.run()
            seen = it.first.state.seen
            answers = await asyncio.gather(
                *[
                    it.ask(intent(run, seen), through=n % 2, scopes=SCOPES, caps={"run/calls": 5})
                    for n in range(40)
                ]
            )
            assert sum(isinstance(each, Ack) for each in answers) == 5
            assert {each.code for each in answers if isinstance(each, Refusal)} == {"budget"}

    asyncio.run(play())


@pytest.mark.parametrize("acts", [2, FLUSH])
def test_a_run_that_ends_says_what_it_did_whatever_its_caller_claims(
    kind: Kind, folder: Path, acts: int
) -> None:
    """Counted where entries are added, and read back whole when another process has taken over."""

    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            seen = it.first.state.seen
            await it.append(asked(run, seen, 2**52), scopes=SCOPES)
            unsent = intent(run, it.first.state.seen, tool="bank.read")
            ack = await it.append(unsent, scopes=SCOPES)
            await it.append(outcome(unsent.id, ack.index, status="not_sent"))
            for _ in range(acts):
                await it.act(run)
        async with store(kind, folder) as it:
            closed = await it.append(RunClosed(by="gate", run=run, counts={"calls": 1_000}))
            other = await it.run()
            empty = await it.append(RunClosed(by="gate", run=other))
            reader = Reader(folder)
            told, nothing = reader.entry(closed.index), reader.entry(empty.index)
            assert isinstance(told, RunClosed)
            assert told.counts == {"asks": 1, "bank.send": acts, "calls": acts}
            assert isinstance(nothing, RunClosed)
            assert nothing.counts == {}
            reader.close()

    asyncio.run(play())


def test_a_family_that_is_over_ends_with_one_entry(kind: Kind, folder: Path) -> None:
    """The runs below end with the one above: nothing is written of what is over already."""
    clock = Clock()

    async def play() -> None:
        async with store(kind, folder, clock=clock) as it:
            until = clock.now + IDLE
            above = await it.run(token="a" * 64, until=until)
            opened = it.first.state.runs[above][1]
            for number, parent in enumerate((above, "below-0", above)):
                said = {name: getattr(opened, name) for name in ("by", "system", "principal", "until")}
                await it.append(
                    RunBound(run=f"below-{number}", token=f"{number}" * 64, parent=parent, **said)
                )
            clock.now += IDLE
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 1
            assert _open_runs(folder) == set()
            reader = Reader(folder)
            closed = [e.run for _, e in reader.entries(0, reader.size) if isinstance(e, RunClosed)]
            assert closed == [above]
            reader.close()

    asyncio.run(play())


def test_runs_end_by_themselves_when_the_sequencer_knows_of_no_use(kind: Kind, folder: Path) -> None:
    clock = Clock()

    async def implicit(it: Store, principal: str) -> str:
        return await it.run(implicit=True, principal=principal)

    async def play() -> None:
        async with store(kind, folder, clock=clock) as it:
            ours = await it.run()
            ended = await it.run(token="a" * 64, until=clock.now + IDLE)
            unused, called, denied, busy, waiting = [
                await implicit(it, name) for name in ("unused", "called", "denied", "busy", "waiting")
            ]
            seen = it.first.state.seen
            slow = intent(busy, seen, by="busy")
            under_way = await it.append(slow, scopes=SCOPES)
            question = asked(waiting, seen, clock.now + 3 * IDLE, by="waiting")
            await it.append(question, scopes=SCOPES)
            clock.now += IDLE - 1_000 * MILLISECOND
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 0
            late = intent(called, it.first.state.seen, by="called")
            await it.append(late, scopes=SCOPES)
            await it.append(_denied(denied, it.first.state.seen))
            clock.now += 1_000 * MILLISECOND
            refusal = await it.refused(RunClosed(by="recorder", run=called))
            assert refusal.code == "stale"
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 2
            assert _open_runs(folder) == {ours, called, denied, busy, waiting}
            reader = Reader(folder)
            closed = [e for _, e in reader.entries(0, reader.size) if isinstance(e, RunClosed)]
            assert [(each.by, each.run) for each in closed] == [("recorder", ended), ("recorder", unused)]
            reader.close()
            clock.now += IDLE
            await it.append(outcome(slow.id, under_way.index))
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 1  # `called` has its intent open
            assert _open_runs(folder) == {ours, called, busy, waiting}
        async with store(kind, folder, clock=clock) as it:  # what was open has ended as unknown just now
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 0
            clock.now += IDLE
            assert await asyncio.wrap_future(it.recorder.end_runs()) == 3
            assert _open_runs(folder) == {ours}

    asyncio.run(play())


def _open_runs(folder: Path) -> set[str]:
    reader = Reader(folder)
    found = set(reader.state_at(reader.size).runs)
    reader.close()
    return found


def _denied(run: str, seen: int) -> Denied:
    known = intent(run, seen)
    return Denied(
        by="denied",
        id=known.id,
        run=run,
        system=known.system,
        tool=known.tool,
        digest=known.digest,
        seen=seen,
        why=known.why,
        code="policy",
    )


def test_what_cannot_be_a_leaf_is_refused_and_the_next_entry_is_not(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            seen = it.first.state.seen
            bad = [
                hold(why="x" * 70_000),
                hold(until=2**53),
                hold(at=1),
                intent(run, seen, spend={"amount": 2**60}),
                intent(run, seen, spend={"amount": 1.5}),
                hold(why="\ud800"),
            ]
            for entry in bad:
                assert (await it.refused(entry, scopes=SCOPES)).code == "invalid"
            good = hold(until=START + 10**9)
            await it.append(good)
            last = it.recorder.submit(lambda: it.recorder.open_intents()).result()
            assert last.result() == {}

    asyncio.run(play())


def test_parts_that_cannot_be_sealed_refuse_their_entry_and_leave_nothing(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            twice = (Part("reason", SALT, b"a"), Part("reason", SALT, b"b"))
            assert (await it.refused(hold(), parts=twice)).code == "invalid"
            assert (await it.refused(hold(), parts=(Part("reason", b"short", b"a"),))).code == "invalid"
            both = await asyncio.gather(
                it.ask(hold(), parts=(Part("reason", b"short", b"a"),)),
                it.ask(hold(), parts=(Part("reason", SALT, b"kept"),)),
            )
            assert isinstance(both[0], Refusal)
            assert isinstance(both[1], Ack)
            fetched = await it.first.fetch(Fetch(it.first.next_number(), str(both[1].index), "reason"))
            assert fetched.data == b"kept"

    asyncio.run(play())


def test_time_never_goes_back(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        clock = Clock()
        async with store(kind, folder, clock=clock) as it:
            first = await it.append(hold())
            clock.now = START - 10**9
            second = await it.append(hold())
            assert second.at >= first.at
        async with store(kind, folder, clock=Clock(START - 10**9)) as it:
            assert (await it.append(hold())).at >= second.at

    asyncio.run(play())


async def _fetch(it: Store, ident_: str, name: str) -> tuple[bool, bytes]:
    found = await it.first.fetch(Fetch(it.first.next_number(), ident_, name))
    return found.known, found.data


def test_sealed_parts_come_back_and_unknown_ones_are_not_known(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            entry = intent(run, it.first.state.seen)
            parts = (Part("action", b"", b'{"a":1}'), Part("findings", SALT, b"fine"))
            ack = await it.append(entry, scopes=SCOPES, parts=parts, subjects=("ann", "bob"))
            result = (Part("result", SALT, b"paid"),)
            await it.append(outcome(entry.id, ack.index), parts=result, subjects=("ann",))
            assert await _fetch(it, entry.id, "action") == (True, b'{"a":1}')
            assert await _fetch(it, entry.id, "findings") == (True, b"fine")
            assert await _fetch(it, entry.id, "result") == (True, b"paid")
            assert await _fetch(it, run, "task") == (True, b"pay the bill")
            for ident_, name in ((entry.id, "task"), ("nobody", "action"), (entry.id, "nonsense")):
                assert await _fetch(it, ident_, name) == (False, b"")
            reader = Reader(folder, kek=KEK)
            assert reader.part(entry.id, "findings") == parts[1]
            assert reader.sealed(ack.index, entry.id, "action").parts == parts[:1]
            reader.close()

    asyncio.run(play())


def test_a_live_question_is_found_again_until_it_is_used_or_over(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        clock = Clock()
        async with store(kind, folder, clock=clock) as it:
            run = await it.run()
            until = START + 10_000 * MILLISECOND
            await it.append(Declared(system="pay", envelope="e", components="c", signers=["p"]))
            entry = asked(run, it.first.state.seen, until)
            ack = await it.append(entry, scopes=SCOPES, match=b"m", parts=(Part("action", b"", b"bytes"),))

            async def look(run_: str, match: bytes) -> tuple[str, bytes]:
                found = await it.first.find(Find(it.first.next_number(), run_, match))
                return found.id, found.action

            assert await look(run, b"m") == (entry.id, b"bytes")
            assert await look(run, b"n") == ("", b"")
            assert await look("other", b"m") == ("", b"")
            answer = Answered(
                by="p", id=entry.id, of=ack.index, decision="approve", digest=entry.digest,
                key="k", sig="s", head="", until=until,
            )  # fmt: skip
            answered = await it.append(answer)
            assert await look(run, b"m") == (entry.id, b"bytes")
            signed = intent(run, it.first.state.seen, entry.id, signed=answered.index, verdict="step_up")
            await it.append(signed, scopes=SCOPES)
            assert await look(run, b"m") == ("", b"")
            other = asked(run, it.first.state.seen, clock.now + 100 * MILLISECOND)
            await it.append(other, scopes=SCOPES, match=b"o", parts=(Part("action", b"", b"bytes"),))
            assert (await look(run, b"o"))[0] == other.id
            clock.now += 200 * MILLISECOND
            assert await look(run, b"o") == ("", b"")

    asyncio.run(play())


def test_a_question_outlives_a_restart(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            entry = asked(run, it.first.state.seen, START + 10**12)
            await it.append(entry, scopes=SCOPES, match=b"m", parts=(Part("action", b"", b"bytes"),))
        async with store(kind, folder) as it:
            found = await it.first.find(Find(it.first.next_number(), run, b"m"))
            assert found.id == entry.id
            assert isinstance(it.first.state.questions[entry.id].entry, Asked)

    asyncio.run(play())


def test_intents_that_a_dead_process_left_open_end_as_unknown(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            entries = [intent(run, it.first.state.seen) for _ in range(300)]
            acks = await asyncio.gather(*[it.append(each, scopes=SCOPES) for each in entries])
            await it.append(outcome(entries[0].id, acks[0].index))
        async with store("local", folder) as it:
            reader = Reader(folder)
            assert reader.open_intents() == {}
            for entry in entries[1:]:
                last = reader.entry(reader.of_action(entry.id)[-1])
                assert (last.status, last.by) == ("unknown", "recorder")  # type: ignore[union-attr]
            reader.close()
            late = await it.refused(outcome(entries[5].id, acks[5].index))
            assert late.code == "duplicate"

    asyncio.run(play())


@pytest.mark.parametrize("acts", [3, FLUSH])
def test_totals_and_open_intents_outlive_a_restart(folder: Path, acts: int) -> None:
    """Both before anything was flushed and after."""

    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            early = intent(run, it.first.state.seen, spend={"bank.send.amount": 70})
            ack = await it.append(early, scopes=SCOPES)
            await asyncio.gather(*[it.act(run) for _ in range(acts)])
        async with store("local", folder, settle=False) as it:
            another = intent(run, it.first.state.seen, spend={"bank.send.amount": 40})
            for caps in ({"run/calls": acts + 1}, {"day/bank.send.amount": 100}, {"minute/calls": acts}):
                assert (await it.refused(another, scopes=SCOPES, caps=caps)).code == "budget"
            enough = {"run/calls": acts + 2, "day/bank.send.amount": 110}
            assert (await it.append(another, scopes=SCOPES, caps=enough)).index > ack.index
            assert it.recorder.open_intents().result() == {early.id: ack.index, another.id: 2 * acts + 3}
            await it.append(outcome(early.id, ack.index))

    asyncio.run(play())


def test_nothing_is_written_by_a_recorder_that_was_closed(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            link = it.first
            await asyncio.to_thread(it.recorder.close)
            assert not link.alive
            refusal = await it.refused(hold())
            assert refusal.code == "unrecorded"
            assert not (await link.fetch(Fetch(link.next_number(), "x", "task"))).known

    asyncio.run(play())


def test_two_recorders_never_share_a_log(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder):
            with pytest.raises(Conflict):
                await asyncio.to_thread(Recorder.open, setup(folder))

    asyncio.run(play())


def test_every_kind_of_entry_is_taken(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            placed = await it.append(hold())
            await it.append(Released(by="p-olga", hold=placed.index))
            assert (await it.refused(Released(by="p-olga", hold=placed.index))).code == "duplicate"
            await it.append(
                Evidence(by="p", system="pay", envelope="e", components="c", outcome="pass", until=1)
            )
            await it.append(Gap(by="gate", begin=1))
            await it.append(opened("r1"))
            reader = Reader(folder)
            kinds = [decode(leaf).__class__.__name__ for _, leaf in reader.leaves(0, reader.size)]
            reader.close()
            assert kinds == ["Opened", "Hold", "Released", "Evidence", "Gap", "RunOpened"]

    asyncio.run(play())


def test_numbers_are_never_given_twice(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            numbers = [it.first.next_number() for _ in range(100)]
            assert len(set(numbers)) == 100
            assert isinstance(await it.first.append(Append(it.first.next_number(), hold())), Ack)

    asyncio.run(play())
