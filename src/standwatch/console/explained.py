"""Action and decision: the whole of `explain`, and its proof, to be checked in the page and taken along in one file."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.console.sheet import Sheet, sheet
from standwatch.facts.configuration import Finding
from standwatch.facts.short_words import short_words
from standwatch.record.explanation import Explanation
from standwatch.record.proof import ProofFile
from standwatch.record.render import NOT_SENT, left
from standwatch.serve.control_runs import readable

STANDING: Final = {
    "done": "It was released, and its outcome is in the record.",
    "under_way": "It was released; no outcome is in the record, so what became of it is unknown.",
    "denied": "It was denied: nothing was sent.",
    "pending": "It waits for a person's answer: nothing was sent.",
    "deferred": "It was put off, in a queue of its own, because too much was asked of people: nothing was sent.",
    "expired": "Too few people approved it in time, which counts as a refusal: nothing was sent.",
    "endorsed": "People vouched for a value of it instead: asked for again, it is judged with that.",
    "refused": "A person refused it: nothing was sent.",
    "approved": "A person approved it; it was not asked for again yet, and nothing was sent.",
}


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """One action, or one decision of a model: `action` and `text` of the first, `decision` (`explain` of a decision,
    executed again where it can be) of the second. `proof` is the path of the proof's page."""

    reference: str
    proof: str
    sentence: str = ""
    action: Explanation | None = None
    sheet: Sheet | None = None
    first: int = -1
    """Index of its first entry."""
    decided: Finding | None = None
    """Of a verdict other than allow: the first finding that came to it."""
    words: str = ""
    """Of a question: the short words of its digest."""
    returned: str = ""
    """What came back, as people read it."""
    decision: Any = None
    text: str = ""
    person: str = ""
    """Of a decision: the explanation for the person concerned."""


async def action(ask: Ask) -> ActionView:
    """The page of `/actions/{id}`; the id of a decision gives the decision's first row."""
    return await _view(ask, ask.names["id"], f"/actions/{ask.names['id']}/proof")


async def decision(ask: Ask) -> ActionView:
    """The page of `/decisions/{index}/{row}`."""
    return await _view(ask, _row(ask), f"/decisions/{_row(ask)}/proof")


async def _view(ask: Ask, reference: str, proof: str) -> ActionView:
    # What the record says is shown at once: a model's executor may take a second to start, and more to answer.
    again = ask.twin or bool(ask.query.get("whole"))
    found: Any = await ask.ops.explain(ask.who, reference, ask.as_of, again)
    told = _explanation(found)
    if told is None:
        return ActionView(
            reference=reference, proof=proof, decision=found, text=found.text, person=found.person
        )
    present = told.sent.action.fate == "present"
    return ActionView(
        reference=reference,
        proof=proof,
        sentence=STANDING.get(told.standing, "") if told.standing != "done" or left(told) else NOT_SENT,
        action=told,
        sheet=sheet(told.sent.action.text) if present else None,
        first=min((proof.index for proof in told.proofs), default=told.judged),
        decided=next((one for one in told.findings if _decides(one, told.verdict)), None),
        words=short_words(told.sent.digest) if told.asked is not None else "",
        returned=readable(told.back.result.text.encode()),
        text=found["text"],
    )


def _decides(one: Finding, verdict: str) -> bool:
    return verdict != "allow" and one.decision == verdict and one.reached and one.enforced


def _explanation(found: Any) -> Explanation | None:
    """Of an action; None of a decision."""
    told: Any = cast("dict[str, Any]", found).get("explanation") if isinstance(found, dict) else None
    return told if isinstance(told, Explanation) else None


async def action_proof(ask: Ask) -> ProofFile:
    """What the proof holds; its twin is the file."""
    return await ask.ops.proof(ask.who, ask.names["id"])


async def decision_proof(ask: Ask) -> ProofFile:
    """The same of one row of a decision."""
    return await ask.ops.proof(ask.who, _row(ask))


def _row(ask: Ask) -> str:
    return f"{ask.names['index']}/{ask.names['row']}"


_WHOLE: Final = ("whole",)
"""With it a decision's page waits until it was executed again; without it, that is a region that loads itself."""
ACTION: Final = Page("/actions/{id}", "action", "Action", action, "explained.html", _WHOLE)
DECISION: Final = Page("/decisions/{index}/{row}", "decision", "Decision", decision, "explained.html", _WHOLE)
ACTION_PROOF: Final = Page(
    "/actions/{id}/proof", "action_proof", "Proof", action_proof, "proof.html", past=False
)
DECISION_PROOF: Final = Page(
    "/decisions/{index}/{row}/proof", "decision_proof", "Proof", decision_proof, "proof.html", past=False
)
