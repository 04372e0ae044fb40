"""Windows of traffic: days of decisions with their rhythm, bursts, harmless deployments, and at most one fault."""

from __future__ import annotations

import copy
import random
from bisect import bisect_left
from dataclasses import dataclass

from bench.diagnose.faults import KINDS, Fault, Request
from bench.diagnose.worlds import DAY, MICRO, Scorer, World
from standwatch.facts.decisions import Happening, Observation
from standwatch.facts.models import Model

HOUR = 3600 * MICRO
NOTICED = 0.03
"""A fault that moves the mix of outcomes by less (total variation) …"""
COMPLAINED = 0.06
"""… and decides fewer rows otherwise than this wakes nobody: it is drawn anew, and of all draws the best is
taken where none does better."""
NEAREST = 40
"""Rows between the onset and anything harmless that was deployed."""
_TRIES = 60
_OF_ONE = 12
"""Faults tried on one window before another window is drawn."""


@dataclass
class Case:
    """One window, as `diagnose` gets it, and the truth."""

    seed: int
    kind: str
    observations: list[Observation]
    happenings: list[Happening]
    model: Model
    since: int
    now: int
    onset: int = 0
    fault: Fault | None = None
    moved: float = 0.0
    noticed: float = 0.0
    """1 and more where somebody would notice."""


@dataclass
class _Plan:
    times: list[int]
    since: int
    now: int
    onset: int
    versions: list[tuple[int, str, Scorer]]
    happenings: list[Happening]
    bursts: list[tuple[int, int, float]]
    trouble: float


def case(world: World, kind: str, seed: int) -> Case:
    """A window with a fault of `kind`; "quiet" for none."""
    chance = random.Random(f"{type(world).__name__} {kind} {seed}")
    best: Case | None = None
    for tried in range(_TRIES):
        if tried % _OF_ONE == 0:
            plan = _plan(world, chance)
            requests = _requests(world, plan, chance)
        if kind == "quiet":
            quiet = [_answer(world, one, n, plan) for n, one in enumerate(requests)]
            return Case(seed, kind, quiet, plan.happenings, world.model, plan.since, plan.now)
        found = _case(world, plan, requests, KINDS[kind](world, chance, plan.onset), seed, kind)
        if best is None or found.noticed > best.noticed:
            best = found
        if best.noticed >= 1:
            break
    assert best is not None
    return best


