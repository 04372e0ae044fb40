"""`explain`, `export`, `verify`: what happened, and the proof, with or without a server."""

from __future__ import annotations

import os
import tarfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli.proof import is_proof, verify_proof, write_proof
from standwatch.cli.show import out, paint, say, visible
from standwatch.cli.sources import open_source, unpack
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, Unreachable, organisation, segment
from standwatch.facts.errors import Malformed, StandwatchError

if TYPE_CHECKING:
    from standwatch.record.checkpoint import Checkpoint
    from standwatch.record.source import Source
    from standwatch.record.verify import Verification


# --- explain -----------------------------------------------------------------------------------------------------


def _explain_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        help="the action's id: the reference its caller was given; of a decision also its entry, and ENTRY/ROW",
    )
    parser.add_argument(
        "--export", default="", metavar="PATH", help="an export to read instead of the organisation's record"
    )
    parser.add_argument(
        "--person", action="store_true", help="of a decision: the explanation for the person concerned"
    )
    parser.add_argument(
        "--proof", default="", metavar="FILE", help="write one file that proves it, and print nothing else"
    )


def explain(given: Namespace) -> int:
    """One action or decision, put together again from the record alone."""
    if given.proof:
        return write_proof(given)
    if not given.export:
        try:
            found = Server(organisation(given.org)).get(f"/actions/{segment(given.id)}")
        except Unreachable:
            pass
        else:
            _told(found, given)
            return DONE
    with open_source(given.export, given.org) as (source, vkey):
        _explain_offline(source, vkey, given)
    return DONE


def _told(found: dict[str, Any], given: Namespace) -> None:
    """What a running server answers: an action, or a decision that it has executed again."""
    if "explanation" in found:
        out(found["explanation"]) if given.json else print(found["text"], end="")
    elif given.json:
        out({name: found[name] for name in ("decision", "parts", "reasons")})
    else:
        print(found["person" if given.person else "text"], end="")


def _explain_offline(source: Source, vkey: str, given: Namespace) -> None:
    from msgspec import to_builtins

    from standwatch.record.composition import decided
    from standwatch.record.reconstruct import explain as reconstruct
    from standwatch.record.render import render

    found = decided(source, given.id, vkey)
    if found is not None:
        decision, parts, text = found
        out({"decision": to_builtins(decision), "parts": to_builtins(parts)}) if given.json else print(
            text, end=""
        )
        return
    told = reconstruct(source, given.id, vkey)
    out(to_builtins(told)) if given.json else print(render(told), end="")


# --- export ------------------------------------------------------------------------------------------------------


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="a new folder, or a file ending in .tar")
    parser.add_argument(
        "--range", default="", metavar="A..B", help="entries A to B, B not included (default: all)"
    )
    parser.add_argument(
        "--with-payloads", action="store_true", help="also what actions and results said, in the clear"
    )


def export(given: Namespace) -> int:
    """Write the record, or a range of it, as files that prove themselves."""
    start, _, stop = given.range.partition("..")
    if given.range and not (start.isdecimal() and stop.isdecimal()):
        raise Malformed(
            f"{given.range!r} is no range", code="bad_range", cure="standwatch export out --range 0..1000"
        )
    path = Path(given.path)
    if path.exists():
        raise Malformed(f"{path} is there already: an export is written into a new place")
    query = f"?from={start}&to={stop}&payloads={'true' if given.with_payloads else 'false'}"
    server = Server(organisation(given.org), timeout=600.0)
    archive = path if path.suffix == ".tar" else path.with_name(path.name + ".tar.part")
    _write(archive, server.stream("/api/v1/export" + query))
    count = _count(archive)
    if archive != path:
        unpack(archive, path)
        archive.unlink()
    if given.json:
        out({"path": str(path), "files": count})
    else:
        say(f"{count} files in {path}", f"  to check it: standwatch verify {path}")
    return DONE


