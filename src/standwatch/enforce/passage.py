"""The passage: the one machine every act goes through (DESIGN.md §5). It does no I/O.

A generator that yields commands and receives events, read top to bottom like a checklist. Whoever drives it
executes the commands; a test drives it in any order it likes. Time and chance arrive inside the events.
"""

import hashlib
from typing import Any, Final, assert_never

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.envelope import ToolEnvelope, act_scopes, effect_of, micro
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.ports import Act, Carried, Reply, Resumed
from standwatch.enforce.relaxing import tighter
from standwatch.enforce.steps import (
    Begin,
    Event,
    FindQuestion,
    Forward,
    Mint,
    NotRecorded,
    Question,
    Record,
    Recorded,
    Returned,
    Steps,
    View,
)
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Finding
from standwatch.facts.entries import AskedMany, Denied, Intent, Outcome
from standwatch.facts.errors import Malformed
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Action, Part, action_bytes, action_digest, commitment
from standwatch.facts.words import Word
from standwatch.record import questions

ROUNDS: Final = 8
"""How often an act is judged again because something was sequenced meanwhile, before it is `unavailable`."""


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


def passage(act: Act, view: View, begin: Begin) -> Steps:
    """Take `act` through: judge, ask, record, forward, record, reply. Returns the reply; never raises."""
    now = begin.now
    try:
        draft = _draft(act, view, begin)
    except Malformed:
        return Reply("invalid", new_id(now, begin.chance))
    for _ in range(ROUNDS):
        case = _case(draft, view, now)
        judgement = judge(case)
        if act.resumes is not None and draft.signed < 0 and not _resumable(act.resumes, view, now):
            return (yield from _refuse(draft, view, case, _void(judgement)))
        match judgement.disposition:
            case "allow" | "modify":
                pass
            case "step_up" if draft.signed >= 0:
                pass
            case "step_up":
                found = yield FindQuestion(draft.run, _match(draft))
                now = found.now
                carried = _redeem(draft, view, found, now)
                if isinstance(carried, Reply):
                    return carried
                if carried is not None:
                    draft = carried
                    continue
                if act.resumes is not None:  # INVARIANT: who comes back to a question never asks another one
                    return (yield from _refuse(draft, view, case, _void(judgement)))
                return (yield from _ask(draft, view, case, judgement))
            case "defer" | "deny":
                return (yield from _refuse(draft, view, case, judgement))
            case _:
                assert_never(judgement.disposition)
        written = yield _intent(draft, view, case, judgement)
        now = written.now
        match written:
            case Recorded():
                return (yield from _carry(draft, view, case, written, now - begin.now))
            case NotRecorded(code="stale"):
                continue
            case NotRecorded():
                return (yield from _refuse_late(draft, view, case, judgement, written))
            case _:
                return Reply("unavailable", draft.action.id)
    return Reply("unavailable", draft.action.id)


def _draft(act: Act, view: View, begin: Begin) -> Draft:
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


def _case(draft: Draft, view: View, now: int) -> Case:
    """Steps 1 to 8 look at nothing but this."""
    act, world = draft.act, view.world
    envelope = world.envelopes.get(act.system)
    tool = envelope.find(act) if envelope else None
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
        scopes=act_scopes(
            envelope, tool, system=act.system, name=act.tool, by=act.caller.principal, run=draft.run
        ),
        trail=view.trail(draft.run),
        valid=view.validator(act) if _as_locked(act, tool) else None,
        relaxed=view.relaxed(now),
    )


def _as_locked(act: Act, tool: ToolEnvelope | None) -> bool:
    """Only an accepted definition's schema is compiled: a server does not choose what we spend time on."""
    return tool is not None and act.definition is not None and act.definition.digest == tool.digest


def _salt(draft: Draft, which: int) -> bytes:
    start = 26 + 32 * which
    return draft.chance[start : start + 32]


def _findings(
    draft: Draft, case: Case, findings: tuple[Finding, ...], **more: Any
) -> tuple[tuple[Part, ...], str]:
    """The action and the findings as sealed parts, and the commitment to the findings."""
    data = _encode({"findings": findings, "grant": case.grant, **more})
    why = Part("findings", _salt(draft, 0), data)
    return (Part("action", _salt(draft, 1), draft.data), why), commitment(why.salt, data)


UNDECLARED: Final = "?"
"""Stands in leaves for names that callers made up: what they write there could never be erased."""

_encode = msgspec.json.Encoder().encode


def _judged(draft: Draft, case: Case, why: str) -> dict[str, Any]:
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


