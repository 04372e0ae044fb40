"""`explain --proof FILE` and `verify FILE`: one action or decision in one file that anybody can check."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from standwatch.cli.show import out, paint, say, visible, when
from standwatch.cli.sources import open_source
from standwatch.cli.verbs import DONE, NO
from standwatch.cli.wire import Server, Unreachable, organisation, segment
from standwatch.facts.errors import Malformed, StandwatchError

if TYPE_CHECKING:
    from standwatch.record.proved import Checked, ReadEntry

_MOST = 64 << 20  # bytes of a proof that is read


def write_proof(given: Namespace) -> int:
    """Ask the server for the proof, or make it from an export or the organisation's folder; write it to a new file."""
    path = Path(given.proof)
    if path.exists():
        raise Malformed(f"{path} is there already: a proof is written into a new file")
    data = _made(given)
    handle = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
    )  # it holds what was said, in the clear
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    if given.json:
        out({"path": str(path), "bytes": len(data)})
    else:
        say(f"{path}: {len(data)} bytes", f"  to check it: standwatch verify {path}")
    return DONE


def _made(given: Namespace) -> bytes:
    if not given.export:
        try:
            return Server(organisation(given.org)).raw(f"/api/v1/actions/{segment(given.id)}/proof")
        except Unreachable:
            pass
    from standwatch.record.proof import encode, prove

    with open_source(given.export, given.org) as (source, vkey):
        return encode(prove(source, given.id, vkey))


def is_proof(path: Path) -> bool:
    """Whether the file at `path` is meant as a proof: an export is a folder, or an archive."""
    try:
        with path.open("rb") as file:
            return file.read(1) in (b"{", b"")
    except (IsADirectoryError, FileNotFoundError, NotADirectoryError):
        return False


def verify_proof(given: Namespace) -> int:
    """Check one proof against the log's key that was given or kept; exit code 1 where it is not what it claims."""
    from standwatch.cli import keeping
    from standwatch.record.proved import check

    data = Path(given.where).read_bytes()[: _MOST + 1]
    if len(data) > _MOST:
        raise Malformed(f"a proof has at most {_MOST} bytes")
    first = check(data, given.vkey)
    known, trusted = keeping.kept(first.origin) if first.origin else ("", None)
    found = check(data, given.vkey or known)
    if trusted is not None and trusted.size == found.size and trusted.root.hex() != found.root:
        raise StandwatchError(
            f"this is not the log whose checkpoint you kept at {trusted.size} entries: it has another root",
            code="fork",
        )
    _tell(found, as_json=given.json)
    return DONE if found.status == "verified" else NO


def _tell(found: Checked, *, as_json: bool) -> None:
    from msgspec import to_builtins

    if as_json:
        out(to_builtins(found))
        return
    colour = "good" if found.status == "verified" else "bad"
    say(
        f"{paint(found.status, colour)}  {visible(found.about)}  {visible(found.origin)}  {found.size} entries"
    )
    for step in found.steps:
        say(
            f"  {paint('ok ', 'good') if step.ok else paint('NOT', 'bad')} {visible(step.name)}: {visible(step.text)}"
        )
    for each in found.entries:
        _entry(each)
    say(*(f"  {visible(limit)}" for limit in found.limits))


def _entry(each: ReadEntry) -> None:
    entry = each.entry
    kind = json.loads(each.leaf).get("kind", "")
    say(f"  entry {each.index}  {when(entry.at)}  {visible(str(kind))} by {visible(entry.by)}")
    for name, data in each.parts.items():
        say(f"    {visible(name)}: {visible(data.decode('utf-8', 'backslashreplace'))}")
    for name in each.closed:
        say(f"    {visible(name)}: committed to, and not in this file")
