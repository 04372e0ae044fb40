"""A decision told to the person whom it concerns, and to the operator. Pure; plain text, no markup.

The person hears what was decided, by what kind of thing, the main reasons, what would have changed it, whom to ask and
how to contest it: nothing about versions, digests or scores. The operator hears all of it. Whatever callers wrote is
shown so that it can do nothing: no control, invisible or direction-changing character, no line end, bounded, in quotes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from standwatch.facts.decisions import Value
from standwatch.facts.models import Feature, Model
from standwatch.watch.counterfactual import Counterfactual
from standwatch.watch.decision import Decision
from standwatch.watch.explaining import GradeName

REASONS: Final = 4
CHANGES: Final = 3
_ODD: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_BY: Final = {
    "model": "A computer model decided this, from the information below.",
    "previous": "An earlier version of the computer model decided this, because the present one could not.",
    "rule": "A fixed rule decided this: the computer model was not used.",
    "constant": "A fixed answer was given: the computer model was not used.",
    "refer-to-human": "The computer model did not decide this. It was passed to a person.",
    "refused": "Nothing was decided: the computer model was not used, and nothing takes its place.",
}
_SURE: Final[dict[GradeName, str]] = {
    "exact": "We ran the same model again on the same information, and it gave the same result.",
    "differs": "We ran the model again on the same information, and it gave another result than at the time. "
    "What follows may therefore not be how it was decided; please ask.",
    "served": "We ran the model again on the same information, and it gave the same result.",
    "stochastic": "Run twice on the same information, the model does not give the same result. What follows is "
    "therefore uncertain.",
    "narrative": "The model could not be run again, so its reasons cannot be worked out.",
}


class Contact(msgspec.Struct, frozen=True):
    """Whom the person may ask, and how they may contest the decision: the organisation's words."""

    ask: str = ""
    contest: str = ""


def inert(text: str, most: int = 80) -> str:
    """`text` on one line, without characters that move, hide or reorder others; cut after `most`."""
    safe = "".join("·" if unicodedata.category(letter) in _ODD else letter for letter in text[: most + 1])
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def shown(value: Value, unit: str = "") -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return "not given"
        case bool():
            return "yes" if value else "no"
        case str():
            return f"“{inert(value)}”"
        case int():
            number = f"{value:,}" if abs(value) < 10**15 else f"{value:.6g}"
        case float():
            whole = value.is_integer() and abs(value) < 1e15
            number = f"{int(value):,}" if whole else _decimal(value)
    return f"{number} {inert(unit)}" if unit else number


def _decimal(value: float) -> str:
    text = f"{value:,.6f}".rstrip("0") if 1e-4 <= abs(value) < 1e15 else f"{value:.6g}"
    return text.rstrip(".")


# --- for the person concerned --------------------------------------------------------------------------------


def for_person(told: Decision, model: Model, contact: Contact) -> str:
    """The explanation for the person concerned."""
    features = {feature.name: feature for feature in model.inputs}
    decided_by_model = told.route in ("model", "previous")
    sections = [
        ("What was decided", _decided(told)),
        (
            "How",
            [
                _BY.get(told.route, _BY["refused"]),
                *([_sure(told)] if decided_by_model else []),
            ],
        ),
        ("The main reasons", _reasons(told, features) if decided_by_model else []),
        ("What would have changed it", _changes(told, features) if decided_by_model else []),
        ("If you disagree", _contact(told, contact)),
    ]
    return "\n\n".join("\n".join([title, *lines]) for title, lines in sections if lines) + "\n"


def _sure(told: Decision) -> str:
    grade = told.reasons.grade
    return _SURE["differs" if grade.grade == "served" and not grade.same else grade.grade]


def _decided(told: Decision) -> list[str]:
    day = f"{datetime.fromtimestamp(told.at / 1e6, UTC):%d %B %Y}".lstrip("0")
    outcome = f"The outcome is “{inert(told.outcome)}”." if told.outcome else "There is no outcome yet."
    return [
        f"{outcome} It was given on {day} (UTC).",
        *([f"Purpose: {inert(told.purpose, 300)}"] if told.purpose else []),
    ]


