"""Globs in linear time."""

import pytest

from standwatch.enforce.patterns import is_plain, matches, names


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


def test_a_star_in_a_name_stands_for_anything() -> None:
    assert names(("*",), "git.repo/delete")
    assert names(("git.*",), "git.repo/delete")
    assert not names(("git.*",), "bank.send")


def test_plain_uris() -> None:
    assert is_plain("file:///srv/pub/a.b/c..d")
    assert not is_plain("file:///srv/pub/../etc")
    assert not is_plain("file:///srv/%252e%252e/x")
