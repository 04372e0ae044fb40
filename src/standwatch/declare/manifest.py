"""`systems/NAME.yaml` → `Manifest`."""

import re
from typing import Final, Literal

import msgspec

from standwatch.declare.approvals import Said, few, read_approvals
from standwatch.declare.asks import read_asks
from standwatch.declare.components import read_component
from standwatch.declare.content import NO_CONTENT, check_expected, read_content
from standwatch.declare.environments import read_environments
from standwatch.declare.fallbacks import Beside, Kind, fallback_kind
from standwatch.declare.freezes import read_freeze
from standwatch.declare.models import Around, read_models
from standwatch.declare.organisation import WORD
from standwatch.declare.people import Directory, names
from standwatch.declare.relaxations import read_relaxations
from standwatch.declare.rules import read_sequence
from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    instant,
    integer,
    listing,
    mapping,
    number,
    parse_number,
    shaped,
    short,
    text,
    words,
)
from standwatch.declare.spending import check_spending, read_task, spending_meanings
from standwatch.declare.text import Mapping, Mark, Node, Problems, Scalar
from standwatch.declare.tools import TOOL, read_tool
from standwatch.facts.asks import Asks
from standwatch.facts.canonical import SAFE
from standwatch.facts.configuration import Component, Limits, Manifest, Number, Tool
from standwatch.facts.models import Model
from standwatch.facts.relaxations import Relaxations
from standwatch.facts.spending import TOKENS, FirstMessage

Reversibility = Literal["reversible", "costly", "irreversible"]
SYSTEM: Final = r"[a-z0-9][a-z0-9_-]{0,62}"
MOST_AMOUNT: Final = SAFE // 1_000_000
"""Budgets are kept in micro-units as safe integers."""

_no_relaxations: Relaxations | None = None
_no_models: dict[str, Model] = {}
_no_task: FirstMessage | None = None
_refuse: Kind = "refuse"
_reversibility: Reader[Reversibility] = choice("reversible", "costly", "irreversible")
_limit_name = shaped(r"[^\x00-\x20\x7f]{1,400}", "calls, server.tool or server.tool.argument")
_system_name = shaped(SYSTEM, "a name in lower-case letters, digits, - and _")


def read_manifest(
    name: str, node: Node, whom: Directory, problems: Problems, beside: Beside = lambda _: None
) -> Manifest | None:
    """The manifest in `systems/{name}.yaml`; None where it is no mapping at all. `beside` reads files next to it."""
    if not isinstance(node, Mapping):
        Fields(node, problems, "the manifest")
        return None
    fields = Fields(node, problems, "the manifest")
    known = names(whom, lenient=True)
    halt = fields.need("halt_authority", known, ())
    asking = fields.take("approvals", read_approvals(whom), Said())
    weekly, critical = fields.take("exposure", _exposure, (0, False))
    components = fields.take("components", listing(read_component, "components"), ())
    tools = fields.take("tools", mapping(TOOL, read_tool(whom), "tools"), {})
    fallback = fields.take("fallback", fallback_kind, _refuse)
    around = Around({one.name: one for one in components}, whom, beside, fields.node("fallback"))
    models = fields.take("decisions", read_models(around), _no_models)
    manifest = Manifest(
        system=fields.need("system", _system_name, name),
        purpose=fields.need("purpose", text("what the system is for"), ""),
        owner=fields.need("owner", known, ()),
        halt_authority=halt,
        validator=fields.need("validator", known, ()),
        environment=fields.take(
            "environment", shaped(WORD, "an environment such as production"), "production"
        ),
        reversibility=fields.take("reversibility", _reversibility, "irreversible"),
        people_per_week=weekly,
        critical_infrastructure=critical,
        data_subjects=fields.take("data_subjects", listing(_data_subject, "data subjects"), ()),
        components=components,
        models=models,
        tools=tools,
        limits=fields.take("limits", _limits, Limits()),
        sequences=fields.take("sequences", listing(read_sequence, "sequences"), ()),
        freeze=fields.take("freeze", listing(read_freeze, "freezes"), ()),
        fallback=fallback,
        approvers=halt if asking.rule.by is None else asking.rule.by,
        approval_seconds=asking.seconds,
        approvals=msgspec.structs.replace(asking.rule, by=None),
        decoys=asking.decoys,
        observe_until=fields.take("observe", _observe, 0),
        relaxations=fields.take("relaxations", read_relaxations, _no_relaxations),
        content=fields.take("content", read_content, NO_CONTENT),
        task=fields.take("task", read_task, _no_task),
        environments=fields.take("environments", read_environments, {}),
    )
    fields.close()
    _check_names(name, fields, problems)
    _check_people(fields, manifest, whom, problems)
    _check_approvals(fields, manifest, whom, problems)
    _check_components(fields, manifest.components, problems)
    _check_servers(node, manifest, problems)
    if fallback not in ("refuse", "refer-to-human") and not fields.has("decisions"):
        problems.add(
            fields.place("fallback"),
            f"{fallback} without decisions, expected refuse or refer-to-human where no model answers",
        )
    _check_budgets(node, manifest, problems)
    check_spending(fields, manifest, problems)
    _check_subjects(fields, manifest, problems)
    if manifest.content is not None:
        check_expected(fields.node("content"), manifest.content, manifest.tools, problems)
    return manifest


