"""The versions of one model behind servers that speak the Open Inference Protocol V2 over HTTP (KServe's V2)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.models import Model
from standwatch.upstream.model_http import BadAnswer, ModelHttp
from standwatch.upstream.oip_read import digest, read
from standwatch.upstream.oip_write import writer


class Place(msgspec.Struct, frozen=True):
    """Where one version is asked: its base URL, its name there, its version there or ""."""

    url: str
    model: str
    served_as: str = ""

    @property
    def at(self) -> str:
        """`{url}/v2/models/{model}[/versions/{version}]`."""
        versioned = f"/versions/{self.served_as}" if self.served_as else ""
        return f"{self.url.rstrip('/')}/v2/models/{self.model}{versioned}"


class _Metadata(msgspec.Struct):
    """`$metadata_model_response`, and the parameters that MLServer adds."""

    parameters: msgspec.Raw = msgspec.Raw()


_metadata = msgspec.json.Decoder(_Metadata)


class OipServer:
    """As `enforce.decision_ports.ModelServer`. `places` says where each version is asked.

    The reported version is the answer's `model_version`. The digest is a parameter of the answer (`sha256`, `digest`
    or `artifact_sha256`); where the answer has none, the one in the metadata at the last look at `ready`.
    """

    def __init__(self, model: Model, places: Mapping[str, Place], http: ModelHttp) -> None:
        self._names = tuple(feature.name for feature in model.inputs)
        self._outputs = model.outputs
        self._write = writer(model)
        self._http = http
        self._places = {version: (place.at, place.model) for version, place in places.items()}
        self._digests: dict[str, str] = {}

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        """Ask `version` about `rows`, which have the model's features in their order; seconds `within`."""
        place = self._places.get(version)
        if place is None:
            return Trouble("unreachable", f"nobody declares where version {version!r} is served")
        if rows.names != self._names:
            return Trouble(
                "upstream_error", "the rows do not have the features that the model is declared with"
            )
        try:
            body = self._write(rows.rows)
        except (
            ValueError,
            TypeError,
            OverflowError,
        ) as error:  # beside `Unwritable`, values that JSON cannot hold
            return Trouble("upstream_error", f"the rows cannot be sent: {str(error)[:200]}")
        url, model = place
        answer = await self._http.ask(f"{url}/infer", body, len(rows.rows), within)
        if isinstance(answer, Trouble):
            return answer
        try:
            predicted = read(answer, model, self._outputs, len(rows.rows))
        except BadAnswer as error:
            return Trouble("bad_answer", str(error))
        known = "" if predicted.digest else self._digests.get(version, "")
        return msgspec.structs.replace(predicted, digest=known) if known else predicted

    async def ready(self, version: str) -> bool:
        """GET `…/ready`; then the metadata, for a digest."""
        place = self._places.get(version)
        if place is None or await self._http.look(f"{place[0]}/ready") is None:
            self._digests.pop(version, None)
            return False
        self._digests[version] = _digest_in(await self._http.look(place[0]))
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()


def _digest_in(metadata: bytes | None) -> str:
    try:
        return digest(_metadata.decode(metadata).parameters) if metadata else ""
    except (msgspec.DecodeError, UnicodeError, RecursionError, BadAnswer):
        return ""
