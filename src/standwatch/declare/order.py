"""The order on manifests and locks: which change of which member is narrower, and which is wider."""

from collections.abc import Hashable
from typing import Any

import msgspec

from standwatch.declare.differences import Differences
from standwatch.declare.lock import version_key
from standwatch.declare.order_content import compare_content
from standwatch.declare.order_environments import compare_environments
from standwatch.declare.order_models import compare_kinds, compare_model
from standwatch.declare.order_rules import (
    compare_call,
    compare_origins,
    compare_reading,
    compare_sequences,
    compare_values,
)
from standwatch.facts.asks import Asks, decoys, effective
from standwatch.facts.configuration import (
    Answering,
    ArgumentRule,
    Component,
    Freeze,
    Limits,
    Manifest,
    Organisation,
    Otherwise,
    System,
    Tool,
)
from standwatch.facts.environments import conjoined
from standwatch.facts.relaxations import CRITICALITY, Relaxations, longest
from standwatch.facts.spending import FirstMessage

_ANYTHING = ArgumentRule()
"""The rule on an argument that nobody speaks of, where undeclared arguments may come."""

_OTHERWISE: tuple[Otherwise, ...] = ("step_up", "deny")


def compare_manifest(
    log: Differences, old: Manifest, new: Manifest, around: tuple[Organisation, Organisation]
) -> None:
    """Every member but `purpose`, as it counts in the old organisation and in the new."""
    defaults = tuple(one.approval_seconds for one in around)
    for name in ("owner", "halt_authority", "validator", "approvers"):
        log.any_change(name, sorted(getattr(old, name)), sorted(getattr(new, name)))
    log.any_change("environment", old.environment, new.environment)
    log.ranked(
        "reversibility", old.reversibility, new.reversibility, ("reversible", "costly", "irreversible")
    )
    log.at_least("exposure.people_per_week", old.people_per_week, new.people_per_week)
    log.ranked(
        "exposure.critical_infrastructure",
        old.critical_infrastructure,
        new.critical_infrastructure,
        (False, True),
    )
    log.demanded("data_subjects", old.data_subjects, new.data_subjects)
    log.things("component", _named(old), _named(new), lambda name, a, b: _component(log, name, a, b))
    log.things("tool", old.tools, new.tools, lambda _, a, b: compare_tool(log, a, b))
    _answering(log, "approvals", old.answering(), new.answering(), system=True)
    for name in sorted(old.tools.keys() & new.tools.keys()):
        if old.tools[name].approvals is not None or new.tools[name].approvals is not None:
            _answering(log, f"tool {name} approvals", old.answering(name), new.answering(name))
    _limits(log, old.limits, new.limits)
    _asks(log, old, new, around)
    compare_sequences(log, old.sequences, new.sequences)
    _freezes(log, (*old.freeze, *around[0].freeze), (*new.freeze, *around[1].freeze))
    compare_environments(
        log,
        conjoined(around[0].environments, old.environments),
        conjoined(around[1].environments, new.environments),
    )
    log.things("model", old.models, new.models, lambda _, a, b: compare_model(log, a, b))
    compare_kinds(log, "fallback", old.fallback, new.fallback)
    log.at_most("approvals.expires", old.approval_seconds or defaults[0], new.approval_seconds or defaults[1])
    log.at_most("observe.until", old.observe_until, new.observe_until)
    compare_relaxations(log, old.relaxations, new.relaxations)
    compare_content(log, (old.content, around[0].content), (new.content, around[1].content))
    _task(log, old.task, new.task)


def _task(log: Differences, old: FirstMessage | None, new: FirstMessage | None) -> None:
    """More agents whose word is taken for the task's are wider; which part of it is, has no order."""
    log.permitted("task.agents", old.agents if old else (), new.agents if new else ())
    if old is not None and new is not None:
        log.any_change("task", (old.after, old.before), (new.after, new.before))


def _answering(log: Differences, where: str, old: Answering, new: Answering, *, system: bool = False) -> None:
    """More people, an order, and more who never answer are narrower; who they are has no order, nor their order one."""
    if old.ordered and new.ordered:
        log.any_change(f"{where}.by", old.by, new.by)
    elif not system:  # those of the system are compared as `approvers`
        log.any_change(f"{where}.by", sorted(old.by), sorted(new.by))
    log.at_least(f"{where}.quorum", old.quorum, new.quorum)
    log.ranked(f"{where}.ordered", old.ordered, new.ordered, (False, True))
    log.demanded(f"{where}.never", old.never, new.never)


