"""The vectors of docs/record.md about passkeys: ours verifies them, and so does the library that everybody uses."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
import webauthn
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from standwatch.facts.entries import Answered, Enrolled
from standwatch.facts.parts import approval_bytes
from standwatch.record.assertion import challenge_of, parse_assertion
from standwatch.record.leaf import decode
from standwatch.record.passkeys import Passkey, answered, enrolment_message, verifies
from standwatch.record.signature import verify
from support.logs import OLGA
from support.passkeys import Authenticator, as_json, cose_of

DOCUMENT = (Path(__file__).parents[3] / "docs" / "record.md").read_text(encoding="utf-8")
ORG = "bank.invalid/record"


def entry(name: str) -> object:
    found = re.search(rf"^#### {re.escape(name)}\n\n```\n(.*?)\n```", DOCUMENT, re.M | re.S)
    assert found, name
    return decode(found[1].encode())


def enrolment() -> Enrolled:
    found = entry("ctl.enrolled.1")
    assert isinstance(found, Enrolled)
    return found


def answer() -> Answered:
    found = entry("act.answered.1 (by passkey)")
    assert isinstance(found, Answered)
    return found


def message() -> bytes:
    told = answer()
    return approval_bytes(
        asked=told.of,
        by=told.by,
        decision=told.decision,
        digest=told.digest,
        head=told.head,
        org=ORG,
        until=told.until,
    )


def test_the_enrolment_is_signed_over_the_bytes_shown() -> None:
    told = enrolment()
    assert told.signer == OLGA.public
    assert verify(told.signer, enrolment_message(told, ORG), told.sig)
    text = re.search(r"#### enrolment/1\n\n```\n(.*?)\n```\n\n`([0-9a-f]{64})`", DOCUMENT, re.S)
    assert text
    assert enrolment_message(told, ORG).decode() == text[1]
    assert sha256(text[1].encode()).hexdigest() == text[2]


def test_the_answer_verifies_once() -> None:
    told = enrolment()
    known = {told.credential: Passkey(30, told, told.count)}
    assert verifies(known, answer(), message())
    assert not verifies(known, answer(), message() + b" ")
    answered(known, answer())
    assert known[told.credential].count == 2
    assert not verifies(known, answer(), message()), "its counter was seen"


def test_the_library_that_everybody_uses_says_the_same() -> None:
    told, made = enrolment(), parse_assertion(answer().sig)
    assert told.key == Authenticator("the vector", "EdDSA").key

    def library(challenge: bytes) -> int:
        return webauthn.verify_authentication_response(
            credential=as_json(made),
            expected_challenge=challenge,
            expected_rp_id=told.rp_id,
            expected_origin=told.origin,
            credential_public_key=cose_of(told.key),
            credential_current_sign_count=told.count,
            require_user_verification=True,
        ).new_sign_count

    assert library(challenge_of(message())) == made.count
    with pytest.raises(InvalidAuthenticationResponse):
        library(challenge_of(message() + b" "))
