"""The passage: the one machine every act goes through (DESIGN.md §5). It does no I/O.

A generator that yields commands and receives events, read top to bottom like a checklist. Whoever drives it
executes the commands; a test drives it in any order it likes. Time and chance arrive inside the events.
"""

from typing import Final, assert_never, cast

import msgspec
from msgspec.structs import replace

from standwatch.enforce.answerers import unasked
from standwatch.enforce.asking import deferral, question, shown
from standwatch.enforce.carrying import carry
from standwatch.enforce.case import Case
from standwatch.enforce.counting import task_caps
from standwatch.enforce.drafting import (
    Draft,
    arguments_digest,
    case_of,
    draft_of,
    findings_bytes,
    judged_members,
    match_of,
    sealed,
    spend_of,
    subjects_of,
)
from standwatch.enforce.hearing import overhear
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.llms import generation_arguments, withdraws, without_tools
from standwatch.enforce.looking import failed
from standwatch.enforce.masking import alarms, modifies, opened, with_tokens
from standwatch.enforce.masks import Full
from standwatch.enforce.ports import Act, Carried, Reply
from standwatch.enforce.redeeming import redeem, resumable
from standwatch.enforce.relaxing import tighter
from standwatch.enforce.steps import (
    Begin,
    FindQuestion,
    NotRecorded,
    Record,
    Recorded,
    Steps,
    View,
)
from standwatch.facts.configuration import Finding
from standwatch.facts.entries import AskedMany, Denied, Intent
from standwatch.facts.errors import Malformed
from standwatch.facts.ids import new_id
from standwatch.facts.llm import Prompt
from standwatch.facts.parts import MOST_REFUSED
from standwatch.facts.words import Word
from standwatch.record.known import prompts

ROUNDS: Final = 8
"""How often an act is judged again because something was sequenced meanwhile, before it is `unavailable`."""


def passage(act: Act, view: View, begin: Begin) -> Steps:
    """Take `act` through: judge, ask, record, forward, record, reply. Returns the reply; never raises."""
    for _ in range(ROUNDS):
        try:
            return (yield from _once(act, view, begin))
        except _Behind as behind:  # nothing has left, and what was not known is known now
            begin = replace(begin, now=behind.now)
    return Reply("unavailable", act.id or new_id(begin.now, begin.chance))


