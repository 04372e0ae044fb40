"""`explain(source, id)`: one action, put together again from the record alone.

Its own entries say what happened; the state folded up to the one that judged it says under which rules; the sealed
parts say the rest, where they are still there. Nothing is guessed and nothing is looked up anywhere else.
"""

from hashlib import sha256
from typing import Final

import msgspec

from standwatch.facts.configuration import Finding, Policy
from standwatch.facts.entries import Answered, AnyEntry, Asked, Denied, Evidence, Intent, Outcome
from standwatch.facts.errors import Malformed, NotFound, StandwatchError
from standwatch.facts.parts import Action
from standwatch.facts.words import Decision
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, parse_text
from standwatch.record.explanation import (
    Authority,
    Back,
    Explanation,
    Head,
    Holding,
    Inquiry,
    Proof,
    Rules,
    Run,
    Sent,
    Statement,
    Step,
    Told,
)
from standwatch.record.explanation import Standing as Stand
from standwatch.record.leaf import Unknown
from standwatch.record.note import parse, parse_vkey
from standwatch.record.replay import answer_verifies, evidence_verifies, human_keys, scopes_of
from standwatch.record.source import (
    NONE,
    Fate,
    Opening,
    Source,
    commitments,
    hashes,
    open_part,
    read_action,
    read_leaf,
)
from standwatch.record.state import State
from standwatch.record.tree import Unproven, inclusion_proof, leaf_hash, verify_inclusion

Judged = Intent | Denied | Asked
Own = dict[int, AnyEntry]
"""An action's entries by index, ascending."""


class _Grant(msgspec.Struct, frozen=True):
    reasons: tuple[dict[str, str], ...] = ()
    until: int = 0
    evidence: tuple[int, ...] = ()
    rules: str = ""


class _Why(msgspec.Struct, frozen=True):
    """The sealed findings as the passage writes them: every finding, and the grant it was judged under."""

    findings: tuple[Finding, ...] = ()
    grant: _Grant = _Grant()


class _System(msgspec.Struct, frozen=True):
    manifest: msgspec.Raw


class _Configuration(msgspec.Struct, frozen=True):
    """Of `facts.configuration.Configuration` what an explanation quotes."""

    systems: dict[str, _System] = {}
    policies: tuple[Policy, ...] = ()


class _Task(msgspec.Struct, frozen=True):
    task: str = ""
    on_behalf_of: str = ""


def explain(source: Source, ident: str, vkey: str = "") -> Explanation:
    """Everything `source` holds about action `ident`, as at the end of `source`.

    With `vkey` the checkpoint's signature is checked. Raises `NotFound` where no entry has this id.
    """
    own, problems = _entries(source, ident)
    index, judged = _last(own, Intent, Denied, Asked)
    if not isinstance(judged, Judged):
        raise NotFound(f"nothing in this record was judged under the id {ident}", reference=ident)
    state = source.state_before(index)
    why, found = _why(source, index, judged, problems)
    sent, action = _sent(source, index, judged, problems)
    asked = _inquiry(source, own, problems)
    back = _back(source, own, problems)
    head = _head(source, vkey, problems)
    principal = state.principals.get(judged.by)
    return Explanation(
        id=ident,
        standing=_stand(own, asked, source),
        by=judged.by,
        role=principal.role if principal else "",
        run=_run(source, state, judged, problems),
        seam=judged.seam,
        system=judged.system,
        tool=judged.tool,
        effect=judged.effect,
        judged=index,
        at=judged.at,
        verdict=_verdict(judged),
        disposition=judged.disposition if isinstance(judged, Intent) else _verdict(judged),
        code=judged.code if isinstance(judged, Denied) else "",
        findings=why.findings,
        found=found,
        rules=_rules(source, state, judged, action, problems),
        authority=_authority(source, state, judged, why),
        holds=_holds(state, judged),
        asked=asked,
        sent=sent,
        back=back,
        steps=_steps(own),
        proofs=_proofs(source, own, head, problems),
        head=head,
        problems=tuple(problems),
    )


# ------------------------------------------------------------------------------------------ its own entries


