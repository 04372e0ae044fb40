"""The little of JOSE that leaves us: compact JWS by Ed25519 (RFC 7515, RFC 8037), thumbprints, proofs of possession.

Made by hand because it is on the path of every released act, and small: two signatures, 50 µs. What others send us
is read by libraries.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.keys.ed25519 import raw_public

ALGORITHM: Final = "EdDSA"
"""The name that verifiers know (RFC 8037 §3.1); RFC 9864's `Ed25519` is not understood everywhere yet."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Signer(msgspec.Struct, frozen=True):
    """A private key with its public half as a JWK, and the thumbprint that names it (RFC 7638)."""

    private: Ed25519PrivateKey
    jwk: dict[str, str]
    thumbprint: str

    def __repr__(self) -> str:
        return f"Signer({self.thumbprint})"

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """`claims` as a JWT (RFC 7519)."""
        text = b64(_encode({"alg": ALGORITHM, **header})) + "." + b64(_encode(claims))
        return text + "." + b64(self.private.sign(text.encode()))

    def published(self) -> dict[str, str]:
        """As a key set shows it (RFC 7517)."""
        return {**self.jwk, "kid": self.thumbprint, "use": "sig", "alg": ALGORITHM}


def signer(private: Ed25519PrivateKey) -> Signer:
    """Signs with `private`."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64(raw_public(private))}
    return Signer(private, jwk, b64(hashlib.sha256(_encode(jwk)).digest()))


def proof(key: Signer, *, method: str, url: str, token: str, at: int, jti: str, nonce: str = "") -> str:
    """A proof of possession for one request (RFC 9449 §4.2). `at` in seconds; `token` "" at a token endpoint."""
    claims: dict[str, Any] = {
        "htm": method,
        "htu": url.partition("?")[0].partition("#")[0],
        "iat": at,
        "jti": jti,
    }
    if token:
        claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
    if nonce:
        claims["nonce"] = nonce
    return key.sign({"typ": "dpop+jwt", "jwk": key.jwk}, claims)


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
