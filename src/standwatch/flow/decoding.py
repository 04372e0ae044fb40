"""Encodings seen through: percent, HTML, backslash escapes, base64, hexadecimal, quoted-printable; one inside another.

What is found this way is looked for in what an outside party wrote, so it can only make a provenance worse.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

DEPTH: Final = 3
"""Encodings inside one another that are undone."""
MOST: Final = 4
"""The characters that come of undoing are at most so many times those of the text."""

_BASE64: Final = re.compile(
    r"(?<![\w+/-])[A-Za-z0-9+/_-]{12,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]{8,})*={0,2}"
)
# A pattern that begins with a digit is looked for several times as fast as one that begins with what stands before it.
_HEX: Final = re.compile(
    r"[0-9a-fA-F](?<!\w.)(?:[0-9a-fA-F]|(?<=0)x[0-9a-fA-F]{2})"
    r"(?:(?:[ :,-]|\\x|0x|, ?0x)?[0-9a-fA-F]{2}){3,}(?!\w)"
)
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrt\"'/\\]))"
)
_PRINTED: Final = re.compile(r"=([0-9A-F]{2})")
_SOFT: Final = re.compile(r"=\r?\n")
_PUNYCODE: Final = re.compile(r"(?<!\w)xn--[a-z0-9-]{1,59}", re.IGNORECASE)
_PAIR: Final = re.compile(r"[0-9a-fA-F]{2}")
_WHITE: Final = re.compile(r"\s+")
_PLAIN: Final = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f�]*")


def decoded(text: str) -> Iterator[str]:
    """What `text` says once its encodings are undone: whole texts for what is written between other letters, pieces
    for what is a run of its own. Texts that say nothing new are left out."""
    budget = MOST * len(text) + 64
    layer = [text]
    for _ in range(DEPTH):
        following: list[str] = []
        for one in layer:
            for found in _once(one):
                budget -= len(found)
                if budget < 0:
                    return
                following.append(found)
                yield found
        layer = following


def _once(text: str) -> Iterator[str]:
    undone = text
    if "%" in undone:
        undone = unquote(undone, errors="replace")
    if "&" in undone:
        undone = html.unescape(undone)
    if "\\" in undone:
        undone = _ESCAPE.sub(_escaped, undone)
    if "=" in undone:
        undone = _quoted(undone)
    if "xn--" in undone.lower():
        undone = _PUNYCODE.sub(_punycode, undone)
    if undone != text:
        yield undone
    for run in _runs(text):
        # What has no capital, or no small letter, is hardly ever base64 of a text that long: words, numbers, ids.
        if not (run.islower() or run.isupper() or run.isdigit()) and (found := _base64(run)):
            yield found
    for match in _HEX.finditer(text):
        found = _printable(bytes.fromhex("".join(_PAIR.findall(match.group().replace("0x", "")))))
        if found:
            yield found


def _runs(text: str) -> list[str]:
    """The runs that `_BASE64` finds. In ASCII they are words, and no pattern is needed, where none goes on in the next
    line."""
    if not text.isascii() or any(_goes_on(text, match.start()) for match in _NEXT.finditer(text)):
        return _BASE64.findall(text)
    return [word for word in text.translate(_LETTERS).split() if len(word) >= 12]


def _goes_on(text: str, end: int) -> bool:
    """Whether a run may stand at the end of the line that ends at `end`."""
    last = text[max(0, end - 200) : end].rstrip(" \t\r")[-12:].translate(_LETTERS)
    return len(last) < 12 or " " not in last


_NEXT: Final = re.compile(r"\n[ \t]*[A-Za-z0-9+/_-]{8}")
_LETTERS: Final = "".join(chr(at) if chr(at).isalnum() or chr(at) in "+/_-" else " " for at in range(128))


def _escaped(match: re.Match[str]) -> str:
    if match[4]:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(match[4], match[4])
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _quoted(text: str) -> str:
    return _PRINTED.sub(lambda match: chr(int(match[1], 16)), _SOFT.sub("", text))


def _punycode(match: re.Match[str]) -> str:
    try:
        return match.group()[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return match.group()


def _base64(run: str) -> str:
    plain = _WHITE.sub("", run).rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        return ""
    try:
        return _printable(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _printable(data: bytes) -> str:
    """The text in `data`, in UTF-8 or UTF-16; "" where it is no text."""
    if len(data) < 4:
        return ""
    if data[1:2] == b"\0" or data[:1] == b"\0":
        found = data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    else:
        found = data.decode("utf-8", "replace")
    return found if _PLAIN.fullmatch(found) else ""
