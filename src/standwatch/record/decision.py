"""`decision(source, "INDEX/ROW")`: one decision of a model, put together again from the record alone.

Its entry says who answered and under which rules; the state folded up to it says which versions were deployed; the row
sealed beside it says what went in and came out; two paths, in the batch and in the log, prove it.
"""

from typing import Any, Final

import msgspec

from standwatch.facts.decisions import Context, RowRecord
from standwatch.facts.entries import AnyEntry, Decided, Overridden, Shadowed
from standwatch.facts.errors import Malformed, NotFound, StandwatchError
from standwatch.record.explanation import Authority, Head, Proof, Rules, Run, Told
from standwatch.record.judged import Why, authority_of, part_of, rules_of, run_of, told
from standwatch.record.reconstruct import head_of, proof_of
from standwatch.record.rows import prove, read_row, root_of, row_leaf, verify_row
from standwatch.record.serving import Serving, misplaced
from standwatch.record.source import Fate, SealedRow, SealedRows, Source, read_leaf

_context: Final = msgspec.json.Decoder(Context)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person changed this row's outcome. `reason` is the sealed part: outcome, reason, what it was before."""

    index: int
    at: int
    by: str
    follows: int
    reason: Told


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenger said to the rows of this entry, and to this row where it was among them."""

    index: int
    version: str
    rows: int
    same: int
    status: str
    row: RowRecord | None = None


class RowProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the row is under its entry: `path` leads from `leaf` to `root`, which the entry names (hexadecimal)."""

    leaf: str = ""
    root: str = ""
    salt: str = ""
    path: tuple[str, ...] = ()
    proved: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """All that the record says about one row. Times are µs UTC. What is erased or not here says so."""

    id: str
    index: int
    row: int
    rows: int
    at: int
    by: str
    run: Run
    seam: str
    system: str
    model: str
    version: str
    """The version that answered the entry; a row's own says where another one answered it."""
    served: str
    grant: str
    route: Serving | None
    """Which versions were deployed when it was decided."""
    mixed: tuple[str, ...]
    """What does not fit between who answered and what was deployed; empty where everything does."""
    fate: Fate
    record: RowRecord | None
    context: Context
    context_fate: Fate
    used: tuple[str, ...]
    took: dict[str, int]
    rules: Rules
    authority: Authority
    overrides: tuple[Override, ...]
    challenges: tuple[Challenge, ...]
    row_proof: RowProof
    proofs: tuple[Proof, ...]
    head: Head | None
    problems: tuple[str, ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the graph: `by` is the reference that names it, `depth` 1 for what the decision itself used."""

    reference: str
    by: str
    depth: int
    kind: str
    """`decision`, `call`, `refused`, or `unknown` where this record does not hold it."""
    index: int = -1
    at: int = 0
    system: str = ""
    name: str = ""
    """The model or the tool."""
    version: str = ""
    route: str = ""
    """Of a decision: who answered, where that was not the model alone."""
    mixed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


def find_decision(source: Source, reference: str) -> tuple[int, Decided, int]:
    """The entry and row that `INDEX`, `INDEX/ROW`, `ID` or `ID/ROW` names. Raises `NotFound`."""
    name, _, place = reference.partition("/")
    row = int(place) if place.isdecimal() and len(place) < 9 else 0
    if place and not place.isdecimal():
        raise NotFound(f"{reference[:80]!r} names no row: expected ID/NUMBER", reference=reference[:80])
    indices = [int(name)] if name.isdecimal() and len(name) < 19 else list(source.of_action(name))
    for index in indices:
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Decided):
            if row >= entry.rows:
                raise NotFound(f"entry {index} has {entry.rows} rows, counted from 0", reference=str(index))
            return index, entry, row
    raise NotFound(f"no decision in this record is called {reference[:80]}", reference=reference[:80])


def decision(source: Source, reference: str, vkey: str = "") -> Decision:
    """Everything `source` holds about one row. With `vkey` the checkpoint's signature is checked.

    Raises `NotFound` where no decision is called so.
    """
    index, entry, row = find_decision(source, reference)
    problems: list[str] = []
    state = source.state_before(index)
    context, context_fate = context_of(source, index, entry, problems)
    sealed = _rows(source, index, entry, row, problems)
    fate, record = _record(sealed, row, problems)
    route = state.routes.get(f"{entry.system}/{entry.model}")
    others = {place: one for place, one in _others(source, entry).items() if place != index}
    head = head_of(source, vkey, problems)
    shown = {index: entry, **others}
    return Decision(
        id=entry.id,
        index=index,
        row=row,
        rows=entry.rows,
        at=entry.at,
        by=entry.by,
        run=run_of(source, state, entry, problems),
        seam=entry.seam,
        system=entry.system,
        model=entry.model,
        version=entry.version,
        served=entry.served,
        grant=entry.grant,
        route=route,
        mixed=mixed_of(entry, route, context, record),
        fate=fate,
        record=record,
        context=context,
        context_fate=context_fate,
        used=tuple(entry.used),
        took=entry.took,
        rules=rules_of(source, state, entry, None, problems),
        authority=authority_of(source, state, entry, Why()),
        overrides=_overrides(source, others, index, row, problems),
        challenges=_challenges(source, others, index, row, problems),
        row_proof=_row_proof(source, sealed, (index, entry), row, problems),
        proofs=tuple(proof_of(source, place, one, head, problems) for place, one in shown.items()),
        head=head,
        problems=tuple(problems),
    )


def context_of(
    source: Source, index: int, entry: Decided | Shadowed, problems: list[str]
) -> tuple[Context, Fate]:
    """What was sealed about the request as a whole."""
    opening = part_of(source, index, entry, "context", problems)
    if opening.fate == "present":
        try:
            return _context.decode(opening.data), "present"
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            problems.append(f"the context beside entry {index} cannot be read")
            return Context((), ()), "false"
    return Context((), ()), opening.fate


def _others(source: Source, entry: Decided) -> dict[int, AnyEntry]:
    found: dict[int, AnyEntry] = {}
    for index in source.of_action(entry.id):
        one = read_leaf(source.leaf(index))
        if isinstance(one, Overridden | Shadowed):
            found[index] = one
    return found


def _rows(source: Source, index: int, entry: Decided, row: int, problems: list[str]) -> SealedRows:
    try:
        return source.rows(index, entry.id, row)
    except StandwatchError as error:
        problems.append(f"the rows beside entry {index} cannot be read: {error}")
        return SealedRows()


def _record(sealed: SealedRows, row: int, problems: list[str]) -> tuple[Fate, RowRecord | None]:
    found = next((one for one in sealed.rows if one.row == row), None)
    if found is None:
        return ("erased" if any(one.erased for one in sealed.rows) else "absent"), None
    if found.erased:
        return "erased", None
    try:
        return "present", read_row(found.data)
    except Malformed as error:
        problems.append(str(error))
        return "false", None


def _row_proof(
    source: Source, sealed: SealedRows, entry: tuple[int, Decided], row: int, problems: list[str]
) -> RowProof:
    """The path of the row, made from the hashes kept for it or from all the rows, and walked once."""
    index, decided = entry
    found = next((one for one in sealed.rows if one.row == row and not one.erased), None)
    if found is None:
        return RowProof(root=decided.tree)
    leaf = row_leaf(found.salt, found.data)
    leaves = list(sealed.hashes)
    if not leaves:
        rows = source.rows(index, decided.id).rows if decided.rows > 1 else (found,)
        leaves = [row_leaf(one.salt, one.data) for one in _ordered(rows)]
    bare = RowProof(leaf=leaf.hex(), root=decided.tree, salt=found.salt.hex())
    root = bytes.fromhex(decided.tree)
    try:
        if len(leaves) != decided.rows:
            raise Malformed(f"{len(leaves)} of {decided.rows} rows are here")
        path = prove(leaves, row)
        verify_row(found.salt, found.data, row=row, rows=decided.rows, proof=path, root=root)
    except StandwatchError as error:
        problems.append(f"row {row} is not proved to be under entry {index}: {error}")
        return bare
    return msgspec.structs.replace(bare, path=tuple(each.hex() for each in path), proved=True)


def _ordered(rows: tuple[SealedRow, ...]) -> list[SealedRow]:
    return sorted((row for row in rows if not row.erased), key=lambda one: one.row)


def row_problem(sealed: SealedRows, entry: Decided | Shadowed) -> str:
    """What contradicts the entry in what is still here of its rows; "" for nothing."""
    leaves = list(sealed.hashes)
    present = _ordered(sealed.rows)
    if any(not -1 <= one.row < entry.rows for one in sealed.rows):
        return f"there are rows beside it beyond the {entry.rows} of the entry"
    if not leaves and len(present) == entry.rows:
        leaves = [row_leaf(one.salt, one.data) for one in present]
    if not leaves:
        return "some of its rows are here, and not the hashes that would prove them" if present else ""
    if len(leaves) != entry.rows or root_of(leaves).hex() != entry.tree:
        return "the rows are not those the entry commits to"
    if any(row_leaf(one.salt, one.data) != leaves[one.row] for one in present if one.row < len(leaves)):
        return "a row is not the one the entry commits to"
    return ""


def mixed_of(
    entry: Decided, route: Serving | None, context: Context, record: RowRecord | None = None
) -> tuple[str, ...]:
    """What does not fit between who answered, the whole or row `record`, and what was deployed."""
    found = [wrong] if (wrong := misplaced(route, entry)) else []
    if record is not None and record.version:
        former = route.former if route is not None else ()
        if record.route != "previous" or record.version not in dict(former):
            found.append(f"version {record.version} answered this row, and was not the one before")
    found += [
        str(finding.get("reason", ""))
        for finding in context.findings
        if finding.get("code") in ("version_mismatch", "digest_mismatch")
    ]
    return tuple(found)


def _overrides(
    source: Source, others: dict[int, AnyEntry], index: int, row: int, problems: list[str]
) -> tuple[Override, ...]:
    return tuple(
        Override(
            index=place,
            at=one.at,
            by=one.by,
            follows=one.follows,
            reason=told(part_of(source, place, one, "reason", problems)),
        )
        for place, one in others.items()
        if isinstance(one, Overridden) and one.of == index and one.row == row
    )


def _challenges(
    source: Source, others: dict[int, AnyEntry], index: int, row: int, problems: list[str]
) -> tuple[Challenge, ...]:
    found: list[Challenge] = []
    for place, one in others.items():
        if not isinstance(one, Shadowed) or one.of != index:
            continue
        context, _ = context_of(source, place, one, problems)
        asked: Any = context.parameters.get("rows")
        said: RowRecord | None = None
        if isinstance(asked, list) and row in asked:
            at: int = asked.index(row)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            sealed = source.rows(place, one.id, at)  # pyright: ignore[reportUnknownArgumentType]
            said = _record(sealed, at, problems)[1]  # pyright: ignore[reportUnknownArgumentType]
        found.append(
            Challenge(
                index=place, version=one.version, rows=one.rows, same=one.same, status=one.status, row=said
            )
        )
    return tuple(found)
