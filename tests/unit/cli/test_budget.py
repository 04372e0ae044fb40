"""`deferred`, `vigilance` and `revalidate` as people type them, against a real server on a real socket."""

from __future__ import annotations

import asyncio
import getpass
import io
import json
import sys
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main
from standwatch.keys import ed25519
from support.budget import bounded, decoy, decoys_of
from support.watch import done, served

Cli = Callable[..., tuple[int, str, str]]
Do = Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Generator[tuple[Cli, Do, Path]]:
    """The command line, something done on the server's own loop, and where the keys lie."""
    folder = tmp_path / "an organisation"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STANDWATCH_ORG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    bounded(folder, "{per_run: 1}", account=getpass.getuser())
    file = folder / "standwatch.yaml"
    file.write_text(file.read_text().replace("[operator]", "[operator, admin]"))
    with served(folder) as (watch, loop, _):
        for name, key in watch.keys.items():
            ed25519.save(key, tmp_path / f"{name}.pem", plain=True)

        def run(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = main(["--org", str(folder), *words])
            told = capsys.readouterr()
            return code, told.out, told.err

        def do(work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
            return asyncio.run_coroutine_threadsafe(work(watch), loop).result(30)

        yield run, do, tmp_path


def test_what_was_put_off_is_listed_and_dropped(desk: tuple[Cli, Do, Path]) -> None:
    cli, do, _ = desk
    assert "nothing is deferred" in cli("deferred")[1]
    do(lambda watch: watch.act(done, amount=1))
    ident = do(lambda watch: watch.act(done, amount=2)).id
    code, out, _ = cli("deferred", "list")
    assert (code, f"standwatch deferred ask {ident}" in out, "ask_budget" in out) == (0, True, True)
    assert f"standwatch deferred ask {ident}" in cli("status")[1]
    (line,) = json.loads(cli("deferred", "--json")[1])
    assert (line["id"], line["room"]) == (ident, ["olga"])
    code, _, err = cli("deferred", "ask", ident)
    assert (code, "may not pull" in err) == (1, True), "Otto is neither owner nor approver"
    assert cli("deferred", "ask")[0] == 2
    assert cli("deferred", "drop", "0" * 26, "--reason", "x")[0] == 1


def test_who_approved_a_decoy_is_shown_and_given_the_right_back(desk: tuple[Cli, Do, Path]) -> None:
    cli, do, keys = desk

    async def fall(watch: Any) -> str:
        envelope = watch.gate.world.envelopes["pay"]
        envelope.asks.clear()
        return await decoy(watch, decoys_of(watch))

    code, out, _ = cli("vigilance", "pay")
    assert (code, "one question in 20" in out) == (0, True)
    ident = do(fall)
    code, out, err = cli("approve", ident, "--yes", "--key", str(keys / "olga.pem"))
    assert (code, "It was a decoy" in out) == (0, True), err
    code, out, _ = cli("vigilance")
    assert (code, "standwatch revalidate olga" in out, "21 to 100 %" in out) == (1, True, True)
    status = cli("status")[1]
    assert "Olga approved a decoy" in status
    runs = [line for line in status.splitlines() if line.startswith("run\t")]
    assert runs, "in a pipe an open run says what it is"
    assert all("\tpay\tagent\t" in line for line in runs)
    words = ("revalidate", "olga", "--reason", "went through it together", "--yes", "--key")
    code, _, err = cli(*words, str(keys / "olga.pem"))
    assert (code, "validates no system" in err) == (1, True)
    code, out, err = cli(*words, str(keys / "chen.pem"))
    assert (code, "Olga may answer again" in out) == (0, True), err
    assert cli("vigilance")[0] == 0
    assert cli(*words, str(keys / "chen.pem"))[0] == 1
