"""What a challenger says to rows that somebody else answered: recorded, compared, heard by nobody. Pure."""

from typing import Final

import msgspec

from standwatch.enforce.contract import problem
from standwatch.enforce.models import ModelEnvelope
from standwatch.facts.decisions import Answer, Context, Predicted, RowRecord, Trouble
from standwatch.facts.entries import Shadowed
from standwatch.facts.frames import RowPart
from standwatch.facts.parts import Part, commitment
from standwatch.record.outcomes import outcome_of
from standwatch.record.rows import join, root_of, row_bytes, row_leaf, row_salt

CHANCE: Final = 2 * 32
"""Random bytes one comparison uses: the salts of its context and of its rows."""

LONGEST: Final = 300
"""Characters of a server's words that are kept."""

Written = tuple[Shadowed, tuple[Part, ...], tuple[RowPart, ...]]

_encode: Final = msgspec.json.Encoder().encode


def shadowed(  # noqa: PLR0917 - one entry's members
    envelope: ModelEnvelope,
    system: str,
    version: str,
    digest: str,
    answer: Answer,
    indices: tuple[int, ...],
    predicted: Predicted | Trouble,
    *,
    by: str,
    chance: bytes,
    subjects: tuple[tuple[str, ...], ...],
) -> Written:
    """The entry about version `version` given the rows `indices` of decision `answer`, with what is sealed beside it.

    `subjects` are the people of each of these rows. Rows whose outcomes are the same count as agreement; without a
    declared outcome all outputs must be equal.
    """
    code, reason = "", ""
    outputs: list[list[object]] = []
    if isinstance(predicted, Trouble):
        code, reason = predicted.code, predicted.text[:LONGEST] if not any(subjects) else ""
    else:
        code, reason = _another(envelope, version, digest, predicted)
        if not code:
            code, reason = problem(envelope.model.outputs, predicted.outputs, len(indices))
        if not code:
            columns = [predicted.outputs[output.name] for output in envelope.model.outputs]
            outputs = [list(row) for row in zip(*columns, strict=True)]
    records = [RowRecord((), outputs=row, outcome=outcome_of(envelope.model, row).outcome) for row in outputs]
    data = [row_bytes(record) for record in records]
    salt = chance[32:64]
    leaves = [row_leaf(row_salt(salt, place), each) for place, each in enumerate(data)]
    context = Part("context", chance[:32], _encode(_context(envelope, indices, code, reason)))
    entry = Shadowed(
        by=by,
        id=answer.id,
        of=answer.index,
        system=system,
        model=envelope.name,
        version=version,
        rows=len(indices),
        same=sum(_same(answer, index, record) for index, record in zip(indices, records, strict=False)),
        tree=root_of(leaves).hex() if leaves else "",
        why=commitment(context.salt, context.data),
        status="error" if code else "ok",
    )
    return entry, (context,), _parts(data, leaves, salt, subjects)


def _context(envelope: ModelEnvelope, indices: tuple[int, ...], code: str, reason: str) -> Context:
    found = [{"check": "model", "decision": "deny", "code": code, "reason": reason}] if code else []
    names = tuple(output.name for output in envelope.model.outputs)
    return Context((), names, parameters={"rows": list(indices)}, findings=found)


def _another(envelope: ModelEnvelope, version: str, digest: str, predicted: Predicted) -> tuple[str, str]:
    """Whether something else answered than the challenger."""
    expected = envelope.served_as(version)
    if predicted.version and expected and predicted.version != expected:
        return "version_mismatch", f"version {predicted.version} answered, {expected} was asked"
    if predicted.digest and digest and predicted.digest != digest:
        return "digest_mismatch", f"what answered has the digest {predicted.digest[:16]}…, not {digest[:16]}…"
    return "", ""


def _same(answer: Answer, index: int, record: RowRecord) -> bool:
    told = answer.rows[index]
    if told.route != "model":  # agreeing with a fallback says nothing about the model
        return False
    return told.outcome == record.outcome if record.outcome else told.outputs == record.outputs


def _parts(
    data: list[bytes], leaves: list[bytes], salt: bytes, subjects: tuple[tuple[str, ...], ...]
) -> tuple[RowPart, ...]:
    if not data:
        return ()
    if not any(subjects):
        return (RowPart(-1, (), salt, join(data)),)
    parts = [RowPart(k, subjects[k], row_salt(salt, k), each) for k, each in enumerate(data)]
    return (*parts, RowPart(-2, (), b"", b"".join(leaves))) if len(data) > 1 else tuple(parts)
