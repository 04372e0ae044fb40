"""Arguments held to the accepted schema."""

import pytest

from standwatch.enforce.schema import Schemas
from standwatch.facts.configuration import Definition


def valid(schema: dict[str, object], value: object) -> bool:
    validator = Schemas().of(Definition("t", str(schema), schema))
    assert validator is not None
    return validator.is_valid(value)


def test_types_and_required_members() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert valid(schema, {"n": 1})
    assert not valid(schema, {"n": "1"})
    assert not valid(schema, {})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"type": "no such type"},
        {"pattern": "("},
        {"properties": []},
    ],
)
def test_a_schema_that_cannot_be_compiled_lets_nothing_pass_and_fetches_nothing(
    schema: dict[str, object],
) -> None:
    assert not valid(schema, {})


def test_a_pattern_that_backtracks_elsewhere_ends_here() -> None:
    assert not valid({"properties": {"s": {"pattern": "^(a+)+$"}}}, {"s": "a" * 5_000 + "!"})


def test_no_definition_no_validator_and_compiled_once() -> None:
    schemas = Schemas()
    one = Definition("t", "d", {"type": "object"})
    assert schemas.of(None) is None
    assert schemas.of(one) is schemas.of(one)
