"""An explanation as text for a terminal: whole, in the order in which things happened, times in UTC with offset."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from standwatch.facts.configuration import Finding
from standwatch.facts.short_words import short_words
from standwatch.record.explanation import Explanation, Inquiry, Standing, Statement, Told, Voice
from standwatch.record.heard import read_heard

NOT_SENT: Final = "It was released, and could not be handed on: nothing was sent."
_SENTENCES: Final[dict[Standing, str]] = {
    "done": "It was released, and its outcome is in the record.",
    "under_way": "It was released; no outcome is in the record, so what became of it is unknown.",
    "denied": "It was denied: nothing was sent.",
    "deferred": "It was put off, because too much was asked already: nothing was sent, and nobody is asked yet.",
    "decoy": "It was a decoy, made of a refused action to see who looks: nothing was sent, nor was it going to be.",
    "pending": "It waits for a person's answer: nothing was sent.",
    "expired": "Too few people approved it in time, which counts as a refusal: nothing was sent.",
    "endorsed": "People vouched for a value of it instead: asked for again, it is judged with that.",
    "refused": "A person refused it: nothing was sent.",
    "approved": "A person approved it; it was not asked for again yet, and nothing was sent.",
}


def left(told: Explanation) -> bool:
    """Whether it went to whoever was to carry it out, or may have."""
    return told.standing == "under_way" or (told.standing == "done" and told.back.status != "not_sent")


def sentence(told: Explanation) -> str:
    """What became of it."""
    return NOT_SENT if told.standing == "done" and not left(told) else _SENTENCES[told.standing]


def render(told: Explanation) -> str:
    """The text, ending in a newline. Control characters from outside are shown as escapes, never sent raw."""
    return "".join(safe(line).rstrip() + "\n" for line in _lines(told))


def instant(micros: int) -> str:
    """µs since 1970 as `2026-11-18 11:06:40.001000+00:00`; "never" for 0."""
    if micros <= 0:
        return "never"
    try:
        moment = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
    except (OverflowError, ValueError, OSError):
        return f"{micros} µs after 1970"
    return moment.isoformat(" ", "microseconds")


def duration(micros: int) -> str:
    """µs in the unit a reader would choose."""
    if micros < 1000:
        return f"{micros} µs"
    if micros < 1_000_000:
        return f"{micros / 1000:.1f} ms"
    if micros < 120_000_000:
        return f"{micros / 1_000_000:.1f} s"
    return f"{micros / 60_000_000:.1f} min"


def safe(line: str) -> str:
    """What an agent or a server wrote must not steer the reader's terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)


def _lines(told: Explanation) -> Iterator[str]:
    yield f"Action {told.id}"
    yield f"  {told.tool} ({told.effect}) of system {told.system}, {instant(told.at)}"
    yield f"  {sentence(told)}"
    for problem in told.problems:
        yield f"  ! {problem}"
    yield from _who(told)
    yield from _rules(told)
    yield from _relaxed(told)
    yield from _findings(told)
    yield from _authority(told)
    yield from _asked(told.asked)
    yield from _sent(told)
    yield from _doubted(told)
    yield from _proof(told)


def _who(told: Explanation) -> Iterator[str]:
    run = told.run
    yield ""
    yield "Who"
    yield f"  by            {told.by}{f' ({told.role})' if told.role else ''}"
    yield from _part("on behalf of", run.on_behalf_of)
    opened = f", opened {instant(run.at)} by {run.by} (entry {run.opened})" if run.opened >= 0 else ""
    opened += f", its task in its harness' first message (entry {run.said})" if run.said >= 0 else ""
    yield f"  run           {run.id}{' (implicit)' if run.implicit else ''}{opened}"
    if run.above:
        yield f"  below         {', which is below '.join(f'run {one}' for one in run.above)}"
    yield from _part("task", run.task)
    yield f"  seam          {told.seam}"


