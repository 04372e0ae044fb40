"""Causes on the side of whoever serves, but for versions: thresholds, routes, vendors, what requests say, settings."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from standwatch.watch.diagnose_columns import number
from standwatch.watch.diagnose_scan import Shift
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_versions import DIGESTS, ROUTES, SAID, names
from standwatch.watch.diagnose_window import Window, at_row, halt, near, sides
from standwatch.watch.diagnosis import Code, Measured
from standwatch.watch.statistics import median

_SETTINGS: Final = ("config", "declared", "configuration")
_TROUBLE: Final = ("unreachable", "timeout", "upstream_error", "bad_answer", "wrong_version", "not_deployed")


def suspects(window: Window) -> list[Suspect]:
    """Every cause that is not a feature's."""
    return [*_relation(window), *_routes(window), *_parameters(window)]


# ------------------------------------------------------------------------------------------------------- threshold


def _relation(window: Window) -> list[Suspect]:
    """The same scores come to other outcomes."""
    shift, cut = window.shift("relation", "outcome given the score"), window.cut
    if shift is None or cut is None:
        return []
    rows = window.table.rows
    late = [one for one in rows[shift.row :] if one.route == "model" and one.score is not None]
    highest = sorted(one.score or 0.0 for one in late if one.outcome == cut.below)
    lowest = sorted(one.score or 0.0 for one in late if one.outcome == cut.above)
    declared = window.table.model.outcome
    was = (cut.low + cut.high) / 2
    now = (highest[-1] + lowest[0]) / 2 if highest and lowest else None
    said = f"{now:.4g}" if now is not None and highest[-1] <= lowest[0] else "no single value"
    text = f"scores are cut at {said}, before at {was:.4g}: {shift.after[1]:.0%} of rows come out otherwise"
    if highest and lowest and median(highest) > median(lowest):
        text = f"{cut.above} and {cut.below} changed places: {shift.after[1]:.0%} of rows come out otherwise"
    found = Suspect(
        "threshold",
        "",
        text,
        shift.row,
        shift.low,
        shift.high,
        0.97,
        distance=shift.distance,
        p=shift.p,
        cut=True,
    )
    found = found.measured(
        Measured("threshold seen in the answers", was, said),
        Measured(
            "threshold declared now",
            "",
            "none" if declared is None or declared.threshold is None else declared.threshold,
        ),
        Measured("outcomes that contradict the former threshold", shift.before[1], shift.after[1]),
    )
    entries = near(window, shift, (*_SETTINGS, *ROUTES))
    return [found.rested(entries[0]) if entries else found.undone(halt(window))]


# ---------------------------------------------------------------------------------------------------------- routes


def _routes(window: Window) -> list[Suspect]:
    """A fallback answers in the model's place, and the codes say why."""
    shift = window.shift("route", "code") or window.shift("route", "route")
    if shift is None:
        return []
    rows = window.table.rows
    before, after = sides(window, shift, lambda one: one.code if one.route != "model" else "")
    code = max(
        (word for word in after if word), key=lambda word: after[word] - before.get(word, 0), default=""
    )
    if not code or after[code] <= before.get(code, 0):
        return []
    marked = tuple(
        n for n in range(shift.row, len(rows)) if rows[n].route != "model" and rows[n].code == code
    )
    route = Counter(rows[n].route for n in marked).most_common(1)[0][0] if marked else "fallback"
    text = f"{route} answers {after[code]:.1%} of rows in the model's place ({code}), before {before.get(code, 0):.1%}"
    held = [] if code in _TROUBLE else near(window, shift, ("hold",))
    settings = [] if code in _TROUBLE or held else near(window, shift, _SETTINGS)
    name: Code = (
        "upstream_failing"
        if code in _TROUBLE
        else "hold"
        if held
        else "configuration"
        if settings
        else "fallback"
    )
    sure = {"upstream_failing": 0.9, "hold": 0.97, "configuration": 0.8}.get(name, 0.5)
    found = Suspect(
        name,
        code,
        text,
        shift.row,
        shift.low,
        shift.high,
        sure,
        distance=shift.distance,
        p=shift.p,
        marked=marked,
    )
    found = found.measured(Measured(f"rows with {code}", before.get(code, 0.0), after[code]))
    if held or settings:
        return [found.rested((held or settings)[0])]
    return [found.undone(halt(window) if name == "upstream_failing" else "")]


