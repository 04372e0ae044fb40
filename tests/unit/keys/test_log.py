"""The log's key signs checkpoints under the log's own name."""

from pathlib import Path

import pytest

from standwatch.facts.errors import Forbidden, Malformed
from standwatch.keys import log
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from standwatch.record.note import parse_vkey
from standwatch.record.tree import EMPTY_ROOT


def test_what_it_signs_verifies_by_its_vkey(tmp_path: Path) -> None:
    key = log.create(tmp_path / "log.key", "bank.invalid/log")
    again = log.load(tmp_path / "log.key", "bank.invalid/log")
    assert again.vkey == key.vkey
    checkpoint = Checkpoint("bank.invalid/log", 0, EMPTY_ROOT)
    note = sign_checkpoint(checkpoint, again.key, again.sign)
    assert open_checkpoint(note, "bank.invalid/log", [parse_vkey(key.vkey)]) == checkpoint


def test_its_private_half_is_not_printed(tmp_path: Path) -> None:
    key = log.create(tmp_path / "log.key", "bank.invalid/log")
    assert repr(key) == f"LogKey({key.vkey})"


def test_it_can_be_under_a_passphrase(tmp_path: Path) -> None:
    log.create(tmp_path / "log.key", "bank.invalid/log", passphrase="long enough")
    with pytest.raises(Forbidden):
        log.load(tmp_path / "log.key", "bank.invalid/log")


def test_a_name_that_no_key_can_have_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        log.create(tmp_path / "log.key", "two words")
    assert list(tmp_path.iterdir()) == []
