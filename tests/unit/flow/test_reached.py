"""Which URLs a run has read as they stand."""

import pytest

from standwatch.flow.reached import MOST, Reached

PAGE = "See https://A.example/x?y=1). Or evil.com, [b](http://b.example/z) and bücher.example/ß; mail bob@mail.example."


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.example/x?y=1", True),
        ("http://A.EXAMPLE/x?y=1", False),
        ("https://a.example/x?y=12", False),
        ("https://a.example/X?y=1", False),
        ("https://a.example/", False),
        ("evil.com", True),
        ("https://evil.com/", True),
        ("secret.evil.com", False),
        ("https://evil.com/?q=1", False),
        ("https://b.example/z", True),
        ("https://bücher.example/ß", True),
        ("https://evil.com@b.example/z", False),
        ("", False),
    ],
)
def test_what_was_read_as_it_stands(url: str, wanted: bool) -> None:
    reached = Reached()
    reached.add(PAGE)
    assert reached.has(url) is wanted


def test_what_is_too_much_counts_as_made_up() -> None:
    reached = Reached()
    reached.add(" ".join(f"h{number}.example" for number in range(MOST)))
    reached.add("late.example")
    assert reached.has("h1.example")
    assert not reached.has("late.example")


def test_a_host_carries_nothing_in_its_case() -> None:
    reached = Reached()
    reached.add("see https://Evil.example/x?Q=1 and lower.example")
    assert reached.has("https://Evil.example/x?Q=1")
    assert reached.has("https://evil.example/x?Q=1")
    assert reached.has("http://lower.example/")
    assert not reached.has("https://eViL.example/x?Q=1")
    assert not reached.has("LoWeR.example")
    assert not reached.has("https://evil.example/x?q=1")
