"""Paths that go round us on this host: MCP clients that still start their servers themselves (DESIGN.md §9)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from standwatch.declare.clients import bypasses
from standwatch.serve.host import HookStates, Host, look, no_hooks

_EVERY: Final = 60_000_000  # µs between two looks


class Bypasses:
    """Looks at the home of our own account, at most once a minute: some files are large.

    The names of our own variables are not looked at: what we hold so that agents need not is no way round us.
    """

    def __init__(self, home: Path, clock: Callable[[], int], states: HookStates = no_hooks) -> None:
        self._home = home
        self._clock = clock
        self.states = states
        """How the hooks of the hosts here stand; set by whoever knows how they are installed."""
        self._looked = -_EVERY
        self._host = Host()

    def __call__(self, agents_url: str) -> tuple[str, ...]:
        """One line for each entry that reaches its server without `agents_url`."""
        return bypasses(self.host().found, agents_url)

    def host(self) -> Host:
        """What was read here, a minute ago at most."""
        if self._clock() - self._looked >= _EVERY:
            self._looked = self._clock()
            self._host = look(self._home, states=self.states)
        return self._host
