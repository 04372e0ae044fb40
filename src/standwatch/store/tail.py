"""The tail: what the indices of the journal do not know yet, kept in memory and rebuilt by reading it again.

The same `note` serves the writer, recovery and readers, so an entry is indexed in one way.
"""

import datetime as dt
from typing import Final

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Enrolled,
    Evidence,
    Exposure,
    Hold,
    Intent,
    Outcome,
    Overridden,
    PasskeyDoubted,
    PasskeyEnded,
    PasskeyRefused,
    Principal,
    Pulled,
    Relaxed,
    Restored,
    Revalidated,
    RunClosed,
    RunOpened,
    SecondPlace,
    Shadowed,
    SignedIn,
    SignedOut,
    TaskTaken,
    Unmasked,
    Watch,
    Word,
)
from standwatch.record.leaf import Unknown
from standwatch.record.state import folds

RESTRICTING: Final = (
    Hold,
    Config,
    Declared,
    Evidence,
    Principal,
    Deployed,
    Exposure,
    Coverage,
    PasskeyEnded,
    Restored,
)
"""Entries that may take authority away: they set fences, so every worker sees them before they are
acknowledged."""

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = dt.date(1970, 1, 1)


_OF_ACTION: Final = (
    Intent,
    Outcome,
    Asked,
    Deferred,
    Pulled,
    Unmasked,
    Denied,
    Answered,
    Endorsed,
    Decided,
    Shadowed,
    Overridden,
    Word,
    Contradicted,
)


class Tail:
    """The entries from `begin` on, by action, by run, and those that fold with their keys."""

    __slots__ = ("actions", "begin", "controls", "runs")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.actions: dict[str, list[int]] = {}
        self.runs: dict[str, list[int]] = {}
        self.controls: list[tuple[int, str]] = []

    def note(self, index: int, entry: AnyEntry | Unknown, run: str) -> None:
        """Entry `index` was written, in `run` ("" for none)."""
        if isinstance(entry, _OF_ACTION):
            known = self.actions.get(entry.id)
            if known is None:
                self.actions[entry.id] = [index]
            else:
                known.append(index)
        if run:
            known = self.runs.get(run)
            if known is None:
                self.runs[run] = [index]
            else:
                known.append(index)
        if folds(entry):
            self.controls.append((index, control_key(entry)))


def run_of(entry: AnyEntry | Unknown, open_run: str) -> str:
    """The run that `entry` belongs to; `open_run` is that of the intent or question it answers."""
    kind = type(entry)
    if issubclass(kind, (Outcome, Answered)):
        return open_run
    if isinstance(entry, Overridden):  # its own run is long over; so those of a system are found together
        return f"override/{entry.system}"
    return getattr(entry, "run", "")


def control_key(entry: AnyEntry | Unknown) -> str:
    """What a control entry is about, to find its history again: `system:`, `agent:`, `run:`, a scope, or its kind."""
    match entry:
        case Hold():
            return entry.scope
        case Declared() | Evidence() | Deployed() | Exposure() | Coverage() | Relaxed() | Restored():
            return f"system:{entry.system}"
        case Principal():
            return f"agent:{entry.name}"
        case Enrolled() | PasskeyEnded() | PasskeyDoubted() | SignedIn() | SignedOut() | PasskeyRefused():
            return f"agent:{entry.person}"
        case Revalidated():
            return f"agent:{entry.person}"
        case Watch():
            return f"watch:{entry.watch}"
        case RunOpened() | TaskTaken() | RunClosed() | SecondPlace():
            return f"run:{entry.run}"
        case Asked() | Deferred() | Pulled() | Unmasked() | Answered() | Endorsed() | Intent():
            return f"action:{entry.id}"
        case Unknown():
            return entry.kind
        case _:
            return str(type(entry).__struct_config__.tag)


def part_key(index: int, entry: AnyEntry) -> str:
    """The id under which the parts of entry `index` are sealed and fetched: its action, its run, or its index."""
    match entry:
        case Intent() | Outcome() | Asked() | Deferred() | Pulled() | Denied() | Answered() | Endorsed():
            return entry.id
        case Decided() | Shadowed() | Overridden() | Word() | Contradicted():
            return entry.id
        case RunOpened():
            return entry.run
        case _:
            return str(index)


class Days:
    """The name of a day (YYYYMMDD, UTC) for a time in µs; remembers the last one."""

    __slots__ = ("_day", "_name")

    def __init__(self) -> None:
        self._day = -1
        self._name = ""

    def name(self, at: int) -> str:
        """The day of `at`."""
        day = at // _DAY_US
        if day != self._day:
            self._day, self._name = day, f"{_EPOCH + dt.timedelta(days=day):%Y%m%d}"
        return self._name
