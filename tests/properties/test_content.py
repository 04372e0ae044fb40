"""Looking at content: over any value bounded, decided, and never saying what it found; masks that come back exactly."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.enforce.contents import Look
from standwatch.enforce.looking import look_at, look_at_bytes, masked
from standwatch.enforce.masks import TOKEN, Masks, held_back
from standwatch.enforce.texts import MOST_TEXT, MOST_VALUES, TooMuch, replaced, text_in, texts_of
from standwatch.facts.content import ContentRule
from standwatch.serve.contents import build

ADDRESSES = ("anna.meier@supplier.example", "o.nowak@buyer.example", "c@d.example")
WORDS = frozenset({"email", "iban"})
MASK = Look(build(WORDS, {}), (ContentRule(tuple(sorted(WORDS)), ("results",), action="mask"),))

TEXT = (
    st.text(max_size=30)
    | st.sampled_from(ADDRESSES)
    | st.builds("{} {}".format, st.text(max_size=9), st.sampled_from(ADDRESSES))
)
VALUE: st.SearchStrategy[Any] = st.recursive(
    TEXT
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(value=VALUE)
@settings(deadline=None)
def test_what_is_masked_is_gone_and_comes_back_exactly(value: Any) -> None:
    masks = Masks(b"a key")
    looked = look_at(MASK, value)
    if looked.finding is None:
        assert not any(one in msgspec.json.encode(value).decode() for one in ADDRESSES[:2])
        return
    assert not any(one in looked.finding.reason for one in ADDRESSES), (
        "a finding never repeats what was found"
    )
    changed = masked(value, looked, masks)
    told = texts_of(changed).text
    assert not any(one in told for one in ADDRESSES[:2])
    assert look_at(MASK, changed).finding is None, "nothing is left to be found"
    back = replaced(changed, lambda _, one: masks.restored(one) if isinstance(one, str) else one)
    assert _same(value, back)


BINARY = st.sampled_from(
    [
        {"data": base64.b64encode(bytes(range(256)) * 3).decode(), "type": "image"},
        {"data": base64.b64encode(b"text of a kind " * 60).decode(), "blob": "short"},
        "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 3).decode(),
        "data:text/plain;base64," + base64.b64encode(b"text of a kind " * 60).decode(),
        {"blob": 5, "": "", "name": ""},
    ]
)


@given(
    st.recursive(
        TEXT | BINARY | st.none() | st.booleans() | st.integers() | st.floats(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_text_that_is_searched_is_the_one_whose_places_are_told(value: Any) -> None:
    assert text_in(value) == texts_of(value).text


@pytest.mark.parametrize(
    "value", ["x" * MOST_TEXT, ["x" * (MOST_TEXT // 2)] * 2, {"n" * MOST_TEXT: None}, [0] * MOST_VALUES]
)
def test_too_much_is_too_much_for_both(value: Any) -> None:
    for read in (text_in, texts_of):
        with pytest.raises(TooMuch):
            read(value)


def _same(value: Any, back: Any) -> bool:
    """A number that was masked comes back as its text."""
    if isinstance(value, dict):
        return all(_same(value[name], back[name]) for name in value) and len(value) == len(back)
    if isinstance(value, list):
        return len(value) == len(back) and all(map(_same, value, back))
    return value == back or (not isinstance(value, str) and str(value) == back)


@given(data=st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_decided(data: bytes) -> None:
    looked, value = look_at_bytes(MASK, data)
    if value is None and looked.finding is not None and looked.finding.code == "unfinished":
        assert looked.finding.decision == "deny"


@given(text=st.text(alphabet="masked_eil0123456789abcdef \n", max_size=120), cut=st.integers(0, 120))
def test_no_token_is_cut_where_nothing_is_held_back(text: str, cut: int) -> None:
    """Whatever is let go ends before any token that what follows could complete."""
    head = text[:cut]
    free = held_back(head)
    for found in TOKEN.finditer(text):
        assert not found.start() < free < found.end()
