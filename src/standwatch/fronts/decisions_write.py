"""Answers about rows as JSON: what never changes of a model is written once, and every request adds its columns.

After the model's outputs the same five tensors always follow: what each row came to, who answered it, why the model
did not, which version, and the row's id.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from standwatch.enforce.decision_ports import ModelCard
from standwatch.facts.decisions import Answer
from standwatch.facts.models import Feature, Model, Output
from standwatch.facts.words import SENTENCES, Word
from standwatch.fronts.decisions_columns import Columns, datatype
from standwatch.fronts.http_message import Headers, Response

_encoder = msgspec.json.Encoder()
_bytes = _encoder.encode
_STATUS: Final[dict[str, int]] = {"refused": 403, "pending": 403, "invalid": 400, "unavailable": 503}
OURS: Final = (
    "standwatch.outcome",
    "standwatch.route",
    "standwatch.code",
    "standwatch.version",
    "standwatch.id",
)


class Template(msgspec.Struct, frozen=True):
    """What is worked out once for a declared model."""

    model: Model
    columns: Columns
    contract: bytes
    """JSON: the contract of each output by name."""
    heads: tuple[bytes, ...]
    """Of each output: its tensor up to the number of rows."""
    middles: tuple[bytes, ...]
    """Of each output: from the number of rows to its data."""
    wide: tuple[int, ...]
    """Values of each output for one row; 0 for one that is no vector."""
    names: tuple[str, ...]
    """Of the outputs."""


def template(model: Model) -> Template:
    """The fixed parts of what is read and written about `model`."""
    contracts = {output.name: contract(output) for output in model.outputs}
    heads: list[bytes] = []
    middles: list[bytes] = []
    for output in model.outputs:
        told = {"name": output.name, "datatype": _datatype(output), "parameters": contracts[output.name]}
        heads.append(_bytes(told)[:-1] + b',"shape":[')
        middles.append((b",%d" % len(output.labels) if vector(output) else b"") + b'],"data":')
    return Template(
        model,
        Columns(model),
        _bytes(contracts),
        tuple(heads),
        tuple(middles),
        tuple(len(output.labels) if vector(output) else 0 for output in model.outputs),
        tuple(contracts),
    )


def vector(output: Output) -> bool:
    """Whether one row has a value for each label."""
    return output.type != "label" and len(output.labels) > 0


def contract(output: Output) -> dict[str, Any]:
    """What the output's values mean, as it travels with every answer."""
    told: dict[str, Any] = {"type": output.type}
    for name in ("min", "max"):
        if (value := getattr(output, name)) is not None:
            told[name] = value
    for name in ("polarity", "unit"):
        if value := getattr(output, name):
            told[name] = value
    return told | ({"labels": list(output.labels)} if output.labels else {})


def _datatype(output: Output) -> str:
    return "BYTES" if output.type == "label" else "FP64"


_OUR_HEADS: Final = tuple(_bytes({"name": name, "datatype": "BYTES"})[:-1] + b',"shape":[' for name in OURS)


def inferred(
    card: Template, name: str, ident: str | None, answer: Answer, wanted: tuple[str, ...] | None
) -> Response:
    """`$inference_response`. `wanted` names the outputs, None for all; `ident` is the caller's, echoed."""
    rows = answer.rows
    n = b"%d" % len(rows)
    found = columns(card, answer)
    places = range(len(card.names)) if wanted is None else [card.names.index(one) for one in wanted]
    tensors = [
        card.heads[place] + n + card.middles[place] + _bytes(_flat(found[place], card.wide[place])) + b"}"
        for place in places
    ]
    routes = [row.route for row in rows]
    first = routes[0] if routes else "refused"
    ours = (
        [row.outcome for row in rows],
        routes,
        [row.code for row in rows],
        [row.version or answer.version for row in rows],
        ids(answer),
    )
    tensors += [
        head + n + b'],"data":' + _bytes(column) + b"}" for head, column in zip(_OUR_HEADS, ours, strict=True)
    ]
    mixed = first if routes.count(first) == len(routes) else "mixed"
    body = b"".join(
        (
            b'{"model_name":',
            _bytes(name),
            b',"model_version":' + _bytes(answer.version) if answer.version else b"",
            b"" if ident is None else b',"id":' + _bytes(ident),
            b',"parameters":{"standwatch_id":',
            _bytes(answer.id),
            b',"standwatch_route":"',
            mixed.encode(),
            b'","standwatch_recorded":true' if answer.recorded else b'","standwatch_recorded":false',
            b',"standwatch_grant":' + _bytes(answer.grant) if answer.grant else b"",
            b'},"outputs":[',
            b",".join(tensors),
            b"]}",
        )
    )
    return Response(200, body, receipt(answer))


