"""What is decided, row by row: inside the validated range by the model, else by the fallback. It does no I/O."""

from collections.abc import Generator, Sequence
from typing import Final

from standwatch.authority.grant import Grant, decision_permission, permits
from standwatch.authority.tiers import tier
from standwatch.enforce.answering import RANGE_CODES, RowResult, fall_back
from standwatch.enforce.case import Case
from standwatch.enforce.contract import problem
from standwatch.enforce.deciding_steps import AskModel, Batch, Command, Event, Heard, Stop, View
from standwatch.facts.configuration import Finding
from standwatch.facts.decisions import Predicted, Trouble
from standwatch.record.outcomes import outcome_of
from standwatch.record.serving import Serving


def decide(
    batch: Batch, case: Case, stop: Stop, route: Serving | None, view: View
) -> Generator[Command, Event, int]:
    """Fill in the result of every row; returns the time."""
    now = case.now
    open_rows = _readable(batch)
    if stop[0]:
        fall(batch, open_rows, *stop)
    else:
        inside = _inside(batch, open_rows)
        if inside:
            now = yield from _infer(batch, inside)
    if batch.envelope.model.fallback.kind == "previous":
        now = yield from _previous(batch, case, route, view, now)
    return now


def too_weighty(grant: Grant, case: Case) -> bool:
    """DESIGN §4: what a supervised system of tier 3, as declared or as measured, would decide goes to the fallback."""
    supervised = grant.level == "supervised"
    return supervised and decision_permission(grant.level, tier(case.state, case.act.system)) == "fallback"


def _readable(batch: Batch) -> list[int]:
    """The rows that could be read; the others are answered by the fallback, and nobody else suffers."""
    problems = batch.ask.problems
    for index, reason in problems.items():
        batch.results[index] = _fallen(batch, index, "unreadable", reason)
    return [index for index in range(len(batch.results)) if index not in problems]


def _inside(batch: Batch, indices: list[int]) -> list[int]:
    """Those of the rows that lie inside the validated range."""
    if stale := batch.envelope.stale(batch.ask.parameters):
        fall(batch, indices, "stale", stale)
        return []
    rows = batch.ask.rows.rows
    found = batch.envelope.validity.check_all([rows[index] for index in indices])
    inside: list[int] = []
    for index, (code, reason) in zip(indices, found, strict=True):
        if code:
            batch.results[index] = _fallen(batch, index, code, reason)
        else:
            inside.append(index)
    return inside


def _infer(batch: Batch, indices: list[int]) -> Generator[Command, Event, int]:
    """Ask the deployed version, and hold its answer against the contract."""
    heard = yield _asking(batch, batch.version, indices)
    if not isinstance(heard, Heard):
        fall(batch, indices, "upstream_error", "the model was not asked")
        return heard.now
    batch.took += heard.took
    predicted = heard.predicted
    wrong = _wrong(batch, predicted, len(indices), batch.version, batch.digest)
    if wrong is not None:
        batch.findings.append(wrong)
        fall(
            batch, indices, wrong.code, ""
        )  # once, in the finding: a server's words are not kept for every row
        return heard.now
    assert isinstance(predicted, Predicted)
    batch.served, batch.used = _said(predicted), predicted.used
    _take(batch, indices, predicted)
    return heard.now


def _asking(batch: Batch, version: str, indices: list[int]) -> AskModel:
    rows = batch.ask.rows.rows
    chosen = rows if len(indices) == len(rows) else [rows[index] for index in indices]
    return AskModel(version, chosen, tuple(indices), batch.envelope.model.deadline_ms / 1_000)


def _said(predicted: Predicted) -> dict[str, str]:
    said = {"version": predicted.version, "digest": predicted.digest}
    return {name: value for name, value in said.items() if value}


