"""Diagnose: what ails Standwatch itself, and what changed with a system's decisions, the likeliest cause first."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from standwatch.console.charts import Axis, Bar, axis, bars
from standwatch.console.moments import ago
from standwatch.console.page import Ask, Page
from standwatch.facts.decisions import Happening
from standwatch.fronts.control_models import ModelDiagnosis
from standwatch.fronts.control_ports import Check
from standwatch.watch.diagnosis import NAMES, Cause

SPANS: Final = (("1h", "an hour"), ("6h", "six hours"), ("1d", "a day"), ("7d", "a week"))
_ROUTED: Final = frozenset({"deployed", "rollback", "canary", "end"})
"""Changes of a route: only the last of them is worth taking back."""
_ROLLBACK: Final = re.compile(r"standwatch rollback (\S+) --model (\S+)(?: --to (\S+))? --reason …")
_HALT: Final = re.compile(r"standwatch halt (\S+) --reason …")


class ChecksView(msgspec.Struct, frozen=True):
    """What was looked at, and the systems whose decisions can be diagnosed."""

    checks: tuple[Check, ...]
    wrong: int
    systems: tuple[str, ...]


class Undo(msgspec.Struct, frozen=True):
    """One tap that takes something back: a rollback of `model` to version `to`, or a halt of `scope`."""

    command: str
    model: str = ""
    to: str = ""
    scope: str = ""


class CauseLine(msgspec.Struct, frozen=True):
    """One cause in plain words."""

    name: str
    cause: Cause
    wide: int
    """Of the bar of its share."""
    chance: str
    undo: Undo | None


class HappeningLine(msgspec.Struct, frozen=True):
    """What was done meanwhile, and what takes it back."""

    happening: Happening
    undo: Undo | None


class VersionBars(msgspec.Struct, frozen=True):
    """How one version decided."""

    version: str
    rows: int
    bars: tuple[Bar, ...]


class ModelView(msgspec.Struct, frozen=True):
    """The diagnosis of one model, drawn."""

    found: ModelDiagnosis
    mix: tuple[Bar, ...]
    causes: tuple[CauseLine, ...]
    changes: tuple[HappeningLine, ...]
    versions: tuple[VersionBars, ...]
    axis: Axis


class DiagnosisView(msgspec.Struct, frozen=True):
    """The decisions of one system. `models` is empty until a time was asked about."""

    system: str
    since: str
    asked: str
    """The time asked about, RFC 3339; "" for none yet."""
    spans: tuple[tuple[str, str], ...]
    models: tuple[ModelView, ...]


async def checks(ask: Ask) -> ChecksView:
    """What ails Standwatch itself."""
    found = await ask.ops.diagnose(ask.who)
    systems = tuple(one.system for one in (await ask.status()).systems if one.models)
    return ChecksView(found, sum(not one.ok for one in found), systems)


async def diagnosis(ask: Ask) -> DiagnosisView:
    """What changed with a system's decisions since a time; nothing is looked at before one was asked about."""
    system, since = ask.names["system"], ask.query.get("since", "").strip()
    if not since:
        return DiagnosisView(system, "", "", SPANS, ())
    asked = ago(since, (await ask.status()).at)
    model = ask.query.get("model", "")
    found = await ask.ops.diagnose_decisions(ask.who, system, asked, model, ask.as_of)
    return DiagnosisView(system, since, asked, SPANS, tuple(_model(system, one) for one in found))


def _model(system: str, one: ModelDiagnosis) -> ModelView:
    told = one.diagnosis
    happened = [(change.at, change.index, change.text) for change in one.changes]
    at = told.at if told.changed else (told.causes[0].at if told.causes else 0)
    routed = [change.index for change in one.changes if change.what in _ROUTED]
    early, late = (told.earliest, told.latest) if told.changed else (at, at)
    return ModelView(
        found=one,
        mix=bars([(each.outcome or "no outcome", each.before, each.after) for each in told.mix]),
        causes=tuple(_cause(system, cause) for cause in told.causes),
        changes=tuple(
            HappeningLine(each, _undo(system, each.undo) if [each.index] == routed[-1:] else None)
            for each in one.changes
        ),
        versions=tuple(_version(name, outcomes) for name, outcomes in sorted(one.versions.items())),
        axis=axis(told.since, told.now, early, late, at, happened),
    )


def _cause(system: str, cause: Cause) -> CauseLine:
    chance = "less than 1 in 10¹²" if cause.p < 1e-12 else f"at most {cause.p:.2g}"
    wide = round(100 * max(0.0, min(1.0, cause.share or 0.0)))
    return CauseLine(NAMES[cause.code], cause, wide, chance, _undo(system, cause.undo))


def _version(name: str, outcomes: dict[str, int]) -> VersionBars:
    rows = sum(outcomes.values())
    shares = [(word or "no outcome", count / max(1, rows), 0.0) for word, count in sorted(outcomes.items())]
    return VersionBars(name, rows, bars(shares))


def _undo(system: str, command: str) -> Undo | None:
    """The command that takes it back, and where the console can do it, what it does."""
    if not command:
        return None
    command = command.replace("SYSTEM", system)
    if (back := _ROLLBACK.fullmatch(command)) and back[1] == system:
        return Undo(command, model=back[2], to=back[3] or "")
    stop = _HALT.fullmatch(command)
    return Undo(command, scope=stop[1] if stop else "")


DIAGNOSE: Final = Page("/diagnose", "diagnose", "Diagnose", checks, menu="Diagnose", key="d", past=False)
DIAGNOSIS: Final = Page(
    "/systems/{system}/diagnose",
    "diagnosis",
    "Diagnose decisions",
    diagnosis,
    query=("since", "model"),
    halts="system:{system}",
)