def _entries(source: Source, ident: str) -> tuple[Own, list[str]]:
    own: Own = {}
    problems: list[str] = []
    for index in source.of_action(ident):
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Intent | Denied | Asked | Answered | Outcome) and entry.id == ident:
            own[index] = entry
    if not own:
        raise NotFound(f"nothing in this record has the id {ident[:80]}", reference=ident[:80])
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
    if Outcome in kinds:
        return "done"
    if Intent in kinds:
        return "under_way"
    if asked is None or isinstance(list(own.values())[-1], Denied):
        return "denied"
    now = _now(source)
    if asked.decision == "refuse":
        return "refused"
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
                Step(_BETWEEN.get((type(before), type(entry)), "until the next entry"), entry.at - before.at)
            )
        if isinstance(entry, Outcome):
            steps += [Step(name, micros) for name, micros in sorted(entry.took.items())]
        before = entry
    return tuple(steps)


_BETWEEN: Final[dict[tuple[type, type], str]] = {
    (Asked, Answered): "waiting for a person",
    (Answered, Intent): "until it was asked for again",
    (Intent, Outcome): "from intent to outcome",
}


# ------------------------------------------------------------------------------------------------ its parts


def _part(source: Source, index: int, entry: AnyEntry | Unknown, name: str, problems: list[str]) -> Opening:
    for wanted in commitments(entry):
        if wanted.name == name:
            opening = open_part(source, index, entry, wanted)
            if opening.fate == "false":
                problems.append(f"the {name} beside entry {index} is not what the entry commits to")
            return opening
    return NONE


def _told(opening: Opening) -> Told:
    return Told(opening.fate, opening.data.decode("utf-8", "backslashreplace"))


def _why(source: Source, index: int, entry: Judged, problems: list[str]) -> tuple[_Why, Fate]:
    opening = _part(source, index, entry, "findings", problems)
    if opening.fate != "present":
        return _Why(), opening.fate
    try:
        return msgspec.json.decode(opening.data, type=_Why), "present"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the findings beside entry {index} cannot be read")
        return _Why(), "false"


def _sent(source: Source, index: int, judged: Judged, problems: list[str]) -> tuple[Sent, Action | None]:
    opening = _part(source, index, judged, "action", problems)
    action: Action | None = None
    if opening.fate == "present":
        try:
            action = read_action(opening.data)
        except Malformed as error:
            problems.append(f"the action beside entry {index} cannot be read: {error}")
    sent = Sent(
        action=_told(opening),
        digest=judged.digest,
        target=action.target if action else "",
        event=action.event if action else "",
        modified=judged.sent if isinstance(judged, Intent) else "",
        spend={} if isinstance(judged, Denied) else judged.spend,
    )
    return sent, action


def _back(source: Source, own: Own, problems: list[str]) -> Back:
    index, entry = _last(own, Outcome)
    if not isinstance(entry, Outcome):
        return Back()
    result = _told(_part(source, index, entry, "result", problems))
    return Back(index=index, at=entry.at, status=entry.status, result=result)


def _inquiry(source: Source, own: Own, problems: list[str]) -> Inquiry | None:
    index, asked = _last(own, Asked)
    if not isinstance(asked, Asked):
        return None
    standing = source.state_before(index).systems.get(asked.system)
    people = tuple(standing.entry.signers or standing.entry.halt) if standing else ()
    question = Inquiry(index=index, at=asked.at, until=asked.until, of=people)
    place, answer = _last(own, Answered)
    if not isinstance(answer, Answered) or answer.of != index:
        return question
    state = source.state_before(place)
    signed = answer_verifies(answer, human_keys(state, answer.by, answer.at), state.origin)
    if not signed:
        problems.append(f"the answer of {answer.by} (entry {place}) is not signed with a key of theirs")
    return msgspec.structs.replace(
        question,
        answered=place,
        answered_at=answer.at,
        by=answer.by,
        decision=answer.decision,
        good_until=answer.until,
        key=answer.key,
        signed=signed,
        head=answer.head,
        reason=_told(_part(source, place, answer, "reason", problems)),
    )


# --------------------------------------------------------------------------------- the state it was judged in


