"""One client for many event loops: frameworks begin one for each invocation."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from standwatch.client.session import AsyncClient, Client


class PerLoop:
    """The `AsyncClient` of whichever loop is running: the same gateway, token and run as `client`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()

    def here(self) -> AsyncClient:
        """That of the running loop. Raises RuntimeError where none runs."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            found = self._made[loop] = self._client.waiting()
        return found
