"""What a scan says, and what it raises when it could not finish."""

from collections.abc import Iterable

import msgspec

from standwatch.facts.errors import StandwatchError

SECRET = "secret"  # noqa: S105 - the name of a kind
IDENTIFIER = "identifier"
CANARY = "canary"
EXFILTRATION = "exfiltration"
INSTRUCTION = "instruction"
KINDS = (SECRET, IDENTIFIER, CANARY, EXFILTRATION, INSTRUCTION)


class Found(msgspec.Struct, frozen=True, order=True):
    """Something a detector knows, at `text[start:end]`: positions count characters of the text that was given.

    `certain`: a checksum, an unmistakable form or the context confirmed it; otherwise it only has the shape.
    The value itself is never held: whoever has the text can cut it out.
    """

    start: int
    end: int
    kind: str
    detector: str
    certain: bool


class Unfinished(StandwatchError):
    """A text was not read to its end, because a bound was hit. Callers deny: what was not read may hold anything."""

    code = "unfinished"


class Bounds(msgspec.Struct, frozen=True):
    """How much work one text may cost. `characters`: its length, or that of a stream; `attempts`: matches that a
    confirmation may refuse, before those are counted against the length (one for every three characters)."""

    characters: int = 128_000_000
    attempts: int = 20_000


def distinct(found: Iterable[Found]) -> tuple[Found, ...]:
    """The findings without those that stand inside another of their kind: the certain before the uncertain, then the
    longer, then by name. A card number found as a card is not told again as an account number."""
    ranked = sorted(
        found, key=lambda each: (not each.certain, each.start - each.end, each.start, each.detector)
    )
    kept: list[Found] = []
    for each in ranked:
        if not any(_inside(each, other) for other in kept):
            kept.append(each)
    return tuple(sorted(kept))


def _inside(inner: Found, outer: Found) -> bool:
    return inner.kind == outer.kind and outer.start <= inner.start and inner.end <= outer.end
