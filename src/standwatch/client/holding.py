"""A key in memory, and proofs that we have it (RFC 9449 §4.2). Needs `cryptography`: imported by who binds runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Key:
    """An Ed25519 key that is written nowhere and ends with the process."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._jwk = {"crv": "Ed25519", "kty": "OKP", "x": _b64(raw)}
        self.thumbprint = _b64(hashlib.sha256(_json(self._jwk)).digest())

    def proof(self, method: str, url: str, token: str) -> str:
        """A proof for one request to `url` with `token`, good for a minute."""
        header = {"alg": "EdDSA", "jwk": self._jwk, "typ": "dpop+jwt"}
        claims = {
            "ath": _b64(hashlib.sha256(token.encode()).digest()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "jti": _b64(os.urandom(16)),
        }
        text = f"{_b64(_json(header))}.{_b64(_json(claims))}"
        return f"{text}.{_b64(self._private.sign(text.encode()))}"

    def __repr__(self) -> str:
        return f"Key({self.thumbprint})"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _b64(data: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
