"""Windows of traffic: days of decisions with their rhythm, bursts, harmless deployments, and at most one fault."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

from bench.diagnose.faults import KINDS, Fault, Request
from bench.diagnose.worlds import DAY, MICRO, Scorer, World
from standwatch.facts.decisions import Happening, Observation
from standwatch.facts.models import Model

HOUR = 3600 * MICRO
NOTICED = 0.03
"""A fault that moves the mix of outcomes by less (total variation) …"""
COMPLAINED = 0.06
"""… and decides fewer rows otherwise than this wakes nobody: it is drawn anew, and where no draw does better the best is taken."""
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
    begin: int
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
            break
        fault = KINDS[kind](world, chance, plan.onset)
        found = _case(world, plan, requests, fault, seed, kind)
        if found is not None and found.noticed >= 1:
            return found
        best = max(
            (one for one in (best, found) if one is not None), key=lambda one: one.noticed, default=None
        )
    if best is not None:
        return best
    if kind != "quiet":
        raise ValueError(
            f"no {kind} that anybody would notice in {_TRIES} tries: {type(world).__name__}, seed {seed}"
        )
    quiet = [_answer(world, one, n, plan) for n, one in enumerate(requests)]
    return Case(seed, kind, quiet, plan.happenings, world.model, plan.since, plan.now)


def _plan(world: World, chance: random.Random) -> _Plan:
    begin = 20_500 * DAY + chance.randrange(14 * 24) * HOUR
    since = begin + int(chance.uniform(5, 12) * DAY)
    now = since + int(chance.uniform(10, 60) * HOUR)
    onset = since + int(chance.uniform(0.1, 0.8) * (now - since))
    versions = [(0, "1.0", world.version(1, jitter=0.0))]
    happenings: list[Happening] = []
    for n in range(chance.randint(1, 4)):
        # Harmless: a version that decides alike, before, after and at times not far from the onset.
        at = (
            begin + int(chance.random() * (now - begin))
            if n
            else onset + chance.choice((-1, 1)) * int(chance.uniform(1, 6) * HOUR)
        )
        versions.append((at, f"1.{n + 1}", world.version(n + 2, jitter=0.015)))
    versions.sort(key=lambda one: one[0])
    for n, (at, name, _) in enumerate(versions[1:]):
        text = f"{world.model.component}@{name} deployed"
        happenings.append(Happening(at, 1000 + n, "deployed", text, "standwatch rollback SYSTEM"))
    for n in range(chance.randint(0, 4)):
        at = begin + int(chance.random() * (now - begin))
        happenings.append(
            Happening(at, 2000 + n, "config", "configuration adopted: a comment", "git revert HEAD")
        )
    happenings.sort(key=lambda one: one.at)
    bursts: list[tuple[int, int, float]] = []
    for _ in range(chance.randint(1, 5)):
        at = begin + int(chance.random() * (now - begin))
        bursts.append((at, at + int(chance.uniform(0.2, 2) * HOUR), chance.uniform(-0.5, 0.5)))
    return _Plan(begin, since, now, onset, versions, happenings, bursts, chance.uniform(0.001, 0.01))


def _requests(world: World, plan: _Plan, chance: random.Random) -> list[Request]:
    count = chance.randint(3_000, 9_000)
    times = sorted(_time(world, plan, chance) for _ in range(count))
    found: list[Request] = []
    for at in times:
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


def _time(world: World, plan: _Plan, chance: random.Random) -> int:
    while True:
        if plan.bursts and chance.random() < 0.04:
            begin, end, _ = chance.choice(plan.bursts)
            at = chance.randrange(begin, end)
        else:
            at = chance.randrange(plan.begin, plan.now)
        if chance.random() < world.weight(at) and at < plan.now:
            return at


def _case(
    world: World, plan: _Plan, requests: list[Request], fault: Fault, seed: int, kind: str
) -> Case | None:
    """The window with `fault`; None where it had no time to show."""
    after = [n for n, one in enumerate(requests) if one.at >= plan.onset]
    if len(after) < 120:
        plan.onset -= 2 * HOUR
        return None
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
