"""The people that each system touched: counted as entries are written (`watch.exposure`), found again after a crash.

Counted is what is durable: the data subjects of intents and of decisions' rows. The counts are written with the
indices, every FLUSH entries, in the same transaction. What came after the last of these is counted again from the
sealed parts, whose keys say whom they are about; somebody who was counted already is not counted twice. A part whose
key was erased in between is counted as a person of its own: so a count may be too high, and is never too low.

The key that people are hashed under is wrapped like a subject's: it stands in no file in the clear.
"""

import json
from collections.abc import Callable, Collection
from typing import Final, cast

from standwatch.facts.entries import Decided, Intent
from standwatch.facts.errors import Malformed, Tampered
from standwatch.facts.frames import Append
from standwatch.store.journal import Journal
from standwatch.store.memory import read
from standwatch.store.sealing import LAST_KEY
from standwatch.store.tail import Days
from standwatch.watch.exposure import DAYS, Hash, Week, hasher

DAY: Final = 86_400_000_000
"""µs."""


class Exposures:
    """One week for each system. `secret` answers the key to hash people under, making it where there is none."""

    def __init__(self, journal: Journal, secret: Callable[[], bytes]) -> None:
        self._journal = journal
        self._secret = secret
        self._hash: Hash | None = None
        self._weeks: dict[str, Week] = {}
        self.touched: dict[str, int] = {}
        """How often somebody was counted since this process began, by system: never fewer than came newly."""
        for system, people in journal.rows("exposures"):
            self._load(system, people)

    def _load(self, system: str, people: bytes) -> None:
        try:
            self._week(system).take(people)
        except Malformed as error:
            raise Tampered(f"the people counted for {system}: {error}") from None
        self._week(system).fresh.clear()

    def recount(self, start: int, stop: int) -> None:
        """Count the people of entries `start` ≤ i < `stop`, which were written after the last `save`."""
        days = Days()
        for index, leaf in enumerate(self._journal.leaves(start, stop), start):
            entry = read(leaf, index)
            if isinstance(entry, Intent | Decided):
                for subject in self._about(days.name(entry.at), index):
                    self._count(entry.system, subject, entry.at // DAY)

    def _about(self, day: str, index: int) -> set[str]:
        """The subjects of the parts and rows that are sealed beside entry `index`."""
        found: set[str] = set()
        for number in self._journal.run_keys(day, index):
            rows = self._journal.rows("run_key", number) if number <= LAST_KEY else []
            # The key was erased: somebody was touched, and nobody can tell any more who.
            found |= set(cast("list[str]", json.loads(rows[0][0]))) if rows else {f"\0{index}/{number}"}
        return found - {""}

    def note(self, append: Append, now: int) -> None:
        """Count the people whom `append`, written at `now`, is about."""
        entry = append.entry
        if not isinstance(entry, Intent | Decided):
            return
        day = now // DAY
        for subject in append.subjects if isinstance(entry, Intent) else ():
            self._count(entry.system, subject, day)
        for row in append.rows:
            for subject in row.subjects if row.touched else ():
                self._count(entry.system, subject, day)

    def _count(self, system: str, subject: str, day: int) -> None:
        if self._hash is None:
            self._hash = hasher(self._secret())
        self._week(system).add(day, self._hash(subject))
        self.touched[system] = self.touched.get(system, 0) + 1

    def _week(self, system: str) -> Week:
        found = self._weeks.get(system)
        if found is None:
            found = self._weeks[system] = Week()
        return found

    def save(self, now: int) -> None:
        """Inside the writer's transaction: write down what changed, let go of what has left the week."""
        today = now // DAY
        for system, week in list(self._weeks.items()):
            if not week.fresh and week.newest > today - DAYS:
                continue
            known = [(system, day, week.encoded(day)) for day in week.days if day in week.fresh]
            self._journal.many("set_exposure", known)
            self._journal.run("delete_exposure", system, min(week.newest, today) - DAYS)
            week.fresh.clear()
            if week.newest <= today - DAYS:
                del self._weeks[system]
                self._journal.run("delete_exposure", system, week.newest)

    def weeks(self, systems: Collection[str]) -> dict[str, Week]:
        """Copies of the weeks of those of `systems` of which somebody was counted; of all for none."""
        wanted = systems or self._weeks
        return {name: week.copy() for name, week in self._weeks.items() if name in wanted}
