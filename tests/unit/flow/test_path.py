"""Fields of results that a manifest names."""

import pytest

from standwatch.flow.path import select


def test_paths_select_members_items_and_wildcards() -> None:
    value = {"a": [{"b": 1}, {"b": 2}, {"c": 3}], "d": {"e": 4}}
    assert select("$.a[*].b", value) == [1, 2]
    assert select("$.a[1].b", value) == [2]
    assert select("$.d.*", value) == [4]
    assert select("$.a[9]", value) == []
    assert select("$.x.y", value) == []


@pytest.mark.parametrize(
    "path", ["$['meta'].recipient", "$..recipient", "recipient", "$.a[?(@.b)]", "$.a[-1]", ""]
)
def test_a_path_that_is_not_understood_selects_nothing(path: str) -> None:
    assert select(path, {"recipient": "EVIL", "meta": {"recipient": "GOOD"}, "a": [{"b": 1}]}) == []
