"""A diagnosis in sentences for a terminal at 3 AM: what changed and when, then the likeliest cause and what to type."""

from datetime import UTC, datetime, timedelta
from typing import Final

from standwatch.facts.models import Model
from standwatch.watch.diagnosis import NAMES, Cause, Diagnosis, Measured

_TOLD: Final = 5
"""Causes told in full; of the others the first line."""
_SURE: Final = 1e-12
_PLACEHOLDER: Final = "SYSTEM"


def diagnosis_text(found: Diagnosis, system: str, model: Model) -> str:
    """`found` for a terminal: lines, the last one ended. Control characters in names are shown as `?`."""
    lines = [f"{system}/{model.component}: {_headline(found)}"]
    for place, cause in enumerate(found.causes, 1):
        lines += _cause(place, cause, system)
    lines += [] if found.causes else _nothing(found)
    lines += [f"note: {one}" for one in found.notes]
    return "".join(_visible(line) + "\n" for line in lines)


def _headline(found: Diagnosis) -> str:
    if not found.rows:
        return "no decisions on record to look at"
    if not found.changed:
        what = "outcomes moved no more than they always do" + (", but this changed" if found.causes else "")
        return f"since {_when(found.since)} {what}"
    moved = ", ".join(
        f"{one.outcome or 'no outcome'} {one.before:.1%} → {one.after:.1%}" for one in found.mix[:3]
    )
    return (
        f"since {_when(found.at)} {moved} (decision {found.index}; {_between(found.earliest, found.latest)})"
    )


def _cause(place: int, cause: Cause, system: str) -> list[str]:
    share = "" if cause.share is None else f"; explains about {cause.share:.0%} of the change"
    lines = [f"{place}. {NAMES[cause.code]}: {cause.text}"]
    if place > _TOLD:
        return lines
    lines.append(f"   since {_when(cause.at)} ({_between(cause.earliest, cause.latest)}){share}")
    lines += [f"   {_measured(one)}" for one in cause.evidence]
    chance = "less than 1 in 10¹²" if cause.p < _SURE else f"at most {cause.p:.2g}"
    lines.append(f"   by chance: {chance}; entries {', '.join(map(str, cause.entries))}")
    lines += [f"   and so: {one}" for one in cause.explains]
    if cause.undo:
        lines.append(f"   → {cause.undo.replace(_PLACEHOLDER, system)}")
    return lines


def _measured(one: Measured) -> str:
    before, after = _value(one.before), _value(one.after)
    return f"{one.name}: {before} → {after}" if before else f"{one.name}: {after}"


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _nothing(found: Diagnosis) -> list[str]:
    if not found.looked:
        return []
    compared = f"{found.rows - found.reference} decisions with the {found.reference} before them"
    return [f"No cause is claimed. Compared: {compared}.", *(f"  looked at {one}" for one in found.looked)]


def _between(earliest: int, latest: int) -> str:
    return f"between {_when(earliest)} and {_when(latest)}"


def _when(micros: int) -> str:
    """A time in UTC, to the second."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except OverflowError:
        return f"{micros} µs"
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _visible(line: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in line)
