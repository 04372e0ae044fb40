"""The passage of a decision: the same checks, the same record, another order (DESIGN.md §5). It does no I/O.

A model that was asked has done nothing yet; what leaves is its answer. So a decision is one entry, sequenced and
durable between the model's answer and the caller's: whatever was sequenced meanwhile, a hold or a rollback, is seen
before anybody hears it, and then the rows are judged again.
"""

import hashlib
from collections.abc import Generator, Sequence
from typing import Any, Final, Protocol

import msgspec

from standwatch.authority.grant import Grant, decision_permission, permits
from standwatch.authority.tiers import tier
from standwatch.enforce.answering import RANGE_CODES, RowResult, fall_back
from standwatch.enforce.case import Case
from standwatch.enforce.contract import differs, problem
from standwatch.enforce.envelope import ModelEnvelope
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.ports import Act, Caller
from standwatch.enforce.steps import Begin, NotRecorded, Record, Recorded
from standwatch.enforce.steps import View as AnyView
from standwatch.facts.configuration import Finding
from standwatch.facts.decisions import (
    Answer,
    Ask,
    Context,
    Predicted,
    Row,
    RowAnswer,
    RowRecord,
    Trouble,
)
from standwatch.facts.entries import Decided, Denied
from standwatch.facts.frames import RowPart
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part, commitment
from standwatch.facts.words import SENTENCES, Seam, Word, lower
from standwatch.record.outcomes import outcome_of
from standwatch.record.rows import join, root_of, row_bytes, row_leaf, row_salt
from standwatch.record.serving import Serving

ROUNDS: Final = 8
"""How often rows are judged again because something was sequenced meanwhile, before they are `unavailable`."""

CHANCE: Final = 10 + 8 + 2 * 32
"""Random bytes one request uses: its id, the canary's lot, the salts of its context and of its rows."""

MOST_USED: Final = 256
"""Ids of other decisions and calls that one entry names."""

WHOLE: Final = -1
HASHES: Final = -2
"""Rows of a `RowPart` that are no row (`store.sealing`): the whole batch, and its leaf hashes."""

SERVED_LATE: Final = frozenset({"held", "halted", "restricted"})
"""Codes of refusals that a declared fallback answers instead: the system may not decide, but the service goes on."""


class AskModel(msgspec.Struct, frozen=True):
    """Ask version `version` about `rows` within `within` seconds. The event is `Heard`."""

    version: str
    rows: list[Row]
    indices: tuple[int, ...]
    """Which of the request's rows these are."""
    within: float


class Heard(msgspec.Struct, frozen=True):
    """What the model server said, µs after it was asked."""

    now: int
    predicted: Predicted | Trouble
    took: int = 0


class View(AnyView, Protocol):
    """The world as a decision may look at it, always as it is now."""

    def canary_grant(self, system: str, model: str, now: int) -> Grant:
        """The grant that `system` would have with the canary of `model` in front."""
        ...

    @property
    def recording(self) -> bool:
        """Whether what is decided now has a chance of being recorded."""
        ...


Command = Record | AskModel
Event = Recorded | NotRecorded | Heard
Steps = Generator[Command, Event, Answer]


class Batch(msgspec.Struct):
    """One request on its way: what does not change however often it is judged, and the rows' results so far."""

    ask: Ask
    caller: Caller
    seam: Seam
    ident: str
    run: str
    chance: bytes
    begun: int
    envelope: ModelEnvelope
    results: list[RowResult | None]
    version: str = ""
    digest: str = ""
    served: dict[str, str] = {}
    findings: list[Finding] = []
    used: tuple[str, ...] = ()
    """What the model used while it ran."""
    took: int = 0