class _Behind(Exception):
    """A refusal or a question was not written: the run had read more than its verdict knew."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self.now = now


def _once(act: Act, view: View, begin: Begin) -> Steps:
    """`act` judged on what is known of its run."""
    now = begin.now
    try:
        act = opened(act, view.masks(begin.run))
        draft = draft_of(act, view, begin)
    except Malformed:
        return Reply("invalid", new_id(now, begin.chance))
    for _ in range(ROUNDS):
        case = case_of(draft, view, now)
        judgement = judge(case)
        if act.resumes is not None and draft.signed < 0 and not resumable(act.resumes, view, now):
            return (yield from _refuse(draft, view, case, _void(judgement)))
        if not draft.withdrawn and judgement.disposition != "deny" and withdraws(judgement.findings):
            draft = _withdrawn(draft, view, begin)
            continue
        if draft.modified is None and modifies(judgement.findings):
            changed = _modified(draft, view, begin, case)
            if isinstance(changed, Finding):
                return (yield from _refuse(draft, view, case, _decided(judgement, changed)))
            if changed is not None:
                draft = changed
                continue
        match judgement.disposition:
            case "allow" | "modify":
                pass
            case "step_up" if draft.signed >= 0:
                pass
            case "defer" if (
                draft.signed >= 0
            ):  # an approval answers a question; it does not end what puts off
                return Reply("pending", draft.action.id)
            case "step_up" | "defer":
                found = yield FindQuestion(draft.run, match_of(draft))
                now = found.now
                carried = redeem(draft, view, found, now)
                if isinstance(carried, Reply):
                    return carried
                if carried is not None:
                    draft = carried
                    continue
                if act.resumes is not None:  # INVARIANT: who comes back to a question never asks another one
                    return (yield from _refuse(draft, view, case, _void(judgement)))
                step = _ask if judgement.disposition == "step_up" else _defer
                return (yield from step(draft, view, case, judgement))
            case "deny":
                return (yield from _refuse(draft, view, case, judgement))
            case _:
                assert_never(judgement.disposition)
        trail, prompting = view.trail(draft.run), prompts(act.tool)
        if act.prompt is not None:  # as it came: whatever is masked in what leaves was read here
            overhear(trail, act.prompt, act.tool.partition(".")[0], draft.action.id)
        if prompting:
            trail.prompted(draft.action.id)
        written = yield _intent(draft, view, case, judgement)
        now = written.now
        if prompting and isinstance(written, NotRecorded):
            trail.unprompted(draft.action.id)
        match written:
            case Recorded():
                return (
                    yield from carry(draft, view, case, written, now - begin.now, alarms(judgement.findings))
                )
            case NotRecorded(code="stale" | "behind"):
                continue
            case NotRecorded():
                return (yield from _refuse_late(draft, view, case, judgement, written))
            case _:
                return Reply("unavailable", draft.action.id)
    return Reply("unavailable", draft.action.id)


def _intent(draft: Draft, view: View, case: Case, judgement: Judgement) -> Record:
    """Step 10: the intent, to be appended only if nothing was sequenced that now forbids it."""
    more = {"masks": draft.masked} if draft.masked else {}
    parts, why = sealed(draft, findings_bytes(case, judgement.findings, **more))
    disposition = "allow" if judgement.disposition == "step_up" else judgement.disposition
    entry = Intent(
        **judged_members(draft, case, why),
        verdict=judgement.verdict,
        disposition=disposition,
        signed=draft.signed,
        sent=arguments_digest(draft) if draft.modified is not None or draft.withdrawn else "",
        spend=spend_of(case),
    )
    caps = tighter(_caps(case), judgement.caps)
    if draft.signed < 0:
        caps = tighter(caps, task_caps(case))
    return Record(
        entry,
        parts,
        case.scopes,
        caps,
        judgement.until,
        subjects=subjects_of(case),
        relaxed=judgement.relaxed,
        # No rule about a generation asks where a value came from: many of one run may leave at once.
        others=None if prompts(case.act.tool) else case.others,
    )


def _modified(draft: Draft, view: View, begin: Begin, case: Case) -> Draft | Finding | None:
    """The act with what is masked; what refuses it where nothing more can be masked; None where nothing is to be."""
    # INVARIANT: what a check changed is judged again, and only that is asked about, signed, recorded and sent.
    try:
        changed = with_tokens(case, view.masks(draft.run))
        if changed is None:
            return None
        act, finding, table = changed
        again = draft_of(act, view, begin)
    except (Full, Malformed, msgspec.MsgspecError, OverflowError) as error:
        return failed(str(error))
    return replace(again, modified=finding, masked=table, withdrawn=draft.withdrawn)


def _withdrawn(draft: Draft, view: View, begin: Begin) -> Draft:
    """The same generation with no tools offered: that, and nothing else, is judged, recorded and sent."""
    prompt = without_tools(cast("Prompt", draft.act.prompt))
    act = replace(draft.act, prompt=prompt, arguments=generation_arguments(prompt))
    return replace(draft_of(act, view, begin), withdrawn=True)


def _caps(case: Case) -> dict[str, int]:
    if case.tool is not None:
        return case.tool.caps
    return case.envelope.caps if case.envelope is not None else {}


def _refuse(draft: Draft, view: View, case: Case, judgement: Judgement) -> Steps:
    """Record the refusal; the caller hears one word whatever was found."""
    parts, why = sealed(draft, findings_bytes(case, judgement.findings))
    code = judgement.deciding.code or judgement.deciding.check
    # A refusal costs us no more than it costs the caller: digests stand for the rest.
    parts = tuple(part for part in parts if part.name == "findings" or len(part.data) <= MOST_REFUSED)
    entry = Denied(**judged_members(draft, case, why), code=code, verdict=judgement.verdict)
    written = yield Record(entry, parts, subjects=subjects_of(case), others=case.others)
    if isinstance(written, NotRecorded) and written.code == "behind":
        raise _Behind(written.now)
    if not isinstance(written, Recorded):
        return Reply("unavailable", draft.action.id)
    word: Word = _WORDS.get(code, "refused")
    # Of the two kinds of `unavailable` this is the one after which trying again is right: nothing has left.
    nothing = Carried("not_sent") if word == "unavailable" else None
    return Reply(word, draft.action.id, nothing, index=written.index, code=code)


def _refuse_late(draft: Draft, view: View, case: Case, judgement: Judgement, refusal: NotRecorded) -> Steps:
    """The sequencer said no: a budget, a consumed approval, a run that ended, or a record that cannot be written."""
    if refusal.code in ("unrecorded", "unknown", "duplicate"):
        return Reply("refused" if refusal.code == "duplicate" else "unavailable", draft.action.id)
    late = _decided(judgement, Finding("sequencer", "deny", refusal.detail, refusal.code))
    return (yield from _refuse(draft, view, case, late))


def _ask(draft: Draft, view: View, case: Case, judgement: Judgement) -> Steps:
    """Step 9: put the question into the record. It waits there for a named person; nobody holds a connection."""
    if (nobody := unasked(case)) is not None:
        return (yield from _refuse(draft, view, case, _decided(judgement, nobody)))
    command = question(draft, case, shown(case, judgement.findings), until=judgement.until)
    written = yield command
    match written:
        case Recorded() if isinstance(command.entry, AskedMany):
            until = command.entry.until
            return Reply("pending", draft.action.id, index=written.index, digest=draft.digest, until=until)
        case NotRecorded(code="budget"):
            finding = Finding("asks", "defer", f"too much was asked already: {written.detail}", "ask_budget")
            return (yield from _defer(draft, view, case, _decided(judgement, finding)))
        case NotRecorded(code="behind"):
            raise _Behind(written.now)
        case _:
            return Reply("unavailable", draft.action.id)


def _defer(draft: Draft, view: View, case: Case, judgement: Judgement) -> Steps:
    """Queue the act once: it is not done, and nobody is asked unless a person pulls it out of the queue."""
    code = judgement.deciding.code or judgement.deciding.check
    written = yield deferral(draft, case, judgement.findings, code)
    match written:
        case Recorded():
            return Reply("pending", draft.action.id, index=written.index)
        case NotRecorded(code="budget"):
            return (yield from _refuse(draft, view, case, judgement))
        case NotRecorded(code="behind"):
            raise _Behind(written.now)
        case _:
            return Reply("unavailable", draft.action.id)


_WORDS: Final[dict[str, Word]] = {"invalid": "invalid", "configuration": "unavailable"}
"""Codes of findings that are told with another word than `refused`."""


def _void(judgement: Judgement) -> Judgement:
    """The same act, refused: what it comes back to is used, over, or another one."""
    finding = Finding("approval", "deny", "the question it comes back to is used, over or another", "void")
    return _decided(judgement, finding)


def _decided(judgement: Judgement, finding: Finding) -> Judgement:
    """The judgement as one finding more decides it."""
    return msgspec.structs.replace(
        judgement,
        verdict=finding.decision,
        disposition=finding.decision,
        deciding=finding,
        findings=(*judgement.findings, finding),
    )
