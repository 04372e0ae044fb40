"""Any sequence of entries, restarts and failures: at most one open alert for an incident, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from standwatch.facts.entries import AnyEntry, Hold
from standwatch.facts.errors import Unrecorded
from standwatch.facts.notifying import Quiet
from standwatch.notify.delivery import LIVES, Failure
from standwatch.notify.desk import Desk
from standwatch.notify.events import events
from standwatch.notify.message import Message
from standwatch.notify.outbox import Outbox
from support.disk import FaultyDisk
from support.notifying import (
    HOUR,
    MINUTE,
    NOON,
    WORDS,
    Alerts,
    answered,
    asked,
    decided,
    denied,
    evidence,
    hold,
    notify,
    released,
    rollback,
)

SCOPES = ("system:pay", "all", "version:scorer@2")
ENTRIES = st.one_of(
    st.builds(lambda scope, end: hold(0, scope, end * MINUTE), st.sampled_from(SCOPES), st.just(0)),
    st.builds(released, st.integers(0, 30)),
    st.builds(lambda n: asked(f"Q{n}"), st.integers(0, 5)),
    st.builds(lambda n: answered(f"Q{n}"), st.integers(0, 5)),
    st.builds(lambda verdict: denied(verdict=verdict), st.sampled_from(("deny", "defer"))),
    st.builds(decided, st.sampled_from(("version_mismatch", "out_of_range"))),
    st.builds(evidence, st.sampled_from(("pass", "reject", "conditions"))),
    st.builds(rollback),
)


class Telling(RuleBasedStateMachine):
    """A record in a list, a desk that may die at any moment, an outbox on a disk that may be full, and a receiver."""

    @initialize(quiet=st.sampled_from((None, Quiet(13 * 60, 14 * 60))))
    def begin(self, quiet: Quiet | None) -> None:
        self.folder = TemporaryDirectory()
        self.disk = FaultyDisk(f"notify-{id(self)}")
        self.said = notify(quiet=quiet)
        self.record: list[AnyEntry] = []
        self.now = NOON
        self.alerts = Alerts()
        self.unkept = False
        self.restart(told=0)
        self.desk.cursor = 0

    def teardown(self) -> None:
        if hasattr(self, "disk"):
            self.disk.disarm()
            self.outbox.close()
            self.disk.unregister()
            self.folder.cleanup()

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=4))
    def write(self, entries: list[AnyEntry]) -> None:
        """Entries become durable; whether anybody looks is another matter."""
        for entry in entries:
            said = msgspec.structs.replace(entry, at=self.now)
            if not isinstance(said, Hold) or said.until == 0:
                self.record.append(said)

    @rule(minutes=st.sampled_from((0, 1, 7, 65)))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE + 1

    @rule()
    def look(self) -> None:
        self.read_on()
        self.keep()

    def read_on(self) -> None:
        for index in range(self.desk.cursor, len(self.record)):
            self.desk.hear(events(index, self.record[index], WORDS), index + 1)
        self.desk.pass_time(self.now)

    def keep(self) -> None:
        changes = self.desk.changes()
        if changes is None:
            return
        try:
            self.outbox.keep(changes)
            self.unkept = False
        except Unrecorded:
            self.desk.not_kept(changes)
            self.unkept = True

    @rule(
        outcomes=st.lists(st.sampled_from(("arrives", "refused", "arrives unheard")), min_size=1, max_size=6)
    )
    def send(self, outcomes: list[str]) -> None:
        """Attempts; one may arrive without our hearing of it, and is then made again."""
        for outcome in outcomes:
            ready = self.desk.ready(self.now, ())
            if not ready:
                return
            if outcome != "refused":
                self.arrive(ready[0].message)
            self.desk.ended(ready[0], self.now, "" if outcome == "arrives" else Failure("no"))
        self.keep()

    @rule(told=st.integers(0, 3))
    def restart(self, told: int) -> None:
        """`kill -9`, perhaps while messages are on their way that arrive all the same."""
        if hasattr(self, "desk"):
            for one in self.desk.ready(self.now, ())[:told]:
                self.arrive(one.message)
            self.outbox.close()
        self.disk.disarm()
        self.unkept = False
        self.outbox = Outbox(Path(self.folder.name) / "notify.db", vfs=self.disk.name)
        self.desk = Desk("t.invalid/log", lambda: 0.5)
        self.desk.resume(self.outbox.load())
        self.desk.cursor = max(self.desk.cursor, 0)
        self.desk.configure(self.said, "Test", "https://watch.example")

    def arrive(self, message: Message) -> None:
        if self.unkept:
            self.alerts.forgotten.add(message.incident)
        self.alerts.take(message)

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=2))
    def crash_before_it_is_kept(self, entries: list[AnyEntry]) -> None:
        self.write(entries)
        self.read_on()
        self.restart(0)

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=2), told=st.integers(1, 3))
    def crash_with_a_full_disk(self, entries: list[AnyEntry], told: int) -> None:
        """What is told from memory is told, though nothing of it is kept."""
        self.fill(True)
        self.write(entries)
        self.look()
        self.restart(told)

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=2), more=st.lists(ENTRIES, min_size=1, max_size=2))
    def crash_after_the_disk_was_full(self, entries: list[AnyEntry], more: list[AnyEntry]) -> None:
        self.fill(True)
        self.write(entries)
        self.look()
        self.fill(False)
        self.write(more)
        self.look()
        self.restart(0)

    @rule(entry=ENTRIES, after=ENTRIES)
    def overtake(self, entry: AnyEntry, after: AnyEntry) -> None:
        """What is refused waits longer than what comes after it."""
        for one, outcome in ((entry, "refused"), (after, "arrives"), (after, "arrives")):
            self.write([one])
            self.look()
            self.send([outcome] * 4)
            self.now += 1
        self.now += MINUTE

    @rule(full=st.booleans())
    def fill(self, full: bool) -> None:
        if full:
            self.disk.arm("full", 0, 1_000_000)
        else:
            self.disk.disarm()

    @rule()
    def settle(self) -> None:
        """The disk and the receiver are well again: now everybody knows exactly what is so."""
        self.disk.disarm()
        for _ in range(12):
            self.look()
            self.now += 16 * MINUTE
            while ready := self.desk.ready(self.now, ()):
                for one in ready:
                    self.alerts.take(one.message)
                    self.desk.ended(one, self.now, "")
        assert not self.desk.waiting
        open_now = {one.key for one in self.desk.book.incidents.values() if not one.ended}
        told = {one.incident for one in self.alerts.open.values()}
        assert len(told) == len(open_now), (open_now, [one.title for one in self.alerts.open.values()])
        heard = {index for one in self.alerts.told for index in one.entries}
        worth = {
            index
            for index, one in enumerate(self.record)
            for event in events(index, one, WORDS)
            if not event.ends
        }
        lost = worth - heard
        assert all(self._folded(index) for index in lost), [self.record[index] for index in lost]

    def _folded(self, index: int) -> bool:
        """Lines that say the same are counted together, under the last entry of theirs."""
        (event,) = events(index, self.record[index], WORDS)
        same = {
            later
            for later in range(index, len(self.record))
            for other in events(later, self.record[later], WORDS)
            if (other.key, other.line) == (event.key, event.line)
        }
        return any(later in one.entries for one in self.alerts.told for later in same)

    @invariant()
    def bounded(self) -> None:
        if hasattr(self, "desk"):
            assert all(one.due <= one.made + LIVES + HOUR for one in self.desk.waiting.values())


TestTelling = Telling.TestCase
TestTelling.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
