"""A real Chromium makes passkeys and signs with them; what it gives is verified here, and by the library as well."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import webauthn

from standwatch.facts.errors import Forbidden
from standwatch.keys.passkeys import Party, assertion_of, creation_options, registered, request_options
from standwatch.record.assertion import challenge_of, parse_assertion, spell_assertion, verify_assertion
from support.chromium import Page, page
from support.passkeys import cose_of

MESSAGE = b"standwatch/approval/1\n{}"


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page</title>")

    def log_message(self, format: str, *_: object) -> None:
        """Quietly."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)  # browsers open connections that they do not use
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Page]:
    with page() as found:
        yield found


@pytest.mark.parametrize("alg", [-7, -8, -257])
def test_what_chromium_makes_is_verified_here_and_by_the_library(chrome: Page, port: int, alg: int) -> None:
    party = Party("localhost", f"http://localhost:{port}", "Bank")
    ident = chrome.authenticator()
    try:
        chrome.open(f"{party.origin}/")
        challenge = os.urandom(32)
        asked = creation_options(party, "p-olga", "Olga", challenge) | {
            "pubKeyCredParams": [{"type": "public-key", "alg": alg}]
        }
        made = chrome.create(asked)
        known, count = registered(made, party, challenge)
        assert known.credential == made["id"]
        for _ in range(2):
            challenge = challenge_of(MESSAGE + os.urandom(4))
            given = chrome.get(request_options(party, challenge, (known.credential,)))
            assertion = assertion_of(given, "p-olga")
            assert parse_assertion(spell_assertion(assertion)) == assertion
            later = verify_assertion(assertion, known, challenge)
            assert later > count
            library = webauthn.verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=party.rp_id,
                expected_origin=party.origin,
                credential_public_key=cose_of(known.key),
                credential_current_sign_count=count,
                require_user_verification=True,
            )
            assert library.new_sign_count == later
            with pytest.raises(Forbidden):
                verify_assertion(assertion, known, challenge_of(MESSAGE))
            count = later
    finally:
        chrome("WebAuthn.removeVirtualAuthenticator", authenticatorId=ident)


def test_chromium_on_another_page_or_without_verification_is_refused(chrome: Page, port: int) -> None:
    party = Party("localhost", f"http://localhost:{port}", "Bank")
    ident = chrome.authenticator()
    try:
        chrome.open(f"{party.origin}/")
        challenge = os.urandom(32)
        known, _ = registered(chrome.create(creation_options(party, "p", "P", challenge)), party, challenge)
        moved = Party("localhost", f"http://localhost:{port + 1}")
        given = assertion_of(chrome.get(request_options(moved, challenge, (known.credential,))))
        with pytest.raises(Forbidden) as caught:
            verify_assertion(
                given,
                known.__class__(known.credential, known.key, "localhost", moved.origin, False),
                challenge,
            )
        assert caught.value.code == "wrong_origin"
        with pytest.raises(RuntimeError, match="InvalidStateError"):
            chrome.create(
                creation_options(party, "p", "P", os.urandom(32), (known.credential,)) | {"timeout": 500}
            )
        chrome("WebAuthn.setUserVerified", authenticatorId=ident, isUserVerified=False)
        weak = request_options(party, challenge, (known.credential,)) | {"userVerification": "discouraged"}
        with pytest.raises(Forbidden) as caught:
            verify_assertion(assertion_of(chrome.get(weak)), known, challenge)
        assert caught.value.code == "unverified_user"
        with pytest.raises(RuntimeError, match="SecurityError"):
            chrome.create(creation_options(Party("bank.example", party.origin), "p", "P", os.urandom(32)))
    finally:
        chrome("WebAuthn.removeVirtualAuthenticator", authenticatorId=ident)
