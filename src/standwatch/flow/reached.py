"""Which URLs and hosts a run has read as they stand: what is asked for and is none of them may carry something out.

Compared whole: of a scheme and a last `/` nothing hangs on their spelling, of all else everything does; a host may
be in lower case. Two halves from two places are no URL that was read, nor is one with a word more in its query.
"""

import re
from typing import Any, Final

import re2

from standwatch.flow.fields import Late

MOST: Final = 20_000
"""URLs and hosts of one run; beyond it what is new counts as made up."""
LONGEST: Final = 2_048
PENDING: Final = 1 << 18
"""Characters that wait to be gone through until somebody asks; with more they are gone through."""

_re2: Any = re2
_OPTIONS: Final[Any] = _re2.Options()
_OPTIONS.log_errors = False
_REST: Final = r"[^\s<>\"'`\\^{}|]"
_LABEL: Final = r"[^\s<>\"'`\\^{}|/?#:@.,;!()\[\]*~=&%+$]"
_LETTER: Final = r"[^\x00-\x40\x5b-\x60\x7b-\x7f]"
_FOUND: Final[Any] = _re2.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]{{1,15}}://{_REST}+|(?:{_LABEL}+\.)+{_LETTER}{_LABEL}+(?::\d{{1,5}})?(?:[/?#]{_REST}*)?",
    _OPTIONS,
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,15}://|//", re.ASCII | re.IGNORECASE)
_AFTER: Final = re.compile(r"[/?#]")
_ENDS: Final = ".,;:!?)]}>*_~'\"’”»"


class Reached:
    """The URLs and hosts of one run's reads."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._waiting: list[str | Late] = []
        self._length = 0

    def add(self, text: str) -> None:
        """Take in what a read has. Linear."""
        if "." in text or "://" in text:
            self._wait(text)

    def read(self, result: Late) -> None:
        """As `add`, for all that a result says."""
        self._wait(result)

    def _wait(self, said: str | Late) -> None:
        self._waiting.append(said)
        self._length += len(said)
        if self._length > PENDING:
            self._settle()

    def _settle(self) -> None:
        waiting, self._waiting, self._length = self._waiting, [], 0
        for said in waiting:
            for text in (said,) if isinstance(said, str) else said.texts():
                self._take(text)

    def _take(self, text: str) -> None:
        for found in _FOUND.finditer(text):
            said = found.group(0)
            if len(self._known) >= MOST:
                return
            if len(said) <= LONGEST:
                self._known |= _spellings(said)
                # Brackets and full stops after it are of the text, or of the URL: it stood there either way.
                if said[-1] in _ENDS:
                    self._known |= _spellings(said.rstrip(_ENDS))

    def has(self, url: str) -> bool:
        """Whether `url`, a URL or a host, was read as it stands."""
        self._settle()
        return _parted(url.strip())[0] in self._known


def _spellings(url: str) -> set[str]:
    """As it stands, and with its host in lower case. No other: whose name servers see a host sees its case."""
    whole, cut = _parted(url)
    return {whole, whole[:cut].casefold() + whole[cut:]}


def _parted(url: str) -> tuple[str, int]:
    """Without a scheme and without one `/` at the end; and where its host ends."""
    scheme = _SCHEME.match(url)
    rest = url[scheme.end() :] if scheme is not None else url
    found = _AFTER.search(rest)
    cut = found.start() if found is not None else len(rest)
    return rest.removesuffix("/"), cut
