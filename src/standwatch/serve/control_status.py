"""The fold of the record as an operator reads it: systems, holds, questions, runs, flights, and what is not right."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from standwatch.authority.coverage import demanded
from standwatch.authority.grant import Grant
from standwatch.authority.tiers import Stakes, stakes
from standwatch.facts.configuration import Configuration, Manifest, System
from standwatch.facts.entries import Asked, AskedMany, Decided, Deferred, Denied, Intent
from standwatch.fronts.control_models import ModelLine
from standwatch.fronts.control_ports import (
    Actor,
    HoldLine,
    QuestionLine,
    ReasonLine,
    RunLine,
    SystemLine,
)
from standwatch.gate.demands import demand
from standwatch.record.leaf import decode
from standwatch.record.questions import Question, answering, flag, next_ones, people, quorum
from standwatch.record.source import Source
from standwatch.record.state import Held, Standing, State
from standwatch.respond.orders import sees
from standwatch.serve.control_people import called, names, orderer
from standwatch.serve.control_spending import spent_lines

RECENT: Final = 1_000
"""How many entries the shares of seams and fallbacks are taken over."""
SHOWN_RUNS: Final = 200

_NEVER: Final[Mapping[str, dict[str, int]]] = {}


def system_lines(
    state: State,
    configuration: Configuration,
    who: Actor,
    grant: Callable[[str], Grant],
    models: Callable[[str, System | None], tuple[ModelLine, ...]] = lambda _name, _system: (),
    *,
    keeping: Callable[[str], tuple[str, ...]] = lambda _name: (),
    bypass: Mapping[str, dict[str, int]] = _NEVER,
    spent: Mapping[str, dict[str, int]] = _NEVER,
    seams: Mapping[str, dict[str, int]] = _NEVER,
) -> tuple[SystemLine, ...]:
    """The systems `who` may see, by name; undeclared ones are nobody's."""
    found = (
        _system(
            standing,
            configuration,
            grant(name),
            models(name, configuration.systems.get(name)),
            stakes(state, name, _manifest(configuration, name)),
        )
        for name, standing in sorted(state.systems.items())
        if sees(orderer(who), name, state)
    )
    return tuple(
        msgspec.structs.replace(
            one,
            watch=keeping(one.system),
            bypass=bypass.get(one.system, {}),
            seams=seams.get(one.system, {}),
            spent=spent_lines(_manifest(configuration, one.system), spent[one.system])
            if one.system in spent
            else (),
        )
        for one in found
    )


def _system(
    standing: Standing,
    configuration: Configuration,
    found: Grant,
    models: tuple[ModelLine, ...],
    weighed: Stakes,
) -> SystemLine:
    entry = standing.entry
    manifest = _manifest(configuration, entry.system)
    return SystemLine(
        system=entry.system,
        level=found.level,
        until=found.until,
        reasons=tuple(ReasonLine(one.cap, one.code, one.text, one.cure) for one in found.reasons),
        tier=weighed.tier,
        tier_reasons=weighed.reasons,
        demands="; ".join(filter(None, (demand(weighed.tier).text, demanded(weighed.tier)))),
        environment=entry.environment,
        purpose=manifest.purpose if manifest else "",
        owner=tuple(entry.owner),
        halt_authority=tuple(entry.halt),
        validator=tuple(entry.validators),
        envelope=entry.envelope,
        components=entry.components,
        declared=standing.index,
        evidence=found.evidence,
        observed_until=manifest.observe_until if manifest else 0,
        models=models,
    )


def _manifest(configuration: Configuration, system: str) -> Manifest | None:
    found = configuration.systems.get(system)
    return None if found is None else found.manifest


def hold_line(held: Held, reason: str, release: str, covers: tuple[str, ...] = ()) -> HoldLine:
    """One hold in force."""
    return HoldLine(held.index, held.scope, held.by, held.at, held.until, reason, release, covers)


def open_questions(
    state: State, now: int, who: Actor, held: Callable[[Asked], tuple[int, ...]] = lambda _: ()
) -> tuple[QuestionLine, ...]:
    """Questions that still wait for an answer, oldest first; `held` says which holds fall on one."""
    found = [
        question_line(question, state, now, held(question.entry))
        for question in state.questions.values()
        if question.open and now < question.entry.until and sees(orderer(who), question.entry.system, state)
    ]
    return tuple(sorted(found, key=lambda each: each.index))


def question_line(question: Question, state: State, now: int, held: tuple[int, ...] = ()) -> QuestionLine:
    """One question as at `now` (µs), with the commands that answer it, and the holds that fall on it."""
    entry = question.entry
    return QuestionLine(
        id=entry.id,
        index=question.index,
        system=entry.system,
        tool=entry.tool,
        by=entry.by,
        run=entry.run,
        at=entry.at,
        until=entry.until,
        digest=entry.digest,
        signers=people(entry, state),
        approve=f"standwatch approve {entry.id}",
        refuse=f"standwatch refuse {entry.id}",
        flag=flag(entry),
        quorum=quorum(entry),
        ordered=isinstance(entry, AskedMany) and entry.ordered,
        approved=question.approvers,
        next=next_ones(state, question, now),
        held=held,
    )