def _write(archive: Path, pieces: Iterator[bytes]) -> None:
    """Write a new file, of its owner alone; nothing where the server refuses, or stops half-way."""
    first = next(pieces, b"")
    handle = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(first)
            for piece in pieces:
                file.write(piece)
    except BaseException:
        archive.unlink()
        raise


def _count(archive: Path) -> int:
    with tarfile.open(archive) as opened:
        return len(opened.getnames())


# --- verify ------------------------------------------------------------------------------------------------------


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "where",
        nargs="?",
        default="",
        metavar="PATH|URL",
        help="an export, a proof of one action, or an operators' listener (default: the organisation's record)",
    )
    parser.add_argument(
        "--vkey", default="", help="the log's key, from somewhere you trust (default: the one you kept)"
    )


def verify(given: Namespace) -> int:
    """Check every entry, hash, signature and rule, against the checkpoint you kept."""
    if given.where and is_proof(Path(given.where)):
        return verify_proof(given)
    from standwatch.authority.grant import grant
    from standwatch.cli import keeping
    from standwatch.record.verify import verify as check

    with open_source(given.where, given.org) as (source, shown):
        vkey = given.vkey or shown
        origin = vkey.partition("+")[0]
        known, trusted = keeping.kept(origin)
        if known and not given.vkey and known != shown:
            raise StandwatchError(
                f"{origin} shows another key than the one you kept: {shown}", code="other_key"
            )
        _require_signed(source, trusted)
        found = check(source, vkey, trusted, grant=lambda state, system, now: grant(state, system, now).level)
        if found.status == "verified":
            _keep(source, vkey)
    _tell(found, first=not known and not given.vkey, as_json=given.json)
    return DONE if found.status == "verified" else NO


def _require_signed(source: Source, trusted: Checkpoint | None) -> None:
    """A record that was just begun is not one whose checkpoint was taken away."""
    from standwatch.store.reader import Reader

    if not trusted and isinstance(source, Reader) and source.unsigned:
        raise StandwatchError(
            f"nothing is signed yet of the {source.size} entries of this record: its server ended within its first"
            " moments, and signs them when it starts",
            code="unsigned",
            cure="standwatch up",
        )


def _keep(source: Source, vkey: str) -> None:
    from standwatch.cli import keeping
    from standwatch.record.checkpoint import parse_text
    from standwatch.record.note import parse

    note = source.checkpoint()
    keeping.keep(vkey, note, parse_text(parse(note).text))


def _tell(found: Verification, *, first: bool, as_json: bool) -> None:
    from msgspec import to_builtins

    if as_json:
        out(to_builtins(found))
        return
    colour = "good" if found.status == "verified" else "bad"
    say(
        f"{paint(found.status, colour)}  {visible(found.origin)}  {found.size} entries  root {found.root[:32]}"
    )
    say(*(f"  entry {one.index}: {visible(one.code)}: {visible(one.text)}" for one in found.problems[:50]))
    if found.more or len(found.problems) > 50:
        say(f"  and {found.more + max(0, len(found.problems) - 50)} more")
    if found.status == "prefix":
        say(f"  genuine up to entry {found.reaches}")
    say("  " + ", ".join(f"{count} {kind}" for kind, count in found.counts.items() if count))
    if first:
        say(
            "  the log's key was trusted on first sight, and is kept from now on; --vkey names one you were given"
        )
    say(*(f"  {visible(limit)}" for limit in found.limits))


VERBS = (
    Verb(
        "explain",
        "Put one action together again from the record.",
        "standwatch explain 0f5c2m7k1v8e3a9q4t6w2x0y5z",
        _explain_arguments,
        explain,
    ),
    Verb(
        "export",
        "Write the record, or a range of it, as files that prove themselves.",
        "standwatch export evidence.tar --range 0..5000",
        _export_arguments,
        export,
    ),
    Verb(
        "verify",
        "Check a record against the checkpoint you kept.",
        "standwatch verify evidence.tar",
        _verify_arguments,
        verify,
    ),
)
