"""What the record is, how far it is signed, and whether it is what it claims to be: for people who look at it.

The server verifies itself here, in a process of its own; that convinces nobody else. `standwatch verify` on another
machine, with a checkpoint kept there, does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from standwatch.declare.configuration import declare
from standwatch.facts.entries import Opened
from standwatch.facts.errors import Conflict, Forbidden, NotFound, StandwatchError
from standwatch.fronts.control_ports import Actor, LogLine
from standwatch.fronts.control_record import (
    Compared,
    CompareOrder,
    ProblemLine,
    RecordDocument,
    TileLine,
    VerificationLine,
    VerifyOrder,
)
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, parse_text
from standwatch.record.note import Note, parse, parse_vkey
from standwatch.record.source import Source, hashes, read_leaf
from standwatch.record.tiles import TILE_HEIGHT, TILE_WIDTH
from standwatch.record.tree import Unproven, consistency_proof, verify_consistency
from standwatch.record.verify import Verification
from standwatch.serve.aside import Aside
from standwatch.serve.control_reading import Record, time_of
from standwatch.serve.replaying import SECONDS, replay
from standwatch.serve.verifying import Wanted, verified

_SECONDS: Final = 1_800
"""Of a processor, that one verification may take: five million entries take some minutes."""


class Custody:
    """The record of one organisation. Times in µs UTC."""

    def __init__(self, source: Record, vkey: str, clock: Callable[[], int]) -> None:
        self._source = source
        self._vkey = vkey
        self._clock = clock
        self.aside: Aside | None = None
        """Set by whoever runs a server; without it a thread verifies."""
        self._last: VerificationLine | None = None
        self._task: asyncio.Task[None] | None = None

    async def document(
        self, who: Actor, source: Record, log: LogLine, seams: dict[str, int], bypasses: Sequence[str] = ()
    ) -> RecordDocument:
        """All of it, as it stands in `source`: now, or at a moment of the past, of which no verification is told."""
        _reads(who)
        found = await asyncio.to_thread(_document, source, self._vkey, log, seams, tuple(bypasses))
        return (
            found if source is not self._source else msgspec.structs.replace(found, verification=self._last)
        )

    async def verify(self, who: Actor, order: VerifyOrder) -> VerificationLine:
        """Begin a verification in the background; `document` says how far it is."""
        _reads(who)
        if self._last is not None and self._last.status == "running":
            raise Conflict(
                "a verification is under way: wait for it", code="running", cure="GET /api/v1/record"
            )
        size = self._source.size
        latest = max(0, min(order.latest, size))
        self._last = VerificationLine(
            status="running",
            begun=self._clock(),
            by=who.ident,
            of=size,
            covers=(size - latest if latest else 0, size),
        )
        self._task = asyncio.get_running_loop().create_task(self._run(self._last, latest))
        return self._last

    async def replay(self, who: Actor, order: ReplayOrder) -> ReplayDocument:
        """What the record would have come to under another configuration. Changes nothing."""
        if not (who.auditor or who.admin):
            raise Forbidden(f"{who.ident} may not read what past runs said", cure="standwatch status")
        await asyncio.to_thread(declare, order.files)  # says what is wrong with it, all at once
        if self.aside is not None:
            return await self.aside.ask("replay", order, ReplayDocument, seconds=SECONDS)
        return await asyncio.to_thread(replay, self._source, order)

    async def _run(self, line: VerificationLine, latest: int) -> None:
        def progress(done: int, of: int) -> None:
            self._last = msgspec.structs.replace(line, done=done, of=of)

        try:
            wanted = Wanted(self._vkey, latest)
            if self.aside is not None:
                found = await self.aside.ask(
                    "verify", wanted, Verification, seconds=_SECONDS, progress=progress
                )
            else:
                given = msgspec.msgpack.encode(wanted)
                found = await asyncio.to_thread(verified, self._source, given, progress)
        except StandwatchError as error:
            self._last = msgspec.structs.replace(line, status="failed", ended=self._clock(), text=str(error))
        except Exception as error:
            self._last = msgspec.structs.replace(
                line, status="failed", ended=self._clock(), text=repr(error)[:200]
            )
            raise
        else:
            self._last = self._ended(line, found)

    def _ended(self, line: VerificationLine, found: Verification) -> VerificationLine:
        return msgspec.structs.replace(
            line,
            status=found.status,
            ended=self._clock(),
            done=line.of,
            covers=found.span,
            size=found.size,
            root=found.root,
            problems=tuple(ProblemLine(one.index, one.code, one.text) for one in found.problems[:50]),
            more=found.more + max(0, len(found.problems) - 50),
            counts=found.counts,
            limits=found.limits,
        )

    async def compare(self, who: Actor, order: CompareOrder) -> Compared:
        """Whether this record extends a checkpoint that somebody kept."""
        _reads(who)
        return await asyncio.to_thread(self._compared, order.checkpoint)

    def _compared(self, text: str) -> Compared:
        key = parse_vkey(self._vkey)
        try:
            kept = open_checkpoint(_note(text), key.name, [key])
        except StandwatchError as error:
            return Compared(
                status="rejected", text=f"That is no checkpoint that this log's key signed: {error}"
            )
        head, _ = _head(self._source)
        if head is None:
            raise NotFound("nothing has been signed yet")
        text = (
            f"The record of {head.size} entries extends the checkpoint kept at {kept.size}: nothing changed"
        )
        now = Compared(
            status="verified",
            text=text,
            size=kept.size,
            root=kept.root.hex(),
            now=head.size,
            now_root=head.root.hex(),
        )
        if kept.size > head.size:
            text = f"Shown are {head.size} entries, the checkpoint kept has {kept.size}: something was taken away"
            return msgspec.structs.replace(now, status="prefix", text=text)
        if kept.size == 0:
            return msgspec.structs.replace(now, text="That was an empty log: every log extends it")
        try:
            proof = consistency_proof(hashes(self._source, head.size), kept.size, head.size)
            verify_consistency(kept.size, head.size, proof, kept.root, head.root)
        except Unproven:
            text = f"This is not the log whose checkpoint was kept at {kept.size} entries: its history is another one"
            return msgspec.structs.replace(now, status="rejected", text=text)
        return msgspec.structs.replace(now, proof=tuple(one.hex() for one in proof))


def _document(
    source: Record, vkey: str, log: LogLine, seams: dict[str, int], bypasses: tuple[str, ...]
) -> RecordDocument:
    size = source.size
    first = read_leaf(source.leaf(0)) if size else None
    head, note = _head(source)
    return RecordDocument(
        origin=log.origin,
        vkey=vkey,
        size=size,
        alive=log.alive,
        began=first.at if first is not None else 0,
        latest=time_of(source, size - 1) if size else 0,
        checkpoint=source.checkpoint().decode() if head is not None else "",
        signed=head.size if head is not None else -1,
        signed_at=time_of(source, head.size - 1) if head is not None and head.size else 0,
        root=head.root.hex() if head is not None else "",
        behind=log.behind,
        witnesses=tuple(one.name for one in note.signatures if one.name != log.origin) if note else (),
        predecessor=first.predecessor if isinstance(first, Opened) else "",
        tiles=_tiles(size),
        seams=seams,
        bypasses=bypasses,
    )


def _reads(who: Actor) -> None:
    if not who.sees_all:
        raise Forbidden(f"{who.name} may not read the record")


def _note(text: str) -> bytes:
    """A note as people paste it: line ends as of a form, and perhaps without the last one."""
    return (text.replace("\r\n", "\n").rstrip("\n") + "\n").encode("utf-8", "replace")


def _head(source: Source) -> tuple[Checkpoint | None, Note | None]:
    try:
        note = parse(source.checkpoint())
    except NotFound:
        return None, None
    return parse_text(note.text), note


def _tiles(size: int) -> tuple[TileLine, ...]:
    found: list[TileLine] = []
    level = 0
    while (nodes := size >> (TILE_HEIGHT * level)) > 0:
        found.append(TileLine(level, nodes // TILE_WIDTH, nodes % TILE_WIDTH))
        level += 1
    return tuple(found)
