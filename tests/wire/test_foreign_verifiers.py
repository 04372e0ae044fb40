"""Strangers check our log: what we sign and prove is accepted by code that is not ours, and no changed copy is.

The strangers are `metamorphic-log` (Rust), `pymerkle` (Python; inclusion only, its consistency proofs are its own) and
Go's `x/mod/sumdb/{note,tlog}`, which runs where a Go toolchain and Debian's `golang-golang-x-mod-dev` are. Our own
verifiers stand in the same row: they may be no more lenient than the strangers.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import metamorphic_log
import msgspec
import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymerkle.core import _inclusion_path_layout
from pymerkle.proof import InclusionProof

from standwatch.facts.errors import StandwatchError
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint, text_of
from standwatch.record.leaf import decode
from standwatch.record.note import Note, NoteKey, Signature, parse, parse_vkey, serialise
from standwatch.record.proof import encode as encode_proof
from standwatch.record.proof import prove
from standwatch.record.tiles import Tile, new_tiles, path_of, tile_data
from standwatch.record.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from support import logs
from support.logs import bank

GO_SOURCES = Path("/usr/share/gocode")
ORIGIN = "log.example/one"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey(ORIGIN, PRIVATE.public_key().public_bytes_raw())
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))

SIZE = 700
# Full and partial tiles at two levels; and a size at which releases of x/mod before 0.40, such as Debian's, do compare
# every tile with its parent: at most others they skip one or more (CVE-2026-56865), so their word would prove nothing.
TILED = 513
ENTRIES = [b"entry %d" % i for i in range(SIZE)]
ROWS = [[leaf_hash(entry) for entry in ENTRIES]]
while len(ROWS[-1]) > 1:
    ROWS.append([node_hash(*pair) for pair in zip(ROWS[-1][::2], ROWS[-1][1::2], strict=False)])


def source(level: int, index: int) -> bytes:
    return ROWS[level][index]


def root(size: int) -> bytes:
    return Frontier.of(source, size).root()


# ------------------------------------------------------------------------------------------------- claims


class NoteClaim(msgspec.Struct, frozen=True, tag_field="kind", tag="note"):
    raw: bytes
    text: str
    vkey: str = KEY.vkey


class InclusionClaim(msgspec.Struct, frozen=True, tag_field="kind", tag="inclusion"):
    leaf: bytes
    index: int
    size2: int
    proof: list[bytes]
    root2: bytes
    root1: bytes = bytes(32)


class ConsistencyClaim(msgspec.Struct, frozen=True, tag_field="kind", tag="consistency"):
    size1: int
    size2: int
    proof: list[bytes]
    root1: bytes
    root2: bytes
    leaf: bytes = bytes(32)


class TilesClaim(msgspec.Struct, frozen=True, tag_field="kind", tag="tiles"):
    leaf: bytes
    index: int
    size2: int
    root2: bytes
    root1: bytes = bytes(32)


Claim = NoteClaim | InclusionClaim | ConsistencyClaim | TilesClaim
replace = msgspec.structs.replace


def signed(size: int, signer: Ed25519PrivateKey = PRIVATE) -> NoteClaim:
    checkpoint = Checkpoint(ORIGIN, size, root(size))
    key = NoteKey(ORIGIN, signer.public_key().public_bytes_raw())
    return NoteClaim(sign_checkpoint(checkpoint, key, signer.sign), text_of(checkpoint))


def included(index: int, size: int) -> InclusionClaim:
    return InclusionClaim(source(0, index), index, size, inclusion_proof(source, index, size), root(size))


def consistent(size1: int, size2: int) -> ConsistencyClaim:
    proof = consistency_proof(source, size1, size2)
    return ConsistencyClaim(size1, size2, proof, root(size1), root(size2))


NOTES = [signed(size) for size in (0, 1, 2, 255, 256, 257, 699, 700)]
INCLUSIONS = [
    included(i, n) for i, n in [(0, 1), (0, 2), (1, 2), (4, 7), (6, 7), (255, 256), (256, 257), (511, 700)]
]
CONSISTENCIES = [
    consistent(m, n)
    for m, n in [
        (1, 1),
        (1, 2),
        (3, 7),
        (4, 7),
        (6, 7),
        (128, 256),
        (255, 256),
        (256, 257),
        (300, 700),
        (512, 700),
    ]
]


# ---------------------------------------------------------------------------------------------- mutations


def flips(data: bytes) -> Iterator[bytes]:
    """`data` with one bit changed, once for each of its bytes."""
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ 1 << at % 7]) + data[at + 1 :]


def spoilt_lists(proof: list[bytes], roots: list[bytes]) -> Iterator[list[bytes]]:
    for at, node in enumerate(proof):
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], node[:-1], *proof[at + 1 :]]
        yield [*proof[:at], node, *proof[at:]]
        yield from ([*proof[:at], changed, *proof[at + 1 :]] for changed in flips(node))
    for stray in roots:
        yield [stray, *proof]
        yield [*proof, stray]
    if proof != proof[::-1]:
        yield proof[::-1]


def spoilt_notes(claim: NoteClaim) -> Iterator[NoteClaim]:
    note = parse(claim.raw)
    (own,) = note.signatures
    for changed in flips(note.text.encode()):
        yield replace(claim, raw=changed + claim.raw[len(changed) :])
    for changed in flips(own.key_id):
        yield replace(claim, raw=serialise(Note(note.text, (Signature(own.name, changed, own.signature),))))
    for changed in [*flips(own.signature), own.signature[:-1], own.signature + b"\x00"]:
        yield replace(claim, raw=serialise(Note(note.text, (Signature(own.name, own.key_id, changed),))))
    yield replace(
        claim, raw=serialise(Note(note.text, (Signature("log.example/two", own.key_id, own.signature),)))
    )
    yield from (replace(claim, raw=claim.raw[:length]) for length in range(0, len(claim.raw), 7))
    yield replace(claim, raw=claim.raw.replace(b"\n\n", b"\n"))
    yield replace(claim, raw=claim.raw.replace(b"\n", b"\r\n"))
    yield replace(claim, vkey=NoteKey(ORIGIN, OTHER.public_key().public_bytes_raw()).vkey)
    if claim.text != NOTES[-1].text:  # the signature of one size under the text of another
        yield replace(claim, raw=NOTES[-1].text.encode() + claim.raw[len(claim.text.encode()) :])


def spoilt_inclusions(claim: InclusionClaim) -> Iterator[InclusionClaim]:
    yield from (replace(claim, leaf=changed) for changed in flips(claim.leaf))
    yield from (replace(claim, root2=changed) for changed in flips(claim.root2))
    yield from (replace(claim, proof=proof) for proof in spoilt_lists(claim.proof, [claim.leaf, claim.root2]))
    yield replace(claim, index=claim.index + 1)
    yield replace(claim, index=claim.size2)
    yield replace(claim, index=claim.size2, size2=claim.index)
    yield replace(claim, size2=0)
    yield replace(claim, size2=claim.size2 * 2)
    if claim.index:
        yield replace(claim, index=claim.index - 1)


def spoilt_consistencies(claim: ConsistencyClaim) -> Iterator[ConsistencyClaim]:
    yield from (replace(claim, root1=changed) for changed in flips(claim.root1))
    yield from (replace(claim, root2=changed) for changed in flips(claim.root2))
    yield from (
        replace(claim, proof=proof) for proof in spoilt_lists(claim.proof, [claim.root1, claim.root2])
    )
    yield replace(claim, size2=claim.size2 * 2)
    if claim.size1 != claim.size2:
        yield replace(claim, size1=claim.size2, size2=claim.size1)
        yield replace(claim, root1=claim.root2, root2=claim.root1)
        yield replace(claim, root1=claim.root2)
        yield replace(claim, size1=claim.size2)


# ----------------------------------------------------------------------------------------------- verifiers


class Ours:
    name = "ours"

    def judge(self, claims: list[Claim]) -> list[bool]:
        return [self._accepts(claim) for claim in claims]

    def _accepts(self, claim: Claim) -> bool:
        try:
            match claim:
                case NoteClaim():
                    return text_of(open_checkpoint(claim.raw, ORIGIN, [parse_vkey(claim.vkey)])) == claim.text
                case InclusionClaim():
                    verify_inclusion(claim.leaf, claim.index, claim.size2, claim.proof, claim.root2)
                case ConsistencyClaim():
                    verify_consistency(claim.size1, claim.size2, claim.proof, claim.root1, claim.root2)
                case TilesClaim():
                    raise NotImplementedError
        except StandwatchError:
            return False
        return True


class Metamorphic:
    name = "metamorphic-log"

    def judge(self, claims: list[Claim]) -> list[bool]:
        return [self._accepts(claim) for claim in claims]

    def _accepts(self, claim: Claim) -> bool:
        try:
            match claim:
                case NoteClaim():
                    head = metamorphic_log.checkpoint_verify(claim.raw.decode(), [claim.vkey])
                    return text_of(Checkpoint(head.origin, head.size, head.root)) == claim.text
                case InclusionClaim():
                    metamorphic_log.verify_inclusion(
                        claim.index, claim.size2, claim.leaf, claim.proof, claim.root2
                    )
                case ConsistencyClaim():
                    metamorphic_log.verify_consistency(
                        claim.size1, claim.size2, claim.proof, claim.root1, claim.root2
                    )
                case TilesClaim():
                    raise NotImplementedError
        except (metamorphic_log.VerifyError, UnicodeDecodeError):
            return False
        return True


class Pymerkle:
    name = "pymerkle"

    def judge(self, claims: list[Claim]) -> list[bool]:
        return [isinstance(claim, InclusionClaim) and self._accepts(claim) for claim in claims]

    def _accepts(self, claim: InclusionClaim) -> bool:
        """pymerkle counts from one, puts the leaf first in the path, and recomputes the rule from index and size."""
        index = claim.index + 1
        rule = _inclusion_path_layout(index, claim.size2)[0] if 0 < index <= claim.size2 else []
        proof = InclusionProof("sha256", True, claim.size2, index, rule, [claim.leaf, *claim.proof])
        try:
            proof.verify(claim.leaf, claim.root2, index=index, size=claim.size2, algorithm="sha256")
        except pymerkle.InvalidProof:
            return False
        return True


class Go:
    name = "go"

    def __init__(self, program: Path, tiles: Path) -> None:
        self.command = [program, tiles]

    def judge(self, claims: list[Claim]) -> list[bool]:
        lines = b"\n".join(
            json.dumps(msgspec.to_builtins(claim), default=encode).encode() for claim in claims
        )
        done = subprocess.run(self.command, input=lines, capture_output=True, check=True, timeout=280)
        answers = done.stdout.decode().splitlines()
        assert len(answers) == len(claims)
        return [answer == "accepted" for answer in answers]


def encode(value: Any) -> str:
    return b64encode(value).decode()


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    compiler = shutil.which("go")
    if compiler is None or not (GO_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go is not here: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    offline = {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    cache = {} if "HOME" in os.environ else {"GOCACHE": str(folder / "cache")}
    subprocess.run(
        [compiler, "build", "-o", folder / "verifier", Path(__file__).with_name("foreign_verifier.go")],
        env=os.environ | offline | cache,
        check=True,
        timeout=280,
    )
    publish(folder / "log", TILED)
    return Go(folder / "verifier", folder / "log")


def publish(log: Path, size: int) -> None:
    for tile in new_tiles(0, size):
        file = log / path_of(tile)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tile_data(source, tile))


@pytest.fixture(params=["ours", "metamorphic-log", "go"])
def verifier(request: pytest.FixtureRequest) -> Ours | Metamorphic | Go:
    match request.param:
        case "ours":
            return Ours()
        case "metamorphic-log":
            return Metamorphic()
        case _:
            return request.getfixturevalue("go")


# -------------------------------------------------------------------------------------------------- tests


def test_what_we_sign_and_prove_is_accepted(verifier: Ours | Metamorphic | Go) -> None:
    claims: list[Claim] = [*NOTES, *INCLUSIONS, *CONSISTENCIES]
    assert [claim for claim, good in zip(claims, verifier.judge(claims), strict=True) if not good] == []


def test_every_proof_of_a_small_log_is_accepted(verifier: Ours | Metamorphic | Go) -> None:
    claims: list[Claim] = [included(i, n) for n in range(1, 34) for i in range(n)]
    claims += [consistent(m, n) for n in range(1, 34) for m in range(1, n + 1)]
    assert all(verifier.judge(claims))


def test_no_changed_checkpoint_is_accepted(verifier: Ours | Metamorphic | Go) -> None:
    refuses_all(verifier, [spoilt for claim in NOTES for spoilt in spoilt_notes(claim)])


def test_no_changed_inclusion_proof_is_accepted(verifier: Ours | Metamorphic | Go) -> None:
    refuses_all(verifier, [spoilt for claim in INCLUSIONS for spoilt in spoilt_inclusions(claim)])


def test_no_changed_consistency_proof_is_accepted(verifier: Ours | Metamorphic | Go) -> None:
    refuses_all(verifier, [spoilt for claim in CONSISTENCIES for spoilt in spoilt_consistencies(claim)])


def refuses_all(verifier: Ours | Metamorphic | Pymerkle | Go, claims: list[Any]) -> None:
    assert len(claims) > 1000
    assert [claim for claim, good in zip(claims, verifier.judge(claims), strict=True) if good] == []


def test_pymerkle_has_our_roots_and_accepts_our_inclusions() -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for size, entry in enumerate(ENTRIES, 1):
        tree.append_entry(entry)
        assert tree.get_root() == root(size)
    claims: list[Claim] = [*INCLUSIONS, *(included(i, n) for n in range(1, 34) for i in range(n))]
    assert all(Pymerkle().judge(claims))
    refuses_all(Pymerkle(), [spoilt for claim in INCLUSIONS for spoilt in spoilt_inclusions(claim)])


def test_a_whole_walk_by_metamorphic() -> None:
    """From signed heads to an entry, as an auditor goes: nothing but notes, proofs and a vkey."""
    old, new = signed(300).raw.decode(), signed(700).raw.decode()
    leaf, proof = source(0, 511), inclusion_proof(source, 511, 700)
    growth = consistency_proof(source, 300, 700)
    metamorphic_log.checkpoint_verify_inclusion(new, [KEY.vkey], 511, leaf, proof)
    metamorphic_log.checkpoint_verify_consistency(old, new, [KEY.vkey], growth)
    for walk in (
        lambda: metamorphic_log.checkpoint_verify_inclusion(old, [KEY.vkey], 511, leaf, proof),
        lambda: metamorphic_log.checkpoint_verify_inclusion(new, [KEY.vkey], 510, leaf, proof),
        lambda: metamorphic_log.checkpoint_verify_consistency(new, old, [KEY.vkey], growth),
        lambda: metamorphic_log.checkpoint_verify_consistency(old, new, [KEY.vkey], growth[:-1]),
    ):
        with pytest.raises(metamorphic_log.VerifyError):
            walk()


def test_go_reads_our_tiles_and_refuses_changed_ones(go: Go) -> None:
    claims: list[Claim] = [TilesClaim(source(0, i), i, TILED, root(TILED)) for i in range(TILED)]
    assert all(go.judge(claims))
    assert not any(go.judge([replace(claim, root2=root(TILED - 1)) for claim in claims]))
    spoilt = go.command[1] / path_of(Tile(0, 1))
    whole = spoilt.read_bytes()
    for at in (0, 4000, len(whole) - 1):
        spoilt.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        judged = go.judge(claims)
        assert judged == [not 256 <= index < 512 for index in range(TILED)]
    spoilt.write_bytes(whole)


# ------------------------------------------------------------------------------------- the proof of one action


def claims_of(file: bytes) -> tuple[list[NoteClaim], list[InclusionClaim]]:
    """The notes and inclusions in a proof file, read with nothing of ours: JSON, and C2SP tlog-proof as it stands."""
    told = json.loads(file)
    notes: list[NoteClaim] = []
    inclusions: list[InclusionClaim] = []
    for entry in told["entries"]:
        head, _, note = entry["proof"].partition("\n\n")
        header, index, *path = head.split("\n")
        assert header == "c2sp.org/tlog-proof@v1"
        text = note[: note.index("\n\n") + 1]
        size, root_ = text.split("\n")[1:3]
        leaf = sha256(b"\0" + entry["leaf"].encode()).digest()
        notes.append(NoteClaim(note.encode(), text, told["vkey"]))
        hashes = [b64decode(one) for one in path]
        inclusions.append(
            InclusionClaim(leaf, int(index.removeprefix("index ")), int(size), hashes, b64decode(root_))
        )
    return notes, inclusions


def test_strangers_accept_the_proof_of_one_action_and_no_changed_copy(
    verifier: Ours | Metamorphic | Go,
) -> None:
    log = bank(300)
    entry: Any = decode(log.all[12])
    notes, inclusions = claims_of(encode_proof(prove(log, entry.id, logs.KEY.vkey)))
    if isinstance(verifier, Ours):  # which asks for the origin of these tests
        notes = []
    assert len(inclusions) >= 8
    claims: list[Claim] = [*notes, *inclusions]
    assert all(verifier.judge(claims))
    refuses_all(verifier, [spoilt for claim in inclusions for spoilt in spoilt_inclusions(claim)])


def test_pymerkle_accepts_the_proof_of_one_action() -> None:
    log = bank(40)
    entry: Any = decode(log.all[12])
    _, inclusions = claims_of(encode_proof(prove(log, entry.id, logs.KEY.vkey)))
    assert all(Pymerkle().judge([*inclusions]))
