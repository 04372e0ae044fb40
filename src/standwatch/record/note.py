"""Signed notes: a text and the keys that vouch for it (c2sp.org/signed-note).

A note on the wire is its text, ending in a newline; a blank line; and one line for each signature:
`— NAME base64(key id ‖ signature)`. Reading is strict, and one note has one spelling: what `parse` accepts,
`serialise` gives back byte for byte. The only signature type known here is Ed25519 (0x01); others are carried
along.
"""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from standwatch.facts.errors import Malformed, StandwatchError

ED25519 = b"\x01"  # the signature type; it stands before the public key in a key id and in a vkey
MAX_NOTE = 256 * 1024  # bytes; sixteen post-quantum signatures, which a reader must accept, take 110 KiB
MAX_SIGNATURES = 64
_DASH = "— "  # em dash, space

Sign: TypeAlias = Callable[[bytes], bytes]
"""Signs the given bytes with a private key that this module never sees: 64 bytes of Ed25519 (RFC 8032)."""


class Unverified(StandwatchError):
    """A note that no trusted key signed, or that one of them did not sign as it stands."""

    code = "unverified"


class NoteKey(Struct, frozen=True):
    """A name and the 32-byte Ed25519 public key that signs under it; anything else raises `Malformed`."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public) != 32:
            raise Malformed("an Ed25519 public key has 32 bytes")

    @property
    def id(self) -> bytes:
        """4 bytes: SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4]. It identifies, and proves nothing."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """`NAME+hex(id)+base64(0x01 ‖ public key)`: how verifiers are given a key."""
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"


class Signature(Struct, frozen=True):
    """One signature line: who claims to have signed, with which key (4 bytes), and what they wrote."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """A text ending in a newline, and its signatures. Nothing in it is trusted before `verify`."""

    text: str
    signatures: tuple[Signature, ...]


def parse_vkey(vkey: str) -> NoteKey:
    """The key that a vkey spells. Raises `Malformed`, also where its id is not the one its key has."""
    parts = vkey.split("+", 2)  # standard base64 may hold a plus; a name may not
    if len(parts) != 3 or len(vkey) > 1024:
        raise Malformed("a verifier key is spelled NAME+ID+KEY")
    algorithm_and_key = decode_base64(parts[2])
    if algorithm_and_key[:1] != ED25519:
        raise Malformed("a verifier key of an unknown algorithm")
    key = NoteKey(parts[0], algorithm_and_key[1:])
    if key.vkey != vkey:
        raise Malformed("the verifier key's id is not that of its name and public key")
    return key


def sign(text: str, key: NoteKey, signer: Sign) -> Signature:
    """`key`'s signature over `text`.

    Raises `Malformed` for a text that no note can have, `Unverified` for a signer that holds another key: a log
    that misuses its key must hear of it before anybody else does.
    """
    _require_text(text)
    signature = Signature(key.name, key.id, signer(text.encode()))
    if not _verifies(text, key, signature):
        raise Unverified(f"the signer does not hold the private key of {key.vkey}")
    return signature


def serialise(note: Note) -> bytes:
    """The note on the wire. Raises `Malformed` where `parse` would."""
    _require_text(note.text)
    if not 1 <= len(note.signatures) <= MAX_SIGNATURES:
        raise Malformed(f"a note carries 1 to {MAX_SIGNATURES} signatures, not {len(note.signatures)}")
    raw = (note.text + "\n" + "".join(map(_line, note.signatures))).encode()
    if len(raw) > MAX_NOTE:
        raise Malformed(f"a note of more than {MAX_NOTE} bytes")
    return raw


def parse(raw: bytes) -> Note:
    """The note that `raw` spells, its signatures unchecked. Raises `Malformed` and nothing else."""
    if len(raw) > MAX_NOTE:
        raise Malformed(f"a note of more than {MAX_NOTE} bytes")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from None
    text, blank, lines = whole.rpartition("\n\n")  # the last empty line: the text may hold others
    if not blank or not lines.endswith("\n"):
        raise Malformed("a note ends in a blank line and signature lines")
    _require_text(text + "\n")
    if lines.count("\n") > MAX_SIGNATURES:
        raise Malformed(f"a note with more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", tuple(map(_parse_line, lines[:-1].split("\n"))))


def verify(note: Note, keys: Iterable[NoteKey]) -> tuple[Signature, ...]:
    """The note's signatures by `keys`, at least one, or `Unverified`.

    Signatures by other keys are passed by, so that keys rotate and witnesses sign along; a false one by a known
    key condemns the note. A key is known by name *and* id.
    """
    known = {(key.name, key.id): key for key in keys}
    good: list[Signature] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not _verifies(note.text, key, signature):
            raise Unverified(f"the signature of {key.name} does not verify")
        good.append(signature)
    if not good:
        raise Unverified("no key that is trusted here signed the note")
    return tuple(good)


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one spelling: padded, nothing between, no stray bits in the last character."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        raise Malformed("not standard base64") from None
    if b64encode(data).decode() != text:
        raise Malformed("base64 in another spelling than its own")
    return data


def _verifies(text: str, key: NoteKey, signature: Signature) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature.signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _line(signature: Signature) -> str:
    _require_name(signature.name)
    if len(signature.key_id) != 4 or not signature.signature:
        raise Malformed("a signature is a 4-byte key id and at least one byte")
    return f"{_DASH}{signature.name} {b64encode(signature.key_id + signature.signature).decode()}\n"


def _parse_line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed("a signature line reads — NAME BASE64")
    _require_name(name)
    key_id_and_signature = decode_base64(encoded)
    if len(key_id_and_signature) < 5:
        raise Malformed("a signature is a 4-byte key id and at least one byte")
    return Signature(name, key_id_and_signature[:4], key_id_and_signature[4:])


def _require_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name) or not _is_unicode(name):
        raise Malformed("a key name has no spaces, no plus and no control characters, and is not empty")


def _require_text(text: str) -> None:
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text) or not _is_unicode(text):
        raise Malformed("a note's text ends in a newline and holds no other control character")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
