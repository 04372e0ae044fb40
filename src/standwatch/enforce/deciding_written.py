"""What is written about a decision and what its caller is told: the entry, its sealed rows, the refusal, the answer."""

from typing import Any, Final

import msgspec

from standwatch.enforce.answering import RowResult
from standwatch.enforce.case import Case
from standwatch.enforce.deciding_rows import fall
from standwatch.enforce.deciding_steps import Batch, Steps
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.steps import Record, Recorded
from standwatch.facts.configuration import Finding
from standwatch.facts.decisions import Answer, Context, Row, RowAnswer, RowRecord, Value
from standwatch.facts.entries import Decided, Denied
from standwatch.facts.frames import RowPart
from standwatch.facts.parts import Part, commitment
from standwatch.facts.words import SENTENCES, Word
from standwatch.record.rows import join, root_of, row_bytes, row_leaf, row_salt

MOST_USED: Final = 256
"""Ids of other decisions and calls that one entry names."""

WHOLE: Final = -1
HASHES: Final = -2
"""Rows of a `RowPart` that are no row (`store.sealing`): the whole batch, and its leaf hashes."""


def record(batch: Batch, case: Case, judgement: Judgement, now: int) -> Record:
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
        subjects=_everybody(batch),
        rows=_parts(batch, rows, leaves, salt),
    )


def _everybody(batch: Batch) -> tuple[str, ...]:
    """The people whom all rows are about: the context is theirs. Of a batch about several it is nobody's."""
    people = {about(row, batch.envelope.subjects) for row in batch.ask.rows.rows}
    return next(iter(people)) if len(people) == 1 else ()


def _kept(batch: Batch) -> dict[str, Any]:
    """The request's parameters; where they would stand beside several people's rows and outlive each, no free text."""
    given = batch.ask.parameters
    if not batch.envelope.subjects or _everybody(batch):
        return given
    return {
        name: value
        for name, value in given.items()
        if name in PLAIN or isinstance(value, int | float) or name.startswith("source.")
    }


PLAIN: Final = frozenset({"vendor", "schema", "timezone", "channel", "content_type"})
"""Parameters whose words are about a request, not about a person."""


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
    against = [one for one in judgement.findings if one.decision != "allow" or one.code]
    threshold = model.outcome.threshold if model.outcome is not None else None
    return Context(
        names=ask.rows.names,
        outputs=tuple(output.name for output in model.outputs),
        parameters=_kept(batch),
        trace=ask.trace,
        served=batch.served,
        threshold=None if threshold is None else float(threshold),
        findings=[_shown(batch, finding) for finding in (*against, *batch.findings)],
    )


def _parts(batch: Batch, rows: list[bytes], leaves: list[bytes], salt: bytes) -> tuple[RowPart, ...]:
    """A batch about nobody is one sealed part; rows about people are sealed one by one, each under its own keys."""
    subjects = batch.envelope.subjects
    if not subjects:
        return (RowPart(WHOLE, (), salt, join(rows)),)
    received = batch.ask.rows.rows
    parts = [
        RowPart(index, about(received[index], subjects), row_salt(salt, index), data, _touched(batch, index))
        for index, data in enumerate(rows)
    ]
    if len(rows) > 1:
        parts.append(RowPart(HASHES, (), b"", b"".join(leaves)))
    return tuple(parts)


def _shown(batch: Batch, finding: Finding) -> dict[str, Any]:
    """A finding as it is sealed: servers quote inputs, so their words stand only where the person's key covers them."""
    if finding.check == "model" and batch.envelope.subjects and not _everybody(batch):
        finding = msgspec.structs.replace(finding, reason="")
    return msgspec.to_builtins(finding)


def _touched(batch: Batch, index: int) -> bool:
    result = batch.results[index]
    return result is not None and result.route in ("model", "previous")


def about(row: Row, places: tuple[int, ...]) -> tuple[str, ...]:
    """The data subjects of a row."""
    named = (_name(row[place]) for place in places)
    return tuple(name for name in named if name)


def _name(value: Value) -> str:
    """How a subject is called: a whole number the same however it was sent."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    named = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return named.replace("\0", "\\0")  # no key is kept under such a name


_encode: Final = msgspec.json.Encoder().encode


def refuse(case: Case, ident: str, chance: bytes, judgement: Judgement | None = None) -> Steps:
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
        return answered("unavailable", ident)
    return answered("invalid" if code == "invalid" else "refused", ident, index=written.index)


def answered(word: Word, ident: str, message: str = "", index: int = -1) -> Answer:
    """An answer without rows: one of the words, with its sentence."""
    return Answer(word, ident, index, message=message or SENTENCES[word])


def told(batch: Batch, case: Case, index: int) -> Answer:
    """What the caller hears of rows recorded as entry `index`."""
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


def by_a_model(batch: Batch) -> bool:
    """Whether a model answered any of the rows."""
    return any(result is not None and result.route in ("model", "previous") for result in batch.results)


def unrecorded(batch: Batch, case: Case) -> Answer:
    """What needs no server is answered all the same, and says that nobody wrote it down; a gap entry follows.

    INVARIANT: no model's answer is ever told unrecorded.
    """
    if batch.envelope.model.fallback.kind in ("refuse", "previous"):
        return answered("unavailable", batch.ident)
    reason = "the record cannot be written"
    fall(batch, range(len(batch.results)), "unrecorded", reason)
    return msgspec.structs.replace(told(batch, case, -1), recorded=False)
