"""Paths that go round us on this host: MCP clients that still start their servers themselves (DESIGN.md §9)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from standwatch.declare.clients import HOME_PLACES, MAX_BYTES, Found, bypasses, read_client

_EVERY: Final = 60_000_000  # µs between two looks


class Bypasses:
    """Looks into the clients' files under `home`, at most once a minute: some of them are large."""

    def __init__(self, home: Path, clock: Callable[[], int]) -> None:
        self._home = home
        self._clock = clock
        self._looked = -_EVERY
        self._found: tuple[Found, ...] = ()

    def __call__(self, agents_url: str) -> tuple[str, ...]:
        """One line for each entry that reaches its server without `agents_url`."""
        if self._clock() - self._looked >= _EVERY:
            self._looked = self._clock()
            self._found = tuple(one for client, place in HOME_PLACES for one in self._read(client, place))
        return bypasses(self._found, agents_url)

    def _read(self, client: str, place: str) -> tuple[Found, ...]:
        try:
            with (self._home / place).open("rb") as file:
                return read_client(client, f"~/{place}", file.read(MAX_BYTES + 1))
        except OSError:
            return ()
