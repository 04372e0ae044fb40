"""Foreign clients of the Open Inference Protocol against one address, in the model servers' environment.

    python oip_clients.py URL TOKEN SYSTEM

Triton's HTTP client asks as it stands; MLServer's pydantic types, which forbid nothing that the protocol allows, read
every answer and write the requests, data frames included. Prints JSON of what they understood.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import requests
import tritonclient.http as triton
from mlserver import types
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec

URL, TOKEN, SYSTEM = sys.argv[1:4]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def get(path: str) -> Any:
    return requests.get(URL + path, headers=HEADERS, timeout=30).json()


def with_triton() -> dict[str, Any]:
    client = triton.InferenceServerClient(URL.removeprefix("http://"))
    ready = client.is_server_live(), client.is_server_ready(headers=HEADERS)
    columns = {
        "income": ("FP64", np.array([4200.5, 12.0])),
        "term": ("INT64", np.array([360, 12])),
        "purpose": ("BYTES", np.array(["home", "refinance"], dtype=object)),
        "married": ("BOOL", np.array([True, False])),
        "note": ("BYTES", np.array(["x", "ü"], dtype=object)),
    }
    inputs = []
    for name, (datatype, values) in columns.items():
        one = triton.InferInput(name, [2], datatype)
        one.set_data_from_numpy(values, binary_data=False)
        inputs.append(one)
    wanted = [triton.InferRequestedOutput(name) for name in ("shares", "score")]
    found = client.infer(SYSTEM, inputs, outputs=wanted, headers=HEADERS, request_id="t-1")
    try:
        client.infer(SYSTEM, inputs[1:], headers=HEADERS)
        refused = ""
    except triton.InferenceServerException as error:
        refused = error.message()
    metadata = client.get_model_metadata(SYSTEM, headers=HEADERS)
    return {
        "ready": ready,
        "model_ready": client.is_model_ready(SYSTEM, headers=HEADERS),
        "inputs": [one["name"] for one in metadata["inputs"]],
        "score": found.as_numpy("score").tolist(),
        "shares": list(found.as_numpy("shares").shape),
        "ids": found.get_output("standwatch.id")["data"],
        "id": found.get_response()["id"],
        "refused": refused,
    }


def with_mlserver() -> dict[str, Any]:
    server = types.MetadataServerResponse.model_validate(get("/v2"))
    model = types.MetadataModelResponse.model_validate(get(f"/v2/models/{SYSTEM}"))
    frame = pd.DataFrame(
        {
            "income": [4200.5, 12.0],
            "term": [360, 12],
            "purpose": ["home", "refinance"],
            "married": [True, False],
            "note": ["x", "ü"],
        }
    )
    asked = PandasCodec.encode_request(frame)
    asked.parameters = types.Parameters(content_type="pd", channel="web")
    asked.outputs = [types.RequestOutput(name="score"), types.RequestOutput(name="word")]
    body = asked.model_dump_json()  # with every null that the types have
    answer = requests.post(f"{URL}/v2/models/{SYSTEM}/infer", data=body, headers=HEADERS, timeout=30)
    found = types.InferenceResponse.model_validate_json(answer.content)
    outputs = {one.name: one for one in found.outputs}
    bad = requests.post(f"{URL}/v2/models/{SYSTEM}/infer", data="{}", headers=HEADERS, timeout=30)
    return {
        "status": answer.status_code,
        "server": server.name,
        "versions": model.versions,
        "score": NumpyCodec.decode_output(outputs["score"]).tolist(),
        "word": StringCodec.decode_output(outputs["word"]),
        "route": StringCodec.decode_output(outputs["standwatch.route"]),
        "polarity": outputs["score"].parameters.model_extra["polarity"],
        "refused": types.InferenceErrorResponse.model_validate(bad.json()).error,
        "bad": bad.status_code,
    }


print(json.dumps({"triton": with_triton(), "mlserver": with_mlserver()}))
