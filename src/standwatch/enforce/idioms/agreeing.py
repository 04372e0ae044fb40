"""Where the grammar's tree of a command line and bash itself would part ways: what one takes for text the other runs.

The grammar is another program than bash, and some texts are read one way by the one and another way by the other. Of
each such way that is known the tree and the bytes show it; such a line is not understood, so a person sees it whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node

_NODES: Final = 20_000
_BLANK: Final = re.compile(rb"(?:[^\n\\]|\\.)*", re.DOTALL)
"""Between two pieces of one line: the grammar drops a lone `-`, and bash joins lines at a backslash."""
_NAME: Final = re.compile(rb"([\w.+-]+)|'([\w. +-]+)'|\"([\w. +-]+)\"|\\([\w.+-]+)")
_RUNS: Final = re.compile(rb"(?<!\\)(?:\\\\)*\$\(")
_TICKS: Final = re.compile(rb"(?<!\\)(?:\\\\)*`")
_ONE_LINE: Final = frozenset(
    {"command", "declaration_command", "unset_command", "variable_assignments", "file_redirect", "heredoc_redirect",
     "herestring_redirect", "redirected_statement", "test_operator", "concatenation"}
)  # fmt: skip
"""What ends with its line in bash, whatever the grammar puts together."""


def parted(root: Node, data: bytes) -> str:
    """Why `data` may mean something else to bash than the tree says; "" for nothing that is known."""
    waiting, seen = [root], 0
    while waiting and seen < _NODES:
        node, seen = waiting.pop(), seen + 1
        if node.type == "heredoc_redirect" and not _document(node, data):
            return "a here-document that may end elsewhere"
        if node.type == "comment" and not _apart(data, node.start_byte):
            return "a comment that may be none"
        if node.type in _ONE_LINE and not _on_one_line(node, data):
            return "a line that may end earlier"
        waiting += node.children
    return ""


def _apart(data: bytes, at: int) -> bool:
    """Whether a comment may begin at `at`: behind a blank or an operator, and none that is quoted."""
    if not at:
        return True
    before = data[max(at - 64, 0) : at - 1]
    return data[at - 1] in b" \t\n;&|()<>`" and (len(before) - len(before.rstrip(b"\\"))) % 2 == 0


def _on_one_line(node: Node, data: bytes) -> bool:
    at, before = node.start_byte, ""
    for one in node.children:
        if before == "variable_assignment" and one.start_byte == at:
            return False  # `a=(x)y`: where the value ends is not agreed upon
        before = one.type
        if one.type in ("heredoc_body", "heredoc_end"):
            at = one.end_byte
            continue
        between = data[at : one.start_byte]
        if _BLANK.fullmatch(between) is None or (between and not between.replace(b"\\\n", b"")):
            return False  # it ends before, or is one word with what follows
        at = one.end_byte
    return True


def _document(node: Node, data: bytes) -> bool:
    """Whether the here-document ends where bash would end it, and hides nothing that bash would run."""
    parts = {one.type: one for one in node.children}
    start, end, body = (parts.get(f"heredoc_{name}") for name in ("start", "end", "body"))
    if start is None or end is None:
        return False
    name = _NAME.fullmatch(data, start.start_byte, start.end_byte)
    first = data.find(b"\n", start.end_byte) + 1
    if name is None or not first:
        return False
    tabs, bare = "<<-" in parts, name[1] is not None
    if _end(data, first, name[name.lastindex or 1], tabs=tabs, bare=bare) != end.start_byte:
        return False
    if not bare or body is None:
        return True
    text = data[first : end.start_byte]
    return _TICKS.search(text) is None and len(_RUNS.findall(text)) <= _substitutions(body)


def _end(data: bytes, at: int, name: bytes, *, tabs: bool, bare: bool) -> int:
    """Where the line that ends the document stands, as bash looks for it (its manual, 3.6.6); -1 for nowhere."""
    joined = False
    while at < len(data):
        stop = data.find(b"\n", at)
        line = data[at : stop if stop >= 0 else len(data)]
        left = len(line) - len(line.lstrip(b"\t")) if tabs else 0
        if not joined and line[left:] == name:
            return at + left
        joined = bare and (len(line) - len(line.rstrip(b"\\"))) % 2 == 1
        if stop < 0:
            return -1
        at = stop + 1
    return -1


def _substitutions(body: Node) -> int:
    waiting, found, seen = [body], 0, 0
    while waiting and seen < _NODES:
        node, seen = waiting.pop(), seen + 1
        found += node.type in ("command_substitution", "arithmetic_expansion")
        waiting += node.children
    return found
