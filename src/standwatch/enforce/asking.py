"""What is put to people, and what is put off: the question about an act, and the entry of one that waits. Pure."""

from typing import Final

from standwatch.enforce.answerers import answerers
from standwatch.enforce.case import Case
from standwatch.enforce.doubts import OF_VALUES
from standwatch.enforce.drafting import (
    Draft,
    findings_bytes,
    judged_members,
    match_of,
    salt,
    sealed,
    spend_of,
    subjects_of,
)
from standwatch.enforce.endorsed import endorsable, endorsement
from standwatch.enforce.origins import origins
from standwatch.enforce.steps import Record
from standwatch.facts.asks import DEFERRED
from standwatch.facts.configuration import Finding
from standwatch.facts.entries import AskedMany, Deferred
from standwatch.facts.parts import Part, commitment
from standwatch.record import pace

REAL: Final = "real"
DECOY: Final = "decoy"
"""What the flag of a question commits to: whether it is asked for an act that waits, or to see who looks."""


def shown(case: Case, findings: tuple[Finding, ...]) -> bytes:
    """What is sealed for those who are asked: the findings, the grant, where each value comes from, and for which of
    them they could vouch instead."""
    arguments = case.act.arguments
    vouched = [name for name, value in arguments.items() if endorsement(case, name, value) is not None]
    offered = endorsable(case) if _only_origins(findings) else ()
    labels = origins(case.trail, arguments, vouched)
    return findings_bytes(case, findings, origins=labels, endorsable=[n for n in offered if n not in vouched])


def _only_origins(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing but where a value comes from speaks against the act."""
    against = [one for one in findings if one.decision != "allow" and (one.enforced or one.relaxed >= 0)]
    return bool(against) and all(one.check == "provenance" and one.code in OF_VALUES for one in against)


def question(draft: Draft, case: Case, why: bytes, *, until: int, word: str = REAL) -> Record:
    """The question about `draft`, with `why` (`shown`) sealed beside it. `until`: when the verdict behind it may
    change by itself (µs, 0 for never).

    Real or decoy, it is made here, so the two have one shape. INVARIANT: a decoy is matched by no retry.
    """
    envelope, found = case.envelope, answerers(case)
    assert envelope is not None
    secret = salt(draft, 3)
    parts, bound = sealed(draft, why)
    room = pace.with_room(case.state, found.people, envelope.asks.get("person/asks"), case.now)
    entry = AskedMany(
        **judged_members(draft, case, bound),
        until=case.now + envelope.approval_seconds * 1_000_000,
        spend=spend_of(case),
        people=list(room if len(room) >= found.quorum else found.people),
        quorum=found.quorum,
        ordered=found.ordered,
        flag=commitment(secret, word.encode()),
    )
    match = match_of(draft) if word == REAL else b""
    return Record(
        entry,
        (*parts, Part("flag", b"", secret + word.encode())),
        case.scopes,
        envelope.asks,
        until,
        match=match,
        subjects=subjects_of(case),
        others=case.others,
    )


def deferral(draft: Draft, case: Case, findings: tuple[Finding, ...], code: str) -> Record:
    """The entry of an act that waits until a person pulls it out of the queue; its run's end ends it."""
    parts, why = sealed(draft, shown(case, findings))
    _, run = case.state.runs.get(draft.run, (0, None))
    ends = case.now + DEFERRED
    entry = Deferred(
        **judged_members(draft, case, why),
        until=min(ends, run.until) if run is not None and run.until else ends,
        code=code,
        spend=spend_of(case),
    )
    return Record(entry, parts, match=match_of(draft), subjects=subjects_of(case), others=case.others)
