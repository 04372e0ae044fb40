"""The tier of a system as declared and as measured: the higher of the two counts, with the reasons. Pure."""

import msgspec

from standwatch.facts.configuration import Manifest
from standwatch.facts.entries import Exposure
from standwatch.facts.stakes import first_of, tier_of, weight
from standwatch.record.state import State


class Stakes(msgspec.Struct, frozen=True):
    """A tier, what it comes from, and both of these in sentences."""

    tier: int
    declared: int
    """The tier that the manifest's own words give."""
    measured: int
    """The tier that the record's count gives; 1 where nothing was counted."""
    people: int
    """People a week as last measured; 0 where nothing was counted."""
    reasons: tuple[str, ...]


def tier(state: State, system: str) -> int:
    """The tier of `system` in `state`: declared or measured, whichever is higher; 3 for an undeclared one."""
    standing = state.systems.get(system)
    if standing is None:
        return 3
    counts = state.exposure.get(system)
    return (
        max(standing.entry.tier, *(measured_tier(entry) for _, entry in counts))
        if counts
        else standing.entry.tier
    )


def measured_tier(entry: Exposure) -> int:
    """The tier of a measured count, weighed by the reversibility that was declared when it was measured."""
    return tier_of(entry.people, entry.reversibility)


def stakes(state: State, system: str, manifest: Manifest | None = None) -> Stakes:
    """The tier of `system` with its reasons. `manifest`: the one in force, where it is at hand, for its numbers."""
    standing = state.systems.get(system)
    if standing is None:
        return Stakes(3, 3, 1, 0, (f"no manifest declares {system}",))
    counts = [entry for _, entry in state.exposure.get(system, ())]
    declared = standing.entry.tier
    by_record = max(map(measured_tier, counts), default=1)
    reasons = (*_declared(declared, manifest), *_measured(counts, manifest))
    people = counts[-1].people if counts else 0
    return Stakes(max(declared, by_record), declared, by_record, people, reasons)


def _declared(found: int, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None or manifest.tier != found:
        return (f"tier {found} declared",)
    if manifest.critical_infrastructure:
        return ("critical infrastructure",)
    return (f"{manifest.people_per_week:,} people a week declared", _weighed(manifest.reversibility))


def _measured(counts: list[Exposure], manifest: Manifest | None) -> tuple[str, ...]:
    if not counts:
        unnamed = manifest is not None and not manifest.data_subjects
        return ("not measured: the manifest names no data_subjects",) if unnamed else ("nobody measured yet",)
    last, highest = counts[-1], max(counts, key=lambda entry: (measured_tier(entry), entry.people))
    found = [_counted(last)]
    if measured_tier(highest) > measured_tier(last):
        found.append(f"{_counted(highest)}, which counts until a week has passed below it")
    if manifest is None or manifest.reversibility != highest.reversibility:
        found.append(_weighed(highest.reversibility))
    return tuple(found)


def _counted(entry: Exposure) -> str:
    error = f", standard error {entry.error / 100:g} %" if entry.error else ""
    return f"{entry.people:,} people measured in the week to {entry.week}{error}"


def _weighed(reversibility: str) -> str:
    """How people count: `costly: one counts as 2, so tier 2 from 500 and tier 3 above 500,000`."""
    times = weight(reversibility)
    start, above = first_of(2, reversibility), first_of(3, reversibility) - 1
    counts = "" if times == 1 else f"one counts as {times}, so "
    return f"{reversibility}: {counts}tier 2 from {start:,} people a week and tier 3 above {above:,}"
