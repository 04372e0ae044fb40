"""Endorsements: people vouch for one value of a question, for its tool and argument, in its run and nowhere else.

As many must as must approve the question, in its order where it has one. It ends with the run, at its time, with the
rights of anybody it rests on, or when somebody who was asked refuses the question after all.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import Asked, AskedMany, Endorsed
from standwatch.facts.parts import endorsement_bytes
from standwatch.record import questions
from standwatch.record.questions import Question

if TYPE_CHECKING:
    from standwatch.record.state import State

LONGEST: Final = 24 * 3_600_000_000
"""µs that an endorsement lasts at most: no longer than a run does."""

_MOST: Final = 256
"""Values that may be vouched for in one run."""


class Endorsement(msgspec.Struct, frozen=True):
    """A value: that of `argument` in the action of question `asked`, which stands at `of`. `votes`: who vouches."""

    of: int
    asked: AskedMany
    argument: str
    digest: str
    votes: tuple[tuple[int, Endorsed], ...] = ()
    lost: tuple[str, ...] = ()
    """What was said and lost, as of a question (`questions.said`)."""

    @property
    def enough(self) -> bool:
        """Whether as many people vouch for it as must."""
        return len(self.votes) >= self.asked.quorum

    @property
    def until(self) -> int:
        """When the first of those who vouch for it ends it."""
        return min((one.until for _, one in self.votes), default=0)

    @property
    def people(self) -> tuple[str, ...]:
        """Who vouches for it, in order."""
        return tuple(one.by for _, one in self.votes)


Endorsements = dict[str, tuple[Endorsement, ...]]
"""By run."""


def message(entry: Endorsed, flag: str, org: str) -> bytes:
    """The bytes that `entry` is signed over, in the log `org`; `flag` is its question's."""
    return endorsement_bytes(
        argument=entry.name,
        asked=entry.of,
        by=entry.by,
        digest=entry.digest,
        flag=flag,
        head=entry.head,
        org=org,
        run=entry.run,
        until=entry.until,
    )


def good(state: "State", run: str, tool: str, argument: str, now: int) -> tuple[Endorsement, ...]:
    """What is vouched for at `now` of `argument` of `tool` in `run`, by as many people as are wanted now."""
    wanted = questions.rule_in(state, _system(state, run), tool).quorum
    return tuple(
        one
        for one in state.endorsed.get(run, ())
        if (one.asked.tool, one.argument) == (tool, argument)
        and one.enough
        and one.asked.id not in state.veiled
        and len(one.votes) >= wanted
        and now < one.until
    )


def reached(asked: Asked, said: Iterable[tuple[int, Endorsed]]) -> int:
    """Index of the entry with which as many people as must had vouched for one value of question `asked`; -1 for none.
    `said` is everything that was vouched for of it, in order, whoever has lost the right since."""
    votes: dict[tuple[str, str], set[str]] = {}
    for index, one in said:
        who = votes.setdefault((one.name, one.digest), set())
        who.add(one.by)
        if len(who) >= questions.quorum(asked):
            return index
    return -1


def objection(state: "State", entry: Endorsed, now: int) -> str:
    """Why `entry` cannot be taken now, whoever signed it; "" where it can. The signature is not looked at."""
    question = state.questions.get(entry.id)
    if question is None or question.index != entry.of or not isinstance(question.entry, AskedMany):
        return f"question {entry.of} is not open"
    asked = question.entry
    if question.used or question.answer is not None or question.endorsed >= 0:
        return f"question {entry.of} was answered already"
    if now >= asked.until:
        return f"question {entry.of} has expired"
    if entry.run != asked.run or entry.run not in state.runs:
        return f"run {entry.run} is not open, or not that of the question"
    if not now < entry.until <= now + LONGEST or len(entry.digest) != 64 or not entry.name:
        return "an endorsement is of one argument, for a day at most"
    if len(state.endorsed.get(entry.run, ())) >= _MOST:
        return f"{_MOST} values are vouched for in this run"
    known = _find(state, entry)
    if known is None and any(
        one.of == entry.of and one.argument == entry.name for one in _of(state, entry.run)
    ):
        return "somebody vouched for another value of that argument"
    if known is not None and questions.said(entry) in known.lost:
        return f"that word of {entry.by} was lost: they would have to sign anew, over a later checkpoint"
    before = tuple(one for _, one in known.votes if now < one.until) if known is not None else ()
    if entry.key in [one.key for one in before]:
        return f"{entry.by} has vouched for it already, or somebody with the same key"
    return questions.turn(state, asked, tuple(one.by for one in before), entry.by)


def fold(state: "State", index: int, entry: Endorsed) -> None:
    """Take `entry`, which nothing speaks against, into account."""
    question = state.questions[entry.id]
    assert isinstance(question.entry, AskedMany)
    known = _find(state, entry) or Endorsement(entry.of, question.entry, entry.name, entry.digest)
    votes = tuple(one for one in known.votes if entry.at < one[1].until)
    known = msgspec.structs.replace(known, votes=(*votes, (index, entry)))
    others = tuple(one for one in _of(state, entry.run) if not _same(one, entry))
    state.endorsed[entry.run] = (*others, known)
    if known.enough:
        state.questions[entry.id] = msgspec.structs.replace(question, endorsed=index)


def withdraw(state: "State", index: int, question: Question) -> None:
    """Somebody refused `question` after all: nothing of it is vouched for any more."""
    run = question.entry.run
    kept = tuple(one for one in _of(state, run) if one.of != question.index)
    if len(kept) < len(_of(state, run)):
        state.endorsed[run] = kept
        state.fences[f"run:{run}"] = index


def strike(state: "State", index: int) -> None:
    """Somebody may not answer any more, or with that key no more: what they vouched for they vouch for no more."""
    for run, found in state.endorsed.items():
        kept = tuple(_struck(state, one) for one in found)
        if kept == found:
            continue
        state.endorsed[run] = kept
        # INVARIANT: nothing leaves on an endorsement that ended before its intent was sequenced.
        state.fences[f"run:{run}"] = index
        for one in kept:
            question = state.questions.get(one.asked.id)
            if (
                question is not None
                and question.index == one.of
                and question.endorsed >= 0
                and not one.enough
            ):
                state.questions[one.asked.id] = msgspec.structs.replace(question, endorsed=-1)


def _struck(state: "State", one: Endorsement) -> Endorsement:
    kept = tuple(vote for vote in one.votes if not questions.lost(state, one.asked, vote[1]))
    gone = tuple(
        questions.said(vote) for place, vote in one.votes if place not in [index for index, _ in kept]
    )
    return msgspec.structs.replace(one, votes=kept, lost=(*one.lost, *gone)) if gone else one


def _of(state: "State", run: str) -> tuple[Endorsement, ...]:
    return state.endorsed.get(run, ())


def _find(state: "State", entry: Endorsed) -> Endorsement | None:
    return next((one for one in _of(state, entry.run) if _same(one, entry)), None)


def _same(one: Endorsement, entry: Endorsed) -> bool:
    return (one.of, one.argument, one.digest) == (entry.of, entry.name, entry.digest)


def _system(state: "State", run: str) -> str:
    _, opened = state.runs.get(run, (0, None))
    return opened.system if opened is not None else ""
