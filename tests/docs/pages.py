"""The documentation as data: pages, headings, links, and fenced blocks with the comments that say how to treat them.

A comment on the line before a fence is a directive:

    <!-- not run: REASON -->        the block is shown only
    <!-- file: PATH -->             the block is written to PATH in the page's world before what follows runs
    <!-- part of: manifest -->      a fragment, laid over a small manifest (or `organisation`) and read by `declare`
    <!-- body of: TYPE -->          JSON that must read as a type of the fronts
    <!-- exit: N -->                the last command of the block ends with N
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = (
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/index.md",
    "docs/quickstart.md",
    "docs/concepts.md",
    "docs/manifest.md",
    "docs/console.md",
    "docs/door-postgres.md",
    "docs/decisions.md",
    "docs/hijacked-agents.md",
    "docs/hooks.md",
    "docs/hooks-claude-code.md",
    "docs/hooks-codex.md",
    "docs/hooks-cursor.md",
    "docs/hooks-gemini-cli.md",
    "docs/operate.md",
    "docs/mcp.md",
    "docs/verify.md",
    "docs/adapters-claude-agent.md",
    "docs/adapters-functions.md",
    "docs/adapters-langchain.md",
    "docs/adapters-openai-agents.md",
    "docs/adapters-pydantic-ai.md",
    "docs/api.md",
    "docs/limits.md",
)
RUN = ("sh", "console", "python")
"""Languages of blocks that are run."""
KNOWN = (*RUN, "yaml", "json", "text", "cedar", "")

_FENCE = re.compile(r"^(```+)(\w*)\s*$")
_DIRECTIVE = re.compile(r"^<!-- (not run|file|part of|body of|exit): (.+?) -->$")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands (1-based line of its fence), its language, text and directives."""

    page: str
    line: int
    language: str
    text: str
    directives: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def every_page() -> list[str]:
    """README and everything under docs/, whoever wrote it."""
    return [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
    ]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of `page`, in order. A fence that is never closed is an error."""
    found: list[Block] = []
    directives: dict[str, str] = {}
    open_at, fence, language, lines = 0, "", "", list[str]()
    for number, line in enumerate(text_of(page).splitlines(), 1):
        start = _FENCE.match(line)
        if open_at and start and start[1] == fence and not start[2]:
            found.append(Block(page, open_at, language, "\n".join(lines) + "\n", directives))
            open_at, directives, lines = 0, {}, []
        elif open_at:
            lines.append(line)
        elif start:
            open_at, fence, language = number, start[1], start[2]
        elif told := _DIRECTIVE.match(line):
            directives[told[1]] = told[2]
        elif line.strip():
            directives = {}
    assert not open_at, f"{page}:{open_at}: a fence that is never closed"
    return found


def headings(page: str) -> list[str]:
    """The text of every heading, without code marks."""
    return [found.replace("`", "") for found in re.findall(r"^#+ (.+?)\s*$", prose(page), re.MULTILINE)]


def anchors(page: str) -> set[str]:
    """Headings as links name them."""
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings(page)}


def links(page: str) -> list[str]:
    """Targets of links and images outside code."""
    plain = re.sub(r"`[^`\n]*`", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", plain) + re.findall(r'(?:src|href|srcset)="([^"]+)"', plain)


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```[^\n]*$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """What stands under the heading `title`, up to the next heading of its level or above."""
    found = re.search(
        rf"^(#+) {re.escape(title)}\s*$\n(.*?)(?=^#{{1,6}} |\Z)", text_of(page), re.MULTILINE | re.DOTALL
    )
    assert found, f"{page} has no heading {title!r}"
    return found[2]
