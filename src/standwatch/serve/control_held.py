"""What became of one hold, from the record: who placed it and why, and who lifted it and why, once it is over."""

from typing import Final

from standwatch.facts.entries import Hold, Released
from standwatch.facts.errors import NotFound
from standwatch.record.leaf import decode
from standwatch.serve.control_reading import Record, whole

_CHUNK: Final = 20_000
"""Indices looked through at once."""


def placed(source: Record, number: str) -> tuple[int, Hold]:
    """The entry of hold `number`. Raises `NotFound` where that entry is no hold."""
    index = whole(number)
    entry = decode(source.leaf(index)) if index is not None and index < source.size else None
    if index is None or not isinstance(entry, Hold):
        raise NotFound(f"there is no hold {number[:40]}", cure="standwatch status")
    return index, entry


def lifted(source: Record, index: int, hold: Hold) -> tuple[int, Released] | None:
    """The entry that released the hold at `index`; None where nothing did before its own end. Reads the record from the
    hold on: not on the event loop, and not for a hold that is in force."""
    for begin in range(index + 1, source.size, _CHUNK):
        for place, entry in source.control(begin, min(source.size, begin + _CHUNK)):
            if isinstance(entry, Released) and entry.hold == index:
                return place, entry
            if 0 < hold.until <= entry.at:
                return None
    return None
