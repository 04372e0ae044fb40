"""What a passkey signs (WebAuthn Level 3): one spelling for keys and assertions, and a verification anybody can repeat.

Pure, offline, on `cryptography` alone: an auditor needs neither us nor the library that reads registrations. A public
key is `passkey:` and the base64 of its SubjectPublicKeyInfo (RFC 5280); its algorithm follows from its kind, so none
can be taken for another. An assertion is `webauthn:` and the base64url of the JCS of `{authenticatorData,
clientDataJSON, credential, signature}`, each base64url without padding. Any other spelling is refused.

The plan of `verify_assertion` (§7.2), numbered as in its body:
 1. the client's data is one strict JSON object about a `webauthn.get`, with no member that could be read in two ways
 2. its challenge is ours, its origin the enrolled one, and no other site's frame stood around the page
 3. the authenticator's data is for our RP id, without anything appended
 4. the user was present and verified, and the passkey can still leave its device as little or as much as enrolled
 5. the signature is the key's, over exactly those bytes
The counter it returns is compared where order is known: by the sequencer.
"""

import hmac
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final, cast

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from standwatch.facts.canonical import canonical, parse
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.record.note import decode_base64

KEY: Final = "passkey:"
ASSERTION: Final = "webauthn:"

MOST_CREDENTIAL: Final = 1023  # bytes (§4, credential id)
MOST_CLIENT: Final = 2048  # bytes of clientDataJSON; browsers write about 250
MOST_SIGNATURE: Final = 512  # bytes: RSA with 4,096 bits
_MOST_KEY: Final = 1024  # characters; RSA with 4,096 bits takes 742
_MOST_TEXT: Final = 8192  # characters of a whole assertion; the parts at their most take 6,700
_AUTHENTICATOR: Final = 37  # bytes: hash of the RP id, flags, counter (§6.1); no extensions were asked for

USER_PRESENT: Final = 0x01
USER_VERIFIED: Final = 0x04
BACKUP_ELIGIBLE: Final = 0x08
BACKED_UP: Final = 0x10
_WITH_MORE: Final = 0xC0  # attested credential data, extensions

_exact: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


class Assertion(msgspec.Struct, frozen=True):
    """What an authenticator gave for one gesture; nothing in it is trusted before `verify_assertion`."""

    credential: str
    """The credential id, base64url."""
    authenticator: bytes
    client: bytes
    signature: bytes

    @property
    def count(self) -> int:
        """The sign counter (§6.1.1); 0 from an authenticator that keeps none."""
        return int.from_bytes(self.authenticator[33:37], "big")


class Enrolled(msgspec.Struct, frozen=True):
    """What a passkey was enrolled as: all that an assertion of it is verified with."""

    credential: str
    key: str
    rp_id: str
    origin: str
    synced: bool


LURES: Final = frozenset({"wrong_origin", "wrong_rp", "unverified_user"})
"""Codes of what a passkey's own signature says of a forgery, or of a page that lured its person."""


class Lured(Forbidden):
    """A passkey itself signed for another page or host, or for nobody verified. `credential` says which."""

    def __init__(self, message: str, *, code: str, credential: str) -> None:
        super().__init__(message, code=code)
        self.credential = credential


# --- spellings ------------------------------------------------------------------------------------------------


def to_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: object, most: int) -> bytes:
    """The bytes, at most `most`, of base64url in its one spelling: unpadded, no stray bits. Raises `Malformed`."""
    if not isinstance(text, str) or len(text) > most * 4 // 3 + 2 or not _exact.fullmatch(text):
        raise Malformed("not base64url without padding", code="bad_assertion")
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Malformed("not base64url without padding", code="bad_assertion") from None
    if to_base64url(data) != text or len(data) > most:
        raise Malformed("base64url in another spelling than its own", code="bad_assertion")
    return data


