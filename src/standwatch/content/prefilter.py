"""Which detectors can match at all: one pass over the text for all of them. It only saves work.

INVARIANT: a detector that would find something is among the hits, whichever engine is used. So both give the same
findings; the one with Hyperscan gives them sooner.
"""

from collections.abc import Sequence
from typing import Protocol

import re2

from standwatch.content import views
from standwatch.content.detector import Detector, View
from standwatch.content.found import Unfinished

try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None


MEMORY = (
    32 << 20
)  # bytes an automaton of all keywords may take: it grows as texts need it, and is then begun anew


class Prefilter(Protocol):
    name: str

    def hits(self, data: bytes) -> set[int]:
        """Numbers of the detectors of which a keyword or the gate stands in `data`."""
        ...

    def cache(self) -> bytes:
        """What makes the next start faster, or nothing."""
        ...


def options() -> "re2.Options":
    """Bytes, as in Hyperscan: a text's letters beyond ASCII are their UTF-8."""
    chosen = re2.Options()
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.log_errors = False
    return chosen


def encoded(detector: Detector, pattern: str) -> bytes:
    """A pattern as bytes of the reading it runs on: its letters are cleaned as the text's are."""
    return views.utf8(views.clean(pattern) if detector.view is View.CLEAN else pattern)


def atoms(detectors: Sequence[Detector]) -> dict[bytes, list[int]]:
    """Every keyword and gate as a pattern, with the numbers of its detectors."""
    found: dict[bytes, list[int]] = {}
    for number, detector in enumerate(detectors):
        for keyword in detector.keywords:
            found.setdefault(encoded(detector, "(?i)" + re2.escape(keyword)), []).append(number)
        if detector.gate:
            found.setdefault(encoded(detector, detector.gate), []).append(number)
    return found


class Portable:
    """`re2.Set` over the keywords and gates."""

    name = "re2"

    def __init__(self, detectors: Sequence[Detector]) -> None:
        found = atoms(detectors)
        self._numbers = list(found.values())
        chosen = options()
        chosen.max_mem = MEMORY
        self._set = re2.Set.SearchSet(chosen)
        for pattern in found:
            self._set.Add(pattern)
        self._always = self._set.Add(b"")
        self._set.Compile()

    def hits(self, data: bytes) -> set[int]:
        if not self._numbers:
            return set()
        matched = self._set.Match(data) or ()
        # INVARIANT: what matches everything is among the matches, or RE2 ran out of memory, which it tells nobody.
        if self._always not in matched:
            raise Unfinished("RE2 ran out of memory")
        return {number for index in matched if index != self._always for number in self._numbers[index]}

    def cache(self) -> bytes:
        return b""


class Fast:
    """One Hyperscan database of the same."""

    name = "hyperscan"

    def __init__(self, detectors: Sequence[Detector], cache: bytes = b"") -> None:
        assert hyperscan is not None
        found = atoms(detectors)
        self._numbers = list(found.values())
        if not found:
            return
        if cache:
            self._database = hyperscan.loadb(cache, hyperscan.HS_MODE_BLOCK)
        else:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=list(found),
                ids=list(range(len(found))),
                flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(found),
            )
        self._database.scratch = hyperscan.Scratch(self._database)

    def hits(self, data: bytes) -> set[int]:
        found: set[int] = set()
        if self._numbers:
            indexes: set[int] = set()

            def hit(index: int, start: int, end: int, flags: int, context: object) -> None:
                indexes.add(index)

            self._database.scan(data, hit)
            for index in indexes:
                found.update(self._numbers[index])
        return found

    def cache(self) -> bytes:
        return hyperscan.dumpb(self._database) if hyperscan and self._numbers else b""


def available() -> bool:
    """Whether Hyperscan is installed here."""
    return hyperscan is not None
