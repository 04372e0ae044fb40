"""What a person should know before they answer a question: its run, its findings, and where each value comes from.

Read from the record and its sealed parts each time it is asked for; nothing of it decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.declare.coding import told_by
from standwatch.enforce.asking import DECOY
from standwatch.enforce.traced import BYTES, RESULTS, Results, label, value_at
from standwatch.facts.configuration import Configuration, Finding, Returns
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Deferred,
    Denied,
    Endorsed,
    Intent,
    Outcome,
    RunOpened,
    Unmasked,
)
from standwatch.facts.errors import NotFound, StandwatchError
from standwatch.facts.short_words import short_words
from standwatch.flow.origin import Read
from standwatch.fronts.control_sheet import Around, Earlier, Origin, RunSheet, Seen, Standing, VoteLine, Why
from standwatch.record import endorsements, questions
from standwatch.record.judged import task_of, telling
from standwatch.record.leaf import Unknown, decode
from standwatch.record.passkeys import is_passkey
from standwatch.record.questions import Question, quorum
from standwatch.record.state import State
from standwatch.serve.control_reading import Record
from standwatch.serve.control_runs import runs_above

EARLIER: Final = 20
"""Earlier refusals and questions of the run that are listed; the others are counted."""
MOST_ENTRIES: Final = 2_000
"""Entries of one run that are looked at, the latest."""
BRIEF: Final = 60
"""Characters of it that a list tells."""
VALUES: Final = 200
"""Values of one action that are looked for in results."""


class _Findings(msgspec.Struct, frozen=True):
    findings: tuple[Finding, ...] = ()
    origins: dict[str, str] = {}


def around(
    question: Question, action: bytes, findings: bytes, source: Record, configuration: Configuration
) -> Around:
    """Everything beside the signed bytes. Reads the record: not on the event loop. Parts that are gone leave gaps."""
    asked = question.entry
    sealed = _decoded(findings)
    entries = _entries(source, asked.run, question.index)
    # INVARIANT: what tells a decoy from a real question is not how long this takes: both are looked through.
    others = _without_its_refusal(source, entries, asked, action)
    if _is_decoy(source, question):
        entries = others
    told, left_off = _earlier(entries)
    return Around(
        words=short_words(asked.digest),
        effect=asked.effect,
        grant=asked.grant,
        run=_run(source, asked.run, entries),
        origins=_origins(action, _sources(asked, sealed.origins), entries, source, configuration),
        earlier=told,
        left_off=left_off,
        why=tuple(_why(sealed.findings)),
        silence=_silence(question),
        first=telling_first(configuration, asked.system, asked.tool),
    )


def telling_first(configuration: Configuration, system: str, tool: str) -> tuple[str, ...]:
    """Names of the arguments that the manifest reads as a command, a statement, an address: the effect's own first."""
    known = configuration.systems.get(system)
    found = known.manifest.tools.get(tool) if known is not None else None
    if found is None:
        return ()
    read = (name for name, rule in found.arguments.items() if rule.reads_as)
    return tuple(sorted(read, key=lambda name: name != found.effect_by))


def brief(action: bytes, first: tuple[str, ...]) -> str:
    """The beginning of what an action does: of the first argument of `first` that is text, else of the first text."""
    try:
        arguments = msgspec.json.decode(action)["arguments"]
        texts = (arguments.get(one) for one in (*first, *arguments))
        told = next((one for one in texts if isinstance(one, str)), "")
    except (msgspec.DecodeError, UnicodeError, RecursionError, LookupError, TypeError, AttributeError):
        return ""
    return told if len(told) <= BRIEF else f"{told[:BRIEF]}…"


