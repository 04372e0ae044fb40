"""The order on what is said of calls: which change of a rule is narrower, and which is wider.

What no rule speaks of is judged by what the tool does (`Tool.unruled`), so to say something of it where nothing was
said may let through what was asked about before: then it is wider, however strict it looks.
"""

from collections.abc import Collection, Hashable
from typing import Final

from standwatch.declare.differences import Differences, shown
from standwatch.facts.configuration import ANY, Tool
from standwatch.facts.rules import ArgumentRule, Sequence, Source

_UNRULED: Final = ("any", "ask", "deny")
_AFTER: Final = ("", "step_up", "deny")
_SECRETS: Final = ("any", "step_up", "deny")
_OTHERWISE: Final = ("step_up", "deny")
_BETTER: Final[frozenset[Source]] = frozenset({"task", "trusted"})
"""Where nothing that an outsider wrote, or the model made up, can come from."""

Ruled = tuple[Tool, ArgumentRule]


def compare_call(log: Differences, where: str, old: Tool, new: Tool) -> None:
    """What is said of a call as a whole."""
    if bool(old.intent) != bool(new.intent) and guarded(old):
        # Its words stand in for the act's own name and values, which the default wants of the task.
        log.wider(f"{where} intent", f"{shown(old.intent)} → {shown(new.intent)}")
    else:
        log.some_of(f"{where} intent", old.intent or None, new.intent or None)
    log.at_most(f"{where} per_run", old.per_run, new.per_run)
    log.at_most(f"{where} per_task", old.per_task, new.per_task)
    log.ranked(f"{where} after_untrusted", old.after_untrusted, new.after_untrusted, _AFTER)
    log.ranked(f"{where} unruled", old.unruled, new.unruled, _UNRULED)


def guarded(tool: Tool) -> bool:
    """Whether the default looks at what no rule of `tool` speaks of."""
    return tool.unruled != "any"


def compare_origins(log: Differences, where: str, old: Ruled, new: Ruled) -> None:
    """`from`, `carries`, `urls`, `secrets`."""
    _sources(log, f"{where} from", (old[0], old[1].sources), (new[0], new[1].sources))
    _sources(log, f"{where} carries", (old[0], old[1].carries), (new[0], new[1].carries))
    before, after = old[1].urls, new[1].urls
    if before != after:
        # Of `any`, `read` and `none` each permits less; what the default permits hangs on the rest of the rule.
        ordered = ("any", "read", "none")
        narrower = (
            ordered.index(after) > ordered.index(before)
            if before and after
            else not before and after == "none"
        )
        log.say(f"{where} urls", f"{shown(before)} → {shown(after)}", narrower=narrower)
    log.ranked(f"{where} secrets", old[1].secrets or "deny", new[1].secrets or "deny", _SECRETS)


def _sources(
    log: Differences, where: str, old: tuple[Tool, Collection[Source]], new: tuple[Tool, Collection[Source]]
) -> None:
    before, after = set(old[1]), set(new[1])
    if before == after:
        return
    if before and after:
        log.permitted(where, before, after)
        return
    # What speaks of nothing goes by the default; from there only the origins that it never doubts are narrower.
    tighter = not guarded(old[0]) or (after <= _BETTER and old[0].unruled == "ask")
    narrower = before == set(ANY) if before else tighter
    log.say(where, f"{_said(old[1])} → {_said(new[1])}", narrower=narrower)


def _said(sources: Collection[Source]) -> str:
    return "any" if set(sources) == set(ANY) else shown(tuple(sources)) if sources else "by default"


def compare_values(log: Differences, where: str, old: Ruled, new: Ruled) -> None:
    """`one_of`: its values are the manifest's own, so they need no origin; to name some is to let them through."""
    before, after = _values(old[1]), _values(new[1])
    if before is None and after is not None and guarded(old[0]) and not old[1].sources:
        log.wider(f"{where} one_of", f"none → {shown(new[1].one_of)}")
    else:
        log.some_of(f"{where} one_of", before, after)


def _values(rule: ArgumentRule) -> set[Hashable] | None:
    """`one_of`, told apart by type: 1, 1.0 and true are three values."""
    return None if rule.one_of is None else {(type(one).__name__, one) for one in rule.one_of}


def compare_reading(log: Differences, where: str, old: ArgumentRule, new: ArgumentRule) -> None:
    """`reads_as`, `sends_to`: where something was looked for, something else or nothing is wider."""
    if old.reads_as != new.reads_as:
        said = f"{shown(old.reads_as)} → {shown(new.reads_as)}"
        log.say(f"{where} reads_as", said, narrower=not old.reads_as)
    log.some_of(f"{where} sends_to", old.sends_to or None, new.sends_to or None)


def compare_sequences(log: Differences, old: tuple[Sequence, ...], new: tuple[Sequence, ...]) -> None:
    """One that another covers adds nothing; what none of the other side covers is a difference."""
    for one in old:
        if not any(_covers(other, one) for other in new):
            log.wider("sequences", f"{_name(one)} is gone, or covers less")
    for one in new:
        if not any(_covers(other, one) for other in old):
            log.narrower("sequences", f"{_name(one)} is added, or covers more")


def _covers(outer: Sequence, inner: Sequence) -> bool:
    return (
        set(inner.after) <= set(outer.after)
        and set(inner.no) <= set(outer.no)
        and outer.unless == inner.unless
        and _OTHERWISE.index(outer.otherwise) >= _OTHERWISE.index(inner.otherwise)
    )


def _name(one: Sequence) -> str:
    return one.name or f"after {', '.join(one.after)} no {', '.join(one.no)}"
