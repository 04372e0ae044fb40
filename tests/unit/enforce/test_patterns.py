"""Globs in linear time."""

import pytest

from standwatch.enforce.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "bank.send", True),
        ("*.delete_*", "bank.delete_account", True),
        ("*.delete_*", "bank.undelete", False),
        ("file:///srv/*", "file:///srv/a", True),
        ("file:///srv/*", "file:///srv/a/b", False),
        ("file:///srv/**", "file:///srv/a/b", True),
        ("a.c", "abc", False),
        ("[x]", "x", False),
        ("", "", True),
        ("**", "any\nthing", True),
        ("a*", "b", False),
    ],
)
def test_matches(pattern: str, text: str, fits: bool) -> None:
    assert matches((pattern,), text) is fits


def test_no_pattern_matches_nothing_and_hostile_ones_end() -> None:
    assert not matches((), "anything")
    assert not matches(("*a" * 40,), "b" * 20_000)