def _rules(told: Explanation) -> Iterator[str]:
    rules = told.rules
    yield ""
    yield "Under which rules"
    yield f"  configuration entry {rules.config}, {rules.root or 'no digest'}"
    if rules.development:
        yield "  development   this organisation is in development: signatures may have been skipped"
    if rules.declared < 0:
        yield f"  manifest      nobody had declared {told.system}"
        return
    yield f"  manifest      entry {rules.declared}, envelope {rules.envelope}"
    yield f"  components    {rules.components}"
    for name, digest in rules.policies.items():
        yield f"  policy        {name}, {digest}"
    yield f"  environment   {rules.environment}, tier {rules.tier}"
    if rules.schema:
        yield f"  definition    {rules.schema}"
    for hold in told.holds:
        yield f"  held          entry {hold.index} on {hold.scope} by {hold.by}, {instant(hold.at)}"


def _relaxed(told: Explanation) -> Iterator[str]:
    for one in told.relaxed:
        yield (
            f"  {'relaxed' if one.used else 'relaxable':<13} {one.check} on {one.scope} until {instant(one.until)} "
            f"(entry {one.index}), {one.compensating} stands in, signed by {', '.join(one.signed) or 'nobody'}"
        )


def _doubted(told: Explanation) -> Iterator[str]:
    """What was said in it, and what the record of its run says otherwise."""
    if told.doubts:
        yield ""
        yield "The agent's word against the record"
    for one in told.doubts:
        entries = ", ".join(map(str, one.entries)) or "no entry: it was never asked for"
        yield f"  {one.code:<13} entry {one.index}, {instant(one.at)}; the record says otherwise in {entries}"
        if not one.sentences:
            yield f"  it said       {_gone(one.fate)}"
        yield from (f"  it said       {each.said}" for each in one.sentences)


def _findings(told: Explanation) -> Iterator[str]:
    done = "" if told.disposition == told.verdict else f", done: {told.disposition}"
    yield ""
    yield f"Findings: {told.verdict}{done}{f' ({told.code})' if told.code else ''}"
    if told.found != "present":
        yield f"  {_gone(told.found)}"
    yield from _told(told.findings)