def inquiry(source: Record, state: State, ident: str) -> Question:
    """The question `ident`, open or over, with the answers that count. Raises `NotFound` where nobody was asked."""
    own = _own(source, ident)
    index, asked = next(((i, one) for i, one in reversed(own) if isinstance(one, Asked)), (-1, None))
    if asked is None:
        raise NotFound(f"nobody was asked about {ident[:60]}", cure="standwatch status", reference=ident[:60])
    assert isinstance(asked, Asked)
    kept = state.questions.get(ident)
    if kept is not None and kept.index == index:
        return kept
    found = Question(index, asked)
    for place, one in own:
        if isinstance(one, Answered) and one.of == index:
            found = questions.answered(found, place, one)
    said = ((place, one) for place, one in own if isinstance(one, Endorsed) and one.of == index)
    vouched = endorsements.reached(asked, said)
    return msgspec.structs.replace(found, endorsed=vouched) if found.open else found


def findings_of(source: Record, question: Question) -> bytes:
    """The sealed findings of the question itself; an act that was released later has others. Empty where erased."""
    parts = source.sealed(question.index, question.entry.id, "findings").parts
    return parts[0].data if parts else b""


def standing(
    source: Record, state: State, question: Question, now: int, held: tuple[int, ...] = ()
) -> Standing:
    """How `question` stands at `now`, with every answer that was given to it. `held`: the holds that fall on it."""
    own = _own(source, question.entry.id)
    votes = tuple(_vote(place, one, question) for place, one in own if isinstance(one, Answered))
    intent = next((place for place, one in own if isinstance(one, Intent) and one.signed >= 0), -1)
    outcome = next((one.status for _, one in own if isinstance(one, Outcome) and one.of == intent), "")
    decoy = any(isinstance(one, Unmasked) and one.of == question.index and one.decoy for _, one in own)
    word = "decoy" if decoy else _state(question, intent, now)
    return Standing(
        id=question.entry.id,
        index=question.index,
        state=word,
        text=_told(word, question, intent, outcome),
        quorum=quorum(question.entry),
        until=question.until,
        votes=votes,
        next=questions.next_ones(state, question, now) if word == "open" else (),
        intent=intent,
        outcome=outcome,
        held=held if word in ("open", "approved", "endorsed") else (),
    )


def _own(source: Record, ident: str) -> _Entries:
    return [(place, decode(source.leaf(place))) for place in source.of_action(ident)]


def _vote(place: int, answer: Answered, question: Question) -> VoteLine:
    signed = "passkey" if is_passkey(answer.sig) else "key"
    counts = any(place == index for index, _ in question.answers)
    return VoteLine(place, answer.at, answer.by, answer.decision, signed, answer.until, counts)


def _state(question: Question, intent: int, now: int) -> str:
    if intent >= 0:
        return "used"
    if question.answer is not None and question.answer.decision != "approve":
        return "refused"
    if question.endorsed >= 0:
        return "endorsed"
    if now >= question.until:
        return "expired"
    return "open" if question.answer is None else "approved"


def _told(word: str, question: Question, intent: int, outcome: str) -> str:
    approved, wanted = len(question.approvers), quorum(question.entry)
    match word:
        case "used":
            done = f"; its outcome is {outcome}" if outcome else "; its outcome is not known yet"
            return f"Approved, and carried out by entry {intent}{done}."
        case "decoy":
            return "It was a decoy, made of an action that was refused before: nothing was going to be carried out."
        case "refused":
            return f"Refused in entry {question.answer_index}. It is not carried out."
        case "expired":
            return "It has ended, and counts as refused. Nothing was carried out on it."
        case "endorsed":
            return (
                f"Enough people vouched for a value of it instead, the last in entry {question.endorsed}: when the "
                "agent comes back, it is judged with that."
            )
        case "approved":
            return (
                f"Approved in entry {question.answer_index}. It is carried out once, when the agent comes back "
                "for it; until then it may still be refused."
            )
        case _ if wanted == 1:
            return "Waits for one person."
        case _:
            return f"Waits: {approved} of the {wanted} people wanted have approved."


def _is_decoy(source: Record, question: Question) -> bool:
    try:
        parts = source.sealed(question.index, question.entry.id, "flag").parts
    except StandwatchError:
        return False
    return bool(parts) and parts[0].data.endswith(DECOY.encode())


