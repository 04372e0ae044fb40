"""Versions from the command line, over a running server: in one process and with workers, by whom, and how fast."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from standwatch.cli import main as cli
from standwatch.cli.wire import Refused
from standwatch.facts.entries import Deployed, Hold
from support.system import ROOT, Living, Organisation, manifest, serving

MODEL = {"kind": "model", "name": "scorer", "vendor": "maker", "url": "http://127.0.0.1:9/"}
PRICER = {"kind": "model", "name": "pricer", "url": "http://127.0.0.1:9/"}
LIMIT = "not validated outside Boston"


def decisions(limits: list[str], *names: str) -> dict[str, Any]:
    one = {
        "versions": {n: {"artifact": f"models/{n}.json", "served_as": n} for n in ("1", "2", "3")},
        "inputs": {"income": {"type": "number"}},
        "outputs": {"p": {"type": "probability"}},
        "known_limits": [{"limit": text} for text in limits],
        "fallback": "refer-to-human",
    }
    return {"decisions": dict.fromkeys(names, one)}


def systems() -> dict[str, str]:
    return {
        "loans": manifest("loans", [MODEL], {}, **decisions([], "scorer")),
        "limited": manifest("limited", [MODEL], {}, **decisions([LIMIT], "scorer")),
        "both": manifest("both", [MODEL, PRICER], {}, **decisions([], "scorer", "pricer")),
        "wide": manifest(
            "wide", [MODEL], {}, exposure={"people_per_week": 50_000}, **decisions([], "scorer")
        ),
    }


def with_models(folder: Path) -> Path:
    (folder / "models").mkdir()
    for name in ("1", "2", "3"):
        (folder / "models" / f"{name}.json").write_text(f'{{"version": {name}}}')
    return folder


@pytest.fixture(params=[0, 2], ids=["alone", "workers"])
def watch(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Living]:
    with serving(with_models(tmp_path), systems(), workers=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """An organisation out of development: the account on the socket is the administrator's."""
    with serving(with_models(tmp_path_factory.mktemp("strict")), systems(), development=False) as running:
        yield running


def deploy(watch: Living, version: str, *more: str, system: str = "loans", code: int = 0) -> Any:
    return watch.run("deploy", system, version, "--reason", "a test", *more, code=code)


def front(watch: Living, *more: str, system: str = "loans") -> dict[str, Any]:
    return watch.run("versions", system, *more)["models"][0]


def spoken(watch: Living, *words: str, code: int = 0) -> tuple[str, str]:
    """What `standwatch WORDS` says to a person whose output is a pipe, on both streams."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "stdout", said),
        patch.object(sys, "stderr", complained),
        patch.dict(os.environ, watch.home),
    ):
        assert cli.main(["--org", str(watch.folder), *words]) == code, complained.getvalue()
    return said.getvalue(), complained.getvalue()


def test_deployed_rolled_back_pinned_and_released(watch: Living) -> None:
    deploy(watch, "1")
    done = deploy(watch, "2")
    assert (done["former"], done["level"]) == ("1", "supervised")
    taken = watch.run("rollback", "loans", "--reason", "denies everybody")
    assert (taken["version"], taken["former"]) == ("1", "2")
    assert front(watch)["pinned"][0]["hold"] == taken["hold"]
    refused = deploy(watch, "3", code=1)
    assert refused["code"] == "pinned"
    assert refused["cure"].endswith(f"release {taken['hold']} --reason …")
    (line,) = next(one for one in watch.api.get("/status")["systems"] if one["system"] == "loans")["models"]
    assert (line["version"], line["pinned"]) == ("1", [taken["hold"]])
    watch.run("release", str(taken["hold"]), "--reason", "understood")
    deploy(watch, "3")
    then = front(watch, "--at", str(taken["index"]))
    assert (then["version"], then["pinned"][0]["scope"]) == ("1", "version:scorer@2")
    assert front(watch)["version"] == "3"
    assert [one.mode for one in watch.of(Deployed)] == ["full", "full", "rollback", "full"]
    (hold,) = watch.of(Hold)
    assert hold.scope == "version:scorer@2"


def test_a_person_reads_what_answers_and_what_pins(watch: Living) -> None:
    deploy(watch, "1")
    deploy(watch, "2")
    deploy(watch, "3", "--canary", "2.5%")
    said, _ = spoken(watch, "versions", "loans")
    assert "serves\tscorer@2" in said
    assert "canary\tscorer@3\t2.5 % of requests" in said
    assert "previous\tscorer@1\tkept warm" in said
    told, _ = spoken(watch, "rollback", "loans", "--to", "2", "--reason", "odd")
    assert "scorer@2 serves" in told
    assert "pins 3 off" in told
    assert "to deploy again: standwatch release" in told
    status, _ = spoken(watch, "status")
    assert "scorer@2 serves; pinned by hold" in status
    page = re.sub(r"\s*<[^>]*>\s*", " ", watch.api.raw("/").decode())
    assert re.search(r"scorer *@ *2 +version:scorer@3\b", page), "what serves, and the hold that pins it"
    assert re.search(r"pricer *: no version", page)
    past, _ = spoken(watch, "versions", "loans", "--at", "0", code=1)
    assert past == ""


def test_known_limits_are_shown_and_acknowledged_by_digest(strict: Living) -> None:
    _, complained = spoken(strict, "deploy", "limited", "1", "--reason", "it's time", code=1)
    assert LIMIT in complained
    digest = front(strict, system="limited")["acknowledge"]
    assert f"deploy limited 1 --reason 'it'\"'\"'s time' --acknowledge {digest}" in complained
    wrong = deploy(strict, "1", "--acknowledge", "0" * 64, system="limited", code=1)
    assert wrong["code"] == "limits_unacknowledged"
    done = deploy(strict, "1", "--acknowledge", digest, system="limited")
    (change,) = front(strict, system="limited")["changes"]
    assert (change["limits"], change["by"], change["index"]) == (digest, "maria", done["index"])


class Terminal(io.StringIO):
    """A keyboard: somebody sits there."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code"), [("yes\n", 0), ("no\n", 1), ("", 1)])
