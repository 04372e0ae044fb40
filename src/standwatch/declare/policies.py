"""`policies/*.cedar` → policies: forbids only, each bounded before the Cedar parser sees it.

Cedar's own parser recurses without a bound (deep nesting ends the process), so a lexer of ours measures depth
and length first; it also gives every policy its place.
"""

import re
from functools import lru_cache
from typing import Any, Final

import cedarpy
import msgspec

from standwatch.declare.schema import nearest, short
from standwatch.declare.text import Mark, Problems, read_text
from standwatch.facts.configuration import Policy

MAX_DEPTH: Final = 24
"""Brackets inside each other."""
MAX_TOKENS: Final = 400
"""Tokens of one policy: chains of operators nest as brackets do."""
ANNOTATIONS: Final = ("id", "otherwise", "reason")

_TOKEN = re.compile(
    r'(?P<space>\s+|//[^\n\r]*)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>;)'
    r"|(?P<word>[A-Za-z_0-9]+)|(?P<other>.)",
    re.DOTALL,
)


class Statement(msgspec.Struct, frozen=True):
    """One policy of a file: its place, its text, and what Cedar made of it (its JSON form)."""

    mark: Mark
    text: str
    form: dict[str, Any]


def read_policy(file: str, data: bytes, problems: Problems) -> Policy | None:
    """The policies in `data`, or None with every problem told. `name` is the file's, without folder and ending."""
    text = read_text(file, data, problems)
    if text is None:
        return None
    before = len(problems.wrong)
    for statement in statements(file, text, problems):
        _forbids_only(statement, problems)
    if len(problems.wrong) > before:
        return None
    return Policy(file.rpartition("/")[2].removesuffix(".cedar"), text)


def statements(file: str, text: str, problems: Problems) -> tuple[Statement, ...]:
    """Every policy of `text` that Cedar can read; what it cannot is a problem."""
    found: list[Statement] = []
    for mark, piece in _pieces(file, text, problems):
        try:
            forms: dict[str, Any] = msgspec.json.decode(cedarpy.policies_to_json_str(piece))
        except (ValueError, RecursionError) as error:
            problems.add(mark, f"not Cedar: {' '.join(str(error).split())[:200]}, expected a forbid policy")
            continue
        parsed: list[dict[str, Any]] = [*forms["staticPolicies"].values(), *forms["templates"].values()]
        if len(parsed) != 1:
            problems.add(
                mark, f"{len(parsed)} policies where one was read, expected policies that end with ;"
            )
            continue
        found.append(Statement(mark, piece, parsed[0]))
    return tuple(found)


@lru_cache(maxsize=1024)
def accepted(text: str) -> tuple[Statement, ...]:
    """The policies of a file that was read without a problem, kept: every slice asks for them again.

    Raises `ValueError` where the text holds anything that cannot be read.
    """
    problems = Problems()
    found = statements("", text, problems)
    if problems.wrong:
        raise ValueError(problems.wrong[0])
    return found


def _pieces(file: str, text: str, problems: Problems) -> list[tuple[Mark, str]]:
    """Text cut at every `;` outside brackets, strings and comments; nothing over the bounds is let through."""
    pieces: list[tuple[Mark, str]] = []
    start, depth, count = -1, 0, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "space":
            continue
        start = token.start() if start < 0 else start
        count += 1
        depth += (kind == "open") - (kind == "close")
        if depth > MAX_DEPTH or count > MAX_TOKENS:
            bound = (
                f"brackets deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_TOKENS} tokens"
            )
            problems.add(
                place(file, text, token.start()), f"{bound} in one policy, expected a simpler policy"
            )
            return pieces
        if kind == "end":
            pieces.append((place(file, text, start), text[start : token.end()]))
            start, depth, count = -1, 0, 0
    if start >= 0:
        pieces.append((place(file, text, start), text[start:]))
    return pieces


def place(file: str, text: str, offset: int) -> Mark:
    """Line and column of `offset` in `text`."""
    return Mark(file, text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _forbids_only(statement: Statement, problems: Problems) -> None:
    form, mark = statement.form, statement.mark
    if form["effect"] != "forbid":
        problems.add(mark, "a permit, expected forbid: what may be called at all is decided by manifests")
    if "slot" in form["principal"] or "slot" in form["resource"]:
        problems.add(mark, "a template, expected a policy without ?principal and ?resource")
    annotations: dict[str, str | None] = form.get("annotations", {})
    for name, said in annotations.items():
        if name not in ANNOTATIONS:
            problems.add(mark, f"unknown annotation @{name}, expected {nearest(name, list(ANNOTATIONS))}")
        elif name == "otherwise" and said not in ("step_up", "deny"):
            problems.add(
                mark, f'@otherwise({short(said or "")}), expected @otherwise("step_up") or @otherwise("deny")'
            )
