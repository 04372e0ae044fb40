"""Who overrides how often: rates by person and by day, and the rows over which people disagree. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from standwatch.facts.entries import Overridden
from standwatch.watch.measured import week_of

_DAY = 86_400_000_000


class Rate(msgspec.Struct, frozen=True):
    """One person's overrides. `undone`: how many of them another person overrode in turn."""

    by: str
    overrides: int
    rows: int
    undone: int
    days: int
    """On how many days."""


class Chain(msgspec.Struct, frozen=True):
    """One row that was overridden more than once: `index/row`, and the overrides' indices in order."""

    decision: str
    model: str
    overrides: tuple[int, ...]
    people: tuple[str, ...]


class Overriding(msgspec.Struct, frozen=True):
    """`total` overrides of `rows` rows; `days` by ISO date (UTC)."""

    total: int
    rows: int
    people: tuple[Rate, ...]
    models: dict[str, int]
    days: dict[str, int]
    chains: tuple[Chain, ...]


def overriding(found: Sequence[tuple[int, Overridden]]) -> Overriding:
    """What `found`, overrides with their indices in order, come to."""
    author = {index: entry.by for index, entry in found}
    undone = Counter(
        author[entry.follows] for _, entry in found if author.get(entry.follows, entry.by) != entry.by
    )
    rows: dict[tuple[int, int], list[tuple[int, Overridden]]] = {}
    for index, entry in found:
        rows.setdefault((entry.of, entry.row), []).append((index, entry))
    return Overriding(
        total=len(found),
        rows=len(rows),
        people=tuple(_rate(by, found, undone) for by in _most(author.values())),
        models=dict(sorted(Counter(entry.model for _, entry in found).items())),
        days=dict(sorted(Counter(week_of(entry.at // _DAY) for _, entry in found).items())),
        chains=tuple(_chain(key, some) for key, some in rows.items() if len(some) > 1),
    )


def _most(people: Iterable[str]) -> list[str]:
    counts = Counter(people)
    return sorted(counts, key=lambda by: (-counts[by], by))


def _rate(by: str, found: Sequence[tuple[int, Overridden]], undone: Counter[str]) -> Rate:
    mine = [entry for _, entry in found if entry.by == by]
    rows = {(entry.of, entry.row) for entry in mine}
    return Rate(by, len(mine), len(rows), undone[by], len({entry.at // _DAY for entry in mine}))


def _chain(key: tuple[int, int], some: list[tuple[int, Overridden]]) -> Chain:
    return Chain(
        f"{key[0]}/{key[1]}",
        some[0][1].model,
        tuple(index for index, _ in some),
        tuple(entry.by for _, entry in some),
    )
