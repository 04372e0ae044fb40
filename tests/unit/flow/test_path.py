"""Fields of results that a manifest names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.flow.path import MOST, BadPath, nodes, parse, select


def test_paths_select_members_items_and_wildcards() -> None:
    value = {"a": [{"b": 1}, {"b": 2}, {"c": 3}], "d": {"e": 4}}
    assert select("$.a[*].b", value) == [1, 2]
    assert select("$.a[1].b", value) == [2]
    assert select("$.d.*", value) == [4]
    assert select("$.a[9]", value) == []
    assert select("$.x.y", value) == []


MAIL = [
    {"from": "maria@bank.example", "body": "one", "n": 1, "ok": True},
    {"from": "eve@bank.example.evil.test", "body": "two", "n": 2},
    {"from": "omar@bank.example", "body": "three", "n": 3, "deep": {"x": "y"}},
    {"body": "nobody said this", "n": None},
]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$[?(@.from == 'maria@bank.example')].body", ["one"]),
        ("$[?@.from=='maria@bank.example'].body", ["one"]),
        ('$[?(@["from"] == "maria@bank.example")]["body"]', ["one"]),
        ("$[?(@.from != 'maria@bank.example')].body", ["two", "three"]),
        ("$[?(@.from in ['omar@bank.example', 'x'])].body", ["three"]),
        ("$[?(ends_with(@.from, '@bank.example'))].body", ["one", "three"]),
        ("$[?(ends_with(@.from, '@bank.example') && !(@.n == 1))].body", ["three"]),
        ("$[?(@.n == 1 || @.deep.x == 'y')].body", ["one", "three"]),
        ("$[?(@.ok)].body", ["one"]),
        ("$[?(@.ok == true)].body", ["one"]),
        ("$[?(@.n == true)].body", []),
        ("$[?(@.ok == 1)].body", []),
        ("$[?(@.n == null)].body", ["nobody said this"]),
        ("$[?(@.n == 2.0)].body", ["two"]),
        ("$[?(!@.from)].body", ["nobody said this"]),
        ("$[-1].body", ["nobody said this"]),
        ("$[0]['from']", ["maria@bank.example"]),
        ("$", [MAIL]),
    ],
)
def test_trust_may_depend_on_what_stands_beside(path: str, found: list[object]) -> None:
    assert select(path, MAIL) == found


def test_nothing_that_is_missing_is_unlike_a_stranger() -> None:
    assert "nobody said this" not in select("$[?(@.from != 'eve@bank.example.evil.test')].body", MAIL)


def test_nodes_say_where_they_stand() -> None:
    assert nodes("$.a[*]['b/c~d']", {"a": [{"b/c~d": 1}, {}]}) == [("/a/0/b~1c~0d", 1)]


@pytest.mark.parametrize(
    "path",
    [
        "", "recipient", "$..recipient", "$.a[1:2]", "$.a[", "$.a[?]", "$.a[?(@.b ==)]", "$[?(@.b < 1)]",
        "$[?(@.* == 1)]",
        "$[?($.x == 1)]", "$.a[?(@.b == 'x)]", "$[?(ends_with(@.from, ''))]", "$ .a", "$.a ", "$[01]",
        "$[?(@.a in [])]",
        "$[?(" + "(" * 40 + "@.a" + ")" * 40 + ")]",
    ],
)  # fmt: skip
def test_a_path_that_is_not_understood_selects_nothing(path: str) -> None:
    assert select(path, {"recipient": "EVIL", "b": 1, "a": [{"b": 1}]}) == []
    with pytest.raises(BadPath):
        parse(path)


def test_selection_is_bounded() -> None:
    assert len(select("$[*]", list(range(MOST + 5)))) == MOST
    assert len(select("$[*][*]", [list(range(1_000))] * 1_000)) == MOST


@given(st.text(max_size=60))
def test_any_path_is_understood_or_refused(text: str) -> None:
    assert isinstance(select("$" + text, {"a": [1, {"b": 2}]}), list)
