"""A question before several people: the sequencer alone, with answers as its entries and time as a number."""

from typing import Any

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    AskedMany,
    Declared,
    DeclaredRules,
    Endorsed,
    Intent,
    Opened,
    Principal,
    Rule,
    RunOpened,
    Unmasked,
)
from standwatch.facts.frames import Append
from standwatch.facts.parts import commitment
from standwatch.record.questions import Question
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State

START = 1_795_000_000_000_000
MINUTE = 60_000_000
PEOPLE = ("ann", "ben", "cat", "dan")
TOOL = "bank.pay"
RUN = "01m7q5cqg0e008000000000000"
IDENT = "01m7q5cqg9e008000000000001"
DIGEST = "d1" * 32
SALT = bytes(32)
FLAG = commitment(SALT, b"real")


def key(person: str) -> str:
    return f"ed25519:{person}"


class Panel:
    """`people` may answer; `admit` says why an entry is refused, "" where it was taken."""

    def __init__(self, *people: str, quorum: int = 1, ordered: bool = False, **rule: Any) -> None:
        self.sequencer = Sequencer(State())
        self.now = START
        self.index = -1
        self.people = list(people or PEOPLE)
        self.rule = Rule(by=self.people, quorum=quorum, ordered=ordered, **rule)
        self.force(Opened(origin="bank.invalid/record", key="k"))
        for person in self.people:
            self.person(person)
        self.declare(self.rule)
        self.force(RunOpened(by="agent", run=RUN, system="pay", principal="agent"))

    @property
    def state(self) -> State:
        return self.sequencer.state

    @property
    def question(self) -> Question:
        return self.state.questions[IDENT]

    def force(self, entry: AnyEntry) -> int:
        self.index, self.now = self.index + 1, self.now + 1
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=self.now))
        return self.index

    def admit(self, entry: AnyEntry, **frame: Any) -> str:
        refusal = self.sequencer.admit(Append(1, entry, **frame), self.now)
        if refusal is not None:
            return f"{refusal.code}: {refusal.detail}"
        self.force(entry)
        return ""

    def person(self, name: str, **changes: Any) -> None:
        told: dict[str, Any] = {"by": "standwatch", "name": name, "role": "human", "keys": [key(name)]}
        self.force(Principal(**(told | changes)))

    def declare(self, rule: Rule, *, tool: str = "", owner: tuple[str, ...] = ("olive",)) -> None:
        common = Declared(system="pay", envelope="e", components="c", owner=list(owner), signers=self.people)
        rules = {"": rule} if not tool else {"": self.rule, tool: rule}
        self.force(DeclaredRules(**msgspec.structs.asdict(common), rules=rules))

    def asks(self, *people: str, minutes: int = 15, ident: str = IDENT, **changes: Any) -> str:
        told: dict[str, Any] = {
            "by": "agent", "id": ident, "run": RUN, "system": "pay", "tool": TOOL, "digest": DIGEST,
            "seen": self.index, "why": "", "until": self.now + minutes * MINUTE, "flag": FLAG,
            "people": list(people or self.people), "quorum": self.rule.quorum, "ordered": self.rule.ordered,
        }  # fmt: skip
        return self.admit(AskedMany(**(told | changes)))

    def says(self, person: str, decision: str = "approve", *, minutes: int = 10, **changes: Any) -> str:
        told: dict[str, Any] = {
            "by": person, "id": IDENT, "of": self.question.index, "decision": decision, "digest": DIGEST,
            "key": key(person), "sig": "s", "head": "", "until": self.now + minutes * MINUTE,
        }  # fmt: skip
        return self.admit(Answered(**(told | changes)))

    def vouches(self, person: str, name: str = "recipient", *, minutes: int = 60, **changes: Any) -> str:
        told: dict[str, Any] = {
            "by": person, "id": IDENT, "of": self.question.index, "run": RUN, "name": name, "digest": "a1" * 32,
            "key": key(person), "sig": "s", "head": "", "until": self.now + minutes * MINUTE,
        }  # fmt: skip
        return self.admit(Endorsed(**(told | changes)))

    def leaves(self, **changes: Any) -> str:
        """The intent that consumes the approval, once the question was opened, as a server opens it."""
        if IDENT in self.state.veiled and not self.question.open:
            opened = Unmasked(by="standwatch", id=IDENT, of=self.question.index, salt=SALT.hex())
            assert self.admit(opened) == ""
        question = self.state.questions.get(IDENT)
        told: dict[str, Any] = {
            "by": "agent", "id": IDENT, "run": RUN, "system": "pay", "tool": TOOL, "digest": DIGEST,
            "seen": self.index, "why": "", "signed": question.answer_index if question else 0,
        }  # fmt: skip
        return self.admit(Intent(**(told | changes)))
