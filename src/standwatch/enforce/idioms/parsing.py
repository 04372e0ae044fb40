"""A command line taken apart by tree-sitter's grammar of bash: simple commands, their words, redirections, feeds.

tree-sitter recovers from what it cannot read, so that a tree always comes; one with an error or a missing piece in it
is a line that is not understood. What it is given is bounded: its characters, its work and the depth of its nodes.
The parser is imported when the first line is read.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from standwatch.enforce.idioms.agreeing import parted
from standwatch.enforce.idioms.line import Line
from standwatch.enforce.idioms.walking import TooMuchError, Walk

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser

MOST: Final = 65_536
"""Bytes of a command line that are read."""
_WORK: Final = 2_000
"""Rounds of a hundred steps that the parser may take: the same lines are given up on every machine."""
_DOCUMENTS: Final = 200
"""`<<` in one line: the grammar's time grows with the square of those that are open."""


def parse(text: str) -> Line:
    """`text` taken apart; what can be told of a text that is not understood is told all the same."""
    if "\0" in text:
        return Line(unread="it holds a NUL")
    data = text.encode("utf-8", "replace")
    if len(data) > MOST:
        return Line(unread=f"longer than the {MOST} bytes that are read")
    if text.count("<<") > _DOCUMENTS:
        return Line(unread="more here-documents than are read")
    root = tree(data)
    if root is None:
        return Line(unread="more than is read in one go")
    walk = Walk(data)
    try:
        walk.statement(root, -1, 0)
    except TooMuchError:
        return Line(tuple(walk.commands), frozenset(walk.functions), "deeper or longer than is read")
    unread = "it cannot be read as a command line" if root.has_error else parted(root, data)
    return Line(tuple(walk.commands), frozenset(walk.functions), unread)


@cache
def _language() -> Language:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Language(tree_sitter_bash.language())


def _parser() -> Parser:
    """A parser of its own for each line: threads that read at the same time would share its state (it costs 6 µs)."""
    import tree_sitter

    return tree_sitter.Parser(_language())


_PLAIN: Final = bytes(range(128)).translate(bytes.maketrans(b"\r\v\f", b"xxx")) + b"x" * 128


def tree(data: bytes) -> Node | None:
    """The grammar's own tree of `data`; None where its bound of work is reached."""
    parser, rounds = _parser(), 0
    # The grammar's scanner asks the C library about the class of a character, whatever its number: one beyond ASCII
    # reads outside its table and kills the process. bash knows no blank and no operator there, so a letter stands in;
    # as for `\r`, `\v` and `\f`, which are blanks to the grammar and parts of words to bash.
    plain = data.translate(_PLAIN)

    def more(*_: Any) -> bool:
        nonlocal rounds
        rounds += 1
        return rounds > _WORK

    try:
        return parser.parse(lambda offset, _: plain[offset : offset + MOST], progress_callback=more).root_node
    except ValueError:  # it was told to stop
        return None
