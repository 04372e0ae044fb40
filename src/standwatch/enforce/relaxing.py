"""Does a relaxation cover this finding? Asked for every act anew: by the clock, the scope, and what stands in for it.

A relaxation is no evidence and no permission of its own: it lets the judge pass by one finding of one check, writes
that down, and leaves every other check as it is.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.facts.configuration import Finding
from standwatch.facts.entries import Relaxed
from standwatch.facts.relaxations import Compensation, bypassable, compensates, compensation


class Bypass(msgspec.Struct, frozen=True):
    """Relaxation `index` lets a finding pass until `until` (µs). `asks`: a person is asked instead; `caps`: the
    tighter limits that stand in."""

    index: int
    check: str
    until: int
    asks: bool = False
    caps: tuple[tuple[str, int], ...] = ()

    @property
    def asking(self) -> Finding:
        """The question that stands in for what is passed by."""
        reason = f"{self.check} is relaxed by entry {self.index}: a person signs each act instead"
        return Finding("relaxation", "step_up", reason, "relaxed", relaxed=self.index)


def bypass(case: Case, finding: Finding, *, observing: bool) -> Bypass | None:
    """The relaxation under which `finding` does not count; None where it counts.

    Of several the one whose compensation asks a person is taken first, then the one that ends first.
    """
    if case.tool is None or not bypassable(finding.check, finding.code, finding.decision, case.effect):
        return None
    found = [
        made
        for index, entry in _covering(case, finding.check)
        if (made := _made(case, index, entry, observing=observing)) is not None
    ]
    return min(found, key=lambda one: (not one.asks, one.until, one.index), default=None)


def _covering(case: Case, check: str) -> Iterator[tuple[int, Relaxed]]:
    """The relaxations of `check` that are in force on this act, and no longer than the configuration lets them be."""
    most = case.envelope.relaxing.get(check, 0) if case.envelope is not None else 0
    for index, entry in case.relaxed:
        if (
            entry.check == check
            and entry.system == case.act.system
            and entry.scope in case.scopes
            and case.envelope is not None
            and entry.envelope == case.envelope.declared[0]
            and entry.at <= case.now < entry.until
            and entry.until - entry.at <= most
        ):
            yield index, entry


def _made(case: Case, index: int, entry: Relaxed, *, observing: bool) -> Bypass | None:
    """INVARIANT: a relaxation whose compensating check is not live on this act does not count."""
    standing_in = compensation(entry.compensating)
    if standing_in is None or not compensates(entry.check, standing_in):
        return None
    caps = _caps(case, standing_in)
    if not _live(case, standing_in, caps, observing=observing):
        return None
    return Bypass(index, entry.check, entry.until, standing_in.kind == "step_up", caps)


def _live(
    case: Case, standing_in: Compensation, caps: tuple[tuple[str, int], ...], *, observing: bool
) -> bool:
    """Whether what stands in runs on this act, and could say no to it."""
    tool, act = case.tool, case.act
    assert tool is not None
    relaxed_too = any(True for _ in _covering(case, standing_in.kind))
    match standing_in.kind:
        case "step_up":
            standing = case.state.systems.get(act.system)
            people = (standing.entry.signers or standing.entry.halt) if standing is not None else []
            return any(case.state.may_answer(person, act.system) for person in people)
        case "limits":
            rules = tool.tool.arguments.values()
            return not relaxed_too and (tool.tool.only_declared or any(_bounds(rule) for rule in rules))
        case "provenance":
            sources = any(rule.sources for rule in tool.tool.arguments.values())
            return not relaxed_too and not observing and (sources or bool(tool.tool.intent))
        case "policy":
            return not relaxed_too and not observing and bool(case.world.configuration.policies)
        case _:
            return bool(caps)


def _bounds(rule: object) -> bool:
    return any(getattr(rule, name) is not None for name in _BOUNDING)


_BOUNDING: Final = ("min", "max", "one_of", "each_of", "pattern", "max_length")


def _caps(case: Case, standing_in: Compensation) -> tuple[tuple[str, int], ...]:
    """The limit that stands in, where it is tighter than what is declared anyway."""
    assert case.tool is not None
    if standing_in.kind not in ("per_run", "per_day"):
        return ()
    name = f"{standing_in.kind.removeprefix('per_')}/{case.tool.tool.name}"
    declared = case.tool.caps.get(name)
    return ((name, standing_in.most),) if declared is None or standing_in.most < declared else ()


def tighter(caps: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    """Both limits: of each name the lower."""
    if not others:
        return caps
    return caps | {name: min(most, caps.get(name, most)) for name, most in others.items()}
