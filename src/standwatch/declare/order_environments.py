"""The order on environments: each pattern and each answer only restricts, so more of them is narrower."""

from collections.abc import Mapping
from typing import Final

from standwatch.declare.differences import Differences
from standwatch.facts.environments import EFFECTS, KINDS, Environment
from standwatch.facts.rules import Otherwise

_ANSWERS: Final[tuple[Otherwise | None, ...]] = (None, "step_up", "deny")


def compare_environments(
    log: Differences, old: Mapping[str, Environment], new: Mapping[str, Environment]
) -> None:
    """As they count: a manifest's and its organisation's, conjoined."""
    for name in sorted(old.keys() | new.keys()):
        where = f"environments.{name}"
        if name not in old or name not in new:
            log.say(where, "removed" if name in old else "added", narrower=name in new)
            continue
        one, other = old[name], new[name]
        for kind in KINDS:
            log.demanded(f"{where}.{kind}", one.patterns(kind), other.patterns(kind))
        for effect in EFFECTS:
            log.ranked(f"{where}.effects.{effect}", one.answer(effect), other.answer(effect), _ANSWERS)
