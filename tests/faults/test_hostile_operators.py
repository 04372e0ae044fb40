"""The operators' listener before hostile HTTP: odd paths, odd JSON, forged pages, slow bodies, answers at once.

Each is refused in the one shape of errors, none is a fault of the server, and whoever is on call gets through.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.parts import approval_bytes
from standwatch.fronts.http import Limits
from standwatch.keys import ed25519
from support.system import Living, crew, echo, manifest, scripted, server, serving, tool

API = "/api/v1"
DIGITS = "9" * 5_000
ARABIC = "%D9%A3"  # a decimal digit to Python, and to nobody else here


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    rules: dict[str, Any] = {
        "bank.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 500}}, "otherwise": "step_up"}
    }
    with (
        scripted(echo, tools=[tool("pay")]) as bank,
        serving(
            tmp_path_factory.mktemp("hostile") / "org",
            {"pay": manifest("pay", [server("bank", url=bank.url)], rules)},
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def token(watch: Living) -> str:
    return str(watch.api.post("/agents", {"name": "maria", "role": "human"})["token"])


def raw(watch: Living, data: bytes, patience: float = 10.0) -> bytes:
    """What comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", watch.operators), timeout=patience) as connection:
        connection.sendall(data)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := connection.recv(65_536):
                found += part
        return found


def ask(
    watch: Living, token: str, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes]:
    """One request whose target is sent as it stands, on a connection of its own."""
    heads = {"host": f"127.0.0.1:{watch.operators}", "authorization": f"Bearer {token}", **headers}
    heads |= {"content-length": str(len(body)), "connection": "close"}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in heads.items() if value)
    head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    answer = raw(watch, head + body)
    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
    return status, answer.partition(b"\r\n\r\n")[2]


def refused(status: int, body: bytes) -> str:
    """The code of a refusal in the one shape of errors."""
    assert 400 <= status < 500, (status, body[:300])
    told = json.loads(body)
    assert set(told) <= {"code", "message", "reference", "cure"}
    assert told["code"]
    assert told["message"]
    assert len(body) < 4_096, "what strangers write is not sent back whole"
    return str(told["code"])


@pytest.fixture(autouse=True)
def unharmed(watch: Living, token: str) -> Iterator[None]:
    """After each: the server runs, has told of no fault, and halts."""
    yield
    assert watch.process.poll() is None
    assert not [line for line in watch.said if "Traceback" in line]
    status, body = ask(watch, token, "GET", f"{API}/whoami")
    assert (status, json.loads(body)["ident"]) == (200, "maria")


PATHS = [
    f"{API}/../v1/status",
    f"{API}/./status",
    f"/{API}/status",
    f"{API}//status",
    f"{API}/status/",
    f"{API}/status%00",
    f"{API}/status;x=1",
    "/api%2fv1/status",
    "/api/v1%2fstatus",
    "/%61pi/v1/status",
    f"{API}/STATUS",
    f"{API}/holds/%00/release",
    f"{API}/holds/%2e%2e/release",
    f"{API}/holds/{DIGITS}/release",
    f"{API}/holds/{ARABIC}/release",
    f"{API}/holds/-1/release",
    f"{API}/holds/1e3/release",
    f"{API}/actions/%F0%9F%92%A9",
    f"{API}/actions/%ff%fe",
    f"{API}/actions/%E2%80%AE",
    f"{API}/actions/{DIGITS}",
    f"{API}/actions/{ARABIC}",
    f"{API}/actions/-1",
    f"{API}/actions/99999999999999999999",
    f"{API}/actions/..%2f..%2fetc%2fpasswd",
    f"{API}/actions/{DIGITS}/proof",
    f"{API}/questions/%0d%0aset-cookie:x=1",
    f"{API}/systems/..%2f..%2f/statement",
    f"{API}/systems/%3Cscript%3E/versions",
    f"{API}/systems/pay/versions?at={DIGITS}",
    "/log/tile/../../../etc/passwd",
    "/log/tile/..%2f..%2f..%2fetc%2fpasswd",
    "/log/tile/entries/..%2f000",
    "/log/tile/0/" + "x999/" * 40 + "000",
    "/log/tile/999999999999/000",
    "/log/tile/0/000.p/0",
    "/log/tile/0/000.p/256",
    "/log/tile/-1/000",
    f"/log/tile/0/{ARABIC}{ARABIC}{ARABIC}",
    "/log/",
    "/log/tile/0/000%00",
    "/static/..%2f..%2f..%2fetc%2fpasswd",
    "/static/../../pyproject.toml",
    "/systems/%2e%2e%2f%2e%2e",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
def test_no_path_leads_anywhere_else(watch: Living, token: str, path: str) -> None:
    for method in ("GET", "POST"):
        status, body = ask(watch, token, method, path, b"{}" if method == "POST" else b"")
        assert 400 <= status < 500, (method, path[:80], status, body[:200])
        assert b"root:" not in body
        assert b"[project]" not in body


QUERIES = [
    f"/entries?limit={DIGITS}",
    f"/entries?limit={ARABIC}",
    "/entries?limit=0",
    "/entries?limit=-1",
    "/entries?limit=1e2",
    "/entries?limit=%20%205",
    f"/entries?from={DIGITS}",
    f"/entries?from=-{DIGITS}",
    f"/entries?from={ARABIC}",
    "/entries?from=0x10",
    "/entries?from=1_0",
    "/entries?from=0&from=1",
    "/entries?unknown=1",
    "/entries?" + "&".join(f"a{n}=1" for n in range(200)),
    "/entries?%ff=1",
    "/entries?from=%ff",
    "/entries?from",
    "/entries?=",
    f"/status?as_of={DIGITS}",
    f"/status?as_of={ARABIC}",
    "/status?as_of=0001-01-01T00:00:00%2B14:00",
    "/status?as_of=2026-02-30T00:00:00Z",
    "/status?as_of=2026-11-21T25:61:61Z",
    "/status?as_of=nan",
    "/status?as_of=inf",
    "/status?as_of=%00",
    f"/export?from={DIGITS}",
    f"/export?to={ARABIC}",
    "/export?from=5&to=1",
    "/export?payloads=yes",
    f"/entries/latest?before={DIGITS}",
    f"/entries/latest?before={ARABIC}",
    f"/entries/latest?limit={DIGITS}",
    f"/entries/latest?limit={ARABIC}",
    f"/runs?before={DIGITS}",
    f"/runs?before={ARABIC}",
    f"/traffic?as_of={DIGITS}",
    f"/summary?as_of={ARABIC}",
    f"/entries/stream?from={DIGITS}",
]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path[:60])
def test_no_query_is_a_fault(watch: Living, token: str, path: str) -> None:
    refused(*ask(watch, token, "GET", API + path))


