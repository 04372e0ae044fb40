"""The one program against a real server on a real socket: what people type, what they read, what scripts get."""

from __future__ import annotations

import asyncio
import getpass
import io
import json
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli import holds, keeping
from standwatch.cli.main import GROUPS, main
from standwatch.cli.wire import state_folder
from standwatch.keys import ed25519
from standwatch.keys.markers import read_markers
from standwatch.record.checkpoint import Checkpoint, sign_checkpoint
from support.watch import Watch, done, served

Cli = Callable[..., tuple[int, str, str]]


class Running:
    """A served organisation, and the CLI pointed at it."""

    def __init__(self, watch: Watch, loop: Any, port: int, folder: Path, run: Cli) -> None:
        self.watch, self.loop, self.port, self.folder, self.cli = watch, loop, port, folder, run

    def there(self, work: Any) -> Any:
        """Await `work` on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def key(self, name: str) -> str:
        path = self.folder / f"{name}.pem"
        if not path.exists():
            ed25519.save(self.watch.keys[name], path, plain=True)
        return str(path)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home-state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home-config"))
    monkeypatch.delenv("STANDWATCH_ORG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody sits at this keyboard

    def run(*words: str, org: Path | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([*(("--org", str(org)) if org else ()), *words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def running(tmp_path: Path, cli: Cli) -> Generator[Running]:
    folder = tmp_path / "an organisation"
    folder.mkdir()
    with served(folder, account=getpass.getuser()) as (watch, loop, port):
        yield Running(watch, loop, port, folder, lambda *words: cli(*words, org=folder))


# --- help and errors ---------------------------------------------------------------------------------------------


def test_help_of_every_verb_has_one_example(cli: Cli) -> None:
    for _, verbs in GROUPS:
        for verb in verbs:
            code, told, _ = cli(verb.name, "--help")
            assert code == 0
            assert told.count("example:") == 1, verb.name
            assert f"standwatch {verb.name}" in told or f" {verb.name}" in verb.example


def test_every_verb_is_in_the_overview_and_in_the_documentation(cli: Cli) -> None:
    _, told, _ = cli("--help")
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    for _, verbs in GROUPS:
        for verb in verbs:
            assert f"  {verb.name} " in told
            assert re.search(rf"^## .*`{verb.name}\b", page, re.MULTILINE), verb.name


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["halt", "--help"],
        ["status", "--org", "{}"],
        ["halt", "all", "--reason", "x", "--org", "{}"],
    ],
)
def test_what_must_start_in_a_moment_imports_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "standwatch.yaml").touch()
    code = (
        "import sys; from standwatch.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('cryptography', 'cedarpy', 'uvloop', 'apsw', 'msgspec', 'yaml') if m in sys.modules])"
    )
    done_ = subprocess.run(
        [sys.executable, "-c", code, *(word.format(tmp_path) for word in words)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done_.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["status"], 3),
        (["release", "1", "--reason", "x"], 3),
        (["halt", "nonsense", "--reason", "x"], 2),
        (["halt", "all", "--reason", " "], 2),
        (["halt", "all"], 2),
        (["nosuchverb"], 2),
        (["validate", "pay", "--until", "soon"], 2),
        (["export", "out", "--range", "a..b"], 2),
        (["explain", "x", "--export", "nowhere"], 1),
        (["verify", "nowhere"], 1),
        (["check"], 2),
        (["connect", "pay"], 2),
    ],
)
def test_exit_codes_without_a_server(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    (tmp_path / "standwatch.yaml").touch()
    monkeypatch.delenv("STANDWATCH_TOKEN", raising=False)
    found, _, problem = cli(*words, org=tmp_path)
    assert found == code, problem
    assert problem.startswith(("standwatch: ", "usage: ")), problem


def test_outside_an_organisation_nothing_is_written(tmp_path: Path, cli: Cli) -> None:
    code, _, problem = cli("halt", "all", "--reason", "x", org=tmp_path)
    assert code == 2
    assert "there is no organisation" in problem
    assert list(tmp_path.iterdir()) == []


def test_errors_in_json_have_the_one_shape(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "standwatch.yaml").touch()
    code, out, problem = cli("--json", "status", org=tmp_path)
    assert (code, out) == (3, "")
    assert json.loads(problem)["code"] == "unreachable"
    assert json.loads(problem)["cure"] == f"standwatch --org {tmp_path} up"


# --- halt with the server down -----------------------------------------------------------------------------------


def test_a_halt_with_the_server_down_is_in_force_when_it_comes_up(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "org"
    folder.mkdir()
    with served(folder):
        pass
    code, told, _ = cli("halt", "system:pay", "--reason", "odd", org=folder)
    assert code == 0
    assert "written to disk" in told
    (marker,) = read_markers(folder / "state")
    assert (marker.scope, marker.reason) == ("system:pay", "odd")
    assert marker.by.startswith("@")
    with served(folder) as (watch, _, _):
        (held,) = watch.gate.state.holds.values()
        assert (held.scope, held.by) == ("system:pay", "local")
        assert read_markers(folder / "state") == []


def test_the_store_s_folder_is_found_without_reading_yaml(tmp_path: Path) -> None:
    path = tmp_path / "standwatch.yaml"
    for text, folder in (
        ("", "state"),
        ("store: {sqlite: elsewhere}\n", "elsewhere"),
        ("store:\n  sqlite: 'a b'\n", "a b"),
        ('store: { sqlite: "x" }  # there\n', "x"),
        ("# store: {sqlite: no}\n", "state"),
        ("store: {sqlite: /abs}\n", "/abs"),
    ):
        path.write_text(text)
        assert state_folder(tmp_path) == tmp_path / folder, text


# --- with a server -------------------------------------------------------------------------------------------------


def test_status_halt_release(running: Running) -> None:
    code, told, _ = running.cli("status")
    assert code == 0
    assert "supervised\tpay\ttier 1" in told
    assert "standwatch validate pay --until DATE" in told
    code, told, _ = running.cli("halt", "system:pay", "--reason", "odd payments", "--json")
    halted = json.loads(told)
    assert (code, halted["recorded"], halted["covers"]) == (0, True, ["pay"])
    code, told, _ = running.cli("status")
    assert "halted\tpay" in told
    assert "odd payments" in told
    assert "by Otto" in told, "the socket's account is a person of the configuration"
    code, told, _ = running.cli("release", str(halted["hold"]), "--reason", "fine")
    assert (code, told) == (0, f"released hold {halted['hold']} on system:pay\n")
    code, _, problem = running.cli("release", str(halted["hold"]), "--reason", "fine")
    assert code == 1
    assert f"try: standwatch --org '{running.folder}' status" in problem, "a cure can be typed as it stands"
    code, told, _ = running.cli("status", "--as-of", str(halted["hold"]), "--json")
    assert [hold["scope"] for hold in json.loads(told)["holds"]] == ["system:pay"]


def test_halting_what_nothing_is_called_says_so_and_ends_with_1(running: Running) -> None:
    code, told, _ = running.cli("halt", "system:pya", "--reason", "odd")
    assert code == 1
    assert "Nothing that is declared now is called system:pya" in told


def test_what_otto_may_not_do_is_refused_with_its_cure(running: Running) -> None:
    code, _, problem = running.cli("agent", "add", "bot", "--system", "pay")
    assert code == 1
    assert "Otto may not add principals" in problem
    assert "  try: " in problem


def test_runs_are_listed_and_one_is_told_in_order(running: Running) -> None:
    question = running.there(running.watch.act(done, note="to\u202e eve")).id
    code, told, _ = running.cli("runs", "--json")
    run = json.loads(told)["runs"][0]["run"]
    code, told, _ = running.cli("runs")
    assert code == 0
    assert f"standwatch runs {run}" in told
    code, told, _ = running.cli("runs", run)
    assert code == 0
    assert f"standwatch explain {question}" in told
    assert "/note = to\\u202e eve   from " in told, (
        "a value with its provenance, and nothing that moves the cursor"
    )
    assert f"standwatch halt run:{run} --reason …" in told
    code, _, problem = running.cli("runs", "nonesuch")
    assert (code, "standwatch runs" in problem.replace(f" --org '{running.folder}'", "")) == (1, True)
    code, _, problem = running.cli("explain", run)
    assert (code, "if it is a run's" in problem) == (1, True)


def test_approve_shows_the_action_whole_and_signs_it(running: Running) -> None:
    reply = running.there(running.watch.act(done, note="to\u202e eve\u200b", amount=3))
    assert reply.word == "pending"
    code, told, problem = running.cli("approve", reply.id, "--key", running.key("olga"))
    assert code == 2, "nobody can be asked, so nothing is signed"
    assert "add --yes" in problem
    assert "to\\u202e eve\\u200b" in told
    assert "\u202e" not in told
    code, told, problem = running.cli(
        "approve", reply.id, "--key", running.key("olga"), "--by", "olga", "--yes"
    )
    assert code == 0, problem
    assert f"{reply.id} approved by Olga" in told
    assert running.there(running.watch.act(done, note="to\u202e eve\u200b", amount=3)).word == "done"
    code, _, problem = running.cli("refuse", reply.id, "--key", running.key("olga"), "--yes")
    assert code == 1


@pytest.mark.parametrize(
    ("name", "by", "text"),
    [("maria", "", "may not answer"), ("olga", "maria", "that key is olga's, not maria's")],
)
def test_who_may_not_answer_is_told(running: Running, name: str, by: str, text: str) -> None:
    reply = running.there(running.watch.act(done))
    words = ["approve", reply.id, "--key", running.key(name), "--yes", *(["--by", by] if by else [])]
    code, _, problem = running.cli(*words)
    assert code == 1
    assert text in problem


def test_refuse_is_final(running: Running) -> None:
    reply = running.there(running.watch.act(done))
    code, _, problem = running.cli("refuse", reply.id, "--key", running.key("olga"), "--yes")
    assert code == 0, problem
    assert running.there(running.watch.act(done)).word == "refused"


def test_validate_raises_the_grant(running: Running) -> None:
    code, told, problem = running.cli(
        "validate", "pay", "--until", "30d", "--key", running.key("chen"), "--yes"
    )
    assert code == 0, problem
    assert "its grant is autonomous" in told
    code, _, problem = running.cli(
        "validate", "pay", "--until", "999d", "--key", running.key("chen"), "--yes"
    )
    assert code == 2
    assert "at most" in problem
    code, _, problem = running.cli("validate", "pay", "--until", "30d", "--key", running.key("otto"), "--yes")
    assert code == 1


def test_a_key_under_a_passphrase_is_opened_with_it(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chen.pem"
    ed25519.save(running.watch.keys["chen"], path, passphrase="open sesame")
    words = ("validate", "pay", "--until", "30d", "--key", str(path), "--yes")
    code, _, problem = running.cli(*words)
    assert code == 1
    assert "STANDWATCH_PASSPHRASE_FILE" in problem
    (tmp_path / "secret").write_text("open sesame\n")
    monkeypatch.setenv("STANDWATCH_PASSPHRASE_FILE", str(tmp_path / "secret"))
    code, _, problem = running.cli(*words)
    assert code == 0, problem


def test_tail_entries_and_diagnose(running: Running) -> None:
    code, told, _ = running.cli("tail", "--no-follow", "--from", "0")
    assert code == 0
    assert told.splitlines()[0].split("\t")[2] == "log.opened.1"
    running.there(running.watch.signed_up_to_now())
    code, told, _ = running.cli("diagnose", "--json")
    assert {check["name"] for check in json.loads(told)} >= {"record", "checkpoint", "state", "configuration"}
    assert code == 0


def test_export_verify_and_explain_offline(running: Running, tmp_path: Path) -> None:
    running.cli("validate", "pay", "--until", "30d", "--key", running.key("chen"), "--yes")
    reply = running.there(running.watch.act(done))
    running.there(running.watch.signed_up_to_now())
    for name in ("out", "out.tar"):
        code, _, problem = running.cli("export", str(tmp_path / name), "--with-payloads")
        assert code == 0, problem
        code, told, problem = running.cli("verify", str(tmp_path / name))
        assert code == 0, told + problem
        assert told.startswith("verified")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077 == 0
    code, told, problem = running.cli("explain", reply.id)
    assert code == 0, problem
    assert f"Action {reply.id}" in told
    code, told, problem = running.cli("explain", reply.id, "--export", str(tmp_path / "out"))
    assert code == 0, problem
    assert f"Action {reply.id}" in told
    entries = next((tmp_path / "out" / "tile" / "entries").rglob("*.p/*"))
    data = bytearray(entries.read_bytes())
    data[40] ^= 1
    entries.write_bytes(data)
    code, told, _ = running.cli("verify", str(tmp_path / "out"))
    assert code == 1
    assert told.startswith("rejected")


def test_an_export_is_refused_where_something_stands(running: Running, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    code, _, problem = running.cli("export", str(tmp_path / "out"))
    assert code == 2
    assert "is there already" in problem


def test_a_log_that_does_not_extend_what_was_kept_is_not_signed_along(
    running: Running, tmp_path: Path
) -> None:
    reply = running.there(running.watch.act(done))
    running.there(running.watch.signed_up_to_now())
    log = running.watch.log
    forged = Checkpoint(log.origin, 3, b"\x01" * 32)
    keeping.keep(log.vkey, sign_checkpoint(forged, log.key, log.sign), forged)
    code, _, problem = running.cli("refuse", reply.id, "--key", running.key("olga"), "--yes")
    assert code == 1
    assert "does not extend the checkpoint you kept at 3" in problem


# --- configuration -------------------------------------------------------------------------------------------------


def test_check_says_every_problem_and_what_stands_before_production(running: Running) -> None:
    code, told, _ = running.cli("check")
    assert code == 0
    assert "2 systems" in told
    (running.folder / "systems" / "pay.yaml").write_text("system: pay\nnonsense: 1\n")
    code, _, problem = running.cli("check")
    assert code == 2
    assert re.search(r"systems/pay\.yaml:2:1: unknown key 'nonsense'", problem)
    assert len(problem.splitlines()) > 2


def test_a_widening_waits_until_those_it_needs_have_signed(running: Running) -> None:
    path = running.folder / "systems" / "pay.yaml"
    path.write_text(path.read_text() + "  bank.more:\n    effect: read\n")
    code, _, problem = running.cli("sign-config", "--key", running.key("maria"), "--yes")
    assert code == 1
    assert "no configuration waits" in problem
    running.there(running.watch.control.reload(running.watch.who("otto")))
    code, told, problem = running.cli("sign-config", "--key", running.key("maria"), "--yes")
    assert code == 0, problem
    assert "waits" in told
    assert "chen" in told
    code, told, problem = running.cli("sign-config", "--key", running.key("chen"), "--yes")
    assert code == 0, problem
    assert "in force" in told
    assert "bank.more" in running.watch.gate.configuration.systems["pay"].manifest.tools


def test_observe_edits_one_line_and_waits_like_any_widening(running: Running) -> None:
    path = running.folder / "systems" / "pay.yaml"
    before = path.read_text()
    code, told, problem = running.cli("observe", "pay", "--until", "2h")
    assert code == 0, problem
    assert "waits" in told
    assert path.read_text().startswith(before)
    running.cli("observe", "pay", "--until", "3h")
    assert path.read_text().count("observe:") == 1
    code, _, problem = running.cli("observe", "nope", "--until", "2h")
    assert code == 1
    code, _, problem = running.cli("observe", "pay", "--until", "2020-01-01")
    assert code == 2


# --- init, keys ----------------------------------------------------------------------------------------------------


def test_init_makes_an_organisation_that_checks(tmp_path: Path, cli: Cli) -> None:
    clients = tmp_path / "clients.json"
    clients.write_text(
        json.dumps(
            {"mcpServers": {"files": {"command": sys.executable, "args": ["-c", "import sys; sys.exit(3)"]}}}
        )
    )
    assert cli("key", "new", "--plain")[0] == 0
    code, told, problem = cli("init", str(tmp_path / "new org"), "--from", str(clients), "--no-start")
    assert code == 0, problem
    assert "go round us" in told
    assert cli("check", org=tmp_path / "new org")[0] == 0
    assert "ed25519:" in (tmp_path / "new org" / "standwatch.yaml").read_text()
    assert cli("init", str(tmp_path / "new org"))[0] == 1


def test_a_new_key_is_under_a_passphrase_and_never_over_another(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, problem = cli("key", "new", "--out", str(tmp_path / "k.pem"))
    assert code == 1
    assert not (tmp_path / "k.pem").exists()
    (tmp_path / "secret").write_text("word")
    monkeypatch.setenv("STANDWATCH_PASSPHRASE_FILE", str(tmp_path / "secret"))
    code, told, problem = cli("key", "new", "--out", str(tmp_path / "k.pem"), "--json")
    assert code == 0, problem
    assert ed25519.public(ed25519.load(tmp_path / "k.pem", passphrase="word")) == json.loads(told)["public"]
    assert b"ENCRYPTED" in (tmp_path / "k.pem").read_bytes()
    assert cli("key", "new", "--out", str(tmp_path / "k.pem"))[0] == 1


def test_a_very_long_path_still_has_its_socket(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    folder.mkdir(parents=True)
    with served(folder):
        assert cli("status", org=folder)[0] == 0


def test_a_server_that_does_not_answer_leaves_a_marker(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_PATIENCE", 0.2)
    (tmp_path / "standwatch.yaml").touch()
    (tmp_path / "state").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "state" / "control.sock"))
        silent.listen(4)
        begun = time.monotonic()
        code, _, _ = cli("halt", "all", "--reason", "hung", org=tmp_path)
        assert (code, time.monotonic() - begun < 4.5) == (0, True)
    assert [marker.scope for marker in read_markers(tmp_path / "state")] == ["all"]
