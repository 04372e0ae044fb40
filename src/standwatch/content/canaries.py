"""Declared canaries: texts that stand nowhere but where they were planted. Found in any usual dress.

Case, separators between characters, percent, HTML and backslash escapes, base64 at each of its three alignments,
hexadecimal, written backwards, rot13.
"""

import codecs
from base64 import b64encode

import re2

from standwatch.content.detector import Detector, is_certain
from standwatch.content.found import CANARY
from standwatch.content.views import clean, utf8

LEAST, MOST = 6, 256  # characters: a shorter one stands in texts by chance, a longer one makes a slow pattern
_SEPARATOR = r"[\s._:,|*/-]{0,2}"
_BETWEEN_HEX = r"(?:[\s:,-]|\\x|0x)?"


def canary(name: str, text: str) -> Detector:
    """Its detector, `canary:NAME`. ValueError where the text is too short or too long."""
    plain = clean(text)
    if not LEAST <= len(plain) <= MOST:
        raise ValueError(f"canary {name}: {len(plain)} characters; it needs {LEAST} to {MOST}")
    ways = [
        *(_spelled(each) for each in (plain, plain[::-1], codecs.encode(plain, "rot13"))),
        [f"{byte:02x}" for byte in utf8(text)],
        *_base64(utf8(text)),
    ]
    between = [_SEPARATOR] * 3 + [_BETWEEN_HEX] + [""] * 6
    flags = ["(?i)"] * 4 + [""] * 6
    whole = [f"(?:{flag}{gap.join(way)})" for flag, gap, way in zip(flags, between, ways, strict=True)]
    start = [f"(?:{flag}{gap.join(way[:4])})" for flag, gap, way in zip(flags, between, ways, strict=True)]
    return Detector(
        name=f"canary:{name}",
        kind=CANARY,
        pattern="|".join(dict.fromkeys(whole)),
        about="a declared canary",
        reach=len(utf8(text)) * 12 + 16,
        gate="|".join(dict.fromkeys(start)),
        confirm=is_certain,
        source="declared",
    )


def _spelled(text: str) -> list[str]:
    """Each character as itself or as an escape of it."""
    return [_character(each) for each in text]


def _character(each: str) -> str:
    point, data = ord(each), utf8(each)
    percent = "".join(f"%{byte:02x}" for byte in data)
    return f"(?:{re2.escape(each)}|{percent}|&#(?:{point}|x{point:x});|\\\\u{point:04x}|\\\\x{point:02x})"


def _base64(data: bytes) -> list[list[str]]:
    """What stays the same whatever stands before and after, at each alignment, in both alphabets."""
    found: list[list[str]] = []
    for shift in range(3):
        text = b64encode(bytes(shift) + data).decode().rstrip("=")
        skip = (0, 2, 3)[shift]
        kept = text[skip : len(text) - (1 if (shift + len(data)) % 3 else 0)]
        for pair in (("+", "/"), ("-", "_")):
            found.append([re2.escape(each) for each in kept.replace("+", pair[0]).replace("/", pair[1])])
    return [_fours(each) for each in found]


def _fours(letters: list[str]) -> list[str]:
    """The first two pieces of four letters as pieces: four single letters stand in too many texts to wake a search."""
    pieces = ["".join(letters[at : at + 2]) for at in range(0, 8, 2)]
    return [*pieces, *letters[8:]]
