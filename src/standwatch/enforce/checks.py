"""The checks, in order (DESIGN.md §5). Each looks at one case and leaves one finding.

A check never raises for what an attacker can send; if one fails all the same, the judge denies.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from standwatch.authority.grant import permits
from standwatch.enforce.case import Case, against, allow
from standwatch.enforce.checks_calls import provenance, told_of
from standwatch.enforce.checks_places import environment, freeze
from standwatch.enforce.envelope import MICRO, ToolEnvelope
from standwatch.enforce.idioms.arguments import far_reaching
from standwatch.enforce.idioms.reading import gravest_first
from standwatch.enforce.llms import NO_TOOLS, offers, serves
from standwatch.enforce.masking import content
from standwatch.enforce.patterns import is_plain, matches, names
from standwatch.enforce.policy import slice_name
from standwatch.enforce.spending import unbounded
from standwatch.facts.configuration import ArgumentRule, Component, Finding
from standwatch.facts.words import SEVERITY, Decision
from standwatch.record.delegation import beyond


def identity(case: Case) -> Finding:
    """The caller is known to the record now, may use this system, and the run is open and its own."""
    caller = case.act.caller
    principal = case.state.principals.get(caller.principal)
    if principal is None or principal.revoked:
        return against("identity", "deny", "unknown_principal", f"{caller.principal} is not a principal now")
    if case.act.system not in principal.systems:
        return against(
            "identity", "deny", "wrong_system", f"{caller.principal} may not use {case.act.system}"
        )
    if 0 < principal.until <= case.now or 0 < caller.until <= case.now:
        return against("identity", "deny", "expired", "the credential has expired")
    _, run = case.state.runs.get(case.run, (0, None))
    if run is None or run.principal != caller.principal or run.system != case.act.system:
        return against("identity", "deny", "wrong_run", f"run {case.run} is not open for {caller.principal}")
    if 0 < run.until <= case.now:
        return against("identity", "deny", "run_over", f"run {case.run} has used up its time")
    if more := beyond(case.state, case.run, case.act.tool, case.effect):
        return against("identity", "deny", "undelegated", more)
    return allow("identity")


def resolve(case: Case) -> Finding:
    """The system is declared in the configuration in force, and the act names something of it."""
    if case.state.stopped:
        return against("resolve", "deny", "fold_stopped", case.state.stopped)
    if case.world.configuration.root != case.state.root:
        return against(
            "resolve", "deny", "configuration", "this process has not taken up the configuration in force"
        )
    if case.envelope is None or case.act.system not in case.state.systems:
        return against("resolve", "deny", "unknown_system", f"no manifest declares {case.act.system}")
    declared = case.state.systems[case.act.system].entry
    if (declared.envelope, declared.components) != case.envelope.declared:
        return against(
            "resolve", "deny", "configuration", "the record declares another envelope than this one"
        )
    if case.act.event == "generation" and case.act.prompt is None:
        return against("resolve", "deny", "invalid", f"no prompt: {case.act.arguments.get('problem')}")
    server = case.act.tool.partition(".")[0]
    if case.tool is None and (case.act.event == "tool_call" or server not in case.envelope.components):
        return against("resolve", "deny", "undeclared", f"the manifest does not name {case.act.tool}")
    return allow("resolve")


def red_lines(case: Case) -> Finding:
    """No red line of the organisation forbids it."""
    lines = case.tool.red_lines if case.tool else case.envelope.red_lines if case.envelope else ()
    for line in lines:
        if case.effect in line.effects and names(line.tools, case.act.tool):
            return against("red_lines", "deny", f"red_line:{line.name}", line.why or f"red line {line.name}")
    return allow("red_lines")


def holds(case: Case) -> Finding:
    """No hold is in force on any scope of the act."""
    held = case.state.held(case.scopes, case.now)
    if not held:
        return allow("holds")
    return against("holds", "deny", "held", ", ".join(f"hold {hold.index} on {hold.scope}" for hold in held))


def manifest(case: Case) -> Finding:
    """The act is the one declared and locked: tool definition, arguments' schema, resources, prompts, asks."""
    if case.act.event == "tool_call":
        return _tool_as_locked(case)
    server = case.act.tool.partition(".")[0]
    component = case.envelope.components.get(server) if case.envelope else None
    if component is None or not _declared(case, component):
        return against(
            "manifest", "deny", "undeclared", f"{server} was not declared to give {case.act.target!r}"
        )
    hosted = case.act.prompt.hosted if case.act.prompt is not None else ()
    if extra := sorted({one for one in hosted if not names(component.hosted_tools, one)}):
        reason = f"{server} was not declared to carry out {', '.join(extra)} itself"
        return against("manifest", "deny", "hosted_tool", reason)
    return allow("manifest")


