"""What goes wrong, and what `diagnose` would have to say about it. A fault changes what a row carries, or who
answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.diagnose.worlds import MICRO, Scorer, Values, World
from standwatch.facts.decisions import Happening


@dataclass
class Request:
    """One row on its way through the gate."""

    at: int
    values: Values
    parameters: dict[str, Any]
    version: str
    scorer: Scorer
    threshold: float
    trouble: str = ""
    bounds: dict[str, float] = field(default_factory=dict)


@dataclass
class Fault:
    """`codes` and `subject`: what the first cause must say. `happened` is what the record says of it."""

    kind: str
    codes: tuple[str, ...]
    subject: tuple[str, ...]
    apply: Callable[[Request, random.Random], None]
    happened: tuple[Happening, ...] = ()
    undo: str = ""

    def named(self, code: str, subject: str) -> bool:
        """Whether a cause is this fault: its kind, and the feature, part, version or parameter concerned."""
        return code in self.codes and all(word in subject for word in self.subject)


Maker = Callable[[World, random.Random, int], Fault]


def _units(world: World, chance: random.Random, _: int) -> Fault:
    name = chance.choice(world.scaled)
    by = chance.choice((1000, 1000, 1000, 100, 0.001, 0.01, 12, 60))

    def apply(one: Request, _: random.Random) -> None:
        if one.values[name] is not None:
            one.values[name] = round(one.values[name] * by, 6)

    return Fault("unit change", ("units",), (name,), apply)


def _swap(world: World, chance: random.Random, _: int) -> Fault:
    one, two = chance.sample(list(world.numbers), 2)

    def apply(row: Request, _: random.Random) -> None:
        row.values[one], row.values[two] = row.values[two], row.values[one]

    return Fault("column swap", ("swapped",), (one, two), apply)


def _nulls(world: World, chance: random.Random, _: int) -> Fault:
    name, part = chance.choice([*world.numbers, *world.words]), chance.uniform(0.2, 0.9)

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < part:
            one.values[name] = None

    return Fault("null flood", ("nulls",), (name,), apply)


def _remap(world: World, chance: random.Random, at: int) -> Fault:
    name = chance.choice(world.words)
    words = sorted({world.draw(chance, at + n, 0)[name] for n in range(400)})
    if chance.random() < 0.3:
        mapped = {word: f"{word}-{chance.randint(1, 9)}" for word in words}
    else:
        turned = words[1:] + words[:1] if chance.random() < 0.5 else chance.sample(words, len(words))
        mapped = dict(zip(words, turned, strict=True))

    def apply(one: Request, _: random.Random) -> None:
        one.values[name] = mapped.get(one.values[name], one.values[name])

    return Fault("category remap", ("remapped",), (name,), apply)


def _zone(world: World, chance: random.Random, _: int) -> Fault:
    by = chance.choice((-9, -8, -6, -5, -4, -3, 3, 4, 5, 6, 7, 8)) * world.turn / 24

    def apply(one: Request, _: random.Random) -> None:
        one.values[world.clock] = type(one.values[world.clock])((one.values[world.clock] + by) % world.turn)

    return Fault("time zone", ("time_zone",), (world.clock,), apply)


def _stale(world: World, chance: random.Random, onset: int) -> Fault:
    name = world.market
    last = world.draw(chance, onset, 0)[name]

    def apply(one: Request, _: random.Random) -> None:
        one.values[name] = last
        for key in one.parameters:
            if key == f"age.{name}":
                one.parameters[key] = round((one.at - onset) / MICRO + one.parameters[key], 1)

    return Fault("stale cache", ("stale",), (name,), apply)


def _threshold(world: World, chance: random.Random, onset: int) -> Fault:
    def apply(one: Request, _: random.Random) -> None:
        one.threshold = moved

    scores = sorted(
        world.version(1, jitter=0.0)(world.draw(chance, onset - n * 977 * MICRO, 0)) for n in range(300)
    )
    place = sum(score < world.threshold for score in scores) / 300
    moved = scores[
        int(300 * min(max(place + chance.choice((-1, 1)) * chance.uniform(0.08, 0.2), 0.05), 0.95))
    ]
    said = Happening(
        onset - 2 * MICRO, 900_000, "config", "configuration adopted: 1 file changed", "git revert HEAD"
    )
    return Fault("wrong threshold", ("threshold",), (), apply, (said,) if chance.random() < 0.5 else ())


def _wrong_version(world: World, chance: random.Random, _: int) -> Fault:
    scorer, part = world.version(77, jitter=chance.uniform(0.3, 0.6)), chance.choice((1.0, 1.0, 0.5))

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < part:
            one.version, one.scorer = "0.9.2", scorer

    return Fault("wrong version", ("wrong_version",), ("0.9.2",), apply)


def _retrain(world: World, chance: random.Random, _: int) -> Fault:
    scorer = world.version(55, jitter=chance.uniform(0.35, 0.7))

    def apply(one: Request, _: random.Random) -> None:
        one.scorer = scorer

    return Fault("silent retrain", ("retrained",), (), apply)


def _dropped(world: World, chance: random.Random, onset: int) -> Fault:
    name = chance.choice([*world.numbers, *world.words])
    seen = world.draw(chance, onset, 0)[name]
    default: Any = (
        chance.choice((0, -1, 0.0)) if name in world.numbers else chance.choice(("unknown", "other", seen))
    )

    def apply(one: Request, _: random.Random) -> None:
        one.values[name] = default

    return Fault("dropped feature", ("constant",), (name,), apply)


def _part(world: World, chance: random.Random, onset: int) -> tuple[str, str]:
    """A feature and a value that at most half of all rows have: of more, nobody would say that it is one part."""
    while True:
        name = chance.choice(world.words)
        seen = [world.draw(chance, onset - n * 977 * MICRO, 0)[name] for n in range(200)]
        word = chance.choice(seen)
        if seen.count(word) <= 100:
            return name, word


def _slice(world: World, chance: random.Random, onset: int) -> Fault:
    name, word = _part(world, chance, onset)
    broken = chance.sample(list(world.numbers), 2)
    how = chance.choice(("noise", "scale", "score"))
    other = world.version(33, jitter=0.9)

    def apply(one: Request, chance: random.Random) -> None:
        if one.values[name] != word:
            return
        if how == "score":
            one.scorer = other
        for feature in broken if how != "score" else ():
            stranger = world.draw(chance, one.at, 0)[feature]
            one.values[feature] = stranger * 12 if how == "scale" and stranger is not None else -1

    return Fault("one bad slice", ("slice",), (f"{name}={word}",), apply)


def _vendor(world: World, chance: random.Random, _: int) -> Fault:
    part, lift, grain = (
        chance.uniform(0.6, 1.0),
        chance.uniform(0.6, 1.6) * chance.choice((-1, 1)),
        chance.uniform(0.4, 0.9),
    )

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() > part:
            return
        one.parameters["vendor"] = "backup"
        for name in world.bought:
            value, other = one.values[name], world.draw(chance, one.at, lift)[name]
            one.values[name] = (
                other
                if value is None or chance.random() < grain
                else None
                if chance.random() < 0.2
                else value
            )

    return Fault("vendor fallback", ("vendor",), ("vendor",), apply)


def _category(world: World, chance: random.Random, _: int) -> Fault:
    name, part = chance.choice(world.words), chance.uniform(0.08, 0.3)

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < part:
            one.values[name] = "zz-new"

    return Fault("new category", ("new_category",), (name,), apply)


def _failing(world: World, chance: random.Random, _: int) -> Fault:
    part, code = chance.uniform(0.08, 0.7), chance.choice(("timeout", "unreachable", "upstream_error"))

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < part:
            one.trouble = code

    return Fault("upstream failing", ("upstream_failing",), (code,), apply)


def _deployment(world: World, chance: random.Random, onset: int) -> Fault:
    scorer, canary = world.version(66, jitter=chance.uniform(0.3, 0.6)), chance.choice((1.0, 1.0, 0.4))

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < canary:
            one.version, one.scorer = "9.0", scorer

    what = "deployed" if canary == 1 else "canary"
    said = Happening(
        onset - MICRO, 900_001, what, f"{world.model.component}@9.0 {what}", "standwatch rollback SYSTEM"
    )
    return Fault("bad deployment", ("deployment",), ("9.0",), apply, (said,))


def _configuration(world: World, chance: random.Random, onset: int) -> Fault:
    name = chance.choice(world.scaled)
    seen = sorted(
        value
        for n in range(200)
        if (value := world.draw(chance, onset - n * 977 * MICRO, 0)[name]) is not None
    )
    limit = seen[int(len(seen) * chance.uniform(0.55, 0.85))]

    def apply(one: Request, _: random.Random) -> None:
        one.bounds[name] = limit

    said = Happening(
        onset - MICRO, 900_002, "config", f"configuration adopted: {name} bounded", "git revert HEAD"
    )
    return Fault("configuration", ("configuration",), (), apply, (said,))


def _shuffled(world: World, chance: random.Random, _: int) -> Fault:
    name = chance.choice(world.scaled)
    seen: list[Any] = []

    def apply(one: Request, chance: random.Random) -> None:
        mine = one.values[name]
        one.values[name] = chance.choice(seen) if seen else mine
        seen.append(mine)

    return Fault("rows mixed up", ("shuffled",), (name,), apply)


def _drift(world: World, chance: random.Random, _: int) -> Fault:
    name, part = chance.choice(world.words), chance.uniform(0.3, 0.6)
    words = chance.choice((0, -1))

    def apply(one: Request, chance: random.Random) -> None:
        if chance.random() < part:
            drawn = sorted(
                (world.draw(chance, one.at, 0) for _ in range(6)), key=lambda each: str(each[name])
            )
            one.values = drawn[words]

    return Fault("other customers", ("drift",), (name,), apply)


REQUIRED: dict[str, Maker] = {
    "unit change": _units,
    "column swap": _swap,
    "null flood": _nulls,
    "category remap": _remap,
    "time zone": _zone,
    "stale cache": _stale,
    "wrong threshold": _threshold,
    "wrong version": _wrong_version,
    "silent retrain": _retrain,
    "dropped feature": _dropped,
    "one bad slice": _slice,
    "vendor fallback": _vendor,
}
"""The kinds that the measure names."""
MORE: dict[str, Maker] = {
    "new category": _category,
    "upstream failing": _failing,
    "bad deployment": _deployment,
    "configuration": _configuration,
    "rows mixed up": _shuffled,
    "other customers": _drift,
}
KINDS = REQUIRED | MORE
