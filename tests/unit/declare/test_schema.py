"""A scalar means what the expected type says: no surprises of YAML 1.1."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare import schema
from standwatch.declare.text import Mapping, Problems, read_yaml

DAY = 86_400_000_000


def read(reader: schema.Reader[Any], text: str) -> Any:
    """What `reader` makes of a member written as `text`; the problem's text where it makes nothing of it."""
    problems = Problems()
    node = read_yaml("f", f"a: {text}\n".encode(), problems)
    assert isinstance(node, Mapping), problems.wrong
    value = reader(node.members["a"].value, problems)
    return problems.wrong[0].partition(": ")[2] if problems.wrong else value


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "null", "~", "1e3", "0x10", "1:30", "2026-01-01", "true"]
)
def test_a_text_is_what_is_written(word: str) -> None:
    assert read(schema.text(), word) == word


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-2", -2), ("0.5", 0.5), ("1e3", 1000), ("500.0", 500), ("true", True), ("'true'", "true"),
        ("'1'", "1"), ("no", "no"), ("0x10", "0x10"), ("010", "010"), ("1_000", "1_000"), (".inf", ".inf"),
        ("1:30", "1:30"), ("null", "null"), ("9007199254740993", "9007199254740993"), ("1e999", "1e999"),
    ],
)  # fmt: skip
def test_a_free_value_has_the_type_that_is_written(text: str, value: object) -> None:
    found = read(schema.value, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["yes", "on", "True", "1", "'true'", ""])
def test_only_true_and_false_are_booleans(text: str) -> None:
    assert "expected true or false" in read(schema.boolean, text)


@pytest.mark.parametrize(
    "text", ["0x10", "010", "1_0", ".inf", ".nan", "1:30", "'5'", "9007199254740993", "1e400", ""]
)
def test_odd_numbers_are_refused(text: str) -> None:
    assert "expected a number" in read(schema.number, text)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-02T00:00Z", DAY),
        ("1970-01-02 00:00:00.000001Z", DAY + 1),
        ("1970-01-02T02:00+02:00", DAY),
        ("1970-01-01T22:30:00-01:30", DAY),
        ("'1970-01-02T00:00Z'", DAY),
    ],
)
def test_times_are_microseconds_of_utc(text: str, micros: int) -> None:
    assert read(schema.instant, text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-20",
        "2026-12-20T00:00",
        "2026-02-30T00:00Z",
        "2026-01-01T24:00Z",
        "2026-01-01T00:00+15:00",
        "soon",
        "1969-12-31T00:00Z",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    assert "expected a time with its zone" in read(schema.instant, text)


def test_durations_are_seconds() -> None:
    assert [read(schema.duration, text) for text in ("30s", "15m", "1h", "7d")] == [30, 900, 3600, 604800]
    for text in ("15", "0s", "1.5h", "15 m", "-1s", "1w", "99999999d"):
        assert "expected a duration" in read(schema.duration, text)


def test_a_near_word_is_proposed_and_a_far_one_is_not() -> None:
    assert (
        read(schema.choice("step_up", "deny"), "stepup")
        == "'stepup', expected 'step_up' (did you mean that?)"
    )
    assert read(schema.choice("step_up", "deny"), "zzz") == "'zzz', expected one of deny, step_up"


def test_true_and_one_are_different_items_of_a_list() -> None:
    assert read(schema.listing(schema.value, "values"), "[1, true, '1']") == (1, True, "1")


@given(st.text(max_size=30))
def test_readers_of_scalars_never_raise(text: str) -> None:
    quoted = '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'
    for reader in (
        schema.text(),
        schema.value,
        schema.number,
        schema.instant,
        schema.duration,
        schema.boolean,
        schema.integer(),
    ):
        problems = Problems()
        node = read_yaml("f", f"a: {quoted}\n".encode("utf-8", "replace"), problems)
        if isinstance(node, Mapping):
            reader(node.members["a"].value, problems)
