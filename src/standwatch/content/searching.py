"""One detector run over bytes: where its pattern matches and its confirmation agrees."""

import re2

from standwatch.content import prefilter, views
from standwatch.content.detector import CONTEXT, Detector, Match
from standwatch.content.found import Bounds, Unfinished


class Compiled:
    """One detector, ready to run."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        try:
            self.regexp = re2.compile(views.utf8(detector.pattern), prefilter.options())
        except re2.error as problem:
            raise ValueError(f"detector {detector.name}: RE2 does not take its pattern: {problem}") from None
        self.group = 1 if self.regexp.groups else 0


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
        if self._attempts > self._bounds.attempts + self._characters // 8:
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
    regexp, detector, group = compiled.regexp, compiled.detector, compiled.group
    last = len(data) if final else len(data) - detector.reach
    hits: list[Hit] = []
    at = start
    while at <= last:
        match = regexp.search(data, at)
        if match is None or match.start() > last:
            return hits, max(at, last + 1)
        low, high = match.span(group) if match.span(group) != (-1, -1) else match.span()
        verdict = detector.confirm(_seen(data, match.span(), (low, high)))
        if verdict is None:
            work.refused()
            at = match.start() + 1
        else:
            hits.append(Hit(low, high, verdict))
            at = max(high, match.start() + 1)
    return hits, at


def _seen(data: bytes, whole: tuple[int, int], value: tuple[int, int]) -> Match:
    low, high = whole
    return Match(
        value=data[value[0] : value[1]],
        whole=data[low:high],
        before=data[max(0, low - CONTEXT) : low],
        after=data[high : high + CONTEXT],
    )
