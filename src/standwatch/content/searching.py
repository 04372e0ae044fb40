"""One detector run over bytes: where its pattern matches and its confirmation agrees."""

from functools import cached_property

import re2

from standwatch.content import prefilter
from standwatch.content.detector import CONTEXT, Detector, Match
from standwatch.content.found import Bounds, Unfinished

WINDOW = 8_192


class Compiled:
    """One detector; its pattern is compiled when it is first wanted, for most never are."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    @cached_property
    def regexp(self) -> "re2.Regexp":
        return self._compiled(self.detector.pattern)

    @cached_property
    def begins(self) -> "re2.Regexp | None":
        return self._compiled(self.detector.begins) if self.detector.begins else None

    def _compiled(self, pattern: str) -> "re2.Regexp":
        try:
            return re2.compile(prefilter.encoded(self.detector, pattern), prefilter.options())
        except re2.error as problem:
            raise ValueError(f"detector {self.detector.name}: RE2 does not take it: {problem}") from None

    @cached_property
    def groups(self) -> range:
        return range(1, self.regexp.groups + 1)


class Work:
    """How much of the bounds a text has used up."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._attempts = 0
        self._characters = 0

    def read(self, characters: int) -> None:
        self._characters += characters
        if self._characters > self._bounds.characters:
            raise Unfinished(f"a text of more than {self._bounds.characters} characters")

    def refused(self) -> None:
        self._attempts += 1
        if self._attempts > self._bounds.attempts + self._characters // 3:
            raise Unfinished("a text full of what looks like a finding and is none")


class Hit:
    """One accepted match, in bytes of its reading."""

    __slots__ = ("certain", "end", "start")

    def __init__(self, start: int, end: int, certain: bool) -> None:
        self.start = start
        self.end = end
        self.certain = certain


def search(compiled: Compiled, data: bytes, start: int, *, final: bool, work: Work) -> tuple[list[Hit], int]:
    """The accepted matches from `start` on, and where the search goes on when more text has come.

    Unless `final`, only what lies `reach` bytes before the end is decided: what follows could change it."""
    detector = compiled.detector
    margin = detector.reach + CONTEXT
    last = len(data) if final else len(data) - margin
    hits: list[Hit] = []
    at = start
    while at <= last:
        # A window, because RE2 reads all that it is given when its automaton grows too large.
        end = min(len(data), at + margin + WINDOW)
        decided = last if end == len(data) else end - margin
        match = leftmost(compiled, data, at, end)
        if match is None or match.start() > decided:
            at = decided + 1
            continue
        whole = match.span()
        value = _value(compiled, match) if compiled.groups else whole
        verdict = detector.confirm(_seen(data, whole, value))
        at = whole[0] + 1
        if verdict is None:
            work.refused()
        else:
            hits.append(Hit(*value, verdict))
            at = max(value[1], at)
    return hits, max(at, start)


def leftmost(compiled: Compiled, data: bytes, at: int, end: int) -> "re2.Matched | None":
    """The leftmost match that begins at `at` or later.

    RE2 finds where a match ends and then runs the pattern backwards to where it began. Backwards every count of
    `{1,1000}` is possible at once: 30 ms for one such match, where forwards from a known place are microseconds. So the
    place is found by what such a pattern begins with."""
    regexp, begins = compiled.regexp, compiled.begins
    if begins is None:
        return regexp.search(data, at, end)
    while begun := begins.search(data, at, end):
        at = begun.start()
        if match := regexp.match(data, at, end):
            return match
        at += 1
    return None


def _value(compiled: Compiled, match: "re2.Matched") -> tuple[int, int]:
    """The first group that took part, or all of it."""
    for number in compiled.groups:
        span = match.span(number)
        if span != (-1, -1):
            return span
    return match.span()


def _seen(data: bytes, whole: tuple[int, int], value: tuple[int, int]) -> Match:
    low, high = whole
    return Match(
        value=data[value[0] : value[1]],
        whole=data[low:high],
        before=data[max(0, low - CONTEXT) : low],
        after=data[high : high + CONTEXT],
    )
