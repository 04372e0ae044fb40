"""TLS by certificate files, on real sockets and the event loop that serves: renewed in place, a bad pair refused."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.x509.oid import NameOID

from standwatch.facts.errors import Misconfigured
from standwatch.facts.signing_in import Tls
from standwatch.fronts.http import Request, Response, serve_http
from standwatch.serve.tls import Certificates
from support.certificates import issue

FILES = Tls("chain.pem", "key.pem")


class Serving:
    """A listener with TLS on uvloop, from a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.pair = Certificates(folder, FILES)
        self.port = 0
        self._up, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()))
        self._thread.start()
        assert self._up.wait(20)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()

        async def answer(request: Request) -> Response:
            return Response(200, f'"{request.peer.rpartition(":")[0]} {len(request.body)}"'.encode())

        listener = await serve_http(answer, name="tls", tls=self.pair.context)
        self.port = listener.port
        self._up.set()
        await self._stop.wait()
        await listener.close(1)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def name(self, sent: str | None = "localhost") -> str:
        """The name in the certificate that a new connection is shown; with no `sent`, without SNI."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=sent) as connection,
        ):
            der = connection.getpeercert(binary_form=True)
        assert der
        found = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value)

    def ask(self, body: bytes = b"") -> str:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        connection.request("POST", "/", body)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer


@pytest.fixture
def serving(tmp_path: Path) -> Generator[Serving]:
    issue(tmp_path, "first")
    found = Serving(tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_requests_of_any_size_pass(serving: Serving) -> None:
    assert serving.ask() == '"127.0.0.1 0"'
    assert serving.ask(os.urandom(3_000_000)) == '"127.0.0.1 3000000"'


@pytest.mark.parametrize("sent", ["localhost", None])
def test_a_renewed_certificate_is_taken_up_and_a_bad_one_is_not(
    serving: Serving, tmp_path: Path, sent: str | None
) -> None:
    assert serving.name(sent) == "first"
    assert serving.pair.reload() == "", "nothing changed"
    issue(tmp_path, "second")
    assert "was read again" in serving.pair.reload()
    assert serving.name(sent) == "second"
    issue(tmp_path, "third", key_of_another=True)
    assert "stays" in serving.pair.reload()
    assert serving.name(sent) == "second"
    (tmp_path / "key.pem").write_text("no key\n")
    assert "stays" in serving.pair.reload()
    assert serving.pair.reload() == "", "said once"
    (tmp_path / "chain.pem").unlink()
    assert "stays" in serving.pair.reload()
    assert serving.name(sent) == "second"
    issue(tmp_path, "fourth")
    assert "was read again" in serving.pair.reload()
    assert serving.name(sent) == "fourth"


def test_a_plain_request_gets_nothing(serving: Serving) -> None:
    assert serving.pair.context.minimum_version == ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", serving.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_start_with_a_pair_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"chain\.pem"):
        Certificates(tmp_path, FILES)
    issue(tmp_path, key_of_another=True)
    with pytest.raises(Misconfigured, match="expected a PEM certificate chain and its key"):
        Certificates(tmp_path, FILES)
