"""Public vectors of approvals bound to one use (agent-evidence-vectors, `approval-binding/v1`), through our sequencer.

Each record becomes a log: its policy in force, the question, a passkey's approval by whoever holds the key that the
record names, what was consumed before, and the use as an intent. What says no is the sequencer or `verify`, not this
file; what stands here is only how their words are spelled. The shape of the corpus's own records (`contract_id_*`), and
its grace for policies that were replaced, are theirs: here a verdict is of the configuration in force, or it is not.
"""

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Answered, Asked, Declared, Intent, Principal, RunOpened
from standwatch.facts.frames import Append
from standwatch.facts.parts import Action, action_bytes, action_digest
from standwatch.record.replay import answer_verifies
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State
from support.logs import ORIGIN, Person
from support.passkeys import Authenticator, answered, enrolled

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "approvals" / "approval-binding.v1.json").read_text(encoding="utf-8")
)
THEIRS = (
    "contract_id_missing",
    "contract_id_unknown",
    "comparison_unavailable",
    "release_not_served_at_decision",
)
APPLY = [one for one in SUITE["vectors"] if one["reason"] not in THEIRS]


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def ident(approval: str) -> str:
    return sha256(approval.encode()).hexdigest()[:26]


def action(of: dict[str, Any], payload: str, approval: str) -> bytes:
    """What is approved, or used: the corpus's members in ours."""
    return action_bytes(
        Action(
            id=ident(approval),
            by=of["principal"],
            run=f"run of {of['principal']}",
            system="pay",
            tool=of["tool"],
            target=of["target"],
            arguments={"payload": payload},
            event=of["event"],
            phase=of["phase"],
            schema="",
            conf=0,
            nonce="00" * 16,
            org=ORIGIN,
        )
    )


class Told:
    """A log being written, at the corpus's own times."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.sequencer, self.index, self.record = Sequencer(State()), -1, record
        self.phones = {name: Authenticator(key) for name, key in record["trustedKeys"].items()}
        for name, phone in self.phones.items():
            person = Person(name)
            self.take(Principal(by="s", name=name, role="human", keys=[person.public]), 0)
            self.take(enrolled(phone, name, person, ORIGIN), 0)
        people = [*self.phones, record["approval"]["approver"]]
        self.take(Declared(by="s", system="pay", envelope="", components="", signers=people), 0)

    def refused(self, entry: Any, at: int) -> str:
        found = self.sequencer.admit(Append(0, entry), at)
        return "" if found is None else found.detail

    def take(self, entry: Any, at: int) -> int:
        self.index += 1
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=at))
        return self.index

    def run(self, principal: str) -> str:
        name = f"run of {principal}"
        if name not in self.sequencer.state.runs:
            self.take(RunOpened(by="s", run=name, system="pay", principal=principal), 0)
        return name

    def asked(self, approval: dict[str, Any]) -> Asked:
        data = action(approval, approval["payloadSha256"], approval["approvalId"])
        return Asked(
            **self._judged(approval, data, approval["approvalId"]), until=micros(approval["expiresAt"])
        )

    def used(self, use: dict[str, Any], payload: str, signed: int) -> Intent:
        data = action(use, payload, use["approvalId"])
        told = self._judged(use, data, use["approvalId"])
        return Intent(**told, verdict="step_up", signed=signed)

    def answer(self, approval: dict[str, Any], asked: Asked, of: int) -> Answered:
        at, until = micros(approval["issuedAt"]), micros(approval["expiresAt"])
        told: dict[str, Any] = {"by": approval["approver"], "id": asked.id, "of": of, "decision": "approve"}
        told |= {"digest": asked.digest, "head": "", "until": until, "at": at}
        return answered(Authenticator(approval["keyId"]), ORIGIN, **told)

    def _judged(self, of: dict[str, Any], data: bytes, approval: str) -> dict[str, Any]:
        return {
            "by": of["principal"],
            "id": ident(approval),
            "run": self.run(of["principal"]),
            "system": "pay",
            "tool": of["tool"],
            "digest": action_digest(data),
            "seen": 99,  # whatever restricts was seen: fences are not what these vectors are about
            "why": "",
        }


def judged(vector: dict[str, Any]) -> tuple[str, str]:
    """(decision, what the record's rules say) of one record."""
    record = SUITE["base"] | vector["record"]
    told, approval, use = Told(record), record["approval"], record["use"]
    issued, at = micros(approval["issuedAt"]), micros(use["usedAt"])
    question = told.asked(approval)
    of = told.take(question, issued)
    for other in record["presentedApprovals"]:
        again = told.asked(other)
        if other["approvalId"] == approval["approvalId"] and again != question:
            assert "asked about already" in told.refused(again, issued), "one id, one question"
            return "deny", "approval_id_ambiguous"
    if at < issued:  # the log's time never goes back: the use comes first, and finds no approval
        why = told.refused(told.used(use, vector["payload"], of + 1), at)
        return ("deny", "approval_outside_validity") if "no such approval" in why else ("allow", why)
    answer = told.answer(approval, question, of)
    if not answer_verifies(answer, told.sequencer.state, ORIGIN):
        assert told.refused(answer, issued), "the sequencer says no as well"
        return "deny", "key_not_bound"
    assert told.refused(answer, issued) == ""
    signed = told.take(answer, issued)
    if approval["approvalId"] in record["consumedApprovalIds"]:
        told.take(told.used(use, vector["payload"], signed), issued)
        told.sequencer.open.clear()
    why = told.refused(told.used(use, vector["payload"], signed), at)
    return ("deny", _spelled(why, approval, use)) if why else ("allow", "bound")


def _spelled(why: str, approval: dict[str, Any], use: dict[str, Any]) -> str:
    if "already used" in why:
        return "approval_replayed"
    if "expired" in why:
        return "approval_outside_validity"
    assert "not for this action" in why, why
    if use["principal"] != approval["principal"]:
        return "principal_mismatch"
    same = (use["event"], use["phase"]) == (approval["event"], approval["phase"])
    return "payload_mismatch" if same else "event_phase_mismatch"


@pytest.mark.parametrize("vector", APPLY, ids=[one["id"] for one in APPLY])
def test_every_record_that_applies_is_judged_as_its_authors_say(vector: dict[str, Any]) -> None:
    assert judged(vector) == (vector["decision"], vector["reason"])


def test_what_does_not_apply_is_named() -> None:
    left = {one["id"] for one in SUITE["vectors"]} - {one["id"] for one in APPLY}
    assert left == {
        "contract-id-missing",
        "contract-id-unknown",
        "release-first-served-after-decision",
        "release-lookup-unavailable",
        "release-retired-beyond-grace",
    }
