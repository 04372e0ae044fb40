"""Read access to a log, wherever it lies: in an export, in a store, behind a listener.

Whoever verifies or explains asks for nothing else. A source is not trusted: what it answers is checked against
the checkpoint, and the checkpoint against a key and a head that the verifier kept.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, Protocol, runtime_checkable

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Evidence,
    Glass,
    Hold,
    Intent,
    Outcome,
    OutcomeChecked,
    Overridden,
    PasskeyEnded,
    Pulled,
    Relaxed,
    Released,
    Restored,
    Revalidated,
    RunOpened,
    SecondPlace,
    Shadowed,
    TaskTaken,
    Unmasked,
    Word,
)
from standwatch.facts.errors import Malformed, Misconfigured, NotFound, Tampered
from standwatch.facts.parts import (
    MOST_BODY,
    MOST_REFUSED,
    Action,
    Part,
    PartName,
    action_bytes,
    action_digest,
    commitment,
)
from standwatch.record.leaf import Unknown, decode
from standwatch.record.state import State
from standwatch.record.tiles import Tile, tile_source
from standwatch.record.tree import HashSource


class Sealed(msgspec.Struct, frozen=True):
    """What a source still has under one part's name: unsealed bytes (an action that was asked about and then
    released has findings twice), or the knowledge that they were erased."""

    parts: tuple[Part, ...] = ()
    erased: bool = False


class SealedRow(msgspec.Struct, frozen=True):
    """Row `row` of a decision entry: its own salt and bytes, or the knowledge that they were erased."""

    row: int
    salt: bytes = b""
    data: bytes = b""
    erased: bool = False


class SealedRows(msgspec.Struct, frozen=True):
    """What a source still has of the rows of a decision entry. `hashes` are all its leaf hashes, where kept apart."""

    rows: tuple[SealedRow, ...] = ()
    hashes: tuple[bytes, ...] = ()


class Source(Protocol):
    """A log of `size` entries, of which all in `span` can be read, and elsewhere at least those that state needs."""

    @property
    def size(self) -> int: ...

    @property
    def span(self) -> tuple[int, int]:
        """[start, end) of the entries that are all there."""
        ...

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint note. Raises `NotFound` where none was signed yet."""
        ...

    def leaf(self, index: int) -> bytes:
        """Raises `NotFound` where the source does not hold it, `Malformed` where it cannot be read."""
        ...

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """The entries held in [start, end), ascending. Raises as `leaf` does, also between two of them."""
        ...

    def of_action(self, ident: str) -> Sequence[int]:
        """Indices of the entries of action `ident`, ascending; empty for none."""
        ...

    def sealed(self, index: int, ident: str, name: PartName) -> Sealed:
        """The part `name` of entry `index`, whose action or run is `ident` ("" for other entries)."""
        ...

    def rows(self, index: int, ident: str, only: int | None = None) -> SealedRows:
        """The rows of decision entry `index` of action `ident`; with `only`, that one is enough."""
        ...

    def tile(self, tile: Tile) -> bytes:
        """A tile's hashes, end to end. Raises `NotFound`."""
        ...

    def state_before(self, index: int) -> State:
        """State folded over the entries before `index`; the caller may change it."""
        ...


@runtime_checkable
class Marked(Protocol):
    """A source that can tell who wrote the entries that stand behind its checkpoint."""

    def beyond(self) -> str:
        """What is wrong with them; "" for nothing, or where it cannot tell. Raises `Tampered`."""
        ...


def hashes(source: Source, size: int) -> HashSource:
    """The nodes of the tree of `size` entries, for proofs."""
    return tile_source(source.tile, size)


def read_leaf(leaf: bytes) -> AnyEntry | Unknown:
    """The entry in a leaf that nobody vouches for yet. Raises `Malformed` and nothing else."""
    try:
        return decode(leaf)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed(f"not a leaf: {error}") from None


class Commitment(msgspec.Struct, frozen=True):
    """That the leaf binds the bytes of part `name`: by HMAC with the part's salt, or (`plain`) by SHA-256."""

    name: PartName
    value: str
    plain: bool = False


