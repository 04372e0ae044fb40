"""Public vectors of several people's approvals: EMILIA's EP-QUORUM-v1, what each is about, through our sequencer.

Every member signs with a passkey over our bytes; an answer is taken as a server takes it (`answer_verifies`, then the
sequencer), and the quorum holds where the intent is let through. Order is the log's own order, and what links a
signature to what came before is the checkpoint signed along with it: `verify` refuses one that is not of this log.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Answered
from standwatch.record.replay import Origin, Replay, answer_verifies
from support.logs import ORIGIN, Person
from support.panel import DIGEST, FLAG, IDENT, MINUTE, START, Panel
from support.passkeys import Authenticator, answered, enrolled

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "approvals" / "emilia-quorum.v1.json").read_text(encoding="utf-8")
)
VECTORS: list[dict[str, Any]] = SUITE["vectors"]
ROSTER = [one["approver"] for one in SUITE["approvers"]]
ROLE = {one["approver"]: one["role"] for one in SUITE["approvers"]}


class Case:
    """One vector: its people, each with a device, and a question put to the roster."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        ordered = vector["mode"] == "ordered"
        self.panel = Panel(*ROSTER, quorum=vector["required"], ordered=ordered, never=["requester"])
        self.devices: dict[str, Authenticator] = {}
        self.window = vector.get("window_sec", SUITE["window_sec"]) * 1_000_000
        for member in vector["members"]:
            self.enrol(member)

    def enrol(self, member: dict[str, Any]) -> None:
        """The member's device becomes a passkey of theirs; one that several share is enrolled for each."""
        person, label = member["approver"], member.get("key", member["approver"])
        if person in self.devices:
            return
        device = Authenticator(label)
        if "key" in member:  # the same key under another id: no browser makes one, and a gateway could
            device.raw_id = device.raw_id[:-1] + bytes([len(self.devices)])
        signer = Person(person)
        self.panel.person(person, keys=[signer.public])
        self.panel.force(enrolled(device, person, signer, "bank.invalid/record"))
        self.devices[person] = device

    def asks(self) -> str:
        initiator = self.vector.get("initiator", "agent")
        self.panel.force(
            msgspec.structs.replace(
                self.panel.state.runs[next(iter(self.panel.state.runs))][1], principal=initiator
            )
        )
        first = min(member["minute"] for member in self.vector["members"])
        self.panel.now = START + first * MINUTE
        return self.panel.asks(by=initiator, until=self.panel.now + self.window)

    def says(self, member: dict[str, Any]) -> str:
        """Why the member's answer is not taken; "" where it is."""
        person = member["approver"]
        if ROLE.get(person, "") != member["role"] and member["role"] in ROLE.values():
            return "a seat is its person's"  # we have people, and no seats that somebody else could sign for
        device = self.devices[person] if member.get("signed", True) else Authenticator("somebody else's")
        self.panel.now = max(self.panel.now + 1, START + member["minute"] * MINUTE)
        told: dict[str, Any] = {
            "by": person, "id": IDENT, "of": self.panel.question.index, "decision": "approve", "head": "",
            "digest": member.get("action", DIGEST), "until": self.panel.question.entry.until,
        }  # fmt: skip
        if "previous" in member:
            told["head"] = f"3:{member['previous']}"
        entry: Answered = answered(device, "bank.invalid/record", FLAG, **told)
        entry = msgspec.structs.replace(entry, key=self.devices[person].key)
        at = msgspec.structs.replace(entry, at=self.panel.now + 1)
        if not answer_verifies(at, self.panel.state, "bank.invalid/record"):
            return "not signed so"
        if not along(self.panel, entry.head):
            return "signed along with another history"
        return self.panel.admit(entry)


def along(panel: Panel, head: str) -> bool:
    """As `verify` compares the checkpoint signed along with the record's own."""
    replay = Replay(Origin(ORIGIN, "k"), 0, lambda size: bytes(31) + bytes([size]))
    return replay._along(panel.index, head)  # pyright: ignore[reportPrivateUsage]


def holds(vector: dict[str, Any]) -> bool:
    """Whether the act is let through once all members have said what they say."""
    case = Case(vector)
    if case.asks():
        return False
    members = sorted(vector["members"], key=lambda one: one["minute"])
    said = [case.says(member) for member in members]
    signed = case.panel.question.answer_index if not case.panel.question.open else case.panel.index
    through = case.panel.leaves(by=vector.get("initiator", "agent"), signed=signed) == ""
    # A vector is one document, in which every member counts: where one is refused it is not what it says it is.
    return through and not any(said)


@pytest.mark.parametrize("vector", VECTORS, ids=[one["id"] for one in VECTORS])
def test_every_vector_is_judged_as_its_authors_say(vector: dict[str, Any]) -> None:
    assert holds(vector) is vector["valid"], vector["failure_class"]


def test_all_are_there() -> None:
    assert len(VECTORS) == 13
    assert sum(one["valid"] for one in VECTORS) == 2
