"""Random bytes for the hot path: the operating system's, drawn by the page.

`os.urandom` lets go of the interpreter's lock at every call. Where a second thread waits for it, taking it back costs
more than the bytes; so a page is drawn at once and handed out once, from front to back.
"""

import os
from typing import Final

_PAGE: Final = 4096


class Chance:
    """Answers n random bytes, never the same ones twice. For one thread; a forked child draws its own."""

    def __init__(self) -> None:
        self._page = b""
        self._used = 0
        self._owner = 0

    def __call__(self, size: int) -> bytes:
        end = self._used + size
        # INVARIANT: bytes that a parent process holds are never used by its child as well.
        if end > len(self._page) or self._owner != os.getpid():
            if size > _PAGE:
                return os.urandom(size)
            self._page, self._owner = os.urandom(_PAGE), os.getpid()
            self._used, end = 0, size
        found = self._page[self._used : end]
        self._used = end
        return found
