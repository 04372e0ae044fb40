"""`explain(source, id)`: one action, put together again from the record alone.

Its own entries say what happened; the state folded up to the one that judged it says under which rules; the sealed
parts say the rest, where they are still there. Nothing is guessed and nothing is looked up anywhere else.
"""

from typing import Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Deferred,
    Denied,
    Endorsed,
    Intent,
    Outcome,
    OutcomeChecked,
    Pulled,
    Unmasked,
)
from standwatch.facts.errors import Malformed, NotFound, StandwatchError
from standwatch.facts.parts import Action
from standwatch.facts.words import Decision
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, parse_text
from standwatch.record.explanation import (
    Back,
    Explanation,
    Head,
    Inquiry,
    Proof,
    Sent,
    Step,
    Told,
)
from standwatch.record.explanation import Standing as Stand
from standwatch.record.inquired import Own, inquiry
from standwatch.record.judged import (
    Judged,
    authority_of,
    findings_of,
    found_back,
    holds_of,
    part_of,
    relaxed_of,
    rules_of,
    run_of,
    told,
)
from standwatch.record.note import parse, parse_vkey
from standwatch.record.source import (
    Opening,
    Source,
    bound,
    hashes,
    open_part,
    read_action,
    read_leaf,
)
from standwatch.record.spoken import doubts
from standwatch.record.tree import Unproven, inclusion_proof, leaf_hash, verify_inclusion

_OWN: Final = (Intent, Denied, Asked, Deferred, Pulled, Answered, Endorsed, Unmasked, Outcome)


def explain(source: Source, ident: str, vkey: str = "") -> Explanation:
    """Everything `source` holds about action `ident`, as at the end of `source`.

    With `vkey` the checkpoint's signature is checked. Raises `NotFound` where no entry has this id.
    """
    own, problems = _entries(source, ident)
    index, judged = _last(own, Intent, Denied, Asked, Deferred)
    if not isinstance(judged, Judged):
        raise NotFound(f"nothing in this record was judged under the id {ident}", reference=ident)
    state = source.state_before(index)
    why, found = findings_of(source, index, judged, problems)
    sent, action = _sent(source, index, judged, problems)
    asked = inquiry(source, own, *_last(own, Asked), problems)
    back = _back(source, own, problems)
    head = head_of(source, vkey, problems)
    principal = state.principals.get(judged.by)
    return Explanation(
        id=ident,
        standing=_stand(own, asked, source),
        by=judged.by,
        role=principal.role if principal else "",
        run=run_of(source, state, judged, problems),
        seam=judged.seam,
        system=judged.system,
        tool=judged.tool,
        effect=judged.effect,
        judged=index,
        at=judged.at,
        verdict=_verdict(judged),
        disposition=judged.disposition if isinstance(judged, Intent) else _verdict(judged),
        code=judged.code if isinstance(judged, Denied | Deferred) else "",
        findings=why.findings,
        found=found,
        rules=rules_of(source, state, judged, action, problems),
        authority=authority_of(source, state, judged, why),
        holds=holds_of(state, judged),
        relaxed=relaxed_of(state, judged, why, problems),
        asked=asked,
        sent=sent,
        back=back,
        steps=_steps(own),
        proofs=_proofs(source, own, head, problems),
        head=head,
        problems=tuple(problems),
        doubts=doubts(source, source.of_action(ident), least=index),
    )


# ------------------------------------------------------------------------------------------ its own entries


def _entries(source: Source, ident: str) -> tuple[Own, list[str]]:
    own: Own = {}
    problems: list[str] = []
    for index in source.of_action(ident):
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, _OWN) and entry.id == ident:
            own[index] = entry
    if not own:
        raise NotFound(
            f"no action in this record has the id {ident[:80]}",
            reference=ident[:80],
            cure=f"standwatch runs {ident[:80]}, if it is a run's",
        )
    return own, problems


def _last(own: Own, *kinds: type[AnyEntry]) -> tuple[int, AnyEntry | None]:
    """The last entry of the first of `kinds` that there is: what was released counts before what was only judged."""
    for kind in kinds:
        for index in reversed(own):
            if isinstance(own[index], kind):
                return index, own[index]
    return -1, None


def _verdict(entry: Judged) -> Decision:
    return "step_up" if isinstance(entry, Asked) else entry.verdict


def _stand(own: Own, asked: Inquiry | None, source: Source) -> Stand:
    kinds = {type(entry) for entry in own.values()}
    if kinds & {Outcome, OutcomeChecked}:
        return "done"
    if Intent in kinds:
        return "under_way"
    if asked is not None and asked.was == "decoy":
        return "decoy"
    now = _now(source)
    last = list(own.values())[-1]
    if isinstance(last, Deferred):
        return "deferred" if now < last.until else "expired"
    if asked is None or isinstance(last, Denied):
        return "denied"
    if asked.decision == "refuse":
        return "refused"
    if asked.endorsed >= 0:
        return "endorsed"
    if asked.decision == "approve":
        return "approved" if now < asked.good_until else "expired"
    return "pending" if now < asked.until else "expired"


