"""The gateway's end of a sandboxed server's way out: it connects to the hosts that the manifest declares, and no other.

A connection arrives on a Unix socket that only this server's relay can see. Its first line is the number of a declared
host; everything after it goes there and back. There is nothing to parse that the server could use to name another.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from standwatch.upstream.sandbox import Way, address

CONNECT: Final = 10.0
"""Seconds that a host has to answer."""
MOST: Final = 64
"""Connections at once."""
_CHUNK: Final = 1 << 16


class Egress:
    """One server's. `way` says where it is; `close` ends it and every connection."""

    def __init__(self, way: Way, server: asyncio.Server) -> None:
        self.way = way
        self._server = server
        self._open: set[asyncio.Task[None]] = set()

    @classmethod
    async def begin(cls, hosts: tuple[str, ...]) -> Egress:
        """The way to `hosts` (`host:port`). Raises `OSError` where no socket can be made."""
        folder = Path(tempfile.mkdtemp(prefix="standwatch-"))  # for its owner alone
        parted = tuple((name, int(port)) for name, _, port in (one.rpartition(":") for one in hosts))
        way = Way(folder, parted)
        names = dict.fromkeys(name for name, _ in parted)
        told = [name for name in names if name != "localhost" and not name.startswith("127.")]
        lines = ["127.0.0.1 localhost", *(f"{address(name, parted)} {name}" for name in told)]
        (folder / "hosts").write_text("\n".join(lines) + "\n")
        made: list[Egress] = []

        async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await made[0]._carry(reader, writer)

        try:
            server = await asyncio.start_unix_server(heard, str(folder / "socket"))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        made.append(cls(way, server))
        return made[0]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.closing(writer):
            if len(self._open) >= MOST:
                return
            self._open.add(task)
            try:
                await self._connect(reader, writer)
            except (
                OSError,
                TimeoutError,
                ValueError,
                asyncio.IncompleteReadError,
                asyncio.LimitOverrunError,
            ):
                pass  # the server sees its connection end
            finally:
                self._open.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT):
            said = await reader.readuntil(b"\n")
            which = int(said)
            if not 0 <= which < len(self.way.hosts):
                return
            theirs, ours = await asyncio.open_connection(*self.way.hosts[which])
        with contextlib.closing(ours):
            await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))

    async def close(self) -> None:
        """Ends it; what is under way is cut."""
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        shutil.rmtree(self.way.folder, ignore_errors=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
