"""A scripted model server: each test says how a request is answered, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from support.rude_http import Exchange, RudeServer, Script


class RudeModel(RudeServer):
    """Leaves every request to its script; remembers what it was asked. `url` is its base."""

    def __init__(self, script: Script) -> None:
        super().__init__("", script)

    async def answer(self, it: Exchange) -> None:
        self.asked.append(it)
        await self.script(it)


@asynccontextmanager
async def rude_model(script: Script) -> AsyncIterator[RudeModel]:
    rude = RudeModel(script)
    rude.listener = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
    rude.url = f"http://127.0.0.1:{rude.listener.sockets[0].getsockname()[1]}"
    try:
        yield rude
    finally:
        rude.vanish()


def saying(body: Any, status: str = "200 OK") -> Script:
    """Always this answer: bytes as they stand, anything else as JSON."""

    async def script(it: Exchange) -> None:
        it.json(body if isinstance(body, bytes) else json.dumps(body).encode(), status)

    return script