def _spend(case: Case) -> dict[str, int]:
    if case.tool is None or not case.tool.spends:
        return {}
    arguments = case.act.arguments
    return {limit: micro(arguments[name]) for name, limit in case.tool.spends if arguments.get(name)}


def _intent(draft: Draft, view: View, case: Case, judgement: Judgement) -> Record:
    """Step 10: the intent, to be appended only if nothing was sequenced that now forbids it."""
    parts, why = _findings(draft, case, judgement.findings)
    disposition = "allow" if judgement.disposition == "step_up" else judgement.disposition
    entry = Intent(
        **_judged(draft, case, why),
        verdict=judgement.verdict,
        disposition=disposition,
        signed=draft.signed,
        spend=_spend(case),
    )
    caps = tighter(_caps(case), judgement.caps)
    return Record(
        entry,
        parts,
        case.scopes,
        caps,
        judgement.until,
        subjects=_subjects(case),
        relaxed=judgement.relaxed,
    )


def _subjects(case: Case) -> tuple[str, ...]:
    """The data subjects that the manifest says the arguments name."""
    if case.envelope is None:
        return ()
    named = [
        name for where, name in case.envelope.system.manifest.data_subjects if where in ("argument", "input")
    ]
    values = [case.act.arguments.get(name) for name in named]
    return tuple(str(value) for value in values if isinstance(value, str | int))


def _caps(case: Case) -> dict[str, int]:
    if case.tool is not None:
        return case.tool.caps
    return case.envelope.caps if case.envelope is not None else {}


def _carry(draft: Draft, view: View, case: Case, intent: Recorded, judged: int) -> Steps:
    """Steps 11 to 15: credential, forward, inspect, outcome, reply."""
    # INVARIANT: the only way here is a `Recorded` intent: nothing is forwarded before its intent is durable.
    minted = yield Mint(draft.act.tool)
    returned = yield Forward(draft.action.id, case.scopes, draft.act.arguments)
    carried = returned.carried if isinstance(returned, Returned) else Carried("unknown")
    took = returned.took if isinstance(returned, Returned) else 0
    _learn(draft, view, case, carried)
    part = Part("result", _salt(draft, 2), carried.result)
    outcome = Outcome(
        by=draft.act.caller.principal,
        id=draft.action.id,
        of=intent.index,
        status=carried.status,
        took={"judge": judged, "upstream": max(took, 0), "record": max(minted.now - intent.at, 0)},
        result=commitment(part.salt, part.data) if part.data else "",
    )
    # An irreversible effect is reported only once its outcome is durable; the others may be told at once.
    parts = (part,) if part.data else ()
    written = yield Record(outcome, parts, subjects=_subjects(case), wait=case.effect == "irreversible")
    if isinstance(written, NotRecorded) and case.effect == "irreversible":
        return Reply("unavailable", draft.action.id, index=intent.index)
    word: Word = "unavailable" if carried.status in ("timeout", "not_sent", "unknown") else "done"
    return Reply(word, draft.action.id, carried, index=intent.index)


def _learn(draft: Draft, view: View, case: Case, carried: Carried) -> None:
    """Step 13: label what came back, so that later arguments can be traced to it."""
    trail = view.trail(draft.run)
    trail.untrusted = trail.untrusted or draft.act.event != "completion"
    # INVARIANT: only what we carried ourselves can be trusted; a result that its caller tells us is its own word.
    told_by_us = draft.act.seam == "proxy" and carried.status == "ok"
    if case.tool is not None and case.tool.tool.trusted and told_by_us:
        trail.learn_from(case.tool.tool.trusted, carried.result)


def _refuse(draft: Draft, view: View, case: Case, judgement: Judgement) -> Steps:
    """Record the refusal; the caller hears one word whatever was found."""
    parts, why = _findings(draft, case, judgement.findings)
    code = judgement.deciding.code or judgement.deciding.check
    if len(draft.data) > MOST_REFUSED:
        parts = parts[
            1:
        ]  # a refusal costs us no more than it costs the caller: the digest stands for the rest
    entry = Denied(**_judged(draft, case, why), code=code, verdict=judgement.verdict)
    written = yield Record(entry, parts, subjects=_subjects(case))
    if not isinstance(written, Recorded):
        return Reply("unavailable", draft.action.id)
    word: Word = _WORDS.get(code, "refused")
    return Reply(word, draft.action.id, index=written.index)


def _refuse_late(draft: Draft, view: View, case: Case, judgement: Judgement, refusal: NotRecorded) -> Steps:
    """The sequencer said no: a budget, a consumed approval, a run that ended, or a record that cannot be written."""
    if refusal.code in ("unrecorded", "unknown", "duplicate"):
        return Reply("refused" if refusal.code == "duplicate" else "unavailable", draft.action.id)
    finding = Finding("sequencer", "deny", refusal.detail, refusal.code)
    late = msgspec.structs.replace(
        judgement,
        verdict="deny",
        disposition="deny",
        deciding=finding,
        findings=(*judgement.findings, finding),
    )
    return (yield from _refuse(draft, view, case, late))


