"""What a list of runs says of each, beside who and when: its task, and how much it asked for and was refused."""

from typing import Final

import msgspec

from standwatch.facts.entries import Answered, Asked, Decided, Denied, Judged
from standwatch.fronts.control_runs import RunHead
from standwatch.record.source import commitments, open_part, read_leaf
from standwatch.serve.control_reading import Record

_ONE: Final = 300
"""Entries of one run that are looked through for its counts; a longer one is opened to be counted."""
_ALL: Final = 4_000
"""Entries that are looked through for one list."""
_TASK: Final = 160
"""Characters of a task that are told here."""


class _Task(msgspec.Struct, frozen=True):
    task: str = ""


def counted(source: Record, heads: tuple[RunHead, ...]) -> tuple[RunHead, ...]:
    """`heads` with their tasks and, for as many as are short enough, their counts. Reads: not on the event loop."""
    left, found = _ALL, list[RunHead]()
    for each in heads:
        told = msgspec.structs.replace(each, task=_task(source, each))
        places = source.of_run(each.run)
        short = len(places) <= min(_ONE, left)
        left -= len(places) if short else 0
        found.append(_counts(source, told, places) if short else told)
    return tuple(found)


def _counts(source: Record, head: RunHead, places: list[int]) -> RunHead:
    acts, denied, asked, refused = set[str](), set[str](), set[str](), set[str]()
    for place in places:
        entry = read_leaf(source.leaf(place))
        if isinstance(entry, Judged | Decided):
            acts.add(entry.id)
        match entry:
            case Denied():
                denied.add(entry.id)
            case Asked():
                asked.add(entry.id)
            case Answered(decision="refuse"):
                refused.add(entry.id)
            case _:
                pass
    return msgspec.structs.replace(
        head, acts=len(acts), denied=len(denied), asked=len(asked), refused=len(refused)
    )


def _task(source: Record, head: RunHead) -> str:
    """The beginning of what it was asked for; "" where it was told nothing, or that was erased."""
    entry = read_leaf(source.leaf(head.index))
    for wanted in commitments(entry):
        data = open_part(source, head.index, entry, wanted).data
        try:
            task = msgspec.json.decode(data or b"{}", type=_Task).task
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ""
        return task if len(task) <= _TASK else task[: _TASK - 1] + "…"
    return ""
