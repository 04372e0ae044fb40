"""Public vectors of approvals signed with passkeys: EMILIA's EP-SIGNOFF-v1, all of them.

Two of them the library `webauthn` accepts by itself: a challenge that stands twice, and padded base64.
"""

import json
from base64 import b64encode, urlsafe_b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import webauthn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers.exceptions import WebAuthnException

from standwatch.facts.canonical import canonical
from standwatch.facts.errors import StandwatchError
from standwatch.keys.passkeys import assertion_of
from standwatch.record.assertion import (
    ASSERTION,
    Enrolled,
    challenge_of,
    parse_assertion,
    parse_key,
    to_base64url,
    verify_assertion,
)
from support.passkeys import cose_of

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "approvals" / "emilia-signoffs.v1.json").read_text(encoding="utf-8")
)
VECTORS: list[dict[str, Any]] = SUITE["vectors"]
LIBRARY_ACCEPTS = {"reject_parser_duplicate_challenge", "reject_encoding_padded_client_data"}
NOT_SIGNED_SO = {"reject_crypto_wrong_key", "reject_crypto_malformed_sig"}


def challenge(vector: dict[str, Any]) -> bytes:
    return challenge_of(canonical(SUITE["context"] | vector["context"]))


def response(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "response": {
            "clientDataJSON": vector["client_data_json"],
            "authenticatorData": vector["authenticator_data"],
            "signature": vector["signature"],
        },
    }


def key(vector: dict[str, Any]) -> str:
    return "passkey:" + b64encode(raw(vector["key"])).decode()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def ours(vector: dict[str, Any]) -> bool:
    known = Enrolled("AAAA", key(vector), SUITE["rp_id"], SUITE["origin"], synced=False)
    try:
        return verify_assertion(assertion_of(response(vector)), known, challenge(vector)) == 9
    except StandwatchError:
        return False


def stored(vector: dict[str, Any]) -> bool:
    """The same assertion as text beside an entry, where the sequencer and `verify` read it."""
    members = {
        "authenticatorData": vector["authenticator_data"],
        "clientDataJSON": vector["client_data_json"],
        "credential": "AAAA",
        "signature": vector["signature"],
    }
    known = Enrolled("AAAA", key(vector), SUITE["rp_id"], SUITE["origin"], synced=False)
    try:
        made = parse_assertion(ASSERTION + to_base64url(canonical(members)))
        return verify_assertion(made, known, challenge(vector)) == 9
    except StandwatchError:
        return False


def library(vector: dict[str, Any]) -> bool:
    try:
        webauthn.verify_authentication_response(
            credential=response(vector),
            expected_challenge=challenge(vector),
            expected_rp_id=SUITE["rp_id"],
            expected_origin=SUITE["origin"],
            credential_public_key=cose_of(key(vector)),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=[one["id"] for one in VECTORS])
def test_every_vector_is_judged_as_its_authors_say(vector: dict[str, Any]) -> None:
    assert ours(vector) is vector["valid"]
    assert stored(vector) is vector["valid"]


def test_all_are_there_and_are_refused_for_what_they_say_not_for_their_signature() -> None:
    assert len(VECTORS) == 13
    for vector in VECTORS:
        signed = raw(vector["authenticator_data"]) + sha256(raw(vector["client_data_json"])).digest()
        public: Any = parse_key(key(vector))
        try:
            public.verify(raw(vector["signature"]), signed, ECDSA(SHA256()))
            good = True
        except InvalidSignature:
            good = False
        assert good is (vector["id"] not in NOT_SIGNED_SO), vector["id"]


def test_the_library_alone_accepts_two_that_are_to_be_refused() -> None:
    assert {one["id"] for one in VECTORS if library(one) is not one["valid"]} == LIBRARY_ACCEPTS