def _tool_as_locked(case: Case) -> Finding:
    definition, tool = case.act.definition, case.tool
    if tool is None:
        return against("manifest", "deny", "undeclared", f"the manifest does not name {case.act.tool}")
    if case.act.target != tool.tool.server:
        return against("manifest", "deny", "invalid", f"the target of {case.act.tool} is {tool.tool.server}")
    if case.act.seam == "proxy":
        if definition is None:
            return against(
                "manifest", "deny", "missing", f"{tool.tool.server} does not offer {case.act.tool} now"
            )
        if not tool.digest or definition.digest != tool.digest:
            return against(
                "manifest", "deny", "definition_changed", "the tool's definition is not the accepted one"
            )
    if case.valid is not None and not case.valid.is_valid(case.act.arguments):
        return against("manifest", "deny", "invalid", "the arguments do not fit the tool's input schema")
    return allow("manifest")


def _declared(case: Case, component: Component) -> bool:
    match case.act.event:
        case "decision":
            return case.envelope is not None and component.name in case.envelope.models
        case "resource_read":
            return is_plain(case.act.target) and matches(component.resources, case.act.target)
        case "prompt_get":
            return matches(component.prompts, case.act.target)
        case "completion":
            return is_plain(case.act.target) and matches(
                (*component.prompts, *component.resources), case.act.target
            )
        case "generation":
            return serves(component, case.act.target)
        case "elicitation" | "sampling" | "roots":
            return case.act.phase == "ask" and case.act.event in component.may_ask
        case _:
            return False


def _bounded(case: Case) -> Finding:
    """INVARIANT: under a budget nothing leaves that could come to more than is reserved for it."""
    why = unbounded(case)
    return against("limits", "deny", "unbounded", why) if why else allow("limits")


def limits(case: Case) -> Finding:
    """Every argument is inside its declared bounds, and what counts against a budget is a proper amount."""
    if case.tool is None:
        return _bounded(case)
    if (more := _too_much(case.tool)) is not None:
        return more
    tool, arguments = case.tool.tool, case.act.arguments
    worst = environment(case)
    if worst.decision == "deny":
        return worst
    if case.act.again and case.effect != "read" and worst.decision != "defer":
        why = f"it left before, as {case.act.again}, and nobody knows what became of it"
        worst = against("limits", "step_up", "left_before", why)
    if tool.only_declared and (extra := sorted(arguments.keys() - tool.arguments.keys())):
        return against("limits", tool.otherwise, "undeclared_argument", f"{', '.join(extra)} is not declared")
    for name, _ in case.tool.spends:
        amount = arguments.get(name, 0)
        if not _is_number(amount) or not 0 <= amount <= MOST:
            return against(
                "limits", "deny", "invalid", f"{name} counts against a budget and must be an amount"
            )
    for name, rule in tool.arguments.items():
        problem = _outside(case.tool, name, rule, arguments)
        if not problem and name == case.tool.tool.effect_by:
            problem = _commanded(case.tool, name)
        decision: Decision = rule.otherwise or tool.otherwise
        if problem and SEVERITY[decision] > SEVERITY[worst.decision]:
            worst = against("limits", decision, "bounds", problem)
    return worst


_GRAVITY: Final = ("read", "write", "irreversible")


def _too_much(tool: ToolEnvelope) -> Finding | None:
    """INVARIANT: a command line does at most what its tool was declared to do."""
    if tool.most is None or _GRAVITY.index(tool.tool.effect) <= _GRAVITY.index(tool.most):
        return None
    reason = f"what it would run is {tool.tool.effect}, and {tool.tool.name} is declared {tool.most}"
    return against("limits", "deny", "effect", reason)


