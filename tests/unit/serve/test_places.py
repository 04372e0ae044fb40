"""Whose token it is: bound ones need their key, others are watched for a second place."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Shown
from standwatch.facts.entries import AnyEntry, RunBound, RunOpened, SecondPlace
from standwatch.facts.errors import Conflict
from standwatch.facts.parts import Part, commitment
from standwatch.keys import ed25519, jose
from standwatch.record.state import State
from standwatch.serve.places import LIVE, Places

KEY = jose.signer(ed25519.make())
TOKEN = "sw_token"
NOW = 1_800_000_000_000_000
FREE = RunOpened(by="agent", run="r", system="s", principal="agent", token="ab" * 32)
BOUND = RunBound(by="agent", run="b", system="s", principal="agent", token="cd" * 32, bound=KEY.thumbprint)


class Around:
    """A record that takes what it is given, once, at a time that a test sets."""

    def __init__(self) -> None:
        self.state = State()
        self.at = NOW
        self.written: list[tuple[SecondPlace, Part]] = []
        for index, run in enumerate((FREE, BOUND)):
            self.state.fold(index, run)

    def now(self) -> int:
        return self.at

    def chance(self, count: int) -> bytes:
        return bytes(count)

    async def append(self, entry: AnyEntry, parts: tuple[Part, ...] = ()) -> Any:
        assert isinstance(entry, SecondPlace)
        if entry.run in self.state.places:
            raise Conflict("said already")
        await asyncio.sleep(0)
        self.written.append((entry, parts[0]))
        self.state.fold(len(self.written) + 1, entry)


def came(peer: str = "192.0.2.1:4000", *, proof: str = "") -> Shown:
    return Shown(proof=proof, method="POST", host="127.0.0.1:8400", path="/mcp/s", peer=peer)


def proof(jti: str, token: str = TOKEN) -> str:
    url = "http://127.0.0.1:8400/mcp/s"
    return jose.proof(KEY, method="POST", url=url, token=token, at=NOW // 1_000_000, jti=jti)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_bound_token_is_taken_with_a_proof_by_its_key_only() -> None:
    async def script() -> None:
        around = Around()
        places = Places(around)
        assert places.objection("DPoP", TOKEN, BOUND, came(proof=proof("1"))) == ""
        await settled()
        assert not around.written
        for scheme, one in (
            ("DPoP", came()), ("Bearer", came(proof=proof("2"))), ("DPoP", came(proof=proof("1"))),
            ("DPoP", came(proof=proof("3", "sw_other"))),
        ):  # fmt: skip
            assert "without a proof" in places.objection(scheme, TOKEN, BOUND, one)
            await settled()
        ((entry, part),) = around.written
        assert (entry.run, entry.code, entry.why) == ("b", "without_key", commitment(part.salt, part.data))
        assert msgspec.json.decode(part.data) == {"first": "", "second": "192.0.2.1"}

    asyncio.run(script())


def test_one_request_shows_its_proof_once_however_often_it_is_asked() -> None:
    async def script() -> None:
        places, one = Places(Around()), came(proof=proof("1"))
        assert [places.objection("DPoP", TOKEN, BOUND, one) for _ in range(3)] == ["", "", ""]
        assert places.objection("DPoP", TOKEN, BOUND, came(proof=one.proof)), "another request with it"

    asyncio.run(script())


def test_a_token_that_is_not_bound_is_no_dpop_token() -> None:
    async def script() -> None:
        for run in (FREE, None):
            assert "not bound" in Places(Around()).objection("DPoP", TOKEN, run, came(proof=proof("1")))

    asyncio.run(script())


def test_a_second_address_is_written_down_once_and_refused_nobody() -> None:
    async def script() -> None:
        around = Around()
        places = Places(around)
        peers = ["192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:3", "192.0.2.1:4", "[2001:db8::1]:5"]
        for count, peer in zip((0, 0, 1, 1, 1), peers, strict=True):
            assert places.objection("Bearer", TOKEN, FREE, came(peer)) == ""
            await settled()
            assert len(around.written) == count, peer
        entry, part = around.written[0]
        assert (entry.run, entry.code, entry.principal) == ("r", "another_place", "agent")
        assert msgspec.json.decode(part.data) == {"first": "192.0.2.1", "second": "[2001:db8::1]"}

    asyncio.run(script())


def test_two_at_the_same_moment_are_one_finding() -> None:
    async def script() -> None:
        around = Around()
        places = Places(around)
        for peer in ("192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"):
            assert places.objection("Bearer", TOKEN, FREE, came(peer)) == ""
        await settled()
        assert len(around.written) == 1

    asyncio.run(script())


@pytest.mark.parametrize(("later", "count"), [(LIVE - 1, 1), (LIVE, 0)])
def test_who_moves_after_a_pause_is_in_one_place(later: int, count: int) -> None:
    async def script() -> None:
        around = Around()
        places = Places(around)
        places.objection("Bearer", TOKEN, FREE, came("192.0.2.1:1"))
        around.at += later
        places.objection("Bearer", TOKEN, FREE, came("192.0.2.2:1"))
        await settled()
        assert len(around.written) == count

    asyncio.run(script())


def test_unix_peers_are_places_and_a_run_that_ended_is_forgotten() -> None:
    async def script() -> None:
        around = Around()
        places = Places(around)
        for peer in ("unix:1000", "unix:1000"):
            places.objection("Bearer", TOKEN, FREE, came(peer))
        places.forget("r")
        places.objection("Bearer", TOKEN, FREE, came("unix:1001"))
        await settled()
        assert not around.written
        places.objection("Bearer", TOKEN, FREE, came("unix:1000"))
        await settled()
        assert len(around.written) == 1

    asyncio.run(script())
