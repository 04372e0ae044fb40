"""The official conformance suite through a whole Standwatch: everything required passes, and everything that reached
the server is in the record."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Intent
from support.system import Living, manifest, server, serving, waited

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from conformance.run import run_suite  # noqa: E402
from conformance.serving import fixture_server  # noqa: E402
from fixture_tools import tools  # noqa: E402

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
ERA = {"2025-11-25": "legacy", "2026-07-28": "modern"}
ASKS = ("sampling", "elicitation", "roots")
CALLS = {
    "resources/read": "fixture.resource_read",
    "resources/subscribe": "fixture.resource_read",
    "prompts/get": "fixture.prompt_get",
    "completion/complete": "fixture.completion",
}


def fixture_manifest(url: str, era: str = "", **more: Any) -> str:
    """Everything the fixture has, as reads: conformance is about the wire."""
    giving: dict[str, Any] = {"resources": ["**"], "prompts": ["**"], "may_ask": list(ASKS)}
    if era:
        giving["era"] = era
    component = server("fixture", url=url, **giving)
    return manifest("fixture", [component], {f"fixture.{name}": "read" for name in tools}, **more)


def reached(journal: Path) -> Counter[str]:
    """What the server handled, by the name that the record has for it."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return Counter(
        f"fixture.{line['params']['name']}" if line["method"] == "tools/call" else CALLS[line["method"]]
        for line in lines
        if line["method"] == "tools/call" or line["method"] in CALLS
    )


def recorded(watch: Living) -> Counter[str]:
    """Intents that were carried to the server; its own questions stand beside them."""
    asked = {f"fixture.{kind}" for kind in ASKS}
    return Counter(one.tool for one in watch.of(Intent) if one.tool not in asked)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("revision", REQUIRED)
def test_all_required_scenarios_pass_and_are_recorded(tmp_path: Path, revision: str, workers: int) -> None:
    journal = tmp_path / "journal"
    with (
        fixture_server(journal) as url,
        serving(
            tmp_path / "org", {"fixture": fixture_manifest(url, ERA[revision])}, workers=workers
        ) as watch,
    ):
        bot = watch.agent("suite", "fixture")
        result = run_suite(
            f"http://localhost:{watch.agents}/mcp/fixture", revision, {"Authorization": f"Bearer {bot.token}"}
        )
        assert result.failures == (), result.summary()
        assert result.warnings == (), result.summary()
        assert (result.passed, result.required) == (REQUIRED[revision], REQUIRED[revision])
        assert waited(lambda: reached(journal) == recorded(watch)), (reached(journal), recorded(watch))
        asked = Counter(one.tool for one in watch.of(Intent)) - recorded(watch)
        assert asked["fixture.elicitation"], "its questions are acts too"
        assert asked["fixture.sampling"]
        watch.run("export", str(tmp_path / "export"))
        assert watch.run("verify", str(tmp_path / "export"))["status"] == "verified"
