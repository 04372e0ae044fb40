"""Causes on the side of whoever serves: deployments, versions, thresholds, routes, vendors, what requests say."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from standwatch.facts.decisions import Happening, Observation
from standwatch.watch.diagnose_columns import AFTER, number
from standwatch.watch.diagnose_scan import Shift, scan
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import Window, beyond
from standwatch.watch.diagnosis import Code, Measured
from standwatch.watch.statistics import median, mix_variation, shares, spread

_ROUTES: Final = ("deployed", "rollback", "canary", "shadow", "end")
"""Happenings that say which version answers."""
_SETTINGS: Final = ("config", "declared", "configuration")
_TROUBLE: Final = ("unreachable", "timeout", "upstream_error", "bad_answer", "wrong_version", "not_deployed")
_SAID: Final = ("served_version", "served", "model_version", "version")
_DIGESTS: Final = ("digest", "served_digest", "model_digest", "output_digest")
_SAMPLE: Final = 2_000


def suspects(window: Window) -> list[Suspect]:
    """Every cause that is not a feature's."""
    found = [*_versions(window), *_scores(window), *_relation(window), *_routes(window), *_parameters(window)]
    return found + _settings(window, found)


def _row(window: Window, at: int) -> int:
    return bisect_left(window.table.at, at)


def _near(window: Window, shift: Shift, whats: Iterable[str]) -> list[Happening]:
    """Control entries of these kinds at which `shift` may have begun; the latest first."""
    wanted = [one for one in window.happenings if one.what in whats]
    return [one for one in reversed(wanted) if window.likely(shift, _row(window, one.at))]


# -------------------------------------------------------------------------------------------------------- versions


def _names(one: Happening, version: str) -> bool:
    """Whether a control entry names a version: as a word of its text."""
    return version in re.findall(r"[\w.+\-]+[\w]|\w", one.text.replace("@", " "))


def expected(window: Window) -> list[frozenset[str]]:
    """For each row the versions that the record says may answer: those before, until an entry names another."""
    rows, table = window.table.rows, window.table
    known = sorted({one.version for one in rows if one.version})
    first = Counter(one.version for one in rows[: table.reference] if one.version)
    told = [one for one in window.happenings if one.what in _ROUTES]
    now = frozenset(name for name, count in first.items() if count > 0.02 * table.reference)
    found: list[frozenset[str]] = []
    partial: frozenset[str] = frozenset()
    place = 0
    for at in table.at:
        while place < len(told) and told[place].at <= at:
            named = frozenset(name for name in known if _names(told[place], name))
            now, partial = _route(now, partial, told[place].what, named)
            place += 1
        found.append(now | partial)
    return found