ODD = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"halt"',
    b"{}" * 2,
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'{"scope":"all","scope":"run:x","reason":"r"}',
    b'{"scope":"all","reason":"\\ud800"}',
    b'{"scope":"all","reason":"\xed\xa0\x80"}',
    b'{"scope":"all","reason":NaN}',
    b'{"scope":"all","reason":"r","until":1e400}',
    b'{"scope":"all","reason":"r","until":9007199254740993}',
    b'{"scope":"all","reason":"r","until":1.5}',
    b'{"scope":"all","reason":"r","until":true}',
    b'{"scope":"all","reason":"r","until":"0"}',
    b'{"scope":"all","reason":"r","extra":1}',
    b'{"scope":"all","reason":"r","__proto__":{}}',
    b'{"scope":["all"],"reason":"r"}',
    b'{"scope":"system:\\u0000","reason":"r"}',
    b'{"scope":"system:a\\nb","reason":"r"}',
    b'{"scope":"' + b"x" * 60_000 + b'","reason":"r"}',
    b'{"scope":"all","reason":"' + b"x" * 60_000 + b'"}',
    b"[" * 30_000 + b"]" * 30_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"scope":"all","reason":"' + b"x" * 70_000 + b'"}',
    b'{"scope":"all","reason":"r","until":' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:40]))
def test_no_body_is_a_fault_and_none_is_half_read(watch: Living, token: str, body: bytes) -> None:
    before = watch.size
    refused(*ask(watch, token, "POST", f"{API}/holds", body, content_type="application/json"))
    assert watch.size == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "localhost@evil.example"}, 421),
        ({"host": "127.0.0.1:1, evil.example"}, 421),
        ({"host": "[::ffff:127.0.0.1]"}, 421),
        ({"host": "LOCALHOST.evil"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"origin": "http://localhost@evil.example"}, 403),
        ({"origin": "file://"}, 403),
        ({"origin": "http://127.0.0.1:99999999"}, 403),
    ],
)
def test_another_page_and_another_name_get_nowhere(
    watch: Living, token: str, headers: dict[str, str], status: int
) -> None:
    before = watch.size
    body = b'{"scope":"all","reason":"r"}'
    for path, method, sent in (("/holds", "POST", body), ("/status", "GET", b"")):
        found, answer = ask(watch, token, method, API + path, sent, **headers)
        assert found == status, answer
        refused(found, answer)
    assert watch.size == before


def test_what_a_proxy_would_say_is_nobody_s_word(watch: Living) -> None:
    """Without a stated proxy these headers lend no address, name or scheme."""
    for name in (
        "x_forwarded_for",
        "forwarded",
        "x_forwarded_host",
        "x_real_ip",
        "x_forwarded_user",
        "remote_user",
    ):
        status, body = ask(watch, "sw_nothing", "GET", f"{API}/whoami", **{name: "for=127.0.0.1;by=maria"})
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")


