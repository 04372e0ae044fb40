"""What a detector promises of its pattern: RE2 takes it, it has a longest match, its keywords or gate stand in it."""

from __future__ import annotations

import random

import pytest
import re2

from standwatch.content import prefilter
from standwatch.content.canaries import canary
from standwatch.content.detector import GATE, Detector
from standwatch.content.detectors import known
from standwatch.content.found import Bounds
from standwatch.content.prefilter import Fast, Portable
from standwatch.content.searching import Compiled, Work, search
from support.made_up import longest, made_up

DETECTORS = (
    *known().values(),
    canary("short", "zebra-77"),
    canary("long", "Lorem ipsum: a planted sentence, ünïque."),
)
SEED = 5


def latin(detector: Detector, pattern: str) -> str:
    """The pattern over bytes, one character a byte."""
    return prefilter.encoded(detector, pattern).decode("latin-1")


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)
def test_a_pattern_has_a_longest_match(detector: Detector) -> None:
    re2.compile(prefilter.encoded(detector, detector.pattern), prefilter.options())
    assert longest(latin(detector, detector.pattern)) < detector.reach <= 9_000


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)
def test_keywords_or_a_gate_are_short(detector: Detector) -> None:
    assert bool(detector.keywords) != bool(detector.gate)
    assert all(each == each.lower() and len(each) <= GATE for each in detector.keywords)
    assert not detector.gate or longest(latin(detector, detector.gate)) <= GATE


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)
def test_what_matches_wakes_its_search(detector: Detector) -> None:
    """INVARIANT of prefilter.py, for texts made up from the pattern: what wakes no search would be refused."""
    chance = random.Random(SEED)
    compiled = Compiled(detector)
    engines = [Portable([detector]), Fast([detector])] if prefilter.available() else [Portable([detector])]
    matched = 0
    for _ in range(60):
        text = made_up(latin(detector, detector.pattern), chance, more=chance.choice((0, 3, 40))).encode(
            "latin-1"
        )
        matched += compiled.regexp.search(text) is not None
        for engine in engines:
            if engine.hits(text) != {0}:
                accepted, _ = search(compiled, text, 0, final=True, work=Work(Bounds()))
                assert not accepted, (engine.name, text)
    assert matched > 10
