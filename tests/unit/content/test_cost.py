"""What a scan costs: so many steps a character, on texts made to cost the most, however long they get."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import FrameType

import pytest

from standwatch.content import prefilter
from standwatch.content.detectors import build, known
from standwatch.content.found import Unfinished

CANARIES = {"planted": "zebra-7741-quartz"}
ENGINES = [build([*known()], CANARIES, portable=True)] + (
    [build([*known()], CANARIES)] if prefilter.available() else []
)
# What the fuzzer found: each begins anew every few bytes what ends a thousand or eight thousand later.
UNITS = (
    "http://52j,",
    "http://u,",
    "http://?&",
    "http://u?a=b&c&&&",
    "http://%41%41/",
    "\ufe0f\u200b\u200b",
    "\u202d",
    "1.",
    "-----BEGINPRIVATE KEY-----x",
    "dj8r6r1gc6lp7fghsas6sd1\\-----BEGINHNPRIVATE KEY BLOCK-----Q/GAq3/f",
    "![",
    "-".join("a" * 9) + ".aaaaaaaaaaaaaaaaaaaa.",
)
SMALL, TIMES, MOST = 12_000, 4, 60  # MOST: calls a character


def steps(engine: int, text: str) -> int:
    """Calls of Python and of C that one scan makes."""
    count = 0

    def called(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        with suppress(Unfinished):  # it costs no more for being given up
            ENGINES[engine].scan(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("engine", range(len(ENGINES)))
@pytest.mark.parametrize("unit", UNITS)
def test_a_character_costs_no_more_in_a_longer_text(unit: str, engine: int) -> None:
    small = (unit * SMALL)[:SMALL]
    steps(engine, small)  # what is compiled once is compiled
    short, long = steps(engine, small), steps(engine, small * TIMES)
    assert long <= 1.5 * TIMES * max(short, 200)
    assert long <= MOST * SMALL * TIMES
