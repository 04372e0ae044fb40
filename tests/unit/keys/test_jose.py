"""What leaves us as JOSE: the RFCs' own examples, and what another library reads in it."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from standwatch.keys.jose import b64, proof, signer

RFC_8037 = Ed25519PrivateKey.from_private_bytes(
    base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
)


def test_the_thumbprint_of_rfc_8037() -> None:
    found = signer(RFC_8037)
    assert found.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert found.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert "d" not in found.published()
    assert "nWGxne" not in repr(found)


def test_a_signature_is_that_of_another_library() -> None:
    token = signer(RFC_8037).sign({"typ": "at+jwt"}, {"b": 1, "a": "ä"})
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": signer(RFC_8037).jwk["x"]})
    opened = jws.deserialize_compact(token, key, algorithms=["EdDSA"])
    assert opened.headers() == {"alg": "EdDSA", "typ": "at+jwt"}
    assert json.loads(opened.payload) == {"a": "ä", "b": 1}


def test_a_proof_names_the_request_and_the_token() -> None:
    key = signer(RFC_8037)
    made = proof(key, method="POST", url="https://a.example/mcp?x=1#y", token="t", at=7, jti="j", nonce="n")
    header, claims = (json.loads(base64.urlsafe_b64decode(one + "==")) for one in made.split(".")[:2])
    assert header == {"alg": "EdDSA", "typ": "dpop+jwt", "jwk": key.jwk}
    assert claims == {
        "htm": "POST",
        "htu": "https://a.example/mcp",
        "iat": 7,
        "jti": "j",
        "nonce": "n",
        "ath": b64(hashlib.sha256(b"t").digest()),
    }
    at_a_token_endpoint = proof(key, method="POST", url="https://a.example/token", token="", at=7, jti="j")
    assert b"ath" not in base64.urlsafe_b64decode(at_a_token_endpoint.split(".")[1] + "==")
