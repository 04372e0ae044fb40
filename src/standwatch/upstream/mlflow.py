"""The versions of one model behind MLflow's scoring server (`mlflow models serve`): `/invocations`, `/ping`.

Rows go as `dataframe_split`, missing values as null. `predictions` is a list of values for one output, of vectors, of
lists with a value for each declared output, or of objects by the outputs' names. MLflow reports no version of the
model; a member `model_version` of the answer is taken where a server gives one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.decisions import Predicted, Row, Rows, Trouble
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Model, Output
from standwatch.upstream.model_http import BadAnswer, ModelHttp
from standwatch.upstream.oip_read import LONGEST

_encode: Final = msgspec.json.Encoder().encode


class MlflowServer:
    """As `enforce.decision_ports.ModelServer`. `places` says at which URL each version is served."""

    def __init__(self, model: Model, places: Mapping[str, str], http: ModelHttp) -> None:
        self._names = tuple(feature.name for feature in model.inputs)
        self._outputs = model.outputs
        self._head = b'{"dataframe_split":{"columns":' + _encode(self._names) + b',"data":'
        self._http = http
        self._places = {version: url.rstrip("/") for version, url in places.items()}

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        """Ask `version` about `rows`, which have the model's features in their order; seconds `within`."""
        url = self._places.get(version)
        if url is None:
            return Trouble("unreachable", f"nobody declares where version {version!r} is served")
        if rows.names != self._names:
            return Trouble(
                "upstream_error", "the rows do not have the features that the model is declared with"
            )
        try:
            data = _encode(rows.rows)
        except (ValueError, TypeError, OverflowError) as error:
            return Trouble("upstream_error", f"the rows cannot be sent: {str(error)[:200]}")
        if b"null" in data and not _finite(rows.rows):
            return Trouble("upstream_error", "the rows cannot be sent: a value is not a finite number")
        body = self._head + data + b"}}"
        answer = await self._http.ask(f"{url}/invocations", body, len(rows.rows), within)
        if isinstance(answer, Trouble):
            return answer
        try:
            return read(answer, self._outputs, len(rows.rows))
        except BadAnswer as error:
            return Trouble("bad_answer", str(error))

    async def ready(self, version: str) -> bool:
        """GET `/ping`."""
        url = self._places.get(version)
        return url is not None and await self._http.look(f"{url}/ping") is not None

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()


def _finite(rows: list[Row]) -> bool:
    return all(isfinite(value) for row in rows for value in row if isinstance(value, float))


def read(raw: bytes, outputs: Sequence[Output], rows: int) -> Predicted:
    """The declared outputs of `rows` rows. Raises `BadAnswer`."""
    try:
        said = parse(raw)
    except Malformed as error:
        raise BadAnswer(f"the answer is not JSON as it must be: {str(error)[:200]}") from None
    told = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    predictions = told.get("predictions")
    if not isinstance(predictions, list):
        raise BadAnswer("the answer has no list of predictions")
    listed = cast("list[Any]", predictions)
    if len(listed) != rows:
        raise BadAnswer(f"{len(listed)} predictions, {rows} rows were asked about")
    columns = {output.name: _column(output, at, outputs, listed) for at, output in enumerate(outputs)}
    version = told.get("model_version")
    return Predicted(columns, version[:LONGEST] if isinstance(version, str) else "")


def _column(output: Output, at: int, outputs: Sequence[Output], predictions: list[Any]) -> list[Any]:
    vector = output.type != "label" and bool(output.labels)
    chosen = [_chosen(output, at, len(outputs), each) for each in predictions]
    if not vector:
        return [_value(output, each) for each in chosen]
    found: list[Any] = []
    for each in chosen:
        members = cast("list[Any]", each) if isinstance(each, list) else []
        if len(members) != len(output.labels):
            raise BadAnswer(f"output {output.name}: {len(output.labels)} numbers were expected of each row")
        found.append([_value(output, member) for member in members])
    return found


def _chosen(output: Output, at: int, of: int, prediction: Any) -> Any:
    """What one prediction says of one output: by its name, by its place, or all of it."""
    if isinstance(prediction, dict):
        named = cast("dict[str, Any]", prediction)
        if output.name not in named:
            raise BadAnswer(f"output {output.name}: not in the answer")
        return named[output.name]
    if of == 1:
        alone = cast("list[Any]", prediction) if isinstance(prediction, list) else []
        wrapped = len(alone) == 1 and (output.type == "label" or not output.labels)
        return alone[0] if wrapped else cast("Any", prediction)
    placed = cast("list[Any]", prediction) if isinstance(prediction, list) else []
    if len(placed) != of:
        raise BadAnswer(f"{of} values were expected of each row, one for each output")
    return placed[at]


def _value(output: Output, value: Any) -> Any:
    if output.type == "label":
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise BadAnswer(f"output {output.name}: a row is no label")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadAnswer(
            f"output {output.name}: a row is {'null (NaN)' if value is None else 'not a finite number'}"
        )
    return value