def missing(state: State, ident: str) -> str:
    """How many have approved what still waits; "" where nothing waits for more."""
    question = state.questions.get(ident)
    if question is None or not question.open:
        return ""
    return f"{len(question.approvers)} of {quorum(question.entry)} have approved"


def signers(state: State, system: str) -> tuple[str, ...]:
    """Who may answer questions about `system`: those its manifest names, else its halt authority."""
    return answering(state, system)


def run_lines(state: State, now: int, who: Actor) -> tuple[RunLine, ...]:
    """Open runs, the latest first, at most `SHOWN_RUNS`."""
    found = [
        RunLine(
            run,
            entry.system,
            entry.principal,
            entry.implicit,
            entry.at,
            entry.until,
            state.places.get(run, -1),
        )
        for run, (_, entry) in state.runs.items()
        if not 0 < entry.until <= now and sees(orderer(who), entry.system, state)
    ]
    return tuple(sorted(found, key=lambda each: -each.at)[:SHOWN_RUNS])


class Lately(msgspec.Struct, frozen=True):
    """What the last `RECENT` entries say of traffic: actions by seam; rows of `SYSTEM/MODEL`, and of fallbacks."""

    seams: dict[str, int] = {}
    by_system: dict[str, dict[str, int]] = {}
    rows: dict[str, int] = {}
    fallback: dict[str, int] = {}


def lately(source: Source, size: int) -> Lately:
    """Of the last `RECENT` of `size` entries. A batch of decisions is one action, and as many rows as it has."""
    seams, rows, fallback = Counter[str](), Counter[str](), Counter[str]()
    by_system: dict[str, Counter[str]] = {}
    for _, leaf in source.leaves(max(0, size - RECENT), size):
        entry = decode(leaf)
        if isinstance(entry, Intent | Denied | Asked | Deferred | Decided):
            seams[entry.seam] += 1
            by_system.setdefault(entry.system, Counter())[entry.seam] += 1
        if isinstance(entry, Decided):
            model = f"{entry.system}/{entry.model}"
            rows[model] += entry.rows
            if entry.routes:
                fallback[model] += entry.rows - entry.routes.get("model", 0)
    mine = {system: dict(sorted(found.items())) for system, found in by_system.items()}
    return Lately(dict(sorted(seams.items())), mine, dict(rows), dict(fallback))


def warnings(
    state: State, configuration: Configuration, now: int, *, alive: bool, unrecorded: int, behind: int
) -> tuple[str, ...]:
    """What is not right, each in a sentence with the command that helps."""
    found: list[str] = []
    if not alive:
        found.append("The record cannot be written: nothing is forwarded. standwatch diagnose")
    if state.stopped:
        found.append(f"The state stops here: {state.stopped}. standwatch verify")
    if unrecorded:
        found.append(
            f"{unrecorded} hold(s) stand in memory and on disk only, until the record can be written."
        )
    for person, known in sorted(state.vigilance.items()):
        if known.lost >= 0:
            found.append(
                f"{called(configuration, person)} approved a decoy in entry {known.lost} and may not answer."
                " standwatch vigilance"
            )
    if state.development:
        found.append("A development organisation: signatures are skipped, and no system goes beyond tier 1.")
    if behind > _LATE:
        found.append(f"The log's last checkpoint is {behind // 1_000_000} s behind. standwatch diagnose")
    found += [
        f"{name} is observed: policy, provenance, content and grant are judged and not enforced."
        for name, system in sorted(configuration.systems.items())
        if now < system.manifest.observe_until
    ]
    return (*found, *_alarms(state, configuration, now))


def _alarms(state: State, configuration: Configuration, now: int) -> list[str]:
    """For a day: somebody was, or tried to be, where a person had signed in."""
    shown = names(configuration)
    return [
        f"Somebody else may have been at work as {shown.get(person, person)}: a session or a passkey was refused "
        f"(entry {index}). standwatch session list"
        for person, (index, at) in sorted(state.alarms.items())
        if now < at + _ALARMED
    ]


def set_back(behind: int) -> tuple[str, ...]:
    """The warning that the wall clock was set back by `behind` µs; none for 0."""
    if not behind:
        return ()
    return (
        f"This host's clock was set back by {behind // 1_000_000} s, or ran ahead before: time goes on here from where "
        "it stood, so that nothing lasts longer than allowed.",
    )


def unheard(texts: int) -> tuple[str, ...]:
    """The warning that so many agents' words were not compared with what their runs did; none for 0."""
    if not texts:
        return ()
    return (
        f"What agents said is not held against the record as fast as it comes: {texts} texts were passed over since "
        "the server started. docs/coverage.md",
    )


_LATE: Final = 10_000_000  # µs
_ALARMED: Final = 86_400_000_000  # µs
