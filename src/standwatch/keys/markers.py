"""Halts that work with the server down and on a full disk: markers written in place into space reserved beforehand.

`halts.reserve` has 64 slots of 1,024 bytes, allocated when the organisation is made. A marker is `SWH1`, the
length of its JSON (2 bytes, big-endian), the JSON, and the first 8 bytes of the SHA-256 of both; zeroes make a slot
free. Nothing is ever appended or renamed, so no block has to be found; a torn write fails its checksum and is no
marker. The server reads the markers before its listeners open, sequences their holds, and frees the slots.

Imports nothing heavy: `standwatch halt` has to start in a moment.
"""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, cast

from standwatch.facts.errors import Unrecorded

FILE: Final = "halts.reserve"
SLOT: Final = 1024  # bytes
SLOTS: Final = 64
_MAGIC: Final = b"SWH1"
_SUM: Final = 8
_MOST: Final = SLOT - len(_MAGIC) - 2 - _SUM
_EMPTY: Final = bytes(SLOT)
_PER_REASON: Final = 400  # bytes of the reason that are kept


class Marker(NamedTuple):
    """A halt that waits for the server: who ordered it when (µs UTC), on what, and until when (0: until released)."""

    slot: int
    scope: str
    by: str
    at: int
    reason: str = ""
    until: int = 0


def reserve(folder: Path) -> Path:
    """Make the reserve in `folder` where there is none: written whole and durable. Returns its path."""
    path = folder / FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(handle).st_size < SLOT * SLOTS:
                os.pwrite(handle, bytes(SLOT * SLOTS), 0)  # real zeroes: a hole would need space later
            os.fsync(handle)
        finally:
            os.close(handle)
    return path


def write_marker(folder: Path, scope: str, by: str, at: int, *, reason: str, until: int = 0) -> Marker:
    """Leave a marker, durable when this returns. The same scope twice by the same holder is one marker.

    The last slot is kept for `all`. Raises `Unrecorded` where the reserve is full or cannot be written.
    """
    try:
        reserve(folder)
        with _opened(folder) as handle:
            markers, free = _scan(handle)
            known = next((m for m in markers if m.scope == scope and m.by == by and m.until == until), None)
            if known is not None:
                return known
            slot = next((slot for slot in free if slot < SLOTS - 1 or scope == "all"), -1)
            if slot < 0:
                raise Unrecorded(
                    f"the reserve for halts is full ({SLOTS} markers)", cure="standwatch halt all"
                )
            marker = Marker(slot, scope, by, at, _cut(reason), until)
            os.pwrite(handle, _encode(marker), slot * SLOT)
            os.fdatasync(handle)
            return marker
    except OSError as error:
        raise Unrecorded(
            f"the halt could not be written to {folder / FILE}: {error.strerror or error}",
            cure="stop the server's process: without it nothing is forwarded",
        ) from None


def read_markers(folder: Path) -> list[Marker]:
    """The markers in `folder`, in the order of their slots; none where there is no reserve."""
    if not (folder / FILE).exists():
        return []
    with _opened(folder) as handle:
        return _scan(handle)[0]


def clear_markers(folder: Path, markers: list[Marker]) -> None:
    """Free the slots of `markers`, once their holds are in the record. A slot that was written anew is left alone."""
    if not markers:
        return
    with _opened(folder) as handle:
        standing = _scan(handle)[0]
        for marker in markers:
            if marker in standing:
                os.pwrite(handle, _EMPTY, marker.slot * SLOT)
        os.fdatasync(handle)


@contextmanager
def _opened(folder: Path) -> Generator[int]:
    handle = os.open(folder / FILE, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _scan(handle: int) -> tuple[list[Marker], list[int]]:
    """The markers, and the slots that are free: never written, or torn."""
    data = os.pread(handle, SLOT * SLOTS, 0)
    markers: list[Marker] = []
    free: list[int] = []
    for slot in range(SLOTS):
        marker = _decode(slot, data[slot * SLOT : (slot + 1) * SLOT])
        if marker is None:
            free.append(slot)
        else:
            markers.append(marker)
    return markers, free


def _encode(marker: Marker) -> bytes:
    """The bytes of a slot."""
    body = json.dumps(marker._asdict() | {"slot": 0}, ensure_ascii=False).encode()
    if len(body) > _MOST:
        raise Unrecorded("the scope is too long for a marker", cure="standwatch halt all")
    head = _MAGIC + len(body).to_bytes(2, "big") + body
    return (head + sha256(head).digest()[:_SUM]).ljust(SLOT, b"\0")


def _decode(slot: int, data: bytes) -> Marker | None:
    length = int.from_bytes(data[4:6], "big")
    end = 6 + length
    if data[:4] != _MAGIC or length > _MOST or sha256(data[:end]).digest()[:_SUM] != data[end : end + _SUM]:
        return None
    try:
        found = cast("dict[str, object]", json.loads(data[6:end]))
        return Marker(
            slot,
            str(found["scope"]),
            str(found["by"]),
            int(str(found["at"])),
            str(found["reason"]),
            int(str(found["until"])),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _cut(reason: str) -> str:
    """As much of `reason` as its share of a slot takes, escaped as JSON escapes it."""
    kept = reason.encode(errors="replace")[:_PER_REASON].decode(errors="ignore")
    while len(json.dumps(kept, ensure_ascii=False).encode()) > _PER_REASON + 2:
        kept = kept[: len(kept) * 3 // 4]
    return kept
