"""Entries of the record → what somebody may want to be told of. Pure: the same entries give the same events.

An incident has a key; what opens it adds a *member* (a hold, a question, a spell of refusals), and it is over when it
has none left. So ten holds of one scope are one incident, over when the last is released.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Evidence,
    Gap,
    Glass,
    Hold,
    OutcomeChecked,
    PasskeyDoubted,
    PasskeyRefused,
    Pulled,
    Relaxed,
    Released,
    Restored,
    SecondPlace,
    SignedOut,
    Unmasked,
    Watch,
)
from standwatch.facts.notifying import EVENTS, EventKind, Severity
from standwatch.notify.inert import clock, quoted
from standwatch.notify.words import Words
from standwatch.record.leaf import Unknown

SPELL: Final = 3_600_000_000
"""µs without another of its kind after which an incident that nobody ends is over."""
ONCE: Final = 60_000_000
"""µs in which things that are over as they happen are folded into one."""
_KIND: Final = b'"kind":"'
SOON: Final = 300_000_000
"""µs before a relaxation ends at which it is said that it will."""
BROKEN: Final = {
    "version_mismatch": "another version answers than the one deployed",
    "digest_mismatch": "another artifact answers than the one deployed",
    "missing_output": "an output of the contract is missing",
    "wrong_rows": "not every row was answered",
    "wrong_type": "an output is of another type than the contract's",
    "wrong_length": "an output is of another length than the contract's",
    "unknown_label": "an outcome that the contract does not know",
    "not_finite": "an output is no finite number",
    "outside_contract": "an output is outside its contract",
}
"""Codes of decisions that say that a model is not what was declared."""
CHANGED: Final = {"definition_changed": "a tool is no longer the one that was accepted"}
"""Codes of refusals that say the same of a tool."""

KINDS: Final = (
    b"act.answered.",
    b"act.asked.",
    b"act.contradicted.1",
    b"act.deferred.",
    b"act.denied.1",
    b"act.endorsed.",
    b"act.pulled.",
    b"act.unmasked.",
    b"ctl.",
    b"log.gap.1",
)
"""How the kinds begin that can be events, beside decisions with codes."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be told. Times in µs."""

    kind: EventKind
    severity: Severity = "info"
    at: int
    line: str
    index: int = -1
    key: str = ""
    """Of the incident; "" where `ends` finds it."""
    title: str = ""
    over: str = ""
    """The title once the incident is over."""
    systems: tuple[str, ...] = ()
    member: str = ""
    """What it adds to the incident, or takes from it."""
    until: int = 0
    """When the member ends by itself; 0 for never."""
    ends: bool = False
    once: bool = False
    """It is over as it happens: nobody has to hear of an end."""
    expires: str = ""
    """What is said when the member ends by itself."""
    soon: int = 0
    """When it is said that the member will end; 0 for not."""
    joins: bool = False
    """Belongs to its incident where that is open, and needs no end of its own there."""
    leads: bool = False
    """The incident is called after this, whatever it was called before."""


def of_interest(leaf: bytes) -> bool:
    """Whether a leaf can be an event, before it is decoded: most of them cannot."""
    at = leaf.find(_KIND) + len(_KIND)  # no string of a leaf holds an unescaped quotation mark
    if leaf.startswith(b"act.outcome.2", at):
        return b'"code":"canaries"' in leaf
    return leaf.startswith(KINDS, at) or (leaf.startswith(b"act.decided.1", at) and b'"codes":{' in leaf)


