"""The C parts of the interpreter say what the modules around them say."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.hook.quick import digest, dumps, loads

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_values, st.booleans())
def test_json_there_and_back(value: Any, ordered: bool) -> None:
    assert dumps(value, ordered=ordered) == json.dumps(value, separators=(",", ":"), sort_keys=ordered)
    assert loads(f" \n{json.dumps(value)}\t") == value


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \n\\u'))
def test_what_is_no_json_for_one_is_none_for_the_other(text: str) -> None:
    mine = theirs = "no"
    with contextlib.suppress(ValueError):
        mine = repr(loads(text))
    with contextlib.suppress(ValueError):
        theirs = repr(json.loads(text))
    assert mine == theirs


@pytest.mark.parametrize(
    "text", ["", " ", "NaN", "[Infinity]", "-Infinity", "1 2", "{} x", "\ufeff{}", '"\x01"']
)
def test_stricter_where_json_is(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)


def test_what_has_no_form_and_what_is_too_deep() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            dumps(value)
    with pytest.raises(TypeError):
        dumps({"a": {1, 2}})
    with pytest.raises(RecursionError):
        loads("[" * 200_000)


def test_members_are_shown_as_they_stand() -> None:
    assert loads('{"a": 1, "a": 2}', list) == [("a", 1), ("a", 2)]


@given(st.binary())
def test_a_digest_is_a_digest(data: bytes) -> None:
    assert digest(data) == hashlib.sha256(data).hexdigest()