# ------------------------------------------------------------------------------------------------------ parameters

_MEANT: Final[dict[str, Code]] = {
    "vendor": "vendor",
    "schema": "schema",
    "timezone": "time_zone",
    "tz": "time_zone",
}
_SURE: Final[dict[str, float]] = {"vendor": 0.95, "schema": 0.7, "time_zone": 0.9, "parameter": 0.45}


def _parameters(window: Window) -> list[Suspect]:
    found: list[Suspect] = []
    for column in window.table.parameters:
        shift = window.shift(column.family, column.name)
        if shift is not None and column.family == "age":
            found += _aged(window, shift)
        elif shift is not None and column.name not in (*SAID, *DIGESTS):
            found.append(_parameter(window, shift))
    return found


def _meaning(key: str) -> Code:
    plain = key.lower().replace("_", "")
    found: list[Code] = [code for word, code in _MEANT.items() if plain.endswith(word)]
    return found[0] if found else "parameter"


def _parameter(window: Window, shift: Shift) -> Suspect:
    key, rows = shift.name, window.table.rows
    before, after = sides(window, shift, lambda one: one.parameters.get(key, ""))
    value = max(after, key=lambda word: after[word] - before.get(word, 0))
    family = _meaning(key)
    text = f"{key} is {value[:60] or 'not given'} in {after[value]:.0%} of rows, before in {before.get(value, 0):.0%}"
    marked = tuple(n for n in range(shift.row, len(rows)) if str(rows[n].parameters.get(key, "")) == value)
    found = Suspect(
        family,
        key,
        text,
        shift.row,
        shift.low,
        shift.high,
        _SURE[family],
        distance=shift.distance,
        p=shift.p,
        marked=marked,
    )
    found = found.measured(Measured(f"{key} {value[:60]}", before.get(value, 0.0), after[value]))
    entries = near(window, shift, ("vendor", *_SETTINGS))
    return found.rested(entries[0]) if entries and family == "vendor" else found.undone(halt(window))


def _aged(window: Window, shift: Shift) -> list[Suspect]:
    """A cache or a feature that is older than it used to be."""
    rows, key = window.table.rows, shift.name
    before, after = (
        [age for one in part if (age := number(one.parameters.get(key))) is not None]
        for part in (rows[: shift.low], rows[shift.high :])
    )
    if not before or not after or median(after) < 2 * median(before):
        return []
    subject = key.removeprefix("age.")
    what = "the cache" if subject == key else subject
    text = f"{what} is {_ago(median(after))} old, before {_ago(median(before))} (medians)"
    found = Suspect(
        "stale", subject, text, shift.row, shift.low, shift.high, 0.92, distance=shift.distance, p=shift.p
    )
    return [found.measured(Measured(f"{key}, s, median", median(before), median(after))).undone(halt(window))]


def _ago(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.3g} s"


# -------------------------------------------------------------------------------------------------------- settings


def settings(window: Window, found: Sequence[Suspect]) -> list[Suspect]:
    """A changed configuration or version at the time at which outcomes changed, where nothing says how it did it."""
    shift = window.changed
    if shift is None or any(
        one.code in ("deployment", "threshold", "hold", "wrong_version", "configuration") for one in found
    ):
        return []
    whats: list[tuple[Code, Sequence[str]]] = [
        ("configuration", _SETTINGS),
        ("deployment", ("deployed", "rollback")),
    ]
    suspects: list[Suspect] = []
    for code, kinds in whats:
        for one in near(window, shift, kinds)[:1]:
            row = at_row(window, one.at)
            named = " ".join(sorted({row.version for row in window.table.rows if names(one, row.version)}))
            text = f"{one.text} — at the time at which outcomes changed; how it would have changed them does not show"
            suspects.append(
                Suspect(code, named, text, row, row, row, 0.3, distance=shift.distance, p=shift.p).rested(one)
            )
    return suspects