def _name(feature: Feature | None, name: str) -> str:
    return inert(feature.words if feature and feature.words else name.replace("_", " "))


def _reasons(told: Decision, features: dict[str, Feature]) -> list[str]:
    own, seen = told.reasons.contributions, told.reasons.grid
    lines: list[str] = []
    if own is not None and own.adds_up:
        against = [part for part in own.parts if part.towards == told.outcome and part.contribution]
        other = [part for part in own.parts if part.towards not in ("", told.outcome)]
        lines += ["These spoke for it most, the strongest first:"] if against else []
        lines += [f"- {_together(part.features, part.values, features)}" for part in against[:REASONS]]
        lines += ["These spoke against it:"] if other else []
        lines += [f"- {_together(part.features, part.values, features)}" for part in other[: REASONS // 2]]
    elif seen is not None and any(effect.effect for effect in seen.effects):
        lines.append("The result depends most on these, the strongest first, each looked at alone:")
        strongest = [effect for effect in seen.effects if effect.effect][:REASONS]
        lines += [f"- {_together((each.feature,), (each.value,), features)}" for each in strongest]
    return lines


def _together(names: Sequence[str], values: Sequence[Value], features: dict[str, Feature]) -> str:
    pairs = zip(names, values, strict=True)
    return ", together with ".join(_stated(features.get(name), name, value) for name, value in pairs)


def _stated(feature: Feature | None, name: str, value: Value) -> str:
    return f"{_name(feature, name)}: {shown(value, feature.unit if feature else '')}"


def _changes(told: Decision, features: dict[str, Feature]) -> list[str]:
    found = told.reasons.changes
    if found.why:
        return ["This could not be worked out."]
    chosen = [*found.singles[:CHANGES], *found.pairs[: CHANGES - min(len(found.singles), CHANGES - 1)]]
    if not chosen:
        return ["Of what you could change, we found nothing that would have changed the outcome."]
    lines = [f"- {_had(change, features)}" for change in chosen]
    return [
        "Any one of these would have been enough, all else the same:",
        *lines,
        "This is about this decision, and no promise about another.",
    ]


def _had(change: Counterfactual, features: dict[str, Feature]) -> str:
    parts = [
        f"{_name(features.get(each.feature), each.feature)}: {shown(each.after, _unit(features, each.feature))} "
        f"instead of {shown(each.before, _unit(features, each.feature))}"
        for each in change.changes
    ]
    return f"{', and '.join(parts)}. The outcome would have been “{inert(change.outcome)}”."


def _unit(features: dict[str, Feature], name: str) -> str:
    return features[name].unit if name in features else ""


def _contact(told: Decision, contact: Contact) -> list[str]:
    lines = [f"Ask: {inert(contact.ask, 300)}"] if contact.ask else []
    lines += [f"To contest the decision: {inert(contact.contest, 600)}"] if contact.contest else []
    return [*lines, f"Give this reference: {inert(told.id)}"]


# --- for the operator ----------------------------------------------------------------------------------------


def for_operator(told: Decision) -> str:
    """All of it, a fact a line."""
    when = f"{datetime.fromtimestamp(told.at / 1e6, UTC):%Y-%m-%d %H:%M:%S}+00:00"
    artifact = told.digest or "known to its server only"
    who = f"{told.system}/{told.model}, version {told.version or '–'}, artifact {artifact}"
    grade = told.reasons.grade
    lines = [
        f"decision {told.id}  {when}",
        f"  by        {inert(who, 300)}",
        f"  route     {told.route}{_because(told)}",
        f"  outcome   {inert(told.outcome) or '–'}; score {_bare(told.score)}, threshold {_bare(told.threshold)}",
        f"  outputs   {_json(told.outputs)}",
        f"  served    {_json(told.served)}; parameters {_json(told.parameters)}; trace {inert(told.trace) or '–'}",
        "inputs",
        *(f"  {line}" for line in _input_lines(told)),
        f"grade: {grade.grade}. {grade.meaning} {inert(grade.why, 600)}".rstrip(),
    ]
    if grade.furthest:
        lines.append(f"  greatest difference of a number: {grade.furthest:.3g}")
    lines += [*_contribution_lines(told), *_grid_lines(told), *_change_lines(told)]
    return "\n".join(lines) + "\n"


def _because(told: Decision) -> str:
    return f", for {inert(told.code)}: {inert(told.reason, 600)}" if told.code or told.reason else ""


def _bare(value: float | None) -> str:
    return "–" if value is None else repr(value)


def _json(value: Any) -> str:
    return inert(msgspec.json.encode(value).decode(), 2000)


def _input_lines(told: Decision) -> Iterable[str]:
    for each in told.inputs:
        unit = f" {inert(each.unit)}" if each.unit else ""
        used = f", used {_json(each.used)}" if each.changed else ""
        age = f", {each.age:g} s old{_fresh(each.fresh, each.stale)}" if each.age is not None else ""
        source = f", from {inert(each.source)}" if each.source else ""
        marks = ", no feature of the model" if each.undeclared else ", actionable" if each.actionable else ""
        yield f"{inert(each.name)} = {_json(each.received)}{unit}{used}{age}{source}{marks}"


def _fresh(fresh: int | None, stale: bool) -> str:
    if fresh is None:
        return ""
    return f": STALE after {fresh} s" if stale else f" (fresh for {fresh} s)"


def _contribution_lines(told: Decision) -> Iterable[str]:
    own = told.reasons.contributions
    if own is None:
        return
    of = f" of {inert(own.of)}" if own.of else ""
    at = "" if own.at is None else f", threshold {own.at:.6g}"
    yield f"contributions{of} by {inert(own.method)}, in {own.unit}: base {own.base:.6g}, margin {own.margin:.6g}{at}"
    for part in own.parts:
        towards = f"  towards {inert(part.towards)}" if part.towards else ""
        yield f"  {part.contribution:+.6g}  {inert(' & '.join(part.features), 200)} = {_json(part.values)}{towards}"
    yield (
        f"  they add up (off by {own.gap:.1g})"
        if own.adds_up
        else f"  DOUBT: {own.doubt} (off by {own.gap:.3g})"
    )


def _grid_lines(told: Decision) -> Iterable[str]:
    seen = told.reasons.grid
    if seen is None:
        return
    yield f"{seen.method} (these do not add up; {inert(seen.why, 300) or 'no contributions'})"
    for each in seen.effects:
        reach = "" if each.low is None or each.high is None else f", from {each.low:.6g} to {each.high:.6g}"
        turns = f"{each.turns} of {each.tried} values turn the outcome"
        yield f"  {each.effect:+.6g}  {inert(each.feature)} = {_json(each.value)}{reach}; {turns}"
    if seen.unmeasured:
        yield f"  without a range to try: {inert(', '.join(seen.unmeasured), 600)}"


def _change_lines(told: Decision) -> Iterable[str]:
    found = told.reasons.changes
    yield f"what would have changed it ({found.executed:,} rows executed, each change twice)"
    if found.why:
        yield f"  {inert(found.why, 600)}"
    for change in (*found.singles, *found.pairs):
        parts = ", ".join(f"{inert(c.feature)} {_json(c.before)} → {_json(c.after)}" for c in change.changes)
        sure = "the smallest" if change.exhaustive else "nearest found"
        yield f"  {parts}: {inert(change.outcome)}, score {_bare(change.score)}, distance {change.distance:.3g}, {sure}"
    for each in found.searched:
        bounds = "" if each.low is None else f" from {each.low:g} to {each.high:g}"
        loose = "" if each.bounded else ", NO BOUND DECLARED"
        yield f"  searched {inert(each.feature)}{bounds}: {each.executed} of {each.values} values{loose}"
    if found.outside:
        yield f"  {found.outside} that would have changed it lie outside the validated range"
    if found.unconfirmed:
        yield f"  {found.unconfirmed} did not come out the same twice and are not told"
