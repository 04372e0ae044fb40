"""One byte of a proof of possession changed (RFC 9449): how many are accepted?"""

from __future__ import annotations

import hashlib
import json
import random
from base64 import urlsafe_b64decode
from collections import Counter
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from standwatch.facts.errors import Forbidden
from standwatch.keys import jose
from standwatch.keys.dpop import Seen, shown

PARTS: Final = ("header", "claims", "signature")
TOKEN, NOW = "sw_token", 1_800_000_000


def made(algorithm: str, jti: str = "j") -> str:
    """An honest proof, by joserfc, with a key of its own."""
    key: Any = OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else ECKey.generate_key("P-256")
    claims = {
        "htm": "POST",
        "htu": "http://127.0.0.1:8400/mcp/s",
        "iat": NOW,
        "jti": jti,
        "ath": jose.b64(hashlib.sha256(TOKEN.encode()).digest()),
    }
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[algorithm])


def accepted(proof: str) -> bool:
    """Whether it is taken, by somebody who has seen none before."""
    try:
        shown(
            proof,
            method="POST",
            host="127.0.0.1:8400",
            path="/mcp/s",
            token=TOKEN,
            now=NOW,
            seen=Seen(),
        )
    except Forbidden:
        return False
    return True


def tried_proofs(count: int, seed: int, algorithm: str = "ES256") -> tuple[Counter[str], Counter[str]]:
    """(tried, accepted) of `count` mutations of single bytes, by part: of the text, or of what the text spells.

    Raises where the honest proof itself is not accepted.
    """
    chance, proof = random.Random(seed), made(algorithm)
    assert accepted(proof), "the honest one"
    done, wrong = Counter[str](), Counter[str]()
    for number in range(count):
        place = PARTS[number % 3]
        parts = proof.split(".")
        text = parts[number % 3]
        if number % 2:
            data = bytearray(_decoded(text))
            data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
            parts[number % 3] = jose.b64(bytes(data))
        else:
            at = chance.randrange(len(text))
            other = chr(ord(text[at]) ^ chance.randrange(1, 256))
            parts[number % 3] = text[:at] + other + text[at + 1 :]
        done[place] += 1
        wrong[place] += accepted(".".join(parts))
    return done, wrong


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
