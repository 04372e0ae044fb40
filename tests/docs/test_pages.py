"""What pages promise without running: valid blocks, live links, a heading or row for every verb, key and path."""

from __future__ import annotations

import ast
import json
import re
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import msgspec
import pytest
import yaml

from docs.pages import (
    KNOWN,
    OURS,
    ROOT,
    Block,
    anchors,
    blocks,
    every_page,
    headings,
    links,
    prose,
    section,
    text_of,
)
from standwatch.cli.main import GROUPS, main
from standwatch.declare.configuration import declare
from standwatch.facts.canonical import parse
from standwatch.fronts.actions import Asked, Told
from standwatch.fronts.control_ports import HaltOrder
from standwatch.fronts.control_route import BASE
from standwatch.fronts.control_routes import ROUTES
from standwatch.fronts.decisions_client import Ran, Wished
from standwatch.fronts.runs import Opening

BODIES = {
    "Opening": Opening,
    "Asked": Asked,
    "Told": Told,
    "HaltOrder": HaltOrder,
    "Wished": Wished,
    "Ran": Ran,
}

ORGANISATION = """\
organisation: Bank Example
origin: bank-example.invalid/docs
development: true
people:
  - {id: maria, address: maria@bank.example, roles: [admin]}
  - {id: olga, address: olga@bank.example, roles: [operator]}
  - {id: chen, address: chen@bank.example, roles: [auditor]}
groups: {oncall: [olga@bank.example]}
"""
MANIFEST = """\
system: payments-agent
purpose: Pays suppliers' invoices
owner: maria@bank.example
halt_authority: [oncall]
validator: chen@bank.example
components: [{kind: mcp_server, name: bank, command: [bank-server]}]
tools: {bank.send_money: {effect: irreversible, arguments: {amount: {}}}}
"""


def all_blocks(language: str) -> list[Block]:
    return [one for page in OURS for one in blocks(page) if one.language == language]


def test_every_fence_names_a_language_that_we_check() -> None:
    assert [str(one) for page in OURS for one in blocks(page) if one.language not in KNOWN] == []
    bare = [str(one) for page in OURS for one in blocks(page) if not one.language]
    assert not bare, "a fence without a language is checked by nobody"


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=str)
def test_yaml_is_a_configuration(block: Block) -> None:
    """A fragment is laid over a small manifest or organisation, and must be read without a problem."""
    if "file" in block.directives:
        return  # `test_run` writes it, and the page checks it with `standwatch check`
    part = block.directives.get("part of", "")
    assert part in ("manifest", "organisation", "lock"), f"{block} does not say what it is part of"
    said = yaml.safe_load(block.text)
    base = yaml.safe_load(ORGANISATION if part == "organisation" else MANIFEST)
    whole = yaml.safe_dump(said if part == "lock" else base | said).encode()
    files = {
        "standwatch.yaml": ORGANISATION.encode(),
        "systems/payments-agent.yaml": MANIFEST.encode(),
        "systems/scorer.rules.yaml": b"rules: [{give: {p_denied: 1}}]",
    }
    names = {
        "organisation": "standwatch.yaml",
        "manifest": "systems/payments-agent.yaml",
        "lock": "systems/payments-agent.lock",
    }
    # Read as text, not as what `yaml` made of it: dates and numbers are `declare`'s own to read.
    text = block.text.encode() if part == "lock" else laid(block.text, base, whole)
    declare(files | {names[part]: text})


def laid(text: str, base: dict[str, object], whole: bytes) -> bytes:
    """`text` with the members of `base` that it does not have itself."""
    assert whole
    mine = yaml.safe_load(text)
    rest = {name: value for name, value in base.items() if name not in mine}
    return text.encode() + b"\n" + yaml.safe_dump(rest).encode()


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_json_is_strict_and_of_its_type(block: Block) -> None:
    value = parse(block.text.encode())
    kind = block.directives.get("body of")
    if kind:
        msgspec.convert(value, BODIES[kind])


