"""A text that comes in pieces: what is found is what a scan of the whole finds, however it was cut."""

from standwatch.content import views
from standwatch.content.detector import CONTEXT, GATE, View
from standwatch.content.found import Bounds, Found
from standwatch.content.prefilter import Prefilter
from standwatch.content.searching import Compiled, Work, search


class _Reading:
    """A sliding window of one reading, and how far each detector has read it (absolute bytes)."""

    def __init__(self, compiled: tuple[Compiled, ...], *, raw: bool) -> None:
        self.compiled = compiled
        self.data = b""
        self.base = 0
        self.place = views.Place(raw=raw)
        self.next = [0] * len(compiled)
        self.live: dict[int, int] = {}  # detector: absolute byte up to which a keyword stood
        self.longest = max((each.detector.reach for each in compiled), default=0)

    def add(self, text: str, data: bytes) -> None:
        self.place.add(text, len(data))
        self.data += data

    @property
    def size(self) -> int:
        return self.base + len(self.data)

    def trim(self) -> None:
        """Forgets what no detector can need: a match may begin its reach before a keyword, and look back a little."""
        keep = self.size - self.longest - GATE
        for number in self.live:
            keep = min(keep, self.next[number])
        drop = keep - 2 * CONTEXT - self.base
        if drop > self.longest:  # not at every piece: cutting copies
            self.data = self.data[drop:]
            self.base += drop
            self.place.forget(self.base)


class Stream:
    """One text on its way. `feed` its pieces, then `end`; each finding is told once, as soon as nothing that may
    still come could change it. Memory is bounded by the longest reach of a detector."""

    def __init__(
        self, clean: tuple[Compiled, ...], raw: tuple[Compiled, ...], filtered: Prefilter, bounds: Bounds
    ) -> None:
        self._prefilter = filtered
        self._work = Work(bounds)
        self._clean = _Reading(clean, raw=False)
        self._raw = _Reading(raw, raw=True)
        self._plain = True
        self._fed = 0

    @property
    def fed(self) -> int:
        """Characters given so far."""
        return self._fed

    @property
    def settled(self) -> int:
        """Characters that may go on: no finding that is still to come begins before this one."""
        waiting = self._fed
        for reading in (self._clean,):
            waiting = min(waiting, reading.place.start(max(0, reading.size - reading.longest - GATE)))
        return waiting

    def feed(self, text: str) -> tuple[Found, ...]:
        """The findings that this piece decided. Raises Unfinished; the stream is of no use afterwards."""
        self._work.read(len(text))
        self._fed += len(text)
        fresh = views.utf8(views.clean(text))
        clean = self._clean
        clean.add(text, fresh)
        tail = clean.data[-(len(fresh) + GATE) :]
        since = clean.size - len(tail)
        for number in self._prefilter.hits(tail):
            self._awake(clean, number, since)
        return self._read(final=False)

    def end(self) -> tuple[Found, ...]:
        """What the end of the text decided."""
        return self._read(final=True)

    def _awake(self, reading: _Reading, number: int, since: int) -> None:
        """A keyword stands somewhere after `since`: a match may begin its reach before."""
        if number not in reading.live:
            reach = reading.compiled[number].detector.reach
            reading.next[number] = max(reading.next[number], since - reach, 0)
        reading.live[number] = reading.size

    def _read(self, *, final: bool) -> tuple[Found, ...]:
        reading = self._clean
        found: list[Found] = []
        for number in tuple(reading.live):
            found.extend(self._one(reading, number, final=final))
        reading.trim()
        return tuple(sorted(found))

    def _one(self, reading: _Reading, number: int, *, final: bool) -> list[Found]:
        compiled = reading.compiled[number]
        data = reading.data if compiled.detector.view is not View.FOLDED else reading.data.lower()
        hits, onward = search(
            compiled, data, max(0, reading.next[number] - reading.base), final=final, work=self._work
        )
        reading.next[number] = onward + reading.base
        if reading.next[number] > reading.live[number]:
            del reading.live[number]
        detector, place = compiled.detector, reading.place
        return [
            Found(
                start=place.start(hit.start + reading.base),
                end=place.end(hit.end + reading.base),
                kind=detector.kind,
                detector=detector.name,
                certain=hit.certain,
            )
            for hit in hits
        ]