def _maybe(reader: Reader[int]) -> Reader[int | None]:
    return reader


def _exposure(node: Node, problems: Problems) -> tuple[int, bool]:
    fields = Fields(node, problems, "exposure")
    weekly = fields.take("people_per_week", integer(), 0)
    critical = fields.take("critical_infrastructure", boolean, False)
    fields.close()
    return weekly, critical


def _data_subject(node: Node, problems: Problems) -> tuple[str, str] | None:
    expected = "one of {argument: NAME}, {input: NAME}, {result: NAME}"
    if not isinstance(node, Mapping) or len(node.members) != 1:
        problems.add(node.mark, f"a data subject that is not one place, expected {expected}")
        return None
    (kind, member), *_ = node.members.items()
    if kind not in ("argument", "input", "result"):
        problems.add(member.mark, f"unknown key {short(kind)} in a data subject, expected {expected}")
        return None
    name = text("where the id stands", 200)(member.value, problems)
    return (kind, name) if name else None


def _limits(node: Node, problems: Problems) -> Limits:
    fields = Fields(node, problems, "limits")
    run = fields.take("per_run", _per_run, Limits())
    asks = fields.take("asks", read_asks, Asks())
    limits = Limits(
        calls_per_run=run.calls_per_run,
        minutes_per_run=run.minutes_per_run,
        calls_per_minute=fields.take("per_minute", _one("calls"), None),
        per_day=fields.take("per_day", mapping(_limit_name, words(_amount), "budgets"), {}),
        asks_per_run=asks.per_run,
        asks_per_person_per_hour=asks.per_person_per_hour,
        asks_per_hour=asks.per_hour,
        asks_per_day=asks.per_day,
        tokens_per_run=run.tokens_per_run,
        money_per_run=run.money_per_run,
    )
    fields.close()
    return limits


def _per_run(node: Node, problems: Problems) -> Limits:
    fields = Fields(node, problems, "limits.per_run")
    limits = Limits(
        calls_per_run=fields.take("calls", _maybe(integer()), None),
        minutes_per_run=fields.take("minutes", _maybe(integer(1, 60 * 24 * 366)), None),
        tokens_per_run=fields.take("tokens", _maybe(integer()), None),
        money_per_run=fields.take("money", _maybe_amount, None),
    )
    fields.close()
    return limits


def _one(name: str) -> Reader[int | None]:
    def read(node: Node, problems: Problems) -> int | None:
        fields = Fields(node, problems, "this limit")
        count = fields.need(name, _maybe(integer()), None)
        fields.close()
        return count

    return read


def _amount(node: Node, problems: Problems) -> Number | None:
    found = number(node, problems)
    if found is not None and not 0 <= found <= MOST_AMOUNT:
        problems.add(node.mark, f"{found}, expected an amount between 0 and {MOST_AMOUNT}")
        return None
    return found


_maybe_amount: Reader[Number | None] = _amount


def _observe(node: Node, problems: Problems) -> int:
    fields = Fields(node, problems, "observe")
    until = fields.need("until", instant, 0)
    fields.close()
    return until


