"""From a declaration to its model server: which protocol, which version where, with whose credentials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.configuration import Component
from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.errors import StandwatchError
from standwatch.facts.models import Model
from standwatch.upstream.http import HttpClient
from standwatch.upstream.mlflow import MlflowServer
from standwatch.upstream.model_http import ModelHttp
from standwatch.upstream.oip import OipServer, Place
from standwatch.upstream.stdio import resolve


def open_models(
    component: Component, model: Model, *, folder: Path, environment: Mapping[str, str]
) -> ModelServer:
    """The server of a model's versions. Opens nothing yet, and never raises: what cannot be asked says so.

    A version's `url` and `model` fall back to the component's URL and the model's own name. `${NAME}` in the
    component's headers is read from `environment`; `folder` is the organisation's. Belongs to one event loop.
    """
    del folder  # a server of another protocol may need it
    try:
        headers = resolve(component.name, component.headers, environment)
    except StandwatchError as error:
        return Unaskable(str(error))
    http = ModelHttp(HttpClient(), tuple(headers.items()))
    urls = {name: version.url or component.url for name, version in model.versions.items()}
    urls = {name: url for name, url in urls.items() if url}
    match model.protocol:
        case "oip":
            versions = model.versions
            places = {
                name: Place(url, versions[name].model or model.component, versions[name].served_as)
                for name, url in urls.items()
            }
            return OipServer(model, places, http)
        case "mlflow":
            return MlflowServer(model, urls, http)
        case "client":
            return Unaskable(f"{model.component} runs in its callers: there is no server to ask")


class Unaskable:
    """A model server that cannot be asked, and why."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        """Always a trouble."""
        del version, rows, within
        return Trouble("unreachable", self._why)

    async def ready(self, version: str) -> bool:
        """Never."""
        del version
        return False

    async def close(self) -> None:
        """Nothing is open."""
