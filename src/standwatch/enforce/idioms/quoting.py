"""What quotes, escapes and braces of a shell's words come to (bash's manual, 3.1.2 and 3.5.1)."""

import re
from typing import Final

_ESCAPES: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "v": "\v",
}
_ANSI: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_BRACE: Final = re.compile(r"\{([^{}]*,[^{}]*)\}")


def unescaped(text: str, within: str = "") -> str:
    """`text` without its backslashes; inside double quotes only those before a character of `within` go."""
    if "\\" not in text:
        return text
    made, at = list[str](), 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            follows = text[at + 1]
            if within and follows not in within:
                made.append("\\")
            if follows != "\n":
                made.append(follows)
            at += 2
        else:
            made.append(char)
            at += 1
    return "".join(made)


def ansi(text: str) -> str:
    """What stands between `$'` and `'`."""
    return _ANSI.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    two, four, eight, octal, control, other = found.groups()
    if control is not None:
        return chr(ord(control) & 0x1F)
    if other is not None:
        return _ESCAPES.get(other, other)
    value = int(octal, 8) & 0xFF if octal is not None else int(two or four or eight, 16)
    return chr(value) if value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"


def braces(text: str, most: int) -> list[str]:
    """The words that `a{b,c}` comes to; at most about `most`, then what is left stays as it is."""
    done: list[str] = []
    waiting = [text]
    while waiting:
        one = waiting.pop(0)
        found = _BRACE.search(one) if len(done) + len(waiting) < most else None
        if found is None:
            done.append(one)
        else:
            waiting[:0] = [one[: found.start()] + part + one[found.end() :] for part in found[1].split(",")]
    return done
