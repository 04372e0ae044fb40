"""`standwatch.client` over a real listener: what is asked, what is answered, and that silence decides nothing."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import json
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

import standwatch.client
from standwatch.client import (
    AsyncClient,
    Client,
    ClientError,
    Decisions,
    Invalid,
    Refused,
    Unavailable,
    Unreachable,
    composition,
)
from standwatch.facts.words import SENTENCES
from support.deciders import ID, MODEL, SYSTEM, TOKEN, BenchDeciders
from support.decision_server import serving

RICH = {"income": 4200.5, "term": 360, "purpose": "home"}
POOR = {"income": 12, "term": 12, "purpose": "home"}


class NumberOfNumpy:
    """Looks to JSON as numpy's scalars do."""

    def item(self) -> float:
        return 4200.5


@contextmanager
def answering(*pieces: bytes) -> Generator[str]:
    """A server that answers every request with these bytes and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(5)
                peer.recv(65_536)
                for piece in pieces:
                    peer.sendall(piece)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def decide(
    kind: str, url: str, rows: Any, token: str = TOKEN, timeout: float = 10.0, **beside: Any
) -> Decisions:
    """With either client."""
    if kind == "sync":
        with Client(url, token, timeout=timeout) as client:
            return client.decide(SYSTEM, rows, **beside)

    async def main() -> Decisions:
        async with AsyncClient(url, token, timeout=timeout) as client:
            return await client.decide(SYSTEM, rows, **beside)

    return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_rows_are_decided_and_carry_their_contract(kind: str) -> None:
    deciders = BenchDeciders()
    deciders.receipt = "cmM="
    with serving(deciders) as url:
        found = decide(
            kind,
            url,
            [RICH, {**POOR, "note": "x"}, {"income": "much"}],
            parameters={"cache_age": 3},
            used=["17/0"],
            expects={"score": {"max": 1}},
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
    assert [(one.id, one.outcome, one.route, one.code) for one in found] == [
        ("41/0", "approved", "model", ""),
        ("41/1", "denied", "model", ""),
        ("41/2", "", "refer-to-human", "unreadable"),
    ]
    assert found[0].outputs == {"score": 0.25, "word": "approved", "shares": [0.25, 0.75, 0.0]}
    assert (found.id, found.version, found.recorded, found.receipt, found.used) == (
        ID,
        "v2",
        True,
        "cmM=",
        ID,
    )
    assert found.contract["score"]["polarity"] == "higher means denied"
    (ask,) = deciders.asks
    assert (ask.parameters, ask.used, ask.expects) == ({"cache_age": 3}, ("17/0",), {"score": {"max": 1}})
    assert ask.trace == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_rows_of_one_shape_say_their_names_once(kind: str) -> None:
    deciders = BenchDeciders()
    with serving(deciders) as url:
        decide(kind, url, [{**RICH, "married": None, "note": "ü", "income": NumberOfNumpy()}])
    assert deciders.asks[0].rows.rows == [(4200.5, 360, "home", None, "ü")]


@pytest.mark.parametrize(
    ("word", "error"), [("refused", Refused), ("invalid", Invalid), ("unavailable", Unavailable)]
)
def test_every_other_word_is_raised(kind: str, word: Any, error: type[ClientError]) -> None:
    deciders = BenchDeciders()
    deciders.word = word
    with serving(deciders) as url, pytest.raises(error, match=SENTENCES[word][:20]) as raised:
        decide(kind, url, [RICH])
    assert raised.value.reference == ID


def test_strangers_and_unknown_systems(kind: str) -> None:
    with serving(BenchDeciders()) as url:
        with pytest.raises(Refused):
            decide(kind, url, [RICH], token="sw_other")
        with pytest.raises(Invalid):
            decide(kind, url, [RICH], model="nobody")
        with pytest.raises(Invalid, match="1 to 4,096"):
            decide(kind, url, [])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_has_no_form_for_is_not_sent(kind: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        decide(kind, "http://127.0.0.1:1", [{"income": value}])


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"nonsense\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\noops",),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"word":"done"}',),
        (b'HTTP/1.1 503 Busy\r\nContent-Length: 15\r\n\r\n{"word":"later"}',),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",),
    ],
)
def test_whoever_is_not_the_gateway_decides_nothing(kind: str, pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as url, pytest.raises(Unreachable):
        decide(kind, url, [RICH])


def test_an_answer_in_chunks(kind: str) -> None:
    row = {"id": "1/0", "outputs": [0.5], "outcome": "x", "route": "model", "code": "", "version": "v"}
    body = json.dumps(
        {
            "word": "done",
            "id": ID,
            "version": "v",
            "recorded": True,
            "outputs": ["score"],
            "rows": [row],
        }
    ).encode()
    chunks = b"%x\r\n%s\r\n%x;x=1\r\n%s\r\n0\r\nA: b\r\n\r\n" % (9, body[:9], len(body) - 9, body[9:])
    with answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", chunks
    ) as url:
        assert decide(kind, url, [RICH])[0].outputs == {"score": 0.5}


def test_nobody_there_and_nobody_answering(kind: str) -> None:
    with pytest.raises(Unreachable):
        decide(kind, "http://127.0.0.1:1", [RICH])
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable):
        decide(kind, f"http://127.0.0.1:{silent.getsockname()[1]}", [RICH], timeout=0.2)


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8400", "http://", "http://u:p@x", "http://x?a=1"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="an address"):
        Client(url, TOKEN)
    with pytest.raises(ValueError, match="token"):
        Client("http://x", "a\r\nb")


def test_connections_are_kept_and_shared_by_threads() -> None:
    deciders = BenchDeciders()
    with serving(deciders) as url, Client(url, TOKEN) as client, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: client.decide(SYSTEM, [row])[0].outcome, [RICH, POOR] * 20))
    assert found == ["approved", "denied"] * 20


def test_a_server_that_came_back_is_asked_on_a_new_connection(kind: str) -> None:
    deciders = BenchDeciders()

    def twice(client: Client) -> None:
        client.decide(SYSTEM, [RICH])

    if kind == "sync":
        with serving(deciders) as url:
            client = Client(url, TOKEN)
            twice(client)
        with pytest.raises(Unreachable, match="127"):
            twice(client)
        client.close()
        return

    async def main(url: str) -> None:
        async with AsyncClient(url, TOKEN) as client:
            for _ in range(3):
                await client.decide(SYSTEM, [RICH])
            await asyncio.gather(*(client.decide(SYSTEM, [POOR]) for _ in range(20)))

    with serving(deciders) as url:
        asyncio.run(main(url))
    assert len(deciders.asks) == 23


def test_decisions_of_one_composition_name_those_before(kind: str) -> None:
    deciders = BenchDeciders()
    with serving(deciders) as url, composition() as flow:
        decide(kind, url, [RICH])
        assert flow.made == ["41/0"]
        deciders.index = 42
        decide(kind, url, [RICH, POOR])
    with serving(deciders) as url:
        decide(kind, url, [RICH])
    first, second, third = deciders.asks
    assert (first.used, third.used) == ((), ())
    assert second.used == ("41/0",)
    assert first.trace[:35] == second.trace[:35] != third.trace[:35]


def test_a_model_of_its_callers_cannot_be_asked_from_afar(kind: str) -> None:
    ours = type(MODEL)(
        component="scorer",
        protocol="client",
        inputs=MODEL.inputs,
        outputs=MODEL.outputs,
        versions=MODEL.versions,
    )
    with serving(BenchDeciders(ours)) as url, pytest.raises(Unreachable, match="governed"):
        decide(kind, url, [RICH])


FRAMEWORKS = {"agents", "claude_agent_sdk", "langchain", "langchain_core", "langgraph", "pydantic_ai"}
"""What adapters import, and what is not installed here: they are tested where it is."""


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in FRAMEWORKS:
            return None
        raise


def test_examples() -> None:
    names = [one.name for one in pkgutil.iter_modules(standwatch.client.__path__, "standwatch.client.")]
    modules = [standwatch.client, *(found for name in names if (found := _imported(name)) is not None)]
    results = [doctest.testmod(module) for module in modules]
    assert sum(one.attempted for one in results) > 10
    assert not sum(one.failed for one in results)


def test_it_brings_nothing_of_the_server_along() -> None:
    code = "import sys, standwatch.client; print(*(m for m in sys.modules))"
    there = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    ours = {one for one in there if one.startswith("standwatch.")}
    assert all(one.startswith("standwatch.client") for one in ours)
    assert not {"msgspec", "apsw", "uvloop", "httptools", "cryptography"} & set(there)
