"""`override` and `overrides` against a real server on a real socket."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main
from standwatch.cli.overrides import _since  # pyright: ignore[reportPrivateUsage]
from support.overriding import decided, write_overridable
from support.watch import served

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator[tuple[Cli, int]]:
    """The CLI as Otto uses it, and the index of a batch of two denials."""
    folder = tmp_path / "an organisation"
    folder.mkdir()
    write_overridable(folder, account=getpass.getuser())
    with served(folder) as (watch, loop, _):

        def there(work: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(30)

        def cli(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = main(["--org", str(folder), *words])
            told = capsys.readouterr()
            return code, told.out, told.err

        yield cli, there(decided(watch, "anna", "bert"))


def test_an_override_is_made_told_and_taken_back(running: tuple[Cli, int]) -> None:
    cli, index = running
    code, told, _ = cli("override", f"{index}/1", "--outcome", "approved", "--reason", "per year")
    assert code == 0
    assert f"loans {index}/1: denied is now approved" in told
    assert f"standwatch override {index}/1 --outcome denied" in told
    code, told, _ = cli("overrides", "loans", "--since", "1d")
    assert code == 0
    assert "1 override(s) of 1 row(s) of 2 decided (50 %)" in told
    assert "Otto\t1\t1\t0\t1" in told
    assert f"{index}/1\tapproved\tdenied\tOtto\tper year" in told
    code, _, _ = cli("override", f"{index}/1", "--outcome", "denied", "--reason", "it was per month")
    assert code == 0
    code, told, _ = cli("overrides", "loans", "--json")
    report = json.loads(told)
    assert (report["total"], [one["decision"] for one in report["chains"]]) == (2, [f"{index}/1"])


def test_the_row_is_the_first_unless_another_is_named(running: tuple[Cli, int]) -> None:
    cli, index = running
    code, told, _ = cli("override", str(index), "--outcome", "approved", "--reason", "why", "--json")
    assert (code, json.loads(told)["decision"]) == (0, f"{index}/0")


@pytest.mark.parametrize(
    ("place", "outcome", "code", "text"),
    [
        ("{}/0", "perhaps", 2, "expected one of denied, approved"),
        ("{}/9", "approved", 1, "has 2 rows"),
        ("{}/x", "approved", 2, "names no decision"),
    ],
)
def test_what_cannot_be_overridden_is_refused(
    running: tuple[Cli, int], place: str, outcome: str, code: int, text: str
) -> None:
    cli, index = running
    found, _, problem = cli("override", place.format(index), "--outcome", outcome, "--reason", "why")
    assert (found, text in problem) == (code, True), problem


def test_a_span_is_ago() -> None:
    assert _since("7d").endswith("Z")
    assert _since("2026-11-20T08:00Z") == "2026-11-20T08:00Z"
