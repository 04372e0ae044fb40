"""A window of the record for `watch`: decisions as observations, control entries as happenings."""

from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.facts.decisions import Context, Happening, Observation
from standwatch.facts.entries import AnyEntry, Config, Decided, Declared, Deployed, Evidence, Hold, Released
from standwatch.facts.errors import Malformed, NotFound, Tampered
from standwatch.facts.models import Model
from standwatch.record.decision import context_of
from standwatch.record.leaf import Unknown
from standwatch.record.outcomes import outcome_of
from standwatch.record.rows import read_row
from standwatch.record.source import Source, read_leaf

MOST: Final = 20_000
"""Rows that one window holds: half of them from before the time asked about, half since."""
SCANNED: Final = 400_000
"""The most entries that are looked at for either half."""
_BLOCK: Final = 32
_ROUND: Final = MOST
"""Entries looked at in the first round; each further round looks at as many as all before it."""

Place = tuple[int, Decided]


def observations(
    source: Source, system: str, model: Model, span: tuple[int, int, int], most: int = MOST
) -> list[Observation]:
    """The decisions of `model` between entries `begin`, `since` and `end` of `span`, thinned evenly, in order.

    Rows whose keys were erased, and rows of another shape than the model has now, are left out.
    """
    begin, since, end = span
    found: list[Observation] = []
    for start, stop in ((begin, since), (since, end)):
        places = _places(source, system, model.component, (start, stop), most // 2)
        every = max(sum(entry.rows for _, entry in places) / (most / 2), 1.0)
        found += _thinned(source, model, places, every)
    return found


def _places(source: Source, system: str, component: str, span: tuple[int, int], most: int) -> list[Place]:
    """Decision entries of a model, in order: all of them, or of evenly spread blocks as many as hold `most` rows.

    Blocks are taken in rounds, each evenly spread between those before, so that a busy system is not read for longer
    than its rows are wanted, and one that decides seldom is looked for in up to `SCANNED` entries.
    """
    found: list[Place] = []
    for blocks in _rounds(*span):
        for block in blocks:
            found += _decided(source, system, component, block, min(block + _BLOCK, span[1]))
        if sum(entry.rows for _, entry in found) >= most:
            break
    return sorted(found, key=lambda place: place[0])


def _rounds(start: int, stop: int) -> Iterator[range]:
    """Where blocks begin: a coarse round over all of [start, stop), then those halfway between, and so on."""
    step = _BLOCK
    while (stop - start) * _BLOCK > _ROUND * step:
        step *= 2
    yield range(start, stop, step)
    read = len(range(start, stop, step)) * _BLOCK
    while step > _BLOCK and 2 * read <= SCANNED:
        yield range(start + step // 2, stop, step)
        step, read = step // 2, 2 * read


def _decided(source: Source, system: str, component: str, start: int, stop: int) -> Iterator[Place]:
    """The decision entries of a model in [start, stop). Bytes are looked at before they are decoded: most entries are
    others."""
    wanted = f'"model":{msgspec.json.encode(component).decode()},'.encode()
    named = f'"system":{msgspec.json.encode(system).decode()},'.encode()
    for index, leaf in source.leaves(start, stop):
        if b'"kind":"act.decided.1"' in leaf and wanted in leaf and named in leaf:
            entry = read_leaf(leaf)
            if isinstance(entry, Decided):
                yield index, entry


def _thinned(source: Source, model: Model, places: list[Place], every: float) -> Iterator[Observation]:
    """Every `every`-th row of the entries, counted across them."""
    passed, due = 0, 0.0
    for index, entry in places:
        rows: list[int] = []
        while due < passed + entry.rows:
            rows.append(int(due) - passed)
            due += every
        passed += entry.rows
        if rows:
            yield from _observed(source, model, index, entry, rows)


def _observed(
    source: Source, model: Model, index: int, entry: Decided, rows: list[int]
) -> Iterator[Observation]:
    context, _ = context_of(source, index, entry, [])
    order = _order(model, context)
    if order is None:
        return
    only = rows[0] if len(rows) == 1 else None
    try:
        sealed = {row.row: row for row in source.rows(index, entry.id, only).rows if not row.erased}
    except (Malformed, Tampered, NotFound):
        return
    parameters = {**context.parameters, **{f"served_{name}": said for name, said in context.served.items()}}
    answered = _answered(model, entry, context)
    for place in rows:
        if place not in sealed:
            continue
        row = read_row(sealed[place].data)
        yield Observation(
            at=entry.at,
            index=index,
            row=place,
            version=row.version or answered,
            route=row.route,
            code=row.code,
            outcome=row.outcome,
            score=outcome_of(model, row.outputs).score,
            values=tuple(row.received[where] for where in order),
            parameters=parameters,
            outputs=tuple(row.outputs),
        )


def _answered(model: Model, entry: Decided, context: Context) -> str:
    """The version that answered: what the server called itself, where that is not the deployed one."""
    said, declared = context.served.get("version", ""), model.versions.get(entry.version)
    expected = declared.served_as if declared is not None else ""
    return entry.version if not said or not expected or said == expected else said


def _order(model: Model, context: Context) -> list[int] | None:
    """Where the model's features stand in a row; None where they do not all."""
    place = {name: where for where, name in enumerate(context.names)}
    try:
        return [place[feature.name] for feature in model.inputs]
    except KeyError:
        return None


def happenings(
    entries: list[tuple[int, AnyEntry | Unknown]], system: str, model: str, named: dict[str, str]
) -> list[Happening]:
    """The control entries that can have changed what `system` decides. `named`: opaque id → how to show a person."""
    found: list[Happening] = []
    for index, entry in entries:
        told = _told(index, entry, system, model, named)
        if told is not None:
            found.append(told)
    return found


def _told(
    index: int, entry: AnyEntry | Unknown, system: str, model: str, named: dict[str, str]
) -> Happening | None:
    by = named.get(entry.by, entry.by)
    match entry:
        case Deployed() if (entry.system, entry.model) == (system, model):
            what = {"full": "deployed"}.get(entry.mode, entry.mode)
            share = f" for {entry.share / 100:g} % of requests" if entry.mode == "canary" else ""
            text = f"{what} {entry.model}@{entry.version}{share} by {by}"
            back = entry.mode == "full" and entry.former
            undo = (
                f"standwatch rollback {system} --model {model} --to {entry.former} --reason …" if back else ""
            )
            if entry.mode == "canary":
                undo = f"standwatch deploy {system} {entry.version} --model {model} --end --reason …"
            return Happening(entry.at, index, what, text, undo)
        case Config() if not entry.changed or system in entry.changed:
            return Happening(entry.at, index, "config", f"configuration {entry.root[:12]} by {by}", _GIT)
        case Declared() if entry.system == system:
            return Happening(entry.at, index, "config", f"{system} declared anew ({entry.change})", _GIT)
        case Hold() if _covers(entry.scope, system, model):
            undo = f"standwatch release {index} --reason …"
            return Happening(entry.at, index, "hold", f"{entry.scope} halted by {by}", undo)
        case Released():
            return Happening(entry.at, index, "released", f"hold {entry.hold} released by {by}")
        case Evidence() if entry.system == system:
            return Happening(entry.at, index, "evidence", f"validation: {entry.outcome} by {by}")
        case _:
            return None


_GIT: Final = "take the file in systems/ back to the version before, and save it"


def _covers(scope: str, system: str, model: str) -> bool:
    return scope in ("all", f"system:{system}", f"component:{model}") or scope.startswith(
        (f"version:{model}@", "vendor:", "agent:")
    )
