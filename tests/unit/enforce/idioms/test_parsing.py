"""Command lines taken apart: words, feeds, here-documents, what cannot be read, and how much of it is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from standwatch.enforce.idioms.parsing import MOST, parse


def words(text: str) -> list[list[str]]:
    line = parse(text)
    assert not line.unread, line.unread
    return [[one.text for one in command.words] for command in line.commands]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("git log --oneline", [["git", "log", "--oneline"]]),
        ("r''m -r\\f \"$HOME/x y\" 'a b'", [["rm", "-rf", "~/x y", "a b"]]),
        ("$'\\x72\\155' $'a\\tb'", [["rm", "a\tb"]]),
        ("X=/etc; cat $X/shadow ${X}", [[], ["cat", "/etc/shadow", "/etc"]]),
        ("cat$IFS/etc/passwd${IFS}x", [["cat", "/etc/passwd", "x"]]),
        ("echo {a,b}c '{d,e}'", [["echo", "ac", "bc", "{d,e}"]]),
        ("export A=1 B", [["export", "A=1", "B"]]),
        ("cat < a > b c", [["cat", "c"]]),
        ("for f in a; do rm $f; done", [["rm", "a"]]),
        ("[ -f x ] && ls \\\n -l", [["ls", "-l"]]),
        ("ls # rm -rf ~", [["ls"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"]]),
        ("f() { rm x; }; f", [["rm", "x"], ["f"]]),
        ('echo "a  $(id)  b"', [["id"], ["echo", "a  $(id)  b"]]),
        ("echo `rm x`", [["rm", "x"], ["echo", "`rm x`"]]),
        ("a=$(rm x)", [["rm", "x"], []]),
        ("diff <(sort a) <(sort b)", [["sort", "a"], ["sort", "b"], ["diff", "<(sort a)", "<(sort b)"]]),
        ("echo ${x:-$(rm y)}", [["rm", "y"], ["echo", "${x:-$(rm y)}"]]),
    ],
)
def test_words(text: str, wanted: list[list[str]]) -> None:
    assert words(text) == wanted


def test_what_feeds_what() -> None:
    commands = parse("a | { b; c; } | d; e").commands
    assert [one.fed for one in commands] == [-1, 0, 0, 2, -1]


@pytest.mark.parametrize("end", [" | sh", " > x && sh y", ""])
def test_a_here_document_is_its_commands_input_and_what_stands_behind_it_runs(end: str) -> None:
    line = parse(f"cat <<EOF{end}\nls $(id)\nEOF\n")
    assert not line.unread
    named = [one.words[0].text for one in line.commands]
    assert named[0] == "id"
    assert named[1] == "cat"
    assert ("sh" in named) == ("sh" in end)
    assert next(one for one in line.commands[1].redirects if one.op == "<<").target.text == "ls $(id)\n"


def test_a_quoted_here_document_runs_nothing() -> None:
    assert words("cat <<'EOF'\n$(id)\nEOF\n") == [["cat"]]


@pytest.mark.parametrize(
    "text", ["echo 'open", "$(", "a ${", "if a; then", "a\0b", "<Ctrl q>", "cat <<EOF <<EOF"]
)
def test_what_cannot_be_read_says_so(text: str) -> None:
    assert parse(text).unread


@pytest.mark.parametrize(
    "text",
    ["x" * (MOST + 1), "a" * (5 << 20), "a|" * 40_000 + "a", "a;" * 30_000, "<<" * 2_000, "$(" * 20_000, "(" * 60_000,
     "cat <<EOF\n" + "x\n" * (1 << 20) + "EOF\n", '"$(' * 10_000, "${" * 20_000, "{a,b}" * 5_000, "`" * 60_001],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_more_than_is_read_is_not_understood(text: str) -> None:
    assert parse(text).unread or len(parse(text).commands) <= 1


FUZZ = r"""
import random, sys
from standwatch.enforce.idioms.reading import read
random = random.Random(int(sys.argv[1]))
pieces = ["$(", ")", "`", "'", '"', "<<A\n", "A\n", "\n", ";", "|", "&", "&&", "{", "}", "(", "((", "[[", "]]"]
pieces += ["<(", ">", "<<<", "$'", "${", "$", "\\", "#", "=", "a", "rm", " -rf ", "/", "~", "*", "if ", "then "]
pieces += ["fi", "case x in ", "esac", "for i in ", "do ", "done", "function f "]
pieces += ["é", "\u4e2d", "\ud7ff", "\U0001f600", "\r", "\t", "\x01"]
pieces += ["\x7f", "!", "^", "%", "sh -c '", "python -c \"", "find . -exec ", "sudo ", "xargs ", "docker exec x "]
pieces += ["eval ", "1", "-", ",", ".."]
for _ in range(int(sys.argv[2])):
    text = "".join(random.choices(pieces, k=random.randint(1, 60)))
    found = read(text)
    assert found.understood or found.doubts, text
"""


def test_nothing_that_is_thrown_at_it_ends_the_process() -> None:
    seed = "20261122"
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, seed, "3000"], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"


THREADS = r"""
import threading
from standwatch.enforce.idioms.parsing import parse
text = "cd a && { b | c; } > d; f $(g `h`) <<EOF\n$(i)\nEOF\n"
wanted, found = parse(text), []
def work():
    for _ in range(300):
        if parse(text) != wanted:
            found.append(1)
threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
assert not found
"""


def test_threads_may_read_at_the_same_time() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