def events(index: int, entry: AnyEntry | Unknown, words: Words) -> Iterator[Event]:
    """What entry `index` gives to tell, in order."""
    match entry:
        case Asked():
            yield _asked(index, entry, words)
        case Answered() | Endorsed():
            yield from _answered(index, entry, words)
        case Deferred():
            yield _deferred(index, entry, words)
        case Pulled():
            into = "is asked about" if entry.into == "question" else "is not to be asked about"
            line = f"{entry.id} {into}, says {words.by(entry.by)}"
            member = f"deferred:{entry.id}"
            yield Event(kind="deferred", at=entry.at, index=index, line=line, member=member, ends=True)
        case Unmasked() if entry.decoy:
            line = f"{entry.id} was a decoy: nobody has to answer it any more"
            member = f"asked:{entry.id}"
            yield Event(kind="approval", at=entry.at, index=index, line=line, member=member, ends=True)
        case Denied() | OutcomeChecked() if entry.code == "canaries":
            yield _canary(index, entry, words)
        case Denied():
            yield _denied(index, entry, words)
        case Decided():
            yield from _decided(index, entry, words)
        case Hold():
            yield _hold(index, entry, words)
        case Released():
            line = f"hold {entry.hold} released by {words.by(entry.by)}"
            yield Event(
                kind="hold", at=entry.at, index=index, line=line, member=f"hold:{entry.hold}", ends=True
            )
        case Deployed():
            yield _deployed(index, entry, words)
        case Evidence():
            yield _evidence(index, entry, words)
        case Coverage() if entry.ways or entry.sig:
            yield _coverage(index, entry, words)
        case Contradicted():
            yield _contradicted(index, entry, words)
        case Config():
            yield _config(index, entry)
        case Declared():
            yield _declared(index, entry, words)
        case Gap():
            yield _gap(index, entry)
        case Glass():
            yield from _glass(index, entry, words)
        case Watch():
            yield _watch(index, entry, words)
        case Relaxed():
            yield _relaxed(index, entry, words)
        case Restored():
            line = f"relaxation {entry.relaxed} ended by {words.by(entry.by)}"
            member = f"relaxation:{entry.relaxed}"
            yield Event(kind="relaxation", at=entry.at, index=index, line=line, member=member, ends=True)
        case PasskeyDoubted():
            yield _doubted(index, entry, words)
        case SecondPlace():
            yield _elsewhere(index, entry, words)
        case SignedOut(code="elsewhere") | PasskeyRefused():
            yield _stolen(index, entry, words)
        case _:
            return


def _event(kind: EventKind, **said: Any) -> Event:
    return Event(kind=kind, severity=EVENTS[kind][0], **said)


def _once(at: int) -> dict[str, Any]:
    """Of what is over as it happens; its like within `ONCE` is folded into it."""
    return {"at": at, "member": "once", "until": at + ONCE, "once": True}


def _spell(at: int, title: str) -> dict[str, Any]:
    """Of what goes on while others of its kind come."""
    over = f"{title}: not any more"
    return {
        "at": at,
        "title": title,
        "member": "spell",
        "until": at + SPELL,
        "over": over,
        "expires": "none for an hour",
    }


def _asked(index: int, entry: Asked, words: Words) -> Event:
    system, tool = words.name(entry.system), words.name(entry.tool)
    return _event(
        "approval",
        key=f"approval/{entry.system}",
        index=index,
        at=entry.at,
        title=f"{system}: an action waits for a signature",
        over=f"{system}: nothing waits for a signature any more",
        line=f"{tool}, asked by {words.by(entry.by)}, until {clock(entry.until)}: standwatch approve {entry.id}",
        systems=words.systems(entry.system),
        member=f"asked:{entry.id}",
        until=entry.until,
        expires=f"nobody answered {entry.id} in time: it is refused",
    )


def _answered(index: int, entry: Answered | Endorsed, words: Words) -> Iterator[Event]:
    """What ends a question; one approval of several that it takes ends nothing."""
    said = "a value of it is vouched for"
    if isinstance(entry, Answered):
        said = "approved" if entry.decision == "approve" else "refused"
    line = f"{entry.id} {said} by {words.by(entry.by)}"
    if said == "refused" or not words.waits(entry.id):
        yield Event(
            kind="approval", at=entry.at, index=index, line=line, member=f"asked:{entry.id}", ends=True
        )


