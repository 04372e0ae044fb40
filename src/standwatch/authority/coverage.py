"""What goes round us, as a cap: who can do it without asking gains nothing by being trusted to ask. Pure."""

from collections.abc import Iterator
from typing import Final

from standwatch.authority.reasons import Reason
from standwatch.facts.entries import Way
from standwatch.record.coverage import Looked
from standwatch.record.signed import is_human
from standwatch.record.state import Standing, State

COOPERATIVE: Final = "cooperative"
FROM_TIER: Final = 3
"""The first tier in which an irreversible tool that only asks by its host's courtesy counts as one with a way round."""

SAID: Final = {
    "direct": "a client starts or calls its server itself",
    "credential": "what it takes to call it can be read where the agent runs",
    "hook_missing": "its host has no hook of ours",
    "hook_changed": "the hook of its host was changed",
    "hook_off": "the settings of its host turn hooks or questions off",
    "role": "its database is reachable in another role",
    "socket": "a socket gives its host away",
    "beside": "it is reachable beside our front",
    "reported": "somebody reported it",
    COOPERATIVE: "whoever carries it out decides whether to ask",
}
"""Code of a way (`record.coverage.CODES`) → why it goes round us."""


def round_of(state: State, standing: Standing, stakes: int) -> tuple[Reason, ...]:
    """A cap for each host on which an irreversible tool of the system has a way round that is known.

    It does not lapse, as a rejection does not. Unknown is no cap here: from tier 3 on a validation wants a signed look
    before it (`gate.demands`), so what nobody looked at is not vouched for.
    """
    entry = standing.entry
    return tuple(
        Reason("supervised", "way_round", _text(one, ways), f"standwatch coverage {entry.system}")
        for one in state.coverage.get(entry.system, ())
        if (ways := tuple(counting(one, entry.envelope, stakes)))
    )


def looked_after(state: State, system: str, now: int) -> bool:
    """Whether a validator has signed what goes round `system` as it is declared now, and they and it still count."""
    standing = state.systems.get(system)
    if standing is None:
        return False
    entry = standing.entry
    validators = {one for one in entry.validators if state.development or one not in entry.owner}
    return any(
        one.signer in validators
        and is_human(state, one.signer)
        and one.envelope == entry.envelope
        and now < one.until
        for one in state.coverage.get(system, ())
    )


def demanded(stakes: int) -> str:
    """What a tier wants signed about ways round before a validation; "" for nothing."""
    return "what goes round it, looked at and signed for, before that" if stakes >= FROM_TIER else ""


def counting(one: Looked, envelope: str, stakes: int) -> Iterator[Way]:
    """The ways of a host that cap. Under another envelope than the one looked at a tool may be graver by now."""
    for way in one.ways:
        grave = way.effect == "irreversible" or one.envelope != envelope
        if grave and (way.code != COOPERATIVE or stakes >= FROM_TIER):
            yield way


def _text(one: Looked, ways: tuple[Way, ...]) -> str:
    tools = list(dict.fromkeys(way.tool for way in ways))
    more = f" and {len(tools) - 3} more" if len(tools) > 3 else ""
    return (
        f"{', '.join(tools[:3])}{more}: goes round Standwatch on the host {one.host} (entry {one.index}): "
        f"{SAID[ways[0].code]}"
    )