def compare_relaxations(log: Differences, old: Relaxations | None, new: Relaxations | None) -> None:
    """Shorter is narrower, check by check. To say nothing is no maximum of one's own: where the other side of the
    configuration speaks, that takes a bound away, and else it gives none; so it has no order."""
    if old is None or new is None:
        log.any_change("relaxations", old, new)
        return
    for check in CRITICALITY:
        log.at_most(f"relaxations.{check}", longest(check, old), longest(check, new))


def _named(manifest: Manifest) -> dict[str, Component]:
    return {one.name: one for one in manifest.components}


def _component(log: Differences, name: str, old: Component, new: Component) -> None:
    where = f"component {name}"
    for member in ("kind", "vendor", "version", "command", "url", "cwd", "era"):
        log.any_change(f"{where} {member}", getattr(old, member), getattr(new, member))
    for member in ("env", "headers"):
        if getattr(old, member) != getattr(new, member):
            log.wider(f"{where} {member}", "changed")  # values may be secrets: they are not repeated
    # A price or a window decides what a budget comes to, and a stand-in sees what the component would have seen.
    for member in ("price", "window"):
        log.any_change(f"{where} {member}", getattr(old, member), getattr(new, member))
    log.permitted(f"{where} fallback", old.fallback, new.fallback)
    if set(old.fallback) == set(new.fallback):
        log.any_change(f"{where} fallback", old.fallback, new.fallback)
    for member in ("provider", "key_env", "key_file"):
        log.any_change(f"{where} {member}", getattr(old, member), getattr(new, member))
    log.permitted(f"{where} models", old.models or (old.version,), new.models or (new.version,))
    for member in ("timeout", "silence"):
        log.at_most(f"{where} {member}", getattr(old, member), getattr(new, member))
    for member in ("resources", "prompts", "may_ask", "hosted_tools"):
        log.permitted(f"{where} {member}", getattr(old, member), getattr(new, member))


def compare_tool(log: Differences, old: Tool, new: Tool) -> None:
    """One tool that both manifests declare.

    An effect has no order: red lines, freezes and policies may name any one of them.
    """
    where = f"tool {old.name}"
    log.any_change(f"{where} effect", old.effect, new.effect)
    # A call that was irreversible may be a read from then on, or one that was refused may be let through.
    log.any_change(f"{where} effect_by", old.effect_by, new.effect_by)
    log.ranked(f"{where} otherwise", old.otherwise, new.otherwise, _OTHERWISE)
    log.ranked(f"{where} only_declared", old.only_declared, new.only_declared, (False, True))
    for name in sorted(old.arguments.keys() | new.arguments.keys()):
        _argument(log, f"{where} {name}", name, old, new)
    compare_call(log, where, old, new)
    log.permitted(f"{where} returns.trusted", old.trusted, new.trusted)
    log.permitted(f"{where} returns.names", old.names, new.names)
    log.demanded(f"{where} returns.secret", old.secret, new.secret)
    if (
        old.trusted or new.trusted or old.names or new.names or old.secret
    ):  # another way of reading finds other fields
        log.any_change(f"{where} returns.format", old.returns_format, new.returns_format)
        log.any_change(f"{where} returns.pattern", old.returns_pattern, new.returns_pattern)
    log.at_most(f"{where} timeout", old.timeout, new.timeout)


def _argument(log: Differences, where: str, name: str, old: Tool, new: Tool) -> None:
    """One argument by what binds it in effect: its rule; nothing; or, under `only_declared`, that it may not come."""
    before, after = _rule(old, name), _rule(new, name)
    if before is None or after is None:
        if before is not None:
            log.say(where, "may no longer come", narrower=_refusal_is_narrower(before, old, new))
        elif after is not None:
            log.wider(where, "may come")
        return
    compare_origins(log, where, (old, before), (new, after))
    log.at_least(f"{where} min", before.min, after.min)
    log.at_most(f"{where} max", before.max, after.max)
    compare_values(log, where, (old, before), (new, after))
    compare_reading(log, where, before, after)
    log.some_of(f"{where} pattern", _single(before.pattern), _single(after.pattern))
    log.some_of(f"{where} each_of", before.each_of, after.each_of)
    log.at_most(f"{where} max_length", before.max_length, after.max_length)
    log.ranked(f"{where} required", before.required, after.required, (False, True))
    if _binds(before):
        log.ranked(
            f"{where} otherwise",
            before.otherwise or old.otherwise,
            after.otherwise or new.otherwise,
            _OTHERWISE,
        )


