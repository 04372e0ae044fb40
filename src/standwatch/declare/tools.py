"""One declared tool and the rules on its arguments."""

from collections.abc import Callable
from typing import Any, Final

import re2

from standwatch.declare.approvals import read_tool_approvals
from standwatch.declare.organisation import effect
from standwatch.declare.people import Directory
from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    duration,
    integer,
    listing,
    mapping,
    number,
    shaped,
    short,
    text,
    value,
)
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Approvals, ArgumentRule, Number, Otherwise, Source, Tool

TOOL: Final = shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.[A-Za-z0-9_./:-]{1,128}", "server.tool")
"""A server's component name, a dot, and the tool's name at that server (which may have dots of its own)."""

PATTERN_MEMORY: Final = 1 << 20
"""Bytes that one compiled pattern may take."""

_re2: Any = re2
"""Its stub knows neither options nor errors."""

_argument_name = shaped(r"[^\x00-\x1f\x7f]{1,128}", "an argument's name")
_path = shaped(
    r"\$(\.[A-Za-z_][A-Za-z0-9_-]*|\.\*|\[\*\]|\[[0-9]{1,6}\]){0,24}",
    "a path of names and [*] such as $[*].recipient",
)
_source: Reader[Source] = choice("task", "trusted", "untrusted", "model")
_sources: Reader[tuple[Source, ...]] = listing(_source, "provenances", least=1, single=True)
_otherwise: Reader[Otherwise] = choice("step_up", "deny")
_as_its_system: Approvals | None = None


def read_tool(whom: Directory) -> Callable[[str, Node, Problems], Tool | None]:
    """A reader of one declared tool, by its name; `whom` are those who may be named to answer for it."""

    def read(name: str, node: Node, problems: Problems) -> Tool | None:
        return _tool(name, node, problems, read_tool_approvals(whom))

    return read


def _tool(name: str, node: Node, problems: Problems, approvals: Reader[Approvals]) -> Tool:
    fields = Fields(node, problems, f"the tool {short(name)}")
    tool = Tool(
        name=name,
        effect=fields.need("effect", effect, "irreversible"),
        arguments=fields.take("arguments", mapping(_argument_name, _rule, "arguments"), {}),
        only_declared=fields.take("only_declared", boolean, False),
        intent=fields.take("intent", listing(text("a word", 100), "words", least=1), ()),
        per_run=fields.take("per_run", _count, None),
        otherwise=fields.take("otherwise", _otherwise, "deny"),
        trusted=fields.take("returns", _returns, ()),
        timeout=fields.take("timeout", _seconds, None),
        approvals=fields.take("approvals", approvals, _as_its_system),
    )
    fields.close()
    return tool


def _count(node: Node, problems: Problems) -> int | None:
    return integer()(node, problems)


def _seconds(node: Node, problems: Problems) -> int | None:
    return duration(node, problems)


def _number(node: Node, problems: Problems) -> Number | None:
    return number(node, problems)


def _returns(node: Node, problems: Problems) -> tuple[str, ...]:
    fields = Fields(node, problems, "returns")
    paths = fields.take("trusted", listing(_path, "paths"), ())
    fields.close()
    return paths


def _rule(name: str, node: Node, problems: Problems) -> ArgumentRule | None:
    fields = Fields(node, problems, f"the argument {short(name)}")
    rule = ArgumentRule(
        sources=fields.take("from", _sources, ()),
        min=fields.take("min", _number, None),
        max=fields.take("max", _number, None),
        one_of=fields.take("one_of", _values, None),
        pattern=fields.take("pattern", _pattern, None),
        max_length=fields.take("max_length", _count, None),
        required=fields.take("required", boolean, False),
        otherwise=fields.take("otherwise", _answer, None),
    )
    fields.close()
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        problems.add(
            fields.place("max"), f"max {rule.max} is below min {rule.min}, expected at least {rule.min}"
        )
    return rule


def _answer(node: Node, problems: Problems) -> Otherwise | None:
    return _otherwise(node, problems)


def _values(node: Node, problems: Problems) -> tuple[str | int | float | bool, ...] | None:
    return listing(value, "values", least=1)(node, problems)


def _pattern(node: Node, problems: Problems) -> str | None:
    found = text("an RE2 pattern", 2000)(node, problems)
    if found is None:
        return None
    options: Any = _re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY
    try:
        _re2.compile(found, options)
    except _re2.error as error:
        reason = error.args[0] if error.args else ""
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        problems.add(node.mark, f"not an RE2 pattern ({said[:120]}), expected RE2 syntax")
        return None
    return found
