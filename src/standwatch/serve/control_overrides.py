"""Overrides in operation: one decision's outcome changed by a named person, and how often that happens."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from standwatch.enforce.deciding_written import about
from standwatch.facts.configuration import Manifest
from standwatch.facts.decisions import RowRecord
from standwatch.facts.entries import Decided, Overridden
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError, Unrecorded
from standwatch.facts.frames import Ack, Append, Refusal
from standwatch.facts.overrides import Overruling, overruling_bytes, read_overruling
from standwatch.facts.parts import Part, commitment
from standwatch.fronts.control_overrides import (
    ChainLine,
    OverrideDone,
    OverrideLine,
    OverrideOrder,
    OverridesReport,
    PersonRate,
)
from standwatch.fronts.control_ports import Actor
from standwatch.record.decision import Decision, decision, find_decision
from standwatch.record.leaf import decode
from standwatch.record.source import Source
from standwatch.respond.orders import sees
from standwatch.respond.overrides import Override, Person, Previous, Row, override
from standwatch.respond.places import place
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_reading import Record, instant, moment
from standwatch.serve.gate import LiveGate
from standwatch.serve.until import Until
from standwatch.store.link import Link
from standwatch.watch.overriding import overriding

LATEST: Final = 50
"""Overrides that one answer lists."""
MOST: Final = 10_000
"""Overrides that one answer counts."""
COUNTED: Final = 200_000
"""Entries that are read to count decisions."""
_WEEK: Final = 7 * 86_400_000_000
_DECIDED: Final = b'"act.decided.1"'


class Overruler:
    """Changes one row's outcome through the one sequencer. Every error is a `StandwatchError`."""

    def __init__(
        self,
        gate: LiveGate,
        link: Link,
        source: Record,
        clock: Callable[[], int],
        salt: Callable[[int], bytes],
    ) -> None:
        self._gate, self._link, self._source = gate, link, source
        self._clock, self._salt = clock, salt

    # --- overriding ------------------------------------------------------------------------------------------

    async def override(self, who: Actor, ident: str, row: str, order: OverrideOrder) -> OverrideDone:
        """Give row `row` of decision `ident` (an entry's index or an action's id) another outcome."""
        found = await asyncio.to_thread(decision, self._source, f"{ident}/{row}")
        manifest = self._seen(who, found.system)
        model = place(self._gate.configuration.systems.get(found.system), found.system, found.model).model
        decided = find_decision(self._source, f"{found.index}/{found.row}")[1]
        subjects = _subjects(found, manifest)
        made = override(
            Row(found.index, decided, found.row, _outcome(found.record), subjects),
            order.outcome,
            self._person(who),
            order.reason,
            _previous(found),
            model,
            self._clock(),
            manifest.halt_authority,
        )
        ack = await self._append(made, subjects)
        return OverrideDone(
            index=ack.index,
            at=ack.at,
            decision=f"{found.index}/{found.row}",
            outcome=made.given.outcome,
            former=made.given.former,
            follows=made.entry.follows,
            text=f"{found.system} {found.index}/{found.row}: {made.given.former} is now {made.given.outcome}",
        )

    def _seen(self, who: Actor, system: str) -> Manifest:
        declared = self._gate.configuration.systems.get(system)
        if declared is None:
            raise NotFound(f"no manifest declares {system} any more", cure="standwatch status")
        if not sees(orderer(who), system, self._gate.state) and not any(
            who.ident in model.overrides.by for model in declared.manifest.models.values()
        ):
            raise Forbidden(f"{who.name} may not see {system}")
        return declared.manifest

    def _person(self, who: Actor) -> Person:
        known = self._gate.configuration.person(who.ident)
        return Person(who.ident, (known.address, known.name) if known is not None else ())

    async def _append(self, made: Override, subjects: tuple[str, ...]) -> Ack:
        part = Part("reason", self._salt(32), overruling_bytes(made.given))
        entry = msgspec.structs.replace(made.entry, why=commitment(part.salt, part.data))
        answer = await self._link.append(
            Append(
                self._link.next_number(),
                entry,
                (part,),
                subjects,
                caps=made.caps,
                valid_until=made.valid_until,
            )
        )
        if isinstance(answer, Ack):
            return answer
        raise _refused(answer, made)

    # --- looking ---------------------------------------------------------------------------------------------

    async def overrides(self, who: Actor, system: str, since: str, as_of: str = "") -> OverridesReport:
        """Overrides of `system` since an RFC 3339 time; of the seven days before for "". Up to now, or to a moment."""
        self._seen(who, system)
        then = moment(self._source, as_of) if as_of else None
        source = self._source if then is None else Until(self._source, then.index + 1)
        now = self._clock() if then is None else then.at
        start = instant(since) if since else now - _WEEK
        return await asyncio.to_thread(self._report, source, system, start, now)

    def _report(self, source: Record, system: str, since: int, now: int) -> OverridesReport:
        found = [(index, one) for index, one in _overridden(source, system) if one.at >= since]
        told = overriding(found)
        decided = _decided(source, system, source.at(since - 1) + 1)
        return OverridesReport(
            system=system,
            since=since,
            at=now,
            total=told.total,
            rows=told.rows,
            decided=decided,
            per_cent=round(100 * told.rows / decided, 2) if decided > 0 else 0.0,
            people=tuple(
                PersonRate(one.by, one.overrides, one.rows, one.undone, one.days) for one in told.people
            ),
            models=told.models,
            days=told.days,
            chains=tuple(ChainLine(c.decision, c.model, c.overrides, c.people) for c in told.chains),
            latest=tuple(self._lines(found)),
            names=names(self._gate.configuration),
        )

    def _overridden(self, system: str) -> list[tuple[int, Overridden]]:
        entries = ((index, decode(self._source.leaf(index))) for index in self._indices(system))
        return [(index, one) for index, one in entries if isinstance(one, Overridden)]

    def _indices(self, system: str) -> list[int]:
        return self._source.of_run(f"override/{system}")[-MOST:]

    def _lines(self, found: Sequence[tuple[int, Overridden]]) -> list[OverrideLine]:
        last = {(one.of, one.row): index for index, one in found}
        return [
            self._line(index, one, stands=last[one.of, one.row] == index)
            for index, one in reversed(found[-LATEST:])
        ]

    def _line(self, index: int, one: Overridden, *, stands: bool) -> OverrideLine:
        given = _given(self._source, index, one)
        return OverrideLine(
            index=index,
            at=one.at,
            by=one.by,
            decision=f"{one.of}/{one.row}",
            model=one.model,
            follows=one.follows,
            stands=stands,
            outcome=given.outcome if given else "",
            former=given.former if given else "",
            why=given.reason if given else "",
        )


