"""Assertions of passkeys: what verifies, what does not, and that nothing but our errors comes out of hostile bytes."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import cbor2
import pytest
import webauthn
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.canonical import canonical
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError
from standwatch.record.assertion import (
    MOST_CLIENT,
    Assertion,
    from_base64url,
    parse_assertion,
    parse_key,
    spell_assertion,
    spell_key,
    to_base64url,
    verify_assertion,
)
from support.passkeys import PAGE, RP, Authenticator, as_json, b64u, client_data, cose_of

CHALLENGE = sha256(b"what is approved").digest()


def code(act: Callable[[], object]) -> str:
    with pytest.raises(StandwatchError) as caught:
        act()
    assert isinstance(caught.value, Forbidden | Malformed)
    return caught.value.code


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
@pytest.mark.parametrize("synced", [False, True])
def test_an_honest_assertion_verifies_here_and_in_the_library(alg: str, synced: bool) -> None:
    phone = Authenticator(alg=alg, synced=synced)
    made = phone.get(CHALLENGE)
    assert verify_assertion(made, phone.known(), CHALLENGE) == 1
    assert parse_assertion(spell_assertion(made)) == made
    found = webauthn.verify_authentication_response(
        credential=as_json(made),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP,
        expected_origin=PAGE,
        credential_public_key=cose_of(phone.key),
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    assert (found.new_sign_count, found.user_verified) == (1, True)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "webauthn.create"}, "wrong_type"),
        ({"type": None}, "wrong_type"),
        ({"challenge": b64u(b"another challenge of thirty-two b")}, "wrong_challenge"),
        ({"challenge": b64u(CHALLENGE) + "="}, "bad_assertion"),
        ({"challenge": b64u(CHALLENGE)[:-1]}, "bad_assertion"),
        ({"challenge": None}, "bad_assertion"),
        ({"challenge": [b64u(CHALLENGE)]}, "bad_assertion"),
        ({"origin": "http://localhost:8402"}, "wrong_origin"),
        ({"origin": "https://localhost:8401"}, "wrong_origin"),
        ({"origin": PAGE + "/"}, "wrong_origin"),
        ({"origin": PAGE + ".evil.example"}, "wrong_origin"),
        ({"origin": [PAGE]}, "wrong_origin"),
        ({"origin": None}, "wrong_origin"),
        ({"crossOrigin": True}, "wrong_origin"),
        ({"crossOrigin": "false"}, "wrong_origin"),
        ({"crossOrigin": 0}, "wrong_origin"),
        ({"topOrigin": PAGE}, "wrong_origin"),
        ({"tokenBinding": {"status": "present", "id": "x"}}, "wrong_origin"),
        ({"tokenBinding": "unused"}, "wrong_origin"),
        ({"Challenge": b64u(CHALLENGE)}, "bad_assertion"),
        ({"ORIGIN": "x"}, "bad_assertion"),
        ({"padding": "x" * MOST_CLIENT}, "bad_assertion"),
    ],
)
def test_another_page_or_challenge_is_refused_though_the_signature_is_right(
    told: dict[str, Any], expected: str
) -> None:
    phone = Authenticator()
    made = phone.get(CHALLENGE, **told)
    assert code(lambda: verify_assertion(made, phone.known(), CHALLENGE)) == expected


@pytest.mark.parametrize(
    "client",
    [
        b'{"type":"webauthn.get","challenge":"attacker","challenge":"%b","origin":"%b"}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","type":"webauthn.get"}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","\\u006frigin":"http://localhost:8401"}',
        b'\xef\xbb\xbf{"type":"webauthn.get","challenge":"%b","origin":"%b"}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","x":"\xc3\x28"}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","x":"\\ud800"}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","x":NaN}',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b"}{}',
        b'[{"type":"webauthn.get","challenge":"%b","origin":"%b"}]',
        b'{"type":"webauthn.get","challenge":"%b","origin":"%b","x":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)
def test_bytes_with_two_readings_are_refused_though_signed(client: bytes) -> None:
    phone = Authenticator()
    made = phone.get(CHALLENGE, client=client % (b64u(CHALLENGE).encode(), PAGE.encode()))
    assert code(lambda: verify_assertion(made, phone.known(), CHALLENGE)) in ("malformed", "bad_assertion")


def test_what_browsers_add_is_passed_by() -> None:
    phone = Authenticator()
    made = phone.get(
        CHALLENGE, other_keys_can_be_added_here="do not compare clientDataJSON against a template"
    )
    assert verify_assertion(made, phone.known(), CHALLENGE) == 1
    for told in ({"crossOrigin": None}, {"tokenBinding": {"status": "supported"}}):
        assert verify_assertion(phone.get(CHALLENGE, **told), phone.known(), CHALLENGE) > 1


def test_the_authenticator_s_data_is_for_us_of_a_person_and_whole() -> None:
    phone = Authenticator()

    def refused(data: bytes) -> str:
        made = phone.get(CHALLENGE, data=data)
        return code(lambda: verify_assertion(made, phone.known(), CHALLENGE))

    assert refused(phone.data("evil.example")) == "wrong_rp"
    assert refused(phone.data(flags=0x01)) == "unverified_user"
    assert refused(phone.data(flags=0x04)) == "unverified_user"
    assert refused(phone.data(flags=0x15)) == "bad_assertion", "backed up and not eligible"
    assert refused(phone.data(flags=0x0D)) == "bad_signature", "it was enrolled as bound to its device"
    assert refused(phone.data(flags=0x45)) == "bad_assertion"
    assert refused(phone.data(flags=0x85)) == "bad_assertion"
    assert refused(phone.data(flags=0x85, more=cbor2.dumps({"x": 1}))) == "bad_assertion"
    assert refused(phone.data()[:36]) == "bad_assertion"
    assert refused(b"") == "bad_assertion"


def test_another_s_key_or_id_does_not_do() -> None:
    phone, other = Authenticator(), Authenticator("another")
    made = phone.get(CHALLENGE)
    assert code(lambda: verify_assertion(made, other.known(), CHALLENGE)) == "unknown_key"
    renamed = Assertion(other.credential, made.authenticator, made.client, made.signature)
    assert code(lambda: verify_assertion(renamed, other.known(), CHALLENGE)) == "bad_signature"
    again = Assertion(made.credential, made.authenticator, made.client, b"not a signature")
    assert code(lambda: verify_assertion(again, phone.known(), CHALLENGE)) == "bad_signature"


def test_an_ordinary_key_cannot_pass_for_a_passkey_nor_the_reverse() -> None:
    phone = Authenticator(alg="EdDSA")
    raw = phone.private.public_key().public_bytes_raw()
    assert phone.key.startswith("passkey:")
    assert code(lambda: parse_key("ed25519:" + phone.key.partition(":")[2])) == "bad_key"
    assert raw in parse_key(phone.key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "public",
    [
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),
        dsa.generate_private_key(2048).public_key(),
        None,
    ],
)
def test_other_algorithms_are_not_spelled(public: object) -> None:
    assert code(lambda: spell_key(public)) == "bad_key"


def test_a_key_has_one_spelling() -> None:
    for alg in ("ES256", "EdDSA", "RS256"):
        key = Authenticator(alg=alg).key
        assert spell_key(parse_key(key)) == key
        for other in (key[:-4], key + "AAAA", key.replace("passkey:", "Passkey:"), key + "=", "passkey:"):
            with pytest.raises(Malformed):
                parse_key(other)
    point = Authenticator().private.public_key()
    pressed = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    assert code(lambda: parse_key("passkey:" + _b64(head + pressed))) == "bad_key"


def _b64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()


def test_an_assertion_has_one_spelling() -> None:
    phone = Authenticator()
    text = spell_assertion(phone.get(CHALLENGE))
    body = json.loads(from_base64url(text.removeprefix("webauthn:"), 8192))

    def spelled(value: object, raw: bytes = b"") -> str:
        return "webauthn:" + to_base64url(raw or canonical(value))

    assert spelled(body) == text
    others = [
        text + "=",
        text[:-1],
        text.replace("webauthn:", "webauthn: "),
        spelled(None, json.dumps(body).encode()),
        spelled(body | {"more": ""}),
        spelled({name: value for name, value in body.items() if name != "credential"}),
        spelled(body | {"signature": body["signature"] + "="}),
        spelled(body | {"signature": None}),
        spelled(body | {"credential": "*"}),
        spelled(body | {"signature": b64u(bytes(513))}),
        spelled([body]),
        spelled(None, canonical(body)[:-1] + b',"credential":"AA"}'),
        "webauthn:" + "A" * 9000,
    ]
    for other in others:
        with pytest.raises(Malformed):
            parse_assertion(other)


@given(st.binary(max_size=600))
@settings(max_examples=200, deadline=None)
def test_nothing_but_our_errors_comes_out_of_hostile_bytes(data: bytes) -> None:
    phone = Authenticator()
    known = phone.known()
    for made in (
        Assertion(phone.credential, data, client_data("webauthn.get", CHALLENGE), b"x"),
        Assertion(phone.credential, phone.data(), data, b"x"),
        Assertion(phone.credential, phone.data(), client_data("webauthn.get", CHALLENGE), data[:512]),
    ):
        with pytest.raises((Malformed, Forbidden)):
            verify_assertion(made, known, CHALLENGE)
    for text in ("webauthn:" + to_base64url(data), data.decode("latin-1")):
        with pytest.raises(Malformed):
            parse_assertion(text)
    with pytest.raises(Malformed):
        parse_key("passkey:" + _b64(data))
