"""How rows are written for a server of the Open Inference Protocol: layouts, datatypes, missing values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.facts.models import Feature, Model, Output
from standwatch.upstream.oip_write import Unwritable, datatype, writer

ALL = (
    Feature("x"),
    Feature("n", type="integer"),
    Feature("b", type="boolean"),
    Feature("c", type="category", one_of=("p", "q")),
    Feature("t", type="text"),
)
NUMBERS = (Feature("x"), Feature("n", type="integer"), Feature("b", type="boolean"))


def sent(features: tuple[Feature, ...], rows: list[Any], **more: Any) -> dict[str, Any]:
    model = Model(component="m", inputs=features, outputs=(Output("o"), Output("p")), **more)
    return json.loads(writer(model)(rows))


def data(features: tuple[Feature, ...], rows: list[Any], **more: Any) -> list[tuple[str, list[Any]]]:
    return [(each["datatype"], each["data"]) for each in sent(features, rows, **more)["inputs"]]


def test_columns() -> None:
    found = sent(ALL, [(1.5, 2, True, "p", "null"), (3, -4, False, "q", 'a "b"')])
    assert found["outputs"] == [{"name": "o"}, {"name": "p"}]
    assert "parameters" not in found
    assert found["inputs"] == [
        {"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 3]},
        {"name": "n", "shape": [2, 1], "datatype": "INT64", "data": [2, -4]},
        {"name": "b", "shape": [2, 1], "datatype": "BOOL", "data": [True, False]},
        {"name": "c", "shape": [2, 1], "datatype": "BYTES", "data": ["p", "q"]},
        {"name": "t", "shape": [2, 1], "datatype": "BYTES", "data": ["null", 'a "b"']},
    ]


def test_columns_of_a_frame_say_so() -> None:
    found = sent(ALL, [(1.5, 2, True, "p", "t")], layout="pandas")
    assert found["parameters"] == {"content_type": "pd"}
    told = [each.get("parameters") for each in found["inputs"]]
    assert told == [None, None, None, {"content_type": "str"}, {"content_type": "str"}]


def test_missing_values_have_the_form_that_a_datatype_has_for_them() -> None:
    found = data(ALL, [(None, None, None, None, None), (1.0, 2, True, "p", "t")])
    assert found == [
        ("FP64", [None, 1.0]),
        ("FP64", [None, 2]),
        ("FP64", [None, 1]),
        ("BYTES", ["", "p"]),
        ("BYTES", ["", "t"]),
    ]
    assert data(NUMBERS, [(None, 1, True)], layout="matrix") == [("FP64", [None, 1, 1])]


@pytest.mark.parametrize("layout", ["columns", "matrix", "pandas"])
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_no_odd_number_passes_for_a_missing_one(layout: str, odd: float) -> None:
    for rows in ([(odd, 1, True)], [(None, 1, True), (odd, 1, True)]):
        with pytest.raises(Unwritable, match="not a finite number"):
            data(NUMBERS, rows, layout=layout)


def test_one_matrix() -> None:
    found = sent(NUMBERS, [(1.5, 2, True), (3, -4, False)], layout="matrix", tensor="all")
    tensor = {"name": "all", "shape": [2, 3], "datatype": "FP64", "data": [1.5, 2, 1, 3, -4, 0]}
    assert found["inputs"] == [tensor]


def test_a_matrix_carries_no_text() -> None:
    loose = Feature("c", type="category")
    for features, row in ((ALL, (1.5, 2, True, "p", "t")), ((loose,), ("p",))):
        with pytest.raises(Unwritable, match="text"):
            data(features, [row], layout="matrix")
    assert data((loose,), [(3,)], layout="matrix") == [("FP64", [3])]


@pytest.mark.parametrize(
    ("one_of", "expected"),
    [
        (("a", "b"), "BYTES"),
        ((1, 2), "INT64"),
        ((1, 2.5), "FP64"),
        ((True, False), "BOOL"),
        (("a", 1), ""),
        (None, ""),
    ],
)
def test_datatypes_of_categories(one_of: Any, expected: str) -> None:
    assert datatype(Feature("c", type="category", one_of=one_of)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b"], ("BYTES", ["a", "b"])),
        ([1, 2], ("INT64", [1, 2])),
        ([1, None], ("FP64", [1, None])),
        ([True, False], ("BOOL", [True, False])),
        (["a", 1, True, None], ("BYTES", ["a", "1", "true", ""])),
        ([None], ("BYTES", [""])),
    ],
)
def test_categories_that_no_list_names(values: list[Any], expected: Any) -> None:
    [found] = data((Feature("c", type="category"),), [(value,) for value in values], layout="pandas")
    assert found == expected
