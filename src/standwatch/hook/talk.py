"""HTTP/1.1 to the gateway, over one connection that is kept: nothing is sent twice."""

from __future__ import annotations

import os
import select
import time
from _socket import AF_INET6, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, getaddrinfo
from _socket import socket as Socket

from standwatch.hook.files import members
from standwatch.hook.quick import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 16 << 20
"""Bytes of an answer."""


class Unreachable(Exception):
    """No gateway answered, or what answered is none."""


class NobodyThere(Unreachable):
    """Nothing listens at the gateway's address: it is down."""


class Line:
    """One connection to `http(s)://HOST:PORT`. One caller at a time."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for an address that is none."""
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        if scheme not in ("http", "https") or not host or "@" in host or path:
            raise ValueError(f"an address such as http://127.0.0.1:8400 was expected, not {url!r}")
        self._secure = scheme == "https"
        self._netloc = host
        name, colon, port = host.rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host, "443" if self._secure else "80"
        self._address = (name.strip("[]"), int(port))
        self._socket: Socket | None = None
        self.used = 0.0

    def post(self, path: str, token: str, body: Any, until: float) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer, by `until` (monotonic seconds). Raises `Unreachable`."""
        data = dumps(body).encode("ascii")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        try:
            connection = self._ready(until)
            connection.sendall(head.encode("ascii") + data)
            status, answer, keep = self._answer(connection, until)
            found = members(loads(answer.decode() or "{}"))
        except ConnectionRefusedError as error:
            self.close()
            raise NobodyThere(str(error)) from None
        except (OSError, ValueError, RecursionError) as error:
            self.close()
            raise Unreachable(str(error) or type(error).__name__) from None
        if not keep:
            self.close()
        self.used = time.monotonic()
        if found is None:
            raise Unreachable("what answered is not Standwatch")
        return status, found

    def _ready(self, until: float) -> Socket:
        kept = self._socket
        if kept is not None and not select.select([kept], [], [], 0)[0]:
            kept.settimeout(max(until - time.monotonic(), 0.001))
            return kept
        self.close()
        made = self._connected(until)
        made.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if self._secure:
            import socket
            import ssl

            whole = socket.socket(fileno=made.detach())
            whole.settimeout(max(until - time.monotonic(), 0.001))
            context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
            made = context.wrap_socket(whole, server_hostname=self._address[0])
        self._socket = made
        return made

    def _connected(self, until: float) -> Socket:
        host, port = self._address
        problem: OSError = OSError("no address")
        for family, kind, protocol, _, address in getaddrinfo(host, port, 0, SOCK_STREAM):
            made = Socket(family, kind, protocol)
            made.settimeout(max(until - time.monotonic(), 0.001))
            try:
                made.connect(address[:2] if family != AF_INET6 else address)
            except OSError as error:
                made.close()
                problem = error
            else:
                return made
        raise problem

    def _answer(self, connection: Socket, until: float) -> tuple[int, bytes, bool]:
        """RFC 9112 §4 to §6: the gateway says how long its bodies are."""
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more(connection, until)
            if len(data) > 1 << 16:
                raise ValueError("no HTTP answer")
        lines = data[:end].decode("latin-1").split("\r\n")
        if not lines[0].startswith("HTTP/1."):
            raise ValueError("no HTTP answer")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])
        }
        length = int(headers.get("content-length", "0"))
        if "transfer-encoding" in headers or not 0 <= length <= MOST:
            raise ValueError("an answer of an unknown length")
        pieces, got = [data[end + 4 :]], len(data) - end - 4
        while got < length:
            pieces.append(self._more(connection, until))
            got += len(pieces[-1])
        return (
            int(lines[0].split(" ")[1]),
            b"".join(pieces)[:length],
            headers.get("connection", "") != "close",
        )

    def _more(self, connection: Socket, until: float) -> bytes:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        piece = connection.recv(1 << 16)
        if not piece:
            raise ValueError("the connection ended in the middle of an answer")
        return piece

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
