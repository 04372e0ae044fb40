"""PLACEHOLDER of the lead, until model servers are written: replace the whole file; keep this name and shape."""

from collections.abc import Mapping
from pathlib import Path

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.configuration import Component
from standwatch.facts.models import Model


def open_models(
    component: Component, model: Model, *, folder: Path, environment: Mapping[str, str]
) -> ModelServer:
    """The server of a model's versions."""
    raise NotImplementedError