def _told(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings:
        said = finding.decision if finding.reached else "not reached"
        code = f" [{finding.code}]" if finding.code else ""
        observed = "" if finding.enforced else " (observed, not enforced)"
        if finding.relaxed >= 0 and not finding.enforced:
            observed = f" (relaxed by entry {finding.relaxed}, not enforced)"
        yield f"  {finding.check:<13} {said}{code}{observed}{': ' if finding.reason else ''}{finding.reason}"


def _authority(told: Explanation) -> Iterator[str]:
    grant = told.authority
    ends = f", until {instant(grant.until)}" if grant.until else ""
    rules = f", rules {grant.rules}" if grant.rules else ""
    yield ""
    yield f"Grant: {grant.level}{ends}{rules}"
    for reason in grant.reasons:
        yield f"  {reason}"
    if not grant.evidence:
        yield "  no evidence was in the record"
    for statement in grant.evidence:
        yield f"  {_statement(statement)}"


def _statement(said: Statement) -> str:
    marks = ["rested on" if said.used else "not used", "live" if said.live else "not live"]
    marks += ["signed" if said.signed else "NOT SIGNED"]
    return f"evidence {said.index}: {said.outcome} by {said.by}, until {instant(said.until)} ({', '.join(marks)})"


def _asked(asked: Inquiry | None) -> Iterator[str]:
    if asked is None:
        return
    yield ""
    yield f"Asked: {instant(asked.at)} (entry {asked.index}), open until {instant(asked.until)}"
    order = ", in this order" if asked.ordered else ""
    of = "" if asked.quorum == 1 else f" ({asked.quorum} of them must approve{order})"
    yield f"  of            {', '.join(asked.of) or 'nobody'}{of}"
    if asked.was:
        yield f"  it was        {_WAS[asked.was]}{f' (entry {asked.opened})' if asked.opened >= 0 else ''}"
    for one in asked.voices:
        yield from _voice(one)
    if not asked.voices:
        yield "  answer        none in the record"
    if asked.answered < 0:
        return
    yield f"  answer        {asked.decision} by {asked.by}, {instant(asked.answered_at)} (entry {asked.answered})"
    yield f"  good until    {instant(asked.good_until)}"
    if asked.head:
        yield f"  signed along  checkpoint {asked.head}"
    yield from _part("reason", asked.reason)


_WAS: Final = {
    "sealed": "not opened yet: it may be a decoy, and nothing is carried out on it",
    "real": "real",
    "decoy": "a decoy: what people said to it is good for nothing",
}


def _voice(one: Voice) -> Iterator[str]:
    what = f"{one.decision} {one.argument}" if one.argument else one.decision
    gone = "" if one.counts else "; it counts no more"
    yield f"  {what:<13} by {one.by}, {instant(one.at)} (entry {one.index}), until {instant(one.until)}{gone}"
    yield f"  signature     {'verifies' if one.signed else 'DOES NOT VERIFY'}, {one.key}"


def _sent(told: Explanation) -> Iterator[str]:
    sent, back = told.sent, told.back
    released = told.standing in ("done", "under_way")
    yield ""
    yield f"{'Sent' if left(told) else 'Not sent'}: digest {sent.digest}"
    if told.asked is not None:
        yield f"  words         {short_words(sent.digest)}   whoever was asked, and who asked, see the same"
    if sent.target:
        yield f"  target        {sent.target} ({sent.event})"
    yield from _part("action", sent.action)
    if sent.body.fate != "none":
        yield from _part("prompt", sent.body)
    if sent.modified:
        yield f"  modified      what was sent has digest {sent.modified}"
    for name, amount in sent.spend.items():
        yield f"  reserved      {name} {amount if name == 'tokens' else f'{amount / 1_000_000:g}'}"
    if released:
        yield ""
        yield f"Came back: {back.status or 'unknown: no outcome is in the record'}"
        if back.status:
            yield f"  when          {instant(back.at)} (entry {back.index})"
            heard = read_heard(back.result.text) if sent.event == "generation" else None
            yield from _part("result", back.result) if heard is None else heard.lines()
            if back.withheld:
                yield "  withheld      its caller was told that the act is done, and no more"
            if back.found not in ("none", "present"):
                yield f"  findings      {_gone(back.found)}"
            yield from _told(back.findings)
    if told.steps:
        yield ""
        yield "How long"
        for step in told.steps:
            yield f"  {duration(step.micros):>10}  {step.name}"


def _proof(told: Explanation) -> Iterator[str]:
    yield ""
    yield "Proof"
    for proof in told.proofs:
        walked = f"in the log by {len(proof.path)} hashes" if proof.proved else "not under a checkpoint yet"
        yield f"  entry {proof.index:<7} {proof.kind}, {instant(proof.at)}"
        yield f"                leaf {proof.leaf}, {walked}"
    if told.head is None:
        yield "  no checkpoint here can be relied on"
        return
    checked = "signature checked" if told.head.trusted else "signature not checked: bring the log's key"
    yield f"  checkpoint    {told.head.origin}, {told.head.size} entries ({checked})"
    yield f"  root          {told.head.root}"


def _part(name: str, told: Told) -> Iterator[str]:
    if told.fate != "present":
        yield f"  {name:<13} {_gone(told.fate)}"
        return
    first, *rest = told.text.split("\n")
    yield f"  {name:<13} {first}"
    for line in rest:
        yield f"  {'':<13} {line}"


def _gone(fate: str) -> str:
    return {
        "none": "none",
        "erased": "erased: its key was destroyed, and nobody can read it any more",
        "absent": "not in this record: only the commitment is",
        "false": "NOT WHAT THE ENTRY COMMITS TO",
    }[fate]
