"""`sandbox:` of a server, as written and as it comes out."""

from __future__ import annotations

import pytest

from standwatch.declare.components import read_component
from standwatch.declare.text import Problems, read_yaml
from standwatch.facts.sandbox import LAYERS, Sandbox, confinement


def said(text: str, rest: str = "command: [x]") -> tuple[object, str]:
    problems = Problems()
    node = read_yaml("s.yaml", f"kind: mcp_server\nname: s\n{rest}\nsandbox: {text}\n".encode(), problems)
    assert node is not None
    found = read_component(node, problems)
    told = "; ".join(problems.wrong)
    return (found.sandbox if found is not None else None), told


def test_nothing_said_is_everything_confined_outside_development() -> None:
    assert confinement("", development=False) == Sandbox()
    assert confinement("", development=True) is None
    assert confinement("none", development=False) is None
    assert confinement(Sandbox(reads=("a",)), development=True) == Sandbox(reads=("a",))
    assert Sandbox().layers == LAYERS


def test_it_is_read_whole() -> None:
    found, told = said(
        "{reads: [data], writes: [work], hosts: ['api.example:443'], layers: [seccomp, namespaces]}"
    )
    assert told == ""
    expected = Sandbox(("data",), ("work",), ("api.example:443",), ("namespaces", "seccomp"))
    assert found == expected
    assert said("none") == ("none", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("off", "'off', expected one of none"),
        ("{read: [x]}", "unknown"),
        ("{hosts: [api.example]}", "host:port"),
        ("{hosts: ['api.example:0']}", "host:port"),
        ("{hosts: ['api.example:70000']}", "beyond 65535"),
        ("{hosts: ['10.0.0.1:80']}", "a bare address"),
        ("{hosts: ['api.example:443'], layers: [landlock, seccomp]}", "hosts without namespaces"),
        ("{layers: []}", "an empty list"),
        ("{layers: [gvisor]}", "'gvisor'"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_stands(text: str, expected: str) -> None:
    assert expected in said(text)[1]


def test_only_a_server_that_we_start_has_one() -> None:
    assert "sandbox" in said("none", "url: http://127.0.0.1:1/mcp")[1]
