"""What a detector promises of its pattern: RE2 takes it, it has a longest match, its keywords or gate stand in it."""

from __future__ import annotations

import random
import re

import pytest
import re2

from standwatch.content import prefilter
from standwatch.content.canaries import canary
from standwatch.content.detector import GATE, Detector
from standwatch.content.detectors import known
from standwatch.content.found import Bounds
from standwatch.content.prefilter import Fast, Portable
from standwatch.content.searching import Compiled, Work, leftmost, search
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


# Found backwards, for want of a fixed beginning (the first two) or because a beginning without its end is common and
# every attempt would read thousands of bytes. The fuzzer measures them: below 5 µs a character.
BACKWARDS = {
    "host-with-data", "email", "private-key", "kubernetes-secret-yaml", "curl-auth-user", "freemius-secret-key",
    "generic-api-key", "yandex-access-token", "authress-service-client-access-key", "twitter-bearer-token",
    "vault-service-token",
}  # fmt: skip


def test_a_pattern_that_repeats_long_says_what_it_begins_with() -> None:
    """Or RE2 runs it backwards to find its beginning: 30 ms for one match of `{1,1000}`."""
    for detector in DETECTORS:
        counts = re.findall(r"\{(\d*),(\d+)\}", detector.pattern)
        if any(int(most) - int(least or 0) >= 100 for least, most in counts):
            assert bool(detector.begins) != (detector.name in BACKWARDS), detector.name


@pytest.mark.parametrize("detector", [each for each in DETECTORS if each.begins], ids=lambda each: each.name)
def test_the_leftmost_match_is_the_same_by_its_beginning(detector: Detector) -> None:
    chance = random.Random(SEED)
    compiled, matched = Compiled(detector), 0
    pattern = latin(detector, detector.pattern)
    for _ in range(20):
        parts = (
            made_up(pattern, chance, more=chance.choice((0, 3, 40))) + chance.choice(("", " ", "x"))
            for _ in range(chance.randint(1, 5))
        )
        text, at = "".join(parts).encode("latin-1")[:3000], 0
        while (found := compiled.regexp.search(text, at)) is not None:
            by_beginning = leftmost(compiled, text, at, len(text))
            assert by_beginning is not None
            spans = [[each.span(group) for group in (0, *compiled.groups)] for each in (found, by_beginning)]
            assert spans[0] == spans[1], text
            matched += 1
            at = max(found.end() if chance.random() < 0.7 else 0, found.start() + 1)
        assert leftmost(compiled, text, at, len(text)) is None
    assert matched > 5
