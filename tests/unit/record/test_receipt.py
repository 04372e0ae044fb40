"""Receipts testify against a log that was rewritten, and against nobody else."""

import msgspec
import pytest

from standwatch.facts.errors import Malformed, NotFound
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.note import NoteKey, Unverified
from standwatch.record.receipt import (
    Receipt,
    decode_receipt,
    encode_receipt,
    make_receipt,
    receipt_bytes,
    verify_receipt,
    verify_signature,
)
from standwatch.record.tree import Unproven, leaf_hash
from support.logs import KEY, LOG, MALLORY, ORIGIN, Log, bank


def receipt_of(log: Log, index: int) -> Receipt:
    entry, leaf = decode(log.all[index]), leaf_hash(log.all[index])
    ident = str(getattr(entry, "id", ""))
    return make_receipt(
        ident=ident, index=index, leaf=leaf, origin=ORIGIN, at=entry.at, sign=LOG.private.sign
    )


def test_what_we_were_told_is_in_the_log() -> None:
    log = bank(3)
    read = Exported(log.files().get)
    for index in range(log.size):
        verify_receipt(receipt_of(log, index), read, KEY.vkey)


def test_a_rewritten_log_is_proved_to_be_one() -> None:
    log = bank(3)
    receipt = receipt_of(log, 9)
    log.replace(9, by="agent-2")
    log.sign()
    with pytest.raises(Unproven):
        verify_receipt(receipt, Exported(log.files().get), KEY.vkey)


def test_a_log_that_shows_other_bytes_than_it_hashed_is_noticed() -> None:
    log = bank(3)
    receipt, files = receipt_of(log, 9), log.files()
    (path,) = (name for name in files if name.startswith("tile/entries/"))
    files[path] = files[path].replace(b"agent-1", b"agent-2")
    with pytest.raises(Unproven):
        verify_receipt(receipt, Exported(files.get), KEY.vkey)


def test_a_checkpoint_that_does_not_reach_so_far() -> None:
    log = bank(3)
    receipt = receipt_of(log, 20)
    log.sign(20)
    with pytest.raises(NotFound, match="20"):
        verify_receipt(receipt, log, KEY.vkey)


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"index": 10}, {"leaf": "00" * 32}, {"leaf": "x"}, {"at": 1}, {"sig": ""}, {"sig": "AAAA"}],
)
def test_no_member_of_a_receipt_can_change(change: dict[str, str | int]) -> None:
    log = bank(3)
    forged = msgspec.structs.replace(receipt_of(log, 9), **change)
    with pytest.raises(Unverified):
        verify_signature(forged, KEY.vkey)


def test_a_receipt_of_another_log_or_key_is_not_this_logs() -> None:
    log = bank(3)
    receipt = receipt_of(log, 9)
    for key in (NoteKey(ORIGIN, MALLORY.raw), NoteKey("other.invalid", LOG.raw)):
        with pytest.raises(Unverified):
            verify_signature(receipt, key.vkey)


def test_a_receipt_is_one_line_and_has_one_spelling() -> None:
    receipt = receipt_of(bank(0), 9)
    text = encode_receipt(receipt)
    assert text.isascii()
    assert decode_receipt(text) == receipt
    for bad in ("", text[:-4], text + "\n", "A" * 5000, "e30=", "/w=="):
        with pytest.raises(Malformed):
            decode_receipt(bad)


def test_the_bytes_that_are_signed() -> None:
    assert receipt_bytes(Receipt("i", 7, "ab", "o", 9, "s")) == (
        b'standwatch/receipt/1\n{"at":9,"id":"i","index":7,"leaf":"ab","origin":"o"}'
    )