def columns(card: Template, answer: Answer) -> list[list[Any]]:
    """The outputs by column, in the order of the manifest; None where nobody answered."""
    outputs, width = [row.outputs for row in answer.rows], len(card.names)
    if answer.outputs not in ((), card.names):
        return [_found(answer, output) for output in card.names]
    if not all(len(one) == width for one in outputs):
        outputs = [one if len(one) == width else [None] * width for one in outputs]
    return [list(column) for column in zip(*outputs, strict=True)] if outputs else [[]] * width


def _found(answer: Answer, output: str) -> list[Any]:
    place = answer.outputs.index(output) if output in answer.outputs else len(answer.outputs)
    return [row.outputs[place] if place < len(row.outputs) else None for row in answer.rows]


def _flat(values: list[Any], wide: int) -> list[Any]:
    """Row-major, as the protocol has tensors; a vector that nobody answered is as many nulls."""
    if not wide:
        return values
    return [
        one
        for value in values
        for one in (value if isinstance(value, list | tuple) and len(value) == wide else [None] * wide)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    ]


def ids(answer: Answer) -> list[str]:
    """The rows' ids; "" for those of an answer that is not in the record."""
    entry = answer.index
    return [f"{entry}/{row}" for row in range(len(answer.rows))] if entry >= 0 else [""] * len(answer.rows)


def receipt(answer: Answer) -> Headers:
    """The header that proves later that we were told."""
    return (("standwatch-receipt", answer.receipt),) if answer.receipt else ()


def problem(status: int, text: str, reference: str = "", headers: Headers = ()) -> Response:
    """An error as the protocol has it, with our reference beside it where there is one."""
    return Response(
        status, _bytes({"error": text, "reference": reference} if reference else {"error": text}), headers
    )


def no_answer(answer: Answer) -> Response:
    """What a caller hears of every word but `done`: a fixed sentence, and with `invalid` what is wrong in form."""
    return problem(status(answer), sentence(answer), answer.id, receipt(answer))


def status(answer: Answer) -> int:
    """The HTTP status of a word that is not `done`; whatever we do not know is not available."""
    return _STATUS.get(answer.word, 503)


def sentence(answer: Answer) -> str:
    """The fixed sentence of a word. A decision never waits for a person: such a word is a refusal."""
    word: Word = "unavailable"
    match answer.word:
        case "refused" | "pending":
            word = "refused"
        case "invalid":
            return answer.message or SENTENCES["invalid"]
        case _:
            pass
    return SENTENCES[word]


def metadata(card: ModelCard, name: str) -> bytes:
    """`$metadata_model_response`, with what the manifest declares in the tensors' parameters."""
    model = card.model
    return _bytes(
        {
            "name": name,
            "versions": list(model.versions),
            "platform": f"standwatch_{model.protocol}",
            "inputs": [
                {
                    "name": feature.name,
                    "datatype": datatype(feature),
                    "shape": [-1],
                    "parameters": _declared(feature),
                }
                for feature in model.inputs
            ],
            "outputs": [
                {
                    "name": output.name,
                    "datatype": _datatype(output),
                    "shape": [-1, len(output.labels)] if vector(output) else [-1],
                    "parameters": contract(output),
                }
                for output in model.outputs
            ]
            + [{"name": one, "datatype": "BYTES", "shape": [-1]} for one in OURS],
            "parameters": {"version": card.version},
        }
    )


def _declared(feature: Feature) -> dict[str, Any]:
    told: dict[str, Any] = {"type": feature.type, "missing": feature.missing}
    for name in ("min", "max", "fresh"):
        if (value := getattr(feature, name)) is not None:
            told[name] = value
    if feature.unit:
        told["unit"] = feature.unit
    return told | ({"one_of": list(feature.one_of)} if feature.one_of is not None else {})