def _route(
    now: frozenset[str], partial: frozenset[str], what: str, named: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Who may answer everything and a part, after an entry: as `record.serving` folds it."""
    match what:
        case "canary" | "shadow":
            return now, partial | named
        case "end":
            return now, partial - named
        case "rollback":
            return named or now, frozenset()
        case _:
            return named or now, partial - named


def _versions(window: Window) -> list[Suspect]:
    """A version that answers though no entry put it there, or that the server names otherwise than we do."""
    rows, since = window.table.rows, window.table.since
    allowed = expected(window)
    odd = [
        n
        for n in range(since, len(rows))
        if rows[n].version and rows[n].route == "model" and rows[n].version not in allowed[n]
    ]
    found: list[Suspect] = []
    # Requests in flight across a deployment still carry the former version: those are few, and at its very beginning.
    if len(odd) >= max(5, 0.02 * (len(rows) - odd[0])) if odd else False:
        name, _ = Counter(rows[n].version for n in odd).most_common(1)[0]
        wanted = " or ".join(sorted(allowed[odd[0]])) or "none"
        part = len(odd) / (len(rows) - odd[0])
        text = f"version {name} answers {part:.0%} of rows since then, and no entry deployed it; deployed is {wanted}"
        found.append(
            Suspect(
                "wrong_version",
                name,
                text,
                odd[0],
                odd[0],
                odd[0],
                0.97,
                distance=part,
                p=0.0,
                marked=tuple(odd),
                model=True,
            )
            .measured(Measured("rows of a version that is not deployed", 0.0, part))
            .undone(f"standwatch halt version:{window.table.model.component}@{name} --reason …")
        )
    return found + _said(window)


def _said(window: Window) -> list[Suspect]:
    """What the server says of itself: another version than the one we asked, or another digest under one name."""
    found: list[Suspect] = []
    for key in (*_SAID, *_DIGESTS):
        shift = window.shift("parameter", key)
        if shift is None:
            continue
        before, after = _sides(
            window.table.rows, shift, lambda one, key=key: str(one.parameters.get(key, ""))
        )
        name, told = max(after, key=lambda word: after[word] - before.get(word, 0)), key in _DIGESTS
        if _version_moved(window, shift):
            continue
        code: Code = "retrained" if told else "wrong_version"
        text = f"the server says {key} {name[:40]} in {after[name]:.0%} of rows, before in {before.get(name, 0):.0%}, under the same version name"
        found.append(
            Suspect(
                code,
                name,
                text,
                shift.row,
                shift.low,
                shift.high,
                0.97,
                distance=shift.distance,
                p=shift.p,
                model=True,
            )
            .measured(Measured(f"{key} {name[:40]}", before.get(name, 0.0), after[name]))
            .undone(_rollback(window))
        )
    return found


def _version_moved(window: Window, shift: Shift) -> bool:
    moved = window.shift("version", "version")
    return moved is not None and window.likely(shift, moved.row)


def _sides(
    rows: Sequence[Observation], shift: Shift, tell: object
) -> tuple[dict[str, float], dict[str, float]]:
    assert callable(tell)
    before = shares([str(tell(rows[n])) for n in spread(range(shift.low), _SAMPLE)] or [""])
    late = range(shift.high, len(rows))
    return before, shares([str(tell(rows[late[n]])) for n in spread(late, _SAMPLE)] or [""])


def _rollback(window: Window) -> str:
    return f"standwatch halt component:{window.table.model.component} --reason …"


# ---------------------------------------------------------------------------------------------------------- scores


def _scores(window: Window) -> list[Suspect]:
    """The same inputs come to other scores: a deployment where one is at the right time, else a silent change."""
    shift = window.shift("residual", "score given the inputs") or _at_switch(window)
    if shift is None:
        return []
    moved = [value for value in window.residuals[: shift.low] if value is not None]
    later = [value for value in window.residuals[shift.high :] if value is not None]
    measured = (
        Measured("score less what its inputs foretell, median" + _unit(window), median(moved), median(later)),
        Measured("part of the scores that inputs foretell", window.fit.explained, "not learned anew"),
        *_twins(window, shift),
    )
    deployed = _near(window, shift, _ROUTES)
    changes = _switches(window, shift)
    base = Suspect(
        "retrained",
        "",
        "",
        shift.row,
        shift.low,
        shift.high,
        0.75,
        distance=shift.distance,
        p=shift.p,
        model=True,
    )
    if deployed or changes:
        row = _row(window, deployed[0].at) if deployed else changes[0]
        name = _newcomer(window, row, deployed[0] if deployed else None)
        text = f"version {name} answers since then and scores the same inputs differently"
        found = base.named("deployment", name, text, sure=0.96).begun(row).measured(*measured)
        return [found.rested(deployed[0]) if deployed else found.undone(_rollback(window))]
    version = Counter(one.version for one in window.table.rows[shift.high :]).most_common(1)
    name = version[0][0] if version else ""
    text = f"version {name} scores the same inputs differently since then, and nothing was deployed"
    return [base.named("retrained", name, text, sure=0.75).measured(*measured).undone(_rollback(window))]


def _at_switch(window: Window) -> Shift | None:
    """Scores given the inputs, compared at the few times at which another version came: a sharper test than at any."""
    table = window.table
    odd = window.columns["residual", "score given the inputs"]
    rows = {_row(window, one.at) for one in window.happenings if one.what in _ROUTES}
    rows = [row for row in rows if table.reference <= row < len(table.rows) - AFTER]
    blocks = {min(bisect_left(table.grid.starts, row), table.grid.last): row for row in rows}
    found = [(scan(odd, table.grid, len(blocks), block), row) for block, row in blocks.items()]
    moved = [(one, row) for one, row in found if one is not None and beyond(one)]
    if not moved:
        return None
    best, row = min(moved, key=lambda pair: pair[0].p)
    return replace(best, row=row, low=min(best.low, row), high=max(best.high, row))


def _newcomer(window: Window, row: int, entry: Happening | None) -> str:
    """The version that came at `row`: the one that gained most, among those that the entry names where it names any."""
    rows = window.table.rows
    before = shares([one.version for one in rows[max(row - 500, 0) : row]] or [""])
    after = shares([one.version for one in rows[row : row + 500]] or [""])
    named = [name for name in after if entry is not None and _names(entry, name)]
    return max(named or after, key=lambda name: after[name] - before.get(name, 0))


def _unit(window: Window) -> str:
    return " (log-odds)" if window.target.kind == "logit" else ""


def _switches(window: Window, shift: Shift) -> list[int]:
    """Rows near the beginning of `shift` at which another version first answers."""
    rows = window.table.rows
    seen = {one.version for one in rows[max(shift.low - 200, 0) : max(shift.low - 10, 0)]}
    found: list[int] = []
    for n in range(max(shift.low - 10, 0), min(shift.high + 10, len(rows))):
        if rows[n].route == "model" and rows[n].version not in seen:
            seen.add(rows[n].version)
            found.append(n)
    return [row for row in found if window.likely(shift, row)]


def _twins(window: Window, shift: Shift) -> tuple[Measured, ...]:
    """Rows with the very same inputs on both sides."""
    rows = window.table.rows
    known = {one.values: one.score for one in rows[: shift.low] if one.route == "model" and _whole(one)}
    again = [
        (known[one.values], one.score)
        for one in rows[shift.high :]
        if one.route == "model" and _whole(one) and one.values in known
    ]
    other = sum(
        a is not None and b is not None and abs(a - b) > 1e-6 * max(abs(a), abs(b), 1e-9) for a, b in again
    )
    return (Measured("rows seen before, of which scored otherwise", len(again), other),) if again else ()


def _whole(one: Observation) -> bool:
    return all(value is None or isinstance(value, str | int | float) for value in one.values)


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
        text = f"the outcomes {cut.above} and {cut.below} changed places: {shift.after[1]:.0%} of rows come out otherwise"
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
    near = _near(window, shift, (*_SETTINGS, *_ROUTES))
    return [found.rested(near[0]) if near else found.undone(_rollback(window))]


# ---------------------------------------------------------------------------------------------------------- routes


def _routes(window: Window) -> list[Suspect]:
    """A fallback answers in the model's place, and the codes say why."""
    shift = window.shift("route", "code") or window.shift("route", "route")
    if shift is None:
        return []
    rows = window.table.rows
    before, after = _sides(rows, shift, lambda one: one.code if one.route != "model" else "")
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
    held = [] if code in _TROUBLE else _near(window, shift, ("hold",))
    settings = [] if code in _TROUBLE or held else _near(window, shift, _SETTINGS)
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
    return [found.undone("standwatch versions SYSTEM" if name == "upstream_failing" else "")]


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
        elif shift is not None and column.name not in (*_SAID, *_DIGESTS):
            found.append(_parameter(window, shift))
    return found


def _parameter(window: Window, shift: Shift) -> Suspect:
    key, rows = shift.name, window.table.rows
    before, after = _sides(rows, shift, lambda one: one.parameters.get(key, ""))
    value = max(after, key=lambda word: after[word] - before.get(word, 0))
    family = next(
        (code for word, code in _MEANT.items() if key.lower().replace("_", "").endswith(word)), "parameter"
    )
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
    near = _near(window, shift, ("vendor", *_SETTINGS))
    return found.rested(near[0]) if near and family == "vendor" else found.undone(_rollback(window))


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
    text = f"{'the cache' if subject == key else subject} is {_ago(median(after))} old, before {_ago(median(before))} (medians)"
    found = Suspect(
        "stale", subject, text, shift.row, shift.low, shift.high, 0.92, distance=shift.distance, p=shift.p
    )
    return [
        found.measured(Measured(f"{key}, s, median", median(before), median(after))).undone(_rollback(window))
    ]


def _ago(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.3g} s"


# -------------------------------------------------------------------------------------------------------- settings


def _settings(window: Window, found: Sequence[Suspect]) -> list[Suspect]:
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
        for one in _near(window, shift, kinds)[:1]:
            row = _row(window, one.at)
            text = f"{one.text} — at the time at which outcomes changed; how it would have changed them does not show"
            suspects.append(
                Suspect(code, "", text, row, row, row, 0.3, distance=shift.distance, p=shift.p).rested(one)
            )
    return suspects


def mixes(rows: Sequence[Observation], shift: Shift) -> float:
    """How far outcomes moved, as found."""
    before, after = _sides(rows, shift, lambda one: one.outcome)
    return mix_variation(before, after)
