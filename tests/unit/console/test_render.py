"""What templates are given: numbers, times and charts as people read them; escaped, strict, never less than said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

import standwatch.console.render as shown
from standwatch.console.app import warm
from standwatch.console.svg import HEIGHT, bars, max_of

TEMPLATES = Path(shown.__file__).parent / "templates"
MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0 s"),
        (119_999_999, "119 s"),
        (2 * MINUTE, "2 min"),
        (-90 * MINUTE, "90 min"),
        (48 * 60 * MINUTE, "2 d"),
    ],
)
def test_a_span_is_told_in_its_largest_fitting_unit(length: int, text: str) -> None:
    assert shown.span(length) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "–"),
        (0, 9, "0 %"),
        (1, 10**6, "<0.1 %"),
        (999_999, 10**6, ">99.9 %"),
        (5, 5, "100 %"),
        (1, 30, "3.3 %"),
    ],
)
def test_a_share_never_rounds_something_to_nothing_or_almost_all_to_all(
    part: int, whole: int, text: str
) -> None:
    assert shown.percent(part, whole) == text


@pytest.mark.parametrize(
    ("length", "text"), [(840, "840 µs"), (12_000, "12 ms"), (999_600, "1 s"), (1_440_000, "1.44 s")]
)
def test_how_long_something_took(length: int, text: str) -> None:
    assert shown.duration(length) == text


def test_times_have_their_zone() -> None:
    assert shown.clock(1_795_284_147_000_000) == "2026-11-21 18:02:27Z"
    assert shown.iso(1_795_284_147_000_000) == "2026-11-21T18:02:27+00:00"


def test_what_cannot_carry_marks_tells_what_nobody_sees_by_number() -> None:
    assert shown.marked("pay \u202egnp\n") == "pay ⟨U+202E⟩gnp⟨U+000A⟩"
    assert shown.marked("plain") == "plain"


def test_only_ascii_that_one_can_see_is_plain() -> None:
    assert all(shown.plain(text) for text in ("", "pay", "tool:bank.send <b>", "a b c"))
    assert not any(shown.plain(text) for text in ("a  b", " a", "a ", "é", "a\nb", "a\u200bb", "раy"))


def test_something_is_never_drawn_as_nothing_and_nothing_not_at_all() -> None:
    assert bars([]) == bars([0, 0]) == ""
    path = bars([1, 0, 1_000])
    heights = [int(high) for high in re.findall(r"v-(\d+)", path)]
    assert heights == [1, HEIGHT]
    assert path.startswith("M0 20")
    assert "M6 20" in path
    assert (max_of([]), max_of([1, 3])) == (0, 3)


def test_templates_escape_always_and_a_missing_name_is_an_error() -> None:
    made = shown.environment().from_string("{{ it }}<i title='{{ it }}'></i>")
    assert made.render(it="<b>'\"&") == "&lt;b&gt;&#39;&#34;&amp;<i title='&lt;b&gt;&#39;&#34;&amp;'></i>"
    with pytest.raises(UndefinedError):
        made.render()


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("*.html")), ids=lambda file: file.name)
def test_no_template_steps_round_the_escaping_or_the_policy(file: Path) -> None:
    text = file.read_text()
    shown.environment().get_template(file.name)
    for forbidden in (
        "|safe",
        "| safe",
        "autoescape false",
        "Markup",
        " style=",
        "javascript:",
        "hx-on",
        "js:",
    ):
        assert forbidden not in text, forbidden
    assert not re.search(r"\son\w+=", text), "no inline handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "no inline script"
    for tag in re.findall(r"<[^>]*\shx-[a-z]+[^>]*>", text):
        assert "hx-nonce" in tag, tag


def test_every_template_compiles_before_somebody_asks_for_it() -> None:
    shown.environment.cache_clear()
    warm()
    made = shown.environment()
    kept: Any = made.cache
    assert len(kept) == len(made.list_templates(extensions=("html",))) > 20
