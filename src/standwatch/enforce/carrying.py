"""Steps 11 to 15 of the passage, once an intent is durable: credential, forward, inspect, outcome, reply."""

from typing import Any

from msgspec.structs import replace

from standwatch.enforce.case import Case
from standwatch.enforce.counting import task_values
from standwatch.enforce.drafting import Draft, back_bytes, salt, subjects_of, to_carry
from standwatch.enforce.masking import came_back, code_of
from standwatch.enforce.ports import Carried, Reply
from standwatch.enforce.reading import read_of
from standwatch.enforce.spending import spent
from standwatch.enforce.steps import Forward, NotRecorded, Record, Recorded, Returned, Steps, View
from standwatch.enforce.warrants import shown_to, warrant_of
from standwatch.facts.configuration import Finding, Returns
from standwatch.facts.entries import Outcome, OutcomeChecked
from standwatch.facts.parts import Part, commitment
from standwatch.facts.words import Word


def carry(  # noqa: PLR0917 - what the steps after an intent are made of
    draft: Draft, view: View, case: Case, intent: Recorded, judged: int, kept: tuple[Finding, ...] = ()
) -> Steps:
    """Steps 11 to 15: credential, forward, inspect, outcome, reply. `kept`: what was found in what goes out and must
    not pass unheard."""
    # INVARIANT: the only way here is a `Recorded` intent: nothing is forwarded before its intent is durable.
    view.trail(draft.run).past.add(draft.act.tool, task_values(case))
    arguments = to_carry(draft)
    upstream = shown_to(draft, case)
    warrant = warrant_of(draft, arguments, intent) if upstream is not None else None
    returned = yield Forward(draft.action.id, case.scopes, arguments, warrant, upstream)
    carried = returned.carried if isinstance(returned, Returned) else Carried("unknown")
    took = returned.took if isinstance(returned, Returned) else 0
    at = replace(case, now=returned.now, relaxed=view.relaxed(returned.now))
    back = came_back(at, carried, view.masks(draft.run), draft.masked)
    if not back.withheld:
        _learn(draft, view, case, carried)
    part = Part("result", salt(draft, 2), carried.result)
    sums = spent(case, carried)
    members: dict[str, Any] = {
        "by": draft.act.caller.principal,
        "id": draft.action.id,
        "of": intent.index,
        "status": carried.status,
        "took": {"judge": judged, "upstream": max(took, 0), "record": max(intent.now - intent.at, 0)},
        "result": commitment(part.salt, part.data) if part.data else "",
    }
    parts = (part,) if part.data else ()
    outcome = OutcomeChecked(**members, spent=sums) if sums else Outcome(**members)
    findings = (*kept, *back.findings)
    if findings:
        why = Part("findings", salt(draft, 3), back_bytes(findings, back.table))
        parts = (*parts, why)
        outcome = OutcomeChecked(
            **members,
            spent=sums,
            why=commitment(why.salt, why.data),
            code=code_of(findings),
            system=draft.act.system,
            withheld=back.withheld,
        )
    view.trail(draft.run).hear(draft.action.id)
    # An irreversible effect is reported only once its outcome is durable; the others may be told at once.
    written = yield Record(outcome, parts, subjects=subjects_of(case), wait=case.effect == "irreversible")
    if isinstance(written, NotRecorded) and case.effect == "irreversible":
        return Reply("unavailable", draft.action.id, index=intent.index)
    word: Word = "unavailable" if carried.status in ("timeout", "not_sent", "unknown") else "done"
    return Reply(word, draft.action.id, back.carried, index=intent.index)


def _learn(draft: Draft, view: View, case: Case, carried: Carried) -> None:
    """Step 13: label what came back, so that later arguments can be traced to it."""
    read = read_of(
        draft.act.event,
        draft.act.tool,
        draft.action.id,
        carried.result,
        returns=case.tool.tool.returns if case.tool is not None else Returns(),
        seam=draft.act.seam,
        status=carried.status,
    )
    if read is not None:
        view.trail(draft.run).learn(read)
