"""Tables of the pages against what the code has: checks, words, grants, codes, bounds."""

from __future__ import annotations

from docs.pages import section, text_of
from standwatch.authority.grant import decision_permission, permits
from standwatch.enforce.checks import IN_ORDER, OBSERVABLE
from standwatch.facts.words import LEVELS, SENTENCES
from standwatch.fronts.http_message import Limits as HttpLimits
from standwatch.fronts.mcp.turn import DEFAULT_TIMEOUT
from standwatch.fronts.mcp.turn import Limits as McpLimits
from standwatch.fronts.mcp.wire import CODE, HANDSHAKE, NO_ANSWER
from standwatch.upstream.mcp_exchange import Bounds


def rows(page: str, title: str) -> list[list[str]]:
    """The cells of every table row under `title`, code marks taken off."""
    lines = [
        line
        for line in section(page, title).splitlines()
        if line.startswith("|") and not set(line) <= set("|- ")
    ]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def test_checks_and_what_observing_suspends() -> None:
    said = {row[0]: row[2].strip(" |") for row in rows("docs/concepts.md", "The passage") if len(row) == 3}
    said.pop("check")
    assert list(said) == [name for name, _ in IN_ORDER]
    assert {name for name, how in said.items() if how == "judged only"} == OBSERVABLE
    assert len(IN_ORDER) == 11, "concepts.md and the picture say eleven"


def test_an_agents_words() -> None:
    said = {
        row[0]: row[1].strip(" |") for row in rows("docs/concepts.md", "The passage") if row[0] in SENTENCES
    }
    assert said == {word: sentence for word, sentence in SENTENCES.items() if word != "done"}


def test_what_a_grant_permits() -> None:
    said = {row[0]: row[1:4] for row in rows("docs/concepts.md", "The grant") if row[0] in LEVELS}
    for level in LEVELS:
        found = [permits(level, effect) for effect in ("read", "write", "irreversible")]
        assert [cell.strip(" |") for cell in said[level]] == found
        decides = {row[0]: row[4] for row in rows("docs/concepts.md", "The grant") if row[0] in LEVELS}
        assert decides[level].split(":")[0].strip(" |") == decision_permission(level, 1)
        assert ("fallback" in decides[level]) == (decision_permission(level, 3) == "fallback")


def test_codes_of_the_proxy() -> None:
    said = {(row[0], row[1].strip(" |")) for row in rows("docs/mcp.md", "What an agent hears")[1:]}
    assert said == {(word, str(code)) for word, code in CODE.items()} | {("unavailable", str(NO_ANSWER))}


def test_bounds_of_the_proxy() -> None:
    page = section("docs/mcp.md", "Limits")
    http, mcp, bounds = HttpLimits(), McpLimits(), Bounds()
    for said in (
        f"{http.max_body_bytes >> 20} MiB; {http.max_head_bytes >> 10} KiB in at most {http.max_headers} headers",
        f"message | {bounds.message >> 20} MiB",
        f"{DEFAULT_TIMEOUT:.0f} s",
        f"{mcp.sessions}; {mcp.session_idle // 60} minutes",
        f"session | {mcp.calls}",
        f"{bounds.tools:,}; 5,000",
        f"listener | {http.max_connections:,}",
        f"{mcp.name}; {mcp.uri:,} characters",
        f"request | {http.read_timeout:.0f} s",
    ):
        assert said in page
    assert all(revision in text_of("docs/mcp.md") for revision in HANDSHAKE)
