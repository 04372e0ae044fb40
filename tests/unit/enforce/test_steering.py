"""Which values steer: what only begins as a time is none."""

from typing import Any

import pytest

from standwatch.enforce.steering import Leaf, is_time, leaves, members, steers


@pytest.mark.parametrize(
    "text", ["2026-01-01", "10:30", "2026-01-01T10:00:00Z", "2026-01-01 10:30 +02:00", "P3DT4H"]
)
def test_a_time_is_a_time(text: str) -> None:
    assert is_time(text)
    assert not steers(Leaf("/when", "when", text))


@pytest.mark.parametrize(
    "text",
    ["10:30 mallory", "2026-01-01/mallory", "mallory 10:30", "P3Dmallory", "10:30\nmallory", "٢٠٢٦-٠١-٠١"],
)
def test_what_begins_or_ends_as_a_time_steers(text: str) -> None:
    assert not is_time(text)
    assert steers(Leaf("/when", "when", text))


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ({"bob": True}, ["bob"]),
        ({"bob": 0}, []),
        ({"bob": False}, ["bob"]),
        ({"bob": ""}, ["bob"]),
        ({"bob": "x"}, []),
        ({"bob@evil.example": "x"}, ["bob@evil.example"]),
    ],
)
def test_a_members_name_is_a_value_where_it_says_more_than_its_value(value: Any, keys: list[str]) -> None:
    assert [one.value for one in leaves("options", value) if one.key] == keys


def test_the_names_that_a_definition_gives_are_found_wherever_they_stand() -> None:
    schema: dict[str, Any] = {"properties": {"a": {"items": {"properties": {"b": {}}}}}, "required": ["c"]}
    assert members(schema) == {"a", "b"}
