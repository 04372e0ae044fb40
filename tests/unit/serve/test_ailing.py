"""What `status` says of servers, models and canaries that cannot be had: why, and what helps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from standwatch.enforce.case import World
from standwatch.enforce.envelope import build
from standwatch.enforce.policy import Policies
from standwatch.facts.configuration import Component, Configuration
from standwatch.facts.content import Content
from standwatch.facts.llm import LlmFault
from standwatch.serve.ailing import last_words, unread
from standwatch.serve.contents import contents
from standwatch.serve.servers import Servers
from support import bank
from wire.bare_gateway import SYSTEM, configuration, everything

WRITER = Component(
    kind="llm",
    name="writer",
    provider="openai-compatible",
    url="http://127.0.0.1:9/v1",
    version="small",
    key_env="WRITER_KEY",
)


def told(folder: Path, found: Configuration, environment: dict[str, str], *, ask: bool = False) -> list[str]:
    async def work() -> list[str]:
        servers = Servers(folder, environment)
        await servers.take_up(found)
        await servers.settled()
        if ask:
            server = servers.llms.of(SYSTEM, "writer")
            assert server is not None
            with pytest.raises(LlmFault):
                await server.send("/chat/completions", b"{}", (), streaming=False)
        try:
            return [f"{system}: {said}" for system, said in servers.ailing()]
        finally:
            await servers.close()

    return asyncio.run(asyncio.wait_for(work(), 60))


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", r'printf "no such \033[2Jlicence\n" >&2; exit 3')
    (line,) = told(tmp_path, configuration([], (everything("files", command=command),)), {})
    assert line.startswith(f"{SYSTEM}: Server files is down, and its calls are not carried out: ")
    assert line.endswith("it last said: no such \\x1b[2Jlicence")


def test_a_model_without_its_key_is_told_before_anybody_asks_it(tmp_path: Path) -> None:
    found = configuration([], (WRITER,))
    (line,) = told(tmp_path, found, {})
    assert "Language model writer could not be asked" in line
    assert "'WRITER_KEY', which is not set" in line
    assert not told(tmp_path, found, {"WRITER_KEY": "given"}), "nobody has asked it: nothing is known"


def test_a_provider_that_is_down_is_told_once_it_was_asked(tmp_path: Path) -> None:
    (line,) = told(tmp_path, configuration([], (WRITER,)), {"WRITER_KEY": "given-key"}, ask=True)
    assert line.startswith(f"{SYSTEM}: Language model writer could not be asked: ")
    assert "given-key" not in line


def world(text: dict[str, str]) -> World:
    found = bank.configuration(msgspec.structs.replace(bank.MANIFEST, content=Content(canaries=text)))
    return World(found, build(found, contents(found)), Policies("", {}))


def test_a_canary_without_a_text_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LEDGER_CANARY", raising=False)
    kept = tmp_path / "canary"
    kept.write_text("ledger-7f3a-canary")
    ((_, said),) = unread(world({"ledger": "${LEDGER_CANARY}", "vault": str(kept)}))
    assert "canary ledger cannot be read from ${LEDGER_CANARY}" in said
    assert said.endswith("standwatch up")
    monkeypatch.setenv("LEDGER_CANARY", "another-9f-canary")
    assert not list(unread(world({"ledger": "${LEDGER_CANARY}", "vault": str(kept)})))


def test_the_line_that_tells_most_is_told() -> None:
    assert last_words("at x\nError: Cannot find module 'y'\n    at z\n\nNode.js v22.0.0\n") == (
        "Error: Cannot find module 'y'"
    )
    assert last_words("one\ntwo\n\n") == "two"
    assert last_words("") == ""
