"""What a caller may hear instead of a decision or leave to act. Every one of them means: nothing was decided or done.

The two exceptions at the end are about an act that left earlier, under the same key: `Failed` and `AlreadyDone`.
"""

from __future__ import annotations

from typing import Final

LOST: Final = "It was done before; what came back is not kept. Do not repeat it."
"""What a caller, or its model, hears of an act whose result nobody has any more."""


class ClientError(Exception):
    """No decision, no leave. `reference` is what an operator finds it by; "" where there is none."""

    def __init__(self, message: str, reference: str = "") -> None:
        super().__init__(message + (f" (reference {reference})" if reference else ""))
        self.message = message
        """The sentence alone: what a model may hear."""
        self.reference = reference


class Refused(ClientError):
    """It may not be decided or done, or not by this caller."""


class Invalid(ClientError):
    """The request cannot be read; the message says what was expected."""


class Unavailable(ClientError):
    """The gateway cannot decide now, and no fallback is declared."""


class Unreachable(Unavailable):
    """The gateway did not answer, or something else did."""


class Pending(ClientError):
    """A person is asked. `url` is the page where the act is signed, `words` what that page must show ("" for none)."""

    def __init__(self, message: str, reference: str = "", url: str = "", words: str = "") -> None:
        super().__init__(message, reference)
        self.url, self.words = url, words


class Failed(ClientError):
    """It left under this key before and ended in an error, which the record has: `kind` and the message."""

    def __init__(self, message: str, reference: str = "", kind: str = "") -> None:
        super().__init__(message, reference)
        self.kind = kind


class AlreadyDone(ClientError):
    """It was done under this key before, and what came back is not kept, was withheld or was erased."""


class NotDone(Exception):
    """For tools to raise: it is certain that nothing happened. The act may then leave again."""
