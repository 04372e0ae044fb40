"""The fixture alone passes both conformance suites: a failure through the proxy is then the proxy's."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conformance.bearer_shim import HeaderShim
from conformance.run import run_suite
from conformance.serving import fixture_server

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
TOKEN = {"Authorization": "Bearer sw_test"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with fixture_server() as served:
        yield served


# The first of these may have to install the suite.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("headers", [None, TOKEN], ids=["direct", "shimmed"])
@pytest.mark.parametrize("revision", REQUIRED)
def test_every_required_scenario_passes(url: str, revision: str, headers: dict[str, str] | None) -> None:
    result = run_suite(url, revision, headers)
    assert result.failures == (), result.summary()
    assert result.warnings == (), result.summary()
    assert (result.passed, result.required) == (REQUIRED[revision], REQUIRED[revision])


@pytest.mark.timeout(600)
def test_nothing_passes_where_no_server_is(url: str) -> None:
    result = run_suite(url + "/not-here", "2025-11-25")
    assert result.passed == 0
    assert {failure.scenario for failure in result.failures} >= {"server-initialize", "ping", "tools-list"}


@pytest.mark.timeout(600)
def test_a_scenario_that_only_warns_is_reported_though_the_suite_lets_it_pass(url: str) -> None:
    result = run_suite(url + "/not-here", "2026-07-28")
    assert "input-required-result-ignore-extra-params" not in {f.scenario for f in result.failures}
    assert "input-required-result-ignore-extra-params" in {w.scenario for w in result.warnings}


def test_the_journal_names_each_request_that_was_handled(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with fixture_server(journal) as served:
        assert call_simple_text(served) == 200
    (line,) = [json.loads(entry) for entry in journal.read_text().splitlines()]
    assert (line["version"], line["method"]) == ("2026-07-28", "tools/call")
    assert line["params"]["name"] == "test_simple_text"


def test_the_shim_adds_its_header_to_every_request_of_a_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    heads: list[bytes] = []

    def serve_two() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            for _ in range(2):
                head = b"".join(iter(stream.readline, b"\r\n"))
                heads.append(head + stream.read(2))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = threading.Thread(target=serve_two)
    server.start()
    port = listener.getsockname()[1]
    with HeaderShim(f"http://localhost:{port}/mcp", TOKEN) as shimmed:
        client = http.client.HTTPConnection(urlsplit(shimmed).netloc, timeout=30)
        for origin in ("http://one.example", "http://two.example"):
            client.request("POST", "/mcp", body=b"hi", headers={"Origin": origin})
            assert client.getresponse().read() == b"ok"
        client.close()
        host = urlsplit(shimmed).netloc.encode()
    server.join(timeout=10)
    listener.close()
    assert len(heads) == 2
    for head, origin in zip(heads, (b"one", b"two"), strict=True):
        assert head.endswith(b"Authorization: Bearer sw_test\r\nhi")
        assert b"Host: " + host in head
        assert b"Origin: http://" + origin in head


def call_simple_text(url: str) -> int:
    name = "test_simple_text"
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name, "_meta": meta},
    }
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    client.request("POST", urlsplit(url).path, json.dumps(body), headers)
    return client.getresponse().status