def _check_names(name: str, fields: Fields, problems: Problems) -> None:
    if fields.has("system") and fields.text("system") != name:
        problems.add(
            fields.place("system"),
            f"{short(fields.text('system'))} in the file of {name!r}, expected {name!r}",
        )
    if not re.fullmatch(SYSTEM, name, re.ASCII):
        problems.add(
            Mark(fields.mark.file),
            f"the file's name {short(name)}, expected lower-case letters, digits, - and _",
        )


def _check_people(fields: Fields, manifest: Manifest, whom: Directory, problems: Problems) -> None:
    both = sorted(set(manifest.owner) & set(manifest.validator))
    if both and not whom.development:
        problems.add(
            fields.place("validator"), f"{', '.join(both)} both owns and validates, expected somebody else"
        )


def _check_approvals(fields: Fields, manifest: Manifest, whom: Directory, problems: Problems) -> None:
    """Where too few people could ever answer, questions are refused: said before the first afternoon."""
    if not whom.complete:
        return
    told: dict[str, str] = {}
    for name in ("", *manifest.tools):
        answering = manifest.answering(name)
        if answering.by and (problem := few(answering, manifest.owner)):
            told.setdefault(problem, name or "approvals")
    for problem, name in told.items():
        problems.warn(fields.place("approvals"), f"{name}: {problem}, expected more people")


def _check_components(fields: Fields, components: tuple[Component, ...], problems: Problems) -> None:
    all_names = [one.name for one in components if one.name]
    for twice in sorted({one for one in all_names if all_names.count(one) > 1}):
        problems.add(
            fields.place("components"), f"two components are called {twice!r}, expected different names"
        )


def _check_servers(node: Mapping, manifest: Manifest, problems: Problems) -> None:
    servers = {one.name for one in manifest.components if one.kind in ("mcp_server", "service")}
    declared = node.members["tools"].value if "tools" in node.members else None
    if not isinstance(declared, Mapping):
        return
    for key, member in declared.members.items():
        server = key.partition(".")[0]
        if "." in key and server not in servers:
            expected = (
                f"one of {', '.join(sorted(servers))}"
                if servers
                else "a component of kind mcp_server or service"
            )
            problems.add(
                member.mark,
                f"{short(key)}: no server {short(server)} among the components, expected {expected}",
            )


def _check_budgets(node: Mapping, manifest: Manifest, problems: Problems) -> None:
    limits = node.members["limits"].value if "limits" in node.members else None
    per_day = limits.members.get("per_day") if isinstance(limits, Mapping) else None
    if per_day is None or not isinstance(per_day.value, Mapping):
        return
    for key, member in per_day.value.members.items():
        meanings = _meanings(key, manifest.tools)
        if not meanings:
            problems.add(
                member.mark,
                f"{short(key)} is no declared tool or argument, "
                "expected calls, tokens, money, server.tool or server.tool.argument",
            )
        elif len(meanings) > 1:
            problems.add(
                member.mark, f"{short(key)} means both {' and '.join(meanings)}, expected one meaning"
            )
        elif meanings[0] != "an amount" and isinstance(member.value, Scalar):
            count = parse_number(member.value.text)
            if isinstance(count, float):
                problems.add(member.value.mark, f"{count} {_counted(key)}, expected a whole number")


def _counted(key: str) -> str:
    return key if key == TOKENS else "calls"


def _check_subjects(fields: Fields, manifest: Manifest, problems: Problems) -> None:
    """A misspelt place would seal under nobody's key, and count nobody."""
    inputs = {one.name: one for model in manifest.models.values() for one in model.inputs}
    for kind, name in manifest.data_subjects:
        if kind != "input":
            continue
        if name not in inputs:
            known = ", ".join(sorted(inputs)[:20]) or "none is declared"
            problems.add(
                fields.place("data_subjects"),
                f"{short(name)} is no input of a model, expected one of: {known}",
            )
        elif inputs[name].type not in ("text", "category", "integer"):
            problems.add(
                fields.place("data_subjects"),
                f"the input {short(name)} is a {inputs[name].type}, expected text, category or integer for a "
                "person's id",
            )


def _meanings(key: str, tools: dict[str, Tool]) -> list[str]:
    found = ["all calls"] if key == "calls" else spending_meanings(key)
    found += ["a tool"] if key in tools else []
    return found + [
        "an amount"
        for name, tool in tools.items()
        if key.startswith(name + ".") and key.removeprefix(name + ".") in tool.arguments
    ]