def _plan(world: World, chance: random.Random) -> _Plan:
    """A window of 6 to 14 days; at least 220 rows since the time asked about, the fault's beginning among them."""
    while True:
        begin = 20_500 * DAY + chance.randrange(14 * 24) * HOUR
        since = begin + int(chance.uniform(5, 12) * DAY)
        now = since + int(chance.uniform(10, 60) * HOUR)
        bursts = [_burst(chance, begin, now) for _ in range(chance.randint(1, 5))]
        times = _times(world, chance, begin, now, bursts)
        row = bisect_left(times, since)
        if len(times) - row >= 220:
            break
    late = len(times) - row
    onset = chance.randint(row + late // 10, len(times) - max(120, late // 7))
    versions = _versions(world, chance, times, onset)
    happenings = [_deployed(world, n, *one[:2]) for n, one in enumerate(versions[1:])]
    for n in range(chance.randint(0, 4)):
        at = begin + int(chance.random() * (now - begin))
        happenings.append(
            Happening(at, 2000 + n, "config", "configuration adopted: a comment", "git revert HEAD")
        )
    happenings.sort(key=lambda one: one.at)
    return _Plan(times, since, now, times[onset], versions, happenings, bursts, chance.uniform(0.001, 0.01))


def _burst(chance: random.Random, begin: int, now: int) -> tuple[int, int, float]:
    """Up to two hours in which more people come, and others than usual."""
    at = begin + int(chance.random() * (now - begin))
    return at, at + int(chance.uniform(0.2, 2) * HOUR), chance.uniform(-0.5, 0.5)


def _versions(
    world: World, chance: random.Random, times: list[int], onset: int
) -> list[tuple[int, str, Scorer]]:
    """Harmless deployments: versions that decide alike. One within 40 to 300 rows of the onset, the others anywhere
    but nearer: what is not told apart by a single row is told apart by nobody."""
    rows = [onset + chance.choice((-1, 1)) * chance.randint(NEAREST, 300)]
    for _ in range(chance.randint(0, 3)):
        rows.append(chance.randrange(len(times)))
    rows = sorted(row for row in rows if 0 < row < len(times) and abs(row - onset) >= NEAREST)
    found = [(0, "1.0", world.version(1, jitter=0.0))]
    return found + [
        (times[row], f"1.{n}", world.version(n + 1, jitter=0.015)) for n, row in enumerate(rows, 1)
    ]


def _deployed(world: World, n: int, at: int, name: str) -> Happening:
    text = f"{world.model.component}@{name} deployed"
    return Happening(at, 1000 + n, "deployed", text, "standwatch rollback SYSTEM")


def _requests(world: World, plan: _Plan, chance: random.Random) -> list[Request]:
    found: list[Request] = []
    for at in plan.times:
        burst = sum(strength for begin, end, strength in plan.bursts if begin <= at < end)
        version, scorer = next(
            (name, scorer) for since, name, scorer in reversed(plan.versions) if since <= at
        )
        trouble = (
            chance.choice(("timeout", "timeout", "upstream_error")) if chance.random() < plan.trouble else ""
        )
        values, said = world.draw(chance, at, burst), world.parameters(chance, at)
        found.append(Request(at, values, said, version, scorer, world.threshold, trouble))
    return found


def _times(
    world: World, chance: random.Random, begin: int, now: int, bursts: list[tuple[int, int, float]]
) -> list[int]:
    """3,000 to 9,000 times by the rhythm of the world, one in twenty-five of them in bursts."""
    found: list[int] = []
    count = chance.randint(3_000, 9_000)
    while len(found) < count:
        early, late = begin, now
        if chance.random() < 0.04:
            early, late, _ = chance.choice(bursts)
        at = chance.randrange(early, late)
        if at < now and chance.random() < world.weight(at):
            found.append(at)
    return sorted(found)


def _case(world: World, plan: _Plan, requests: list[Request], fault: Fault, seed: int, kind: str) -> Case:
    """The window with `fault`."""
    after = [n for n, one in enumerate(requests) if one.at >= plan.onset]
    chance = random.Random(seed)
    broken = list(requests)
    for n in after:
        broken[n] = copy.copy(requests[n])
        broken[n].values, broken[n].parameters = dict(requests[n].values), dict(requests[n].parameters)
        broken[n].bounds = {}
        fault.apply(broken[n], chance)
    whole = {
        n: (_answer(world, requests[n], n, plan).outcome, _answer(world, broken[n], n, plan).outcome)
        for n in after
    }
    moved = sum(
        abs(sum(a == word for a, _ in whole.values()) - sum(b == word for _, b in whole.values()))
        for word in ("", *world.outcomes)
    )
    otherwise = sum(a != b for a, b in whole.values()) / len(after)
    observations = [_answer(world, one, n, plan) for n, one in enumerate(broken)]
    full = any(one.what == "deployed" for one in fault.happened)
    others = [
        one for one in plan.happenings if not (full and one.what == "deployed" and one.at >= plan.onset)
    ]
    happenings = sorted([*others, *fault.happened], key=lambda one: one.at)
    return Case(
        seed,
        kind,
        observations,
        happenings,
        world.model,
        plan.since,
        plan.now,
        plan.onset,
        fault,
        moved / 2 / len(after),
        max(moved / 2 / len(after) / NOTICED, otherwise / COMPLAINED),
    )


def _answer(world: World, one: Request, n: int, plan: _Plan) -> Observation:
    row = tuple(one.values[feature.name] for feature in world.model.inputs)
    code = one.trouble
    if not code and any(
        (value := one.values[name]) is not None and value > most for name, most in one.bounds.items()
    ):
        code = "out_of_bounds"
    if code:
        return Observation(
            one.at, 3000 + n, 0, one.version, "refer-to-human", code, "", None, row, one.parameters
        )
    score = one.scorer(one.values)
    outcome = world.outcomes[0] if score >= one.threshold else world.outcomes[1]
    return Observation(
        one.at, 3000 + n, 0, one.version, "model", "", outcome, score, row, one.parameters, (score,)
    )
