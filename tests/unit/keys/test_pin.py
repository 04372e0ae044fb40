"""A production organisation's record is remembered outside its folder."""

from pathlib import Path

import pytest

from standwatch.facts.errors import Forbidden
from standwatch.keys.pin import pin_file, require_pin, set_pin


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


def test_without_a_pin_anything_goes_and_with_one_only_the_same(tmp_path: Path) -> None:
    folder, state = tmp_path / "org", tmp_path / "org" / "state"
    require_pin(folder, state, "bank/log")
    set_pin(folder, state, "bank/log")
    require_pin(folder, state, "bank/log")
    for other, origin in ((state, "bank/other"), (tmp_path / "elsewhere", "bank/log")):
        with pytest.raises(Forbidden) as refused:
            require_pin(folder, other, origin)
        assert refused.value.code == "moved"
        assert str(pin_file(folder)) in refused.value.cure


def test_a_pin_that_cannot_be_read_lets_nothing_pass(tmp_path: Path) -> None:
    folder = tmp_path / "org"
    set_pin(folder, tmp_path, "bank/log")
    pin_file(folder).write_text("{")
    with pytest.raises(Forbidden):
        require_pin(folder, tmp_path, "bank/log")


def test_another_folder_has_another_pin(tmp_path: Path) -> None:
    set_pin(tmp_path / "one", tmp_path, "bank/log")
    require_pin(tmp_path / "two", tmp_path, "other/log")
