"""A text that comes in pieces: what is found is what a scan of the whole finds, however it was cut."""

from functools import lru_cache

from standwatch.content import views
from standwatch.content.detector import CONTEXT, GATE
from standwatch.content.found import Bounds, Found
from standwatch.content.prefilter import Prefilter
from standwatch.content.searching import Compiled, Work, search


@lru_cache(maxsize=256)
def _spans(compiled: tuple[Compiled, ...]) -> tuple[int, int]:
    """The longest reach and the longest lead of any: the same for every text that an engine reads."""
    reach = max((each.detector.reach for each in compiled), default=0)
    return reach, max((each.detector.lead for each in compiled), default=0)


class _Reading:
    """A sliding window of one reading, and how far each detector has read it (absolute bytes)."""

    def __init__(self, compiled: tuple[Compiled, ...], *, raw: bool) -> None:
        self.compiled = compiled
        self.data = b""
        self.base = 0
        self.place = views.Place(raw=raw)
        self.next = [0] * len(compiled)
        self.live: dict[int, int] = {}  # detector: absolute byte up to which a keyword stood
        self.due: dict[int, int] = {}  # detector: size at which a search decides something
        self.first: dict[int, int] = {}  # detector: where the keyword stands at the earliest that woke it
        self.longest, self.lead = _spans(compiled)

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
        drop = keep - 3 * CONTEXT - self.base
        if drop > self.longest:  # not at every piece: cutting copies
            self.data = self.data[drop:]
            self.base += drop
            self.place.forget(self.base)

    def awake(self, number: int, since: int) -> None:
        """A keyword stands somewhere after `since`: in a match that begins its reach before, or near one."""
        if number not in self.live:
            reach = self.compiled[number].detector.reach
            self.next[number] = max(self.next[number], since - reach - CONTEXT, 0)
            self.due[number] = self.size + reach + CONTEXT
            self.first[number] = since
        self.live[number] = self.size + CONTEXT

    def begins(self) -> int:
        """The byte before which nothing that is found later begins: no sleeping detector can have seen its keyword
        before the last GATE bytes, and one that is awake has read up to its place."""
        waiting = self.size - GATE - self.lead
        for number in self.live:
            waiting = min(
                waiting, max(self.next[number], self.first[number] - self.compiled[number].detector.lead)
            )
        return max(0, waiting)

    def one(self, number: int, work: Work, *, final: bool) -> list[Found]:
        """What one detector finds as far as it can be decided."""
        compiled = self.compiled[number]
        hits, onward = search(
            compiled, self.data, max(0, self.next[number] - self.base), final=final, work=work
        )
        self.next[number] = onward + self.base
        self.due[number] = self.size + max(CONTEXT, compiled.detector.reach // 4)
        if self.next[number] > self.live[number]:
            del self.live[number]
        detector, place = compiled.detector, self.place
        return [
            Found(
                start=place.start(hit.start + self.base),
                end=place.end(hit.end + self.base),
                kind=detector.kind,
                detector=detector.name,
                certain=hit.certain,
            )
            for hit in hits
        ]


class Stream:
    """One text on its way. `feed` its pieces, then `end`; each finding is told once, as soon as nothing that may
    still come could change it. Memory is bounded by the longest reach of a detector."""

    def __init__(
        self,
        clean: tuple[Compiled, ...],
        raw: tuple[Compiled, ...],
        filters: tuple[Prefilter, Prefilter],
        bounds: Bounds,
    ) -> None:
        self._prefilter, self._seeing = filters
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
        for reading in (self._clean, self._raw):
            if reading.compiled:
                waiting = min(waiting, reading.place.not_after(reading.begins()))
        return waiting

    def feed(self, text: str) -> tuple[Found, ...]:
        """The findings that this piece decided. Raises Unfinished; the stream is of no use afterwards."""
        self._work.read(len(text))
        self._fed += len(text)
        clean, plain = self._clean, text.isascii()
        fresh = views.utf8(text if plain else views.clean(text))
        clean.add(text, fresh)
        tail = clean.data[-(len(fresh) + GATE) :]
        since = clean.size - len(tail)
        for number in self._prefilter.hits(tail):
            clean.awake(number, since)
        if self._raw.compiled:
            self._see(text, fresh, plain)
        return self._read(final=False)

    def _see(self, text: str, fresh: bytes, plain: bool) -> None:
        """What looks for invisible characters is woken by one of them: none stands in ASCII."""
        since = self._raw.size
        given = fresh if plain else views.utf8(text)
        self._raw.add(text, given)
        if not plain:
            for number in self._seeing.hits(given):
                self._raw.awake(number, since)

    def end(self) -> tuple[Found, ...]:
        """What the end of the text decided."""
        return self._read(final=True)

    def _read(self, *, final: bool) -> tuple[Found, ...]:
        found: list[Found] = []
        for reading in (self._clean, self._raw):
            for number in tuple(reading.live):
                if final or reading.size >= reading.due[number]:
                    found.extend(reading.one(number, self._work, final=final))
            reading.trim()
        found.sort()
        return tuple(found)