def _without_its_refusal(source: Record, entries: _Entries, asked: Asked, action: bytes) -> _Entries:
    """`entries` without the refusals of the very act that is asked about. INVARIANT: nothing that is shown before an
    answer tells a decoy from a real question; the refusal that it was made of would."""
    wanted = _essence(action)
    return [
        (place, one)
        for place, one in entries
        if not isinstance(one, Denied)
        or one.tool != asked.tool
        or _essence(_action(source, place, one)) != wanted
    ]


def _action(source: Record, place: int, entry: Denied) -> bytes:
    try:
        parts = source.sealed(place, entry.id, "action").parts
    except StandwatchError:
        return b""
    return parts[0].data if parts else b""


def _essence(action: bytes) -> Any:
    """What makes two actions the same act, whatever their ids."""
    try:
        members = msgspec.json.decode(action, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return members.get("tool"), members.get("target"), members.get("arguments")


def _decoded(findings: bytes) -> _Findings:
    try:
        return msgspec.json.decode(findings, type=_Findings)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _Findings()


def _silence(question: Question) -> str:
    wanted = quorum(question.entry)
    people = "one person approves" if wanted == 1 else f"{wanted} people approve"
    return f"Unless {people} before it ends, it counts as refused: nothing is carried out."


_Entries = list[tuple[int, AnyEntry | Unknown]]


# --- the run -------------------------------------------------------------------------------------------------


def _entries(source: Record, run: str, before: int) -> _Entries:
    """The entries of `run` before the question, ascending; the opening of the run first, whatever is left out."""
    if not run:
        return []
    places = [place for place in source.of_run(run) if place < before]
    kept = places if len(places) <= MOST_ENTRIES else [places[0], *places[-MOST_ENTRIES:]]
    return [(place, decode(source.leaf(place))) for place in kept]


def _run(source: Record, run: str, entries: _Entries) -> RunSheet:
    opened = next((found for found in entries if isinstance(found[1], RunOpened)), None)
    if opened is None:
        return RunSheet(run, "none")
    index, entry = opened
    assert isinstance(entry, RunOpened)
    above = runs_above(source, entry)
    task, fate = task_of(source, *(telling(above[-1][1] if above else entries) or (index, entry)), [])
    return RunSheet(
        run=run,
        told=fate if fate in ("none", "present") else "erased",
        task=task.task,
        on_behalf_of=task.on_behalf_of,
        by=entry.principal,
        at=entry.at,
        until=entry.until,
        implicit=entry.implicit,
        passed=sum(isinstance(one, Intent) for _, one in entries),
        refused=sum(isinstance(one, Denied) for _, one in entries),
        asked=sum(isinstance(one, Asked) for _, one in entries),
    )


def _earlier(entries: _Entries) -> tuple[tuple[Earlier, ...], int]:
    found: list[Earlier] = []
    tools = {one.id: one.tool for _, one in entries if isinstance(one, Asked)}
    for index, entry in reversed(entries):
        match entry:
            case Answered(decision="refuse"):
                tool = tools.get(entry.id, "")
                found.append(Earlier(index, entry.at, entry.id, tool, "refused", "by a person"))
            case Denied():
                found.append(Earlier(index, entry.at, entry.id, entry.tool, "refused", entry.code))
            case Asked():
                found.append(Earlier(index, entry.at, entry.id, entry.tool, "asked", ""))
            case Deferred():
                found.append(Earlier(index, entry.at, entry.id, entry.tool, "put off", entry.code))
            case _:
                pass
    return tuple(found[:EARLIER]), max(0, len(found) - EARLIER)


# --- why it is asked -----------------------------------------------------------------------------------------


def _why(findings: tuple[Finding, ...]) -> Iterator[Why]:
    for one in findings:
        if one.decision != "allow" and one.reached:
            relaxed = " That check is relaxed." if one.relaxed >= 0 else ""
            observed = "" if one.enforced or relaxed else " It is only observed."
            text = _MEANING.get((one.check, one.code)) or _MEANING.get((one.check, ""), "")
            yield Why(one.check, one.decision, one.reason, f"{text}{relaxed}{observed}".strip())


_MEANING: Final[dict[tuple[str, str], str]] = {
    ("limits", "bounds"): "An argument is outside what the manifest allows without a person.",
    ("limits", ""): "It goes beyond a limit of the manifest.",
    ("provenance", "no_intent"): "Nothing in what the user asked for speaks of such an act.",
    (
        "provenance",
        "source",
    ): "A value that decides where this goes did not come from where the manifest wants it from.",
    (
        "provenance",
        "steering",
    ): "The run has read what outsiders wrote, and this value is neither of the task nor from a trusted field.",
    (
        "provenance",
        "carries",
    ): "Inside a text stands something that leads somewhere, and neither the task nor a trusted field has it.",
    (
        "provenance",
        "urls",
    ): "A URL was neither read as it stands nor is it in the task: it may carry something out.",
    ("provenance", "secret"): "A value of a field that is declared secret would leave in it.",
    (
        "provenance",
        "secret_unread",
    ): "Fields that are declared secret could not be read: one of them may be in it.",
    (
        "provenance",
        "unrelated",
    ): "The run has read what outsiders wrote, and nothing in the task speaks of such an act.",
    ("provenance", "per_task"): "The task asked for fewer of these than there would be.",
    ("provenance", "after_untrusted"): "The run has read what outsiders wrote; after that a person looks.",
    ("provenance", "sequence"): "It comes after something in this run that it is not to come after.",
    ("policy", ""): "A policy of the organisation wants a person to look.",
    (
        "grant",
        "supervised",
    ): "The system may not do this alone at present: its evidence is not enough, or has lapsed.",
    ("grant", ""): "The system's authority does not reach this far.",
}
"""What findings mean, for somebody who has never read the manifest."""


# --- where values come from ----------------------------------------------------------------------------------


def _sources(asked: Asked, judged: dict[str, str]) -> dict[str, str]:
    return {pointer: told_by(one, asked.seam, asked.tool, pointer) for pointer, one in judged.items()}


def _origins(
    action: bytes,
    sources: dict[str, str],
    entries: _Entries,
    source: Record,
    configuration: Configuration,
) -> tuple[Origin, ...]:
    try:
        arguments = msgspec.json.decode(action)["arguments"]
    except (msgspec.DecodeError, UnicodeError, RecursionError, LookupError, TypeError):
        return ()
    results = _results(entries, source, configuration)
    found: list[Origin] = []
    for pointer, judged in sources.items():
        seen = results.seen(value_at(arguments, pointer)) if len(found) < VALUES else ()
        told = tuple(Seen(one.id, one.index, one.tool, one.trusted) for one in seen)
        found.append(Origin(pointer, label(judged, seen), told))
    return tuple(found)


def _results(entries: _Entries, source: Record, configuration: Configuration) -> Results:
    """The latest results of the run, as far as they are still there."""
    tools = {one.id: (one.system, one.tool) for _, one in entries if isinstance(one, Intent)}
    latest: list[tuple[int, str, bytes]] = []
    left = BYTES
    for index, entry in reversed(entries):
        if not isinstance(entry, Outcome) or entry.id not in tools or not entry.result:
            continue
        try:
            parts = source.sealed(index, entry.id, "result").parts
        except StandwatchError:
            continue
        if not parts:  # erased
            continue
        left -= len(parts[0].data)
        if len(latest) == RESULTS or (latest and left < 0):
            break
        latest.append((index, entry.id, parts[0].data))
    found = Results()
    for index, ident, data in reversed(latest):
        system, name = tools[ident]
        declared = configuration.systems.get(system)
        tool = declared.manifest.tools.get(name) if declared is not None else None
        returns = tool.returns if tool is not None else Returns()
        found.learn(index, Read(data=data, tool=name, call=ident, returns=returns, told_by_us=True))
    return found
