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
    exposure = state.exposure.get(system)
    return standing.entry.tier if exposure is None else max(standing.entry.tier, measured_tier(exposure[1]))


def measured_tier(entry: Exposure) -> int:
    """The tier of a measured count, weighed by the reversibility that was declared when it was measured."""
    return tier_of(entry.people, entry.reversibility)


def stakes(state: State, system: str, manifest: Manifest | None = None) -> Stakes:
    """The tier of `system` with its reasons. `manifest`: the one in force, where it is at hand, for its numbers."""
    standing = state.systems.get(system)
    if standing is None:
        return Stakes(3, 3, 1, 0, (f"no manifest declares {system}",))
    found = state.exposure.get(system)
    measured = None if found is None else found[1]
    declared = standing.entry.tier
    by_record = 1 if measured is None else measured_tier(measured)
    reasons = (*_declared(declared, manifest), *_measured(measured, manifest))
    people = 0 if measured is None else measured.people
    return Stakes(max(declared, by_record), declared, by_record, people, reasons)


def _declared(found: int, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None or manifest.tier != found:
        return (f"tier {found} declared",)
    if manifest.critical_infrastructure:
        return ("critical infrastructure",)
    return (f"{manifest.people_per_week:,} people a week declared", _weighed(manifest.reversibility))


def _measured(entry: Exposure | None, manifest: Manifest | None) -> tuple[str, ...]:
    if entry is None:
        unnamed = manifest is not None and not manifest.data_subjects
        return ("not measured: the manifest names no data_subjects",) if unnamed else ("nobody measured yet",)
    about = f"{entry.people:,} people measured in the week to {entry.week}"
    error = f", standard error {entry.error / 100:g} %" if entry.error else ""
    same = manifest is not None and manifest.reversibility == entry.reversibility
    return (about + error, *(() if same else (_weighed(entry.reversibility),)))


def _weighed(reversibility: str) -> str:
    """How people count: `costly: one counts as 2, so tier 2 from 500 and tier 3 above 500,000`."""
    times = weight(reversibility)
    start, above = first_of(2, reversibility), first_of(3, reversibility) - 1
    counts = "" if times == 1 else f"one counts as {times}, so "
    return f"{reversibility}: {counts}tier 2 from {start:,} people a week and tier 3 above {above:,}"