def _run(source: Source, state: State, judged: Judged, problems: list[str]) -> Run:
    index, opened = state.runs.get(judged.run, (-1, None))
    if opened is None:
        problems.append(f"run {judged.run} was not open")
        return Run(id=judged.run)
    opening = _part(source, index, opened, "task", problems)
    task, behalf = _task(opening)
    return Run(
        id=judged.run,
        opened=index,
        at=opened.at,
        by=opened.by,
        implicit=opened.implicit,
        task=task,
        on_behalf_of=behalf,
    )


def _task(opening: Opening) -> tuple[Told, Told]:
    """The task and on whose behalf: one sealed part holds both."""
    if opening.fate != "present":
        return Told(opening.fate), Told(opening.fate)
    try:
        both = msgspec.json.decode(opening.data, type=_Task)
    except (msgspec.DecodeError, UnicodeError):
        return _told(opening), Told("none")
    return Told("present", both.task), Told("present", both.on_behalf_of)


def _rules(source: Source, state: State, judged: Judged, action: Action | None, problems: list[str]) -> Rules:
    standing = state.systems.get(judged.system)
    if judged.conf != max(state.config, 0):
        problems.append(f"it was judged under configuration {judged.conf}; {state.config} was in force")
    entry = standing.entry if standing else None
    fate, configuration = _configuration(source, state.config, problems)
    system = configuration.systems.get(judged.system)
    policies = {each.name: sha256(each.text.encode()).hexdigest() for each in configuration.policies}
    return Rules(
        config=judged.conf,
        root=state.root,
        development=state.development,
        declared=standing.index if standing else -1,
        envelope=entry.envelope if entry else "",
        components=entry.components if entry else "",
        environment=entry.environment if entry else "",
        tier=entry.tier if entry else 0,
        manifest=Told(fate, bytes(system.manifest).decode())
        if system
        else Told("none" if fate == "present" else fate),
        policies=policies,
        schema=action.schema if action else "",
    )


def _configuration(source: Source, index: int, problems: list[str]) -> tuple[Fate, _Configuration]:
    """The configuration in force, as far as it is read here: it may be of another version's making."""
    if index < 0:
        return "none", _Configuration()
    try:
        entry = read_leaf(source.leaf(index))
    except (NotFound, Malformed):
        return "absent", _Configuration()
    opening = _part(source, index, entry, "manifest", problems)
    try:
        return opening.fate, msgspec.json.decode(opening.data or b"{}", type=_Configuration)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the configuration beside entry {index} cannot be read")
        return "false", _Configuration()


def _authority(source: Source, state: State, judged: Judged, why: _Why) -> Authority:
    grant = why.grant
    known = state.evidence.get(judged.system, ())
    return Authority(
        level=judged.grant,
        reasons=tuple(each.get("text", "") for each in grant.reasons),
        evidence=tuple(
            msgspec.structs.replace(
                _statement(index, entry, state, judged.at),
                used=index in grant.evidence,
                signed=_stated(source, index, entry),
            )
            for index, entry in known
        ),
        until=grant.until,
        rules=grant.rules,
    )


def _statement(index: int, entry: Evidence, state: State, at: int) -> Statement:
    standing = state.systems.get(entry.system)
    lineage = standing.lineage if standing else ()
    return Statement(
        index=index,
        at=entry.at,
        by=entry.by,
        outcome=entry.outcome,
        until=entry.until,
        live=at < entry.until and (entry.envelope, entry.components) in lineage,
    )


def _stated(source: Source, index: int, entry: Evidence) -> bool:
    """Signed with a key they had then: one that was taken away since had signed all the same."""
    state = source.state_before(index)
    return evidence_verifies(entry, human_keys(state, entry.by, entry.at), state.origin)


def _holds(state: State, judged: Judged) -> tuple[Holding, ...]:
    held = state.held(scopes_of(judged), judged.at)
    return tuple(Holding(hold.index, hold.scope, hold.by, hold.at) for hold in held)


# ------------------------------------------------------------------------------------------------- the proof


def _head(source: Source, vkey: str, problems: list[str]) -> Head | None:
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
    return tuple(_proof(source, index, own[index], head, problems) for index in own)


def _proof(source: Source, index: int, entry: AnyEntry, head: Head | None, problems: list[str]) -> Proof:
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
