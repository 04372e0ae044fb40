"""A cause before it is weighed against the others."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from standwatch.facts.decisions import Happening
from standwatch.watch.diagnosis import Code, Measured

Restored = Callable[[int], Sequence[Any]]


class Suspect(msgspec.Struct, frozen=True):
    """One possible cause. `sure` (0 to 1): how specific the sign is that gave it away.

    What its taking back would mean, for the share of the change that it explains: `restore` by feature, `marked` rows
    that would not be, `model`: the former scores for the same inputs, `cut`: the former threshold.
    """

    code: Code
    subject: str
    text: str
    row: int
    low: int
    high: int
    sure: float
    distance: float = 0.0
    p: float = 1.0
    restore: dict[int, Callable[[Any, int], Any]] = {}
    marked: tuple[int, ...] = ()
    model: bool = False
    cut: bool = False
    evidence: tuple[Measured, ...] = ()
    entries: tuple[int, ...] = ()
    undo: str = ""
    explained: bool = False
    """Whether rows that the accidents of the inputs did not touch are scored as before."""
    part: tuple[str, ...] = ()
    """Features that a part of the traffic is told apart by."""

    def measured(self, *evidence: Measured) -> "Suspect":
        """With this evidence too."""
        return msgspec.structs.replace(self, evidence=(*self.evidence, *evidence))

    def undone(self, command: str) -> "Suspect":
        """With the command that undoes it."""
        return msgspec.structs.replace(self, undo=command)

    def named(self, code: Code, subject: str, text: str, sure: float) -> "Suspect":
        """As another kind of cause."""
        return msgspec.structs.replace(self, code=code, subject=subject, text=text, sure=sure)

    def begun(self, row: int) -> "Suspect":
        """Known to have begun at `row`."""
        return msgspec.structs.replace(self, row=row, low=min(self.low, row), high=max(self.high, row))

    def rested(self, entry: Happening) -> "Suspect":
        """Resting on a control entry, with its command."""
        text = (
            f"{self.text} (entry {entry.index}: {entry.text})" if entry.text not in self.text else self.text
        )
        return msgspec.structs.replace(
            self, text=text, entries=(*self.entries, entry.index), undo=entry.undo or self.undo
        )
