"""ID tokens as an issuer would sign them, and as somebody else would."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from standwatch.facts.errors import Forbidden
from standwatch.keys.id_token import verified

NOW = 1_795_000_000
EC = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
CLAIMS: dict[str, Any] = {
    "iss": "https://login.example",
    "sub": "olga",
    "aud": "standwatch",
    "exp": NOW + 60,
    "iat": NOW,
    "nonce": "n",
}


def published(*keys: Any) -> dict[str, Any]:
    return KeySet(list(keys)).as_dict(private=False)


def made(key: Any = EC, header: dict[str, Any] | None = None, **claims: Any) -> str:
    kept = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    head = {"alg": "ES256", "kid": "one"} | (header or {})
    return jwt.encode(head, kept, key, algorithms=[head["alg"]])


def read(token: object, keys: dict[str, Any] | None = None, access: str = "") -> dict[str, Any]:
    return verified(
        token,
        published(EC) if keys is None else keys,
        issuer="https://login.example",
        client="standwatch",
        nonce="n",
        access_token=access,
        now=NOW,
    )


def test_what_the_issuer_says_is_read() -> None:
    assert read(made())["sub"] == "olga"
    assert read(made(aud=["standwatch"]))["sub"] == "olga"


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "one"})),
        ("PS256", RSAKey.generate_key(2048, {"kid": "one"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "one"})),
    ],
)
def test_every_algorithm_that_is_taken(alg: str, key: Any) -> None:
    assert read(made(key, {"alg": alg}), published(key))["sub"] == "olga"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["standwatch", "another"]},
        {"aud": ["standwatch", "another"], "azp": "standwatch"},
        {"aud": []},
        {"azp": "another"},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "later"},
        {"iat": None},
        {"iat": NOW - 601},
        {"iat": NOW + 61},
        {"nbf": NOW + 61},
        {"nonce": "of another"},
        {"nonce": None},
        {"nonce": ""},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_a_claim_that_does_not_fit(claims: dict[str, Any]) -> None:
    with pytest.raises(Forbidden) as caught:
        read(made(**claims))
    assert caught.value.code == "bad_id_token"


def test_a_token_beside_another_access_token() -> None:
    token = made(at_hash="x" * 22)
    with pytest.raises(Forbidden):
        read(token, access="an access token")


def test_signatures_that_are_not_the_issuer_s() -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    for token in (
        made(stranger),  # under the issuer's own name for a key
        made(header={"kid": "two"}),
        made()[:-8] + "AAAAAAAA",
    ):
        with pytest.raises(Forbidden) as caught:
            read(token)
        assert caught.value.code == "unknown_id_key"


def test_no_shared_secret_and_no_signature_at_all() -> None:
    body = made().split(".")[1]
    secret = OctKey.import_key("the issuer's public key, used as if it were a secret", {"kid": "one"})
    shared = made(secret, {"alg": "HS256"})
    for token, keys in (
        ("eyJhbGciOiJub25lIn0." + body + ".", None),
        (shared, None),
        (shared, {"keys": [secret.as_dict(private=True)]}),
        ("", None),
        (None, None),
        ("a.b.c", None),
        ("x" * 20_000, None),
    ):
        with pytest.raises(Forbidden):
            read(token, keys)


def test_a_set_without_keys_that_sign() -> None:
    for keys in ({}, {"keys": []}, {"keys": "none"}, {"keys": [7]}, {"keys": [EC.as_dict(private=True)]}):
        with pytest.raises(Forbidden):
            read(made(), keys)