def deciding(caller: Caller, ask: Ask, view: View, begin: Begin, seam: Seam = "proxy") -> Steps:
    """Take the rows of `ask` through: judge, ask the model, judge its answer, record, reply. Never raises."""
    ident, now = new_id(begin.now, begin.chance[:10]), begin.now
    envelope = _envelope(view, ask)
    act = _act(caller, ask, envelope, seam, ident)
    if envelope is None:
        return (yield from _refuse(_case(act, view, run=begin.run, now=now), ident, begin.chance))
    if wrong := _misshapen(envelope, ask):
        case = _case(act, view, run=begin.run, now=now, envelope=envelope)
        found = judge(case)
        if found.disposition in ("allow", "modify"):
            found = _against(found, ("invalid", wrong))
        refused = yield from _refuse(case, ident, begin.chance, found)
        return msgspec.structs.replace(refused, message=wrong) if refused.word == "invalid" else refused
    fresh = Batch(ask, caller, seam, ident, begin.run, begin.chance, now, envelope, [])
    for _ in range(ROUNDS):
        batch = msgspec.structs.replace(fresh, results=[None] * len(ask.rows.rows), findings=[], served={})
        route = view.state.routes.get(f"{ask.system}/{envelope.name}")
        batch.version, batch.digest, stop = _choose(batch, route, view, now)
        case = _case(act, view, run=batch.run, now=now, envelope=envelope, version=batch.version)
        if route is not None and batch.version == route.canary:
            case = _under_the_lower(case, view.canary_grant(ask.system, envelope.name, now))
        judgement = judge(case)
        if judgement.disposition not in ("allow", "modify"):
            code = judgement.deciding.code
            if code not in SERVED_LATE or envelope.model.fallback.kind == "refuse":
                return (yield from _refuse(case, ident, begin.chance, judgement))
            stop = (code, judgement.deciding.reason)
        elif not view.recording:
            stop = ("unrecorded", "the record cannot be written")
        elif stop[0] == "not_deployed":
            return (yield from _refuse(case, ident, begin.chance, _against(judgement, stop)))
        elif not stop[0] and _too_weighty(case):
            stop = ("supervised", "a supervised system of tier 3 does not decide")
        now = yield from _decide(batch, case, stop, route)
        written = yield _record(batch, case, judgement, now)
        now = written.now
        match written:
            case Recorded():
                return _told(batch, case, written.index)
            case NotRecorded(code="stale"):
                continue
            case NotRecorded(code="unrecorded"):
                return _unrecorded(batch, case)
            case NotRecorded():
                late = _against(judgement, (written.code, written.detail))
                return (yield from _refuse(case, ident, begin.chance, late))
            case _:
                return _answer("unavailable", ident)
    return _answer("unavailable", ident)


# --- who decides ---------------------------------------------------------------------------------------------


def _envelope(view: View, ask: Ask) -> ModelEnvelope | None:
    system = view.world.envelopes.get(ask.system)
    if system is None:
        return None
    if not ask.model and len(system.models) == 1:
        return next(iter(system.models.values()))
    return system.models.get(ask.model)


def _act(caller: Caller, ask: Ask, envelope: ModelEnvelope | None, seam: Seam, ident: str) -> Act:
    name = envelope.name if envelope is not None else ask.model
    return Act(
        caller=caller,
        system=ask.system,
        event="decision",
        tool=f"{name}.decision",
        target=name,
        arguments={},
        seam=seam,
        id=ident,
    )


def _case(
    act: Act, view: View, *, run: str, now: int, envelope: ModelEnvelope | None = None, version: str = ""
) -> Case:
    state, world = view.state, view.world
    own = (f"agent:{act.caller.principal}", f"run:{run}")
    scopes = (*envelope.scopes, f"version:{envelope.name}@{version}", *own) if envelope is not None else own
    return Case(
        act=act,
        run=run,
        now=now,
        seen=state.seen,
        conf=max(state.config, 0),
        world=world,
        state=state,
        grant=view.grant(act.system, now),
        envelope=world.envelopes.get(act.system),
        tool=None,
        effect="read",
        scopes=scopes,
        trail=view.trail(run),
        valid=None,
    )


def _too_weighty(case: Case) -> bool:
    """DESIGN §4: what a supervised system of tier 3, as declared or as measured, would decide goes to the fallback."""
    level = case.grant.level
    return (
        level == "supervised" and decision_permission(level, tier(case.state, case.act.system)) == "fallback"
    )


