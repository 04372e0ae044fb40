"""The invariants of DESIGN.md §5 over arbitrary orders: several passages interleaved with holds, answers and time.

The machine may execute any pending command at any moment, or let the recorder fail, or place a hold between any
two steps. After every step the record and the list of forwarded acts are compared with the invariants.
"""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from standwatch.enforce.case import CHECKS
from standwatch.enforce.ports import Act, Carried, Reply
from standwatch.enforce.steps import Command, Forward, NotRecorded, Record, Steps
from standwatch.facts.entries import Answered, Hold, Intent, Released
from support import bank
from support.playbook import Stage

ACTS = (
    bank.call(**bank.PAY),
    bank.call(recipient="GB29NWBK60161331926819", amount=900),
    bank.call(recipient="DE99ATTACKER0000000000", amount=5),
    bank.call("bank.get_transactions"),
    bank.call("bank.delete_account"),
    bank.call("bank.unknown"),
)
SCOPES = ("all", "tool:bank.send_money", "server:bank", "agent:payer", f"run:{bank.RUN}", "tool:bank.other")


class Passages(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.under_way: list[tuple[Steps, Command]] = []
        self.replies: list[Reply] = []
        self.checked = 0

    def _advance(self, steps: Steps, event: Any, first: bool = False) -> None:
        try:
            command = next(steps) if first else steps.send(event)
        except StopIteration as stop:
            self.replies.append(stop.value)
        else:
            self.under_way.append((steps, command))

    @rule(act=st.sampled_from(ACTS))
    def arrive(self, act: Act) -> None:
        self._advance(self.stage.begin(act), None, first=True)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), status=st.sampled_from(("ok", "error", "timeout", "not_sent", "unknown")))
    def step(self, data: st.DataObject, status: Any) -> None:
        steps, command = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if isinstance(command, Forward):
            self._may_leave(command)
        self._advance(steps, self.stage.execute(command, Carried(status, b"{}")))

    @precondition(lambda self: any(isinstance(command, Record) for _, command in self.under_way))
    @rule()
    def recorder_fails(self) -> None:
        place = next(i for i, (_, command) in enumerate(self.under_way) if isinstance(command, Record))
        steps, _ = self.under_way.pop(place)
        self._advance(steps, NotRecorded(self.stage.now, "unrecorded", "the disk is full"))

    @rule(scope=st.sampled_from(SCOPES))
    def hold(self, scope: str) -> None:
        self.stage.hold(scope)

    @precondition(lambda self: self.stage.state.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.stage.release(data.draw(st.sampled_from(sorted(self.stage.state.holds))))

    @precondition(lambda self: any(q.answer is None for q in self.stage.state.questions.values()))
    @rule(data=st.data(), decision=st.sampled_from(("approve", "refuse")))
    def answer(self, data: st.DataObject, decision: str) -> None:
        still = sorted(
            ident
            for ident, question in self.stage.state.questions.items()
            if question.answer is None and self.stage.now < question.entry.until
        )
        if still:
            self.stage.answer(data.draw(st.sampled_from(still)), decision)

    @rule(minutes=st.sampled_from((1, 20, 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.stage.now += minutes * 60_000_000

    def _may_leave(self, forward: Forward) -> None:
        """What must be true of the record at the moment an act is forwarded."""
        index, intent = next(
            (index, entry)
            for index, entry in self.stage.log
            if isinstance(entry, Intent) and entry.id == forward.id
        )
        assert [ident for _, ident in self.stage.forwarded].count(forward.id) == 0, "forwarded twice"
        released = {e.hold for i, e in self.stage.log if isinstance(e, Released) and i < index}
        before = [
            i for i, e in self.stage.log if isinstance(e, Hold) and i < index and e.scope in forward.scopes
        ]
        assert set(before) <= released, "forwarded under a hold sequenced before its intent"
        if intent.verdict == "step_up":
            answer = dict(self.stage.log)[intent.signed]
            assert isinstance(answer, Answered)
            assert (answer.decision, answer.digest, answer.id) == ("approve", intent.digest, intent.id)
            uses = [e for e in self.stage.intents() if e.signed == intent.signed]
            assert len(uses) == 1, "an approval was used twice"
        assert intent.verdict in ("allow", "modify", "step_up")

    @invariant()
    def every_check_left_a_finding(self) -> None:
        for index, _ in self.stage.log[self.checked :]:
            findings = self.stage.parts[index].get("findings")
            if findings is not None:
                names = [finding["check"] for finding in msgspec.json.decode(findings)["findings"]]
                assert names[: len(CHECKS)] == list(CHECKS)
        self.checked = len(self.stage.log)

    @invariant()
    def budgets_hold(self) -> None:
        days: dict[int, int] = {}
        unsent = {e.id for _, e in self.stage.log if getattr(e, "status", "") == "not_sent"}
        for entry in self.stage.intents():
            if entry.id not in unsent:
                days[entry.at // bank.DAY] = days.get(entry.at // bank.DAY, 0) + sum(entry.spend.values())
        assert all(spent <= 1_000_000_000 for spent in days.values())

    @invariant()
    def nobody_is_told_done_without_an_intent(self) -> None:
        intents = {entry.id for entry in self.stage.intents()}
        assert all(reply.id in intents for reply in self.replies if reply.word == "done")


TestPassages = Passages.TestCase
TestPassages.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