def _deferred(index: int, entry: Deferred, words: Words) -> Event:
    """All that waits of one system is one incident: its owner hears of it once, and when it is over."""
    system, tool = words.name(entry.system), words.name(entry.tool)
    return _event(
        "deferred",
        key=f"deferred/{entry.system}",
        index=index,
        at=entry.at,
        title=f"{system}: effects are put off, too much was asked",
        over=f"{system}: nothing is put off any more",
        line=f"{tool}, asked by {words.by(entry.by)}, until {clock(entry.until)}: standwatch deferred ask {entry.id}",
        systems=words.systems(entry.system),
        member=f"deferred:{entry.id}",
        until=entry.until,
        expires=f"nobody asked about {entry.id}: it is not carried out",
    )


def _denied(index: int, entry: Denied, words: Words) -> Event:
    system, tool = words.name(entry.system), words.name(entry.tool)
    said: dict[str, Any] = {
        "index": index,
        "line": f"{tool} by {words.by(entry.by)}: {entry.code}",
        "systems": words.systems(entry.system),
    }
    known = "".join(said["systems"])  # whatever else a caller asks for is one incident, not one each
    if entry.verdict == "defer":
        title = f"{system}: effects are put off"
        return _event("deferred", key=f"deferred/{known}", **said, **_spell(entry.at, title))
    if entry.code in CHANGED:
        title = f"{system}: {CHANGED[entry.code]}"
        return _event("finding", key=f"finding/{known}/{entry.code}", **said, **_spell(entry.at, title))
    title = f"{system}: actions are refused"
    return _event("refusal", key=f"refusal/{known}", **said, **_spell(entry.at, title))


def _canary(index: int, entry: Denied | OutcomeChecked, words: Words) -> Event:
    """Who reads a canary should not have: one incident for each system, until none turns up for an hour."""
    system = words.name(entry.system)
    what = "refused" if isinstance(entry, Denied) else "withheld" if entry.withheld else "it went on"
    return _event(
        "canary",
        key=f"canary/{''.join(words.systems(entry.system))}",
        index=index,
        line=f"in action {entry.id} by {words.by(entry.by)}, {what}: standwatch explain {entry.id}",
        systems=words.systems(entry.system),
        **_spell(entry.at, f"{system}: a canary turned up"),
    )


def _decided(index: int, entry: Decided, words: Words) -> Iterator[Event]:
    for code in sorted(entry.codes.keys() & BROKEN.keys()):
        yield _event(
            "finding",
            key=f"finding/{entry.system}/{entry.model}/{code}",
            index=index,
            line=f"{words.name(entry.model)}: {code}; its fallback answers",
            systems=words.systems(entry.system),
            **_spell(entry.at, f"{words.name(entry.system)}: {BROKEN[code]}"),
        )


def _hold(index: int, entry: Hold, words: Words) -> Event:
    scope = words.scope(entry.scope)
    ends = f", until {clock(entry.until)}" if entry.until else ""
    return _event(
        "hold",
        key=f"hold/{entry.scope}",
        index=index,
        at=entry.at,
        title=f"{scope} is halted",
        over=f"{scope} is no longer halted",
        line=f"hold {index} by {words.by(entry.by)}{ends}",
        systems=words.systems(*words.covers(entry.scope)),
        member=f"hold:{index}",
        until=entry.until,
        expires=f"hold {index} ended by itself",
    )