def _ask(draft: Draft, view: View, case: Case, judgement: Judgement) -> Steps:
    """Step 9: put the question into the record. It waits there for a named person; nobody holds a connection."""
    salt = _salt(draft, 3)
    parts, why = _findings(draft, case, judgement.findings, flag={"is": REAL, "salt": salt.hex()})
    assert case.envelope is not None
    until = case.now + case.envelope.approval_seconds * 1_000_000
    entry = AskedMany(
        **_judged(draft, case, why),
        until=until,
        spend=_spend(case),
        people=list(questions.answering(case.state, case.act.system)),
        flag=commitment(salt, REAL.encode()),
    )
    limits = case.envelope.system.manifest.limits
    caps = {} if limits.asks_per_run is None else {"run/asks": limits.asks_per_run}
    written = yield Record(
        entry, parts, case.scopes, caps, judgement.until, match=_match(draft), subjects=_subjects(case)
    )
    match written:
        case Recorded():
            return Reply("pending", draft.action.id, index=written.index, digest=draft.digest, until=until)
        case NotRecorded(code="budget"):
            deferred = msgspec.structs.replace(
                judgement,
                verdict="defer",
                disposition="defer",
                deciding=Finding("asks", "defer", "the run has used up its questions", "ask_budget"),
            )
            return (yield from _refuse(draft, view, case, deferred))
        case _:
            return Reply("unavailable", draft.action.id)


REAL: Final = "real"
"""What the flag of a question is the commitment to, where it is asked for an act that waits; else `decoy`."""

MOST_REFUSED: Final = 64 << 10
"""Bytes of a refused action that are kept beside its entry."""

_WORDS: Final[dict[str, Word]] = {"invalid": "invalid", "configuration": "unavailable"}
"""Codes of findings that are told with another word than `refused`."""


def _match(draft: Draft) -> bytes:
    """What makes a retry the same act: run, tool, its definition, target and arguments; never id or nonce."""
    act = draft.act
    return hashlib.sha256(
        canonical([draft.run, act.phase, act.tool, act.target, draft.action.schema, act.arguments])
    ).digest()


def _redeem(draft: Draft, view: View, found: Event, now: int) -> Draft | Reply | None:
    """The question this act repeats: still open, refused, or approved and so to be judged again and released."""
    if not isinstance(found, Question) or not found.action:
        return None
    asked = _action(found.action)
    if _essence(asked) != _essence(draft.action):
        return None
    if draft.act.resumes is not None and draft.act.resumes.id != asked.id:
        return None
    question = view.state.questions.get(asked.id)
    if question is None or question.used or now >= question.entry.until:
        return None
    if action_digest(found.action) != question.entry.digest:
        return None
    if question.answer is None:
        return Reply("pending", asked.id, digest=question.entry.digest, until=question.entry.until)
    if question.answer.decision != "approve":
        return Reply("refused", asked.id)
    if now >= question.until:
        return None
    # INVARIANT: what is released is the action that was signed, with its own id, nonce and digest.
    return Draft(
        act=draft.act,
        run=draft.run,
        chance=draft.chance,
        action=asked,
        data=found.action,
        digest=action_digest(found.action),
        signed=question.answer_index,
    )


def _resumable(resumed: Resumed, view: View, now: int) -> bool:
    """Whether the question somebody comes back to is still there, unused and about the same bytes."""
    question = view.state.questions.get(resumed.id)
    if question is None or question.used or question.entry.digest != resumed.digest:
        return False
    return now < question.entry.until


def _void(judgement: Judgement) -> Judgement:
    """The same act, refused: what it comes back to is used, over, or another one."""
    finding = Finding("approval", "deny", "the question it comes back to is used, over or another", "void")
    return msgspec.structs.replace(
        judgement,
        verdict="deny",
        disposition="deny",
        deciding=finding,
        findings=(*judgement.findings, finding),
    )


def _essence(action: Action) -> tuple[Any, ...]:
    """What makes two actions the same act: all but id, nonce and the configuration they were asked under."""
    return (
        action.by, action.run, action.system, action.phase, action.event, action.tool, action.target, action.schema,
        canonical(action.arguments),
    )  # fmt: skip


def _action(data: bytes) -> Action:
    members = msgspec.json.decode(data, type=dict[str, Any])
    members.pop("kind", None)
    return msgspec.convert(members, Action)
