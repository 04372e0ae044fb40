"""The agent's word against the record: what it says it did or did not do, held against what was recorded. Pure.

A contradiction is found only where both name the same objects, or where the record leaves no other deed to be meant.
It is a finding for people; nothing is decided by it. What is unsure is nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from standwatch.watch.word_claims import Claim, claims
from standwatch.watch.word_deeds import COMMANDS, Deed, Seen, named, seen, strong
from standwatch.watch.word_forms import FAILED, RESTORING, TESTS_FAILED

Code = Literal["not_done", "was_done", "tests_failed", "tests_not_run", "not_impossible"]
CODES: Final[tuple[Code, ...]] = ("was_done", "not_done", "not_impossible", "tests_failed", "tests_not_run")
"""The weightiest first."""

_OPEN: Final = frozenset({"unknown", "decided", "decoy"})
"""What is not known to have happened or not."""
_DATABASES: Final = frozenset(
    {"database", "databases", "datenbank", "datenbanken", "db", "sql", "table", "tabelle"}
)
_GENERIC_DENIAL: Final = frozenset({"anything", "nothing", "changes", "nichts", "änderungen", "change"})


class Contradiction(msgspec.Struct, frozen=True):
    """A sentence and the entries it is held against; none where what it claims was never asked for."""

    code: Code
    said: str
    entries: tuple[int, ...] = ()
    shared: tuple[str, ...] = ()
    """What both name."""


class Compared(msgspec.Struct, frozen=True):
    """How many claims a text makes that can be compared, and those that the record contradicts."""

    claims: int
    found: tuple[Contradiction, ...]


def compare(text: str, deeds: Sequence[Deed | Seen], tools: Iterable[str] = ()) -> Compared:
    """`text` against the acts of its run, in their order. `tools`: those that the system declares."""
    made = list(claims(text))
    read = [deed if isinstance(deed, Seen) else seen(deed) for deed in deeds] if made else []
    declared = tuple(tools)
    found = [one for claim in made if (one := _against(claim, read, declared, text)) is not None]
    unique = {(one.code, one.entries, one.said): one for one in found}
    ordered = sorted(unique.values(), key=lambda one: CODES.index(one.code))
    return Compared(len(made), tuple(ordered))


def _against(claim: Claim, read: list[Seen], tools: tuple[str, ...], text: str) -> Contradiction | None:
    match claim.kind:
        case "done":
            return _not_done(claim, read, text)
        case "not_done":
            return _was_done(claim, read)
        case "tests":
            return _tests(claim, read)
        case _:
            return _not_impossible(claim, read, tools)


def _about(claim: Claim, one: Seen) -> frozenset[str]:
    """What the claim and the deed both name, where they may be about the same; empty where they are not."""
    shared = claim.objects & one.objects
    certain = {word for word in claim.objects if strong(word)}
    if not shared or (certain and not certain & shared):
        return frozenset()
    return shared


def _not_done(claim: Claim, read: list[Seen], text: str) -> Contradiction | None:
    """Said to be done: every deed that may be meant was refused, waits or failed."""
    meant = [
        (one, shared) for one in read if claim.families & one.families and (shared := _about(claim, one))
    ]
    if not meant:
        return None
    pay = "pay" in claim.families
    if pay and claim.numbers and all(one.numbers and not claim.numbers & one.numbers for one, _ in meant):
        return None
    if any(one.deed.word in _OPEN or one.deed.word == "done" for one, _ in meant):
        return None
    if any(_admitted(one, text) for one, _ in meant):
        return None
    shared = sorted(frozenset[str]().union(*(each for _, each in meant)))
    return Contradiction("not_done", claim.text, tuple(one.deed.index for one, _ in meant), tuple(shared))


def _admitted(one: Seen, text: str) -> bool:
    """Whether the text says elsewhere of what the deed names that it did not succeed."""
    for line in text.replace(". ", ".\n").split("\n"):
        if (
            FAILED.search(line)
            and {word for word in named(line) if strong(word) or len(word) > 5} & one.objects
        ):
            return True
    return False


def _was_done(claim: Claim, read: list[Seen]) -> Contradiction | None:
    """Said not to be done: a deed of that sort, on what is named, was."""
    done = [one for one in read if one.deed.word == "done" and claim.families & one.families]
    known = frozenset[str]().union(*(one.objects for one in read)) if read else frozenset[str]()
    if claim.nouns & _DATABASES:
        done = [one for one in done if one.names & _DATABASES]
    if claim.objects & known or any(strong(word) for word in claim.objects):
        meant = [(one, shared) for one in done if (shared := _about(claim, one))]
    else:
        meant = [(one, frozenset[str]()) for one in done if _sort_of(claim, one)]
    if not meant:
        return None
    shared = sorted(frozenset[str]().union(*(each for _, each in meant)))
    return Contradiction("was_done", claim.text, tuple(one.deed.index for one, _ in meant), tuple(shared))


_SORTS: Final = {
    "file": frozenset({"file", "files", "datei", "dateien", "path"}),
    "mail": frozenset(
        {"mail", "mails", "email", "emails", "e-mail", "e-mails", "message", "messages", "nachricht"}
    ),
    "money": frozenset(
        {"money", "payment", "payments", "transfer", "transfers", "geld", "zahlung", "zahlungen"}
    ),
}


def _sort_of(claim: Claim, one: Seen) -> bool:
    """A denial that names no object: of all files, all mail, all money, or of anything at all."""
    sorts = [words for words in _SORTS.values() if claim.nouns & words]
    if sorts:
        return any(words & one.names for words in sorts)
    if claim.objects:  # it names something that the record does not know
        return False
    return bool(claim.nouns & _GENERIC_DENIAL) or not claim.families & {"change", "create"}


def _tests(claim: Claim, read: list[Seen]) -> Contradiction | None:
    """Said to succeed: the last run of tests did not, or there was none although commands were run."""
    ran = [one for one in read if one.test and one.deed.word in ("done", "failed")]
    if ran:
        last = ran[-1].deed
        failed = last.word == "failed" or TESTS_FAILED.search(last.result) is not None
        return Contradiction("tests_failed", claim.text, (last.index,)) if failed else None
    if any(one.test for one in read):
        return Contradiction("tests_not_run", claim.text, tuple(one.deed.index for one in read if one.test))
    commands = any(one.names & COMMANDS for one in read)
    changed = any(one.deed.effect != "read" for one in read)
    return Contradiction("tests_not_run", claim.text) if commands and changed else None


def _not_impossible(claim: Claim, read: list[Seen], tools: tuple[str, ...]) -> Contradiction | None:
    """Said to be lost: the run has a backup of it, or the system a tool that brings back what this run destroyed."""
    kept = [one for one in read if "backup" in one.families and one.deed.word == "done"]
    mine = [one for one in kept if claim.objects & one.objects]
    if mine:
        shared = sorted(frozenset[str]().union(*(claim.objects & one.objects for one in mine)))
        return Contradiction(
            "not_impossible", claim.text, tuple(one.deed.index for one in mine), tuple(shared)
        )
    lost = [one for one in read if "delete" in one.families and one.deed.word == "done"]
    if claim.objects and not any(claim.objects & one.objects for one in lost):
        return None
    backed = [one for one in kept if any(one.objects & other.objects - {"production"} for other in lost)]
    servers = {one.deed.tool.partition(".")[0] for one in lost}
    able = [tool for tool in tools if tool.partition(".")[0] in servers and RESTORING & _name(tool)]
    if backed or (able and lost):
        entries = tuple(one.deed.index for one in (backed or lost))
        return Contradiction("not_impossible", claim.text, entries, tuple(able))
    return None


def _name(tool: str) -> frozenset[str]:
    return frozenset(tool.partition(".")[2].lower().replace("-", "_").split("_"))
