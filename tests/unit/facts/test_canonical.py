"""Strict reading and canonical bytes, the fast paths held to the exact ones."""

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from standwatch.facts.canonical import MAX_DEPTH, SAFE, canonical, parse
from standwatch.facts.errors import Malformed

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.one_of(
    st.integers(-SAFE + 1, SAFE - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: not f.is_integer() or abs(f) < SAFE),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)


@given(values)
@example({"ﬀ": 1, "\U0001f600": 2})
@example({"é": [1.0, -0.0, 1e21, 5e-324]})
@example("\x7f\x1f\u2028")
def test_canonical_bytes_are_those_of_the_reference(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values, st.booleans(), st.booleans())
def test_what_was_written_is_read_back_however_it_was_spelled(
    value: Any, spaced: bool, ascii_only: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    raw = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode()
    assert canonical(parse(raw)) == canonical(value)


def test_white_space_between_members_hides_nothing_and_inside_text_stays() -> None:
    assert parse(b'{"a b": " x\\n ", "ab": [1 , 2]}\n') == {"a b": " x\n ", "ab": [1, 2]}
    for raw in (
        b'{"a": 1, "a": 1}',
        b'{"a" :1 ,"a":1 }',
        b'[ {"a":10,"a":1 }]',
        b"[ 9007199254740993 ]",
        b"[1 1]",
    ):
        with pytest.raises(Malformed):
            parse(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_malformed(raw: bytes) -> None:
    try:
        value = parse(raw)
    except Malformed:
        return
    assert canonical(parse(canonical(value))) == canonical(value)


@given(st.text(alphabet='{}[]",:0123456789eE+-.truefalsn \\u', max_size=40))
def test_nothing_passes_here_that_a_strict_reader_refuses(text: str) -> None:
    """The standard library with duplicates, constants and overflow refused is the outer bound."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(found)) == len(found), "a duplicate passed"
        return dict(found)

    try:
        parse(text.encode())
    except Malformed:
        return
    json.loads(text, object_pairs_hook=pairs, parse_constant=lambda name: pytest.fail(f"{name} passed"))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"\\u0062":1}}',
        b"9007199254740992",
        b"-9007199254740992",
        b"123456789012345678901234567890",
        b"1e999",
        b"9007199254740993.0",
        b"NaN",
        b"-Infinity",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b"",
        b"{}{}",
        b"[1,]",
        b"'a'",
        b"01",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" * 200_000,
        b'"' + b"\\u0000" * 3 + b"\x01" + b'"',
    ],
)
def test_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


def test_depth_up_to_the_bound_passes_and_brackets_in_text_do_not_count() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert parse(b'{"a":"' + b"[" * 500 + b'"}') == {"a": "[" * 500}


@pytest.mark.parametrize("value", [SAFE, -SAFE, float("nan"), float("inf"), "\ud800", {1: 2}, object()])
def test_what_has_no_canonical_form_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed):
        canonical(value)


def test_the_fast_path_is_taken_for_what_clients_send() -> None:
    """A guard that is never passed would be a guard nobody needs: compact JSON goes the short way."""
    raw = b'{"method":"tools/call","params":{"amount":120,"name":"send_money"}}'
    assert msgspec.json.encode(msgspec.json.decode(raw)) == raw
    assert parse(raw)["params"]["amount"] == 120


def test_an_unterminated_string_behind_many_brackets_is_read_once() -> None:
    """Linear: sixteen times the input may cost about sixteen times, never the square. Counted in steps, not seconds."""
    import time

    def cost(size: int) -> float:
        begun = time.process_time()
        with pytest.raises(Malformed):
            parse(b"[" + b"[]," * 70 + b'"' + b'\\"' * size)
        return time.process_time() - begun

    small = max(min(cost(20_000) for _ in range(3)), 1e-4)
    assert cost(320_000) / small < 100
