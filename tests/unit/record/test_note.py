"""Signed notes: the specification's own note, ours, and everything that must not pass."""

from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.record.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    Note,
    NoteKey,
    Signature,
    Unverified,
    decode_base64,
    parse,
    parse_vkey,
    serialise,
    sign,
    verify,
)

# Go's x/mod/sumdb/note publishes this pair; the key's seed is there too, so it protects nothing.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey("log.example/one", PRIVATE.public_key().public_bytes_raw())
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHERS_KEY = NoteKey("log.example/one", OTHER.public_key().public_bytes_raw())
TEXT = "first\n\nthird: grüße\n"
SIGNED = serialise(Note(TEXT, (sign(TEXT, KEY, PRIVATE.sign),)))


def test_a_note_that_others_published_verifies() -> None:
    key = parse_vkey(PETER)
    note = parse(PETERS_NOTE.encode())
    assert [signature.name for signature in verify(note, [key])] == ["PeterNeumann"]
    assert key.id.hex() == "c74f20a3"
    assert key.vkey == PETER


def test_our_bytes_do_not_change() -> None:
    """Keys and notes are kept for ever by others: this spelling is theirs too."""
    assert KEY.vkey == "log.example/one+be6ef7a5+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    assert SIGNED.decode() == (
        "first\n\nthird: grüße\n\n"
        "— log.example/one "
        "vm73pemevj7Pcnb7D9UbUDk30dgmjQvO8a8x0rp3ycmguo5mHYLLlnXRFSsKG4/IeFN3vahEQZ8yqIBhT92xW479uAQ=\n"
    )


def test_a_signed_note_is_read_back() -> None:
    note = parse(SIGNED)
    assert note.text == TEXT
    assert verify(note, [KEY]) == note.signatures
    assert serialise(note) == SIGNED


def test_unknown_keys_are_passed_by() -> None:
    witness = Signature("witness.example", b"\x01\x02\x03\x04", b"of another algorithm")
    same_name = sign(TEXT, OTHERS_KEY, OTHER.sign)
    (ours,) = parse(SIGNED).signatures
    note = parse(serialise(Note(TEXT, (witness, same_name, ours))))
    assert verify(note, [KEY]) == (ours,)
    assert verify(note, [OTHERS_KEY, KEY]) == (same_name, ours)


def test_a_false_signature_by_a_known_key_condemns_the_note() -> None:
    (ours,) = parse(SIGNED).signatures
    false = Signature(KEY.name, KEY.id, bytes(64))
    for signatures in ((false,), (false, ours), (ours, false)):
        with pytest.raises(Unverified):
            verify(Note(TEXT, signatures), [KEY])


@pytest.mark.parametrize("keys", [[], [OTHERS_KEY], [NoteKey("log.example/two", KEY.public)]])
def test_a_note_without_a_trusted_signature_is_refused(keys: list[NoteKey]) -> None:
    with pytest.raises(Unverified):
        verify(parse(SIGNED), keys)


def test_a_signer_of_another_key_is_found_out() -> None:
    with pytest.raises(Unverified):
        sign(TEXT, KEY, OTHER.sign)


@given(st.integers(0, 8 * len(SIGNED) - 1))
def test_no_bit_of_a_note_may_change(bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, Unverified)):
        verify(parse(bytes(changed)), [KEY])


@given(st.integers(0, len(SIGNED) - 1))
def test_no_note_is_cut_short(length: int) -> None:
    with pytest.raises((Malformed, Unverified)):
        verify(parse(SIGNED[:length]), [KEY])


