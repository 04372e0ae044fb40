"""What becomes an entry about one act: its canonical bytes, the case that is judged, the parts beside it. Pure."""

import hashlib
from typing import Any, Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.envelope import Envelope, ToolEnvelope, act_scopes, effect_of, micro, model_scopes
from standwatch.enforce.environments.reach import NOWHERE, Reached, reach
from standwatch.enforce.ports import Act
from standwatch.enforce.spending import reserved
from standwatch.enforce.steps import Begin, View
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Finding
from standwatch.facts.ids import new_id
from standwatch.facts.parts import MOST_BODY, Action, Part, action_bytes, action_digest, commitment


class Draft(msgspec.Struct, frozen=True):
    """One act on its way: what does not change however often it is judged."""

    act: Act
    run: str
    chance: bytes
    action: Action
    data: bytes
    digest: str
    signed: int = -1
    """Index of the approval it carries; -1 for none."""
    modified: Finding | None = None
    """What `content` found before it changed the act; None where it changed nothing."""
    masked: dict[str, str] = {}
    """The tokens that went into it with that change, and their values."""
    withdrawn: bool = False
    """Whether the tools that it offered were taken out: its system is restricted."""


def draft_of(act: Act, view: View, begin: Begin) -> Draft:
    """Steps 0 and 1: name the act, and fix its canonical bytes."""
    chance = begin.chance
    action = Action(
        id=act.id or new_id(begin.now, chance[:10]),
        by=act.caller.principal,
        run=begin.run,
        system=act.system,
        tool=act.tool,
        target=act.target,
        arguments=act.arguments,
        event=act.event,
        phase=act.phase,
        schema=act.definition.digest if act.definition else "",
        conf=max(view.state.config, 0),
        nonce=chance[10:26].hex(),
        org=view.state.origin,
    )
    data = action_bytes(action)
    return Draft(act, begin.run, chance, action, data, action_digest(data))


def case_of(draft: Draft, view: View, now: int) -> Case:
    """Steps 1 to 8 look at nothing but this."""
    act, world = draft.act, view.world
    envelope = world.envelopes.get(act.system)
    tool = envelope.find(act) if envelope else None
    trail = view.trail(draft.run)
    return Case(
        act=act,
        run=draft.run,
        now=now,
        seen=view.state.seen,
        conf=max(view.state.config, 0),
        world=world,
        state=view.state,
        grant=view.grant(act.system, now),
        envelope=envelope,
        tool=tool,
        effect=effect_of(act, tool),
        scopes=(
            *act_scopes(
                envelope, tool, system=act.system, name=act.tool, by=act.caller.principal, run=draft.run
            ),
            *model_scopes(act),
            *(f"run:{above}" for above in view.state.lineage(draft.run)[1:]),
        ),
        trail=trail,
        others=trail.others,
        valid=view.validator(act) if _as_locked(act, tool) else None,
        relaxed=view.relaxed(now),
        modified=draft.modified,
        masks=view.masks(draft.run),
        withdrawn=draft.withdrawn,
        reached=reached(envelope, tool, act),
    )


def reached(envelope: Envelope | None, tool: ToolEnvelope | None, act: Act) -> Reached:
    """The declared environments that `act` reaches; nowhere where none is declared."""
    if envelope is None or tool is None or not envelope.environments:
        return NOWHERE
    component = envelope.components.get(tool.tool.server)
    # INVARIANT: a hook's word on where a call starts is taken for its host's own tools: what an MCP server is asked
    # for stands in the agent's words alone.
    hooked = act.seam == "hook" and (component is None or component.kind != "mcp_server")
    return reach(envelope.environments, tool.tool, act.arguments, tool.stands, hooked=hooked)


def _as_locked(act: Act, tool: ToolEnvelope | None) -> bool:
    """Only an accepted definition's schema is compiled: a server does not choose what we spend time on."""
    return tool is not None and act.definition is not None and act.definition.digest == tool.digest


def salt(draft: Draft, which: int) -> bytes:
    """Salt number `which` of the act: 0 its findings, 1 its action, 2 its result, 3 the flag of its question, or the
    findings of its result where nobody is asked."""
    start = 26 + 32 * which
    return draft.chance[start : start + 32]


