"""TLS of a listener by certificate files: read at the start, and again when they change; a bad pair keeps the old one.

Each handshake takes the pair that is current then (`sni_callback` is called for every one, named or not), so a renewed
certificate needs no restart and cuts nobody.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from standwatch.facts.errors import Misconfigured
from standwatch.facts.signing_in import Tls

EVERY: Final = 5.0  # seconds between two looks at the files


class Certificates:
    """The pair of one listener. `context` is what it listens with, for good."""

    def __init__(self, folder: Path, tls: Tls) -> None:
        """Raises `Misconfigured` where the pair cannot be used."""
        self._paths = (folder / tls.certificate, folder / tls.key)
        self._seen = self._look()
        self._current = self._read()
        self.context = _context()
        self.context.load_cert_chain(*self._paths)  # (a context without any certificate offers no cipher)
        self.context.sni_callback = self._swap

    def _swap(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _by: ssl.SSLContext
    ) -> None:
        connection.context = self._current

    def reload(self) -> str:
        """Take up the files where they have changed; what became of that in a sentence, "" for nothing."""
        seen = self._look()
        if seen == self._seen:
            return ""
        self._seen = seen
        try:
            self._current = self._read()
        except Misconfigured as error:
            return f"the certificate that serves stays: {error}"
        return f"the certificate {self._paths[0]} was read again"

    def _read(self) -> ssl.SSLContext:
        made = _context()
        try:
            made.load_cert_chain(*self._paths)
        except (OSError, ssl.SSLError) as error:  # SSLError is an OSError that does not say which file
            cause = getattr(error, "reason", "") or getattr(error, "strerror", "") or error
            raise Misconfigured(
                (
                    f"{self._paths[0]} with {self._paths[1]}: {cause}, expected a PEM certificate chain and its key",
                )
            ) from None
        return made

    def _look(self) -> tuple[tuple[int, int], ...]:
        found: list[tuple[int, int]] = []
        for path in self._paths:
            try:
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size))
            except OSError:
                found.append((0, -1))
        return tuple(found)


def _context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    return made


async def watch_certificates(
    pairs: list[Certificates], say: Callable[[str], None], every: float = EVERY
) -> None:
    """Read certificates again as they change."""
    while True:
        await asyncio.sleep(every)
        for pair in pairs:
            if told := pair.reload():
                say(told)
