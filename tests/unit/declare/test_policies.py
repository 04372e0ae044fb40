"""Cedar files: forbids only, bounded before the parser, every policy with its place."""

import pytest

from standwatch.declare.policies import MAX_DEPTH, MAX_TOKENS, read_policy, statements
from standwatch.declare.text import Mark, Problems

FORBID = "forbid (principal, action, resource)"


def told(text: str) -> list[str]:
    problems = Problems()
    read_policy("policies/p.cedar", text.encode(), problems)
    return [line.removeprefix("policies/p.cedar:") for line in problems.wrong]


def test_each_policy_has_its_place_whatever_strings_and_comments_hold() -> None:
    text = f'// ; }}\n{FORBID} when {{ principal == Agent::"a;\\"b//" }};  // ;\n\n  {FORBID};'
    problems = Problems()
    found = statements("f", text, problems)
    assert [one.mark for one in found] == [Mark("f", 2, 1), Mark("f", 4, 3)]
    assert not problems.wrong


def test_the_name_is_the_files() -> None:
    policy = read_policy("policies/p.cedar", FORBID.encode() + b";", Problems())
    assert policy is not None
    assert policy.name == "p"


@pytest.mark.parametrize("text", ["(" * 200_000, "//\r" + "(" * 200_000, f"{FORBID} when {{ {'[' * 5000}"])
def test_nesting_that_would_end_the_process_is_refused(text: str) -> None:
    assert "expected a simpler policy" in told(text)[0]


@pytest.mark.parametrize("link", ["true && ", "1 == 1 || ", "if true then true else "])
def test_long_chains_are_refused(link: str) -> None:
    assert "tokens in one policy" in told(f"{FORBID} when {{ {link * MAX_TOKENS} true }};")[0]


def test_what_is_within_the_bounds_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert told(f"{FORBID} when {{ {'(' * depth}true{')' * depth} }};") == []
    assert told(f"{FORBID} when {{ {'true && ' * 120}true }};") == []


def test_every_bad_policy_of_a_file_is_told() -> None:
    lines = [
        f"{FORBID};".replace("forbid", "permit"),
        f'@otherwise("later") {FORBID};',
        f'@why("x") {FORBID};',
    ]
    text = "\n".join([*lines, "forbid;", FORBID])
    assert [line.partition(":")[0] for line in told(text)] == ["1", "2", "3", "4", "5"]


def test_not_text_is_told() -> None:
    problems = Problems()
    assert read_policy("p.cedar", b"\xff", problems) is None
    assert problems.wrong == ("p.cedar:1:1: not UTF-8, expected UTF-8 text",)