def findings_bytes(case: Case, findings: tuple[Finding, ...], **more: Any) -> bytes:
    """The findings as they are sealed, with the grant that they were made under, and what else belongs to them."""
    if case.tool is not None and case.tool.reading is not None:
        # What the effect was read from, and by which version of the reading.
        more["reading"] = case.tool.reading
    return _encode({"findings": findings, "grant": case.grant, **more})


def sealed(draft: Draft, findings: bytes) -> tuple[tuple[Part, ...], str]:
    """The action and the findings as sealed parts, and the commitment to the findings. Of a generation the body too,
    which its action binds by SHA-256."""
    why = Part("findings", salt(draft, 0), findings)
    parts = (Part("action", salt(draft, 1), draft.data), why)
    prompt = draft.act.prompt
    if prompt is not None and len(prompt.body) <= MOST_BODY:
        parts = (*parts, Part("body", b"", prompt.body))  # its digest stands in the action, which has a nonce
    return parts, commitment(why.salt, findings)


def to_carry(draft: Draft) -> dict[str, Any]:
    """What is handed to whoever carries the act out."""
    arguments, prompt = draft.act.arguments, draft.act.prompt
    return arguments if prompt is None else {**arguments, "prompt": prompt, "masks": draft.masked}


def arguments_digest(draft: Draft) -> str:
    """SHA-256 of the canonical arguments as they are sent, where a check changed them."""
    return hashlib.sha256(canonical(draft.act.arguments)).hexdigest()


def back_bytes(findings: tuple[Finding, ...], masks: dict[str, str]) -> bytes:
    """The findings of what came back as they are sealed, with the tokens that took the place of values in it."""
    return _encode({"findings": findings, "masks": masks} if masks else {"findings": findings})


UNDECLARED: Final = "?"
"""Stands in leaves for names that callers made up: what they write there could never be erased."""

_encode = msgspec.json.Encoder().encode


def judged_members(draft: Draft, case: Case, why: str) -> dict[str, Any]:
    """The members that every entry about a judged action shares."""
    act = draft.act
    return {
        "by": act.caller.principal,
        "id": draft.action.id,
        "run": draft.run if draft.run in case.state.runs else "",
        "system": act.system if case.envelope is not None else UNDECLARED,
        "tool": act.tool if case.tool is not None or act.event != "tool_call" else UNDECLARED,
        "digest": draft.digest,
        "seen": case.seen,
        "why": why,
        "conf": case.conf,
        "grant": case.grant.level,
        "seam": act.seam,
        "effect": case.effect,
    }


def spend_of(case: Case) -> dict[str, int]:
    """What it takes of the budgets that its arguments, or the tokens of a model, count against."""
    if case.act.event == "generation":
        return reserved(case)
    if case.tool is None or not case.tool.spends:
        return {}
    arguments = case.act.arguments
    return {limit: micro(arguments[name]) for name, limit in case.tool.spends if arguments.get(name)}


def subjects_of(case: Case) -> tuple[str, ...]:
    """The data subjects that the manifest says the arguments name."""
    if case.envelope is None:
        return ()
    named = [
        name for where, name in case.envelope.system.manifest.data_subjects if where in ("argument", "input")
    ]
    values = [case.act.arguments.get(name) for name in named]
    return tuple(str(value) for value in values if isinstance(value, str | int))


def match_of(draft: Draft) -> bytes:
    """What makes a retry the same act: run, tool, its definition, target and arguments; never nonce, and the id only
    where its caller goes by it."""
    act = draft.act
    said = [draft.run, act.phase, act.tool, act.target, draft.action.schema, act.arguments]
    return hashlib.sha256(canonical([*said, act.id] if act.attempt else said)).digest()


def essence(action: Action) -> tuple[Any, ...]:
    """What makes two actions the same act: all but id, nonce and the configuration they were asked under."""
    return (
        action.by, action.run, action.system, action.phase, action.event, action.tool, action.target, action.schema,
        canonical(action.arguments),
    )  # fmt: skip
