"""What must hold of people's half of the record, told from its entries alone: nothing of the product's fold is used.

1. What left under a question has a quorum of people who could answer, each once, with a vote that still counted, and
   its question was opened as real before; each vote that decides is used once.
2. What left without one has a value that as many people vouched for, in this run, of a question that was real.
3. Nothing left under a hold; no decoy left; what was only ever refused was not done; nothing was done twice.
4. Nobody was asked beyond the caps.
5. What the server said it took is in the record, where it said.
6. Every question ended, and was opened.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from bench.humans.agents import Note
from bench.humans.people import Taken
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    AskedMany,
    Deferred,
    Endorsed,
    Enrolled,
    Hold,
    Intent,
    Outcome,
    PasskeyEnded,
    Pulled,
    Released,
    Revalidated,
    Unmasked,
)

QUORUM: Final = 2
PER_RUN: Final = 3
PER_PERSON: Final = 90
SCOPES: Final = ("all", "system:pay", "tool:bank.pay", "component:bank", "server:bank")


class Lost(msgspec.Struct, frozen=True):
    """From entry `index` on what `person` said before does not count: with the passkey `key`, or at all ("")."""

    index: int
    person: str
    key: str = ""


class Story(msgspec.Struct, frozen=True):
    """What is told of one log, by everybody."""

    entries: Sequence[tuple[int, AnyEntry]]
    arguments: Mapping[str, dict[str, Any]]
    """Of each action that was asked about or left, as they are sealed."""
    done: Sequence[str]
    """The subjects of what the upstream did."""
    notes: Sequence[Note]
    taken: Sequence[Taken]
    waiting: Sequence[str] = ()
    """Questions that are shown as open after everything has expired."""
    stands: Mapping[int, str] = {}
    """How each question is said to stand then, by its index."""
    now: int = 0


class Audit:
    """Reads one log to its end; `problems` is what is not as it must be."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.problems: list[str] = []
        self.asked: dict[int, AskedMany] = {}
        self.answers: dict[int, list[tuple[int, Answered]]] = defaultdict(list)
        self.vouched: dict[int, list[tuple[int, Endorsed]]] = defaultdict(list)
        self.opened: dict[int, tuple[int, Unmasked]] = {}
        self.intents: dict[str, tuple[int, Intent]] = {}
        self.outcomes: dict[str, str] = {}
        self.holds: dict[int, str] = {}
        self.lost: list[Lost] = []
        self.away: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._passkeys: dict[str, str] = {}
        self._signed: set[int] = set()
        self._follow()
        self._ledger()
        self._acknowledged()
        self._ended()

    def wrong(self, what: str) -> None:
        self.problems.append(what)

    # --- one entry after another -------------------------------------------------------------------------------

    def _follow(self) -> None:
        """(1) to (4)"""
        pulled: set[str] = set()
        for index, entry in self.story.entries:
            self.counts[type(entry).__name__] += 1
            match entry:
                case AskedMany():
                    self._ask(index, entry, pulled)
                case Answered():
                    self._answer(index, entry)
                case Endorsed():
                    self.vouched[entry.of].append((index, entry))
                case Unmasked():
                    self._open(index, entry)
                case Pulled() if entry.into == "question":
                    pulled.add(entry.id)
                case Enrolled():
                    self._passkeys[entry.credential] = entry.key
                case PasskeyEnded():
                    self.lost.append(Lost(index, entry.person, self._passkeys[entry.credential]))
                case Revalidated():
                    self.away.discard(entry.person)
                case Hold():
                    self.holds[index] = entry.scope
                case Released():
                    self.holds.pop(entry.hold, None)
                case Intent() if entry.tool == "bank.pay":
                    self._leave(index, entry)
                case Outcome() if entry.id in self.intents:
                    if entry.id in self.outcomes:
                        self.wrong(f"{entry.id} has two outcomes")
                    self.outcomes[entry.id] = entry.status
                case _:
                    pass

    def _ask(self, index: int, entry: AskedMany, pulled: set[str]) -> None:
        self.asked[index] = entry
        if len(set(entry.people)) < max(entry.quorum, QUORUM) or self.away & set(entry.people):
            self.wrong(f"question {index} was put to {entry.people}, and {self.away} may not answer")
        counted = [one for at, one in self.asked.items() if not self._is_decoy(at)]
        for person in entry.people:
            many = sum(person in one.people for one in counted)
            if many > PER_PERSON:
                self.wrong(f"question {index} is the {many}th that {person} is asked")
        pushed = [one for one in counted if one.run == entry.run and one.id not in pulled]
        if entry.id not in pulled and len(pushed) > PER_RUN:
            self.wrong(f"question {index} is the {len(pushed)}th of run {entry.run}")

    def _is_decoy(self, index: int) -> bool:
        """Whether everybody knows by now."""
        return index in self.opened and self.opened[index][1].decoy

    def _answer(self, index: int, entry: Answered) -> None:
        asked = self.asked[entry.of]
        if entry.by not in asked.people or entry.by in self.away or entry.at >= asked.until:
            self.wrong(f"answer {index} of {entry.by} to {entry.of} was taken, and may not be")
        self.answers[entry.of].append((index, entry))

    def _open(self, index: int, entry: Unmasked) -> None:
        asked, word = self.asked[entry.of], b"decoy" if entry.decoy else b"real"
        if hmac.new(bytes.fromhex(entry.salt), word, hashlib.sha256).hexdigest() != asked.flag:
            self.wrong(f"question {entry.of} was not asked as what it was opened as")
        if entry.of in self.opened:
            self.wrong(f"question {entry.of} was opened twice")
        self.opened[entry.of] = index, entry
        if entry.decoy:
            self.counts["decoys"] += 1
            votes = [*self.answers[entry.of], *self.vouched[entry.of]]
            last = {one.by: one for _, one in sorted(votes, key=lambda it: it[0])}
            for person, one in last.items():
                if isinstance(one, Endorsed) or one.decision == "approve":
                    self.counts["fell"] += 1
                    self.away.add(person)
                    self.lost.append(Lost(index, person))

    def _leave(self, index: int, entry: Intent) -> None:
        if entry.id in self.intents:
            self.wrong(f"{entry.id} left twice")
        self.intents[entry.id] = index, entry
        if held := [one for one in self.holds.values() if one in SCOPES or one == f"run:{entry.run}"]:
            self.wrong(f"{entry.id} left at {index} under a hold on {held}")
        if entry.signed >= 0:
            self._under_question(index, entry)
        else:
            self._under_value(index, entry)

    def _under_question(self, index: int, entry: Intent) -> None:
        found = next((at for at, said in self.answers.items() if entry.signed in [it for it, _ in said]), -1)
        asked = self.asked.get(found)
        if asked is None or (asked.id, asked.digest) != (entry.id, entry.digest):
            return self.wrong(f"{entry.id} left at {index} on {entry.signed}, which is no answer to it")
        if entry.signed in self._signed:
            self.wrong(f"answer {entry.signed} was used twice")
        self._signed.add(entry.signed)
        if any(one.decision != "approve" for _, one in self.answers[found]):
            self.wrong(f"{entry.id} left at {index} though somebody had refused it")
        if not self._enough(self.answers[found], entry.at):
            self.wrong(f"{entry.id} left at {index} without a live quorum")
        self._was_real(index, entry, found)
        self.counts["left on answers"] += 1
        return None

    def _under_value(self, index: int, entry: Intent) -> None:
        recipient = self._arguments(entry.id).get("recipient")
        for of, votes in self.vouched.items():
            asked = self.asked[of]
            same = (asked.run, asked.tool) == (entry.run, entry.tool)
            if not same or self._arguments(asked.id).get("recipient") != recipient:
                continue
            refused = any(one.decision != "approve" for _, one in self.answers[of])
            if not refused and self._enough(votes, entry.at):
                self._was_real(index, entry, of)
                self.counts["left on a value"] += 1
                return
        self.wrong(f"{entry.id} left at {index} and nobody had approved it or vouched for its recipient")

    def _was_real(self, index: int, entry: Intent, of: int) -> None:
        if of not in self.opened or self.opened[of][1].decoy:
            self.wrong(f"{entry.id} left at {index} before question {of} was opened as real")

    def _enough(self, votes: Sequence[tuple[int, Answered | Endorsed]], now: int) -> bool:
        """Whether a quorum of them counts at `now`: in time, of different people with different keys, not lost."""
        live = [one for at, one in votes if now < one.until and not self._gone(at, one)]
        return len({one.by for one in live}) >= QUORUM and len({one.key for one in live}) >= QUORUM

    def _gone(self, at: int, one: Answered | Endorsed) -> bool:
        return any(it.index > at and it.person == one.by and it.key in ("", one.key) for it in self.lost)

    def _arguments(self, ident: str) -> dict[str, Any]:
        return self.story.arguments.get(ident, {})

    # --- against the ledger, and what was acknowledged -----------------------------------------------------------

    def _ledger(self) -> None:
        """(3): what the upstream did, what the record says and what agents heard."""
        notes = self.story.notes
        by_subject: dict[str, list[str]] = defaultdict(list)
        for ident in self.intents:
            by_subject[self._arguments(ident)["subject"]].append(ident)
        times = Counter(self.story.done)
        for subject in times.keys() - by_subject.keys():
            self.wrong(f"{subject} was done and never left")
        for subject, idents in by_subject.items():
            words = [self.outcomes.get(one, "") for one in idents]
            if "" in words:
                self.wrong(f"{subject}: an intent is still open")
            least, most = words.count("ok"), len(words) - words.count("not_sent")
            if not least <= times[subject] <= most:
                self.wrong(f"{subject} was done {times[subject]} times; the record says {words}")
        # Whatever a hold cut off, or the record could not say, is `unavailable` to whoever asked for it.
        told = {note.action for note in notes if note.heard in {"done", "unavailable"}}
        lost = {note.subject for note in notes if note.heard == "lost"}
        told |= {one for subject in lost for one in by_subject[subject]}
        for note in notes:
            if note.heard == "done" and self.outcomes.get(note.action) != "ok":
                self.wrong(f"{note} was acknowledged: {self.outcomes.get(note.action)}")
            # Whoever asks a second time while it leaves is refused, under the same reference: one of the two was told.
            if note.heard == "refused" and note.action in self.intents and note.action not in told:
                self.wrong(f"{note} left all the same, and nobody was told")

    def _acknowledged(self) -> None:
        """(5)"""
        entries = dict(self.story.entries)
        for one in self.story.taken:
            entry = entries.get(one.index)
            found = type(entry).__name__, getattr(entry, "by", ""), getattr(entry, "id", one.about)
            wanted = one.kind, one.by or found[1], one.about
            said = getattr(entry, "decision", one.decision)
            if found != wanted or said != one.decision:
                self.wrong(f"{one} was acknowledged and is {entry}")
        waits = {one.id for _, one in self.story.entries if isinstance(one, AskedMany | Deferred)}
        for note in self.story.notes:
            if note.heard == "pending" and note.action not in waits:
                self.wrong(f"{note} was told and nothing waits")

    def _ended(self) -> None:
        """(6)"""
        for index, entry in self.asked.items():
            if index not in self.opened:
                self.wrong(f"question {index} was never opened")
            if self.story.now < entry.until and not self.answers[index] and not self.vouched[index]:
                self.wrong(f"question {index} is still open")
        for index, word in self.story.stands.items():
            if word not in (wanted := self._ends(index, self.asked[index])):
                self.wrong(f"question {index} is said to be {word}, and is {' or '.join(wanted)}")
        if self.story.waiting:
            self.wrong(f"still shown as open: {self.story.waiting}")

    def _ends(self, index: int, entry: AskedMany) -> tuple[str, ...]:
        """What may be said of it: how it ended, by its entries."""
        if self._is_decoy(index):
            return ("decoy",)
        if entry.id in self.intents and self.intents[entry.id][1].signed >= 0:
            return ("used",)
        if any(one.decision != "approve" for _, one in self.answers[index]):
            return ("refused",)
        vouched = len({one.by for _, one in self.vouched[index]}) >= QUORUM
        lost = any(self._gone(at, one) for at, one in self.vouched[index])
        return ("endorsed", "expired") if vouched and lost else ("endorsed" if vouched else "expired",)