def _overridden(source: Record, system: str) -> list[tuple[int, Overridden]]:
    entries = ((index, decode(source.leaf(index))) for index in source.of_run(f"override/{system}")[-MOST:])
    return [(index, one) for index, one in entries if isinstance(one, Overridden)]


def _refused(answer: Refusal, made: Override) -> StandwatchError:
    about = f"{made.entry.of}/{made.entry.row}"
    match answer.code:
        case "duplicate":
            return Conflict(
                f"{about} was overridden by somebody else meanwhile", cure=f"standwatch explain {about}"
            )
        case "budget":
            return Forbidden(
                f"{made.entry.by} has made the overrides of {made.entry.model} that one day may have",
                code="per_day",
                reference=about,
            )
        case "stale":
            return Forbidden(f"it is too late to override {about}", code="too_late", reference=about)
        case "unrecorded" | "unknown":
            return Unrecorded(answer.detail, cure="standwatch diagnose")
        case _:
            return Malformed(answer.detail)


def _outcome(record: RowRecord | None) -> str | None:
    """The original outcome; a row that nobody decided has none to change, which reads as "" here."""
    return None if record is None else record.outcome


def _subjects(found: Decision, manifest: Manifest) -> tuple[str, ...]:
    """The people the row is about, as its own parts were sealed."""
    named = {name for where, name in manifest.data_subjects if where == "input"}
    places = tuple(place for place, name in enumerate(found.context.names) if name in named)
    return () if found.record is None or not places else about(found.record.received, places)


def _previous(found: Decision) -> Previous | None:
    if not found.overrides:
        return None
    last = max(found.overrides, key=lambda one: one.index)
    given: Overruling | None = None
    if last.reason.fate == "present":
        given = read_overruling(last.reason.text)
    return Previous(last.index, last.at, given)


def _given(source: Source, index: int, one: Overridden) -> Overruling | None:
    """What was sealed beside an override; None where it was erased, or is not what it should be."""
    try:
        sealed = source.sealed(index, one.id, "reason")
        return read_overruling(sealed.parts[0].data) if sealed.parts else None
    except StandwatchError:
        return None


def _decided(source: Source, system: str, start: int) -> int:
    """Rows that `system` decided from entry `start` on; -1 where there are too many entries to read."""
    size = source.size
    if size - start > COUNTED:
        return -1
    rows = 0
    for _, leaf in source.leaves(start, size):
        if _DECIDED in leaf and isinstance(one := decode(leaf), Decided) and one.system == system:
            rows += one.rows
    return rows
