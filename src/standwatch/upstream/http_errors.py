"""What can go wrong on the way to an upstream; each says whether the request may have reached it."""

from __future__ import annotations

from standwatch.facts.errors import StandwatchError


class UpstreamError(StandwatchError):
    """`sent` False promises that no byte of the request left: nothing can have happened. True promises nothing."""

    code = "upstream_error"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Unsendable(UpstreamError):
    """The request itself cannot be put on the wire: a bad URL or header. Never sent."""

    code = "upstream_unsendable"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class Unreachable(UpstreamError):
    """No connection: refused, unknown name, or a TLS handshake that failed. Never sent."""

    code = "upstream_unreachable"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class UpstreamTimeout(UpstreamError):
    """Too slow. `phase`: `connect` (or waiting for a free connection), `first_byte`, `silence`, `total`."""

    code = "upstream_timeout"

    def __init__(self, phase: str, *, sent: bool) -> None:
        super().__init__(f"the upstream was too slow ({phase.replace('_', ' ')})", sent=sent)
        self.phase = phase


class UpstreamProtocol(UpstreamError):
    """The answer is not well-formed HTTP/1.1, or ended early."""

    code = "upstream_protocol"


class ClosedUnanswered(UpstreamProtocol):
    """The connection closed before the first byte of an answer."""

    code = "upstream_closed"


class TooLarge(UpstreamError):
    """The answer, or one event in it, exceeds its byte limit."""

    code = "upstream_too_large"
