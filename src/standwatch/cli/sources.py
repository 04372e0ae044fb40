"""Where a record is read from: an export, an operators' listener, or the organisation's own folder."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli.show import visible
from standwatch.cli.wire import Unreachable, organisation, state_folder
from standwatch.facts.errors import Malformed, NotFound, StandwatchError

if TYPE_CHECKING:
    from standwatch.record.source import Source

_MOST = 64 << 30  # bytes of an export that is unpacked


@contextmanager
def open_source(where: str, org: str) -> Generator[tuple[Source, str]]:
    """The record at `where`, with the key it shows: an export (folder or .tar), a listener, or the organisation's."""
    if where.startswith(("http://", "https://")):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "export.tar"
            _download(where, archive)
            unpack(archive, Path(folder) / "export")
            yield _exported(Path(folder) / "export")
    elif where and Path(where).is_file():
        with tempfile.TemporaryDirectory() as folder:
            unpack(Path(where), Path(folder) / "export")
            yield _exported(Path(folder) / "export")
    elif where:
        yield _exported(Path(where))
    else:
        yield _stored(organisation(org))


def _exported(folder: Path) -> tuple[Source, str]:
    from standwatch.record.exported import Exported

    if not folder.is_dir():
        raise NotFound(f"there is no export at {folder}", cure="standwatch export PATH")

    def read(path: str) -> bytes | None:
        try:
            return (folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    return Exported(read), (read("vkey") or b"").decode(errors="replace").strip()


def _stored(org: Path) -> tuple[Source, str]:
    """The organisation's own record, beside its writer or without one; the key is that of its first entry."""
    from standwatch.facts.entries import Opened
    from standwatch.keys import kek
    from standwatch.store.reader import Reader
    from standwatch.store.sealing import Kek

    state = state_folder(org)
    keys = Path(os.environ.get("STANDWATCH_KEYS") or state / "keys")
    keks = [Kek(epoch, kek.load(keys, epoch)) for epoch in kek.epochs(keys)]
    reader = Reader(state, kek=keks[-1] if keks else None, older=tuple(keks[:-1]))
    if reader.empty:
        raise NotFound("the record is empty: its server ended before it wrote anything", cure="standwatch up")
    opened = reader.entry(0)
    return reader, opened.key if isinstance(opened, Opened) else ""


def _download(url: str, archive: Path) -> None:
    """An export from an operators' listener; the token comes from `$STANDWATCH_TOKEN`."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(  # noqa: S310 - http and https only, checked by the caller
        url.rstrip("/") + "/api/v1/export",
        headers={"Authorization": f"Bearer {os.environ.get('STANDWATCH_TOKEN', '')}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=600) as answer, archive.open("wb") as file:  # noqa: S310
            while piece := answer.read(1 << 20):
                file.write(piece)
    except urllib.error.HTTPError as error:
        raise _refused(error) from None
    except OSError as error:
        raise Unreachable(f"{url} does not answer: {error}") from None


def _refused(error: Any) -> StandwatchError:
    try:
        problem = json.loads(error.read())
        return StandwatchError(
            str(problem["message"]), code=str(problem["code"]), cure="export STANDWATCH_TOKEN=sw_…"
        )
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"the listener answered {error.code}")


def unpack(archive: Path, folder: Path) -> None:
    """Only files that an export has, only regular ones, only below `folder`."""
    from standwatch.record.export import is_export_path

    total = 0
    try:
        with tarfile.open(archive, "r:") as opened:
            for member in opened:
                total += member.size
                if not member.isreg() or not is_export_path(member.name) or total > _MOST:
                    raise Malformed(f"{archive} is not an export: it holds {visible(member.name)[:80]}")
                data = opened.extractfile(member)
                path = folder / member.name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.write_bytes(data.read() if data is not None else b"")
    except tarfile.TarError as error:
        raise Malformed(f"{archive} is no archive: {error}") from None
