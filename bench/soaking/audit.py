"""What must hold after every round: the ledger's memory, the callers' notes and the record tell one story.

1. What was done has an intent in the record (looked up in the sealed action), and was done once.
2. What a caller was told is `done` has its receipt's leaf where the receipt says, signed by the log, an outcome
   `ok`, and was done.
3. What was refused, or recorded as not sent, was not done; what is recorded as `ok` was.
4. Every intent has an outcome.
5. The verifier says `verified`, from the checkpoint kept in the round before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.soaking.callers import Note
from standwatch.authority.grant import grant
from standwatch.declare.configuration import declare
from standwatch.facts.entries import Intent, Outcome
from standwatch.record.checkpoint import Checkpoint, parse_text
from standwatch.record.note import parse
from standwatch.record.receipt import decode_receipt, verify_signature
from standwatch.record.tree import leaf_hash
from standwatch.record.verify import verify
from standwatch.serve.place import Place, place_of
from standwatch.store.folder import read_folder
from standwatch.store.reader import Reader


class Tally(msgspec.Struct):
    """What a round came to."""

    calls: int = 0
    done: int = 0
    refused: int = 0
    unavailable: int = 0
    lost: int = 0
    executed: int = 0
    unknown: int = 0
    """Intents that ended as `unknown`, in the log so far."""
    entries: int = 0

    def add(self, other: Tally) -> None:
        """Sum up; `entries` and `unknown` are added as they are."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Act(msgspec.Struct):
    """One action of the record."""

    index: int
    subject: str
    status: str = ""


class Auditor:
    """Follows one log over its rounds: reads every entry once, and keeps the checkpoint as a verifier would."""

    def __init__(self, folder: Path) -> None:
        self._place: Place = place_of(folder, declare(read_folder(folder)).configuration.organisation)
        origin = declare(read_folder(folder)).configuration.organisation.origin
        self._key = self._place.prepare(origin)
        self._acts: dict[str, _Act] = {}
        self._read = 0
        self.kept: Checkpoint | None = None

    def reader(self) -> Reader:
        """The record, beside whoever writes it."""
        setup = self._place.setup(self._key)
        return Reader(self._place.state, kek=setup.kek, older=setup.older)

    def open_intents(self) -> int:
        """How many intents wait for their outcome."""
        reader = self.reader()
        try:
            return len(reader.open_intents())
        finally:
            reader.close()

    def signed(self) -> bool:
        """Whether the newest checkpoint is over every entry."""
        reader = self.reader()
        try:
            return parse_text(parse(reader.checkpoint()).text).size == reader.size
        finally:
            reader.close()

    def audit(self, notes: Sequence[Note], done: Sequence[str]) -> Tally:
        """Raises `AssertionError` where the three do not tell one story."""
        reader = self.reader()
        try:
            self._follow(reader)
            self._ledger(done)
            for note in notes:
                self._note(reader, note, set(done))
            self._verify(reader)
            heard = Counter(note.heard for note in notes)
            unknown = sum(act.status == "unknown" for act in self._acts.values())
            return Tally(len(notes), **heard, executed=len(done), unknown=unknown, entries=reader.size)
        finally:
            reader.close()

    def _follow(self, reader: Reader) -> None:
        for index, entry in reader.entries(self._read, reader.size):
            match entry:
                case Intent():
                    assert entry.id not in self._acts, f"{entry.id} has two intents"
                    self._acts[entry.id] = _Act(index, self._subject(reader, entry.id))
                case Outcome():
                    act = self._acts[entry.id]
                    assert act.index == entry.of, f"{entry.id} has an outcome of another intent"
                    assert not act.status, f"{entry.id} has two outcomes"
                    act.status = entry.status
                case _:
                    pass
            self._read = index + 1

    def _subject(self, reader: Reader, ident: str) -> str:
        part = reader.part(ident, "action")
        assert part is not None, f"the action of {ident} is not in the record"
        return msgspec.json.decode(part.data)["arguments"]["subject"]

    def _ledger(self, done: Sequence[str]) -> None:
        by_subject = {act.subject: act for act in self._acts.values()}
        assert len(by_subject) == len(self._acts), "two intents for one call"
        twice = [subject for subject, times in Counter(done).items() if times > 1]
        assert not twice, f"done twice: {twice[:5]}"
        # (1): No action without an intent.
        strangers = [subject for subject in done if subject not in by_subject]
        assert not strangers, f"done without an intent in the record: {strangers[:5]}"
        # (3) and (4)
        was_done = set(done)
        for ident, act in self._acts.items():
            assert act.status, f"the intent of {ident} is still open"
            if act.status == "ok":
                assert act.subject in was_done, f"{ident} is recorded as ok and was never done"
            if act.status == "not_sent":
                assert act.subject not in was_done, f"{ident} is recorded as not sent and was done"

    def _note(self, reader: Reader, note: Note, done: set[str]) -> None:
        if note.heard == "refused":
            assert note.subject not in done, f"{note} was done"
        if note.heard != "done":
            return
        assert note.subject in done, f"{note} was not done"
        if not note.receipt:
            return  # the SDK's client does not show headers
        # (2): The receipt in the caller's hand.
        receipt = decode_receipt(note.receipt)
        verify_signature(receipt, self._key.vkey)
        assert receipt.id == note.action, f"{note}: a receipt of another action"
        assert leaf_hash(reader.leaf(receipt.index)).hex() == receipt.leaf, f"{note}: acknowledged and lost"
        act = self._acts[note.action]
        assert (act.subject, act.status) == (note.subject, "ok"), f"{note} against {act}"

    def _verify(self, reader: Reader) -> None:
        # (5)
        found = verify(
            reader,
            self._key.vkey,
            self.kept,
            grant=lambda state, system, now: grant(state, system, now).level,
        )
        assert found.status == "verified", f"{found.status}: {found.problems[:5]}"
        assert found.counts["intent.open"] == 0
        self.kept = parse_text(parse(reader.checkpoint()).text)
