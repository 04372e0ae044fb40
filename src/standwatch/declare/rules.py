"""The rules on one argument, and the sequences of a system: keys → `facts.rules`."""

from typing import Any, Final

import re2

from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    integer,
    listing,
    mapping,
    number,
    shaped,
    short,
    text,
    value,
)
from standwatch.declare.text import Mapping, Node, Problems, Scalar
from standwatch.facts.configuration import ANY
from standwatch.facts.rules import ArgumentRule, Number, Otherwise, ReadsAs, Secrets, Sequence, Source, Urls

PATTERN_MEMORY: Final = 1 << 20
"""Bytes that one compiled pattern may take."""

_re2: Any = re2
"""Its stub knows neither options nor errors."""

argument_name: Final = shaped(r"[^\x00-\x1f\x7f]{1,128}", "an argument's name")
otherwise: Final[Reader[Otherwise]] = choice("step_up", "deny")
_source: Reader[Source] = choice("task", "trusted", "untrusted", "model")
_listed: Reader[tuple[Source, ...]] = listing(_source, "provenances", least=1, single=True)
_urls: Reader[Urls] = choice("any", "read", "none")
_secrets: Reader[Secrets] = choice("any", "step_up", "deny")
_reads_as: Reader[ReadsAs] = choice("shell", "sql", "url", "path", "recipients", "message")
_hosts: Reader[tuple[str, ...]] = listing(
    shaped(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*", "a host's name such as api.example.com, or *.example.com"),
    "hosts",
    least=1,
    single=True,
)
_tools: Reader[tuple[str, ...]] = listing(
    shaped(r"[A-Za-z0-9*][A-Za-z0-9_.*/:-]{0,192}", "a tool, or a pattern of tools such as crm.*"),
    "tools",
    least=1,
    single=True,
)
_members: Reader[tuple[str, ...]] = listing(
    shaped(r"[^\x00-\x1f\x7f]{1,256}", "a name, or a pattern of names such as public.*"), "names", single=True
)
_no_urls: Urls = ""
_no_secrets: Secrets = ""
_text: ReadsAs = ""
_deny: Otherwise = "deny"


def read_rule(name: str, node: Node, problems: Problems) -> ArgumentRule | None:
    """What stands under one argument of a tool."""
    fields = Fields(node, problems, f"the argument {short(name)}")
    rule = ArgumentRule(
        sources=fields.take("from", _sources, ()),
        min=fields.take("min", _number, None),
        max=fields.take("max", _number, None),
        one_of=fields.take("one_of", _values, None),
        pattern=fields.take("pattern", read_pattern, None),
        max_length=fields.take("max_length", _count, None),
        required=fields.take("required", boolean, False),
        otherwise=fields.take("otherwise", _answer, None),
        carries=fields.take("carries", _carries, ()),
        urls=fields.take("urls", _urls, _no_urls),
        secrets=fields.take("secrets", _secrets, _no_secrets),
        reads_as=fields.take("reads_as", _reads_as, _text),
        sends_to=fields.take("sends_to", _hosts, ()),
        each_of=fields.take("each_of", _each, None),
    )
    fields.close()
    if rule.sends_to and rule.reads_as != "url":
        problems.add(fields.place("sends_to"), "sends_to without reads_as: url, expected both or neither")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        problems.add(
            fields.place("max"), f"max {rule.max} is below min {rule.min}, expected at least {rule.min}"
        )
    return rule


def read_sequence(node: Node, problems: Problems) -> Sequence | None:
    """One of `sequences`: after these tools none of those in the same run."""
    if not isinstance(node, Mapping):
        Fields(node, problems, "a sequence")
        return None
    fields = Fields(node, problems, "a sequence")
    found = Sequence(
        after=fields.need("after", _tools, ()),
        no=fields.need("no", _tools, ()),
        unless=fields.take("unless", mapping(argument_name, _unless, "arguments"), {}),
        otherwise=fields.take("otherwise", otherwise, _deny),
        name=fields.take("name", shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a short name"), ""),
    )
    fields.close()
    return found


def _sources(node: Node, problems: Problems) -> tuple[Source, ...] | None:
    if isinstance(node, Scalar) and node.text == "any":
        return ANY
    return _listed(node, problems)


def _carries(node: Node, problems: Problems) -> tuple[Source, ...] | None:
    fields = Fields(node, problems, "carries")
    found = fields.need("from", _sources, ())
    fields.close()
    return found


def _unless(_: str, node: Node, problems: Problems) -> str | None:
    return read_pattern(node, problems)


def _each(node: Node, problems: Problems) -> tuple[str, ...] | None:
    return _members(node, problems)


def _number(node: Node, problems: Problems) -> Number | None:
    return number(node, problems)


def _count(node: Node, problems: Problems) -> int | None:
    return integer()(node, problems)


def _answer(node: Node, problems: Problems) -> Otherwise | None:
    return otherwise(node, problems)


def _values(node: Node, problems: Problems) -> tuple[str | int | float | bool, ...] | None:
    return listing(value, "values", least=1)(node, problems)


def read_pattern(node: Node, problems: Problems) -> str | None:
    """A pattern in RE2 syntax that compiles within `PATTERN_MEMORY`."""
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