def _deployed(index: int, entry: Deployed, words: Words) -> Event:
    system, model, version = words.name(entry.system), words.name(entry.model), quoted(entry.version)
    said: dict[str, Any] = {"index": index, "systems": words.systems(entry.system)}
    if entry.mode == "rollback":
        # The hold on what was in front comes right before: one act, one incident.
        return _event(
            "rollback",
            key=f"hold/version:{entry.model}@{entry.former}",
            line=f"{version} serves instead of {quoted(entry.former)}, by {words.by(entry.by)}",
            joins=True,
            leads=True,
            **said,
            **_spell(entry.at, f"{system}: {model} went back to version {version}"),
        )
    share = f", {entry.share / 100:g} % of requests" if entry.mode == "canary" else ""
    return _event(
        "deployment",
        key=f"deployment/{entry.system}/{entry.model}",
        title=f"{system}: the route of {model} changed",
        line=f"{entry.mode} {version}{share} by {words.by(entry.by)}",
        **said,
        **_once(entry.at),
    )


def _evidence(index: int, entry: Evidence, words: Words) -> Event:
    system, who = words.name(entry.system), words.by(entry.by)
    if entry.outcome == "pass":
        line = f"validated by {who}, until {clock(entry.until)}"
        member = f"evidence:{entry.system}"
        return Event(kind="evidence", at=entry.at, index=index, line=line, member=member, ends=True)
    word = "rejected" if entry.outcome == "reject" else "validated with conditions"
    return _event(
        "evidence",
        key=f"evidence/{entry.system}",
        index=index,
        at=entry.at,
        title=f"{system}: {word} by its validator",
        over=f"{system}: its validator says yes again",
        line=f"{word} by {who}, until {clock(entry.until)}",
        systems=words.systems(entry.system),
        member=f"evidence:{entry.system}",
        until=entry.until,
        expires="the statement is out of date",
    )


def _coverage(index: int, entry: Coverage, words: Words) -> Event:
    system, host, who = words.name(entry.system), quoted(entry.host), words.by(entry.by)
    member = f"coverage:{entry.system}:{entry.host}"
    if not entry.ways:
        line = f"nothing goes round on {host}, says {who}, signed"
        return Event(kind="coverage", at=entry.at, index=index, line=line, member=member, ends=True)
    tools = ", ".join(dict.fromkeys(quoted(way.tool) for way in entry.ways[:3]))
    return _event(
        "coverage",
        key=f"coverage/{entry.system}",
        index=index,
        at=entry.at,
        title=f"{system}: something goes round Standwatch",
        over=f"{system}: nothing is known to go round any more",
        line=f"{tools} on {host}, says {who}: standwatch coverage {words.name(entry.system)}",
        systems=words.systems(entry.system),
        member=member,
    )


def _contradicted(index: int, entry: Contradicted, words: Words) -> Event:
    """What was said is not told here: messages carry no payloads."""
    return Event(
        kind="word",
        severity=EVENTS["word"][0],
        key=f"word/{entry.system}",
        index=index,
        title=f"{words.name(entry.system)}: an agent's word is contradicted by its record",
        line=f"{entry.code} in run {entry.run}: standwatch runs {entry.run}",
        systems=words.systems(entry.system),
        **_once(entry.at),
    )


def _config(index: int, entry: Config) -> Event:
    line, title = f"configuration {entry.root[:16]}", "A configuration is in force"
    return _event(
        "configuration", key="configuration", index=index, title=title, line=line, **_once(entry.at)
    )


def _declared(index: int, entry: Declared, words: Words) -> Event:
    change = {"first": "for the first time", "same": "as before"}.get(
        entry.change, f"{entry.change} than before"
    )
    return _event(
        "system",
        key=f"system/{entry.system}",
        index=index,
        title=f"{words.name(entry.system)} is declared",
        line=f"envelope {entry.envelope[:16]}, tier {entry.tier}, {change}",
        systems=words.systems(entry.system),
        **_once(entry.at),
    )


def _relaxed(index: int, entry: Relaxed, words: Words) -> Event:
    system, until = words.name(entry.system), clock(entry.until)
    where = f"{quoted(entry.check)} on {words.scope(entry.scope)}"
    return _event(
        "relaxation",
        key=f"relaxation/{entry.system}",
        index=index,
        at=entry.at,
        title=f"{system}: a check is bypassed",
        over=f"{system}: no check is bypassed any more",
        line=f"relaxation {index}: {where}, by {words.by(entry.by)}, until {until}",
        systems=words.systems(entry.system),
        member=f"relaxation:{index}",
        until=entry.until,
        soon=max(entry.until - SOON, entry.at + 1),
        expires=f"relaxation {index} ended by itself",
    )


