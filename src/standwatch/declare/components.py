"""One line of the AIBOM."""

from typing import Final, Literal

from standwatch.declare.credentials import read_credential
from standwatch.declare.llms import (
    check_served_llm,
    hosted,
    key_file,
    located,
    model_names,
    patience,
    provider,
)
from standwatch.declare.organisation import WORD
from standwatch.declare.sandbox import Said, read_sandbox
from standwatch.declare.schema import Fields, Reader, choice, listing, mapping, shaped, text, words
from standwatch.declare.spending import check_llm, read_price, read_window, stand_ins
from standwatch.declare.text import Mapping, Node, Problems
from standwatch.facts.configuration import Component
from standwatch.facts.spending import Window

KINDS: Final = ("llm", "model", "mcp_server", "dataset", "prompt", "service")
ONLY_SERVERS: Final = (
    "command",
    "env",
    "cwd",
    "sandbox",
    "credential",
    "era",
    "resources",
    "prompts",
    "may_ask",
)
SERVED: Final = ("mcp_server", "model")
"""Kinds that may say where they are served: `url`, and `headers` for it."""

_name = shaped(WORD, "a name in letters, digits, - and _")
url = shaped(r"https?://[^\s/?#@]{1,253}(/[^\s#@]*)?", "an address http(s)://… without credentials")
_argument = text("an argument", 4000)
_pattern = shaped(r"[^\x00-\x20\x7f]{1,1000}", "a pattern")
_header = shaped(
    r"(?i)(?!(host|content-.*|transfer-.*|connection|accept|mcp-.*)$)[a-z0-9-]{1,64}",
    "a header that is ours to set",
)
_variable = shaped(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "a variable's name")


def read_component(node: Node, problems: Problems) -> Component | None:
    """The component that `node` declares."""
    fields = Fields(node, problems, "a component")
    component = Component(
        kind=fields.need("kind", _kind, ""),
        name=fields.need("name", _name, ""),
        vendor=fields.take("vendor", text("a vendor", 200), ""),
        version=fields.take("version", text("a version", 200), ""),
        command=fields.take("command", listing_of_words, ()),
        url=fields.take("url", url, ""),
        env=fields.take("env", mapping(_variable, words(text("a value", 8000)), "variables"), {}),
        headers=fields.take("headers", mapping(_header, words(text("a value", 8000)), "headers"), {}),
        era=fields.take("era", _era, ""),
        cwd=fields.take("cwd", text("a folder", 1000), ""),
        resources=fields.take("resources", listing(_pattern, "URI patterns"), ()),
        prompts=fields.take("prompts", listing(_pattern, "prompts' names or patterns"), ()),
        may_ask=fields.take("may_ask", listing(choice("sampling", "elicitation", "roots"), "asks"), ()),
        credential=fields.take("credential", read_credential, None),
        sandbox=fields.take("sandbox", read_sandbox, _by_default),
        price=fields.take("price", read_price, None),
        window=fields.take("window", read_window, Window()),
        fallback=fields.take("fallback", stand_ins, ()),
        provider=fields.take("provider", provider, ""),
        models=fields.take("models", model_names, ()),
        key_env=fields.take("key_env", _variable, ""),
        key_file=fields.take("key_file", key_file, ""),
        hosted_tools=fields.take("hosted_tools", hosted, ()),
        timeout=fields.take("timeout", patience, None),
        silence=fields.take("silence", patience, None),
    )
    fields.close()
    if isinstance(node, Mapping) and component.kind:
        check_llm(fields, component, problems)
        _contradictions(fields, component, problems)
    return located(component)


_kind: Reader[str] = choice(*KINDS)
_by_default: Said = ""
_era: Reader[Literal["", "modern", "legacy"]] = choice("modern", "legacy")


def listing_of_words(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """A command and its arguments, in order; the same word may stand twice."""
    pairs = listing(_numbered(), "a command and its arguments", least=1)(node, problems)
    return None if pairs is None else tuple(word for _, word in pairs)


def _numbered() -> Reader[tuple[int, str]]:
    count = iter(range(1_000_000))

    def read(node: Node, problems: Problems) -> tuple[int, str] | None:
        word = _argument(node, problems)
        return None if word is None else (next(count), word)

    return read


def _contradictions(fields: Fields, component: Component, problems: Problems) -> None:
    check_served_llm(fields, component, problems)
    if component.kind not in (*SERVED, "llm"):
        for name in ("url", "headers"):
            if fields.has(name):
                problems.add(
                    fields.place(name),
                    f"{name} on a component of kind {component.kind}, "
                    "expected it on an mcp_server, a model or an llm only",
                )
    elif fields.has("headers") and not fields.has("url") and component.kind == "mcp_server":
        problems.add(fields.place("headers"), "headers without a url, expected them beside url only")
    if component.kind == "mcp_server":
        if fields.has("command") == fields.has("url"):
            both = "both command and url" if fields.has("url") else "neither command nor url"
            problems.add(fields.mark, f"the server {component.name!r} has {both}, expected exactly one")
        if fields.has("credential") and not fields.has("url"):
            problems.add(fields.place("credential"), "credential without a url, expected it beside url only")
        if fields.has("credential") and "authorization" in {name.lower() for name in component.headers}:
            problems.add(
                fields.place("credential"), "credential and a header `authorization`, expected one of them"
            )
        for name in ("env", "cwd", "sandbox"):
            if fields.has(name) and not fields.has("command"):
                problems.add(fields.place(name), f"{name} without a command, expected it beside command only")
        return
    for name in ONLY_SERVERS:
        if fields.has(name):
            problems.add(
                fields.place(name),
                f"{name} on a component of kind {component.kind}, expected it on an mcp_server only",
            )
