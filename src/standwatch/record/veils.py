"""Whether a question was real or a decoy: committed to when it is asked, opened when nobody can answer it any more.

Every question with a flag is opened, the real ones too, or a decoy could be hidden as one of them. Until then nothing
that people said to it has force: so a decoy releases nothing, whoever signs it and whatever else goes wrong.
"""

from typing import TYPE_CHECKING

import msgspec

from standwatch.facts.entries import AskedMany, Unmasked
from standwatch.facts.frames import RefusalCode
from standwatch.facts.parts import SALT_BYTES, commitment

if TYPE_CHECKING:
    from standwatch.record.state import State


class Veiled(msgspec.Struct, frozen=True):
    """A question that was not opened yet, and what people said to it, each their last word."""

    index: int
    entry: AskedMany
    answers: dict[str, str] = {}

    @property
    def approved(self) -> bool:
        """Whether enough people said yes, and nobody no."""
        said = list(self.answers.values())
        return "refuse" not in said and said.count("approve") >= self.entry.quorum


Veils = dict[str, Veiled]
"""By action id."""


def heard(veils: Veils, ident: str, person: str, decision: str) -> None:
    """`person` answered question `ident`; vouching for a value of it is a yes."""
    known = veils.get(ident)
    if known is not None:
        veils[ident] = msgspec.structs.replace(known, answers={**known.answers, person: decision})


def closed(state: "State", veiled: Veiled, now: int) -> bool:
    """Whether nobody's answer is awaited any more."""
    question = state.questions.get(veiled.entry.id)
    return question is None or question.used or not question.open or now >= veiled.entry.until


def opens(entry: Unmasked, flag: str) -> bool:
    """Whether `entry` says what `flag` was the commitment to."""
    try:
        salt = bytes.fromhex(entry.salt)
    except ValueError:
        return False
    word = b"decoy" if entry.decoy else b"real"
    return len(salt) == SALT_BYTES and commitment(salt, word) == flag


def problem(state: "State", entry: Unmasked, now: int) -> tuple[RefusalCode | None, str]:
    """Code and sentence of why `entry` may not be written at `now`; None and "" where it may."""
    veiled = state.veiled.get(entry.id)
    if veiled is None or veiled.index != entry.of:
        return "duplicate", f"question {entry.of} is not there to be opened"
    # INVARIANT: what a question is said to have been is what it was asked as.
    if not opens(entry, veiled.entry.flag):
        return "invalid", f"that does not open the flag of question {entry.of}"
    # A decoy may be taken back early; that a question is real is told to nobody who may still answer it.
    if not entry.decoy and not closed(state, veiled, now):
        return "stale", f"question {entry.of} can still be answered"
    return None, ""
