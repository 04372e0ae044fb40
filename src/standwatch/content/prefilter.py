"""Which detectors can match at all: one pass over the text for all of them. It only saves work.

INVARIANT: a detector that would find something is among the hits, whichever engine is used. So both give the same
findings; the one with Hyperscan gives them sooner.
"""

from collections.abc import Sequence
from typing import Protocol

import re2

from standwatch.content.detector import Detector

try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None


class Prefilter(Protocol):
    name: str

    def hits(self, data: bytes) -> set[int]:
        """Numbers of the detectors of which a keyword or the gate stands in `data`."""
        ...

    def cache(self) -> bytes:
        """What makes the next start faster, or nothing."""
        ...


def options() -> "re2.Options":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, as in Hyperscan
    options.log_errors = False
    return options


def atoms(detectors: Sequence[Detector]) -> list[tuple[str, int]]:
    """Every keyword and gate as a pattern, with the number of its detector."""
    found: list[tuple[str, int]] = []
    for number, detector in enumerate(detectors):
        for keyword in detector.keywords:
            found.append(("(?i)" + re2.escape(keyword), number))
        if detector.gate:
            found.append((detector.gate, number))
    return found


class Portable:
    """`re2.Set` over the keywords and gates."""

    name = "re2"

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._set = re2.Set.SearchSet(options())
        self._numbers: list[int] = []
        for pattern, number in atoms(detectors):
            self._set.Add(pattern.encode())
            self._numbers.append(number)
        if self._numbers:
            self._set.Compile()

    def hits(self, data: bytes) -> set[int]:
        if not self._numbers:
            return set()
        return {self._numbers[index] for index in self._set.Match(data) or ()}

    def cache(self) -> bytes:
        return b""


class Fast:
    """One Hyperscan database of the same."""

    name = "hyperscan"

    def __init__(self, detectors: Sequence[Detector], cache: bytes = b"") -> None:
        assert hyperscan is not None
        found = atoms(detectors)
        self._some = bool(found)
        if not found:
            return
        if cache:
            self._database = hyperscan.loadb(bytearray(cache), hyperscan.HS_MODE_BLOCK)
        else:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=[pattern.encode() for pattern, _ in found],
                ids=[number for _, number in found],
                flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(found),
            )
        self._database.scratch = hyperscan.Scratch(self._database)

    def hits(self, data: bytes) -> set[int]:
        found: set[int] = set()
        if self._some:
            self._database.scan(data, lambda number, start, end, flags, context: found.add(number))
        return found

    def cache(self) -> bytes:
        return hyperscan.dumpb(self._database) if hyperscan and self._some else b""


def available() -> bool:
    """Whether Hyperscan is installed here."""
    return hyperscan is not None
