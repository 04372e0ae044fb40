"""Somebody else's JSON, changed in one place and otherwise left as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.cli.hook_json import Unreadable, added, put, read, without

OURS = {"hooks": [{"command": "ours"}]}
PATH = ("hooks", "PreToolUse")


def mine(item: Any) -> bool:
    return item == OURS


COMMENTED = """\
// what we like
{
    "model": "x", /* not y */
    "hooks": {
        "PreToolUse": [
            {"hooks": [{"command": "theirs"}]}, // first
        ],
    },
    "number": 1.50,
}
"""


def test_comments_order_and_numbers_stay() -> None:
    text = added(COMMENTED, PATH, OURS)
    for line in (
        "// what we like",
        "/* not y */",
        '"number": 1.50,',
        '{"hooks": [{"command": "theirs"}]}, // first',
    ):
        assert line in text
    assert read(text).value["hooks"]["PreToolUse"] == [{"hooks": [{"command": "theirs"}]}, OURS]
    gone = without(text, PATH, mine)
    assert read(gone).value == read(COMMENTED).value
    assert "// first" in gone


@pytest.mark.parametrize(
    "text", ["", "  \n", "{}", "{ }", "{\n}\n", '{"a": 1}', '{"hooks": {}}', '{"hooks":{"PreToolUse":[]}}']
)
def test_what_is_missing_is_made_and_goes_again(text: str) -> None:
    found = added(text, PATH, OURS)
    assert json.loads(found)["hooks"]["PreToolUse"] == [OURS]
    before = json.loads(text) if text.strip() else {}
    before.pop("hooks", None)
    assert json.loads(without(found, PATH, mine)) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"hooks": []}',
        '{"hooks": {"PreToolUse": {}}}',
        "[]",
        "{",
        '{"a": 1 "b": 2}',
        '{"a":1,"a":2}',
        "{} x",
        "nul",
    ],
)
def test_what_cannot_be_read_is_left_alone(text: str) -> None:
    with pytest.raises(Unreadable):
        added(text, PATH, OURS)


def test_a_member_is_put_once() -> None:
    assert json.loads(put("", "version", 1)) == {"version": 1}
    assert json.loads(put('{"a": 2}', "version", 1)) == {"a": 2, "version": 1}
    assert put('{"version": 3}', "version", 1) == '{"version": 3}'


_plain = st.none() | st.booleans() | st.integers() | st.text()
_values = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
_files = st.dictionaries(st.text().filter(lambda name: name != "hooks"), _values, max_size=4)
_theirs = st.lists(st.builds(lambda name: {"hooks": [{"command": name}]}, st.text()), max_size=3)


@given(_files, _theirs, st.sampled_from([None, 1, 2, "\t"]), st.booleans())
def test_taking_out_gives_what_there_was(
    file: dict[str, Any], theirs: list[Any], indent: Any, plain: bool
) -> None:
    before = {**file, "hooks": {"PreToolUse": theirs, "Stop": theirs}} if theirs else file
    text = json.dumps(before, indent=indent, ensure_ascii=plain)
    assert read(text).value == before
    twice = added(added(text, PATH, OURS), ("hooks", "Other"), OURS)
    assert json.loads(twice) == {
        **before,
        "hooks": {**before.get("hooks", {}), "PreToolUse": [*theirs, OURS], "Other": [OURS]},
    }
    assert json.loads(without(without(twice, PATH, mine), ("hooks", "Other"), mine)) == before
