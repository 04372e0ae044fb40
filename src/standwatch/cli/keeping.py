"""The checkpoint this person last saw of each log, kept on their side: what shows that history was rewritten.

`~/.local/state/standwatch/ORIGIN-HASH/checkpoint` holds the log's key and its last checkpoint. The key is trusted
on first use; a later checkpoint replaces an earlier one only when it is proved to extend it (RFC 6962 §2.1.2).
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from standwatch.cli.wire import Refused, Server
from standwatch.facts.errors import NotFound, StandwatchError, Tampered

if TYPE_CHECKING:
    from standwatch.record.checkpoint import Checkpoint
    from standwatch.record.tiles import Tile


def latest(server: Server) -> Checkpoint | None:
    """The log's latest checkpoint, verified against the one kept, and kept in its place; None before the first.

    Raises `Tampered` where what is shown does not extend what was kept.
    """
    from standwatch.record.checkpoint import open_checkpoint
    from standwatch.record.note import parse_vkey

    log = server.get("/status")["log"]
    try:
        note = server.raw("/log/checkpoint")
    except Refused as error:
        if error.status == 404:
            return None
        raise
    vkey, before = kept(log["origin"])
    if vkey and vkey != log["vkey"]:
        raise Tampered(
            f"the log of {log['origin']} has another key than the one you know",
            cure=f"compare with its keeper; then remove {_path(log['origin'])}",
        )
    key = parse_vkey(log["vkey"])
    now = open_checkpoint(note, log["origin"], [key])
    if before is not None:
        _require_extension(server, before, now)
    keep(log["vkey"], note, now)
    return now


def kept(origin: str) -> tuple[str, Checkpoint | None]:
    """The key and checkpoint kept of the log `origin`; "" and None for none."""
    from standwatch.record.checkpoint import open_checkpoint
    from standwatch.record.note import parse_vkey

    try:
        vkey, _, note = _path(origin).read_bytes().partition(b"\n")
        key = parse_vkey(vkey.decode())
        return key.vkey, open_checkpoint(note, origin, [key])
    except FileNotFoundError:
        return "", None
    except (StandwatchError, ValueError) as error:
        raise Tampered(f"the checkpoint you kept in {_path(origin)} cannot be read: {error}") from None


def keep(vkey: str, note: bytes, checkpoint: Checkpoint) -> None:
    """Keep `note`: written beside and renamed, so that a crash leaves the old one or the new one."""
    path = _path(checkpoint.origin)
    with suppress(OSError):  # a person without a writable home signs all the same; the head still goes along
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"checkpoint.{os.getpid()}")
        draft.write_bytes(vkey.encode() + b"\n" + note)
        draft.replace(path)


def _path(origin: str) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "standwatch" / sha256(origin.encode()).hexdigest()[:32] / "checkpoint"


def _require_extension(server: Server, before: Checkpoint, now: Checkpoint) -> None:
    from standwatch.record.tiles import path_of, tile_source
    from standwatch.record.tree import Unproven, consistency_proof, verify_consistency

    if now.size < before.size:
        raise Tampered(
            f"the log shows {now.size} entries and you have seen {before.size}: something was taken away",
            cure="standwatch verify",
        )

    def tile(wanted: Tile) -> bytes:
        try:
            return server.raw("/log/" + path_of(wanted))
        except Refused as error:
            raise NotFound(str(error)) from None

    try:
        if before.size:
            proof = consistency_proof(tile_source(tile, now.size), before.size, now.size)
            verify_consistency(before.size, now.size, proof, before.root, now.root)
    except (Unproven, StandwatchError) as error:
        raise Tampered(
            f"the log does not extend the checkpoint you kept at {before.size} entries: {error}",
            cure="standwatch verify",
        ) from None


def head(checkpoint: Checkpoint | None) -> str:
    """How a signature names a checkpoint: `SIZE:ROOT` in hexadecimal; "" for none."""
    return f"{checkpoint.size}:{checkpoint.root.hex()}" if checkpoint is not None and checkpoint.size else ""
