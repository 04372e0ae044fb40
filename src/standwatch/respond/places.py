"""A declared model of a declared system: its versions, their locked artifacts, its known limits, and what pins it."""

import hashlib

import msgspec

from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import System
from standwatch.facts.errors import Conflict, Malformed, NotFound
from standwatch.facts.models import Model
from standwatch.record.state import Held, State
from standwatch.respond.scope import parse


class Place(msgspec.Struct, frozen=True):
    """A declared model of a declared system, with what the lock holds of it."""

    system: System
    model: Model

    @property
    def name(self) -> str:
        """The system's name."""
        return self.system.manifest.system

    @property
    def key(self) -> str:
        """Its place in `State.routes`."""
        return f"{self.name}/{self.model.component}"

    def command(self, verb: str, rest: str = "") -> str:
        """`standwatch VERB SYSTEM …`; names the model where the system has several."""
        several = f" --model {self.model.component}" if len(self.system.manifest.models) > 1 else ""
        return f"standwatch {verb} {self.name}{' ' if rest else ''}{rest}{several}"


def place(system: System | None, name: str, model: str = "") -> Place:
    """Model `model` of system `name` ("" where it has only one). Raises `NotFound` or `Malformed`."""
    if system is None:
        raise NotFound(f"no manifest declares {name}", cure="standwatch status")
    models = system.manifest.models
    if not models:
        raise NotFound(
            f"{name} declares no predictive model: it has no versions to deploy",
            cure=f"add a component of kind model to systems/{name}.yaml",
        )
    if model and model not in models:
        raise NotFound(f"{name} has no model {model}: it declares {', '.join(sorted(models))}")
    if not model and len(models) > 1:
        raise Malformed(
            f"{name} has several models: {', '.join(sorted(models))}",
            code="which_model",
            cure="add --model M",
        )
    return Place(system, models[model or next(iter(models))])


def declared_digest(place: Place, version: str) -> str:
    """SHA-256 of the artifact of `version` as locked; "" where only its server has it.

    Raises `NotFound` for a version that the manifest does not declare, `Conflict` for an artifact that nobody locked.
    """
    model = place.model
    found = model.versions.get(version)
    if found is None:
        known = ", ".join(model.versions) or "none"
        raise NotFound(
            f"{place.name} declares no version {version} of {model.component}; declared: {known}",
            code="undeclared",
            cure=f"add it to systems/{place.name}.yaml, then standwatch check",
        )
    parse(version_scope(place, version))  # what cannot be named could not be held
    if not found.artifact:
        return ""
    locked = place.system.lock.components.get(f"{model.component}@{version}", "")
    if not locked:
        raise Conflict(
            f"the artifact of {model.component}@{version} is not in the lock: nobody accepted it",
            code="unlocked",
            cure=f"standwatch accept {place.name}",
        )
    return locked


def version_scope(place: Place, version: str) -> str:
    """The scope of a hold on one version."""
    return f"version:{place.model.component}@{version}"


def pins(model: str, state: State, now: int) -> tuple[Held, ...]:
    """The holds that keep the route where it is: those on any version of `model` (`record.sequence`)."""
    mark = f"version:{model}@"
    return tuple(
        held for held in state.holds.values() if held.scope.startswith(mark) and not 0 < held.until <= now
    )


def shown_limits(model: Model) -> tuple[str, ...]:
    """The known limits as they are shown, in the manifest's order."""
    return tuple(limit.text for limit in model.known_limits)


def limits_digest(model: Model) -> str:
    """What acknowledging the known limits names: SHA-256 of the canonical JSON of their texts; "" for none."""
    texts = list(shown_limits(model))
    return hashlib.sha256(canonical(texts)).hexdigest() if texts else ""
