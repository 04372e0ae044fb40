"""A stranger's text reaches nobody as a link, as markup, unseen or endless."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from standwatch.notify.inert import MOST, clock, quoted, stamp

# What mail programs and chats turn into something else: addresses, markup, mentions, line ends, control.
ACTIVE = re.compile(
    r"[<>*`~|#!?&'\n\r\t\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]|://|www\.|\.[A-Za-z]|@"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bank.send", '"bank[.]send"'),
        ("https://evil.example/x", '"https[:]//evil[.]example/x"'),
        ("a@b.example", '"a[at]b[.]example"'),
        ("<!channel> *now*", '"\\u003c\\u0021channel\\u003e \\u002anow\\u002a"'),
        ("[ok](x)", '"\\u005bok\\u005d\\u0028x\\u0029"'),
        ("pay\u202efdp.exe", '"pay\\u202efdp[.]exe"'),
        ("Überweisung 5", '"Überweisung 5"'),
        ("evil。com", '"evil\\u3002com"'),
        ("שלום", '"\\u05e9\\u05dc\\u05d5\\u05dd"'),
        ('" and more', '"\\u0022 and more"'),
        ("x" * 130, '"' + "x" * 120 + '" and 10 characters more'),
    ],
)
def test_what_strangers_write(text: str, shown: str) -> None:
    assert quoted(text) == shown


@given(st.text())
@example("javascript:alert(1)")
@example("ｗｗｗ．evil．com")
def test_nothing_active_is_left(text: str) -> None:
    shown = quoted(text)
    assert ACTIVE.search(shown) is None
    assert shown.isprintable()
    assert shown.startswith('"')
    assert shown.count('"') == 2, "what is quoted cannot end its own quotation"
    assert len(shown) <= MOST * 10 + 60


def test_times_name_their_zone() -> None:
    assert clock(1_800_000_000_000_000) == "2027-01-15 08:00 UTC"
    assert stamp(1_800_000_000_000_001) == "2027-01-15T08:00:00.000001Z"
