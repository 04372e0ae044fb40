"""One connection: whoever gave up an exchange that had ended cannot hit the next one."""

from __future__ import annotations

import asyncio

from standwatch.upstream.http_connection import Connection
from standwatch.upstream.http_message import Timeouts, UpstreamResponse
from support.upstreams import until


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1000):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_late_abandon_leaves_the_next_exchange_alone() -> None:
    released: list[Connection] = []
    closed: list[Connection] = []

    def send(connection: Connection) -> asyncio.Future[object]:
        return connection.send(b"GET", head_only=False, limit=10, timeouts=Timeouts(), streaming=False)

    async def play() -> None:
        server = await asyncio.start_server(_serve, "127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        connection = Connection(loop, released.append, closed.append, 5)
        await loop.create_connection(lambda: connection, "127.0.0.1", server.sockets[0].getsockname()[1])
        await send(connection)
        ended = connection.serial
        second = send(connection)
        connection.abandon(ended)
        answer = await asyncio.wait_for(second, 30)
        assert isinstance(answer, UpstreamResponse)
        assert answer.body == b"ok"
        assert (len(released), closed) == (2, [])
        third = send(connection)
        connection.abandon(connection.serial)
        await until(lambda: closed == [connection])
        assert not third.done()
        server.close()

    asyncio.run(play())
