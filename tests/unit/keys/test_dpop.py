"""Proofs of possession: those of other implementations are taken, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from standwatch.facts.errors import Forbidden
from standwatch.keys import ed25519, jose
from standwatch.keys.dpop import REMEMBERED, SHARE, WINDOW, Seen, shown
from support.proof_mutations import tried_proofs

TOKEN = "sw_token"
NOW = 1_800_000_000
ATH = jose.b64(hashlib.sha256(TOKEN.encode()).digest())
CLAIMS: dict[str, Any] = {"htm": "POST", "htu": "http://127.0.0.1:8400/mcp/s", "iat": NOW, "ath": ATH}
KEYS = {"EdDSA": OKPKey.generate_key("Ed25519"), "ES256": ECKey.generate_key("P-256")}
_count = iter(range(1 << 30))


def made(algorithm: str = "ES256", *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A proof by joserfc; a claim that is None is left out."""
    key = KEYS[algorithm]
    whole = {**CLAIMS, "jti": f"j{next(_count)}", **claims}
    body = json.dumps({name: value for name, value in whole.items() if value is not None})
    fields = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False), **(header or {})}
    return jws.serialize_compact(fields, body, key, algorithms=[algorithm])


def taken(proof: str, *, now: int = NOW, seen: Seen | None = None, **request: str) -> str:
    at = {"method": "POST", "host": "127.0.0.1:8400", "path": "/mcp/s", "token": TOKEN, **request}
    return shown(proof, now=now, seen=seen or Seen(), **at)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_proof_of_another_library_names_its_key(algorithm: str) -> None:
    assert taken(made(algorithm)) == KEYS[algorithm].thumbprint()
    assert taken(made(algorithm, htu="https://127.0.0.1:8400/mcp/s?q=1#f")) == KEYS[algorithm].thumbprint()


def test_our_own_proofs_are_taken() -> None:
    key = jose.signer(ed25519.make())
    ours = jose.proof(key, method="POST", url=CLAIMS["htu"], token=TOKEN, at=NOW, jti="j")
    assert taken(ours) == key.thumbprint


@pytest.mark.parametrize(
    "claims",
    [
        {"htm": "GET"}, {"htm": None}, {"htu": "http://127.0.0.1:8400/mcp/t"}, {"htu": "http://evil.example/mcp/s"},
        {"htu": "ftp://127.0.0.1:8400/mcp/s"}, {"htu": None}, {"htu": 1}, {"ath": None}, {"ath": ATH[:-1]},
        {"ath": jose.b64(hashlib.sha256(b"other").digest())}, {"iat": NOW - WINDOW - 1}, {"iat": NOW + WINDOW + 1},
        {"iat": None}, {"iat": float(NOW)}, {"iat": str(NOW)}, {"iat": True}, {"jti": None}, {"jti": ""}, {"jti": 7},
    ],
)  # fmt: skip
def test_a_proof_is_for_one_request_one_token_and_now(claims: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        taken(made(**claims))


def test_it_is_taken_once() -> None:
    seen, proof = Seen(), made()
    taken(proof, seen=seen)
    for later in (0, 1, WINDOW):
        with pytest.raises(Forbidden, match="before"):
            taken(proof, seen=seen, now=NOW + later)
    with pytest.raises(Forbidden):
        taken(proof, seen=seen, now=NOW + WINDOW + 1)


def test_what_is_remembered_is_bounded_and_full_is_refused() -> None:
    seen = Seen()
    assert all(seen.first(f"key {one // SHARE}", b"%d" % one, NOW) for one in range(REMEMBERED))
    assert not seen.first("another", b"one more", NOW), "what could be a repetition is taken for one"
    assert seen.first("another", b"one more", NOW + 3 * WINDOW)
    assert len(seen._until) == 1


def test_who_floods_floods_only_itself() -> None:
    seen = Seen()
    assert all(seen.first("mine", b"%d" % one, NOW) for one in range(SHARE))
    assert not seen.first("mine", b"one more", NOW)
    assert seen.first("theirs", b"one more", NOW)


def test_nothing_is_remembered_of_a_key_that_the_token_is_not_bound_to() -> None:
    seen = Seen()
    with pytest.raises(Forbidden, match="another key"):
        taken(made(), seen=seen, bound="x" * 43)
    assert seen._count == 0


HEADERS: list[dict[str, Any]] = [
    {"typ": "JWT"}, {"typ": None}, {"jwk": None}, {"jwk": "x"}, {"jwk": {}},
    {"jwk": KEYS["ES256"].as_dict(private=True)}, {"jwk": KEYS["EdDSA"].as_dict(private=False)},
    {"jwk": {"kty": "oct", "k": "AAAA"}}, {"crit": ["exp"]},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_another_header_is_refused(header: dict[str, Any]) -> None:
    """The signature holds over every one of them: it is not what refuses them."""
    fields = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEYS["ES256"].as_dict(private=False), **header}
    with pytest.raises(Forbidden):
        taken(by_hand(fields, {**CLAIMS, "jti": "j"}))


def by_hand(header: dict[str, Any], claims: dict[str, Any] | str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    text = claims if isinstance(claims, str) else json.dumps(claims)
    message = jose.b64(json.dumps(header).encode()) + "." + jose.b64(text.encode())
    r, s = decode_dss_signature(KEYS["ES256"].private_key.sign(message.encode(), ECDSA(SHA256())))
    return message + "." + jose.b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_by_hand_would_be_taken_but_for_what_is_wrong() -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEYS["ES256"].as_dict(private=False)}
    assert taken(by_hand(header, {**CLAIMS, "jti": "j"})) == KEYS["ES256"].thumbprint()
    twice = json.dumps({**CLAIMS, "jti": "j"})[:-1] + ', "htm": "GET", "htm": "POST"}'
    for wrong in ({**header, "alg": "none"}, {**header, "alg": "HS256"}, {**header, "alg": "EdDSA"}):
        with pytest.raises(Forbidden):
            taken(by_hand(wrong, {**CLAIMS, "jti": "j"}))
    with pytest.raises(Forbidden, match="strict"):
        taken(by_hand(header, twice))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "....", "x" * 5_000, "ä.b.c"])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(Forbidden):
        taken(text)


@pytest.mark.parametrize("algorithm", KEYS)
def test_no_changed_byte_is_taken(algorithm: str) -> None:
    """A sample; `python -m bench.mutations` goes on for longer."""
    done, wrong = tried_proofs(1_500, 7, algorithm)
    assert (done.total(), wrong.total()) == (1_500, 0)


def test_padding_is_another_spelling() -> None:
    head, body, tail = made().split(".")
    for changed in (f"{head}=.{body}.{tail}", f"{head}.{body}.{tail}==", f"{head}.{body}.{tail} "):
        with pytest.raises(Forbidden):
            taken(changed)
    assert base64.urlsafe_b64decode(tail + "==")
