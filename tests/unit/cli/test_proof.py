"""`explain --proof` writes one new file of its owner alone; `verify` says what it can of it, and exits 1 on a lie."""

import json
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli import keeping
from standwatch.cli.main import main
from standwatch.record.checkpoint import parse_text
from standwatch.record.leaf import decode
from standwatch.record.note import parse
from support.logs import KEY, Log, bank


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STANDWATCH_ORG", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def exported(log: Log, folder: Path) -> str:
    for path, data in log.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    entry: Any = decode(log.all[12])
    return str(entry.id)


def test_a_proof_is_written_from_an_export_and_verified(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ident = exported(bank(3), here / "evidence")
    assert main(["explain", ident, "--export", "evidence", "--proof", "it.json"]) == 0
    assert (here / "it.json").stat().st_mode & 0o777 == 0o600
    assert "to check it" in capsys.readouterr().out
    assert main(["verify", "it.json"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("verified")
    assert "compare it with one you trust" in told
    assert "DE02" in told
    assert main(["--json", "verify", "it.json", "--vkey", KEY.vkey]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["about"]) == ("verified", ident)
    assert (
        main(["explain", ident, "--export", "evidence", "--proof", "it.json"]) == 2
    )  # never over another file


def test_a_changed_proof_is_rejected(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ident = exported(bank(3), here / "evidence")
    main(["explain", ident, "--export", "evidence", "--proof", "it.json"])
    whole = (here / "it.json").read_bytes()
    (here / "it.json").write_bytes(
        whole.replace(b'"recipient', b'"recipiant', 1).replace(b"agent-1", b"agent-2", 1)
    )
    capsys.readouterr()
    assert main(["verify", "it.json"]) == 1
    assert "NOT" in capsys.readouterr().out
    (here / "it.json").write_bytes(b"")
    assert main(["verify", "it.json"]) == 1


def test_the_key_and_the_checkpoint_that_were_kept_count(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = bank(3)
    ident = exported(log, here / "evidence")
    main(["explain", ident, "--export", "evidence", "--proof", "it.json"])
    keeping.keep(KEY.vkey, log.note, parse_text(parse(log.note).text))
    assert main(["verify", "it.json"]) == 0
    assert "a key you brought" in capsys.readouterr().out
    other = bank(3)
    other.replace(20, at=other.now)
    other.sign()
    keeping.keep(KEY.vkey, other.note, parse_text(parse(other.note).text))
    assert main(["verify", "it.json"]) != 0
    assert "it has another root" in capsys.readouterr().err
