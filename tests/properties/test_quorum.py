"""Answers, refusals, dismissals, other manifests and expiries in any order: nothing leaves without a live quorum.

Beside the sequencer stands a model that knows nothing of it: who said yes when, until when, and since when they may.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from standwatch.facts.entries import Rule, Unmasked
from standwatch.record import endorsements
from standwatch.record.state import load, save
from support.panel import IDENT, MINUTE, PEOPLE, RUN, SALT, TOOL, Panel

PERSON = st.sampled_from(PEOPLE)
TIMES = st.integers(1, 14)


class Answers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.left = self.refused = False
        self.yes: dict[str, int] = {}
        """Who approved, and until when; gone with their rights."""
        self.vouched: dict[str, int] = {}

    @initialize(quorum=st.integers(1, 3), ordered=st.booleans())
    def ask(self, quorum: int, ordered: bool) -> None:
        self.panel = Panel(quorum=quorum, ordered=ordered)
        self.quorum, self.ordered = quorum, ordered
        self.named, self.here = set(PEOPLE), set(PEOPLE)
        assert self.panel.asks() == ""

    def asking(self) -> bool:
        return IDENT in self.panel.state.questions

    @precondition(asking)
    @rule(person=PERSON, minutes=TIMES)
    def approve(self, person: str, minutes: int) -> None:
        until = self.panel.now + minutes * MINUTE
        if self.panel.says(person, until=until) == "":
            assert not self.refused
            assert person in self.named & self.here, "who may not answer was heard"
            self.yes[person] = until

    @precondition(asking)
    @rule(person=PERSON, really=st.sampled_from([False] * 7 + [True]))
    def refuse(self, person: str, really: bool) -> None:
        if really and self.panel.says(person, "refuse") == "":
            assert not self.left, "what has left was refused"
            self.refused = True
            self.vouched.clear()

    @precondition(asking)
    @rule(person=PERSON, minutes=TIMES)
    def vouch(self, person: str, minutes: int) -> None:
        until = self.panel.now + minutes * MINUTE
        if self.panel.vouches(person, until=until) == "":
            assert person in self.named & self.here
            self.vouched[person] = until

    @rule(person=PERSON)
    def dismiss(self, person: str) -> None:
        self.panel.person(person, revoked=True)
        self.here.discard(person)
        self.lose(person)

    @rule(person=PERSON)
    def take_back(self, person: str) -> None:
        self.panel.person(person)
        self.here.add(person)

    @rule(people=st.sets(PERSON, min_size=3), more=st.sampled_from([0, 0, 0, 1]))
    def declare(self, people: set[str], more: int) -> None:
        self.named = people
        self.quorum = max(1, min(self.quorum + more, 3))
        by = [one for one in PEOPLE if one in people]
        self.panel.declare(Rule(by=by, quorum=self.quorum, ordered=self.ordered))
        for gone in set(PEOPLE) - people:
            self.lose(gone)

    @rule(minutes=st.integers(1, 3))
    def wait(self, minutes: int) -> None:
        self.panel.now += minutes * MINUTE

    @rule()
    def restart(self) -> None:
        self.panel.sequencer.state = load(save(self.panel.state))

    @precondition(asking)
    @rule()
    def leave(self) -> None:
        question = self.panel.question
        answer = question.answer_index if question.answer is not None else self.panel.index
        if IDENT in self.panel.state.veiled and not question.open:
            self.open()
        if self.panel.leaves(signed=answer) == "":
            assert not self.left, "twice"
            assert not self.refused, "although somebody refused"
            live = [one for one, until in self.yes.items() if self.panel.now <= until]
            assert len(live) >= self.quorum, (live, self.quorum)
            self.left = True

    @invariant()
    def what_is_vouched_for_is_vouched_for_by_enough(self) -> None:
        if not hasattr(self, "panel"):
            return
        if IDENT in self.panel.state.veiled and self.asking() and not self.panel.question.open:
            self.open()
        if endorsements.good(self.panel.state, RUN, TOOL, "recipient", self.panel.now):
            live = [one for one, until in self.vouched.items() if self.panel.now < until]
            assert len(live) >= self.quorum, (live, self.quorum)
            assert not self.refused

    def open(self) -> None:
        opened = Unmasked(by="standwatch", id=IDENT, of=self.panel.question.index, salt=SALT.hex())
        assert self.panel.admit(opened) == ""

    def lose(self, person: str) -> None:
        self.yes.pop(person, None)
        self.vouched.pop(person, None)


TestAnswers = Answers.TestCase
TestAnswers.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
