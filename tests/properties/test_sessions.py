"""Whatever a proxy or a browser sends is read in one way or refused; whatever is changed in a sign-in is refused."""

from __future__ import annotations

import ipaddress
from base64 import urlsafe_b64decode

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.canonical import canonical, parse
from standwatch.facts.entries import SignedIn
from standwatch.facts.errors import Malformed
from standwatch.facts.parts import session_bytes
from standwatch.fronts.control_client import Clients
from standwatch.fronts.http import Request
from standwatch.record import sessions
from standwatch.record.assertion import ASSERTION, challenge_of, spell_assertion, to_base64url
from standwatch.record.passkeys import Passkey
from support.logs import OLGA, ORIGIN
from support.passkeys import Authenticator, enrolled

PROXY = "10.0.0.1"
QUOTE = '"'
PIECES = st.sampled_from(
    [
        "for=",
        "proto=",
        "https",
        "http",
        ";",
        ",",
        " ",
        '"',
        "[",
        "]",
        ":",
        "1.2.3.4",
        "10.0.0.1",
        "::1",
        "_x",
        "=",
        "\\",
    ]
)
header = st.none() | st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30)


@given(header, header, header, header)
@settings(max_examples=500)
def test_a_proxy_s_word_is_an_address_and_a_scheme_or_nothing(
    forwarded: str | None, plain: str | None, scheme: str | None, cookie: str | None
) -> None:
    headers = {
        b"host": b"watch.example",
        b"forwarded": forwarded,
        b"x-forwarded-for": plain,
        b"x-forwarded-proto": scheme,
        b"cookie": cookie,
    }
    sent = {
        name: value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        for name, value in headers.items()
        if value is not None
    }
    request = Request("GET", "/", "", sent, b"", True)
    request.peer = f"{PROXY}:1"
    try:
        came = Clients(proxies=(PROXY,)).came(request)
    except Malformed:
        return
    assert str(ipaddress.ip_address(came.address)) == came.address
    assert came.origin == ("https" if came.secure else "http") + "://watch.example"
    assert (forwarded is None) != (plain is None and scheme is None)


PHONE = Authenticator("of the properties")
SESSION = "5e" * 32
ENROLLED = enrolled(PHONE, "p-olga", OLGA, ORIGIN)
KNOWN = {PHONE.credential: Passkey(1, ENROLLED, 0)}
SIG = spell_assertion(PHONE.get(challenge_of(session_bytes(org=ORIGIN, session=SESSION))))
ENTRY = SignedIn(by="p-olga", person="p-olga", session=SESSION, until=1, credential=PHONE.credential, sig=SIG)
MEMBERS = parse(urlsafe_b64decode(SIG.removeprefix(ASSERTION) + "=="))
PARTS = ("authenticatorData", "clientDataJSON", "credential", "signature")


def test_the_sign_in_itself_verifies() -> None:
    assert sessions.verifies(KNOWN, ENTRY, ORIGIN)


@given(st.sampled_from(PARTS), st.integers(0, 400), st.integers(1, 255))
@settings(max_examples=1_000)
def test_one_byte_changed_in_what_was_signed_is_no_sign_in(part: str, place: int, change: int) -> None:
    text = MEMBERS[part]
    data = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    data[place % len(data)] ^= change
    mutated = dict(MEMBERS) | {part: to_base64url(bytes(data))}
    sig = ASSERTION + to_base64url(canonical(mutated))
    assert not sessions.verifies(KNOWN, msgspec.structs.replace(ENTRY, sig=sig), ORIGIN)


@given(st.integers(0, len(SIG) - 1), st.characters(codec="ascii"))
@settings(max_examples=500)
def test_one_letter_changed_in_its_spelling_is_no_sign_in(place: int, letter: str) -> None:
    if SIG[place] == letter:
        return
    sig = SIG[:place] + letter + SIG[place + 1 :]
    assert not sessions.verifies(KNOWN, msgspec.structs.replace(ENTRY, sig=sig), ORIGIN)


@given(st.sampled_from(["session", "person", "credential"]), st.text(min_size=1, max_size=64))
def test_another_session_person_or_passkey_is_another_sign_in(name: str, value: str) -> None:
    changed = msgspec.structs.replace(ENTRY, **{name: value})
    assert sessions.verifies(KNOWN, changed, ORIGIN) is (changed == ENTRY)
