"""What an agent said against its own record, read again: the findings and the sentences they are about."""

from collections.abc import Iterable

import msgspec

from standwatch.facts.entries import Contradicted
from standwatch.record.source import Fate, Source, commitments, open_part, read_leaf


class Sentence(msgspec.Struct, frozen=True):
    """One sentence, the entries that say otherwise, and what both name."""

    code: str
    said: str
    entries: tuple[int, ...] = ()
    shared: tuple[str, ...] = ()


class Findings(msgspec.Struct, frozen=True):
    """What is sealed beside an `act.contradicted`: how many claims could be compared, and which are contradicted."""

    claims: int = 0
    contradictions: tuple[Sentence, ...] = ()


class Doubt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One `act.contradicted` as people read it. `of` is what was said; `fate` is that of the sealed sentences."""

    index: int
    at: int
    of: int
    code: str
    entries: tuple[int, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    fate: Fate = "none"


def doubts(source: Source, indices: Iterable[int], *, least: int = 0) -> tuple[Doubt, ...]:
    """The contradictions among the entries `indices`, from `least` on."""
    found: list[Doubt] = []
    for index in indices:
        if index < least:
            continue
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Contradicted):
            found.append(_doubt(source, index, entry))
    return tuple(found)


def _doubt(source: Source, index: int, entry: Contradicted) -> Doubt:
    sentences: tuple[Sentence, ...] = ()
    fate: Fate = "none"
    for wanted in commitments(entry):
        opening = open_part(source, index, entry, wanted)
        fate = opening.fate
        if opening.fate == "present":
            sentences = _read(opening.data)
    return Doubt(index, entry.at, entry.of, entry.code, tuple(entry.entries), sentences, fate)


def _read(data: bytes) -> tuple[Sentence, ...]:
    try:
        return msgspec.json.decode(data, type=Findings).contradictions
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return ()
