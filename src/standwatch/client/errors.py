"""What a caller may hear instead of a decision. Every one of them means: nothing was decided."""

from __future__ import annotations


class ClientError(Exception):
    """No decision. `reference` is what an operator finds it by; "" where there is none."""

    def __init__(self, message: str, reference: str = "") -> None:
        super().__init__(message + (f" (reference {reference})" if reference else ""))
        self.reference = reference


class Unreachable(ClientError):
    """The gateway did not answer, or something else did."""


class Refused(ClientError):
    """It may not be decided, or not by this caller."""


class Invalid(ClientError):
    """The request cannot be read; the message says what was expected."""


class Unavailable(ClientError):
    """The gateway cannot decide now, and no fallback is declared."""
