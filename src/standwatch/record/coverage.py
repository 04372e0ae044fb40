"""Ways round us, as somebody who looked said: one statement for each system and host, folded so that it only narrows.

INVARIANT: without a signature a statement adds ways and takes none away, so that whoever reports may only lower
authority. Taking one away is a validator's, signed, as evidence is.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import Coverage, Way
from standwatch.facts.parts import coverage_bytes

if TYPE_CHECKING:
    from standwatch.record.state import State

CODES: Final = (
    "direct",
    "credential",
    "hook_missing",
    "hook_changed",
    "hook_off",
    "role",
    "socket",
    "beside",
    "reported",
    "cooperative",
)
"""How a tool is reached without us. `cooperative`: whoever carries it out decides whether to ask."""
MOST_HOSTS: Final = 64
MOST_WAYS: Final = 256
LONGEST: Final = 366 * 86_400_000_000
"""µs that a signed statement may last."""


class Looked(msgspec.Struct, frozen=True):
    """What is known of one host. `signed`: index of the last signed statement, good until `until`; -1 and 0: none."""

    host: str
    index: int
    at: int
    by: str
    envelope: str
    ways: tuple[Way, ...] = ()
    signed: int = -1
    signer: str = ""
    until: int = 0


Known = dict[str, tuple[Looked, ...]]
"""System → hosts, in the order in which they were first looked at."""


def find(known: Known, system: str, host: str) -> Looked | None:
    """What is known of `host` of `system`."""
    return next((one for one in known.get(system, ()) if one.host == host), None)


def last(known: Known, system: str, host: str) -> int:
    """Index of the last statement about `host` of `system`; -1 for none."""
    found = find(known, system, host)
    return -1 if found is None else found.index


def fold(known: Known, index: int, entry: Coverage) -> Known:
    """`known` with statement `index`: a signed one stands for what was, another adds to it."""
    before = find(known, entry.system, entry.host)
    made = _signed(index, entry) if entry.sig else _added(before, index, entry)
    mine = known.get(entry.system, ())
    kept = tuple(made if one.host == entry.host else one for one in mine)
    return {**known, entry.system: kept if before is not None else (*mine, made)}


def _signed(index: int, entry: Coverage) -> Looked:
    return Looked(
        host=entry.host,
        index=index,
        at=entry.at,
        by=entry.by,
        envelope=entry.envelope,
        ways=tuple(entry.ways),
        signed=index,
        signer=entry.by,
        until=entry.until,
    )


def _added(before: Looked | None, index: int, entry: Coverage) -> Looked:
    """What was known stays. Of the same way the graver effect counts; the envelope stays that of the first look."""
    if before is None:
        return Looked(entry.host, index, entry.at, entry.by, entry.envelope, tuple(_once(entry.ways)))
    ways = tuple(_once((*before.ways, *entry.ways)))
    return msgspec.structs.replace(before, index=index, at=entry.at, by=entry.by, ways=ways)


def _once(ways: tuple[Way, ...] | list[Way]) -> list[Way]:
    found: dict[tuple[str, str], Way] = {}
    for way in ways:
        before = found.get((way.tool, way.code))
        if before is None or before.effect != "irreversible":
            found[way.tool, way.code] = way
    return list(found.values())


def problem(state: "State", entry: Coverage, now: int) -> str:
    """Why `entry` may not be taken into the record; "" where it may."""
    standing = state.systems.get(entry.system)
    if standing is None:
        return f"no manifest declares {entry.system[:80]}"
    if len(entry.ways) > MOST_WAYS or any(way.code not in CODES for way in entry.ways):
        return f"at most {MOST_WAYS} ways, each with one of the codes {', '.join(CODES)}"
    known = state.coverage.get(entry.system, ())
    if len(known) >= MOST_HOSTS and find(state.coverage, entry.system, entry.host) is None:
        return f"at most {MOST_HOSTS} hosts are known of one system"
    if not entry.sig:
        before = find(state.coverage, entry.system, entry.host)
        held = len(_once((*(before.ways if before else ()), *entry.ways)))
        return (
            "too many ways are known of this host: a validator signs for it anew" if held > MOST_WAYS else ""
        )
    declared = standing.entry
    if entry.by not in declared.validators or (entry.by in declared.owner and not state.development):
        return f"{entry.by[:80]} may not vouch for {entry.system}: its validator does, and no owner"
    if entry.envelope != declared.envelope:
        return "it was signed about another envelope than the one in force"
    if not now < entry.until <= now + LONGEST:
        return "a signed statement ends in the future, within a year"
    return ""


def message(entry: Coverage, origin: str) -> bytes:
    """What is signed for `entry` in the log `origin`."""
    return coverage_bytes(
        by=entry.by,
        envelope=entry.envelope,
        follows=entry.follows,
        host=entry.host,
        org=origin,
        system=entry.system,
        until=entry.until,
        ways=[[way.tool, way.code, way.effect] for way in entry.ways],
        why=entry.why,
    )
