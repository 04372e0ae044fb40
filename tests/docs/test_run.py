"""Every block that a reader would run is run, in order, a world for each page; what it prints is what the page says."""

from __future__ import annotations

import pytest

from docs.pages import OURS, RUN, Block, blocks, every_page, text_of
from docs.world import World, missing, session
from support.postgres import cluster
from support.talking_claude import Planned

IN_DEMO = (
    "docs/concepts.md",
    "docs/operate.md",
    "docs/mcp.md",
    "docs/verify.md",
    "docs/api.md",
    "docs/limits.md",
)
"""Pages whose commands look at the running example, from the checkout that `make demo` was called in."""
HOOKS = tuple(f"docs/hooks-{host}.md" for host in ("claude-code", "codex", "cursor", "gemini-cli"))
ALONE = (
    "docs/quickstart.md",
    "docs/manifest.md",
    "docs/llm.md",
    "docs/hijacked-agents.md",
    "docs/adapters-functions.md",
    *HOOKS,
)
"""Pages that begin with an empty folder."""
WITH_POSTGRES = ("docs/door-postgres.md",)
"""Pages that begin with an empty folder, and PostgreSQL at 127.0.0.1:8432."""
FRAMEWORKS = ("langchain", "claude-agent", "openai-agents", "pydantic-ai")
WITH_FRAMEWORKS = tuple(f"docs/adapters-{name}.md" for name in FRAMEWORKS)
"""Pages that begin with an empty folder, and with `agent/`, an environment in which the agent frameworks are."""
ELSEWHERE = ("docs/decisions.md",)
"""Pages whose one program is run by `unit/client/test_governing.py`, as it stands there, before a gateway."""
DEMO_COMMAND = "make demo"

NOT_RUN = 1
"""Blocks that are shown and not run. Each says why; one more is a decision that is made here."""


def runnable(page: str) -> list[Block]:
    return [one for one in blocks(page) if (one.language in RUN or "file" in one.directives)]


@pytest.mark.parametrize("page", IN_DEMO)
def test_a_page_about_the_running_demo(page: str, demo: tuple[World, str]) -> None:
    world, printed = demo
    play(page, world, printed)


@pytest.mark.parametrize("page", ALONE)
def test_a_page_from_nothing(page: str, empty: World) -> None:
    if "examples/" in text_of(page):
        empty.checkout()
    play(page, empty, "")


@pytest.mark.parametrize("page", WITH_FRAMEWORKS)
def test_a_page_about_a_framework(page: str, empty: World) -> None:
    """In place of a vendor's model there is a script on the loopback, which makes the call that the page is about."""
    empty.frameworks()
    model = Planned()
    pay = [{"name": "mcp__bank__pay", "input": {"to": "Nordlicht Papier", "amount": 182.4}}]
    model.plans[""] = [pay, pay]
    with model.claude.running():
        empty.run(f"export ANTHROPIC_BASE_URL={model.claude.url} ANTHROPIC_API_KEY=scripted")
        play(page, empty, "")


@pytest.mark.parametrize("page", WITH_POSTGRES)
def test_a_page_about_postgresql(page: str, empty: World) -> None:
    if not cluster().ask("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'postgres'"):
        cluster().do("postgres", "CREATE ROLE postgres SUPERUSER LOGIN")
    empty.ports["8432"] = str(cluster().port)
    play(page, empty, "")


def test_readme_shows_what_the_demo_prints(demo: tuple[World, str]) -> None:
    world, printed = demo
    play("README.md", world, printed)


def play(page: str, world: World, demo: str) -> None:
    for block in runnable(page):
        if "not run" in block.directives:
            continue
        if "file" in block.directives:
            world.write(block.directives["file"], block.text)
        elif block.language == "console":
            converse(block, world, demo)
        elif block.language == "python":
            world.write("block.py", block.text)
            expect(block, world, "python3 block.py")
        else:
            expect(block, world, block.text)


def converse(block: Block, world: World, demo: str) -> None:
    """Each command with what it prints. A line may leave out lines before it, and write … for what varies."""
    steps = session(block.text)
    for number, (command, expected) in enumerate(steps):
        explains = block.page == "README.md" and command.startswith("standwatch explain")
        if command == DEMO_COMMAND or explains:  # the demo ends with that explanation itself
            printed = demo
        else:
            last = number == len(steps) - 1
            printed = expect(block, world, command, block.directives.get("exit", "0") if last else "0")
        absent = missing(expected, printed, world.bound)
        assert not absent, f"{block}: `{command}` did not print\n  {absent}\nin\n{printed}"


def expect(block: Block, world: World, script: str, ends: str = "") -> str:
    code, printed = world.run(script)
    wanted = int(ends or block.directives.get("exit", "0"))
    assert code == wanted, f"{block}: `{script.strip()}` ended with {code}, not {wanted}\n{printed}"
    return printed


def test_every_page_of_ours_has_a_place_to_run_in() -> None:
    housed = (*IN_DEMO, *ALONE, *WITH_FRAMEWORKS, *ELSEWHERE, *WITH_POSTGRES, "README.md")
    assert not [page for page in OURS if runnable(page) and page not in housed]
    assert all([one.language for one in runnable(page)] == ["python"] for page in ELSEWHERE)


def test_pages_of_others_have_nothing_to_run_but_make() -> None:
    """A page that is not played here may show commands of the Makefile, and no others."""
    played = {*OURS, *IN_DEMO, *ALONE, *WITH_FRAMEWORKS, *ELSEWHERE, *WITH_POSTGRES}
    others = [
        one for page in every_page() if page not in played for one in blocks(page) if one.language in RUN
    ]
    lines = [line.removeprefix("$ ") for one in others for line in one.text.splitlines() if line.strip()]
    assert [line for line in lines if not line.startswith(("make ", "#"))] == []


def test_what_is_not_run_is_counted_and_says_why() -> None:
    shown = {
        str(one): one.directives["not run"]
        for page in OURS
        for one in blocks(page)
        if "not run" in one.directives
    }
    print(*(f"{place}: {why}" for place, why in shown.items()), sep="\n")
    assert len(shown) == NOT_RUN, shown
    assert all(len(why.split()) > 3 for why in shown.values())


def test_the_harness_notices_what_is_not_printed() -> None:
    bound: dict[str, str] = {}
    assert missing(["hold 3 on …"], "hold 17 on all\n", bound) == ""
    assert bound == {"hold 3": "hold 17"}
    assert missing(["hold 3 off all"], "hold 17 on all\n", {}) == "hold 3 off all"
    assert missing(["b", "a"], "a\nb\n", {}) == "a"
