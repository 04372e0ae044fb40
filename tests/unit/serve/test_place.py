"""What must outlive a restored backup is remembered outside the state folder."""

import shutil
from pathlib import Path

import pytest

from standwatch.facts.errors import Tampered, Unrecorded
from standwatch.serve.place import Place
from standwatch.store.recorder import Recorder

ORIGIN = "place.invalid/log"


@pytest.fixture(params=["the account's", "with the keys"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A new place; its head is remembered in the account's state folder, or where the keys are mounted from."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "account"))
    monkeypatch.delenv("STANDWATCH_KEYS", raising=False)
    if request.param == "with the keys":
        monkeypatch.setenv("STANDWATCH_KEYS", str(tmp_path / "mounted"))
    return Place(tmp_path / "org", tmp_path / "org/state")


def start_and_stop(place: Place, origin: str = ORIGIN) -> None:
    log_key = place.prepare(origin)
    recorder = Recorder.open(place.setup(log_key))
    recorder.close()


def grow(place: Place) -> None:
    """Another entry: the one that says the disk was full will do."""
    from standwatch.facts.entries import Gap
    from standwatch.facts.frames import Append

    recorder = Recorder.open(place.setup(place.prepare(ORIGIN)))
    gap = Append(-1, Gap(by="recorder", begin=1, unrecorded=1))
    recorder.submit(lambda: recorder._writer.write([gap])).result()
    recorder.close()


def test_a_backup_of_the_whole_state_does_not_start(place: Place, tmp_path: Path) -> None:
    start_and_stop(place)
    shutil.copytree(place.state, tmp_path / "backup")
    grow(place)
    shutil.rmtree(place.state)
    shutil.copytree(tmp_path / "backup", place.state)
    with pytest.raises(Tampered, match="older copy"):
        start_and_stop(place)


def test_a_log_begun_anew_starts(place: Place) -> None:
    start_and_stop(place)
    grow(place)
    shutil.rmtree(place.state)
    start_and_stop(place, "place.invalid/another")


def test_without_a_place_to_remember_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("STANDWATCH_KEYS", raising=False)
    place = Place(tmp_path / "org", tmp_path / "org/state")
    with pytest.raises(Unrecorded, match="cannot be kept") as found:
        start_and_stop(place)
    assert "STANDWATCH_KEYS" in found.value.cure
