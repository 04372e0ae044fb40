"""Values that people vouched for in this run: as good as any provenance, for their tool and argument alone."""

from typing import Any

from standwatch.enforce.case import Case
from standwatch.facts.canonical import canonical
from standwatch.record.endorsements import Endorsement, good


def endorsement(case: Case, argument: str, value: Any) -> Endorsement | None:
    """The endorsement in force of exactly `value` as `argument` of this tool in this run; None where there is none.

    The record says that it is in force; what the value is, this process has read back from the action asked about.
    """
    if not case.state.endorsed.get(case.run):
        return None
    data = canonical(value)
    for one in good(case.state, case.run, case.act.tool, argument, case.now):
        if case.trail.vouched.get((one.of, argument)) == data:
            return one
    return None


def ends(case: Case) -> list[int]:
    """When the endorsements end that this act may rest on (µs)."""
    if case.tool is None or not case.state.endorsed.get(case.run):
        return []
    found = (endorsement(case, name, value) for name, value in case.act.arguments.items())
    return [one.until for one in found if one is not None]


def endorsable(case: Case) -> tuple[str, ...]:
    """The arguments whose values people could vouch for instead of the call: their provenance alone is in doubt, and
    the manifest leaves that to people."""
    if case.tool is None:
        return ()
    tool = case.tool.tool
    return tuple(
        name
        for name, rule in tool.arguments.items()
        if rule.sources
        and name in case.act.arguments
        and (rule.otherwise or tool.otherwise) == "step_up"
        and case.trail.source(case.act.arguments[name]) not in rule.sources
    )
