"""Under what an action was judged: its run, its rules, its authority, the holds of the moment; and its findings.

All of it comes from the state folded up to the entry that judged it, and from the parts sealed beside entries.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from standwatch.facts.configuration import Finding, Policy
from standwatch.facts.entries import (
    AnyEntry,
    Asked,
    Decided,
    Deferred,
    Denied,
    Evidence,
    Intent,
    OutcomeChecked,
    RunOpened,
    TaskAdded,
    TaskTaken,
)
from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.parts import Action
from standwatch.record.explanation import Authority, Bypass, Holding, Rules, Run, Statement, Told
from standwatch.record.leaf import Unknown
from standwatch.record.relaxed import covering
from standwatch.record.replay import evidence_verifies, scopes_of
from standwatch.record.source import NONE, Fate, Opening, Source, commitments, open_part, read_leaf
from standwatch.record.state import State

Judged = Intent | Denied | Asked | Deferred


class Grant(msgspec.Struct, frozen=True):
    reasons: tuple[dict[str, str], ...] = ()
    until: int = 0
    evidence: tuple[int, ...] = ()
    rules: str = ""


class Why(msgspec.Struct, frozen=True):
    """The sealed findings as the passage writes them: every finding, and the grant it was judged under."""

    findings: tuple[Finding, ...] = ()
    grant: Grant = Grant()


class _System(msgspec.Struct, frozen=True):
    manifest: msgspec.Raw


class _Configuration(msgspec.Struct, frozen=True):
    """Of `facts.configuration.Configuration` what an explanation quotes."""

    systems: dict[str, _System] = {}
    policies: tuple[Policy, ...] = ()


class Task(msgspec.Struct, frozen=True):
    """What a run is for, and whom it serves, in the words of whoever opened it: sealed beside its opening."""

    task: str = ""
    on_behalf_of: str = ""


def part_of(source: Source, index: int, entry: AnyEntry | Unknown, name: str, problems: list[str]) -> Opening:
    for wanted in commitments(entry):
        if wanted.name == name:
            opening = open_part(source, index, entry, wanted)
            if opening.fate == "false":
                problems.append(f"the {name} beside entry {index} is not what the entry commits to")
            return opening
    return NONE


def told(opening: Opening) -> Told:
    return Told(opening.fate, opening.data.decode("utf-8", "backslashreplace"))


def findings_of(source: Source, index: int, entry: Judged, problems: list[str]) -> tuple[Why, Fate]:
    opening = part_of(source, index, entry, "findings", problems)
    if opening.fate != "present":
        return Why(), opening.fate
    try:
        return msgspec.json.decode(opening.data, type=Why), "present"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the findings beside entry {index} cannot be read")
        return Why(), "false"


def found_back(
    source: Source, index: int, entry: OutcomeChecked, problems: list[str]
) -> tuple[tuple[Finding, ...], Fate]:
    """What was found in what came back, as sealed beside the outcome."""
    opening = part_of(source, index, entry, "findings", problems)
    if opening.fate != "present":
        return (), opening.fate
    try:
        return msgspec.json.decode(opening.data, type=Why).findings, "present"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the findings beside entry {index} cannot be read")
        return (), "false"


def run_of(source: Source, state: State, judged: Judged | Decided, problems: list[str]) -> Run:
    index, opened = state.runs.get(judged.run, (-1, None))
    if opened is None:
        problems.append(f"run {judged.run} was not open")
        return Run(id=judged.run)
    # A sub-agent's run has the task of the one that a harness opened above it.
    root = state.root_run(judged.run)
    own = ((place, read_leaf(source.leaf(place))) for place in _told_at(state, root))
    task, fate = task_of(source, *(telling(own) or state.runs.get(root, (index, opened))), problems)
    return Run(
        id=judged.run,
        opened=index,
        at=opened.at,
        by=opened.by,
        implicit=opened.implicit,
        said=state.tasks.get(root, -1),
        above=state.lineage(judged.run)[1:],
        task=Told(fate, task.task),
        on_behalf_of=Told(fate, task.on_behalf_of),
    )


def _told_at(state: State, run: str) -> tuple[int, ...]:
    return (state.tasks[run],) if run in state.tasks else ()


def telling(entries: Iterable[tuple[int, AnyEntry | Unknown]]) -> tuple[int, RunOpened | TaskTaken] | None:
    """The one of a run's entries that says its task: what it was opened with, or what was read off later."""
    found: tuple[int, RunOpened | TaskTaken] | None = None
    for index, entry in entries:
        # What its user adds takes the place of what was said before, and has all of it.
        added = isinstance(entry, TaskAdded)
        if added or (isinstance(entry, RunOpened | TaskTaken) and (found is None or not found[1].why)):
            found = index, entry
    return found


def task_of(
    source: Source, index: int, opened: RunOpened | TaskTaken, problems: list[str]
) -> tuple[Task, Fate]:
    """The task that entry `index` says, and how that part stands; empty unless it is `present`."""
    opening = part_of(source, index, opened, "task", problems)
    if opening.fate != "present":
        return Task(), opening.fate
    try:
        return msgspec.json.decode(opening.data, type=Task), "present"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the task beside entry {index} cannot be read")
        return Task(), "false"


def rules_of(
    source: Source, state: State, judged: Judged | Decided, action: Action | None, problems: list[str]
) -> Rules:
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
    opening = part_of(source, index, entry, "manifest", problems)
    try:
        return opening.fate, msgspec.json.decode(opening.data or b"{}", type=_Configuration)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problems.append(f"the configuration beside entry {index} cannot be read")
        return "false", _Configuration()


def authority_of(source: Source, state: State, judged: Judged | Decided, why: Why) -> Authority:
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
    about = {(envelope, state.running(entry.system, components)) for envelope, components in lineage}
    return Statement(
        index=index,
        at=entry.at,
        by=entry.by,
        outcome=entry.outcome,
        until=entry.until,
        live=at < entry.until and (entry.envelope, entry.components) in about,
    )


def _stated(source: Source, index: int, entry: Evidence) -> bool:
    """Signed with a key they had then: one that was taken away since had signed all the same."""
    state = source.state_before(index)
    return evidence_verifies(entry, state, state.origin)


def relaxed_of(state: State, judged: Judged, why: Why, problems: list[str]) -> tuple[Bypass, ...]:
    """The relaxations in force on the action; those that its findings name without being among them are a problem."""
    found = covering(state, judged.system, scopes_of(judged), judged.at)
    used = {one.relaxed: one.check for one in why.findings if one.relaxed >= 0 and one.check != "relaxation"}
    for index, check in used.items():
        if index not in found or found[index].check != check:
            problems.append(f"the finding of {check} names relaxation {index}, which was not in force on it")
    return tuple(
        Bypass(
            index=index,
            check=entry.check,
            scope=entry.scope,
            compensating=entry.compensating,
            until=entry.until,
            signed=tuple(sorted(entry.signatures)),
            used=index in used,
        )
        for index, entry in found.items()
    )


def holds_of(state: State, judged: Judged) -> tuple[Holding, ...]:
    held = state.held(scopes_of(judged), judged.at)
    return tuple(Holding(hold.index, hold.scope, hold.by, hold.at) for hold in held)
