"""The approval budget over arbitrary histories: acts, decoys, answers of three people, pulls, openings and time.

Whatever comes in whatever order: nobody is asked beyond the cap in any hour, a decoy is never carried out and is no
evidence, what opens a question is what it was asked as, and who approved a decoy has no say until the right is back.
"""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from standwatch.authority.grant import grant
from standwatch.enforce.asking import DECOY, question, shown
from standwatch.enforce.decoys import masked
from standwatch.enforce.drafting import case_of, draft_of
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.configuration import ArgumentRule, Limits
from standwatch.facts.entries import (
    Answered,
    AskedMany,
    DeclaredRules,
    Intent,
    Principal,
    Pulled,
    Revalidated,
    Rule,
    Unmasked,
)
from standwatch.facts.frames import Append
from standwatch.facts.parts import commitment
from standwatch.record import pace
from standwatch.record.deferrals import DROP
from standwatch.record.veils import closed
from support import bank
from support.playbook import Stage

PEOPLE = ("p-omar", "p-nina", "p-otto")
HOUR = 3_600_000_000
CAP, SYSTEM_CAP = 4, 5
HOSTILE = bank.call(recipient="DE99ATTACKER0000000000", amount=5)
PAY = "GB29NWBK60161331926819"


def world() -> Any:
    tools = {
        name: msgspec.structs.replace(
            tool,
            per_run=None,
            arguments=tool.arguments and {**tool.arguments, "amount": ArgumentRule(max=500)},
        )
        for name, tool in bank.MANIFEST.tools.items()
    }
    limits = Limits(asks_per_person_per_hour=CAP, asks_per_hour=SYSTEM_CAP)
    manifest = msgspec.structs.replace(bank.MANIFEST, approvers=PEOPLE, limits=limits, tools=tools)
    return bank.world(bank.configuration(manifest))


