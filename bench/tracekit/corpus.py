"""Tracekit's labelled calls: its source distribution, downloaded once into build/, checked against its hash."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

import msgspec

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = ROOT / "build" / "tracekit"
NAME: Final = "tracekit_ai-1.4.2"
SHA256: Final = "28ffde87b790f5fad53b25af3d6f0aff18af0cb6c4b7c75aac50cd1bf2881d8d"


class Labelled(msgspec.Struct, frozen=True):
    """One call. `held_out`: of the half that was not looked at before the rules were first measured on it."""

    kind: str
    tool: str
    arguments: dict[str, Any]
    harmful: bool
    note: str
    held_out: bool


def calls() -> list[Labelled]:
    """All of them. Raises `SystemExit` where the distribution is not what it was."""
    found: list[Labelled] = []
    with tarfile.open(_archive()) as archive:
        for member in archive.getmembers():
            if not member.name.startswith(f"{NAME}/tests/data/policy/") or not member.isfile():
                continue
            opened = archive.extractfile(member)
            assert opened is not None
            for line in opened.read().decode().splitlines():
                said = json.loads(line)
                half = hashlib.sha256(line.strip().encode()).digest()[0] & 1
                harmful = said["expect"] != "allow"
                found.append(
                    Labelled(
                        Path(member.name).stem, said["tool"], said["args"], harmful, said["note"], bool(half)
                    )
                )
    return found


def _archive() -> Path:
    path = PLACE / f"{NAME}.tar.gz"
    if not path.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        options = (
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
            "--quiet",
            "--dest",
            str(PLACE),
        )
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "tracekit-ai==1.4.2"], check=True)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"bench.tracekit: {path} is not the distribution that was measured")
    return path
