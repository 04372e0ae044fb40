"""Registrations: what the library reads, and what our reader before it refuses."""

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.errors import Forbidden, Malformed
from standwatch.keys.passkeys import (
    Party,
    assertion_of,
    creation_options,
    registered,
    request_options,
)
from standwatch.record.assertion import verify_assertion
from support.passkeys import PAGE, RP, Authenticator, as_json, b64u, client_data

PARTY = Party(RP, PAGE, "Bank")
CHALLENGE = bytes(range(32))


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
@pytest.mark.parametrize("fmt", ["none", "packed"])
def test_what_was_registered_verifies_what_it_signs(alg: str, fmt: str) -> None:
    phone = Authenticator(alg=alg)
    known, count = registered(phone.create(CHALLENGE, fmt=fmt), PARTY, CHALLENGE)
    assert (known, count) == (phone.known(), 1)
    made = assertion_of(as_json(phone.get(CHALLENGE)), "p-olga")
    assert verify_assertion(made, known, CHALLENGE) == 2


def test_a_synced_passkey_says_so() -> None:
    known, _ = registered(Authenticator(synced=True).create(CHALLENGE), PARTY, CHALLENGE)
    assert known.synced


@pytest.mark.parametrize(
    "told",
    [
        {"type": "webauthn.get"},
        {"challenge": b64u(bytes(32))},
        {"challenge": b64u(CHALLENGE) + "="},
        {"origin": "http://localhost:1"},
        {"crossOrigin": True},
        {"topOrigin": PAGE},
        {"rp_id": "evil.example"},
        {"flags": 0x41},
        {"flags": 0x44},
        {"flags": 0x05},
        {"flags": 0x55},
        {"fmt": "fido-u2f"},
        {"fmt": "tpm"},
        {"fmt": "unheard-of"},
        {"fmt": 7},
    ],
)
def test_another_page_person_or_kind_of_registration_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises((Malformed, Forbidden)):
        registered(Authenticator().create(CHALLENGE, **told), PARTY, CHALLENGE)


def test_what_the_library_alone_accepts_is_refused() -> None:
    twice = client_data("webauthn.create", CHALLENGE).replace(
        b'"challenge"', b'"challenge":"AAAA","challenge"'
    )
    padded = client_data("webauthn.create", CHALLENGE, challenge=b64u(CHALLENGE) + "=")
    for client in (twice, padded):
        with pytest.raises(Malformed):
            registered(Authenticator().create(CHALLENGE, client=client), PARTY, CHALLENGE)


def _changed(given: dict[str, Any], **response: Any) -> dict[str, Any]:
    return {**given, "response": {**given["response"], **response}}


def test_a_registration_is_whole_and_bounded() -> None:
    good = Authenticator().create(CHALLENGE)
    other = Authenticator("another").credential
    bomb = b64u(b"\x81" * 8000)
    strange: list[Any] = [
        None,
        [],
        {},
        good | {"id": other, "rawId": other},
        good | {"rawId": other},
        good | {"id": "", "rawId": ""},
        good | {"type": "password"},
        good | {"response": None},
        _changed(good, attestationObject=None),
        _changed(good, attestationObject=bomb),
        _changed(good, attestationObject=b64u(bytes(9000))),
        _changed(good, attestationObject=good["response"]["attestationObject"] + "="),
        _changed(good, attestationObject=b64u(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b""}))),
        _changed(good, clientDataJSON=b64u(b"{}")),
        _changed(good, clientDataJSON=7),
    ]
    for given_ in strange:
        with pytest.raises((Malformed, Forbidden)):
            registered(given_, PARTY, CHALLENGE)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_hostile_attestations_are_refused_and_nothing_else(data: bytes) -> None:
    good = Authenticator().create(CHALLENGE)
    with pytest.raises((Malformed, Forbidden)):
        registered(_changed(good, attestationObject=b64u(data)), PARTY, CHALLENGE)


def test_every_changed_byte_of_an_attestation_is_refused_or_another_key() -> None:
    """`none` signs nothing: that is why a person's key vouches for what was read."""
    phone = Authenticator()
    good = phone.create(CHALLENGE, fmt="packed")
    from base64 import urlsafe_b64decode

    raw = urlsafe_b64decode(good["response"]["attestationObject"] + "==")
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises((Malformed, Forbidden)):
            registered(_changed(good, attestationObject=b64u(changed)), PARTY, CHALLENGE)


def test_assertions_are_read_strictly() -> None:
    good = as_json(Authenticator().get(CHALLENGE))
    assert assertion_of(_changed(good, userHandle=b64u(b"p-olga")), "p-olga")
    strange: list[Any] = [
        None,
        good | {"rawId": "AAAA"},
        _changed(good, userHandle=b64u(b"p-chen")),
        _changed(good, signature=None),
        _changed(good, authenticatorData="*"),
        _changed(good, clientDataJSON=b64u(bytes(3000))),
    ]
    for given_ in strange:
        with pytest.raises(Malformed):
            assertion_of(given_, "p-olga")


def test_browsers_are_asked_for_a_verified_person_on_our_page() -> None:
    made = creation_options(PARTY, "p-olga", "Olga", CHALLENGE, ("AAAA",))
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["rp"] == {"id": RP, "name": "Bank"}
    assert [one["alg"] for one in made["pubKeyCredParams"]] == [-7, -8, -257]
    assert made["excludeCredentials"] == [{"type": "public-key", "id": "AAAA"}]
    assert made["attestation"] == "none"
    asked = request_options(PARTY, CHALLENGE, ("AAAA",))
    assert (asked["rpId"], asked["userVerification"]) == (RP, "required")
    assert asked["challenge"] == made["challenge"] == b64u(CHALLENGE)
