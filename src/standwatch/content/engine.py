"""The engine: detectors compiled once, run over whole texts or streams. It decides nothing, it only finds.

A finding is defined by the pattern, run by RE2 from left to right over the detector's reading of the text, and by the
confirmation of each match: after a refused match the search goes on one byte further, after an accepted one at the end
of its value. The prefilter only saves searches. So what is found depends neither on the engine of the prefilter nor on
where a stream was cut.
"""

from collections.abc import Sequence
from hashlib import sha256

from standwatch.content import prefilter
from standwatch.content.detector import Detector, View
from standwatch.content.found import Bounds, Found
from standwatch.content.prefilter import Fast, Portable, Prefilter
from standwatch.content.searching import Compiled
from standwatch.content.streaming import Stream

_VERSION = b"standwatch content 1"


class Engine:
    """Detectors compiled once. Threads may share it, streams may not be shared."""

    def __init__(
        self,
        detectors: Sequence[Detector],
        *,
        cache: bytes = b"",
        portable: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        """`cache`: what `cache()` gave for the same detectors; another is not used.

        INVARIANT: the caller has authenticated `cache`: it is loaded by native code that trusts it.
        """
        self.bounds = bounds or Bounds()
        self.compiled = tuple(Compiled(detector) for detector in detectors)
        raw = View.RAW
        self.clean = tuple(each for each in self.compiled if each.detector.view is not raw)
        self.raw = tuple(each for each in self.compiled if each.detector.view is raw)
        self._mark = _mark(detectors)
        self.prefilter: Prefilter = self._prefilter(cache, portable)
        self._seeing = Portable([each.detector for each in self.raw])

    def _prefilter(self, cache: bytes, portable: bool) -> Prefilter:
        detectors = [each.detector for each in self.clean]
        if portable or not prefilter.available():
            return Portable(detectors)
        own = cache[len(self._mark) :] if cache.startswith(self._mark) else b""
        return Fast(detectors, own)

    def cache(self) -> bytes:
        """What a later start with the same detectors loads instead of compiling."""
        inner = self.prefilter.cache()
        return self._mark + inner if inner else b""

    def scan(self, text: str) -> tuple[Found, ...]:
        """Everything that stands in `text`, by position. Raises Unfinished where a bound is hit."""
        if len(text) <= self.bounds.characters and text.isascii() and not self.prefilter.hits(text.encode()):
            return ()  # nearly always: no detector of the clean reading is woken, and none of the raw one by ASCII
        stream = self.stream()
        return tuple(sorted((*stream.feed(text), *stream.end())))

    def stream(self) -> Stream:
        return Stream(self.clean, self.raw, (self.prefilter, self._seeing), self.bounds)


def _mark(detectors: Sequence[Detector]) -> bytes:
    text = repr([(each.name, each.pattern, each.keywords, each.gate) for each in detectors]).encode()
    return sha256(_VERSION + text).digest()