def commitments(entry: AnyEntry | Unknown) -> tuple[Commitment, ...]:
    """What `entry` commits to."""
    match entry:
        case Decided() | Shadowed():
            named = (Commitment("context", entry.why),)
        case Intent() | Denied() | Asked() | Deferred():
            named = (Commitment("action", entry.digest, True), Commitment("findings", entry.why))
        case OutcomeChecked():
            named = (Commitment("result", entry.result), Commitment("findings", entry.why))
        case Outcome() | Word():
            named = (Commitment("result", entry.result),)
        case Contradicted():
            named = (Commitment("findings", entry.why),)
        case RunOpened() | TaskTaken():
            named = (Commitment("task", entry.why),)
        case Declared() | Config():
            named = (Commitment("manifest", entry.why),)
        case (
            Answered()
            | Endorsed()
            | Hold()
            | Released()
            | Evidence()
            | Coverage()
            | Overridden()
            | Deployed()
            | PasskeyEnded()
        ):
            named = (Commitment("reason", entry.why),)
        case Relaxed() | Restored() | Glass() | Pulled() | Revalidated() | SecondPlace():
            named = (Commitment("reason", entry.why),)
        case _:
            return ()
    return tuple(each for each in named if each.value)


def bound(entry: AnyEntry | Unknown, action: bytes) -> tuple[Commitment, ...]:
    """What the canonical `action` of a generation binds beside it: its body, by SHA-256, unless it was too long."""
    if not isinstance(entry, Intent | Denied | Asked | Deferred) or not entry.tool.endswith(GENERATION):
        return ()
    try:
        told = _generation(action)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return ()
    most = MOST_REFUSED if isinstance(entry, Denied) else MOST_BODY
    if told.event != "generation" or not told.arguments.sha256 or told.arguments.bytes > most:
        return ()
    return (Commitment("body", told.arguments.sha256, True),)


class _Body(msgspec.Struct):
    sha256: str = ""
    bytes: int = 0


class _Generation(msgspec.Struct):
    event: str
    arguments: _Body


_generation: Final = msgspec.json.Decoder(_Generation).decode
GENERATION: Final = ".generation"
"""How the tool of a generation ends in its entries."""


def all_commitments(source: Source, index: int, entry: AnyEntry | Unknown) -> tuple[Commitment, ...]:
    """What `entry` commits to, and what its action binds beside it as far as the action is here."""
    found = commitments(entry)
    if not isinstance(entry, Intent | Denied | Asked | Deferred) or not entry.tool.endswith(GENERATION):
        return found
    action = open_part(source, index, entry, found[0])
    return (*found, *bound(entry, action.data)) if action.fate == "present" else found


def ident_of(entry: AnyEntry | Unknown) -> str:
    """The action or run that `entry`'s parts are kept under; "" for other entries."""
    match entry:
        case Intent() | Denied() | Asked() | Deferred() | Pulled() | Answered() | Endorsed() | Outcome():
            return entry.id
        case Unmasked():
            return entry.id
        case Decided() | Shadowed() | Overridden() | Word() | Contradicted():
            return entry.id
        case RunOpened():
            return entry.run
        case _:
            return ""


Fate = Literal["present", "erased", "absent", "false", "none"]
"""What became of a part: readable and as committed; its key destroyed; not in this source; other bytes; or there
never was one."""


class Opening(msgspec.Struct, frozen=True):
    """A part as found beside its leaf. `data` only where it is what the leaf commits to."""

    fate: Fate
    data: bytes = b""


ABSENT: Final = Opening("absent")
NONE: Final = Opening("none")


def open_part(source: Source, index: int, entry: AnyEntry | Unknown, wanted: Commitment) -> Opening:
    """The part of entry `index` that `wanted` commits to."""
    try:
        found = source.sealed(index, ident_of(entry), wanted.name)
    except (NotFound, Misconfigured):  # it, or the key above its keys, is not here
        return ABSENT
    except (Malformed, Tampered):
        return Opening("false")
    for part in found.parts:
        if (action_digest(part.data) if wanted.plain else commitment(part.salt, part.data)) == wanted.value:
            return Opening("present", part.data)
    if found.erased:
        return Opening("erased")
    return Opening("false") if found.parts else ABSENT


def read_action(data: bytes) -> Action:
    """The action in canonical bytes. Raises `Malformed` for bytes that `action_bytes` would not write."""
    value = parse(data)
    try:
        members: dict[str, Any] = msgspec.convert(value, dict[str, Any])
        kind = members.pop("kind", None)
        action = msgspec.convert(members, Action)
    except msgspec.ValidationError as error:
        raise Malformed(f"not an action: {error}") from None
    if kind != "action.1" or action_bytes(action) != data:
        raise Malformed("not the canonical bytes of an action")
    return action
