"""`relax`, `restore` and `relaxations` as people type them, against a real server on a real socket."""

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
from support.relaxing_watch import write
from support.watch import Watch, served

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[Cli]:
    folder = tmp_path / "an organisation"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STANDWATCH_ORG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    write(folder, account=getpass.getuser())
    file = folder / "standwatch.yaml"
    file.write_text(file.read_text().replace("[operator]", getattr(request, "param", "[operator]")))
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


def relax(check: str, compensating: str, *more: str) -> tuple[str, ...]:
    about = ("--system", "pay", "--until", "30m", "--reason", "another format today")
    return ("relax", check, *about, "--compensating", compensating, "--yes", *more)


def test_one_person_begins_and_anybody_ends(cli: Cli, tmp_path: Path) -> None:
    key = ("--key", str(tmp_path / "chen.pem"))
    code, out, err = cli(*relax("provenance", "per_run:3", "--tool", "bank.send", *key))
    assert code == 0, err
    assert "provenance on tool:bank.send of pay" in out
    assert "because another format today" in out
    (one,) = json.loads(cli("relaxations", "--json")[1])
    assert (one["check"], one["scope"], one["counts"]) == ("provenance", "tool:bank.send", True)
    assert f"standwatch restore {one['id']}" in cli("status")[1]
    code, out, _ = cli("restore", str(one["id"]))
    assert (code, "has ended" in out) == (0, True)
    assert "nothing is relaxed" in cli("relaxations")[1]
    told = cli("relaxations", "pay", "--since", "1h")[1]
    assert "in bypass since" in told
    assert "provenance 0.0 min" in told
    assert cli("restore", str(one["id"]))[0] == 1


def test_two_persons_sign_one_after_the_other(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(*relax("policy", "step_up", "--json", "--key", str(tmp_path / "olga.pem")))
    assert code == 1, "another signature is wanted"
    ident = json.loads(out)["id"]
    assert f"--sign {ident}" in cli("relaxations", "pay")[1]
    code, out, err = cli(
        "relax", "--system", "pay", "--sign", ident, "--yes", "--key", str(tmp_path / "chen.pem")
    )
    assert code == 0, err
    assert "policy on system:pay" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("relax", "provenance", "--system", "pay"), 2, "relax takes CHECK"),
        (relax("holds", "step_up"), 2, "may not be relaxed"),
        (relax("provenance", "hope"), 2, "compensates for nothing"),
        (relax("provenance", "step_up", "--tool", "a.b", "--agent", "c"), 2, "one scope"),
        (("relax", "--system", "pay", "--sign", "nothing", "--yes"), 1, "waits"),
        (("restore", "4711"), 1, "is in force"),
    ],
)
def test_what_does_not_work_says_why(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    key = ("--key", str(tmp_path / "chen.pem")) if words[0] == "relax" else ()
    found, _, err = cli(*words, *key)
    assert (found, said in err) == (code, True), err


def test_a_break_glass_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    """Otto, whose account this is, is no administrator: nothing is sealed, and nothing opens."""
    key, envelope = str(tmp_path / "maria.pem"), str(tmp_path / "envelope.pem")
    seal = ("--for", "otto", "--may", "release", "--systems", "pay", "--out", envelope, "--yes")
    code, _, err = cli("break-glass", "seal", *seal, "--key", key)
    assert (code, "an administrator orders and signs it" in err) == (1, True)
    assert not Path(envelope).exists(), "a key that nothing is sealed with is not left behind"
    assert "no break-glass is sealed" in cli("break-glass", "list")[1]
    ed25519.save(ed25519.make(), Path(envelope), plain=True)
    for act in (("open", envelope, "--reason", "try", "--yes"), ("drill", envelope)):
        code, _, err = cli("break-glass", *act)
        assert (code, "the key of no break-glass" in err) == (1, True)
    assert cli("break-glass", "review", "4", "--reason", "x")[0] == 1


@pytest.mark.parametrize("cli", ["[operator, admin]"], indirect=True)
def test_a_break_glass_from_the_envelope_to_its_use(cli: Cli, tmp_path: Path) -> None:
    envelope = str(tmp_path / "envelope.pem")
    seal = ("--for", "otto@watch.example", "--may", "release", "--systems", "pay", "--out", envelope)
    code, out, err = cli("break-glass", "seal", *seal, "--yes", "--key", str(tmp_path / "otto.pem"))
    assert code == 0, err
    assert "keep it away from this host" in out
    assert Path(envelope).stat().st_mode & 0o777 == 0o600
    assert "never drilled" in cli("break-glass", "list")[1]
    code, out, err = cli("break-glass", "drill", envelope)
    assert (code, "it would have opened" in out) == (0, True), err
    assert "never drilled" not in cli("break-glass", "list")[1]
    code, out, err = cli("break-glass", "open", envelope, "--reason", "nobody answers", "--yes")
    assert (code, "opened" in out) == (0, True), err
    assert "nobody has reviewed it" in cli("status")[1]
    (one,) = json.loads(cli("break-glass", "list", "--json")[1])["glasses"]
    code, _, err = cli("break-glass", "review", str(one["id"]), "--reason", "I was right")
    assert (code, "somebody else reviews it" in err) == (1, True)
    assert cli("break-glass", "open", envelope, "--reason", "again", "--yes")[0] == 1
