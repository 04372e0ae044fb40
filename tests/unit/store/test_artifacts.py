"""Files of models: their digests, and what is said of those that are gone, changed, or somewhere else."""

import hashlib
from pathlib import Path

import pytest

from standwatch.facts.configuration import Configuration, Listener, Lock, Manifest, Organisation, System
from standwatch.facts.models import Model, Version
from standwatch.store.artifacts import artifact_digest, artifact_digests, artifact_doubts
from standwatch.store.folder import Unreadable

DATA = b"x" * 3_000_000


@pytest.fixture
def org(tmp_path: Path) -> Path:
    (tmp_path / "org" / "models").mkdir(parents=True)
    (tmp_path / "org" / "models" / "1.bin").write_bytes(DATA)
    (tmp_path / "secret").write_bytes(b"s")
    (tmp_path / "org" / "models" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "org" / "models" / "in").symlink_to("1.bin")
    return tmp_path / "org"


def test_the_digest_is_that_of_the_whole_file(org: Path) -> None:
    assert artifact_digest(org, "models/1.bin") == hashlib.sha256(DATA).hexdigest()
    assert artifact_digest(org, "models/in") == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    ("artifact", "said"),
    [
        ("models/2.bin", "No such file"),
        ("models", "is not a file"),
        ("models/out", "leads out of"),
        ("../secret", "leads out of"),
    ],
)
def test_what_is_no_file_of_the_folder_is_not_read(org: Path, artifact: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        artifact_digest(org, artifact)


def configuration(locked: dict[str, str]) -> Configuration:
    versions = {name: Version(name, artifact=f"models/{name}.bin") for name in ("1", "2")} | {
        "3": Version("3")
    }
    manifest = Manifest("bank", "", (), (), (), models={"scorer": Model("scorer", versions=versions)})
    here = Listener("127.0.0.1", 1)
    organisation = Organisation("o", "o", "http://o", here, here)
    return Configuration(organisation, {"bank": System(manifest, Lock(components=locked), "")}, (), "")


def test_what_changed_or_is_gone_is_doubtful(org: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    manifest = configuration({}).systems["bank"].manifest
    found, lost = artifact_digests(org, manifest)
    assert found == {"scorer@1": digest}
    assert list(lost) == ["scorer@2"]
    for locked, said in (
        ({"scorer@1": digest}, ["scorer@2: models/2.bin: No such file"]),
        ({}, ["scorer@2: models/2.bin: No such file"]),  # not locked at all is `declare`'s to say
        ({"scorer@1": "ab" * 32}, ["scorer@2: models/2.bin", f"scorer@1: the file is {digest[:12]}…"]),
    ):
        doubts = artifact_doubts(org, configuration(locked))
        assert len(doubts) == len(said)
        assert all(
            f"systems/bank.lock:1:1: {start}" in one for one, start in zip(doubts, said, strict=True)
        ), doubts