@pytest.mark.parametrize("block", all_blocks("cedar"), ids=str)
def test_cedar_is_accepted(block: Block) -> None:
    manifest = MANIFEST.replace("amount: {}", "amount: {}, subject: {}, recipient: {}")
    declare(
        {
            "standwatch.yaml": ORGANISATION.encode(),
            "systems/payments-agent.yaml": manifest.encode(),
            "policies/page.cedar": block.text.encode(),
        }
    )


@pytest.mark.parametrize("page", every_page())
def test_no_link_is_dead(page: str) -> None:
    dead: list[str] = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        assert "://" not in path, f"{page}: {target}: pages link to this repository only"
        found = (ROOT / page).parent / path if path else ROOT / page
        anchored = anchor and found.suffix == ".md" and found.exists()
        if not found.exists() or (anchored and anchor not in anchors(str(found.resolve().relative_to(ROOT)))):
            dead.append(target)
    assert not dead


def test_every_page_can_be_found_from_the_index() -> None:
    named = {link.partition("#")[0] for link in links("docs/index.md")}
    assert {Path(page).name for page in every_page() if page.startswith("docs/")} <= named | {"index.md"}


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found for page in OURS for found in re.findall(r"`make ([a-z-]+)", text_of(page))}
    named |= {found for page in OURS for found in re.findall(r"^make ([a-z-]+)", text_of(page), re.MULTILINE)}
    assert named
    assert named <= targets


ACTING = ("agent", "break-glass", "key", "range")
"""Verbs whose options belong to their acts."""
VERBS = sorted(verb.name for _, group in GROUPS for verb in group)


def test_every_verb_has_a_heading() -> None:
    said = " ".join(headings("docs/cli.md"))
    assert [verb for verb in VERBS if not re.search(rf"\b{re.escape(verb)}\b", said)] == []


@pytest.mark.parametrize("page", OURS)
def test_every_command_named_in_prose_exists(page: str) -> None:
    """`standwatch VERB` in code marks or blocks names a verb, and only options that it has."""
    for command in re.findall(r"\bstandwatch ((?:--org \S+ )?(?:--json )?[a-z-]+[^`\n|>&]*)", code(page)):
        words = command.split()
        while words and words[0] in ("--org", "--json"):
            words = words[2:] if words[0] == "--org" else words[1:]
        assert words, command
        assert words[0] in VERBS, f"{page}: standwatch {command}"
        told = helped(*words[:2] if words[0] in ACTING and len(words) > 1 else words[:1])
        for option in re.findall(r"(?<!\S)--[a-z-]+", command):
            assert option in told + "--org --json", f"{page}: {option} of standwatch {command}"


def code(page: str) -> str:
    """What stands in code marks and blocks and begins with the program's name, a line each."""
    marked = re.findall(r"`([^`\n]+)`", prose(page))
    lines = [
        line.removeprefix("$ ")
        for one in blocks(page)
        if one.language in ("sh", "console")
        for line in one.text.splitlines()
    ]
    return "\n".join(line for line in (*marked, *lines) if line.startswith("standwatch "))


@cache
def helped(*words: str) -> str:
    """What `standwatch WORDS --help` says."""
    told = StringIO()
    with redirect_stdout(told), pytest.raises(SystemExit):
        main([*words, "--help"])
    return told.getvalue()


# --- every key ----------------------------------------------------------------------------------------------------