def spell_key(public: object) -> str:
    """The text of a passkey's public key: ES256 on P-256, EdDSA on Ed25519, or RS256. Raises `Malformed` for others."""
    found = _supported(public)
    return KEY + b64encode(found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def parse_key(text: str) -> PublicKey:
    """The public key spelled `text`. Raises `Malformed`."""
    if not text.startswith(KEY) or len(text) > _MOST_KEY:
        raise Malformed("a passkey's public key is spelled passkey:BASE64", code="bad_key")
    try:
        public = load_der_public_key(decode_base64(text.removeprefix(KEY)))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Malformed("that is no public key", code="bad_key") from None
    if spell_key(public) != text:
        raise Malformed("a public key in another spelling than its own", code="bad_key")
    return _supported(public)


def _supported(public: object) -> PublicKey:
    match public:
        case EllipticCurvePublicKey() if isinstance(public.curve, SECP256R1):
            return public
        case Ed25519PublicKey():
            return public
        case RSAPublicKey() if 2048 <= public.key_size <= 4096:
            return public
        case _:
            raise Malformed("expected a key for ES256 (P-256), EdDSA (Ed25519) or RS256", code="bad_key")


def spell_assertion(assertion: Assertion) -> str:
    """The text that stands as `sig` in an answer."""
    members = {
        "authenticatorData": to_base64url(assertion.authenticator),
        "clientDataJSON": to_base64url(assertion.client),
        "credential": assertion.credential,
        "signature": to_base64url(assertion.signature),
    }
    return ASSERTION + to_base64url(canonical(members))


def parse_assertion(text: str) -> Assertion:
    """The assertion spelled `text`, unverified. Raises `Malformed` and nothing else."""
    if not text.startswith(ASSERTION) or len(text) > _MOST_TEXT:
        raise Malformed("an assertion is spelled webauthn:BASE64URL", code="bad_assertion")
    value = parse(from_base64url(text.removeprefix(ASSERTION), _MOST_TEXT))
    if not isinstance(value, dict):
        raise Malformed("an assertion is a JSON object", code="bad_assertion")
    found = cast("dict[str, Any]", value)
    assertion = Assertion(
        to_base64url(from_base64url(found.get("credential"), MOST_CREDENTIAL)),
        from_base64url(found.get("authenticatorData"), _AUTHENTICATOR),
        from_base64url(found.get("clientDataJSON"), MOST_CLIENT),
        from_base64url(found.get("signature"), MOST_SIGNATURE),
    )
    if spell_assertion(assertion) != text:
        raise Malformed("an assertion in another spelling than its own", code="bad_assertion")
    return assertion


# --- verification ---------------------------------------------------------------------------------------------


def challenge_of(message: bytes) -> bytes:
    """What a passkey is challenged with to sign `message`: its SHA-256, so that nobody need keep a challenge."""
    return sha256(message).digest()


def verify_assertion(assertion: Assertion, enrolled: Enrolled, challenge: bytes) -> int:
    """The sign counter of an assertion that `enrolled` made over `challenge`.

    Raises `Malformed` for what no authenticator and browser together write, and `Forbidden`, with a code that says
    why, for what another page, person, key or challenge made.
    """
    if assertion.credential != enrolled.credential:
        raise Forbidden("that is another passkey", code="unknown_key")
    try:
        check_client(assertion.client, "webauthn.get", challenge, enrolled.origin)  # (1), (2)
        _check_authenticator(assertion.authenticator, enrolled)  # (3), (4)
    except Forbidden as error:
        # Only the passkey's own signature says that somebody had it sign elsewhere: anybody can write the rest.
        if error.code in LURES and signed_by(assertion, enrolled.key):
            raise Lured(str(error), code=error.code, credential=enrolled.credential) from None
        raise
    if not signed_by(assertion, enrolled.key):  # (5)
        raise Forbidden("the signature is not that passkey's", code="bad_signature")
    return assertion.count


_KNOWN: Final = frozenset({"type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding"})
_FOLDED: Final = {name.casefold(): name for name in _KNOWN}


def check_client(data: bytes, kind: str, challenge: bytes, origin: str) -> None:
    """Raise unless clientDataJSON (§5.8.1) says that `origin` asked for a `kind` with `challenge`, in one meaning.

    Members that nobody knows are passed by, as the specification asks (browsers add some to catch templates), unless
    another reader could take them for one that counts.
    """
    found = _client(data)
    if found.get("type") != kind:
        raise Forbidden(f"the browser was asked for something else than {kind}", code="wrong_type")
    # Constant time: a challenge may be a secret of this server.
    if not hmac.compare_digest(from_base64url(found.get("challenge"), 64), challenge):
        raise Forbidden("it answers another challenge: other bytes were signed", code="wrong_challenge")
    if found.get("origin") != origin:
        raise Forbidden(f"it was made on another page than {origin}", code="wrong_origin")
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        raise Forbidden("it was made inside another site's page", code="wrong_origin")
    binding: Any = found.get("tokenBinding", {})
    if not isinstance(binding, dict) or cast("dict[str, Any]", binding).get("status") == "present":
        raise Forbidden("it is bound to a connection that is not ours", code="wrong_origin")


def _client(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_CLIENT:
        raise Malformed(f"clientDataJSON of more than {MOST_CLIENT} bytes", code="bad_assertion")
    value = parse(data)
    if not isinstance(value, dict):
        raise Malformed("clientDataJSON is a JSON object", code="bad_assertion")
    found = cast("dict[str, Any]", value)
    for name in found:
        if _FOLDED.get(name.casefold(), name) != name:
            raise Malformed(f"clientDataJSON has a member {name[:40]!r}", code="bad_assertion")
    return found


def check_rp(authenticator: bytes, rp_id: str) -> None:
    """Raise unless the authenticator's data is for `rp_id`, and the user was present and verified (§6.1)."""
    if not hmac.compare_digest(authenticator[:32], sha256(rp_id.encode()).digest()):
        raise Forbidden(f"it was made for another RP id than {rp_id}", code="wrong_rp")
    flags = authenticator[32]
    if not flags & USER_PRESENT or not flags & USER_VERIFIED:
        raise Forbidden("nobody was verified: use a fingerprint, a face or a PIN", code="unverified_user")
    if flags & BACKED_UP and not flags & BACKUP_ELIGIBLE:
        raise Malformed("a passkey that is backed up and cannot be", code="bad_assertion")


def _check_authenticator(data: bytes, enrolled: Enrolled) -> None:
    if len(data) != _AUTHENTICATOR:
        raise Malformed("the authenticator's data has 37 bytes", code="bad_assertion")
    check_rp(data, enrolled.rp_id)
    if data[32] & _WITH_MORE:
        raise Malformed("the authenticator announces data that is not there", code="bad_assertion")
    if bool(data[32] & BACKUP_ELIGIBLE) is not enrolled.synced:
        raise Forbidden("a passkey does not begin or cease to leave its device", code="bad_signature")


def signed_by(assertion: Assertion, key: str) -> bool:
    """Whether the signature alone is that key's, whatever was signed: for who, where and when nothing is said."""
    return _verifies(
        parse_key(key), assertion.signature, assertion.authenticator + sha256(assertion.client).digest()
    )


def _verifies(public: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        match public:
            case EllipticCurvePublicKey():
                public.verify(signature, signed, ECDSA(SHA256()))
            case RSAPublicKey():
                public.verify(signature, signed, PKCS1v15(), SHA256())
            case _:
                public.verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
