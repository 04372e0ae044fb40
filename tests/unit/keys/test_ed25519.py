"""People's keys: kept under a passphrase, spelled in one way, and a verifier that only ever says yes or no."""

from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Conflict, Forbidden, Malformed
from standwatch.keys import ed25519
from standwatch.keys.files import write_secret

# RFC 8032 §7.1, TEST 2
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = (
    "ed25519:"
    + b64encode(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")).decode()
)
SIGNATURE = b64encode(
    bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
).decode()


def test_the_vector_of_rfc_8032() -> None:
    key = Ed25519PrivateKey.from_private_bytes(SECRET)
    assert ed25519.public(key) == PUBLIC
    assert ed25519.sign(key, b"\x72") == SIGNATURE
    assert ed25519.verify(PUBLIC, b"\x72", SIGNATURE)


def test_a_key_comes_back_under_its_passphrase(tmp_path: Path) -> None:
    key, path = ed25519.make(), tmp_path / "maria.key"
    ed25519.save(key, path, passphrase="drei Haselnüsse")
    assert b"ENCRYPTED" in path.read_bytes()
    assert ed25519.public(ed25519.load(path, passphrase="drei Haselnüsse")) == ed25519.public(key)
    for wrong in ("", "drei Haselnusse"):
        with pytest.raises(Forbidden):
            ed25519.load(path, passphrase=wrong)
    with pytest.raises(Conflict):
        ed25519.save(ed25519.make(), path, passphrase="other")


def test_a_plain_key_has_to_be_asked_for(tmp_path: Path) -> None:
    key, path = ed25519.make(), tmp_path / "log.key"
    with pytest.raises(Forbidden, match="passphrase"):
        ed25519.save(key, path)
    assert not path.exists()
    ed25519.save(key, path, plain=True)
    assert ed25519.public(ed25519.load(path)) == ed25519.public(key)


def test_files_that_hold_no_such_key_are_refused(tmp_path: Path) -> None:
    write_secret(tmp_path / "noise", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(Malformed):
        ed25519.load(tmp_path / "noise")
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(tmp_path / "x25519", other)
    with pytest.raises(Malformed, match="not Ed25519"):
        ed25519.load(tmp_path / "x25519")


@pytest.mark.parametrize(
    "public",
    [
        "",
        PUBLIC.removeprefix("ed25519:"),
        PUBLIC.upper(),
        PUBLIC + "\n",
        PUBLIC.rstrip("="),
        PUBLIC[:-2] + "B=",  # stray bits in the last character
        "ed25519:" + b64encode(bytes(31)).decode(),
        "ed25519:" + "A" * 1_000_000,
        "ed25519:\ud800",
    ],
)
def test_a_key_in_another_spelling_verifies_nothing(public: str) -> None:
    assert not ed25519.verify(public, b"\x72", SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    ["", SIGNATURE[:-4], SIGNATURE + "\n", SIGNATURE.rstrip("="), " " + SIGNATURE, "é" * 88, "A" * 1_000_000],
)
def test_a_signature_in_another_spelling_is_false(signature: str) -> None:
    assert not ed25519.verify(PUBLIC, b"\x72", signature)


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_can_change(bit: int) -> None:
    raw = bytearray(b64decode(SIGNATURE))
    raw[bit // 8] ^= 1 << bit % 8
    assert not ed25519.verify(PUBLIC, b"\x72", b64encode(bytes(raw)).decode())


@given(st.text(), st.binary(), st.text())
def test_noise_is_false_and_never_an_exception(public: str, message: bytes, signature: str) -> None:
    assert ed25519.verify(public, message, signature) is False
