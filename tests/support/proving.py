"""Logs whose actions people approved with passkeys, vouched for, or found to be decoys: what proofs are made of."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from standwatch.facts.entries import AskedMany, Endorsed, Enrolled, Intent, Unmasked
from standwatch.facts.parts import commitment, endorsement_bytes, value_digest
from standwatch.record.assertion import challenge_of, spell_assertion
from support.logs import CHEN, MARIA, MINUTE, OLGA, ORIGIN, Log, Person
from support.passkeys import Authenticator, answered, enrolled

FLAG_SALT = sha256(b"the salt of a flag").digest()


class Panel:
    """A bank's log in which Olga and Chen answer with passkeys."""

    def __init__(self, *algorithms: str) -> None:
        self.log = Log()
        self.log.open()
        self.keys = {
            person.name: Authenticator(f"{person.name}'s phone", alg)
            for person, alg in zip((OLGA, CHEN), algorithms or ("ES256", "EdDSA"), strict=True)
        }
        for person in (OLGA, CHEN):
            entry: Enrolled = enrolled(self.keys[person.name], person.name, MARIA, ORIGIN)
            self.log.append(entry, force=True)

    def asked(self, ident: str, word: bytes = b"real") -> tuple[int, str]:
        members, parts = self.log.judged(ident, 700)
        flag = commitment(FLAG_SALT, word)
        people = [OLGA.name, CHEN.name]
        entry = AskedMany(**members, until=self.log.now + 15 * MINUTE, people=people, quorum=2, flag=flag)
        return self.log.append(entry, *parts, force=True), flag

    def answer(self, ident: str, of: int, flag: str, person: Person, decision: str = "approve") -> int:
        told: dict[str, Any] = {
            "digest": self.log.judged(ident, 700)[0]["digest"],
            "head": "",
            "decision": decision,
        }
        told |= {"by": person.name, "id": ident, "of": of, "until": self.log.now + 10 * MINUTE}
        return self.log.append(answered(self.keys[person.name], ORIGIN, flag, **told), force=True)

    def endorse(self, ident: str, of: int, flag: str, person: Person, by_passkey: bool = True) -> int:
        action = self.log.parts[of, "action"].parts[0].data
        told: dict[str, Any] = {
            "by": person.name,
            "digest": value_digest(action, "recipient"),
            "head": "",
            "run": "r1",
        }
        told |= {"until": self.log.now + 10 * MINUTE}
        message = endorsement_bytes(argument="recipient", asked=of, flag=flag, org=ORIGIN, **told)
        passkey = self.keys[person.name]
        sig = spell_assertion(passkey.get(challenge_of(message))) if by_passkey else person.sign(message)
        key = passkey.key if by_passkey else person.public
        return self.log.append(
            Endorsed(id=ident, of=of, name="recipient", key=key, sig=sig, **told), force=True
        )

    def unmasked(self, ident: str, of: int, *, decoy: bool = False) -> int:
        entry = Unmasked(by="standwatch", id=ident, of=of, salt=FLAG_SALT.hex(), decoy=decoy)
        return self.log.append(entry, force=True)

    def approved(self) -> str:
        """A question to two, both approvals, its opening, the intent and the outcome."""
        ident = self.log.ident()
        of, flag = self.asked(ident)
        self.answer(ident, of, flag, OLGA)
        last = self.answer(ident, of, flag, CHEN)
        self.unmasked(ident, of)
        members, parts = self.log.judged(ident, 700)
        intent = self.log.append(Intent(**{**members, "verdict": "step_up"}, signed=last), *parts, force=True)
        self.log.outcome(ident, intent)
        self.log.sign()
        return ident

    def endorsed(self) -> str:
        """A question, two who vouch for a value of it (one with each kind of key), and the intent that went on that."""
        ident = self.log.ident()
        of, flag = self.asked(ident)
        self.endorse(ident, of, flag, OLGA)
        self.endorse(ident, of, flag, CHEN, by_passkey=False)
        members, parts = self.log.judged(ident, 700)
        self.log.outcome(ident, self.log.append(Intent(**members), *parts, force=True))
        self.log.sign()
        return ident

    def decoy(self) -> str:
        """A decoy that Olga refused."""
        ident = self.log.ident()
        of, flag = self.asked(ident, b"decoy")
        self.answer(ident, of, flag, OLGA, "refuse")
        self.unmasked(ident, of, decoy=True)
        self.log.sign()
        return ident