def _misshapen(envelope: ModelEnvelope, ask: Ask) -> str:
    """Why the request as a whole cannot be served: it could not be read, or takes an output for what it is not."""
    if not ask.rows.rows or WHOLE in ask.problems:
        return ask.problems.get(WHOLE, "there are no rows")
    for name, expected in ask.expects.items():
        declared = next((output for output in envelope.model.outputs if output.name == name), None)
        if declared is None:
            return f"there is no output {name!r} here"
        if wrong := differs(declared, expected):
            return wrong
    return ""


Stop = tuple[str, str]
"""Why the model does not answer at all: code and reason; empty strings where it may."""


def _against(judgement: Judgement, stop: Stop) -> Judgement:
    """The judgement with one more finding, that decides."""
    code, reason = stop
    finding = Finding("sequencer", "deny", reason, code)
    return msgspec.structs.replace(
        judgement,
        verdict="deny",
        disposition="deny",
        deciding=finding,
        findings=(*judgement.findings, finding),
    )


def _under_the_lower(case: Case, other: Grant) -> Case:
    """A canary decides under its own evidence, and under no more than the version in front."""
    lowest = lower(case.grant.level, other.level)
    return case if lowest == case.grant.level else msgspec.structs.replace(case, grant=other)


def _choose(batch: Batch, route: Serving | None, view: View, now: int) -> tuple[str, str, Stop]:
    """The version that answers this request, its digest, and why none may."""
    wanted = batch.ask.version
    if route is None or not route.version:
        return "", "", ("undeployed", "no version is deployed")
    if wanted:
        digest = {route.version: route.digest, route.canary: route.canary_digest}.get(wanted)
        if digest is None:
            return "", "", ("not_deployed", f"version {wanted} is not deployed")
        return wanted, digest, _GO
    if route.canary and _lot(batch) < route.share:
        # What a validator has rejected since is not tried on people any more.
        level = view.canary_grant(batch.ask.system, batch.envelope.name, now).level
        if permits(level, "decision") == "envelope":
            return route.canary, route.canary_digest, _GO
    return route.version, route.digest, _GO


_GO: Final[Stop] = ("", "")


def _lot(batch: Batch) -> int:
    """Ten thousand lots: one data subject always draws the same, so that nobody is decided about twice differently."""
    subjects = batch.envelope.subjects
    if subjects and len(batch.ask.rows.rows) == 1:
        row = batch.ask.rows.rows[0]
        named = msgspec.json.encode([batch.envelope.name, [row[place] for place in subjects]])
        return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") % 10_000
    return int.from_bytes(batch.chance[10:18], "big") % 10_000


# --- what is decided -----------------------------------------------------------------------------------------


def _decide(batch: Batch, case: Case, stop: Stop, route: Serving | None) -> Generator[Command, Event, int]:
    """Fill in the result of every row; returns the time."""
    now = case.now
    open_rows = _readable(batch)
    if stop[0]:
        _fall(batch, open_rows, *stop)
    else:
        inside = _inside(batch, open_rows)
        if inside:
            now = yield from _infer(batch, inside)
    if batch.envelope.model.fallback.kind == "previous":
        now = yield from _previous(batch, case, route, now)
    return now


def _readable(batch: Batch) -> list[int]:
    """The rows that could be read; the others are answered by the fallback, and nobody else suffers."""
    problems = batch.ask.problems
    for index, reason in problems.items():
        batch.results[index] = _fallen(batch, index, "unreadable", reason)
    return [index for index in range(len(batch.results)) if index not in problems]


def _inside(batch: Batch, indices: list[int]) -> list[int]:
    """Those of the rows that lie inside the validated range."""
    if stale := batch.envelope.stale(batch.ask.parameters):
        _fall(batch, indices, "stale", stale)
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
        _fall(batch, indices, "upstream_error", "the model was not asked")
        return heard.now
    batch.took += heard.took
    predicted = heard.predicted
    wrong = _wrong(batch, predicted, len(indices))
    if wrong is not None:
        batch.findings.append(wrong)
        _fall(batch, indices, wrong.code, wrong.reason)
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