def _now(source: Source) -> int:
    """The time of the last entry shown: a record knows no other now."""
    last = source.span[1] - 1
    return read_leaf(source.leaf(last)).at if last >= 0 else 0


def _steps(own: Own) -> tuple[Step, ...]:
    """What the outcome measured, and the time between the action's own entries."""
    steps: list[Step] = []
    before: AnyEntry | None = None
    for entry in own.values():
        if before is not None:
            steps.append(
                Step(
                    _BETWEEN.get((_step(before), _step(entry)), "until the next entry"), entry.at - before.at
                )
            )
        if isinstance(entry, Outcome):
            steps += [Step(name, micros) for name, micros in sorted(entry.took.items())]
        before = entry
    return tuple(steps)


def _step(entry: AnyEntry) -> type:
    """The kind of an entry, whatever its version."""
    return next((kind for kind in (Asked, Answered, Outcome) if isinstance(entry, kind)), type(entry))


_BETWEEN: Final[dict[tuple[type, type], str]] = {
    (Asked, Answered): "waiting for a person",
    (Asked, Endorsed): "waiting for a person",
    (Answered, Answered): "waiting for another person",
    (Endorsed, Endorsed): "waiting for another person",
    (Answered, Intent): "until it was asked for again",
    (Answered, Unmasked): "until it was opened",
    (Unmasked, Intent): "until it was asked for again",
    (Intent, Outcome): "from intent to outcome",
}


# ------------------------------------------------------------------------------------------------ its parts


def _sent(source: Source, index: int, judged: Judged, problems: list[str]) -> tuple[Sent, Action | None]:
    opening = part_of(source, index, judged, "action", problems)
    action: Action | None = None
    if opening.fate == "present":
        try:
            action = read_action(opening.data)
        except Malformed as error:
            problems.append(f"the action beside entry {index} cannot be read: {error}")
    sent = Sent(
        action=told(opening),
        digest=judged.digest,
        target=action.target if action else "",
        event=action.event if action else "",
        modified=judged.sent if isinstance(judged, Intent) else "",
        spend={} if isinstance(judged, Denied) else judged.spend,
        body=_body(source, index, judged, opening, problems),
    )
    return sent, action


def _body(source: Source, index: int, judged: Judged, action: Opening, problems: list[str]) -> Told:
    for wanted in bound(judged, action.data):
        opening = open_part(source, index, judged, wanted)
        if opening.fate == "false":
            problems.append(f"the body beside entry {index} is not what its action binds")
        return told(opening)
    return Told("none")


def _back(source: Source, own: Own, problems: list[str]) -> Back:
    index, entry = _last(own, Outcome)
    if not isinstance(entry, Outcome):
        return Back()
    result = told(part_of(source, index, entry, "result", problems))
    plain = Back(index=index, at=entry.at, status=entry.status, result=result)
    if not isinstance(entry, OutcomeChecked):
        return plain
    findings, fate = found_back(source, index, entry, problems)
    return msgspec.structs.replace(
        plain, findings=findings, found=fate, withheld=entry.withheld, spent=entry.spent
    )


# ------------------------------------------------------------------------------------------------- the proof


def head_of(source: Source, vkey: str, problems: list[str]) -> Head | None:
    """The checkpoint that proofs lead to; None where nothing was signed or it cannot be trusted."""
    try:
        note = source.checkpoint()
        if vkey:
            key = parse_vkey(vkey)
            head = open_checkpoint(note, key.name, [key])
        else:
            head: Checkpoint = parse_text(parse(note).text)
    except NotFound:
        return None
    except StandwatchError as error:
        problems.append(f"the checkpoint cannot be trusted: {error}")
        return None
    return Head(head.origin, head.size, head.root.hex(), note.decode(), bool(vkey))


def _proofs(source: Source, own: Own, head: Head | None, problems: list[str]) -> tuple[Proof, ...]:
    return tuple(proof_of(source, index, own[index], head, problems) for index in own)


def proof_of(source: Source, index: int, entry: AnyEntry, head: Head | None, problems: list[str]) -> Proof:
    """That entry `index` is in the log, walked where the checkpoint reaches so far."""
    leaf = leaf_hash(source.leaf(index))
    kind = str(type(entry).__struct_config__.tag)
    bare = Proof(index=index, kind=kind, at=entry.at, leaf=leaf.hex())
    if head is None or index >= head.size:
        return bare
    try:
        path = inclusion_proof(hashes(source, head.size), index, head.size)
        verify_inclusion(leaf, index, head.size, path, bytes.fromhex(head.root))
    except (NotFound, Malformed, Unproven) as error:
        problems.append(f"entry {index} is not proved to be in the log: {error}")
        return bare
    return msgspec.structs.replace(bare, path=tuple(each.hex() for each in path), proved=True)
