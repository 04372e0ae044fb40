"""Files of models → their digests. They may be large, so they are read in pieces and never kept."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from standwatch.declare.lock import artifacts
from standwatch.facts.configuration import Configuration, Manifest
from standwatch.store.folder import Unreadable

PIECE: Final = 1 << 20


def artifact_digest(org: Path, artifact: str) -> str:
    """Hexadecimal SHA-256 of `artifact`, a path relative to the organisation's folder `org`.

    Raises `Unreadable` where there is no such file, or where a link leads out of the folder.
    """
    try:
        path = (org / artifact).resolve(strict=True)
        if not path.is_relative_to(org.resolve()):
            raise Unreadable(f"{artifact} leads out of the organisation's folder")
        if not path.is_file():
            raise Unreadable(f"{artifact} is not a file")
        whole = hashlib.sha256()
        with path.open("rb") as opened:
            while piece := opened.read(PIECE):
                whole.update(piece)
        return whole.hexdigest()
    except OSError as error:
        raise Unreadable(f"{artifact}: {error.strerror or error}") from None


def artifact_digests(org: Path, manifest: Manifest) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of the files that `manifest` names, and why the others have none; by key of the lock."""
    found: dict[str, str] = {}
    lost: dict[str, str] = {}
    for key, artifact in artifacts(manifest).items():
        try:
            found[key] = artifact_digest(org, artifact)
        except Unreadable as error:
            lost[key] = str(error)
    return found, lost


def artifact_doubts(org: Path, configuration: Configuration) -> tuple[str, ...]:
    """A line for each file that is missing or is not the one that was accepted."""
    return tuple(
        f"systems/{name}.lock:1:1: {doubt}, expected `standwatch accept {name}`"
        for name, system in sorted(configuration.systems.items())
        for doubt in _doubts(org, system.manifest, system.lock.components)
    )


def _doubts(org: Path, manifest: Manifest, locked: dict[str, str]) -> Iterator[str]:
    found, lost = artifact_digests(org, manifest)
    for key, why in sorted(lost.items()):
        yield f"{key}: {why}"
    for key, digest in sorted(found.items()):
        if key in locked and locked[key] != digest:
            yield f"{key}: the file is {digest[:12]}…, locked is {locked[key][:12]}…"
