"""`returns` of a tool: what can be believed in its results, and what in them is confidential."""

import re
from typing import Final

from standwatch.declare.rules import read_pattern
from standwatch.declare.schema import Fields, Reader, choice, listing, short, text
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Format, Returns
from standwatch.flow.path import BadPath, parse

_format: Reader[Format] = choice("json", "yaml", "csv", "text")
_by_itself: Format = ""
_GROUP: Final = re.compile(r"\(\?P<[A-Za-z_]\w*>")


def read_path(node: Node, problems: Problems) -> str | None:
    """A JSONPath of `flow.path`."""
    found = text("a path such as $[*].recipient", 1000)(node, problems)
    if found is None:
        return None
    try:
        parse(found)
    except BadPath as error:
        problems.add(node.mark, f"no path of ours: {short(found)}: {error}")
        return None
    return found


def read_returns(node: Node, problems: Problems) -> Returns:
    """The mapping `returns`."""
    fields = Fields(node, problems, "returns")
    found = Returns(
        trusted=fields.take("trusted", listing(read_path, "paths"), ()),
        names=fields.take("names", listing(read_path, "paths"), ()),
        secret=fields.take("secret", listing(read_path, "paths"), ()),
        format=fields.take("format", _format, _by_itself),
        pattern=fields.take("pattern", read_pattern, ""),
    )
    fields.close()
    if found.pattern and found.format != "text":
        problems.add(fields.place("pattern"), "pattern without format: text, expected both or neither")
    elif found.pattern and _GROUP.search(found.pattern) is None:
        problems.add(
            fields.place("pattern"),
            "a pattern without a named group, expected one such as (?P<iban>[A-Z0-9]+)",
        )
    return found