def test_ahead_of_one_another_nothing_is_smuggled(watch: Living, token: str) -> None:
    """Two lengths, a length beside chunks, and a request hidden in a body that is read to its end."""
    where = f"host: 127.0.0.1:{watch.operators}\r\nauthorization: Bearer {token}\r\n"
    hidden = f'POST {API}/holds HTTP/1.1\r\n{where}content-length: 28\r\n\r\n{{"scope":"all","reason":"r"}}'
    before = watch.size
    for framing in (
        "content-length: 5\r\ncontent-length: 6\r\n",
        f"content-length: {len(hidden)}\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding:\x0bchunked\r\n",
        f"content-length: +{len(hidden)}\r\n",
        "content-length: 0x10\r\n",
    ):
        answer = raw(
            watch, f"POST {API}/markers HTTP/1.1\r\n{where}{framing}\r\n{hidden}".encode("latin-1"), 3.0
        )
        assert answer.count(b"HTTP/1.1 ") == 1, answer
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), answer[:60]
    body = f"POST {API}/markers HTTP/1.1\r\n{where}content-length: {len(hidden)}\r\nconnection: close\r\n\r\n{hidden}"
    assert raw(watch, body.encode()).count(b"HTTP/1.1 ") == 1
    assert watch.size == before, "what stood in bodies was nobody's order"


def test_slow_bodies_keep_nobody_from_halting(watch: Living, token: str) -> None:
    head = f"POST {API}/holds HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
    head += "content-length: 60000\r\n\r\n"
    with contextlib.ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(socket.create_connection(("127.0.0.1", watch.operators)))
            for _ in range(300)
        ]
        for one in slow:
            one.sendall(head.encode() + b"{")
        begun = time.monotonic()
        status, body = ask(watch, token, "POST", f"{API}/holds", b'{"scope":"agent:slow","reason":"now"}')
        took = time.monotonic() - begun
        assert status == 201, body
        assert took < Limits().read_timeout / 2, "nobody waited for them"
        watch.release(json.loads(body)["hold"])


def test_two_people_answer_opposite_ways_at_once_and_one_answer_decides(watch: Living, token: str) -> None:
    bot = watch.agent("bot", "pay")
    key = ed25519.load(Path(watch.key("olga")))
    for amount in range(601, 607):
        ident = bot.call("pay", amount=amount).reference
        sheet = watch.api.get(f"/questions/{ident}")
        question = sheet["question"]

        def order(decision: str, question: Any = question, sheet: Any = sheet) -> dict[str, Any]:
            told = {"decision": decision, "by": "olga", "head": "", "until": question["until"]}
            message = approval_bytes(
                asked=question["index"], digest=question["digest"], flag=question.get("flag", ""),
                org=sheet["org"], **told,
            )  # fmt: skip
            return {**told, "key": ed25519.public(key), "sig": ed25519.sign(key, message)}

        orders = [json.dumps(order(decision)).encode() for decision in ("approve", "refuse")] * 8
        gate = threading.Barrier(len(orders))

        def send(body: bytes, ident: str = ident, gate: threading.Barrier = gate) -> int:
            gate.wait(60)
            return ask(watch, token, "POST", f"{API}/questions/{ident}/answer", body)[0]

        with crew(len(orders)) as submit:
            statuses = [call.result() for call in [submit(send, body) for body in orders]]
        assert set(statuses) <= {200, 201, 403, 404, 409}, statuses
        taken = [one.decision for one in watch.acts(ident) if hasattr(one, "decision")]
        # One refusal ends a question, also one that came after the approval; after it nothing is taken.
        assert taken in (["refuse"], ["approve", "refuse"]), taken
        assert bot.call("pay", amount=amount).word == "refused"


def test_names_with_ends_of_lines_end_no_line(watch: Living, token: str) -> None:
    lines = len(watch.said)
    for name in ("a\nINFO forged", "a\r\nb", "\x1b[2J", "\u2028x", "\u202egnp"):
        refused(
            *ask(
                watch, token, "POST", f"{API}/agents", json.dumps({"name": name, "systems": ["pay"]}).encode()
            )
        )
        connection = http.client.HTTPConnection("127.0.0.1", watch.agents, timeout=20)
        connection.request("GET", f"/mcp/{name.encode().hex()}", headers={"authorization": "Bearer sw_x"})
        assert connection.getresponse().status in (401, 404, 405)
        connection.close()
    assert not [line for line in watch.said[lines:] if "forged" in line or "\x1b" in line]
