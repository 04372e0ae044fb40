"""`diagnose SYSTEM --since T`: what changed with a system's decisions, from the record alone."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from standwatch.facts.decisions import Happening, Observation
from standwatch.facts.errors import Forbidden, Malformed, NotFound
from standwatch.facts.models import Model
from standwatch.fronts.control_models import ModelDiagnosis
from standwatch.fronts.control_ports import Actor
from standwatch.record.render import safe
from standwatch.respond.orders import sees
from standwatch.serve.aside import Aside, Progress
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_reading import Record, instant, moment
from standwatch.serve.gate import LiveGate
from standwatch.serve.until import Until
from standwatch.serve.windows import happenings, observations
from standwatch.watch.diagnose import diagnose
from standwatch.watch.diagnosis_text import diagnosis_text

_BEFORE: Final = 7 * 86_400_000_000
"""µs before the time asked about that are compared with: a week has every hour of every day once."""
_SECONDS: Final = 60
"""Of a processor, that one diagnosis may take; behind five million entries it takes three."""
_YIELDS: Final = 5
"""How readily it yields: a person waits for it, at 3 AM perhaps, and gets a quarter of a core that all want."""


class Window(msgspec.Struct, frozen=True):
    """What is diagnosed: models of a system, before and after `since` (µs), up to `now`. `named`: how people are
    shown."""

    system: str
    models: tuple[Model, ...]
    since: int
    now: int
    named: dict[str, str]
    end: int = 0
    """The first entry that is not looked at; 0 for none."""


Found = tuple[ModelDiagnosis, ...]


class Diagnosing:
    """Reads a window of the record, and asks `watch`: in a process of its own where there is one (`aside`), for it
    takes seconds, and whoever waits for a decision meanwhile must not feel it."""

    def __init__(self, gate: LiveGate, source: Record, clock: Callable[[], int]) -> None:
        self._gate = gate
        self._source = source
        self._clock = clock
        self.aside: Aside | None = None
        """Set by whoever runs a server; without it a thread does it."""

    async def diagnose(
        self, who: Actor, system: str, since: str, model: str = "", as_of: str = ""
    ) -> tuple[ModelDiagnosis, ...]:
        """Every model of `system`, or one. `since` is an RFC 3339 time; raises as every operation does. With `as_of`
        the record is looked at as it was then, with the models as they are declared today."""
        if not sees(orderer(who), system, self._gate.state):
            raise Forbidden(f"{who.name} may not see {system}")
        declared = self._gate.configuration.systems.get(system)
        if declared is None:
            raise NotFound(f"no manifest declares {system}", cure="standwatch status")
        models = declared.manifest.models
        if not models or (model and model not in models):
            known = ", ".join(models) or "none"
            raise NotFound(
                f"{system} has no model {model or 'that decides'}: {known}", cure="standwatch status"
            )
        then = moment(self._source, as_of) if as_of else None
        now, begun = then.at if then is not None else self._clock(), instant(since)
        if begun >= now:
            raise Malformed("the time asked about is not in the past", code="bad_time")
        people = {name for kind, name in declared.manifest.data_subjects if kind == "input"}
        chosen = [_without(one, people) for name, one in models.items() if model in ("", name)]
        end = then.index + 1 if then is not None else 0
        window = Window(system, tuple(chosen), begun, now, names(self._gate.configuration), end)
        if self.aside is not None:
            return await self.aside.ask("diagnose", window, Found, seconds=_SECONDS, yields=_YIELDS)
        return await asyncio.to_thread(_diagnosed, self._source, window)


def diagnosed(source: Record, given: bytes, _: Progress) -> Found:
    """What `serve.aside` does for `diagnose`: `given` is a `Window`."""
    return _diagnosed(source, msgspec.msgpack.decode(given, type=Window))


def _diagnosed(source: Record, window: Window) -> Found:
    then = Until(source, window.end) if window.end else source
    return tuple(_one(then, window, model) for model in window.models)


def _one(source: Record, window: Window, model: Model) -> ModelDiagnosis:
    system, since, now, size = window.system, window.since, window.now, source.size
    begin = source.at(since - max(_BEFORE, 2 * (now - since))) + 1
    middle = source.at(since) + 1
    rows = observations(source, system, model, (begin, middle, size))
    control = source.control(begin, size)
    told = happenings(control, system, model.component, window.named)
    found = diagnose(rows, told, model, since, now)
    changes = tuple(one for one in told if one.at >= since and one.what in CHANGES)
    versions = _by_version([one for one in rows if one.at >= since])
    text = diagnosis_text(found, system, model) + "".join(_beside(model, changes, versions))
    return ModelDiagnosis(model.component, found, text, changes, versions)


CHANGES: Final = ("deployed", "rollback", "canary", "end", "config", "hold")
"""Happenings that are told whatever the statistics say: few rows prove nothing, and a deployment is a deployment."""


def _by_version(rows: Sequence[Observation]) -> dict[str, dict[str, int]]:
    """Version → outcome → rows, of what models answered."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.route in ("model", "previous"):
            outcomes = found.setdefault(row.version, {})
            outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
    return found


def _beside(
    model: Model, changes: Sequence[Happening], versions: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """What was done since, and how each version decided: facts, whatever they mean."""
    if changes:
        yield "done since then\n"
    for one in changes[-_TOLD:]:
        yield f"  entry {one.index}: {safe(one.text)}\n"
        if one.undo and one.what in ("deployed", "canary"):
            yield f"    → {one.undo}\n"
    for version, outcomes in sorted(versions.items()):
        rows = sum(outcomes.values())
        mix = ", ".join(
            f"{safe(word) or 'no outcome'} {n / rows:.0%}" for word, n in sorted(outcomes.items())
        )
        yield f"  {model.component}@{safe(version)} decided {rows} of the rows looked at: {mix}\n"


_TOLD: Final = 20


def _without(model: Model, people: set[str]) -> Model:
    """The model without the inputs that name people: every one of them is new, and nobody's id belongs into a cause."""
    kept = tuple(feature for feature in model.inputs if feature.name not in people)
    return msgspec.structs.replace(model, inputs=kept)
