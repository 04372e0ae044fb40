"""`watch` as people type it, against a real server on a real socket."""

from __future__ import annotations

import getpass
import io
import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from standwatch.cli.main import main
from standwatch.keys import ed25519
from support.keeping import WATCHES
from support.relaxing_watch import write
from support.watch import Watch, served

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Generator[Cli]:
    folder = tmp_path / "an organisation"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STANDWATCH_ORG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    write(folder, account=getpass.getuser())
    file = folder / "standwatch.yaml"
    file.write_text(file.read_text() + WATCHES)
    with served(folder) as (watch, _, _):
        keys(watch, tmp_path)

        def run(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = main(["--org", str(folder), *words])
            told = capsys.readouterr()
            return code, told.out, told.err

        yield run


def keys(watch: Watch, folder: Path) -> None:
    for name, key in watch.keys.items():
        ed25519.save(key, folder / f"{name}.pem", plain=True)


def test_a_night_is_taken_handed_over_and_ended(cli: Cli, tmp_path: Path) -> None:
    olga, chen = (("--key", str(tmp_path / f"{name}.pem"), "--yes") for name in ("olga", "chen"))
    code, out, _ = cli("watch")
    assert code == 1
    assert "unattended\tnight\tnobody" in out
    assert "may be taken by Olga, Chen  →  standwatch watch take night --until 8h" in out
    assert "Nobody has the watch night" in cli("status")[1]
    assert cli("halt", "system:ship", "--reason", "odd")[0] == 0
    code, out, err = cli("watch", "take", "night", *olga)
    assert (code, err) == (0, "")
    assert "hold\t" in out, "what is signed is shown whole"
    assert "system:ship" in out
    assert "Olga has the watch night" in out
    code, out, _ = cli("watch", "hand-over", "night", "--to", "chen@watch.example", "--until", "4h", *olga)
    assert code == 1, "it waits for the other person"
    assert "standwatch watch take night" in out
    assert "Olga gives it to Chen" in cli("watch", "list")[1]
    assert cli("watch", "take", "night", *chen)[0] == 0
    assert "watched by Chen" in cli("status")[1]
    code, out, _ = cli("watch", "list", "night", "--json")
    sheet = json.loads(out)
    assert (sheet["watch"]["person"], sheet["watch"]["giver"]) == ("chen", "olga")
    assert [one["what"] for one in sheet["open"]] == ["system:ship"]
    code, _, err = cli("watch", "end", "night")
    assert code == 1
    assert "chen has the watch night" in err
    status = json.loads(cli("status", "--json")[1])
    (night, ships) = status["watches"]
    assert (night["state"], ships["state"]) == ("attended", "unattended")
    assert {one["system"]: one["watch"] for one in status["systems"]} == {"pay": ["chen"], "ship": ["chen"]}


def test_misuse_is_told_with_the_way_out(cli: Cli, tmp_path: Path) -> None:
    otto = ("--key", str(tmp_path / "otto.pem"), "--yes")
    for words, code, said in (
        (("watch", "take"), 2, "takes the name of a watch"),
        (("watch", "hand-over", "night"), 2, "--to PERSON"),
        (("watch", "hand-over", "night", "--to", "nobody@x.example", *otto), 2, "nobody of standwatch.yaml"),
        (("watch", "take", "noon", *otto), 1, "there is no watch noon"),
        (("watch", "take", "night", *otto), 1, "otto may not take the watch night"),
        (("watch", "take", "night", "--key", str(tmp_path / "olga.pem")), 2, "nobody can be asked here"),
    ):
        found, _, err = cli(*words)
        assert (found, said in err) == (code, True), (words, err)