def test_on_a_terminal_the_limits_are_asked_about(tmp_path: Path, typed: str, code: int) -> None:
    with (
        serving(with_models(tmp_path), {"limited": systems()["limited"]}) as watch,
        patch.object(sys, "stdin", Terminal(typed)),
    ):
        _, complained = spoken(watch, "deploy", "limited", "1", "--reason", "a test", code=code)
        assert LIMIT in complained
        assert front(watch, system="limited")["version"] == ("1" if code == 0 else "")


def test_a_wide_system_waits_for_its_validator(strict: Living) -> None:
    refused = deploy(strict, "1", system="wide", code=1)
    assert refused["code"] == "unvalidated"
    assert refused["cure"].endswith("validate wide --version 1 --until 90d")
    said = ("validate", "wide", "--version", "1", "--until", "90d", "--key", strict.key("chen"), "--yes")
    strict.run(*said)
    assert deploy(strict, "1", system="wide")["level"] == "autonomous"
    assert deploy(strict, "2", system="wide", code=1)["code"] == "unvalidated"
    assert deploy(strict, "2", "--canary", "5%", system="wide", code=1)["code"] == "unvalidated"
    assert deploy(strict, "2", "--shadow", system="wide")["mode"] == "shadow"
    assert deploy(strict, "2", "--end", system="wide")["mode"] == "end"


def test_of_several_models_one_is_named(strict: Living) -> None:
    assert deploy(strict, "1", system="both", code=2)["code"] == "which_model"
    deploy(strict, "1", "--model", "pricer", system="both")
    found = {one["model"]: one["version"] for one in strict.run("versions", "both")["models"]}
    assert found == {"pricer": "1", "scorer": ""}


def test_promoted_from_the_command_line(strict: Living) -> None:
    for word in ("1", "2"):
        deploy(strict, word, *(("--canary", "5%") if word == "2" else ()))
    assert strict.run("promote", "loans")["version"] == "2"
    assert strict.run("promote", "loans", code=1)["code"] == "no_canary"


@pytest.mark.parametrize("share", ["5", "0%", "100%", "-1%", "0.001%", "a%"])
def test_a_share_is_a_percentage(strict: Living, share: str) -> None:
    assert (
        strict.run("deploy", "loans", "3", f"--canary={share}", "--reason", "x", code=2)["code"]
        == "bad_share"
    )


def test_what_is_not_there_is_said(strict: Living) -> None:
    assert strict.run("versions", "nobody", code=1)["code"] == "not_found"
    assert strict.run("rollback", "nobody", "--reason", "x", code=1)["code"] == "not_found"
    assert deploy(strict, "9", code=1)["code"] == "undeclared"
    assert strict.run("rollback", "loans", "--reason", "  ", code=2)["code"] == "no_reason"
    with pytest.raises(Refused) as refused:
        strict.api.post("/systems/loans/rollback", {"reason": "x", "why": "y"})
    assert refused.value.status == 400


def test_with_the_server_down_rollback_names_halt(tmp_path: Path) -> None:
    said = Organisation(tmp_path, {}).run("rollback", "loans", "--reason", "odd", code=3)
    assert "halt system:loans --reason" in said["cure"]


def test_a_cold_rollback_imports_nothing_heavy() -> None:
    """What makes it slow is what it imports: nothing of the server, no configuration, no cryptography."""
    script = (
        "import sys; from standwatch.cli.main import main\n"
        "try: main(['--org', '/', 'rollback', 'x', '--reason', 'y'])\n"
        "except SystemExit: pass\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"msgspec", "yaml", "apsw", "cryptography", "cedarpy", "uvloop"}
