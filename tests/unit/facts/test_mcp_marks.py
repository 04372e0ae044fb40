"""Marks in a schema: found wherever they stand, with the chain of properties that leads to them, if one does."""

from typing import Any

import pytest

from standwatch.facts.mcp_marks import at, marks

MARKED = {"type": "string", "x-mcp-header": "Region"}


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({"properties": {"a": MARKED}}, [("a",)]),
        ({"properties": {"a": {"properties": {"b": MARKED}}}}, [("a", "b")]),
        (MARKED, [()]),
        ({"items": MARKED}, [None]),
        ({"properties": {"a": {"anyOf": [{"properties": {"b": MARKED}}]}}}, [None]),
        ({"$defs": {"a": MARKED}}, [None]),
        ({"properties": []}, []),
        (["x-mcp-header"], []),
    ],
)
def test_marks_and_their_paths(schema: Any, paths: list[Any]) -> None:
    assert [path for path, _ in marks(schema)] == paths


def test_depth_is_the_server_s_choice_and_not_our_stack_s() -> None:
    schema: dict[str, Any] = MARKED
    for _ in range(2_000):
        schema = {"properties": {"a": schema}}
    ((path, _),) = marks(schema)
    assert path is not None
    assert len(path) == 2_000


def test_at_follows_objects_only() -> None:
    assert at({"a": {"b": 1}}, ("a", "b")) == 1
    assert at({"a": [1]}, ("a", "b")) is None
    assert at("text", ("a",)) is None
