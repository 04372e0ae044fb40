"""An entry of the record as one sentence for people."""

from collections.abc import Mapping
from typing import Any, Final, assert_never

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    AskedMany,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Enrolled,
    Evidence,
    Exposure,
    Gap,
    Glass,
    Hold,
    Intent,
    Opened,
    Outcome,
    OutcomeChecked,
    Overridden,
    PasskeyDoubted,
    PasskeyEnded,
    PasskeyRefused,
    Principal,
    Pulled,
    Relaxed,
    Released,
    Restored,
    Revalidated,
    RunBound,
    RunClosed,
    RunOpened,
    SecondPlace,
    Shadowed,
    SignedIn,
    SignedOut,
    TaskAdded,
    TaskTaken,
    Unmasked,
    Watch,
    Word,
)
from standwatch.record.leaf import Unknown

_PERSONS: Final = ("by", "person", "giver")


def named(entry: AnyEntry | Unknown, names: Mapping[str, str]) -> AnyEntry | Unknown:
    """`entry` with the names of people in place of their opaque ids: for its sentence, and for nothing else."""
    told: dict[str, Any] = {
        member: names[ident] for member in _PERSONS if (ident := getattr(entry, member, "")) in names
    }
    match entry:
        case Glass():
            told["people"] = tuple(names.get(one, one) for one in entry.people)
        case Relaxed():
            told["signatures"] = {names.get(one, one): sig for one, sig in entry.signatures.items()}
        case _:
            pass
    return msgspec.structs.replace(entry, **told) if told else entry


def sentence(entry: AnyEntry | Unknown) -> str:
    """What `entry` says, without who and when, which stand beside it."""
    match entry:
        case Intent():
            observed = "" if entry.verdict == entry.disposition else f", observed although {entry.verdict}"
            signed = f", signed in {entry.signed}" if entry.signed >= 0 else ""
            return (
                f"{entry.system}: {_what(entry.tool)} released ({entry.effect}{signed}{observed})  {entry.id}"
            )
        case Denied():
            return f"{entry.system}: {_what(entry.tool)} refused: {entry.code}  {entry.id}"
        case Asked():
            return f"{entry.system}: {_what(entry.tool)} waits for {_wanted(entry)}  {entry.id}"
        case Deferred():
            return f"{entry.system}: {_what(entry.tool)} deferred: {entry.code}  {entry.id}"
        case Pulled():
            into = "to be asked about" if entry.into == "question" else "not to be asked about"
            return f"{entry.system}: pulled the deferred action {entry.of}, {into}  {entry.id}"
        case Answered():
            word = "approved" if entry.decision == "approve" else "refused"
            return f"{word} the question {entry.of}  {entry.id}"
        case Endorsed():
            return f"vouched for a value of {entry.name} in run {entry.run}, asked in {entry.of}  {entry.id}"
        case Unmasked():
            was = "was a decoy: nothing was going to be carried out" if entry.decoy else "was real"
            return f"the question {entry.of} {was}  {entry.id}"
        case Revalidated():
            return f"{entry.person} may answer again, after entry {entry.follows}"
        case Outcome():
            return f"outcome of {entry.of}: {entry.status}{_checked(entry)}  {entry.id}"
        case Decided():
            return _decided(entry)
        case Shadowed():
            return (
                f"{entry.system}: challenger {entry.model}@{entry.version} agreed on {entry.same} of {entry.rows}"
                f" rows of {entry.of}"
            )
        case Overridden():
            return f"{entry.system}: the outcome of {entry.of}/{entry.row} was overridden  {entry.id}"
        case Deployed():
            share = f" for {entry.share / 100:g} % of requests" if entry.mode == "canary" else ""
            return f"{entry.system}: {entry.mode} {entry.model}@{entry.version}{share}"
        case Exposure():
            return f"{entry.system} touched about {entry.people} people in the week to {entry.week}"
        case Word():
            return f"{entry.system}: its agent had its word about run {entry.run}  {entry.id}"
        case Contradicted():
            against = ", ".join(map(str, entry.entries)) or "no entry says so"
            said = f"what the agent said in {entry.of} is contradicted: {entry.code} ({against})"
            return f"{entry.system}: {said}  {entry.id}"
        case Coverage():
            return _coverage(entry)
        case Declared():
            return f"declared {entry.system}, tier {entry.tier}, {entry.change}"
        case Config():
            changed = ", ".join(entry.changed) or "nothing"
            return f"configuration {entry.root[:16]} in force; changed: {changed}"
        case Hold():
            return f"halted {entry.scope}"
        case Released():
            return f"released hold {entry.hold}"
        case Relaxed():
            signed = ", ".join(sorted(entry.signatures)) or "nobody"
            return (
                f"{entry.system}: relaxed {entry.check} on {entry.scope}, {entry.compensating} stands in; "
                f"signed by {signed}"
            )
        case Glass():
            of = f" {entry.glass}" if entry.glass >= 0 else f" for {', '.join(entry.people)}"
            return f"break-glass{of} {entry.step}"
        case Watch():
            return _watch(entry)
        case Restored():
            return f"{entry.system}: ended relaxation {entry.relaxed}"
        case Evidence():
            return f"validation of {entry.system}: {entry.outcome}"
        case Principal():
            return f"{'revoked' if entry.revoked else 'set'} {entry.role} {entry.name}"
        case Enrolled():
            return f"enrolled a passkey of {entry.person}: {entry.credential[:12]}…"
        case PasskeyEnded():
            return f"ended a passkey of {entry.person}: {entry.credential[:12]}…"
        case PasskeyDoubted():
            return (
                f"refused a passkey of {entry.person}, whose counter said {entry.count} after {entry.last}: "
                f"{entry.credential[:12]}…"
            )
        case SignedIn():
            how = (
                f"by word of {entry.issuer}" if entry.issuer else f"with a passkey: {entry.credential[:12]}…"
            )
            return f"{entry.person} signed in {how}; session {entry.session[:12]}"
        case SignedOut():
            return f"session {entry.session[:12]} of {entry.person} ended: {entry.code}"
        case PasskeyRefused():
            of = f" for question {entry.of}" if entry.of >= 0 else ""
            return f"refused a passkey of {entry.person}{of}: {entry.code}; {entry.credential[:12]}…"
        case RunBound(parent=str(parent)) if parent:
            return f"run {entry.run} of {entry.system} opened below run {parent}"
        case SecondPlace():
            how = "without its key" if entry.code == "without_key" else "from another place"
            return f"the token of run {entry.run} was shown {how}"
        case RunOpened():
            return f"run {entry.run} of {entry.system} opened{' (implicit)' if entry.implicit else ''}"
        case TaskAdded():
            return f"the user of run {entry.run} said more of its task"
        case TaskTaken():
            return f"the task of run {entry.run} was read off its harness' first message"
        case RunClosed():
            return f"run {entry.run} closed"
        case Opened():
            return f"log {entry.origin} opened"
        case Gap():
            return f"nothing could be recorded; {entry.unrecorded} answer(s) were given without it"
        case Unknown():
            return f"an entry of the unknown kind {entry.kind}"
        case _:
            assert_never(entry)


