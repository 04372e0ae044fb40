"""What fronts and the recorder say to each other: the same frames in one process and over a Unix socket."""

from typing import Literal

import msgspec

from standwatch.facts.entries import AnyEntry
from standwatch.facts.parts import Part
from standwatch.facts.words import OutcomeStatus, Seam

RefusalCode = Literal[
    "stale", "behind", "run", "approval", "budget", "duplicate", "invalid", "unrecorded", "unknown"
]
"""`behind`: the run has outcomes that the verdict did not know; recall them and judge again.

`unrecorded`: it was not written. `unknown`: whether it was written is not known, and nothing may rest on either."""


class RowPart(msgspec.Struct, frozen=True, array_like=True):
    """Bytes to be sealed about row `row` of a decision entry, under the keys of its `subjects`.

    `row` is -1 for all rows of a batch about nobody: `data` is then the JSON array of the rows' bytes, and row k's
    salt is made from `salt` (`record.rows.row_salt`); else `data` are the row's bytes and `salt` its own.
    """

    row: int
    subjects: tuple[str, ...]
    salt: bytes
    data: bytes
    touched: bool = True
    """Whether the system decided about these people: who was only passed on is not counted as exposed to it."""


class Append(msgspec.Struct, frozen=True, tag=True):
    """Please write this entry, if it may still be written.

    `scopes` are those of the action, for the fence. `caps` names limits as `run/NAME`, `day/NAME` or
    `minute/NAME` with the most that may stand there afterwards (micro-units, or a count). `valid_until`: the
    earliest end of anything the verdict rests on (µs; 0 for none). `match` finds a question again when its
    action is retried. `subjects` are the data subjects whose keys seal the parts.
    """

    number: int
    entry: AnyEntry
    parts: tuple[Part, ...] = ()
    subjects: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    caps: dict[str, int] = {}
    valid_until: int = 0
    match: bytes = b""
    rows: tuple[RowPart, ...] = ()
    """Sealed rows of a decision entry."""
    heard: int | None = None
    """Which outcomes of its run the verdict knew (`record.known`); None for whatever they are."""
    before: tuple[AnyEntry, ...] = ()
    """Entries written just before this one, with it or not at all: what a configuration brings along."""


class Ack(msgspec.Struct, frozen=True, tag=True):
    """Append `number` is durable: its index, time (µs UTC) and leaf hash. INVARIANT: never sent before the fsync."""

    number: int
    index: int
    at: int
    leaf: bytes


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """Append `number` was not written. After `stale`, catch up to control entry `seen` and judge again."""

    number: int
    code: RefusalCode
    detail: str
    seen: int


class Told(msgspec.Struct, frozen=True, tag=True):
    """Entry `index` folds into your state. Told in order, before any later append is acknowledged."""

    index: int
    entry: AnyEntry


class Seen(msgspec.Struct, frozen=True, tag=True):
    """The worker has folded everything up to `index`."""

    index: int


class Find(msgspec.Struct, frozen=True, tag=True):
    """Is there a live question in this run that a retry of the same act would repeat?"""

    number: int
    run: str
    match: bytes


class Found(msgspec.Struct, frozen=True, tag=True):
    """The question's action id and canonical action bytes; empty where there is none."""

    number: int
    id: str = ""
    action: bytes = b""


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """The sealed part `name` of action or entry key `id`, unsealed."""

    number: int
    id: str
    name: str


class Fetched(msgspec.Struct, frozen=True, tag=True):
    """The part's bytes; `known` is False where there is none or its key was erased."""

    number: int
    data: bytes = b""
    known: bool = False


class Recall(msgspec.Struct, frozen=True, tag=True):
    """What has become of the acts of `run` by outcomes after entry `after`?"""

    number: int
    run: str
    after: int = -1


class Did(msgspec.Struct, frozen=True, array_like=True):
    """An act with its outcome. `result`: whether something came back that the caller was given. `going`: a generation
    whose intent is written and whose outcome is not; its prompt is read by then."""

    id: str
    tool: str
    seam: Seam
    status: OutcomeStatus
    result: bool
    going: bool = False


class Recalled(msgspec.Struct, frozen=True, tag=True):
    """The acts, in the order of the record; `heard` is the sum over all that the run has heard (`record.known`).

    `more`: there were earlier ones that are left out. `known` is False where nobody could look.
    """

    number: int
    heard: int = 0
    last: int = -1
    """Index of the last outcome; -1 for none."""
    acts: tuple[Did, ...] = ()
    more: bool = False
    known: bool = False


class Trace(msgspec.Struct, frozen=True, tag=True):
    """Has an act of this id left before, and what became of it?"""

    number: int
    id: str


class Traced(msgspec.Struct, frozen=True, tag=True):
    """`status` is that of its outcome, `open` while none is written, "" where no act of this id has left.

    `lapsed`: nothing left, and what was asked about it is over; `refused`: by a person. `result`: whether something
    came back that its caller was given; `sent`: whether its arguments were changed. `known` is False where nobody
    could look.
    """

    number: int
    known: bool = False
    status: Literal["", "open"] | OutcomeStatus = ""
    by: str = ""
    system: str = ""
    tool: str = ""
    sent: bool = False
    result: bool = False
    withheld: bool = False
    lapsed: bool = False
    refused: bool = False
    run: str = ""
    """Of the act that left."""


ToRecorder = Append | Seen | Find | Fetch | Recall | Trace
FromRecorder = Ack | Refusal | Told | Found | Fetched | Recalled | Traced
