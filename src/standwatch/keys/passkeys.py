"""What browsers are asked for and what they give: registrations and assertions of passkeys (WebAuthn Level 3).

A registration is read by the library `webauthn` (attestation objects, CBOR, COSE keys), behind a strict reader: bounds,
exact base64url, clientDataJSON in one meaning, which the library alone lets slip. It is imported at an enrolment only.
What a passkey signs afterwards is verified in `record.assertion`, without it.
"""

from typing import Any, Final, cast

import msgspec

from standwatch.facts.errors import Forbidden, Malformed
from standwatch.record.assertion import (
    MOST_CLIENT,
    MOST_CREDENTIAL,
    MOST_SIGNATURE,
    Assertion,
    Enrolled,
    check_client,
    check_rp,
    from_base64url,
    spell_key,
    to_base64url,
)

ALGORITHMS: Final = (-7, -8, -257)
"""COSE identifiers of ES256, EdDSA and RS256 (RFC 9053, RFC 8812), the one we would rather have first."""

CHALLENGE: Final = 32  # random bytes of a registration's challenge
TIMEOUT: Final = 300_000  # ms that a browser waits for the gesture
_MOST_ATTESTATION: Final = 8192  # bytes; `none` takes about 250, with an RSA key 450
_MOST_DATA: Final = 37 + 16 + 2 + MOST_CREDENTIAL + 1024


class Party(msgspec.Struct, frozen=True):
    """Whom a passkey is for: the RP id, and the one origin whose pages may ask for it."""

    rp_id: str
    origin: str
    name: str = ""


# --- what a browser is asked ----------------------------------------------------------------------------------


def creation_options(
    party: Party, person: str, shown: str, challenge: bytes, known: tuple[str, ...] = ()
) -> dict[str, Any]:
    """`PublicKeyCredentialCreationOptionsJSON` (§5.10): a new passkey of `person`, none of `known`."""
    return {
        "rp": {"id": party.rp_id, "name": party.name or party.rp_id},
        "user": {"id": to_base64url(person.encode()), "name": shown, "displayName": shown},
        "challenge": to_base64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in ALGORITHMS],
        "timeout": TIMEOUT,
        "excludeCredentials": [_descriptor(one) for one in known],
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(party: Party, challenge: bytes, known: tuple[str, ...]) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptionsJSON` (§5.10): a gesture over `challenge` with one of `known`."""
    return {
        "challenge": to_base64url(challenge),
        "timeout": TIMEOUT,
        "rpId": party.rp_id,
        "allowCredentials": [_descriptor(one) for one in known],
        "userVerification": "required",
    }


def _descriptor(credential: str) -> dict[str, str]:
    return {"type": "public-key", "id": credential}


# --- what it gives --------------------------------------------------------------------------------------------


def assertion_of(given: object, person: str = "") -> Assertion:
    """The assertion in an `AuthenticationResponseJSON`, unverified. Raises `Malformed`.

    `person`: whose it must say it is, where it says so; no signature covers that.
    """
    credential, response = _credential(given)
    handle = response.get("userHandle")
    if person and handle and from_base64url(handle, 64) != person.encode():
        raise Malformed("the passkey was made for somebody else", code="bad_assertion")
    return Assertion(
        credential,
        from_base64url(response.get("authenticatorData"), _MOST_DATA),
        from_base64url(response.get("clientDataJSON"), MOST_CLIENT),
        from_base64url(response.get("signature"), MOST_SIGNATURE),
    )


def registered(given: object, party: Party, challenge: bytes) -> tuple[Enrolled, int]:
    """The passkey in a `RegistrationResponseJSON` made for `party` over `challenge`, and its sign counter.

    Raises `Malformed` or `Forbidden`. Taken are attestation `none` and a key's own (`packed` without a certificate,
    §6.5.4): we ask for none, because what make of authenticator somebody uses is not for the record.
    """
    credential, response = _credential(given)
    client = from_base64url(response.get("clientDataJSON"), MOST_CLIENT)
    check_client(client, "webauthn.create", challenge, party.origin)
    attested = from_base64url(response.get("attestationObject"), _MOST_ATTESTATION)
    try:
        found = _library(credential, client, attested, party, challenge)
    except (Malformed, Forbidden):
        raise
    except Exception as error:  # hostile bytes in a parser that is not ours: whatever it raises is a refusal
        raise Malformed(
            f"the passkey's registration cannot be read: {type(error).__name__}", code="bad_registration"
        ) from None
    return found


def _credential(given: object) -> tuple[str, dict[str, Any]]:
    """The credential id and the response of what `navigator.credentials` gave, as JSON (`toJSON()`)."""
    if not isinstance(given, dict):
        raise Malformed("a credential is a JSON object", code="bad_assertion")
    found = cast("dict[str, Any]", given)
    ident, response = found.get("id"), found.get("response")
    raw = from_base64url(ident, MOST_CREDENTIAL)
    if not raw or found.get("rawId") != ident or found.get("type") != "public-key":
        raise Malformed("a credential has one id, and is of the type public-key", code="bad_assertion")
    if not isinstance(response, dict):
        raise Malformed("a credential has a response", code="bad_assertion")
    return to_base64url(raw), cast("dict[str, Any]", response)


def _library(
    credential: str, client: bytes, attested: bytes, party: Party, challenge: bytes
) -> tuple[Enrolled, int]:
    """What `webauthn` makes of a registration that has passed our reader."""
    from webauthn import verify_registration_response
    from webauthn.helpers import (
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
        parse_attestation_object,
    )
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.structs import AttestationFormat

    seen = parse_attestation_object(attested)
    own = seen.fmt == AttestationFormat.PACKED and seen.att_stmt.x5c is None
    if seen.fmt != AttestationFormat.NONE and not own:
        raise Malformed("expected no attestation: we ask for none", code="bad_registration")
    found = verify_registration_response(
        credential={
            "id": credential,
            "rawId": credential,
            "type": "public-key",
            "response": {
                "clientDataJSON": to_base64url(client),
                "attestationObject": to_base64url(attested),
            },
        },
        expected_challenge=challenge,
        expected_rp_id=party.rp_id,
        expected_origin=party.origin,
        require_user_verification=True,
        supported_pub_key_algs=[COSEAlgorithmIdentifier(alg) for alg in ALGORITHMS],
    )
    flags = seen.auth_data.flags
    check_rp(
        _head(seen.auth_data.rp_id_hash, up=flags.up, uv=flags.uv, be=flags.be, bs=flags.bs), party.rp_id
    )
    if to_base64url(found.credential_id) != credential:
        raise Malformed("the credential's id is not the one that was made", code="bad_registration")
    public = decoded_public_key_to_cryptography(decode_credential_public_key(found.credential_public_key))
    return Enrolled(credential, spell_key(public), party.rp_id, party.origin, flags.be), found.sign_count


def _head(rp_hash: bytes, *, up: bool, uv: bool, be: bool, bs: bool) -> bytes:
    """The first bytes of the authenticator's data again, for the one check that registrations and assertions share."""
    return rp_hash + bytes([up | uv << 2 | be << 3 | bs << 4])
