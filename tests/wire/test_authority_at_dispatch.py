"""Public vectors of authority that must still hold when an act leaves (agent-evidence-vectors).

The suite is `authority-at-dispatch/v1`. Each record becomes a log at the corpus's own times: the person who granted, an
agent's run, the question about the approved bytes, the answer as far as the grant reaches, revocations as the entry
that dismisses whoever granted, the freshness of the evidence as how long the verdict may be relied on, and the dispatch
as an intent. What says no is the sequencer.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Answered, AskedMany, Declared, Intent, Principal, RunOpened, Unmasked
from standwatch.facts.frames import Append
from standwatch.facts.parts import Action, action_bytes, action_digest, approval_bytes, commitment
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State
from support.logs import ORIGIN, Person

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "approvals" / "authority-at-dispatch.v1.json").read_text(encoding="utf-8")
)
NOT_OURS = {
    "contract-id-missing": "the form of the corpus's own records",
    "contract-id-unknown": "the form of the corpus's own records",
    "evidence-age-inconsistent": "an age is never stated here: it is the record's own time less the entry's",
    "scope-amplified-across-hops": "a run that asks for more than the one above has what both were given",
}
APPLY = {one["id"]: one for one in SUITE["vectors"] if one["id"] not in NOT_OURS}
IDENT, RUN, SALT = "0f5c2m7k1v8e3a9q4t6w2x0y5z", "a run", bytes(32)
FLAG = commitment(SALT, b"real")


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def digest(tool: str, target: str, payload: str, agent: str) -> str:
    return action_digest(
        action_bytes(
            Action(
                id=IDENT,
                by=agent,
                run=RUN,
                system="desk",
                tool=tool,
                target=target,
                arguments={"payload": payload},
                event="tool_call",
                phase="call",
                schema="",
                conf=0,
                nonce="00" * 16,
                org=ORIGIN,
            )
        )
    )


class Told:
    """One record as a log."""

    def __init__(self, one: dict[str, Any]) -> None:
        self.record: dict[str, Any] = one["record"]
        self.sequencer, self.index = Sequencer(State()), -1
        hops = self.record["delegation"]
        self.person, self.agent = Person(hops[0]["grantor"]), hops[-1]["grantee"]
        begin = min(micros(hop["notBefore"]) for hop in hops)
        self.take(Principal(by="s", name=self.person.name, role="human", keys=[self.person.public]), begin)
        self.take(
            Declared(
                by="s", system="desk", envelope="", components="", halt=[], signers=[self.person.name], tier=1
            ),
            begin,
        )
        self.take(RunOpened(by="s", run=RUN, system="desk", principal=self.agent), begin)
        self._approve(min(micros(hop["expiresAt"]) for hop in hops))
        self.sent = sha256(one["dispatched"].encode()).hexdigest()

    def take(self, entry: Any, at: int) -> int:
        self.index += 1
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=at))
        return self.index

    def _judged(self, of: dict[str, Any], payload: str) -> dict[str, Any]:
        return {
            "by": self.agent,
            "id": IDENT,
            "run": RUN,
            "system": "desk",
            "tool": of["tool"],
            "digest": digest(of["tool"], of["target"], payload, self.agent),
            "seen": 99,  # fences are not what these vectors are about
            "why": "",
        }

    def _approve(self, until: int) -> None:
        approved = self.record["approvedAction"]
        at = micros(approved["approvedAt"])
        asked = AskedMany(
            **self._judged(approved, approved["payloadSha256"]),
            until=until,
            people=[self.person.name],
            flag=FLAG,
        )
        of = self._admitted(asked, at)
        told: dict[str, Any] = {"by": self.person.name, "decision": "approve", "digest": asked.digest}
        told |= {"head": "", "until": until}
        sig = self.person.sign(approval_bytes(asked=of, flag=FLAG, org=ORIGIN, **told))
        self.signed = self._admitted(Answered(id=IDENT, of=of, key=self.person.public, sig=sig, **told), at)
        self._admitted(Unmasked(by="s", id=IDENT, of=of, salt=SALT.hex()), at)

    def _admitted(self, entry: Any, at: int) -> int:
        assert self.sequencer.admit(Append(0, entry), at) is None
        return self.take(entry, at)

    def dismissed(self, now: int) -> None:
        """Whoever's grant is revoked until `now` is dismissed, at the time that the record says."""
        first = self.record["delegation"][0]["grantId"]
        for one in self.record["authorityEvidence"]["revokedGrants"]:
            assert one["grantId"] == first, "the corpus revokes a person's grant only"
            if micros(one["revokedAt"]) <= now:
                gone = Principal(by="s", name=self.person.name, role="human", revoked=True)
                self.take(gone, micros(one["revokedAt"]))

    def dispatched(self) -> str:
        """Why the act may not leave; "" where it may."""
        now, evidence = micros(self.record["decisionTime"]), self.record["authorityEvidence"]
        self.dismissed(now)
        # The corpus counts the last moment in, an `until` here does not.
        fresh = micros(evidence["observedAt"]) + evidence["maxAgeSeconds"] * 1_000_000 + 1
        use = self.record["dispatch"]
        entry = Intent(**self._judged(use, self.sent), verdict="step_up", signed=self.signed)
        found = self.sequencer.admit(Append(0, entry, valid_until=fresh), now)
        if found is None:
            self.take(entry, now)
        return "" if found is None else found.detail


SPELLED = {
    "authorized": "",
    "authority_evidence_stale": "what the verdict relied on has expired",
    "grant_revoked": "approv",
    "grant_expired": "expired",
    "dispatch_not_approved": "not for this action",
}


@pytest.mark.parametrize("case", APPLY)
def test_every_record_that_applies_is_judged_as_its_authors_say(case: str) -> None:
    one, told = APPLY[case], Told(APPLY[case])
    why = told.dispatched()
    assert (one["decision"] == "allow") == (why == ""), why
    assert SPELLED[one["reason"]] in why, why
    if one["record"]["authorityEvidence"]["revokedGrants"] and why == "":
        told.dismissed(micros("2026-10-04T00:00:00Z"))
        assert IDENT in told.sequencer.open, "what is revoked afterwards does not call back what has left"


def test_what_does_not_apply_is_named() -> None:
    assert {one["id"] for one in SUITE["vectors"]} == {*APPLY, *NOT_OURS}
    assert len(SUITE["vectors"]) == 14
    assert {one["reason"] for one in APPLY.values()} == set(SPELLED)