def _what(tool: str) -> str:
    """A tool by its name, a generation by the component that was asked."""
    component, _, event = tool.partition(".")
    if event != "generation":
        return {"": "an act", "?": "an act that nothing declares"}.get(tool, tool)
    return "a generation" if component == "?" else f"a generation by {component}"


def _wanted(entry: Asked) -> str:
    if not isinstance(entry, AskedMany) or entry.quorum == 1:
        return "a signature"
    order = ", in their order" if entry.ordered else ""
    return f"signatures of {entry.quorum} of {len(entry.people)} people{order}"


def _checked(entry: Outcome) -> str:
    if not isinstance(entry, OutcomeChecked):
        return ""
    found = ", something was found in it" if entry.why else ""
    return f"{found}{', withheld from its caller' if entry.withheld else ''}"


def _decided(entry: Decided) -> str:
    rows = "1 decision" if entry.rows == 1 else f"{entry.rows} decisions"
    others = ", ".join(f"{count} by {route}" for route, count in entry.routes.items() if route != "model")
    by = f"{entry.model}@{entry.version}" if entry.version else entry.model
    return f"{entry.system}: {rows} by {by}{f' ({others})' if others else ''}  {entry.id}"


def _coverage(entry: Coverage) -> str:
    tools = ", ".join(dict.fromkeys(way.tool for way in entry.ways))
    said = f"{tools} can be reached without Standwatch" if tools else "nothing is known to go round"
    signed = "signed: " if entry.sig else ""
    return f"{entry.system}, host {entry.host}: {signed}{said}"


def _watch(entry: Watch) -> str:
    seen = f", having seen relaxation {', '.join(map(str, entry.relaxations))}" if entry.relaxations else ""
    match entry.step:
        case "ended":
            return f"watch {entry.watch}: nobody has it"
        case "handed_over":
            return f"watch {entry.watch}: {entry.giver} handed it over to {entry.person}{seen}"
        case _:
            return f"watch {entry.watch}: {entry.person} took it{seen}"


def kind_of(entry: AnyEntry | Unknown) -> str:
    """The name of the entry's kind."""
    return entry.kind if isinstance(entry, Unknown) else str(type(entry).__struct_config__.tag)