LINE = "— a.example " + b64encode(b"\x00\x00\x00\x01sig").decode() + "\n"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        LINE,
        "text\n" + LINE,  # no blank line
        "\n" + LINE,  # no text
        "text\n\n" + LINE[:-1],
        "text\n\n" + LINE + "\n",
        "text\n\n" + LINE + "more",
        "text\n\n" + LINE + "more\n",
        "te\rxt\n\n" + LINE,
        "te\txt\n\n" + LINE,
        "te\x00xt\n\n" + LINE,
        "text\r\n\r\n" + LINE,
        "text\n\n" + LINE.replace("\n", "\r\n"),
        "text\n\n" + LINE.replace("—", "-"),
        "text\n\n" + LINE.replace("— ", "—"),
        "text\n\n" + LINE.replace("— ", "—\u00a0"),
        "text\n\n" + LINE.replace("a.example", ""),
        "text\n\n" + LINE.replace("a.example", "a+b"),
        "text\n\n" + LINE.replace("a.example", "a\u00a0b"),
        "text\n\n" + LINE.replace("a.example", "a\u2028b"),
        "text\n\n" + LINE.replace("a.example", "a\tb"),
        "text\n\n" + LINE.replace("a.example ", "a.example  "),
        "text\n\n" + LINE.replace("\n", " \n"),
        "text\n\n— a.example\n",
        "text\n\n— a.example \n",
        "text\n\n— a.example AAAAAQ==\n",  # a key id and no signature
        "text\n\n— a.example AAAA\n",
        "text\n\n— a.example AAAAAXNp\u0417w==\n",
        "text\n\n— a.example AAAAAXNpZx==\n",  # stray bits
        "text\n\n— a.example AAAAAXNpZw\n",  # no padding
        "text\n\n— a.example AAAAAXNpZw===\n",
        "text\n\n— a.example AAAA_XNp\n",  # base64url
        "text\n\n" + LINE * (MAX_SIGNATURES + 1),
        "x" * MAX_NOTE + "\n\n" + LINE,
    ],
)
def test_a_malformed_note_is_refused(raw: str) -> None:
    with pytest.raises(Malformed):
        parse(raw.encode())


def test_bytes_that_are_not_unicode_are_refused() -> None:
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80"):
        with pytest.raises(Malformed):
            parse(b"te" + bad + b"xt\n\n" + LINE.encode())


def test_as_many_signatures_as_every_reader_must_accept() -> None:
    """Sixteen of them post-quantum (c2sp.org/signed-note, Format), and as many as we say."""
    assert len(parse(("text\n\n" + LINE * MAX_SIGNATURES).encode()).signatures) == MAX_SIGNATURES
    large = tuple(Signature("a.example", b"abcd", bytes([i]) * 5000) for i in range(16))
    assert parse(serialise(Note("text\n", large))).signatures == large


@given(st.binary(max_size=60) | st.text(alphabet="a\n— +AQ=", max_size=60).map(str.encode))
def test_what_is_read_has_one_spelling(raw: bytes) -> None:
    try:
        note = parse(raw)
    except Malformed:
        return
    assert serialise(note) == raw


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoteKey("", KEY.public),
        lambda: NoteKey("a b", KEY.public),
        lambda: NoteKey("a+b", KEY.public),
        lambda: NoteKey("a\n", KEY.public),
        lambda: NoteKey("a\x00b", KEY.public),
        lambda: NoteKey("a\ud800", KEY.public),
        lambda: NoteKey("a", KEY.public[:31]),
        lambda: sign("no newline", KEY, PRIVATE.sign),
        lambda: sign("tab\t\n", KEY, PRIVATE.sign),
        lambda: sign("\ud800\n", KEY, PRIVATE.sign),
        lambda: serialise(Note(TEXT, ())),
        lambda: serialise(Note(TEXT, (Signature("a b", b"abcd", b"x"),))),
        lambda: serialise(Note(TEXT, (Signature("a", b"abc", b"x"),))),
        lambda: serialise(Note(TEXT, (Signature("a", b"abcd", b""),))),
        lambda: serialise(Note("x" * MAX_NOTE + "\n", parse(SIGNED).signatures)),
        lambda: serialise(Note("text", parse(SIGNED).signatures)),
    ],
)
def test_what_could_not_be_read_is_not_written(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+be6ef7a5",
        KEY.vkey.replace("one", "two"),  # the id is another's
        KEY.vkey.replace("be6ef7a5", "BE6EF7A5"),
        KEY.vkey.replace("be6ef7a5", "0be6ef7a5"),
        KEY.vkey + "=",
        KEY.vkey[:-1],
        KEY.vkey + "\n",
        "a b" + KEY.vkey.removeprefix("log.example/one"),
        KEY.vkey.replace("+AQ", "+Ag"),  # another algorithm
        "x" * 100_000 + KEY.vkey,
    ],
)
def test_a_malformed_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(Malformed):
        parse_vkey(vkey)


@given(st.binary(min_size=32, max_size=32))
def test_every_vkey_is_read_back(public: bytes) -> None:
    key = NoteKey("log.example/one", public)
    assert parse_vkey(key.vkey) == key


@given(st.text(alphabet="AQgw+/=-_ \n", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = decode_base64(text)
    except Malformed:
        return
    assert b64encode(data).decode() == text
