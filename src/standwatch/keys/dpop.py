"""Proofs of possession that callers show us (RFC 9449): a run's token is nothing without the key it is bound to.

The plan, numbered as in the body of `shown`; everything else is refused:
 1. one compact JWS, strictly spelled, of bounded size; its header says `dpop+jwt`, EdDSA or ES256, and a public key
 2. signed with that key
 3. for this request: method, host and path, and this token (`ath`)
 4. made now, and never seen before

The scheme of `htu` may be either: who ends TLS before us is not known here, and the host is that of the request.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode
from typing import Any, Final, cast
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from standwatch.facts.canonical import canonical, parse
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.keys.jose import b64

WINDOW: Final = 60
"""Seconds that a proof may be older or younger than our clock."""
MOST: Final = 4_096
"""Characters of a proof."""
REMEMBERED: Final = 100_000
"""Proofs that one process remembers; beyond it none is taken until older ones have run out."""
SHARE: Final = 10_000
"""Of them, those of one key: who has a key floods only itself."""
_MEMBERS: Final = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}
_ALLOWED: Final = frozenset({"alg", "kid", "use", "key_ops", "ext"})


class Seen:
    """The proofs of one process, for as long as they could be shown again. Workers do not know of each other's."""

    def __init__(self) -> None:
        self._until: dict[str, dict[bytes, int]] = {}
        self._count = 0
        self._swept = 0

    def first(self, key: str, name: bytes, now: int) -> bool:
        """Whether `key` had not shown `name` before; it has from now on. `now` in seconds."""
        if now - self._swept >= WINDOW:
            left = {
                one: {name: until for name, until in names.items() if until >= now}
                for one, names in self._until.items()
            }
            self._until = {one: names for one, names in left.items() if names}
            self._count = sum(map(len, self._until.values()))
            self._swept = now
        mine = self._until.setdefault(key, {})
        if name in mine or len(mine) >= SHARE or self._count >= REMEMBERED:
            return False
        mine[name] = now + 2 * WINDOW
        self._count += 1
        return True


def shown(
    proof: str, *, method: str, host: str, path: str, token: str, now: int, seen: Seen, bound: str = ""
) -> str:
    """The thumbprint (RFC 7638) of the key that made `proof` for this request: `bound`, where one is named. `now` in
    seconds.

    Raises `Forbidden` (`bad_proof`) for everything that is not a proof for exactly this.
    """
    if len(proof) > MOST or not proof.isascii():  # (1)
        raise _refused("it is too long")
    parts = proof.split(".")
    if len(parts) != 3:
        raise _refused("it is no compact JWS")
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("typ") != "dpop+jwt" or "crit" in header:
        raise _refused("its header is not that of a proof")
    jwk = _public(header.get("jwk"))
    _verify(jwk, header.get("alg"), f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2]))  # (2)
    told = urlsplit(_text(claims, "htu"))  # (3)
    if claims.get("htm") != method or told.path != path or told.netloc.lower() != host.lower():
        raise _refused("it is for another request")
    if told.scheme not in ("http", "https"):
        raise _refused("it is for another request")
    ath = b64(hashlib.sha256(token.encode()).digest())
    if not hmac.compare_digest(_text(claims, "ath").encode(), ath.encode()):
        raise _refused("it is for another token")
    made, jti = claims.get("iat"), _text(claims, "jti")
    if type(made) is not int or not -WINDOW <= now - made <= WINDOW:  # (4)
        raise _refused("it was not made now")
    thumbprint = thumbprint_of(jwk)
    # INVARIANT: nothing is remembered of a key that the token is not bound to.
    if bound and not hmac.compare_digest(thumbprint.encode(), bound.encode()):
        raise _refused("it is by another key")
    if not jti or not seen.first(thumbprint, hashlib.sha256(jti.encode()).digest(), now):
        raise _refused("it was shown before")
    return thumbprint


def thumbprint_of(jwk: dict[str, str]) -> str:
    """RFC 7638 over the members that make the key."""
    return b64(hashlib.sha256(canonical(jwk)).digest())


def _public(found: object) -> dict[str, str]:
    """The members that make a public key. INVARIANT: no other key type, and never one with its private half."""
    members = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    names = _MEMBERS.get(str(members.get("kty")))
    if names is None or not set(members) <= {*names, *_ALLOWED}:
        raise _refused("its key is not a public one of a kind that is taken")
    return {name: _text(members, name) for name in names}


def _verify(jwk: dict[str, str], algorithm: object, message: bytes, signature: bytes) -> None:
    try:
        match jwk["kty"], jwk["crv"], algorithm:
            case "OKP", "Ed25519", "EdDSA" | "Ed25519":
                Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"])).verify(signature, message)
            case "EC", "P-256", "ES256":
                x, y = (_bytes(jwk[name]) for name in ("x", "y"))
                if len(x) != 32 or len(y) != 32 or len(signature) != 64:
                    raise _refused("its key or signature has another length")
                numbers = EllipticCurvePublicNumbers(
                    int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
                )
                r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
                numbers.public_key().verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
            case _:
                raise _refused("its algorithm and its key do not go together")
    except (InvalidSignature, ValueError):
        raise _refused("its signature does not hold") from None


def _object(part: str) -> dict[str, Any]:
    try:
        found: Any = parse(_bytes(part))
    except Malformed:
        raise _refused("it is not strict JSON") from None
    if not isinstance(found, dict):
        raise _refused("it is not strict JSON")
    return cast("dict[str, Any]", found)


def _text(members: dict[str, Any], name: str) -> str:
    found = members.get(name)
    if not isinstance(found, str) or len(found) > 2_000:
        raise _refused(f"it has no {name}")
    return found


def _bytes(text: str) -> bytes:
    """base64url without padding, spelled in the one way there is."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _refused("it is not base64url") from None
    if b64(data) != text:
        raise _refused("it is not base64url")
    return data


def _refused(why: str) -> Forbidden:
    return Forbidden(f"the proof of possession is refused: {why}", code="bad_proof")
