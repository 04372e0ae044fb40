"""The grammar of scopes: what can be stopped has one spelling, and what looks like another does not parse."""

from __future__ import annotations

import pytest

from standwatch.facts.errors import Malformed
from standwatch.respond.scope import KINDS, Scope, parse


def test_every_kind_parses_and_is_written_back() -> None:
    for kind in KINDS:
        name = {"version": "claude@5", "tool": "bank.send"}.get(kind, "name")
        assert parse(f"{kind}:{name}") == Scope(kind, name)
        assert str(parse(f"{kind}:{name}")) == f"{kind}:{name}"
    assert str(parse("all")) == "all"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "system",
        "system:",
        "All",
        "all:x",
        "SYSTEM:x",
        "system: x",
        "system:a b",
        "system:a\nb",
        "system:a\x00",
        "system:pay\u200b",
        "system:\u202eyap",
        "system:" + "x" * 301,
        "tool:send",
        "version:claude",
        "version:@5",
        "version:a@b@c",
        "person:maria",
        "*",
    ],
)
def test_what_names_nothing_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(text)
    assert refused.value.code == "bad_scope"
    assert "expected" in str(refused.value)
