"""What an outside party wrote in a run, so kept that a value is found in it whatever its spelling.

Texts are squeezed to their letters and digits (`fold.loose`) and kept in blocks; each block has a filter: which tokens
it has, and which runs of six characters stand at a multiple of six in it. A value that is not there is nearly always
turned away by the filter, which costs a few µs whatever was read; one that passes is looked for, so a filter is never
believed when it says yes. Any run of eleven characters has an aligned six, so nothing that long is overlooked.

Measured (`python -m bench.flow`): see docs/performance.md. Against a set of every six letters: a third of the memory.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from standwatch.flow.amounts import numbers
from standwatch.flow.dates import dates, times
from standwatch.flow.decoding import decoded
from standwatch.flow.fields import Late
from standwatch.flow.fold import TOKEN, loose
from standwatch.flow.origin import Place

MOST: Final = 2 << 20
"""Letters and digits kept of one run; what comes beyond is not indexed, and says so."""
MOST_OF_ONE: Final = 1 << 20
"""Characters looked at of one read, its decoded forms apart."""
MOST_ITEMS: Final = 20_000
"""Numbers, dates and times of one run."""
ITEMS_A_DIGIT: Final = 4
"""Numbers, dates and times that a text has at most for each of its digits."""
SEGMENT: Final = 8_192
"""Characters that are folded at a time; a place is told as precisely."""
OVERLAP: Final = 256
"""Letters of a read that two neighbouring blocks both have."""
SHORTEST: Final = 4
"""Letters of a value that is looked for; a shorter one is found anywhere, which says nothing. Numbers are exempt."""
GRAM: Final = 6
PIECE: Final = 4
"""Letters of a piece, where a value is put together of several."""
RUN: Final = 12
"""Letters in a row that a value without spaces has from one place: it is from there. Seventeen are always seen."""
PROSE: Final = 18
"""The same of a text; twenty-three are always seen."""
PART: Final = 12
"""Letters at each end of a text that is put together of two parts, or of three."""

PENDING: Final = 1 << 18
"""Characters of a run that wait to be indexed until somebody asks; with more the oldest are indexed."""
AT_ONCE: Final = 1 << 15
"""Characters that are gone through at one go by who has others to serve: some 3 ms, or 2 of numbers and dates."""
MOST_WAITING: Final = 1_000
"""Texts likewise."""

LOOKS: Final = 256
"""Times that blocks are searched for one value. A value that comes to more is made of what was read, piece by piece."""

_SIZES: Final = (4_096, 16_384, 65_536)
_sixes: Final = re.compile(r".{6}", re.DOTALL)


class _Block(msgspec.Struct):
    size: int
    filter: bytearray
    texts: list[str] = []
    length: int = 0
    starts: list[tuple[int, Place]] = []
    joined: str = ""

    def text(self) -> str:
        if len(self.texts) > 1 or not self.joined:
            self.joined = "".join(self.texts)
            self.texts = [self.joined]
        return self.joined

    def place(self, at: int) -> Place:
        found = self.starts[0][1]
        for start, place in self.starts:
            if start > at:
                break
            found = place
        return found


class Unsettled(BaseException):
    """More waits than is gone through at one go. Nothing was found or decided: `settle_some`, and look up again.

    No `Exception`: a check that is broken off by it has not failed.
    """


class Seen:
    """Texts of one run.

    Much of what is read is never asked about: texts wait, and the first look-up after them goes through them (some
    25 to 40 ms where 256 kB wait), or tells its caller to have that done in pieces (`spread`).
    INVARIANT: a look-up sees everything that was added before it, and `overflow` tells of all of it.
    """

    def __init__(self) -> None:
        self._overflow: Place | None = None
        self._waiting: deque[tuple[str | Late, int, Place]] = deque()
        self._pending = 0
        self.spread = False
        """Whether a look-up that has much to go through first raises `Unsettled` instead."""
        self._noting = False
        self._unnoted: deque[tuple[str, int, Place]] = deque()
        """Segments whose numbers, dates and times wait: most values that are looked up are none."""
        self._to_note = self._digits = 0
        self._blocks: list[_Block] = []
        self._items: dict[str, Place] = {}
        self._length = 0
        self._looks = 0
        self.worked = 0
        """Characters gone through: what tests hold to be linear."""

    def add(self, text: str, place: Place) -> None:
        """Take in a text that was read at `place`, and what it says once its encodings are undone."""
        self._wait(text, place)

    def read(self, result: Late, place: Place) -> None:
        """As `add`, for all that a result says."""
        self._wait(result, place)

    def _wait(self, said: str | Late, place: Place) -> None:
        self._waiting.append((said, len(said), place))
        self._pending += len(said)
        while self._pending > PENDING or len(self._waiting) > MOST_WAITING:
            self._settle_oldest()

    @property
    def waits(self) -> bool:
        """Whether a look-up may have more to go through than is done at one go."""
        return self._pending > AT_ONCE or self._to_note > AT_ONCE

    def settle_some(self) -> bool:
        """Go through as much as is done at one go; whether more is left of what a look-up wanted."""
        done = self.worked
        while self._waiting and self.worked - done < AT_ONCE:
            self._settle_oldest()
        if self._noting and not self._waiting:
            left = self._to_note
            while self._unnoted and left - self._to_note < AT_ONCE:
                self._note_oldest()
            self._noting = bool(self._unnoted)
        return bool(self._waiting) or self._noting

    @property
    def overflow(self) -> Place | None:
        """Where something was read that is not all here; None while everything is."""
        self._settle()
        # INVARIANT: what waits cannot come to more numbers than may be kept, or it is gone through now.
        if len(self._items) + ITEMS_A_DIGIT * self._digits > MOST_ITEMS:
            self._note_all()
        return self._overflow

    def _settle(self) -> None:
        if self.spread and self._pending > AT_ONCE:
            raise Unsettled
        while self._waiting:
            self._settle_oldest()

    def _settle_oldest(self) -> None:
        said, length, place = self._waiting.popleft()
        self._pending -= length
        for text in (said,) if isinstance(said, str) else said.texts():
            self._take_all(text, place)

    def _take_all(self, text: str, place: Place) -> None:
        if len(text) > MOST_OF_ONE:
            self._overflow = place
            text = text[:MOST_OF_ONE]
        self._take(text, place, exact=True)
        for found in decoded(text):
            self._take(found, place, exact=False)

    def _take(self, text: str, place: Place, *, exact: bool) -> None:
        self.worked += len(text)
        start = 0
        while start < len(text):
            end = _cut(text, start)
            folded = loose(text[start:end])
            here = msgspec.structs.replace(place, at=f"offset:{start}" if exact else "decoded")
            tokens = _tokens(folded)
            self._keep(tokens, here, follows=start > 0)
            self._postpone(text[start:end] if folded.isascii() else folded, here)
            start = end

    def _keep(self, tokens: list[str], place: Place, *, follows: bool) -> None:
        squeezed = "".join(tokens)
        if not squeezed:
            return
        if self._length + len(squeezed) > MOST:
            self._overflow = place
            return
        self._length += len(squeezed)
        block = self._blocks[-1] if self._blocks else self._open("")
        if block.length and block.length + len(squeezed) > block.size:
            block = self._open(block.text()[-OVERLAP:] if follows else "")
        mask, slots = len(block.filter) - 1, block.filter
        for code in map(hash, set(tokens)):
            slots[code & mask] = 1
        block.starts.append((block.length, place))
        block.texts.append(squeezed)
        # The sixes go on where the last text ended, so that a value across two segments has its aligned six.
        held = block.length % GRAM
        before = block.texts[-2][-held:] if held and len(block.texts) > 1 else ""
        if len(before) < held:
            before = block.text()[block.length - held : block.length]
        block.length += len(squeezed)
        for code in map(hash, _sixes.findall(before + squeezed)):
            slots[code & mask] = 1

    def _open(self, carried: str) -> _Block:
        size = _SIZES[min(len(self._blocks), len(_SIZES) - 1)]
        block = _Block(size, bytearray(max(2 * size, 32_768)))
        if carried:
            block.texts.append(carried)
            block.length = len(carried)
            block.starts.append((0, self._blocks[-1].starts[-1][1]))
            mask = len(block.filter) - 1
            for code in map(hash, _sixes.findall(carried)):
                block.filter[code & mask] = 1
        self._blocks.append(block)
        return block

    def _postpone(self, text: str, place: Place) -> None:
        digits = (
            len(text) - len(text.encode().translate(None, b"0123456789")) if text.isascii() else len(text)
        )
        if not digits:
            return
        self._unnoted.append((text, digits, place))
        self._to_note += len(text)
        self._digits += digits
        while self._to_note > PENDING or len(self._unnoted) > MOST_WAITING:
            self._note_oldest()

    def _note_all(self) -> None:
        if self.spread and self._to_note > AT_ONCE:
            self._noting = True
            raise Unsettled
        while self._unnoted:
            self._note_oldest()

    def _note_oldest(self) -> None:
        text, digits, place = self._unnoted.popleft()
        self._to_note -= len(text)
        self._digits -= digits
        self._note(text, place)

    def _note(self, text: str, place: Place) -> None:
        """The numbers, dates and times of a text, in their one spelling."""
        for item in items(text):
            if len(self._items) >= MOST_ITEMS:
                self._overflow = place
                return
            self._items[item] = place

    # --------------------------------------------------------------------------------------------- looking up

    def item(self, item: str) -> Place | None:
        """Where a number, date or time was read, in its one spelling."""
        self._settle()
        self._note_all()
        return self._items.get(item)

    def find(self, text: str, *, prose: bool) -> tuple[Place, ...]:
        """Where `text` was read: as a whole, in pieces that make it up, or a long run of it. `text` is as its writer
        wrote it; `prose` says whether it is a text rather than a name."""
        self._settle()
        tokens = _tokens(loose(text))
        squeezed = "".join(tokens)
        self.worked += len(squeezed)
        if len(squeezed) < SHORTEST or not self._blocks:
            return ()
        self._looks = LOOKS
        try:
            return self._find(squeezed, tokens, prose=prose)
        except _Enough as enough:
            return (enough.place,)

    def _find(self, squeezed: str, tokens: list[str], *, prose: bool) -> tuple[Place, ...]:
        for one in (squeezed, squeezed[::-1]):
            found = self._whole(one)
            if found is not None:
                return (found,)
        found = self._run(squeezed, PROSE if prose else RUN)
        if found is not None:
            return (found,)
        return self._parts(squeezed) if prose else self._pieces(tokens)

    def _parts(self, squeezed: str) -> tuple[Place, ...]:
        """Where the beginning and the end of a text stand, if they and what is between them make up all of it. Any run
        of a longer text is found by itself."""
        size = len(squeezed)
        if not 2 * PART <= size <= 4 * PROSE:
            return ()
        head, first = self._longest(size - PART, lambda length: squeezed[:length])
        tail, last = self._longest(size - PART, lambda length: squeezed[-length:]) if first else (0, None)
        if first is None or last is None:
            return ()
        rest = squeezed[head : size - tail]
        if not rest:
            return (first, last)
        between = self._whole(rest) if len(rest) >= PIECE else None
        return (first, between, last) if between is not None else ()

    def _longest(self, most: int, part: Callable[[int], str]) -> tuple[int, Place | None]:
        """How many letters of a text, `PART` to `most`, stand together somewhere, and where; 0 for too few."""
        least, found = PART, self._whole(part(PART))
        if found is None:
            return 0, None
        while least < most:
            middle = (least + most + 1) // 2
            place = self._whole(part(middle))
            if place is None:
                most = middle - 1
            else:
                least, found = middle, place
        return least, found

    def _look(self, block: _Block, squeezed: str) -> Place | None:
        self._looks -= 1
        if self._looks < 0:
            raise _Enough(block.starts[0][1])
        at = block.text().find(squeezed)
        return None if at < 0 else block.place(at)

    def _whole(self, squeezed: str) -> Place | None:
        if len(squeezed) <= GRAM:
            code = hash(squeezed)
            blocks = (one for one in self._blocks if one.filter[code & (len(one.filter) - 1)])
        elif len(squeezed) < 2 * GRAM - 1:
            blocks = iter(self._blocks)
        else:
            codes = _codes(squeezed[:OVERLAP])
            blocks = (one for one in self._blocks if _may_have(one, codes))
        return next((found for one in blocks if (found := self._look(one, squeezed)) is not None), None)

    def _run(self, squeezed: str, least: int) -> Place | None:
        """Where `least` characters in a row of it stand. Windows are looked at as often as the least run has room."""
        grams = least // GRAM
        last = len(squeezed) - least
        if last < 0:
            return None
        codes = [hash(squeezed[at : at + GRAM]) for at in range(len(squeezed) - GRAM + 1)]
        for block in self._blocks:
            slots, mask = block.filter, len(block.filter) - 1
            hits = [slots[code & mask] for code in codes]
            for at in range(last + 1):
                if not hits[at] or not all(hits[at + GRAM * each] for each in range(1, grams)):
                    continue
                found = self._look(block, squeezed[at : at + least])
                if found is not None:
                    return found
        return None

    def _pieces(self, tokens: list[str]) -> tuple[Place, ...]:
        """Where the pieces stand that make up the whole value: its own words, or two to four put together."""
        places: list[Place] = []
        for token in tokens:
            if len(token) < PIECE and len(tokens) > 1:
                continue
            found = self._whole(token) if len(tokens) > 1 else None
            parts = (found,) if found is not None else self._joined(token)
            if not parts:
                return ()
            places += parts
        return tuple(dict.fromkeys(places))

    def _joined(self, token: str, depth: int = 3) -> tuple[Place, ...]:
        """Tokens of what was read that make up `token` one after another."""
        if not depth or not 2 * PIECE <= len(token) <= 80:
            return ()
        for cut in range(len(token) - PIECE, PIECE - 1, -1):
            head = self._token(token[:cut])
            if head is None:
                continue
            tail = self._token(token[cut:])
            rest = (tail,) if tail is not None else self._joined(token[cut:], depth - 1)
            if rest:
                return (head, *rest)
        return ()

    def _token(self, token: str) -> Place | None:
        code = hash(token)
        blocks = (one for one in self._blocks if one.filter[code & (len(one.filter) - 1)])
        return next((found for one in blocks if (found := self._look(one, token)) is not None), None)


class _Enough(Exception):
    """A value was looked for as often as one may be."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


