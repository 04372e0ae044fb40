"""A declared model made ready for the hot path: everything about it that does not depend on the request."""

from typing import Any

import msgspec

from standwatch.enforce.validity import Validity, compile_validity
from standwatch.facts.configuration import System
from standwatch.facts.models import Model


class ModelEnvelope(msgspec.Struct, frozen=True):
    """One model: its declaration, the scopes a hold may name, where data subjects stand in a row, its range."""

    name: str
    model: Model
    scopes: tuple[str, ...]
    subjects: tuple[int, ...]
    """Places of the features that name people."""
    validity: Validity
    names: tuple[str, ...]
    """Its features, in their order."""
    fresh: dict[str, int]
    """`age.FEATURE` → seconds after which that feature is stale."""

    def served_as(self, version: str) -> str:
        """What whoever runs `version` calls it; "" where that is not known.

        Callers that run a model themselves have nobody between them and the manifest: they call it as it does.
        """
        declared = self.model.versions.get(version)
        own = version if declared is not None and self.model.protocol == "client" else ""
        return declared.served_as or own if declared is not None else ""

    def stale(self, parameters: dict[str, Any]) -> str:
        """Which inputs are too old, as the request says; "" for none."""
        for name, most in self.fresh.items():
            age = parameters.get(name)
            if age is None:
                continue
            if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age <= most:
                return f"{name} is {age!r}, at most {most} s are fresh"[:200]
        return ""

    @property
    def version_scopes(self) -> tuple[str, ...]:
        """The hold scopes of its declared versions."""
        return tuple(f"version:{self.name}@{version}" for version in self.model.versions)


def build_model(system: System, model: Model, scopes: tuple[str, ...]) -> ModelEnvelope:
    """The envelope of `model`."""
    named = {name for where, name in system.manifest.data_subjects if where == "input"}
    return ModelEnvelope(
        name=model.component,
        model=model,
        scopes=scopes,
        subjects=tuple(place for place, feature in enumerate(model.inputs) if feature.name in named),
        validity=compile_validity(model),
        names=tuple(feature.name for feature in model.inputs),
        fresh={f"age.{f.name}": f.fresh for f in model.inputs if f.fresh is not None},
    )
