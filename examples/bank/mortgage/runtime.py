"""MLServer's view of the mortgage models: one tensor for each feature by its name, answered by the tensor `p_denied`.

Every answer says which version gave it (`model_version`) and the SHA-256 of the artifact that is really loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, Parameters, RequestInput, ResponseOutput
from mlserver.utils import get_model_uri
from scorer import Scorer, load


class Mortgage(MLModel):
    """One version: `parameters.uri` in its model-settings.json names the artifact."""

    _scorer: Scorer

    async def load(self) -> bool:
        self._scorer = load(Path(await get_model_uri(self.settings)))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        try:
            answers = self._scorer.score({each.name: values(each) for each in payload.inputs})
        except (ValueError, TypeError) as error:
            raise InferenceError(str(error)) from error
        output = ResponseOutput(name="p_denied", shape=[len(answers)], datatype="FP64", data=answers)
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            id=payload.id,
            parameters=Parameters(sha256=self._scorer.digest),
            outputs=[output],
        )


def values(tensor: RequestInput) -> list[Any]:
    """The values of a tensor `[n]` or `[n, 1]`, flattened or nested; raises ValueError for another shape."""
    data = list(tensor.data)
    if data and isinstance(data[0], list):
        data = [each[0] for each in data]
    if tensor.shape not in ([len(data)], [len(data), 1]):
        raise ValueError(f"{tensor.name} has shape {tensor.shape} and {len(data)} values")
    return data