def _wrong(batch: Batch, predicted: Predicted | Trouble, rows: int) -> Finding | None:
    """Why an answer is not served: it is none, another version gave it, or it is not what the contract says."""
    if isinstance(predicted, Trouble):
        return Finding("model", "deny", predicted.text, predicted.code)
    expected = batch.envelope.served_as(batch.version)
    if predicted.version and expected and predicted.version != expected:
        reason = f"version {predicted.version} answered, {expected} is deployed"
        batch.served = _said(predicted)
        return Finding("model", "deny", reason, "version_mismatch")
    if predicted.digest and batch.digest and predicted.digest != batch.digest:
        reason = f"the model that answered has the digest {predicted.digest[:16]}…, deployed is {batch.digest[:16]}…"
        batch.served = _said(predicted)
        return Finding("model", "deny", reason, "digest_mismatch")
    code, reason = problem(batch.envelope.model.outputs, predicted.outputs, rows)
    return Finding("model", "deny", reason, code) if code else None


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


def _fall(batch: Batch, indices: Sequence[int], code: str, reason: str) -> None:
    for index in indices:
        batch.results[index] = _fallen(batch, index, code, reason)


def _fallen(batch: Batch, index: int, code: str, reason: str) -> RowResult:
    return fall_back(batch.envelope.model, batch.ask.rows.rows[index], code, reason)


def _previous(batch: Batch, case: Case, route: Serving | None, now: int) -> Generator[Command, Event, int]:
    """The version before answers what this one may not or cannot, where nothing stops that one too."""
    waiting = [
        index
        for index, result in enumerate(batch.results)
        if result is not None and result.code and result.code not in NOT_PREVIOUS
    ]
    before = route.previous if route is not None else ""
    if not waiting or not before or before == batch.version:
        return now
    scopes = (*batch.envelope.scopes, f"version:{batch.envelope.name}@{before}", *case.scopes[-2:])
    if case.state.held(scopes, now):
        return now
    heard = yield _asking(batch, before, waiting)
    if not isinstance(heard, Heard):
        return heard.now
    batch.took += heard.took
    predicted = heard.predicted
    expected = batch.envelope.served_as(before)
    if isinstance(predicted, Predicted) and predicted.version in ("", expected):
        code, _ = problem(batch.envelope.model.outputs, predicted.outputs, len(waiting))
        if not code:
            _take(batch, waiting, predicted, before)
    return heard.now


NOT_PREVIOUS: Final = RANGE_CODES | {
    "restricted",
    "halted",
    "supervised",
    "unrecorded",
    "undeployed",
    "not_deployed",
}
"""What the version before is no answer to: it was validated for no more, and has no other authority."""


# --- what is written -----------------------------------------------------------------------------------------


def _record(batch: Batch, case: Case, judgement: Judgement, now: int) -> Record:
    """The decisions, to be appended only if nothing was sequenced that now forbids them."""
    salt = batch.chance[50:82]
    results = [result for result in batch.results if result is not None]
    rows = [row_bytes(_row(row, result)) for row, result in zip(batch.ask.rows.rows, results, strict=True)]
    leaves = [row_leaf(row_salt(salt, index), data) for index, data in enumerate(rows)]
    context = Part("context", batch.chance[18:50], _encode(_context(batch, judgement)))
    routes = _counts(result.route for result in results)
    entry = Decided(
        by=batch.caller.principal,
        id=batch.ident,
        run=batch.run,
        system=batch.ask.system,
        model=batch.envelope.name,
        version=batch.version,
        served=batch.digest,
        rows=len(rows),
        tree=root_of(leaves).hex(),
        routes={} if routes.keys() == {"model"} else routes,
        codes=_counts(result.code for result in results if result.code),
        seen=case.seen,
        why=commitment(context.salt, context.data),
        conf=case.conf,
        grant=case.grant.level,
        seam=batch.seam,
        used=list(dict.fromkeys((*batch.ask.used, *batch.used)))[:MOST_USED],
        took={"model": batch.took, "all": max(now - batch.begun, 0)},
    )
    caps = case.envelope.caps if case.envelope is not None else {}
    return Record(
        entry,
        (context,),
        _fenced(batch, case),
        caps,
        judgement.until,
        rows=_parts(batch, rows, leaves, salt),
    )


def _fenced(batch: Batch, case: Case) -> tuple[str, ...]:
    """The scopes of the request, and of the version before where it answered."""
    before = {result.version for result in batch.results if result is not None and result.version}
    return (*case.scopes, *(f"version:{batch.envelope.name}@{version}" for version in sorted(before)))


