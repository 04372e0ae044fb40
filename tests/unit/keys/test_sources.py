"""Where secrets come from, and what happens where they are not there, readable by others, or changed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from standwatch.facts.errors import Forbidden, Malformed, NotFound
from standwatch.keys import kek
from standwatch.keys.sources import MOST, Sealed, Sources


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    kek.create(tmp_path / "keys")
    return Sealed(tmp_path / "secrets", tmp_path / "keys")


def test_a_secret_comes_back_and_is_not_in_its_file(sealed: Sealed, tmp_path: Path) -> None:
    sealed.put("bank", "correct horse")
    assert sealed.get("bank") == "correct horse"
    path = tmp_path / "secrets" / "bank"
    assert b"horse" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed.put("bank", "another")
    assert sealed.get("bank") == "another"
    assert sealed.names() == ("bank",)
    sealed.remove("bank")
    assert sealed.names() == ()
    with pytest.raises(NotFound):
        sealed.get("bank")


def test_one_sealed_under_an_older_key_opens_until_that_is_destroyed(sealed: Sealed, tmp_path: Path) -> None:
    sealed.put("bank", "one")
    kek.create(tmp_path / "keys")
    assert sealed.get("bank") == "one"
    kek.destroy(tmp_path / "keys", 1)
    with pytest.raises(Forbidden):
        sealed.get("bank")


def test_every_changed_byte_and_another_name_are_refused(sealed: Sealed, tmp_path: Path) -> None:
    sealed.put("bank", "correct horse")
    path = tmp_path / "secrets" / "bank"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Forbidden):
            sealed.get("bank")
    for cut in (0, 1, 16, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(Forbidden):
            sealed.get("bank")
    path.write_bytes(whole)
    path.rename(tmp_path / "secrets" / "crm")
    with pytest.raises(Forbidden):
        sealed.get("crm")


@pytest.mark.parametrize("name", ["", "..", "../log", "a/b", "A", ".x", "x" * 65, "a\n"])
def test_a_name_is_no_path(sealed: Sealed, name: str) -> None:
    with pytest.raises(Malformed):
        sealed.put(name, "x")
    with pytest.raises(NotFound):
        sealed.get(name)


@pytest.mark.parametrize("value", ["", "x" * (MOST + 1)])
def test_a_secret_has_a_size(sealed: Sealed, value: str) -> None:
    with pytest.raises(Malformed):
        sealed.put("bank", value)


def test_each_place_by_its_prefix(sealed: Sealed, tmp_path: Path) -> None:
    sealed.put("bank", "from the box")
    (tmp_path / "token").write_text("from a file\n")
    (tmp_path / "token").chmod(0o600)
    found = Sources({"TOKEN": "from outside"}, tmp_path, sealed)
    assert [found[name] for name in ("TOKEN", "sealed:bank", "file:token")] == [
        "from outside",
        "from the box",
        "from a file",
    ]
    (tmp_path / "token").chmod(0o644)
    for name in (
        "OTHER",
        "sealed:other",
        "file:other",
        "file:token",
        "keyring:nobody/none",
        "vault:x",
        "sealed:",
    ):
        with pytest.raises(KeyError) as refused:
            found[name]
        assert "from" not in str(refused.value)


def test_the_keyring_is_asked_by_the_systems_own_tool(
    sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[str], None]
) -> None:
    """The tool itself is acted out here: a script that says what it was asked with, as `secret-tool` answers."""
    script('test "$*" = "lookup service bank.example account standwatch" && printf "from the keyring"')
    found = Sources({}, tmp_path, sealed)
    assert found["keyring:bank.example/standwatch"] == "from the keyring"
    with pytest.raises(KeyError, match="nothing for"):
        found["keyring:bank.example/another"]
    script("sleep 60")
    monkeypatch.setattr("standwatch.keys.sources.PATIENCE", 0.2)
    with pytest.raises(KeyError, match="locked"):
        found["keyring:bank.example/standwatch"]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `secret-tool` in front of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("sys.platform", "linux")
    shell = shutil.which("sh")

    def write(text: str) -> None:
        tool = folder / "secret-tool"
        tool.write_text(f"#!{shell}\n{text}\n")
        tool.chmod(0o755)

    return write
