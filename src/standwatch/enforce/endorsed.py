"""Values that people vouched for in this run: as good as any provenance, where they were asked about and where that is
the same question again.

The same question: the same argument, by name, of a tool of the same server that does nothing graver and whose
questions the same people answer. Who vouched for an account as the `recipient` of a payment is not asked again about
that `recipient` of the next one, nor of a standing order; about the account in the text of a mail they are.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.doubts import OF_VALUES, Doubt, doubts
from standwatch.enforce.steering import leaves
from standwatch.facts.canonical import canonical
from standwatch.facts.words import Effect
from standwatch.flow.forms import normal
from standwatch.record.endorsements import Endorsement, good

_GRAVITY: Final[tuple[Effect, ...]] = ("read", "write", "irreversible")


def endorsement(case: Case, argument: str, value: Any) -> Endorsement | None:
    """The endorsement in force of exactly `value` as `argument`, in this run; None where there is none.

    The record says that it is in force; what the value is, this process has read back from the action asked about.
    """
    if not case.state.endorsed.get(case.run):
        return None
    data = canonical(value)
    return next((one for one, vouched in _in_force(case, argument) if vouched == data), None)


def vouching(case: Case, doubt: Doubt) -> Endorsement | None:
    """The endorsement that lays `doubt` to rest: of the whole argument, or of a value in which this one stood under
    the same name."""
    if not case.state.endorsed.get(case.run):
        return None
    if (whole := endorsement(case, doubt.argument, case.act.arguments[doubt.argument])) is not None:
        return whole
    if doubt.code == "source":
        return None
    wanted, place = normal(doubt.text), _place(doubt.pointer)
    for one, vouched in _in_force(case, doubt.argument):
        value = msgspec.json.decode(vouched)
        for leaf in leaves(doubt.argument, value):
            # INVARIANT: who vouched for an account as the payer, or in a note, has not vouched for it as the payee.
            if _place(leaf.pointer) != place:
                continue
            if not doubt.kind and normal(leaf.value) == wanted:
                return one
            if doubt.kind and isinstance(leaf.value, str):
                stands = case.trail.embedded(leaf.value)
                if any(each.kind == doubt.kind and normal(each.text) == wanted for each in stands):
                    return one
    return None


_ITEM: Final = re.compile(r"/\d+(?=/|$)")


def _place(pointer: str) -> str:
    """Where a value stands in its argument, whichever item of a list it is."""
    return _ITEM.sub("/*", pointer)


def _in_force(case: Case, argument: str) -> Iterator[tuple[Endorsement, bytes]]:
    """What is vouched for of arguments of this name, for this tool or where that covers it: with the value."""
    for tool in _alike(case, argument):
        for one in good(case.state, case.run, tool, argument, case.now):
            vouched = case.trail.vouched.get((one.of, argument))
            if vouched is not None:
                yield one, vouched


def _alike(case: Case, argument: str) -> tuple[str, ...]:
    """The tools whose endorsements of `argument` count here: this one, and those that are no less grave."""
    if case.envelope is None or case.tool is None:
        return ()
    manifest, own = case.envelope.system.manifest, case.tool.tool
    asked = {one.asked.tool for one in case.state.endorsed.get(case.run, ()) if one.argument == argument}
    return tuple(
        name
        for name in sorted(asked, key=lambda name: name != own.name)
        if name == own.name
        or (
            (other := manifest.tools.get(name)) is not None
            and other.server == own.server
            and _GRAVITY.index(other.effect) >= _GRAVITY.index(own.effect)
            and manifest.answering(name) == manifest.answering(own.name)
        )
    )


def ends(case: Case) -> list[int]:
    """When the endorsements end that this act may rest on (µs)."""
    if case.tool is None or not case.state.endorsed.get(case.run):
        return []
    return [one.until for name in case.act.arguments for one, _ in _in_force(case, name)]


def endorsable(case: Case) -> tuple[str, ...]:
    """The arguments whose values people could vouch for instead of the call: where they come from is all that is in
    doubt of them, and the manifest leaves that to people."""
    found: dict[str, bool] = {}
    for doubt in doubts(case):
        if doubt.argument:
            asks = doubt.decision == "step_up" and doubt.code in OF_VALUES
            found[doubt.argument] = found.get(doubt.argument, True) and asks
    return tuple(name for name, asks in found.items() if asks)