def items(text: str) -> Iterator[str]:
    """Every number, date and time that `text` can be read to have."""
    for one in numbers(text, strict=False):
        yield f"n:{one}"
    for one in dates(text, strict=False):
        yield f"d:{one}"
    for one in times(text):
        yield f"t:{one}"


def _tokens(folded: str) -> list[str]:
    """The letters and digits of `folded` that stand together."""
    return folded.translate(_APART).split() if folded.isascii() else TOKEN.findall(folded)


_APART: Final = "".join(chr(each) if chr(each).isalnum() else " " for each in range(128))
"""Splitting at white space does what `fold.TOKEN` does, and is several times as fast."""


def _codes(squeezed: str) -> list[list[int]]:
    """For each alignment, the hashes of the sixes that a block must have where it has `squeezed` so aligned."""
    codes = [hash(squeezed[at : at + GRAM]) for at in range(len(squeezed) - GRAM + 1)]
    return [codes[shift::GRAM] for shift in range(min(GRAM, len(codes)))]


def _may_have(block: _Block, codes: list[list[int]]) -> bool:
    slots, mask = block.filter, len(block.filter) - 1
    for one in codes:
        for code in one:
            if not slots[code & mask]:
                break
        else:
            return True
    return False


def _cut(text: str, start: int) -> int:
    """The end of a segment that begins at `start`: behind white space where there is some near."""
    end = start + SEGMENT
    if end >= len(text):
        return len(text)
    for at in range(end, end - 200, -1):
        if text[at - 1].isspace():
            return at
    return end
