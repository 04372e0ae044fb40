"""Bearer tokens: recognised by shape, checked before anything is hashed, stored only as a hash."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.keys.tokens import LENGTH, is_token, new_token, token_hash

KNOWN = "sw_" + "A" * 43 + "X8pY-Q"


def test_a_token_is_32_bytes_in_base64url_and_a_checksum() -> None:
    asked: list[int] = []

    def zeroes(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    token = new_token(zeroes)
    assert asked == [32]
    assert token == KNOWN
    assert token_hash(token) == sha256(token.encode()).hexdigest()


@given(st.binary(min_size=32, max_size=32))
def test_every_token_is_recognised(body: bytes) -> None:
    token = new_token(lambda _: body)
    assert len(token) == LENGTH
    assert is_token(token)


def test_tokens_differ() -> None:
    assert len({new_token() for _ in range(100)}) == 100


@given(st.integers(0, LENGTH - 1), st.characters())
def test_one_wrong_character_is_noticed(place: int, letter: str) -> None:
    typo = KNOWN[:place] + letter + KNOWN[place + 1 :]
    assert is_token(typo) is (typo == KNOWN)


@pytest.mark.parametrize(
    "text", ["", "sw_", KNOWN[:-1], KNOWN + "A", KNOWN + "\n", " " + KNOWN, KNOWN.upper(), "ſw_" + KNOWN[3:]]
)
def test_what_is_no_token_is_not_hashed(text: str) -> None:
    assert token_hash(text) is None


@given(st.text())
def test_noise_is_no_token(text: str) -> None:
    assert token_hash(text) is None
