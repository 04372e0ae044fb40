"""The two corpora of command lines, from ../shared/vectors/shell where present; nothing of them is kept here.

Each half is told by the first byte of the SHA-256 of the command as it stands in its file: even were developed on, odd
are blind. A placeholder of an everyday command is filled with its own words: `{{path/to/file}}` is `path/to/file`, of
`{{[-v|--verbose]}}` and of `{{on|off}}` the last and the first are taken, of `{{1..9}}` the first, `...` is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Final, Literal

import msgspec

VECTORS: Final = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "shell"
Half = Literal["developed", "blind"]


class Line(msgspec.Struct, frozen=True):
    """One command line. `kind`: of an abuse its function, of an everyday command the first letter of its page."""

    text: str
    kind: str
    half: Half


def present() -> bool:
    """Whether the corpora are there."""
    return (VECTORS / "abuses.json").exists() and (VECTORS / "everyday.json").exists()


def abuses() -> list[Line]:
    """What GTFOBins tells of programs that are put to other uses."""
    found = json.loads((VECTORS / "abuses.json").read_text())
    return [Line(one["command"], one["function"], half(one["command"])) for one in found]


def everyday() -> list[Line]:
    """What tldr-pages tell of everyday use, with their placeholders filled."""
    found = json.loads((VECTORS / "everyday.json").read_text())
    return [Line(filled(one["command"]), "everyday", half(one["command"])) for one in found]


def half(text: str) -> Half:
    """Which half a command is in."""
    return "blind" if hashlib.sha256(text.encode()).digest()[0] & 1 else "developed"


def filled(text: str) -> str:
    """`text` with its placeholders filled, as said above."""
    return (
        re.sub(r"\{\{(.*?)\}\}(?!\})", lambda found: _fill(found[1]), text)
        .replace("\\}\\}", "}}")
        .replace("\\{\\{", "{{")
    )


def _fill(inside: str) -> str:
    if inside.startswith("[") and inside.endswith("]") and "|" in inside:
        return inside[1:-1].rpartition("|")[2]
    words = inside.partition("|")[0] if "|" in inside and not inside.startswith("|") else inside
    words = re.sub(r"(?<=\w)\.\.-?\w+$", "", words)
    return " ".join(one for one in words.split(" ") if one != "...")
