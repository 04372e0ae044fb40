"""Values that a run's model works on as tokens, and the tokens' values. Pure.

A token is an HMAC of its value under a key of the run: the same value has the same token wherever it turns up in the
run, in this process or in another, and outside the run it says nothing. Letters, digits and underscores only, so that
it survives in JSON, in URLs, in Markdown and in a shell.
"""

import hmac
import re
from typing import Final

MARK: Final = "masked_"
_HEX: Final = 16
TOKEN: Final = re.compile(rf"{MARK}([a-z_]{{3,20}})_([0-9a-f]{{{_HEX}}})", re.ASCII)
LONGEST: Final = len(MARK) + 20 + 1 + _HEX
MOST: Final = 20_000
"""Values that one run may have masked."""


class Full(Exception):
    """The run has masked more values than are kept."""


class Masks:
    """The masked values of one run. Whoever has the key and the values has the tokens."""

    __slots__ = ("_key", "upto", "values")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.values: dict[str, str] = {}
        self.upto = -1
        """Index of the last entry whose tokens were read back."""

    def token(self, word: str, value: str) -> str:
        """The token that stands for `value`, which was found as a `word`. Raises `Full`."""
        digest = hmac.digest(self._key, f"{word}\0{value}".encode("utf-8", "surrogatepass"), "sha256")
        token = f"{MARK}{word}_{digest.hex()[:_HEX]}"
        if token not in self.values:
            if len(self.values) >= MOST:
                raise Full(f"more than {MOST} values are masked in this run")
            self.values[token] = value
        return token

    def learn(self, table: dict[str, str]) -> None:
        """Tokens as they were written down with what was masked."""
        for token, value in table.items():
            if len(self.values) < MOST:
                self.values.setdefault(token, value)

    def restored(self, text: str, only: frozenset[str] | None = None) -> str:
        """`text` with the values of the tokens that are known (of `only` these); others stay."""
        if MARK not in text:
            return text

        def value(found: re.Match[str]) -> str:
            token = found[0]
            if only is not None and token not in only:
                return token
            return self.values.get(token, token)

        return TOKEN.sub(value, text)


def run_key(secret: bytes, run: str) -> bytes:
    """The key of run `run`, from a secret that no caller has."""
    return hmac.digest(secret, b"standwatch/mask/1\n" + run.encode(), "sha256")


def unknown(text: str, known: frozenset[str] = frozenset()) -> str:
    """The first token in `text` that is none of `known`; "" for none."""
    if MARK not in text:
        return ""
    return next((found[0] for found in TOKEN.finditer(text) if found[0] not in known), "")


def held_back(text: str) -> int:
    """Where in `text` a token may have begun that is not whole yet; its length where none has."""
    start = max(len(text) - LONGEST, 0)
    tail = text[start:]
    place = tail.rfind(MARK)
    if place >= 0 and TOKEN.match(tail, place) is None:
        return start + place
    for size in range(min(len(MARK), len(tail)), 0, -1):
        if tail.endswith(MARK[:size]):
            return len(text) - size
    return len(text)
