"""Servers that others wrote, behind a whole Standwatch: the same calls say the same direct and through us."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from test_upstream_real_servers import commands, directly  # noqa: E402

from standwatch.facts.entries import Intent  # noqa: E402
from support.system import Agent, Living, manifest, server, serving  # noqa: E402

CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
MORE: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "everything": [
        ("get-sum", {"a": 2, "b": 0.5}),
        ("get-tiny-image", {}),
        ("get-structured-content", {"location": "Chicago"}),
        ("get-annotated-message", {"messageType": "error", "includeImage": True}),
        ("get-resource-links", {"count": 3}),
    ],
    "filesystem": [
        ("write_file", {"path": "new.txt", "content": "grüße\n"}),
        ("list_directory", {"path": "."}),
        ("read_text_file", {"path": "../outside"}),
        ("read_text_file", {"path": "new.txt"}),
    ],
    "git": [("git_log", {"max_count": 3}), ("git_diff_unstaged", {}), ("git_show", {"revision": "nowhere"})],
    "time": [("get_current_time", {"timezone": "UTC"}), ("get_current_time", {"timezone": "Nowhere/None"})],
    "sequential-thinking": [],
    "memory": [("search_nodes", {"query": "x"}), ("open_nodes", {"names": ["a"]})],
}
NAMES = tuple(MORE)


def calls_of(name: str, repository: Path) -> tuple[tuple[str, ...], list[tuple[str, dict[str, Any]]]]:
    """How it is started, and what is asked of it."""
    command, called, arguments = commands(repository)[name]
    calls = [(called, arguments), *MORE[name]]
    for _, given in calls:
        if name == "filesystem":
            given["path"] = str(repository / given["path"])
        elif name == "git":
            given["repo_path"] = str(repository)
    return command, calls


def same(result: dict[str, Any]) -> Any:
    """A result without our stamps and without the time server's clock."""
    kept = {key: value for key, value in result.items() if key != "resultType"}
    meta = {k: v for k, v in kept.pop("_meta", {}).items() if not k.startswith("io.modelcontextprotocol/")}
    text = json.dumps(kept | ({"_meta": meta} if meta else {}), sort_keys=True)
    return CLOCK.sub("NOW", text)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "a repository"
    author = ["-c", "user.name=A", "-c", "user.email=a@bank.example"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    (folder / "a.txt").write_text("héllo\n", encoding="utf-8")
    subprocess.run(["git", "-C", str(folder), "add", "a.txt"], check=True)
    subprocess.run(["git", "-C", str(folder), *author, "commit", "-q", "-m", "First"], check=True)
    return folder


@pytest.fixture(scope="module")
def watch(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    systems: dict[str, str] = {}
    for name in NAMES:
        command, calls = calls_of(name, repository)
        rules = {f"{name}.{called}": "read" for called, _ in calls}
        systems[name] = manifest(name, [server(name, command=command)], rules)
    with serving(tmp_path_factory.mktemp("servers") / "org", systems) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", *NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_results_are_identical(
    watch: Living, bot: Agent, repository: Path, tmp_path: Path, name: str
) -> None:
    command, calls = calls_of(name, repository)
    requests = [("tools/call", {"name": called, "arguments": given}) for called, given in calls]
    raw = directly(command, tmp_path, *requests)
    size = watch.size
    agent = bot.with_token(bot.token, name)
    for (called, given), line in zip(calls, raw, strict=True):
        direct = json.loads(line)["result"]
        assert same(agent.call(called, **given).result) == same(direct), called
    assert [one.tool for one in watch.of(Intent, size)] == [f"{name}.{called}" for called, _ in calls]
