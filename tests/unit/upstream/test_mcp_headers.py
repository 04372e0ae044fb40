"""The headers of a modern request, held against the official SDK's own rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.shared import inbound

from standwatch.facts.errors import Malformed
from standwatch.upstream.mcp_headers import header_value, modern_headers, param_headers

PROPERTY = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "boolean", "number", "object", ["string"]]),
        "x-mcp-header": st.sampled_from(["Region", "region", "Count", "a b", "", 7, "Ü"]),
    },
)
SCHEMA: st.SearchStrategy[Any] = st.recursive(
    PROPERTY,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.just("object"),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "items": inner,
            "allOf": st.lists(inner, max_size=2),
            "$defs": st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
            "enum": st.lists(inner, max_size=1),
            "x-mcp-header": st.sampled_from(["Region", "Count"]),
        },
    ),
    max_leaves=6,
)
SCALAR = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8)
ARGUMENTS: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from("abc"), SCALAR | st.dictionaries(st.sampled_from("abc"), SCALAR), max_size=3
)


@settings(max_examples=300)
@given(schema=SCHEMA, arguments=ARGUMENTS)
def test_marked_arguments_are_repeated_as_the_sdk_repeats_them(
    schema: Any, arguments: dict[str, Any]
) -> None:
    if inbound.find_invalid_x_mcp_header(schema) is not None:
        with pytest.raises(Malformed):
            param_headers(schema)
        return
    made = modern_headers("tools/call", {"name": "t", "arguments": arguments}, param_headers(schema))
    theirs = inbound.mcp_param_headers(inbound.x_mcp_header_map(schema), arguments)
    assert dict(made[3:]) == {name.lower(): value for name, value in theirs.items()}


@given(st.text())
def test_any_value_survives_the_wire(value: str) -> None:
    carried = header_value(value)
    assert carried.isascii()
    assert carried.isprintable()
    assert carried == inbound.encode_header_value(value)
    assert inbound.decode_header_value(carried) == value


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", {"name": "t"}, "t"),
        ("prompts/get", {"name": "p"}, "p"),
        ("resources/read", {"uri": "file:///é"}, "=?base64?ZmlsZTovLy/DqQ==?="),
        ("tools/list", {"name": "t"}, None),
        ("tools/call", {"name": 7}, None),
    ],
)
def test_routing_headers(method: str, params: dict[str, Any], name: str | None) -> None:
    expected = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]
    assert modern_headers(method, params) == expected + ([] if name is None else [("mcp-name", name)])


def test_a_schema_of_any_depth_is_walked() -> None:
    schema: dict[str, Any] = {"type": "string", "x-mcp-header": "Deep"}
    for _ in range(10_000):
        schema = {"properties": {"a": schema}}
    ((path, header),) = param_headers(schema)
    assert (len(path), header) == (10_000, "mcp-param-deep")