SECTIONS = {
    "read_organisation": "standwatch.yaml",
    "_person.read": "people",
    "_listeners": "listeners",
    "_listener": "listeners",
    "read_tls": "listeners",
    "read_sign_in": "sign_in",
    "_oidc": "sign_in",
    "_store": "store",
    "_defaults": "defaults",
    "_approvals": "standwatch.yaml: approvals",
    "read_notify.read": "notify",
    "_channel.channel": "channels",
    "_smtp.read": "channels",
    "_route.read": "routes",
    "_quiet": "routes",
    "_red_line": "red_lines",
    "read_watches.watch": "watch",
    "_hours": "watch",
    "read_manifest": "systems/NAME.yaml",
    "read_approvals.read": "approvals",
    "_approving": "approvals",
    "_exposure": "exposure",
    "_data_subject": "data_subjects",
    "_limits": "limits",
    "read_asks": "asks",
    "read_decoys": "decoys",
    "read_content": "content",
    "_content_rule": "content",
    "_per_run": "limits",
    "_one.read": "limits",
    "read_freeze": "freeze",
    "_environment": "environments",
    "read_task": "task",
    "read_price": "components",
    "read_window": "components",
    "_observe": "observe",
    "read_relaxations": "relaxations",
    "read_component": "components",
    "read_sandbox": "sandbox",
    "read_credential": "credential",
    "_tool": "tools",
    "read_returns": "returns",
    "read_rule": "arguments",
    "_carries": "arguments",
    "read_sequence": "sequences",
    "read_lock": "systems/NAME.lock",
    "_model.read_model": "decisions",
    "_version": "versions",
    "read_feature": "inputs",
    "_actionable": "inputs",
    "read_output": "outputs",
    "_outcome.read": "outcome",
    "_known_limit.read": "known_limits",
    "read_condition.read": "known_limits",
    "_overrides.read": "overrides",
    "read_fallback.read_form": "fallback",
    "_table": "NAME.rules.yaml",
    "_rule.read_rule": "NAME.rules.yaml",
}
"""Function of `declare` that reads a mapping → the section of manifest.md that must have a row for each of its keys."""


class Keys(ast.NodeVisitor):
    """(function, key) for every `fields.take("key", …)` and `fields.need("key", …)`."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.found: set[tuple[str, str]] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.path.append(node.name)
        self.generic_visit(node)
        self.path.pop()

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("take", "need", "_one") and node.args and isinstance(node.args[0], ast.Constant):
            self.found.add((".".join(self.path), str(node.args[0].value)))
        self.generic_visit(node)


def known_keys() -> list[tuple[str, str]]:
    keys = Keys()
    for path in (ROOT / "src/standwatch/declare").glob("*.py"):
        keys.visit(ast.parse(path.read_text(encoding="utf-8")))
    return sorted(keys.found)


def test_the_schema_is_still_read_as_this_test_believes() -> None:
    found = {function for function, _ in known_keys()}
    assert found <= SECTIONS.keys(), f"readers that no section documents: {found - SECTIONS.keys()}"
    assert len(known_keys()) > 60


@pytest.mark.parametrize(("function", "key"), known_keys(), ids=lambda one: str(one))
def test_every_key_has_a_row(function: str, key: str) -> None:
    page = section("docs/manifest.md", f"`{SECTIONS[function]}`")
    rows = re.findall(r"^\| (.+?) \|", page, re.MULTILINE)
    assert any(f"`{key}`" in row for row in rows), f"manifest.md, {SECTIONS[function]}: no row for `{key}`"


def test_every_row_is_a_key() -> None:
    """No documentation of keys that are none."""
    every = known_keys()
    for title in sorted(set(SECTIONS.values())):
        known = {key for function, key in every if SECTIONS[function] == title}
        rows = re.findall(
            r"^\| ((?:`[a-z_.]+`(?:, )?)+) \|", section("docs/manifest.md", f"`{title}`"), re.MULTILINE
        )
        said = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
        assert said <= known | {"argument", "input", "result"}, f"{title}: {said - known}"


def test_every_operation_has_a_row() -> None:
    page = text_of("docs/api.md")
    assert [one.path for one in ROUTES if f"`{one.method} {BASE}{one.path}`" not in page] == []


def test_json_examples_say_nothing_twice() -> None:
    for block in all_blocks("json"):
        assert json.loads(block.text) is not None