def _wrong(
    batch: Batch, predicted: Predicted | Trouble, rows: int, version: str, digest: str
) -> Finding | None:
    """Why an answer is not served: it is none, another version gave it, or it is not what the contract says."""
    if isinstance(predicted, Trouble):
        return _against(predicted.code, predicted.text)
    expected = batch.envelope.served_as(version)
    if predicted.version and expected and predicted.version != expected:
        batch.served = _said(predicted)
        return _against("version_mismatch", f"version {predicted.version} answered, {expected} is deployed")
    if predicted.digest and digest and predicted.digest != digest:
        batch.served = _said(predicted)
        text = f"the model that answered has the digest {predicted.digest[:16]}…, deployed is {digest[:16]}…"
        return _against("digest_mismatch", text)
    code, reason = problem(batch.envelope.model.outputs, predicted.outputs, rows)
    return _against(code, reason) if code else None


def _against(code: str, reason: str) -> Finding:
    return Finding("model", "deny", reason[:LONGEST], code)


LONGEST: Final = 300
"""Characters of a reason that are kept: servers write them."""


def _take(batch: Batch, indices: Sequence[int], predicted: Predicted, version: str = "") -> None:
    """The model's answers become the rows' results; those from which it abstains go to the fallback."""
    model = batch.envelope.model
    columns = [predicted.outputs[output.name] for output in model.outputs]
    results = batch.results
    for index, outputs in zip(indices, zip(*columns, strict=True), strict=True):
        given = list(outputs)
        reading = outcome_of(model, given)
        if reading.abstained and not version:
            results[index] = _fallen(batch, index, "abstained", "the model abstains")
        elif not reading.abstained:
            former = results[index]
            route = "previous" if version else "model"
            code, reason = (former.code, former.reason) if former is not None and version else ("", "")
            results[index] = RowResult(given, reading.outcome, route, code, reason, version)


def fall(batch: Batch, indices: Sequence[int], code: str, reason: str) -> None:
    """These rows are answered by the fallback, for this."""
    for index in indices:
        batch.results[index] = _fallen(batch, index, code, reason)


def _fallen(batch: Batch, index: int, code: str, reason: str) -> RowResult:
    return fall_back(batch.envelope.model, batch.ask.rows.rows[index], code, reason[:LONGEST])


def _previous(
    batch: Batch, case: Case, route: Serving | None, view: View, now: int
) -> Generator[Command, Event, int]:
    """The version before answers what this one may not or cannot, where nothing stops that one too."""
    before = route.previous if route is not None else ""
    if route is None or not before or before == batch.version or not view.recording:
        return now
    waiting = [
        index
        for index, result in enumerate(batch.results)
        if result is not None and result.code and result.code not in NOT_PREVIOUS
    ]
    waiting = _still_inside(batch, waiting)
    if not waiting or not _may(batch, case, before, view, now):
        return now
    heard = yield _asking(batch, before, waiting)
    if not isinstance(heard, Heard):
        return heard.now
    batch.took += heard.took
    predicted = heard.predicted
    wrong = _wrong(batch, predicted, len(waiting), before, route.digest_of(before) or "")
    if wrong is not None:
        batch.findings.append(wrong)
    elif isinstance(predicted, Predicted):
        _take(batch, waiting, predicted, before)
    return heard.now


def _still_inside(batch: Batch, waiting: list[int]) -> list[int]:
    """Those inside the validated range: where the model was stopped before its rows were looked at, nobody has yet."""
    kept = {index: batch.results[index] for index in waiting}
    inside = _inside(batch, waiting) if waiting else []
    for index in inside:
        batch.results[index] = kept[index]
    return inside


def _may(batch: Batch, case: Case, version: str, view: View, now: int) -> bool:
    """Whether `version` has the authority to decide, itself: neither held nor without evidence of its own."""
    own = (scope for scope in case.scopes if scope.startswith(("agent:", "run:")))
    scopes = (*batch.envelope.scopes, f"version:{batch.envelope.name}@{version}", *own)
    if case.state.held(scopes, now) or view.stopped(scopes):
        return False
    grant = view.front_grant(batch.ask.system, batch.envelope.name, version, now)
    return permits(grant.level, "decision") == "envelope" and not too_weighty(grant, case)


NOT_PREVIOUS: Final = RANGE_CODES | {
    "restricted",
    "halted",
    "supervised",
    "unrecorded",
    "undeployed",
    "not_deployed",
}
"""What the version before is no answer to: it was validated for no more, and has no other authority."""
