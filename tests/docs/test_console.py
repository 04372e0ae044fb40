"""The console's page names every page, every key and every menu's letter."""

from __future__ import annotations

import re

from docs.pages import text_of
from standwatch.console.pages import PAGES
from standwatch.fronts.control_live import TOPICS

CONSOLE = "docs/console.md"


def test_every_page_is_named() -> None:
    named = set(re.findall(r"`(/[^`]*)`", text_of(CONSOLE)))
    assert [page.path for page in PAGES if page.path not in named] == []
    patterns = {page.path for page in PAGES} | {"/index.json"}
    assert named <= patterns, "a page that is not there"


def test_every_letter_is_named_and_stands_for_one_page() -> None:
    keys = {page.key: page.menu for page in PAGES if page.key}
    assert len(keys) == sum(1 for page in PAGES if page.key)
    (row,) = [line for line in text_of(CONSOLE).splitlines() if line.startswith("| `g` and a letter")]
    assert dict(re.findall(r"`(\w)` ([A-Z]\w*)", row)) == keys


def test_every_topic_of_the_stream_is_named() -> None:
    text = text_of("docs/api.md")
    assert [topic for topic in TOPICS if f"`{topic}`" not in text] == []
