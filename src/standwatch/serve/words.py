"""Agents' words, compared with the record as they come into it: beside everything else, in a thread, gating nothing.

An agent's word is the answer of a language model that calls no tool, and what a host passed on (`act.word`). What it
contradicts becomes an entry of its own, under the id of what was said.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AnyEntry, Contradicted, Intent, Judged, Outcome, Word
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.record.heard import read_heard
from standwatch.record.leaf import Unknown
from standwatch.record.source import commitments, open_part, read_leaf
from standwatch.record.spoken import Findings, Sentence
from standwatch.serve.control_runs import acts_of, readable, word_of
from standwatch.serve.gate import LiveGate
from standwatch.store.reader import Reader
from standwatch.watch.word import Compared, compare
from standwatch.watch.word_claims import claims
from standwatch.watch.word_deeds import Deed

EVERY: Final = 1.0
"""Seconds between two looks."""
BY: Final = "standwatch"
MOST_ACTS: Final = 400
"""Acts of a run that are looked at, the latest."""
_BACK: Final = 2_000
"""Entries before a start that are looked at again: what was said while nobody compared."""
_STEP: Final = 2_000
_KEPT: Final = 4_096
_GENERATION: Final = b'.generation"'
_INTENT: Final = b'"act.intent.1"'
_OUTCOME: Final = b'"kind":"act.outcome.'
_WORD: Final = b'"act.word.1"'
_CONTRADICTED: Final = b'"act.contradicted.1"'

_Own = list[tuple[int, AnyEntry | Unknown]]


class Said(msgspec.Struct, frozen=True):
    """Words in entry `index`, of run `run`."""

    index: int
    id: str
    run: str
    system: str
    text: str


class _Action(msgspec.Struct, frozen=True):
    arguments: dict[str, Any] = {}


class Words:
    """Follows the record. `source` is its own reader: nobody else waits for it."""

    def __init__(self, source: Reader, gate: LiveGate, chance: Callable[[int], bytes]) -> None:
        self._source, self._gate, self._chance = source, gate, chance
        self._next = -1
        self._asked: dict[str, Intent] = {}
        """Generations that are under way, by id."""
        self._known: set[int] = set()
        """Entries whose words were compared before."""

    def close(self) -> None:
        """Give the reader back."""
        self._source.close()

    async def look(self) -> int:
        """Compare what is new; the number of contradictions. Raises `StandwatchError` where they cannot be written."""
        if self._next < 0:
            self._next = max(0, self._source.size - _BACK)
        written = 0
        while self._next < (size := self._source.size):
            end = min(size, self._next + _STEP)
            configuration = self._gate.configuration
            for said, compared in await asyncio.to_thread(self._compared, self._next, end, configuration):
                if said.index not in self._known:
                    await self._write(said, compared)
                    written += 1
            self._next = end
        self._known = {index for index in self._known if index > self._next - 2 * _BACK}
        return written

    def _compared(self, begin: int, end: int, configuration: Configuration) -> list[tuple[Said, Compared]]:
        made = [(said, self._compare(said, configuration)) for said in self._said(begin, end)]
        return [(said, compared) for said, compared in made if compared.found]

    def _said(self, begin: int, end: int) -> list[Said]:
        found: list[Said] = []
        for index, leaf in self._source.leaves(begin, end):
            if _GENERATION in leaf and _INTENT in leaf:
                self._ask(read_leaf(leaf))
            elif self._asked and _OUTCOME in leaf:
                found += self._answer(index, read_leaf(leaf))
            elif _WORD in leaf:
                found += self._passed_on(index, read_leaf(leaf))
            elif _CONTRADICTED in leaf and isinstance(entry := read_leaf(leaf), Contradicted):
                self._known.add(entry.of)
        return found

    def _ask(self, entry: AnyEntry | Unknown) -> None:
        if isinstance(entry, Intent):
            self._asked[entry.id] = entry
            if len(self._asked) > _KEPT:
                del self._asked[next(iter(self._asked))]

    def _answer(self, index: int, entry: AnyEntry | Unknown) -> Iterator[Said]:
        intent = self._asked.pop(entry.id, None) if isinstance(entry, Outcome) else None
        if intent is None or not isinstance(entry, Outcome) or entry.status != "ok":
            return
        heard = read_heard(self._part(index, entry, "result"))
        if heard is not None and not heard.calls:
            text = "\n".join(one.text for one in heard.said if one.kind == "text")
            yield Said(index, entry.id, intent.run, intent.system, text)

    def _passed_on(self, index: int, entry: AnyEntry | Unknown) -> Iterator[Said]:
        if isinstance(entry, Word):
            text = self._part(index, entry, "result").decode("utf-8", "replace")
            yield Said(index, entry.id, entry.run, entry.system, text)

    def _part(self, index: int, entry: AnyEntry, name: str) -> bytes:
        for wanted in commitments(entry):
            if wanted.name == name:
                opening = open_part(self._source, index, entry, wanted)
                return opening.data if opening.fate == "present" else b""
        return b""

    def _compare(self, said: Said, configuration: Configuration) -> Compared:
        if not any(True for _ in claims(said.text)):  # reading a run again costs more than reading a text
            return Compared(0, ())
        declared = configuration.systems.get(said.system)
        tools = declared.manifest.tools if declared is not None else ()
        return compare(said.text, self._deeds(said), tools)

    def _deeds(self, said: Said) -> list[Deed]:
        """What the run had done when this was said."""
        indices = [index for index in self._source.of_run(said.run) if index < said.index]
        entries: _Own = [(index, read_leaf(self._source.leaf(index))) for index in indices[-4 * MOST_ACTS :]]
        now = read_leaf(self._source.leaf(said.index)).at
        acts = list(acts_of(entries).values())[-MOST_ACTS:]
        return [deed for own in acts if (deed := self._deed(own, now)) is not None]

    def _deed(self, own: _Own, now: int) -> Deed | None:
        index, judged = next(((k, one) for k, one in reversed(own) if isinstance(one, Judged)), (-1, None))
        if judged is None or judged.tool.endswith(".generation"):
            return None
        outcome = next(((k, one) for k, one in own if isinstance(one, Outcome)), None)
        result = self._part(*outcome, "result") if outcome is not None else b""
        return Deed(
            index=own[0][0],
            tool=judged.tool,
            word=word_of(own, now)[0],
            effect=judged.effect,
            arguments=_arguments(self._part(index, judged, "action")),
            result=readable(result)[:20_000],
        )

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
            entries=_once(one for each in found for one in each.entries),
            why=commitment(part.salt, part.data),
        )
        await self._gate.append(entry, (part,))
        self._known.add(said.index)


def _once(entries: Iterable[int]) -> list[int]:
    return sorted(set(entries))[:64]


def _arguments(action: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(action, type=_Action).arguments
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return {}
