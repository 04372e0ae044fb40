"""Who has the watch, as the record knows it: taken and handed over by signature, over what was open at that moment.

INVARIANT: nobody takes a watch unseen. The list of open matters is a function of the state, so the sequencer, and
whoever verifies the record, computes it anew and compares it with what was signed.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from standwatch.facts.canonical import canonical
from standwatch.facts.entries import Watch
from standwatch.facts.parts import watch_bytes
from standwatch.facts.watches import LONGEST
from standwatch.record.relaxed import in_force

if TYPE_CHECKING:
    from standwatch.record.state import State

STEPS: Final = ("taken", "handed_over", "ended")


class Matter(msgspec.Struct, frozen=True):
    """Something open that whoever takes a watch has to know. `index` is its entry's; `until` 0 where it has no end."""

    kind: Literal["hold", "relaxation", "approval", "deferral"]
    index: int
    what: str
    until: int = 0

    @property
    def name(self) -> str:
        """`hold:18`."""
        return f"{self.kind}:{self.index}"


def on(patterns: list[str] | tuple[str, ...], system: str) -> bool:
    """Whether a watch over `patterns` is over `system`."""
    return any(fnmatchcase(system, pattern) for pattern in patterns)


def matters(state: "State", patterns: list[str] | tuple[str, ...], now: int) -> tuple[Matter, ...]:
    """What is open at `now` under a watch over `patterns`, in the order of the record.

    A hold that is not on another system alone is on every list: rather shown twice than not at all.
    """
    return tuple(sorted(_matters(state, patterns, now), key=lambda one: (one.index, one.kind)))


def _matters(state: "State", patterns: list[str] | tuple[str, ...], now: int) -> Iterator[Matter]:
    for held in state.holds.values():
        kind, _, name = held.scope.partition(":")
        if not 0 < held.until <= now and (kind != "system" or on(patterns, name)):
            yield Matter("hold", held.index, held.scope, held.until)
    for index, one in in_force(state, now).items():
        if on(patterns, one.system):
            yield Matter("relaxation", index, f"{one.check} on {one.scope}", one.until)
    for question in state.questions.values():
        asked = question.entry
        if question.open and now < asked.until and on(patterns, asked.system):
            yield Matter("approval", question.index, f"{asked.system} {asked.tool}", asked.until)
    for one in state.deferred.values():
        act = one.entry
        if now < act.until and not one.dropped and on(patterns, act.system):
            yield Matter("deferral", one.index, f"{act.system} {act.tool}", act.until)


def digest(found: tuple[Matter, ...]) -> str:
    """SHA-256 of the JCS of the list, hexadecimal: what is signed along."""
    lines = [{"index": one.index, "kind": one.kind, "until": one.until, "what": one.what} for one in found]
    return sha256(canonical(lines)).hexdigest()


class Acknowledged(msgspec.Struct, frozen=True):
    """That `person` saw a relaxation when they took `watch`, by entry `index`."""

    index: int
    watch: str
    person: str
    at: int


class Kept(msgspec.Struct, frozen=True):
    """The last entry about a watch."""

    index: int
    entry: Watch


def holder(state: "State", watch: str, now: int) -> Kept | None:
    """The entry by which somebody has `watch` at `now`; None where nobody has.

    Whoever was dismissed has it no more, and nobody has it beyond its end.
    """
    found = state.watches.get(watch)
    if found is None or not found.entry.person or now >= found.entry.until:
        return None
    person = state.principals.get(found.entry.person)
    return found if person is not None and person.role == "human" and not person.revoked else None


def keeping(state: "State", system: str, now: int) -> tuple[str, ...]:
    """Who has a watch over `system` at `now`, each once."""
    found = (holder(state, name, now) for name in sorted(state.watches))
    mine = (one.entry.person for one in found if one is not None and on(one.entry.systems, system))
    return tuple(dict.fromkeys(mine))


def last(state: "State", watch: str) -> int:
    """Index of the last entry about `watch`; -1 for none."""
    found = state.watches.get(watch)
    return found.index if found is not None else -1


def message(entry: Watch, person: str, org: str) -> bytes:
    """What `person` signs for `entry` in the log `org`."""
    return watch_bytes(
        by=person,
        follows=entry.follows,
        giver=entry.giver,
        org=org,
        shown=entry.shown,
        systems=entry.systems,
        taker=entry.person,
        until=entry.until,
        watch=entry.watch,
    )


def problem(state: "State", entry: Watch, now: int) -> str:
    """Why `entry` may not be written at `now`; "" where it may. Signatures are looked at elsewhere."""
    if entry.step == "ended":
        found = state.watches.get(entry.watch)
        gone = found is None or not found.entry.person
        return f"nobody has the watch {entry.watch[:80]}" if gone else ""
    return next(_problems(state, entry, now), "")


def _problems(state: "State", entry: Watch, now: int) -> Iterator[str]:
    if entry.step not in STEPS or not entry.watch:
        yield f"a watch is {', '.join(STEPS)}, and has a name"
    person = state.principals.get(entry.person)
    if person is None or person.role != "human" or person.revoked:
        yield f"{entry.person[:80]} is nobody of this organisation"
    if entry.person not in entry.signatures:
        yield f"whoever takes a watch signs: {entry.person[:80]} did not"
    if not now < entry.until <= now + LONGEST * 1_000_000:
        yield f"a watch is kept for at most {LONGEST // 86_400} days, and ends in the future"
    found = holder(state, entry.watch, now)
    if entry.step == "handed_over" or entry.giver:
        if found is None or found.entry.person != entry.giver or entry.giver == entry.person:
            yield f"{entry.giver[:80] or 'nobody'} does not have the watch {entry.watch[:80]} to give"
        if entry.giver not in entry.signatures or entry.step != "handed_over":
            yield "a hand-over has the signature of whoever gives it"
    # INVARIANT: what was signed is what is open now; a list that changed meanwhile is looked at again.
    open_now = matters(state, entry.systems, now)
    if entry.shown != digest(open_now):
        yield "what is open has changed since it was looked at"
    if entry.relaxations != [one.index for one in open_now if one.kind == "relaxation"]:
        yield "the relaxations acknowledged are those on the list"


def fold(state: "State", index: int, entry: Watch) -> None:
    """Take entry `index` into account: who has the watch, and who has acknowledged which relaxation."""
    state.watches[entry.watch] = Kept(index, entry)
    state.acknowledged = {one: known for one, known in state.acknowledged.items() if one in state.relaxed}
    for relaxed in entry.relaxations:
        if relaxed in state.relaxed:
            known = state.acknowledged.get(relaxed, ())
            seen = Acknowledged(index, entry.watch, entry.person, entry.at)
            state.acknowledged[relaxed] = (*known, seen)[-KEPT:]


KEPT: Final = 16
"""Hand-overs at which one relaxation is known to have been acknowledged, the latest; none lasts for more than a day."""
