"""An environment only restricts: whatever is declared and asked, nothing is let through that was not before, and a
pattern more never makes known what was unknown."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.enforce.environments.arguments import claims_of
from standwatch.enforce.environments.reach import compile_environments, reach
from standwatch.enforce.judge import judge
from standwatch.facts.configuration import Freeze, Tool
from standwatch.facts.environments import EFFECTS, KINDS, Environment, conjoined
from standwatch.facts.rules import ArgumentRule
from standwatch.facts.words import SEVERITY
from support import bank
from support.doubting import case_of_tool

WORDS = st.sampled_from(
    [
        *(
            "psql",
            "kubectl",
            "git",
            "push",
            "origin",
            "main",
            "-h",
            "--host",
            "db.prod.example.com",
            "localhost",
            "-n",
        ),
        *(
            "prod",
            "dev",
            "--context",
            "kind-dev",
            "terraform",
            "destroy",
            "workspace",
            "select",
            "aws",
            "--profile",
        ),
        *(
            "s3",
            "&&",
            ";",
            "|",
            "cd",
            "envs/prod",
            "ssh",
            "curl",
            "https://api.example.com/x",
            "PGHOST=db",
            "$H",
            "HEAD",
        ),
        *(
            "sudo",
            "bash",
            "-c",
            "'",
            '"',
            "rm",
            "-rf",
            "--all",
            "-A",
            "delete",
            "ns",
            "RAILS_ENV=prod",
            "rake",
            "`x`",
        ),
        *("$(y)", "postgres://db.prod.example.com/app"),
    ]
)
LINES = st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=40)
PATTERNS = st.lists(
    st.sampled_from(
        ["main", "*.prod.example.com", "prod", "*", "envs/prod", "db*", "https://api.example.com/*", "kind-*"]
    ),
    max_size=2,
    unique=True,
).map(tuple)
ENVIRONMENT = st.builds(
    Environment,
    effects=st.dictionaries(st.sampled_from(EFFECTS), st.sampled_from(["step_up", "deny"]), max_size=2),
    **dict.fromkeys(KINDS, PATTERNS),
)
ENVIRONMENTS = st.dictionaries(st.sampled_from(["prod", "live"]), ENVIRONMENT, max_size=2)
SHELL = Tool("box.sh", "write", {"command": ArgumentRule(reads_as="shell")}, otherwise="step_up")


@settings(max_examples=150)
@given(ENVIRONMENTS, ENVIRONMENTS, LINES)
def test_a_pattern_more_never_loosens(
    one: dict[str, Environment], other: dict[str, Environment], line: str
) -> None:
    def ranks(declared: dict[str, Environment]) -> dict[str, int]:
        found = reach(compile_environments(declared), SHELL, {"command": line}, hooked=True)
        return {
            name: 2 if name in found.environments else 1 if name in found.unknown else 0 for name in declared
        }

    before, after = ranks(one), ranks(conjoined(one, other))
    assert all(after[name] >= rank for name, rank in before.items())


@settings(max_examples=150)
@given(ENVIRONMENTS, LINES, st.sampled_from(EFFECTS), st.booleans())
def test_declaring_environments_never_lets_more_through(
    declared: dict[str, Environment], line: str, effect: str, freezing: bool
) -> None:
    tool = msgspec.structs.replace(SHELL, effect=effect)
    freeze = (Freeze(0, bank.NOW + 1, environments=tuple(declared)),) if declared and freezing else ()
    bare = judge(case_of_tool(tool, {"command": line}))
    with_them = judge(case_of_tool(tool, {"command": line}, environments=declared, freeze=freeze))
    assert SEVERITY[with_them.disposition] >= SEVERITY[bare.disposition]
    assert SEVERITY[with_them.verdict] >= SEVERITY[bare.verdict]


@settings(max_examples=150)
@given(
    st.recursive(
        st.text(max_size=30) | st.integers() | LINES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["command", "url", "host", "branch", "code", "dsn", "path", "namespace", "x"]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_no_argument_makes_it_fail(value: object) -> None:
    claims_of({"command": value, "x": value}, SHELL.arguments, hooked=True)
