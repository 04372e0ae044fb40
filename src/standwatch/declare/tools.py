"""One declared tool and the rules on its arguments."""

from collections.abc import Callable
from typing import Final

from standwatch.declare.approvals import read_tool_approvals
from standwatch.declare.organisation import effect
from standwatch.declare.people import Directory
from standwatch.declare.returns import read_returns
from standwatch.declare.rules import argument_name, otherwise, read_rule
from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    duration,
    integer,
    listing,
    mapping,
    shaped,
    short,
    text,
)
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Approvals, Returns, Tool
from standwatch.facts.rules import After, Unruled

TOOL: Final = shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.[A-Za-z0-9_./:-]{1,128}", "server.tool")
"""A server's component name, a dot, and the tool's name at that server (which may have dots of its own)."""

_after: Reader[After] = choice("step_up", "deny")
_unruled: Reader[Unruled] = choice("any", "ask", "deny")
_never: After = ""
_asks: Unruled = "ask"
_as_its_system: Approvals | None = None


def read_tool(whom: Directory) -> Callable[[str, Node, Problems], Tool | None]:
    """A reader of one declared tool, by its name; `whom` are those who may be named to answer for it."""

    def read(name: str, node: Node, problems: Problems) -> Tool | None:
        return _tool(name, node, problems, read_tool_approvals(whom))

    return read


def _tool(name: str, node: Node, problems: Problems, approvals: Reader[Approvals]) -> Tool:
    fields = Fields(node, problems, f"the tool {short(name)}")
    returns = fields.take("returns", read_returns, Returns())
    tool = Tool(
        name=name,
        effect=fields.need("effect", effect, "irreversible"),
        arguments=fields.take("arguments", mapping(argument_name, read_rule, "arguments"), {}),
        only_declared=fields.take("only_declared", boolean, False),
        intent=fields.take(
            "intent", listing(text("a word or a phrase", 100), "words", least=1, single=True), ()
        ),
        per_run=fields.take("per_run", _count, None),
        per_task=fields.take("per_task", _count, None),
        after_untrusted=fields.take("after_untrusted", _after, _never),
        unruled=fields.take("unruled", _unruled, _asks),
        otherwise=fields.take("otherwise", otherwise, "deny"),
        trusted=returns.trusted,
        names=returns.names,
        secret=returns.secret,
        returns_format=returns.format,
        returns_pattern=returns.pattern,
        timeout=fields.take("timeout", _seconds, None),
        approvals=fields.take("approvals", approvals, _as_its_system),
        effect_by=fields.take("effect_by", argument_name, ""),
    )
    fields.close()
    rule = tool.arguments.get(tool.effect_by)
    if tool.effect_by and (rule is None or rule.reads_as not in ("shell", "sql")):
        expected = f"{tool.effect_by}: {{reads_as: shell}} or {{reads_as: sql}} under arguments"
        problems.add(
            fields.place("effect_by"), f"effect_by is no command line or statement, expected {expected}"
        )
    return tool


def _count(node: Node, problems: Problems) -> int | None:
    return integer()(node, problems)


def _seconds(node: Node, problems: Problems) -> int | None:
    return duration(node, problems)