def _counts(words: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found


def _row(row: Row, result: RowResult) -> RowRecord:
    return RowRecord(
        received=row,
        outputs=result.outputs,
        outcome=result.outcome,
        route=result.route,
        code=result.code,
        reason=result.reason,
        version=result.version,
    )


def _context(batch: Batch, judgement: Judgement) -> Context:
    ask, model = batch.ask, batch.envelope.model
    against = [finding for finding in judgement.findings if finding.decision != "allow"]
    threshold = model.outcome.threshold if model.outcome is not None else None
    return Context(
        names=ask.rows.names,
        outputs=tuple(output.name for output in model.outputs),
        parameters=ask.parameters,
        trace=ask.trace,
        served=batch.served,
        threshold=None if threshold is None else float(threshold),
        findings=[msgspec.to_builtins(finding) for finding in (*against, *batch.findings)],
    )


def _parts(batch: Batch, rows: list[bytes], leaves: list[bytes], salt: bytes) -> tuple[RowPart, ...]:
    """A batch about nobody is one sealed part; rows about people are sealed one by one, each under its own keys."""
    subjects = batch.envelope.subjects
    if not subjects:
        return (RowPart(WHOLE, (), salt, join(rows)),)
    received = batch.ask.rows.rows
    parts = [
        RowPart(index, about(received[index], subjects), row_salt(salt, index), data)
        for index, data in enumerate(rows)
    ]
    if len(rows) > 1:
        parts.append(RowPart(HASHES, (), b"", b"".join(leaves)))
    return tuple(parts)


def about(row: Row, places: tuple[int, ...]) -> tuple[str, ...]:
    """The data subjects of a row."""
    return tuple(str(row[place]) for place in places if isinstance(row[place], str | int))


_encode: Final = msgspec.json.Encoder().encode


def _refuse(case: Case, ident: str, chance: bytes, judgement: Judgement | None = None) -> Steps:
    """Record the refusal; the caller hears one word whatever was found."""
    found = judge(case) if judgement is None else judgement
    data = _encode({"findings": found.findings, "grant": case.grant})
    why = Part("findings", chance[18:50], data)
    code = found.deciding.code or found.deciding.check
    entry = Denied(
        by=case.act.caller.principal,
        id=ident,
        run=case.run if case.run in case.state.runs else "",
        system=case.act.system if case.envelope is not None else "?",
        tool=case.act.tool if case.envelope is not None and case.envelope.models else "?",
        digest="",
        seen=case.seen,
        why=commitment(why.salt, data),
        conf=case.conf,
        grant=case.grant.level,
        seam=case.act.seam,
        code=code,
        verdict=found.verdict,
    )
    written = yield Record(entry, (why,))
    if not isinstance(written, Recorded) or code == "configuration":
        return _answer("unavailable", ident)
    return _answer("invalid" if code == "invalid" else "refused", ident, index=written.index)


# --- what is told --------------------------------------------------------------------------------------------


def _answer(word: Word, ident: str, message: str = "", index: int = -1) -> Answer:
    return Answer(word, ident, index, message=message or SENTENCES[word])


def _told(batch: Batch, case: Case, index: int) -> Answer:
    results = [result for result in batch.results if result is not None]
    rows = [RowAnswer(r.outputs, r.outcome, r.route, r.code, r.version) for r in results]
    return Answer(
        "refused" if all(row.route == "refused" for row in rows) else "done",
        batch.ident,
        index,
        batch.version,
        tuple(output.name for output in batch.envelope.model.outputs),
        rows,
        grant=case.grant.level,
    )


def _unrecorded(batch: Batch, case: Case) -> Answer:
    """What needs no server is answered all the same, and says that nobody wrote it down; a gap entry follows.

    INVARIANT: no model's answer is ever told unrecorded.
    """
    if batch.envelope.model.fallback.kind in ("refuse", "previous"):
        return _answer("unavailable", batch.ident)
    reason = "the record cannot be written"
    _fall(batch, range(len(batch.results)), "unrecorded", reason)
    return msgspec.structs.replace(_told(batch, case, -1), recorded=False)
