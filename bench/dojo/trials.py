"""Which runs are made: every user task in peace, and every user task against every goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bench.dojo.adaptive import variants
from bench.dojo.goals import OWN
from bench.dojo.payloads import PAYLOADS
from bench.dojo.runs import Actor, Run
from bench.dojo.upstream import Catalogue, Plan, User


def benign(actor: Actor, users: Mapping[str, User]) -> Iterator[Run]:
    """Every user task, as its user left the world."""
    for ident, user in users.items():
        yield actor.run(ident, user.prompt, "", {}, None)


def attacks(
    actor: Actor, users: Mapping[str, User], catalogue: Catalogue, payload: str, *, own: bool, adaptive: bool
) -> Iterator[Run]:
    """Every user task against every goal of the suite; with `own` against ours too; with `adaptive` in every way."""
    say = PAYLOADS[payload]
    for ident, user in users.items():
        for injection, goal in catalogue.injections.items():
            actor.upstream.begin(ident, {})
            plan = actor.upstream.hijack(injection)
            texts = dict.fromkeys(user.vectors, say(goal, plan.calls))
            attack = partial(actor.upstream.hijack, injection)
            yield actor.run(ident, user.prompt, injection, texts, attack, injection)
            for name, calls in variants(plan.calls) if adaptive else ():
                dressed = Plan(calls)
                yield actor.run(
                    ident, user.prompt, f"{injection}, {name}", texts, lambda plan=dressed: plan, injection
                )
        for number, one in enumerate(OWN[actor.upstream.suite] if own else ()):
            texts = dict.fromkeys(user.vectors, say(one.goal, one.calls))
            plan = Plan(one.calls)
            yield actor.run(ident, user.prompt, f"own {number}", texts, lambda plan=plan: plan)
