"""One decision as text for a terminal: what `explain` prints of the record, before anything is executed again."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.record.decision import Decision, Part
from standwatch.record.render import instant, safe

_WIDE: Final = 200


def decision_text(told: Decision, parts: tuple[Part, ...] = (), *, row: bool = True) -> str:
    """Everything an operator wants first: outcome, who answered, what went in, what it rests on, the proof.

    Without `row` what went in and came out is left to whoever tells more of it."""
    inside = _row(told) if row else ()
    lines = [*_head(told), *inside, *_routes(told), *_rest(told, parts), *_proof(told)]
    return "".join(safe(line).rstrip() + "\n" for line in lines)


def _head(told: Decision) -> Iterator[str]:
    record = told.record
    outcome = record.outcome if record is not None else ""
    given = f"{outcome or 'no outcome'}"
    if told.overrides:
        last = told.overrides[-1].index
        given = f"{overridden(told) or 'another outcome'} (overridden in entry {last}; before: {given})"
    yield f"decision {told.index}/{told.row} of {told.system}: {given}"
    who = f"{told.model}@{told.version}" if told.version else told.model
    if record is not None and record.route != "model":
        who = f"{record.route}{f' ({told.model}@{record.version})' if record.version else ''}, not {who}"
    yield f"  answered by {who} at {instant(told.at)} for {told.by}, {told.grant}, seam {told.seam}"
    if record is not None and record.code:
        yield f"  why not by the model: {record.code}: {record.reason}"
    if told.served:
        yield f"  artifact sha256 {told.served}"
    yield f"  configuration {told.rules.config}, root {told.rules.root}"
    for text in told.mixed:
        yield f"  ! {text}"
    for one in told.overrides:
        why = one.reason.text or one.reason.fate
        yield f"  overridden in entry {one.index} by {one.by} at {instant(one.at)}: {why}"


def overridden(told: Decision) -> str:
    """The outcome that the last override gave; "" for none, or where its words are not here."""
    for one in reversed(told.overrides):
        try:
            said = msgspec.json.decode(one.reason.text.encode(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError):
            return ""
        return str(said.get("outcome", ""))
    return ""


def _row(told: Decision) -> Iterator[str]:
    record = told.record
    if record is None:
        yield f"  the row is {told.fate}"
        return
    context = told.context
    yield "  inputs as received" + (" (as used where that differs)" if record.used else "")
    for place, name in enumerate(context.names):
        value = record.received[place] if place < len(record.received) else None
        used = record.used[place] if record.used is not None and place < len(record.used) else value
        age = context.parameters.get(f"age.{name}")
        more = f" → {_value(used)}" if used != value else ""
        more += f"  ({age:g} s old)" if isinstance(age, int | float) and not isinstance(age, bool) else ""
        yield f"    {name} = {_value(value)}{more}"
    for place, name in enumerate(context.outputs):
        value = record.outputs[place] if place < len(record.outputs) else None
        yield f"  output {name} = {_value(value)}"
    if context.threshold is not None:
        yield f"  threshold {context.threshold:g}"
    others = {name: value for name, value in context.parameters.items() if not name.startswith("age.")}
    for name, value in others.items():
        yield f"  said along: {name} = {_value(value)}"
    for finding in context.findings:
        yield f"  finding {finding.get('check', '')}: {finding.get('reason', '')}"


def _routes(told: Decision) -> Iterator[str]:
    route = told.route
    if route is None:
        yield "  no version was deployed"
        return
    more = f", canary {route.canary} for {route.share / 100:g} %" if route.canary else ""
    more += f", challenger {route.shadow}" if route.shadow else ""
    more += f", before it {route.previous}" if route.previous else ""
    yield f"  deployed then: {route.version} (entry {route.index}){more}"
    for one in told.challenges:
        said = f", of this row: {one.row.outcome}" if one.row is not None else ""
        yield f"  challenger {one.version}: {one.same} of {one.rows} the same{said}"


def _rest(told: Decision, parts: tuple[Part, ...]) -> Iterator[str]:
    if not told.used:
        return
    yield "  rests on"
    for part in parts:
        name = f"{part.name}@{part.version}" if part.version else part.name
        yield f"  {'  ' * part.depth}{part.reference} {part.kind} {name} {instant(part.at) if part.at else ''}"
        for text in (*part.mixed, *part.stale):
            yield f"  {'  ' * part.depth}  ! {text}"


def _proof(told: Decision) -> Iterator[str]:
    row = "is proved" if told.row_proof.proved else "is not proved"
    leaf = next((one for one in told.proofs if one.index == told.index), None)
    log = "is proved in the log" if leaf is not None and leaf.proved else "is not under a checkpoint yet"
    yield f"  row {told.row} of {told.rows} {row} under entry {told.index}, which {log}"
    for text in told.problems:
        yield f"  ! {text}"


def _value(value: Any) -> str:
    return "missing" if value is None else str(value)[:_WIDE]
