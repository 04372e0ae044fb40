"""A software authenticator and the browser before it: what a person's passkey would give, honest or not."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from standwatch.facts.entries import Answered, Enrolled
from standwatch.facts.parts import approval_bytes
from standwatch.record.assertion import Assertion, challenge_of, parse_key, spell_assertion, spell_key
from standwatch.record.assertion import Enrolled as Known
from standwatch.record.passkeys import enrolment_message

RP = "localhost"
PAGE = "http://localhost:8401"


def b64u(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class Authenticator:
    """One passkey. `alg` is ES256, EdDSA or RS256; `count` 0 and `counts` False for one that keeps no counter."""

    def __init__(
        self, seed: str = "a phone", alg: str = "ES256", *, synced: bool = False, counts: bool = True
    ) -> None:
        self.raw_id = sha256(seed.encode()).digest()[:24]
        self.synced, self.counts, self.count = synced, counts, 0
        secret = sha256(b"key of " + seed.encode()).digest()
        self.private: Any
        self.cose: dict[int, Any]
        match alg:
            case "EdDSA":
                self.private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
                self.cose = {1: 1, 3: -8, -1: 6, -2: self.private.public_key().public_bytes_raw()}
                self._sign: Callable[[bytes], bytes] = self.private.sign
            case "RS256":
                self.private = rsa.generate_private_key(65537, 2048)
                n = self.private.public_key().public_numbers().n
                self.cose = {1: 3, 3: -257, -1: n.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
                self._sign = lambda data: self.private.sign(data, padding.PKCS1v15(), SHA256())
            case _:
                self.private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
                point = self.private.public_key().public_numbers()
                x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
                self.cose = {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                self._sign = lambda data: self.private.sign(data, ec.ECDSA(SHA256()))

    @property
    def credential(self) -> str:
        return b64u(self.raw_id)

    @property
    def key(self) -> str:
        return spell_key(self.private.public_key())

    def known(self, rp_id: str = RP, origin: str = PAGE) -> Known:
        """What it was enrolled as."""
        return Known(self.credential, self.key, rp_id, origin, self.synced)

    def data(self, rp_id: str = RP, *, flags: int = 0x05, more: bytes = b"") -> bytes:
        """authenticatorData: every gesture counts."""
        self.count += self.counts
        kept = flags | (0x08 if self.synced else 0)
        return sha256(rp_id.encode()).digest() + bytes([kept]) + self.count.to_bytes(4, "big") + more

    def get(
        self,
        challenge: bytes,
        /,
        *,
        rp_id: str = RP,
        client: bytes | None = None,
        data: bytes | None = None,
        **told: Any,
    ) -> Assertion:
        """An assertion over `challenge`; `told` changes members of clientDataJSON, `client` and `data` all of them."""
        client = client_data("webauthn.get", challenge, **told) if client is None else client
        data = self.data(rp_id) if data is None else data
        return Assertion(self.credential, data, client, self._sign(data + sha256(client).digest()))

    def create(
        self,
        challenge: bytes,
        /,
        *,
        rp_id: str = RP,
        fmt: str = "none",
        flags: int = 0x45,
        client: bytes | None = None,
        **told: Any,
    ) -> dict[str, Any]:
        """A RegistrationResponseJSON."""
        client = client_data("webauthn.create", challenge, **told) if client is None else client
        attested = bytes(16) + len(self.raw_id).to_bytes(2, "big") + self.raw_id + cbor2.dumps(self.cose)
        data = self.data(rp_id, flags=flags, more=attested)
        statement: dict[str, Any] = {}
        if fmt == "packed":
            statement = {"alg": self.cose[3], "sig": self._sign(data + sha256(client).digest())}
        made = cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": data})
        return {
            "id": self.credential,
            "rawId": self.credential,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": b64u(client),
                "attestationObject": b64u(made),
                "transports": ["internal"],
            },
        }


def client_data(kind: str, challenge: bytes, /, **told: Any) -> bytes:
    """clientDataJSON as browsers write it (WebAuthn §5.8.1.1)."""
    members = {"type": kind, "challenge": b64u(challenge), "origin": PAGE, "crossOrigin": False} | told
    return json.dumps({k: v for k, v in members.items() if v is not None}, separators=(",", ":")).encode()


def as_json(assertion: Assertion) -> dict[str, Any]:
    """An AuthenticationResponseJSON."""
    return {
        "id": assertion.credential,
        "rawId": assertion.credential,
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": b64u(assertion.client),
            "authenticatorData": b64u(assertion.authenticator),
            "signature": b64u(assertion.signature),
        },
    }


def cose_of(key: str) -> bytes:
    """The COSE key that the library of registrations knows, from our spelling of it."""
    public = parse_key(key)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
    if isinstance(public, rsa.RSAPublicKey):
        n, e = public.public_numbers().n, public.public_numbers().e
        return cbor2.dumps(
            {1: 3, 3: -257, -1: n.to_bytes(public.key_size // 8, "big"), -2: e.to_bytes(3, "big")}
        )
    point = public.public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def enrolled(passkey: Authenticator, person: str, signer: Any, org: str, **changes: Any) -> Enrolled:
    """The entry that enrols `passkey`, signed by `signer` (`support.logs.Person`)."""
    told: dict[str, Any] = {
        "by": signer.name,
        "person": person,
        "credential": passkey.credential,
        "key": passkey.key,
        "rp_id": RP,
        "origin": PAGE,
        "synced": passkey.synced,
        "count": passkey.count,
        "signer": signer.public,
        "sig": "",
    } | changes
    entry = Enrolled(**told)
    return entry if entry.sig else Enrolled(**(told | {"sig": signer.sign(enrolment_message(entry, org))}))


def answered(passkey: Authenticator, org: str, flag: str = "", **told: Any) -> Answered:
    """An answer with its assertion; `told` are the members of the answer but `key` and `sig`; `flag` its question's."""
    names = ("by", "decision", "digest", "head", "until")
    message = approval_bytes(asked=told["of"], org=org, flag=flag, **{name: told[name] for name in names})
    sig = spell_assertion(passkey.get(challenge_of(message)))
    return Answered(**told, key=passkey.key, sig=sig)