def _rule(tool: Tool, name: str) -> ArgumentRule | None:
    return tool.arguments.get(name, None if tool.only_declared else _ANYTHING)


def _refusal_is_narrower(before: ArgumentRule, old: Tool, new: Tool) -> bool:
    """Refusing an argument is narrower unless calls had to bring it, or breaking its rule weighed more."""
    if before.required:
        return False
    return new.otherwise == "deny" or not _binds(before) or (before.otherwise or old.otherwise) == "step_up"


def _binds(rule: ArgumentRule) -> bool:
    return msgspec.structs.replace(rule, otherwise=None) != _ANYTHING


def _single(value: str | None) -> set[Hashable] | None:
    return None if value is None else {value}


def _limits(log: Differences, old: Limits, new: Limits) -> None:
    for name in ("calls_per_run", "minutes_per_run", "calls_per_minute"):
        log.at_most(f"limits.{name}", getattr(old, name), getattr(new, name))
    for name in ("tokens_per_run", "money_per_run"):
        log.at_most(f"limits.{name}", getattr(old, name), getattr(new, name))
    log.caps("limits.per_day", old.per_day, new.per_day)


def _asks(log: Differences, old: Manifest, new: Manifest, around: tuple[Organisation, Organisation]) -> None:
    """As they count: to say nothing is to go by the organisation."""
    before, after = (
        effective(one.limits.asks, organisation.asks, development=organisation.development)
        for one, organisation in zip((old, new), around, strict=True)
    )
    for name in Asks.__struct_fields__:
        log.at_most(f"limits.asks.{name}", getattr(before, name), getattr(after, name))
    rates = [
        decoys(one.decoys, organisation.decoys, development=organisation.development)
        for one, organisation in zip((old, new), around, strict=True)
    ]
    # More decoys are more watchfulness: one in fewer is narrower, none is widest.
    log.at_most("approvals.decoys", *(rate or None for rate in rates))


def _freezes(log: Differences, old: tuple[Freeze, ...], new: tuple[Freeze, ...]) -> None:
    """A freeze that another contains adds nothing; what no freeze of the other side contains is a difference."""
    for one in old:
        if not any(_contains(other, one) for other in new):
            log.wider("freeze", f"the freeze until {one.until} µs is gone, shorter or covers less")
    for one in new:
        if not any(_contains(other, one) for other in old):
            log.narrower("freeze", f"a freeze until {one.until} µs is added, longer or covers more")


def _contains(outer: Freeze, inner: Freeze) -> bool:
    return (
        outer.begin <= inner.begin
        and inner.until <= outer.until
        and set(inner.effects) <= set(outer.effects)
        and (not outer.environments or bool(inner.environments))
        and set(inner.environments) <= set(outer.environments or inner.environments)
    )


def compare_lock(log: Differences, old: System, new: System) -> None:
    """A digest accepted for the first time, or another one, is wider; one withdrawn denies its tool, so is narrower."""
    _digests(log, "lock tool", old.lock.tools, new.lock.tools, gone_is_narrower=True)
    gone = _locked(old.manifest) - _locked(new.manifest)
    for name in sorted(old.lock.components.keys() | new.lock.components.keys()):
        one, other = old.lock.components.get(name), new.lock.components.get(name)
        _digests(
            log,
            "lock component",
            {name: one} if one else {},
            {name: other} if other else {},
            gone_is_narrower=name in gone,
        )


def _locked(manifest: Manifest) -> set[str]:
    """What a lock of `manifest` may hold among its components: they themselves, and versions of models."""
    versions = {
        version_key(model.component, name) for model in manifest.models.values() for name in model.versions
    }
    return {one.name for one in manifest.components} | versions


def _digests(
    log: Differences, where: str, old: dict[str, Any], new: dict[str, Any], *, gone_is_narrower: bool
) -> None:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            said = "withdrawn" if name not in new else "accepted" if name not in old else "changed"
            log.say(f"{where} {name}", said, narrower=name not in new and gone_is_narrower)