def _glass(index: int, entry: Glass, words: Words) -> Iterator[Event]:
    who = words.by(entry.by)
    match entry.step:
        case "opened":
            line = f"break-glass {entry.glass}, by {who}, until {clock(entry.until)}"
            yield _event(
                "break_glass",
                key=f"break-glass/{entry.glass}",
                index=index,
                at=entry.at,
                title="A break-glass was opened",
                over="The opening of a break-glass was reviewed",
                line=f"{line}: standwatch break-glass review {entry.glass}",
                member=f"glass:{entry.glass}",
            )
        case "reviewed":
            line = f"break-glass {entry.glass} reviewed by {who}"
            member = f"glass:{entry.glass}"
            yield Event(kind="break_glass", at=entry.at, index=index, line=line, member=member, ends=True)
        case _:
            number = entry.glass if entry.glass >= 0 else index
            yield Event(
                kind="break_glass",
                key=f"break-glass/{entry.step}",
                index=index,
                title=f"A break-glass was {quoted(entry.step)}",
                line=f"break-glass {number}, by {who}",
                **_once(entry.at),
            )


def _watch(index: int, entry: Watch, words: Words) -> Event:
    """Who has it now; that nobody has is the matter for as long as nobody has (`serve.matters`)."""
    name, who = quoted(entry.watch), words.by(entry.person)
    match entry.step:
        case "ended":
            line = f"ended by {words.by(entry.by)}"
        case "handed_over":
            line = f"handed over to {who} by {words.by(entry.giver)}, until {clock(entry.until)}"
        case _:
            line = f"taken by {who}, until {clock(entry.until)}"
    return Event(
        kind="watch",
        key=f"watch/{entry.watch}/changed",
        index=index,
        title=f"The watch {name} changed hands",
        line=line,
        **_once(entry.at),
    )


def _doubted(index: int, entry: PasskeyDoubted, words: Words) -> Event:
    title = "A passkey was refused: there may be a copy of it"
    line = f"of {words.by(entry.person)}, counter {entry.count} after {entry.last}: standwatch passkey list"
    key = f"finding/passkey/{entry.person}"
    return _event("finding", key=key, index=index, line=line, **_spell(entry.at, title))


def _stolen(index: int, entry: SignedOut | PasskeyRefused, words: Words) -> Event:
    if isinstance(entry, SignedOut):
        title = "A session was ended: its cookie turned up elsewhere"
        line = f"session {entry.session[:12]} of {words.by(entry.person)}: standwatch session list"
    else:
        title = "A passkey was refused: it signed for another page, or for nobody verified"
        line = f"of {words.by(entry.person)} ({entry.code}): somebody may have lured them"
    key = f"finding/session/{entry.person}"
    return _event("finding", key=key, index=index, line=line, **_spell(entry.at, title))


def _elsewhere(index: int, entry: SecondPlace, words: Words) -> Event:
    how = "without the key it is bound to" if entry.code == "without_key" else "from a second place"
    line = (
        f"of {words.by(entry.principal)}: standwatch halt run:{entry.run} --reason 'its token is elsewhere'"
    )
    key = f"finding/run/{entry.run}"
    return _event(
        "finding", key=key, index=index, line=line, **_spell(entry.at, f"A run's token was used {how}")
    )


def _gap(index: int, entry: Gap) -> Event:
    line = f"nothing could be recorded from {clock(entry.begin)} on; {entry.unrecorded} answers were given without it"
    return _event(
        "record", key="record", index=index, line=line, joins=True, **_spell(entry.at, "The record has a gap")
    )
