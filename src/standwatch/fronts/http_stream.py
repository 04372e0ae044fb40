"""The open end of a streamed answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standwatch.fronts.http_message import ClientGone
from standwatch.fronts.http_wire import LAST_CHUNK, encode_chunk

if TYPE_CHECKING:
    from standwatch.fronts.http_connection import Connection


class StreamWriter:
    """`http_message.Writer` over one connection."""

    __slots__ = ("_chunked", "_connection", "_cut")

    def __init__(self, connection: Connection, chunked: bool) -> None:
        self._connection = connection
        self._chunked = chunked
        self._cut = False

    @property
    def closed(self) -> bool:
        """True once nothing sent can arrive any more."""
        transport = self._connection.transport
        return self._cut or transport is None or transport.is_closing()

    async def send(self, data: bytes) -> None:
        """Sends one piece at once; waits while the client is slow. Raises `ClientGone`."""
        if self._connection.paused:
            await self._connection.room()
        transport = self._connection.transport
        if self._cut or transport is None or transport.is_closing():
            raise ClientGone
        if data:
            transport.write(encode_chunk(data) if self._chunked else data)

    def cut(self, last: bytes = b"") -> None:
        """Ends the connection now; see `http_message.Writer.cut`."""
        transport = self._connection.transport
        if self.closed or transport is None:
            return
        self._cut = True
        if last and not self._connection.paused and transport.get_write_buffer_size() == 0:
            transport.write(encode_chunk(last) + LAST_CHUNK if self._chunked else last)
            self._connection.finish()
        else:
            self._connection.abort()
