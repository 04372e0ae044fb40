"""Leaves: JSON that is JCS by construction (RECORD.md, Leaves 1–3).

Closed structs with lower-case ASCII names, safe integers, no floats and no nulls, encoded sorted with defaults
omitted: under these rules msgspec's bytes are RFC 8785's. A reader decodes, re-encodes and compares.
"""

from typing import Any, Final

import msgspec

from standwatch.facts.entries import AnyEntry
from standwatch.facts.errors import Malformed

MAX_LEAF: Final = 65_535
"""Bytes an entry may have: C2SP bundles carry a 16-bit length."""

_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(AnyEntry)
_members: Final = msgspec.json.Decoder(dict[str, Any])


class Unknown(msgspec.Struct, frozen=True):
    """An entry of a kind this version does not know: `act.*` is skipped aloud, `ctl.*` stops the fold."""

    kind: str
    at: int
    by: str
    folds: bool


def encode(entry: AnyEntry, at: int) -> bytes:
    """The leaf of `entry`, written at `at` (µs UTC): `at` is always the first member, so it is spliced in."""
    body = _encoder.encode(entry)
    if entry.at:
        raise ValueError("the sequencer writes the time; an entry comes without one")
    leaf = b'{"at":%d,%b' % (at, body[1:])
    if len(leaf) > MAX_LEAF:
        raise Malformed(f"an entry holds at most {MAX_LEAF} bytes; this one has {len(leaf)}")
    return leaf


def decode(leaf: bytes) -> AnyEntry | Unknown:
    """The entry in `leaf`. Raises `Malformed` for bytes that no writer following the rules can have written."""
    try:
        entry = _decoder.decode(leaf)
    except msgspec.ValidationError:
        return _decode_unknown(leaf)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"not a leaf: {error}") from None
    if _encoder.encode(entry) != leaf:
        raise Malformed("not canonical: decoding and encoding again gives other bytes")
    return entry


def _decode_unknown(leaf: bytes) -> Unknown:
    try:
        value = _members.decode(leaf)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("a leaf is one JSON object") from None
    if _encoder.encode(value) != leaf:
        raise Malformed("not canonical: an unknown kind still follows the rules of every leaf")
    kind, at = value.get("kind"), value.get("at")
    if not isinstance(kind, str) or type(at) is not int or kind in KNOWN:
        raise Malformed(f"not a leaf of kind {kind!r}")
    return Unknown(kind, at, str(value.get("by", "")), not kind.startswith("act."))


KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in AnyEntry.__args__)
"""The names of all kinds this version reads and writes."""
