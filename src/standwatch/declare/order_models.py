"""The order on declared models: what lets a model decide more is wider, and so is whatever cannot be ranked.

Rows that a tighter limit keeps from the model go to its fallback. Where that refuses or refers to a human, tighter is
narrower; where it decides by itself (`previous`, a rule, a constant), other rows are decided in another way, and no
change of a limit is provably narrower.
"""

from collections.abc import Hashable
from typing import Final

from standwatch.declare.differences import Differences
from standwatch.facts.models import Fallback, Feature, Model, Output, Version

_RANK: Final = {"refuse": 0, "refer-to-human": 1}
_DECIDES: Final = 2
"""Rank of the kinds that give outputs: none of them is stricter than another."""


def compare_model(log: Differences, old: Model, new: Model) -> None:
    """One model that both manifests declare."""
    where = f"model {old.component}"
    limits = Differences()
    _limits(limits, where, old, new)
    ranked = fallback_rank(new.fallback.kind) < _DECIDES
    for one in limits.found:
        log.say(one.where, one.what, narrower=ranked and one.direction == "narrower")
    for name in ("protocol", "layout", "tensor", "outcome", "executor", "warm"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            log.wider(f"{where} {name}", "changed")
    compare_fallback(log, f"{where} fallback", old.fallback, new.fallback)
    _overrides(log, f"{where} overrides", old, new)


def fallback_rank(kind: str) -> int:
    """Stricter is lower: refuse, refer to a human, then all that decide without one."""
    return _RANK.get(kind, _DECIDES)


def compare_kinds(log: Differences, where: str, old: str, new: str) -> None:
    """Two kinds of fallback by how much they decide without a human."""
    if old != new:
        log.say(where, f"{old} → {new}", narrower=fallback_rank(new) < fallback_rank(old))


def compare_fallback(log: Differences, where: str, old: Fallback, new: Fallback) -> None:
    """Kinds, and what they give: other constants and other rules are other decisions."""
    if old.kind != new.kind:
        compare_kinds(log, where, old.kind, new.kind)
    elif old != new:
        log.wider(where, "gives something else")


def _limits(log: Differences, where: str, old: Model, new: Model) -> None:
    log.at_most(f"{where} deadline", old.deadline_ms, new.deadline_ms)
    log.things(f"{where} version", old.versions, new.versions, lambda name, a, b: _version(log, where, a, b))
    _inputs(log, where, old, new)
    _outputs(log, where, old, new)
    log.demanded(f"{where} known_limits", old.known_limits, new.known_limits)
    before, after = old.learned, new.learned
    if before != after:
        said = [one.data[:12] or "a range" if one else "none" for one in (before, after)]
        log.say(f"{where} range", f"{said[0]} → {said[1]}", narrower=before is None)


def _version(log: Differences, where: str, old: Version, new: Version) -> None:
    for name in ("url", "model", "served_as", "artifact"):
        log.any_change(f"{where} version {old.name} {name}", getattr(old, name), getattr(new, name))


def _inputs(log: Differences, where: str, old: Model, new: Model) -> None:
    """Rows are tuples in the order of the inputs: another order, or other names, is another model."""
    names = [tuple(one.name for one in model.inputs) for model in (old, new)]
    if names[0] != names[1]:
        log.any_change(f"{where} inputs", *names)
        return
    for before, after in zip(old.inputs, new.inputs, strict=True):
        _feature(log, f"{where} input {before.name}", before, after)


def _feature(log: Differences, where: str, old: Feature, new: Feature) -> None:
    for name in ("type", "unit"):
        log.any_change(f"{where} {name}", getattr(old, name), getattr(new, name))
    log.at_least(f"{where} min", old.min, new.min)
    log.at_most(f"{where} max", old.max, new.max)
    log.some_of(f"{where} one_of", _typed(old), _typed(new))
    log.ranked(f"{where} missing", old.missing, new.missing, (True, False))
    log.at_most(f"{where} fresh", old.fresh, new.fresh)
    if old.actionable != new.actionable:
        log.wider(f"{where} actionable", "changed")


def _typed(feature: Feature) -> set[Hashable] | None:
    """`one_of`, told apart by type: 1 and true are two values."""
    return None if feature.one_of is None else {(type(one).__name__, one) for one in feature.one_of}


def _outputs(log: Differences, where: str, old: Model, new: Model) -> None:
    names = [tuple(one.name for one in model.outputs) for model in (old, new)]
    if names[0] != names[1]:
        log.any_change(f"{where} outputs", *names)
        return
    for before, after in zip(old.outputs, new.outputs, strict=True):
        _output(log, f"{where} output {before.name}", before, after)


def _output(log: Differences, where: str, old: Output, new: Output) -> None:
    for name in ("type", "polarity", "unit", "labels"):
        log.any_change(f"{where} {name}", getattr(old, name), getattr(new, name))
    log.at_least(f"{where} min", old.min, new.min)
    log.at_most(f"{where} max", old.max, new.max)


def _overrides(log: Differences, where: str, old: Model, new: Model) -> None:
    before, after = old.overrides, new.overrides
    log.permitted(f"{where} by", before.by, after.by)
    if before.outcomes != after.outcomes:
        # None given means the model's own, which no list of others can be ranked beside.
        both = before.outcomes and after.outcomes
        narrower = bool(both) and set(after.outcomes) < set(before.outcomes)
        same = bool(both) and set(after.outcomes) == set(before.outcomes)
        if not same:
            log.say(f"{where} outcomes", "changed", narrower=narrower)
    log.at_most(f"{where} within", before.within, after.within)
    log.at_most(f"{where} per_day", before.per_day, after.per_day)
