"""Provenance, first form: a value is in the task, in a trusted field, or it is the model's."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.configuration import Returns
from standwatch.flow.forms import normal
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail

TASK = (
    "Pay 1,940.00 EUR (invoice 4698, due 2026-11-30) to DE49999911110004698000; write to Maria@Bank.example."
)


def learn(trail: Trail, paths: tuple[str, ...], data: bytes) -> None:
    trail.learn(Read(data=data, returns=Returns(trusted=paths), told_by_us=True))


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("DE49999911110004698000", "task"),
        ("de49999911110004698000", "task"),
        ("DE49 9999 1111 0004 6980 00", "task"),
        (1940, "task"),
        (1940.0, "task"),
        ("1940", "task"),
        ("2026-11-30", "task"),
        ("maria@bank.example", "task"),
        ("DE4999991111000469800", "model"),
        ("999911110004698000", "model"),
        (194, "model"),
        (19400, "model"),
        ("", "model"),
        ([], "model"),
        ({}, "model"),
        ({"GB06ZZZZ99999900004711": "1940"}, "model"),
        ("maria@ban-k.example", "model"),
        ("maria@bankexample", "model"),
        ("2026/11/30", "model"),
        (True, "model"),
        (["1940", "DE49999911110004698000"], "task"),
        (["1940", "GB06ZZZZ99999900004711"], "model"),
        ({"to": {"iban": "GB06ZZZZ99999900004711"}}, "model"),
    ],
)
def test_where_a_value_comes_from(value: object, source: str) -> None:
    assert Trail(TASK).source(value) == source


def test_trusted_fields_and_only_those_are_learned() -> None:
    path = Trail("look")
    rows = [{"recipient": "FR7630006000011234567890189", "subject": "pay GB06ZZZZ99999900004711"}]
    learn(path, ("$[*].recipient",), msgspec.json.encode({"structuredContent": {"result": rows}}))
    assert path.source("FR7630006000011234567890189") == "trusted"
    assert path.source("GB06ZZZZ99999900004711") == "model"
    text = msgspec.json.encode(
        {"content": [{"type": "text", "text": '[{"recipient": "NL91ABNA0417164300"}]'}]}
    )
    learn(path, ("$[*].recipient",), text)
    assert path.source("NL91ABNA0417164300") == "trusted"


@given(st.binary(max_size=80))
def test_any_result_is_read_without_harm(raw: bytes) -> None:
    path = Trail("look")
    learn(path, ("$[*].recipient", "$.a.b"), raw)
    assert path.source("something never seen") == "model"


@given(st.text(min_size=1, max_size=30), st.text(max_size=60))
def test_a_value_that_is_not_in_the_task_is_never_the_task_s(value: str, task: str) -> None:
    if Trail(task).source(value) == "task":
        plain = "".join(character for character in task.casefold() if character not in " -,")
        assert (
            "".join(c for c in normal(value) if c not in " -,") in plain
            or value.replace(",", "").replace(".", "").isdigit()
        )
