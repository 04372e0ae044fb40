"""Whom a question may be put to: those whom the manifest names for it, without owner and requester where it says so."""

import re
import unicodedata
from typing import Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.facts.configuration import Finding
from standwatch.record import questions


class Answerers(msgspec.Struct, frozen=True):
    """Who may answer, in order; how many of them must approve; whether in that order."""

    people: tuple[str, ...]
    quorum: int
    ordered: bool


def answerers(case: Case) -> Answerers:
    """Who may answer a question about this case now."""
    rule = questions.rule_in(case.state, case.act.system, case.act.tool)
    people = questions.answering(case.state, case.act.system, case.act.tool)
    if "requester" in rule.never:
        wanting = requesters(case)
        people = tuple(one for one in people if one not in wanting)
    return Answerers(people, rule.quorum, rule.ordered)


def unasked(case: Case) -> Finding | None:
    """Why nobody can be asked: what would wait for people who do not exist is refused, and says so."""
    rule = questions.rule_in(case.state, case.act.system, case.act.tool)
    if "requester" in rule.never and not case.trail.known:
        reason = "whom the run serves cannot be read any more, and that person may not answer"
        return Finding("approval", "deny", reason, "requester_unknown")
    found = answerers(case)
    if len(found.people) >= found.quorum:
        return None
    reason = f"{found.quorum} people must approve, and {len(found.people)} may"
    return Finding("approval", "deny", reason, "too_few_approvers")


def requesters(case: Case) -> frozenset[str]:
    """The people behind a run, by id: who acts in it, who opened it, and whom it serves.

    Whom it serves is what the harness said, in any spelling of a person that the organisation has.
    """
    _, run = case.state.runs.get(case.run, (0, None))
    named = {case.act.caller.principal, *((run.by, run.principal) if run is not None else ())}
    said = _spellings(case.trail.behalf)
    for person in case.world.configuration.organisation.people:
        known = {_folded(one) for one in (person.id, person.address, person.name, person.os_user) if one}
        if not said.isdisjoint(known):
            named.add(person.id)
    return frozenset(named)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _spellings(behalf: str) -> frozenset[str]:
    """What may name one person in what a harness says: all of it, after a scheme (`mailto:`, `user:`), and each address
    that stands in it (RFC 5322 `Olga <olga@watch.example>`). Rather one is left out than asked about oneself."""
    whole = _folded(behalf)
    words = {whole, *(word for word in _BETWEEN.split(whole) if "@" in word)}
    return frozenset(one for word in words for one in (word, word.rpartition(":")[2]) if one)


_BETWEEN: Final = re.compile(r"[\s<>()\[\],;\"'|]+")