def _commanded(tool: ToolEnvelope, name: str) -> str:
    """Why a person should look at a command line that has the call's effect."""
    if tool.reading is None:
        return ""
    if not tool.reading.understood and not tool.reading.doubts:
        return f"{name} has no command line from which the effect could be read"
    told = told_of([one.why for one in gravest_first(tool.reading.doubts)])
    return f"{name}: {told}" if told else ""


MOST: Final = 2**53 // MICRO
"""The largest amount that micro-units can still express as a safe integer: about nine thousand million."""


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _outside(tool: ToolEnvelope, name: str, rule: ArgumentRule, arguments: dict[str, Any]) -> str:
    if name not in arguments:
        return f"{name} is required" if rule.required else ""
    value: Any = arguments[name]
    if (rule.min is not None or rule.max is not None) and not _is_number(value):
        return f"{name} is not a number"
    if rule.min is not None and value < rule.min:
        return f"{name} is below {rule.min}"
    if rule.max is not None and value > rule.max:
        return f"{name} is above {rule.max}"
    if rule.one_of is not None and not any(type(value) is type(one) and value == one for one in rule.one_of):
        return f"{name} is none of the declared values"
    if rule.each_of is not None and not _all_named(rule.each_of, value):
        return f"{name} has a member that is none of the declared"
    if rule.max_length is not None and _length(value) > rule.max_length:
        return f"{name} is longer than {rule.max_length}"
    if name in tool.patterns and not (isinstance(value, str) and tool.patterns[name].fullmatch(value)):
        return f"{name} does not have the declared form"
    if name == tool.tool.effect_by:
        return ""  # every doubt about it is found where its effect was read
    return far_reaching(rule, name, tool.tool.effect, arguments)


def _all_named(patterns: tuple[str, ...], value: Any) -> bool:
    """Whether `value` is a list of texts, each of which one of `patterns` matches."""
    members = cast("list[Any]", value) if isinstance(value, list) else [None]
    return all(isinstance(one, str) and names(patterns, one) for one in members)


def _length(value: Any) -> float:
    return len(cast("str | list[Any]", value)) if isinstance(value, str | list) else float("inf")


def policy(case: Case) -> Finding:
    """Cedar: the generated permits, and the organisation's forbids."""
    act = case.act
    if act.event != "tool_call":
        return allow("policy")
    sliced = act.tool if case.tool is None else slice_name(case.tool.tool.name, case.effect, case.tool.most)
    answer = case.world.policies.judge(act.caller.principal, act.system, sliced, act.arguments)
    if answer.decision == "allow":
        return allow("policy")
    code = "policy_failed" if answer.failed else "policy"
    return against("policy", answer.decision, code, answer.reason)


def grant(case: Case) -> Finding:
    """The authority the system holds now covers an act of this effect."""
    if case.withdrawn or (case.grant.level == "restricted" and offers(case.act.prompt)):
        return against("grant", "modify", NO_TOOLS, "a restricted system's models are offered no tools")
    match permits(case.grant.level, "decision" if case.act.event == "decision" else case.effect):
        case "envelope":
            return allow("grant")
        case "asks":
            reason = f"a {case.grant.level} system asks before a {case.effect} effect"
            return against("grant", "step_up", case.grant.level, reason)
        case _:
            return against("grant", "deny", case.grant.level, f"a {case.grant.level} system may not")


Check = Callable[[Case], Finding]

IN_ORDER: Final[tuple[tuple[str, Check], ...]] = (
    ("identity", identity),
    ("resolve", resolve),
    ("red_lines", red_lines),
    ("holds", holds),
    ("freeze", freeze),
    ("manifest", manifest),
    ("limits", limits),
    ("provenance", provenance),
    ("policy", policy),
    ("grant", grant),
    ("content", content),
)
"""Name and function of every check."""

OBSERVABLE: Final = frozenset({"provenance", "policy", "grant", "content"})
"""What `observe until` suspends. Identity, holds, freezes, red lines, bounds and the record stay in force."""