class Budget(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = stage = Stage(world())
        self.made = 0
        self.decoys: set[str] = set()
        self.checked = 0
        for name in PEOPLE:
            stage.put(Principal(by="standwatch", name=name, role="human", keys=[f"key of {name}"]))
        standing = stage.state.systems["payments-agent"].entry
        said = {name: getattr(standing, name) for name in standing.__struct_fields__}
        rules = {"": Rule(by=list(PEOPLE), quorum=2)}
        stage.put(DeclaredRules(**{**said, "signers": list(PEOPLE), "change": "same"}, rules=rules))
        self.grant = grant(stage.state, "payments-agent", stage.now).level

    @rule(amount=st.sampled_from((501, 501, 502, 503, 504, 505)))
    def act(self, amount: int) -> None:
        self.stage.play(bank.call(recipient=PAY, amount=amount))

    @rule()
    def refused(self) -> None:
        assert self.stage.play(HOSTILE).word == "refused"

    @rule()
    def decoy(self) -> None:
        stage = self.stage
        self.made += 1
        chance = (self.made + (1 << 15)).to_bytes(2, "big") * (CHANCE // 2)
        draft = draft_of(HOSTILE, stage, Begin(stage.now, bank.RUN, chance))
        case = case_of(draft, stage, stage.now)
        findings = masked(case)
        if findings is None:
            return
        command = question(draft, case, shown(case, findings), until=0, word=DECOY)
        half = {name: most // 2 for name, most in command.caps.items()}
        append = Append(0, command.entry, command.parts, (), command.scopes, half)
        if stage.write(append)[1] is None:
            self.decoys.add(draft.action.id)

    @precondition(lambda self: self.stage.state.questions)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), decision=st.sampled_from(("approve", "refuse")))
    def answer(self, data: st.DataObject, person: str, decision: str) -> None:
        self._answer(data.draw(st.sampled_from(sorted(self.stage.state.questions))), person, decision)

    def _answer(self, ident: str, person: str, decision: str) -> None:
        asked = self.stage.state.questions.get(ident)
        if asked is None:
            return
        entry = Answered(
            by=person,
            id=ident,
            of=asked.index,
            decision=decision,
            digest=asked.entry.digest,
            key=f"key of {person}",
            sig="s",
            head="",
            until=asked.entry.until,
        )
        self.stage.write(Append(0, entry))

    @precondition(lambda self: self.stage.state.questions)
    @rule(data=st.data(), people=st.permutations(PEOPLE), retry=st.booleans())
    def agree(self, data: st.DataObject, people: list[str], retry: bool) -> None:
        """Two people approve one after the other, it is opened, and perhaps the act comes back at once."""
        ident = data.draw(st.sampled_from(sorted(self.stage.state.questions)))
        for person in people[:2]:
            self._answer(ident, person, "approve")
        self.stage.unmask(ident)
        if retry:
            for amount in (501, 502, 503, 504, 505):
                self.stage.play(bank.call(recipient=PAY, amount=amount))

    @precondition(lambda self: self.stage.state.veiled)
    @rule(data=st.data(), lie=st.booleans())
    def open(self, data: st.DataObject, lie: bool) -> None:
        stage = self.stage
        veiled = stage.state.veiled[data.draw(st.sampled_from(sorted(stage.state.veiled)))]
        flag = stage.parts[veiled.index]["flag"]
        decoy = (flag[32:] == b"decoy") != lie
        entry = Unmasked(id=veiled.entry.id, of=veiled.index, salt=flag[:32].hex(), decoy=decoy)
        may = not lie and (decoy or closed(stage.state, veiled, stage.now))
        assert (stage.write(Append(0, entry))[1] is None) == may

    @precondition(lambda self: self.decoys)
    @rule(data=st.data())
    def carry_out(self, data: st.DataObject) -> None:
        """Somebody claims the approval of a decoy, at whatever index."""
        stage = self.stage
        ident = data.draw(st.sampled_from(sorted(self.decoys)))
        asked = next(one for _, one in stage.log if isinstance(one, AskedMany) and one.id == ident)
        said = {name: getattr(asked, name) for name in ("by", "id", "run", "system", "tool", "digest", "why")}
        answers = [i for i, one in stage.log if isinstance(one, Answered) and one.id == ident] or [3]
        signed = data.draw(st.sampled_from(answers))
        entry = Intent(**said, seen=stage.state.seen, verdict="step_up", disposition="allow", signed=signed)
        assert stage.write(Append(0, entry))[1] is not None

    @precondition(lambda self: self.stage.state.deferred)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        stage = self.stage
        known = stage.state.deferred[data.draw(st.sampled_from(sorted(stage.state.deferred)))]
        entry = Pulled(by="p-maria", id=known.entry.id, of=known.index, system=known.entry.system, into=DROP)
        stage.write(Append(0, entry))

    @rule(person=st.sampled_from(PEOPLE), by=st.sampled_from(("p-chen", "p-maria", *PEOPLE)))
    def revalidate(self, person: str, by: str) -> None:
        known = self.stage.state.vigilance.get(person)
        entry = Revalidated(by=by, person=person, follows=known.lost if known else -1, key="k", sig="s")
        refused = self.stage.write(Append(0, entry))[1] is not None
        assert refused == (known is None or entry.follows < 0 or by != "p-chen")

    @rule(minutes=st.sampled_from((1, 7, 20, 59, 60, 61)))
    def wait(self, minutes: int) -> None:
        self.stage.now += minutes * pace.MINUTE

    @invariant()
    def holds(self) -> None:
        for place in range(self.checked, len(self.stage.log)):
            self._entry(place)
        self.checked = len(self.stage.log)
        assert {ident for _, ident in self.stage.forwarded}.isdisjoint(self.decoys)
        assert grant(self.stage.state, "payments-agent", self.stage.now).level == self.grant

    def _entry(self, place: int) -> None:
        index, entry = self.stage.log[place]
        before = [one for _, one in self.stage.log[:place]]
        match entry:
            case AskedMany():
                for person in entry.people:
                    asked = [one for one in self._counted(before, entry.at) if person in one.people]
                    assert len(asked) < CAP
                assert len(self._counted(before, entry.at)) < SYSTEM_CAP
                assert len(entry.people) >= entry.quorum
            case Unmasked():
                question = next(one for one in before if isinstance(one, AskedMany) and one.id == entry.id)
                word = b"decoy" if entry.decoy else b"real"
                assert commitment(bytes.fromhex(entry.salt), word) == question.flag
                assert entry.decoy == (entry.id in self.decoys)
            case Intent() if entry.signed >= 0:
                self._released(index, entry)
            case _:
                pass

    def _counted(self, before: list[Any], at: int) -> list[AskedMany]:
        """The questions of the hour before `at`, but for decoys that were opened."""
        gone = {one.id for one in before if isinstance(one, Unmasked) and one.decoy}
        return [
            one for one in before if isinstance(one, AskedMany) and one.id not in gone and one.at > at - HOUR
        ]

    def _released(self, index: int, entry: Intent) -> None:
        log = [(i, one) for i, one in self.stage.log if i < index]
        assert entry.id not in self.decoys
        assert any(isinstance(one, Unmasked) and one.id == entry.id and not one.decoy for _, one in log)
        yes = {one.by: i for i, one in log if isinstance(one, Answered) and one.id == entry.id}
        # A vote counts where its person had the right when they gave it and has not lost it since.
        assert sum(self._stands(person, i, log) for person, i in yes.items()) >= 2

    def _stands(self, person: str, vote: int, log: list[tuple[int, Any]]) -> bool:
        had = has = True
        for i, one in log:
            if i == vote:
                had, has = has, has
            if isinstance(one, Revalidated) and one.person == person:
                has = True
            if isinstance(one, Unmasked) and one.decoy and self._fell(person, one.id, i, log):
                has = False
                had = had and i < vote
        return had

    def _fell(self, person: str, ident: str, before: int, log: list[tuple[int, Any]]) -> bool:
        said = [
            one
            for i, one in log
            if i < before and isinstance(one, Answered) and (one.id, one.by) == (ident, person)
        ]
        return bool(said) and said[-1].decision == "approve"


Budget.TestCase.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
TestBudget = Budget.TestCase
