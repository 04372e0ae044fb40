"""One decision as it is explained: what the record says of the row, and what executing it again found out. Pure.

`msgspec.to_builtins` of a `Decision` is what `explain --json` prints.
"""

from __future__ import annotations

from typing import Any

import msgspec

from standwatch.facts.decisions import Context, Row, RowRecord, Value
from standwatch.facts.models import Feature, Model
from standwatch.record.outcomes import read
from standwatch.watch.explaining import Reasons

AGE = "age."
"""Request parameter `age.FEATURE`: how many seconds old the value was."""
SOURCE = "source."
"""Request parameter `source.FEATURE`: where the value came from, in the caller's words."""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value that went in. `used` where the model was given another one than was received."""

    name: str
    received: Value
    words: str = ""
    unit: str = ""
    used: Value = None
    changed: bool = False
    age: float | None = None
    """Seconds, as the caller said; None where it did not."""
    fresh: int | None = None
    stale: bool = False
    source: str = ""
    actionable: bool = False
    undeclared: bool = False
    """Sent, but no feature of the model."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one decision. `id` is `index/row`; `at` µs UTC; `version` the one that answered this row."""

    id: str
    at: int
    system: str
    purpose: str
    model: str
    version: str
    digest: str
    """SHA-256 of the artifact as deployed; "" where only its server has it."""
    route: str
    code: str
    reason: str
    outcome: str
    outputs: dict[str, Any]
    """As recorded."""
    score: float | None
    threshold: float | None
    inputs: tuple[Input, ...]
    parameters: dict[str, Any]
    served: dict[str, str]
    trace: str
    reasons: Reasons


def decision(
    model: Model, row: RowRecord, context: Context, reasons: Reasons, *, ident: str, at: int, system: str,
    purpose: str, version: str, digest: str,
) -> Decision:  # fmt: skip
    """What the sealed row and its request's context say, in the words of `model` as it was declared then."""
    outputs = recorded(row, context)
    rule = model.outcome
    reading = read(model, outputs.get(rule.output)) if rule else None
    threshold = context.threshold if context.threshold is not None else (rule.threshold if rule else None)
    return Decision(
        id=ident,
        at=at,
        system=system,
        purpose=purpose,
        model=model.component,
        version=row.version or version,
        digest=digest if row.version in ("", version) else "",
        route=row.route,
        code=row.code,
        reason=row.reason,
        outcome=row.outcome,
        outputs=outputs,
        score=reading.score if reading else None,
        threshold=threshold,
        inputs=tuple(_inputs(model, row, context)),
        parameters=context.parameters,
        served=context.served,
        trace=context.trace,
        reasons=reasons,
    )


def given_row(model: Model, row: RowRecord, context: Context) -> Row:
    """What the model was given, in the order of its features; None for what was not sent."""
    used = row.received if row.used is None else row.used
    values = dict(zip(context.names, used, strict=False))
    return tuple(values.get(feature.name) for feature in model.inputs)


def recorded(row: RowRecord, context: Context) -> dict[str, Any]:
    """The outputs on record, by name."""
    return dict(zip(context.outputs, row.outputs, strict=False))


def _inputs(model: Model, row: RowRecord, context: Context) -> list[Input]:
    features = {feature.name: feature for feature in model.inputs}
    used = row.received if row.used is None else row.used
    found = [
        _input(features.get(name), name, received, used[place] if place < len(used) else None, context)
        for place, (name, received) in enumerate(zip(context.names, row.received, strict=False))
    ]
    absent = [feature for name, feature in features.items() if name not in context.names]
    return found + [_input(feature, feature.name, None, None, context) for feature in absent]


def _input(feature: Feature | None, name: str, received: Value, used: Value, context: Context) -> Input:
    said = context.parameters.get(AGE + name)
    age = float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
    source = context.parameters.get(SOURCE + name, "")
    changed = used != received or type(used) is not type(received)
    if feature is None:
        return Input(name, received, used=used, changed=changed, age=age, undeclared=True)
    return Input(
        name,
        received,
        words=feature.words,
        unit=feature.unit,
        used=used if changed else None,
        changed=changed,
        age=age,
        fresh=feature.fresh,
        stale=age is not None and feature.fresh is not None and age > feature.fresh,
        source=source if isinstance(source, str) else "",
        actionable=feature.actionable is not None,
    )
