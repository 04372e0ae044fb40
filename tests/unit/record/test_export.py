"""An export holds what it says, proves it, and is read back as the log it came from."""

import json
from pathlib import Path

import pytest

from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.parts import PartName
from standwatch.record.export import MANIFESTS, README, export, is_export_path, shard
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.receipt import decode_receipt, make_receipt
from standwatch.record.source import hashes
from standwatch.record.state import folds
from standwatch.record.tiles import Bundle, Tile, parse_path, tile_data
from standwatch.record.tree import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from support.logs import KEY, LOG, ORIGIN, Log, bank


@pytest.fixture(scope="module")
def log() -> Log:
    return bank()


def test_a_whole_log_comes_back(log: Log) -> None:
    read = Exported(log.files().get)
    assert (read.size, read.span) == (log.size, (0, log.size))
    assert [leaf for _, leaf in read.leaves(0, log.size)] == log.all
    assert all(read.leaf(index) == leaf for index, leaf in enumerate(log.all))
    assert read.state_before(400) == log.state_before(400)
    assert read.state_before(100) == log.state_before(100)
    ident = decode(log.all[12]).id  # type: ignore[union-attr]
    assert list(read.of_action(ident)) == list(log.of_action(ident)) == [12, 13, 14, 15]
    assert read.of_action("no such id") == []
    assert read.sealed(12, ident, "action") == log.sealed(12, ident, "action")
    with pytest.raises(NotFound):
        read.leaf(log.size)


def test_every_file_has_a_name_that_an_export_has(log: Log) -> None:
    files = log.files(
        receipts=[
            make_receipt(ident="x", index=1, leaf=bytes(32), origin=ORIGIN, at=1, sign=LOG.private.sign)
        ]
    )
    assert all(map(is_export_path, files))
    for path in (
        "../checkpoint",
        "/vkey",
        "tile/../vkey",
        "parts/000.jsonl\n",
        "parts/0.jsonl",
        "tile/0/x1/000",
        "",
    ):
        assert not is_export_path(path)
    tiles = [parse_path(path) for path in files if path.startswith("tile/")]
    assert len([each for each in tiles if isinstance(each, Bundle)]) == 3
    assert all(
        files[path] == tile_data(log._node, tile)
        for path in files
        if path.startswith("tile/") and isinstance(tile := parse_path(path), Tile)
    )


def test_names_of_beside_files_follow_their_bundle() -> None:
    assert shard("parts", 1067) == "parts/x001/067.jsonl"


def test_the_readme_says_how_in_three_lines(log: Log) -> None:
    assert log.files()["README.txt"].decode() == README
    assert [line[0] for line in README.splitlines() if line[:1].isdigit()] == ["1", "2", "3"]


def test_payloads_come_along_only_when_asked_for(log: Log) -> None:
    files = dict(export(log, KEY.vkey))
    names = {
        json.loads(line)["name"]
        for path in files
        if path.startswith("parts/")
        for line in files[path].splitlines()
    }
    assert names == MANIFESTS == {"manifest"}
    assert not any(path.startswith("parts/") for path in log.files(parts=frozenset[PartName]()))
    assert b"June invoices" not in b"".join(files.values())


def test_a_range_brings_the_control_entries_before_it_and_their_proofs(log: Log) -> None:
    read = Exported(log.files(start=600, end=610).get)
    assert read.span == (512, 628)
    before = [index for index, _ in read.leaves(0, 512)]
    assert before == [index for index, leaf in enumerate(log.all[:512]) if folds(decode(leaf))]
    assert read.state_before(600) == log.state_before(600)
    head = log.sign()
    for index, leaf in read.leaves(0, log.size):
        proof = inclusion_proof(hashes(read, read.size), index, read.size)
        verify_inclusion(leaf_hash(leaf), index, read.size, proof, head.root)
    with pytest.raises(NotFound):
        read.leaf(500)


def test_a_range_brings_the_parts_in_force_but_not_the_rest_of_the_past(log: Log) -> None:
    read = Exported(log.files(start=512).get)
    assert read.sealed(8, "r1", "task").parts  # the run is still open
    declared = [index for index, leaf in enumerate(log.all) if b"ctl.config.1" in leaf]
    assert [bool(read.sealed(index, "", "manifest").parts) for index in declared] == [False, True]
    assert not read.sealed(12, "", "action").parts


def test_kept_checkpoints_are_linked_to_a_range(log: Log) -> None:
    old = log.sign(130)
    new = log.sign()
    bare, linked = (Exported(log.files(start=600, kept=kept).get) for kept in ((), (130, 0, 10_000)))
    proof = consistency_proof(hashes(linked, new.size), old.size, new.size)
    verify_consistency(old.size, new.size, proof, old.root, new.root)
    assert bare.size == linked.size


def test_erased_parts_say_so_in_an_export() -> None:
    log = bank(1)
    log.parts[8, "task"] = type(log.parts[8, "task"])(erased=True)
    read = Exported(log.files().get)
    assert read.sealed(8, "r1", "task").erased
    assert read.sealed(8, "r1", "task").parts == ()


def test_receipts_ride_along(log: Log) -> None:
    receipt = make_receipt(ident="x", index=1, leaf=bytes(32), origin=ORIGIN, at=1, sign=LOG.private.sign)
    (line,) = log.files(receipts=[receipt])["receipts.jsonl"].splitlines()
    assert decode_receipt(json.loads(line)) == receipt


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, 629), (700, 800)])
def test_a_range_that_the_log_does_not_have_is_refused(log: Log, start: int, end: int) -> None:
    with pytest.raises(Malformed):
        dict(export(log, KEY.vkey, start=start, end=end))


@pytest.mark.parametrize(
    "text",
    [b"", b"0 256", b"0 256 \n", b"-1 3\n", b"256 0\n", b"0 629\n", b"1 256\n", b"0 300\n", b"00 256\n"],
)
def test_a_range_file_has_one_spelling(log: Log, text: bytes) -> None:
    files = {**log.files(), "range": text}
    with pytest.raises(Malformed):
        Exported(files.get)


def test_a_log_of_strangers_without_a_range_is_whole(log: Log) -> None:
    files = log.files()
    del files["range"]
    assert Exported(files.get).span == (0, log.size)
    del files["checkpoint"]
    with pytest.raises(NotFound):
        Exported(files.get)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"index":300,"leaf":"{}"}',
        b'{"index":3,"leaf":"{}"}\n{"index":3,"leaf":"{}"}',
        b'{"index":"3"}',
        b"\xff",
    ],
)
def test_control_lines_out_of_place_are_refused(log: Log, line: bytes) -> None:
    files = {**log.files(start=300), "control/000.jsonl": line + b"\n"}
    with pytest.raises(Malformed):
        list(Exported(files.get).leaves(0, 256))


def test_it_is_the_same_from_a_folder(log: Log, tmp_path: Path) -> None:
    for name, data in export(log, KEY.vkey):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    read = Exported(lambda name: (tmp_path / name).read_bytes() if (tmp_path / name).is_file() else None)
    assert [leaf for _, leaf in read.leaves(0, read.size)] == log.all
