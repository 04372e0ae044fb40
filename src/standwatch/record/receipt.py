"""Receipts: what a caller gets, to prove later that we were told.

A receipt is the log's promise that an entry stands at an index, signed with the key that signs its checkpoints.
If the log is rewritten, every receipt in callers' hands testifies against it.
"""

from base64 import b64encode
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from standwatch.facts.canonical import canonical
from standwatch.facts.errors import Malformed, NotFound
from standwatch.record.checkpoint import open_checkpoint
from standwatch.record.note import Sign, Unverified, decode_base64, parse_vkey
from standwatch.record.source import Source, hashes
from standwatch.record.tree import Unproven, inclusion_proof, leaf_hash, verify_inclusion

CONTEXT: Final = b"standwatch/receipt/1\n"
_LONGEST: Final = 4096  # characters


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entry of action `id` stands at `index` of the log `origin`, written at `at` (µs UTC).

    `leaf` is its leaf hash, hexadecimal; `sig` the log's signature over `receipt_bytes`, base64.
    """

    id: str
    index: int
    leaf: str
    origin: str
    at: int
    sig: str = ""


def receipt_bytes(receipt: Receipt) -> bytes:
    """What the log signs: the context line, and JCS of all members but the signature."""
    members = {"at": receipt.at, "id": receipt.id, "index": receipt.index, "leaf": receipt.leaf}
    return CONTEXT + canonical({**members, "origin": receipt.origin})


def make_receipt(*, ident: str, index: int, leaf: bytes, origin: str, at: int, sign: Sign) -> Receipt:
    """A signed receipt. `leaf` is the 32-byte leaf hash, `sign` the log's key. About 30 µs, of which 25 sign."""
    receipt = Receipt(ident, index, leaf.hex(), origin, at)
    return msgspec.structs.replace(receipt, sig=b64encode(sign(receipt_bytes(receipt))).decode())


def encode_receipt(receipt: Receipt) -> str:
    """Base64 of its JSON: one header's value."""
    return b64encode(msgspec.json.encode(receipt, order="sorted")).decode()


def decode_receipt(text: str) -> Receipt:
    """The receipt that `encode_receipt` spelled; nothing in it is trusted. Raises `Malformed`."""
    if len(text) > _LONGEST:
        raise Malformed("longer than any receipt")
    try:
        receipt = msgspec.json.decode(decode_base64(text), type=Receipt)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Malformed(f"not a receipt: {error}") from None
    if encode_receipt(receipt) != text:
        raise Malformed("a receipt in another spelling than its own")
    return receipt


def verify_signature(receipt: Receipt, vkey: str) -> None:
    """The log of `vkey` signed this receipt, or `Unverified`. Raises `Malformed` for a bad vkey."""
    key = parse_vkey(vkey)
    if key.name != receipt.origin:
        raise Unverified(f"a receipt of {receipt.origin[:80]}, not of {key.name}")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(
            decode_base64(receipt.sig), receipt_bytes(receipt)
        )
    except (InvalidSignature, Malformed, ValueError):
        raise Unverified("the log did not sign this receipt") from None


def verify_receipt(receipt: Receipt, source: Source, vkey: str) -> None:
    """What we were told is in this log.

    Raises `Unverified` where the log did not sign the receipt or the checkpoint, `NotFound` where the checkpoint
    does not reach so far yet, and `Unproven` where another entry stands in its place: then the log was rewritten,
    and this receipt proves it.
    """
    verify_signature(receipt, vkey)
    key = parse_vkey(vkey)
    head = open_checkpoint(source.checkpoint(), key.name, [key])
    if not 0 <= receipt.index < head.size:
        raise NotFound(f"entry {receipt.index} is not under the checkpoint of {head.size} entries")
    told = bytes.fromhex(receipt.leaf) if _is_hash(receipt.leaf) else b""
    proof = inclusion_proof(hashes(source, head.size), receipt.index, head.size)
    verify_inclusion(told, receipt.index, head.size, proof, head.root)
    if leaf_hash(source.leaf(receipt.index)) != told:
        raise Unproven(f"the source shows another entry {receipt.index} than the one receipted")


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
