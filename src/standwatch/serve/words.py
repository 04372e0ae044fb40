"""Agents' words, compared with the record as they come into it: beside everything else, in a thread, gating nothing.

An agent's word is the answer of a language model that calls no tool, and what a host passed on (`act.word`). What it
contradicts becomes an entry of its own, under the id of what was said.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Contradicted, Outcome, Word
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.record.heard import read_heard
from standwatch.record.source import read_leaf
from standwatch.record.spoken import Findings, Sentence
from standwatch.serve.deeds import GENERATION, Deeds, Head, once, part_of
from standwatch.serve.gate import LiveGate
from standwatch.store.reader import Reader
from standwatch.watch.word import Compared, compare
from standwatch.watch.word_claims import claims

EVERY: Final = 1.0
"""Seconds between two looks."""
BUDGET: Final = 0.03
"""Seconds of CPU for reading and comparing in one look. What is over waits, and what a look took too much the next ones
have less."""
_DEBT: Final = 50
"""Looks in which nothing is compared at most, after one that took too much."""
WAITING: Final = 4_096
"""Texts that wait at most; the oldest beyond are not compared, and counted."""
BY: Final = "standwatch"
_BACK: Final = 2_000
"""Entries before a start that are looked at again: what was said while nobody compared."""
_STEP: Final = 2_000
_KEPT: Final = 4_096

_head: Final = msgspec.json.Decoder(Head).decode


class Said(msgspec.Struct, frozen=True, gc=False):
    """Words in entry `index`, of run `run`: an outcome of a generation, or passed on by a host."""

    index: int
    id: str
    run: str
    system: str


class Words:
    """Follows the record. `source` is its own reader: nobody else waits for it."""

    def __init__(
        self, source: Reader, gate: LiveGate, chance: Callable[[int], bytes], *, budget: float = BUDGET
    ) -> None:
        self._source, self._gate, self._chance = source, gate, chance
        self._next = -1
        self._asked: dict[str, Head] = {}
        """Generations that are under way, by id."""
        self._known: set[int] = set()
        """Entries whose words were compared before."""
        self._deeds = Deeds(source)
        self._waiting: deque[Said] = deque()
        self._found: list[tuple[Said, Compared]] = []
        self._budget, self._left = budget, 0.0
        self.passed_over = 0
        """Texts that were not compared, because too many waited."""

    @property
    def waiting(self) -> int:
        """Texts that wait to be compared."""
        return len(self._waiting)

    def close(self) -> None:
        """Give the reader back."""
        self._source.close()

    async def look(self) -> int:
        """Compare what is new, as far as the budget goes; the number of contradictions. Raises `StandwatchError` where
        they cannot be written."""
        if self._next < 0:
            self._next = max(0, self._source.size - _BACK)
        await asyncio.to_thread(self._look, self._gate.configuration)
        written = 0
        while self._found:
            await self._write(*self._found[0])
            del self._found[0]
            written += 1
        return written

    def _look(self, configuration: Configuration) -> None:
        while self._next < (size := self._source.size):
            self._note(min(size, self._next + _STEP))
        self._known = {index for index in self._known if index > self._next - 2 * _BACK}
        self._left = min(self._budget, self._left + self._budget)
        begun = time.thread_time()
        while self._waiting and time.thread_time() - begun < self._left:
            said = self._waiting.popleft()
            compared = self._compare(said, configuration)
            if compared.found:
                self._found.append((said, compared))
        self._left = max(self._left - (time.thread_time() - begun), -_DEBT * self._budget)

    def _note(self, end: int) -> None:
        """Take note of the entries up to `end`: who spoke, and who did something."""
        for index, leaf in self._source.leaves(self._next, end):
            self._next = index + 1
            try:
                head = _head(leaf)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                continue  # of a kind that has nothing to do with words
            if head.kind == "act.word.1":
                self._wait(Said(index, head.id, head.run, head.system))
            elif head.tool.endswith(GENERATION):
                if head.kind == "act.intent.1":
                    self._ask(head)
            elif head.kind.startswith("act.outcome.") and head.id in self._asked:
                asked = self._asked.pop(head.id)
                if not self._deeds.none(asked.run):  # who did nothing can be contradicted by nothing
                    self._wait(Said(index, head.id, asked.run, asked.system))
            elif head.kind == "act.contradicted.1" and isinstance(entry := read_leaf(leaf), Contradicted):
                self._known.add(entry.of)
            else:
                self._deeds.note(index, head)

    def _ask(self, head: Head) -> None:
        self._asked[head.id] = head
        if len(self._asked) > _KEPT:
            del self._asked[next(iter(self._asked))]

    def _wait(self, said: Said) -> None:
        self._waiting.append(said)
        if len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.passed_over += 1

    def _compare(self, said: Said, configuration: Configuration) -> Compared:
        if said.index in self._known:
            return Compared(0, ())
        entry = read_leaf(self._source.leaf(said.index))
        text = self._text(said.index, entry) if isinstance(entry, Outcome | Word) else ""
        if not any(True for _ in claims(text)):  # reading what a run did costs more than reading a text
            return Compared(0, ())
        declared = configuration.systems.get(said.system)
        tools = declared.manifest.tools if declared is not None else ()
        return compare(text, self._deeds.before(said.run, said.index, entry.at), tools)

    def _text(self, index: int, entry: Outcome | Word) -> str:
        """What was said there; "" where a tool was called, or nothing came back whole."""
        if isinstance(entry, Word):
            return part_of(self._source, index, entry, "result").decode("utf-8", "replace")
        if entry.status != "ok":
            return ""
        heard = read_heard(part_of(self._source, index, entry, "result"))
        if heard is None or heard.calls:
            return ""
        return "\n".join(one.text for one in heard.said if one.kind == "text")

    async def _write(self, said: Said, compared: Compared) -> None:
        found = tuple(Sentence(one.code, one.said, one.entries, one.shared) for one in compared.found)
        part = Part(
            "findings", self._chance(SALT_BYTES), msgspec.json.encode(Findings(compared.claims, found))
        )
        entry = Contradicted(
            by=BY,
            id=said.id,
            of=said.index,
            run=said.run,
            system=said.system,
            code=compared.found[0].code,
            entries=once(one for each in found for one in each.entries),
            why=commitment(part.salt, part.data),
        )
        await self._gate.append(entry, (part,))
        self._known.add(said.index)
