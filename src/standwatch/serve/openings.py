"""Opening questions: once nobody can answer one any more, the record says whether it was real.

What opens a flag is sealed beside its question, so a restart forgets nothing: what was closed meanwhile is opened then.
"""

import contextlib
from collections.abc import Callable
from typing import Final

from standwatch.facts.entries import Unmasked
from standwatch.facts.errors import Conflict, StandwatchError
from standwatch.facts.frames import Fetch
from standwatch.facts.parts import SALT_BYTES
from standwatch.record.veils import closed
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link

BY: Final = "standwatch"
_MOST_SHOWN: Final = 4_096
_PATIENCE: Final = 60_000_000
"""µs before a flag that could not be read is looked for again."""

CAUGHT: Final = (
    "It was a decoy, and you caught it: nothing was going to be carried out. Thank you for looking."
)
FELL: Final = (
    "It was a decoy, made of an action that was refused before: nothing is carried out, and nothing was at stake. It "
    "happens to careful people. Until a validator has talked it over with you, others answer: standwatch vigilance"
)
"""What a person hears who answered a decoy."""


class Openings:
    """Every method may be called at any time, and by several at once: a question is opened once."""

    def __init__(self, gate: LiveGate, link: Link, clock: Callable[[], int]) -> None:
        self._gate, self._link, self._clock = gate, link, clock
        self._again: dict[str, int] = {}
        """Questions whose flag could not be read (it was erased, or the record is away), and when to look again."""

    async def open(self, ident: str, *, early: bool = False) -> Unmasked | None:
        """Open question `ident` where nobody can answer it any more; what it was. None where it is not to be opened.

        `early`: a decoy is taken back before its time; a real question is not. Raises `Unrecorded`.
        """
        veiled = self._gate.state.veiled.get(ident)
        if veiled is None or not (early or closed(self._gate.state, veiled, self._clock())):
            return None
        secret, word = await self.secret(ident)
        if not word:
            self._again[ident] = self._clock() + _PATIENCE
        if not word or (early and word != "decoy"):
            return None
        entry = Unmasked(by=BY, id=ident, of=veiled.index, salt=secret.hex(), decoy=word == "decoy")
        with contextlib.suppress(Conflict):  # somebody was first
            await self._gate.append(entry)
        return entry

    async def secret(self, ident: str) -> tuple[bytes, str]:
        """What opens the flag of question `ident`, and the word it commits to; empty where that was erased."""
        found = await self._link.fetch(Fetch(self._link.next_number(), ident, "flag"))
        return found.data[:SALT_BYTES], found.data[SALT_BYTES:].decode("ascii", "replace")

    async def sweep(self) -> None:
        """Open whatever is closed: what expired, and what was answered while nobody could write it down."""
        now = self._clock()
        self._again = {ident: at for ident, at in self._again.items() if now < at}
        for veiled in tuple(self._gate.state.veiled.values()):
            if veiled.entry.id not in self._again and closed(self._gate.state, veiled, now):
                with contextlib.suppress(StandwatchError):  # the next sweep tries again
                    await self.open(veiled.entry.id)

    def told(self, entry: Unmasked | None, decision: str) -> str:
        """What to say to a person who answered `decision`, beside what became of their answer."""
        if entry is None or not entry.decoy:
            return ""
        return FELL if decision == "approve" else CAUGHT


class Shown:
    """When the server first showed whom which question: in memory, for how long people look."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._at: dict[tuple[str, str], int] = {}

    def to(self, person: str, ident: str) -> None:
        """Question `ident` goes to `person` now."""
        while len(self._at) >= _MOST_SHOWN:
            del self._at[next(iter(self._at))]
        self._at.setdefault((person, ident), self._clock())

    def took(self, ident: str, *people: str) -> int:
        """ms since the first of `people` who saw question `ident` was shown it; 0 where nobody knows."""
        at = next((self._at[person, ident] for person in people if (person, ident) in self._at), 0)
        return max((self._clock() - at) // 1_000, 1) if at else 0
