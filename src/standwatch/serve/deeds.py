"""What runs did, read once: the acts of the runs that were heard of last, kept as they can be held against words.

Entries are noted as they come; nothing of them is read or decrypted before somebody speaks in their run. Generations
are no deeds and are not noted.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Decided,
    Endorsed,
    Judged,
    Outcome,
    Unmasked,
)
from standwatch.record.leaf import Unknown
from standwatch.record.source import commitments, open_part, read_leaf
from standwatch.serve.control_runs import readable, word_of
from standwatch.store.reader import Reader
from standwatch.watch.word_deeds import Deed, Seen, seen

MOST_ACTS: Final = 400
"""Acts of a run that are looked at, the latest."""
_MOST_ENTRIES: Final = 4 * MOST_ACTS
_RUNS: Final = 512
_HELD: Final = 8_000
"""Acts that are kept, of all runs together."""
_IDS: Final = 1 << 16
_RESULT: Final = 20_000
GENERATION: Final = ".generation"

_Own = list[tuple[int, AnyEntry | Unknown]]


class Head(msgspec.Struct, frozen=True, gc=False):
    """What is read of every entry. An answer and an outcome have the id of their act, and no run."""

    kind: str = ""
    id: str = ""
    run: str = ""
    tool: str = ""
    system: str = ""


class _Action(msgspec.Struct, frozen=True):
    arguments: dict[str, Any] = {}


class _Act:
    """The entries of one act, and what it is as far as they tell; `told`: how many did, and its word then."""

    def __init__(self) -> None:
        self.own: _Own = []
        self.told: tuple[int, str] = (0, "")
        self.seen: Seen | None = None


class _Run:
    """A run. `whole`: nothing of it was missed. `places`: entries that nobody has read yet, ascending."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.places: deque[int] = deque(maxlen=_MOST_ENTRIES)
        self.acts: dict[str, _Act] = {}


class Deeds:
    """The latest runs. Called by one thread at a time."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._runs: dict[str, _Run] = {}
        """Those heard of last at the end."""
        self._ids: dict[str, str] = {}
        """The run of each act."""
        self._held = 0
        self._next = 0

    def note(self, index: int, head: Head) -> None:
        """Entry `index` has come. Each is noted once, in their order."""
        self._next = index + 1
        if head.kind.startswith("ctl.run_opened."):
            self._keep(head.run, self._runs.pop(head.run, None) or _Run(whole=True))
        elif head.kind.startswith("act.") and not head.tool.endswith(GENERATION):
            name = head.run or self._ids.get(head.id, "")
            if name and head.id:
                self._heard(name).places.append(index)
                self._belongs(head.id, name)

    def none(self, run: str) -> bool:
        """Whether `run` surely did nothing but ask models."""
        found = self._runs.get(run)
        return found is not None and found.whole and not found.places and not found.acts

    def before(self, run: str, index: int, now: int) -> list[Seen]:
        """What `run` had done when entry `index` came, at `now` (µs, UTC), in its order."""
        found = self._heard(run)
        if not found.whole:
            self._load(run, found)
        while found.places and found.places[0] < index:
            self._read(run, found, found.places.popleft())
        self._bound()
        acts = list(found.acts.values())
        return [one for act in acts if (one := self._seen(act, now)) is not None]

    # ------------------------------------------------------------------------------------------------ keeping

    def _heard(self, run: str) -> _Run:
        return self._keep(run, self._runs.pop(run, None) or _Run(whole=False))

    def _keep(self, run: str, found: _Run) -> _Run:
        self._runs[run] = found
        if len(self._runs) > _RUNS:
            self._forget()
        return found

    def _forget(self) -> None:
        self._held -= len(self._runs.pop(next(iter(self._runs))).acts)

    def _bound(self) -> None:
        while self._held > _HELD and len(self._runs) > 1:
            self._forget()

    def _belongs(self, ident: str, run: str) -> None:
        self._ids[ident] = run
        if (
            len(self._ids) > _IDS
        ):  # an act whose outcome is missed is one whose end nobody knows: it proves nothing
            del self._ids[next(iter(self._ids))]

    # ------------------------------------------------------------------------------------------------ reading

    def _load(self, run: str, found: _Run) -> None:
        """A run that was there before us, or was forgotten."""
        noted = {index for index in self._source.of_run(run) if index < self._next} | set(found.places)
        found.places.clear()
        found.places.extend(sorted(noted))
        found.whole = True

    def _read(self, run: str, found: _Run, index: int) -> None:
        entry = read_leaf(self._source.leaf(index))
        if not isinstance(entry, Judged | Decided | Answered | Endorsed | Unmasked | Outcome) or not entry.id:
            return
        act = found.acts.get(entry.id)
        if act is None:
            if not isinstance(entry, Judged) or entry.tool.endswith(GENERATION):
                return
            act = found.acts[entry.id] = _Act()
            self._held += 1
            self._belongs(entry.id, run)
            if len(found.acts) > MOST_ACTS:
                del found.acts[next(iter(found.acts))]
                self._held -= 1
        act.own.append((index, entry))

    def _seen(self, act: _Act, now: int) -> Seen | None:
        told = len(act.own), word_of(act.own, now)[0]
        if act.told != told:
            act.told, act.seen = told, self._made(act.own, told[1])
        return act.seen

    def _made(self, own: _Own, word: str) -> Seen | None:
        index, judged = next(((k, one) for k, one in reversed(own) if isinstance(one, Judged)), (-1, None))
        if judged is None:
            return None
        action = _arguments(part_of(self._source, index, judged, "action"))
        deed = Deed(index=own[0][0], tool=judged.tool, word=word, effect=judged.effect, arguments=action)
        made = seen(deed)
        outcome = next(((k, one) for k, one in own if isinstance(one, Outcome)), None)
        told = ""
        if made.test and outcome is not None:  # of anything else nobody asks what it returned
            told = readable(part_of(self._source, *outcome, "result"))[:_RESULT]
        return msgspec.structs.replace(made, deed=msgspec.structs.replace(deed, arguments={}, result=told))


def part_of(source: Reader, index: int, entry: AnyEntry, name: str) -> bytes:
    """Part `name` of entry `index`; b"" for what is erased or not there."""
    for wanted in commitments(entry):
        if wanted.name == name:
            opening = open_part(source, index, entry, wanted)
            return opening.data if opening.fate == "present" else b""
    return b""


def once(entries: Iterable[int]) -> list[int]:
    """In order, each once, as many as an entry may name."""
    return sorted(set(entries))[:64]


def _arguments(action: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(action, type=_Action).arguments
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return {}
