"""`verify` re-checks every signature of a quorum, who gave it and in which order, and every endorsement."""

from collections.abc import Callable
from typing import Any

import pytest

from standwatch.facts.entries import (
    Answered,
    AskedMany,
    Config,
    DeclaredRules,
    Endorsed,
    Intent,
    Principal,
    Rule,
    Unmasked,
)
from standwatch.facts.parts import approval_bytes, commitment, endorsement_bytes, value_digest
from standwatch.record.exported import Exported
from standwatch.record.verify import Verification, verify
from support.logs import CHEN, KEY, MALLORY, MARIA, MINUTE, OLGA, ORIGIN, Log, Person

OTTO, NINA = Person("p-otto"), Person("p-nina")
SALT = bytes(range(32))
FLAG = commitment(SALT, b"real")


class Quorum(Log):
    """A bank in which two of Olga, Otto and Nina must approve."""

    def __init__(self, quorum: int = 2, *, ordered: bool = False) -> None:
        super().__init__()
        self.open()
        self.quorum, self.ordered = quorum, ordered
        for person in (OTTO, NINA):
            self.append(Principal(by="log", name=person.name, role="human", keys=[person.public]))
        self.people = [OLGA.name, OTTO.name, NINA.name]
        self.append(
            DeclaredRules(
                by="standwatch",
                system="pay",
                envelope="e1",
                components="c1",
                owner=[MARIA.name],
                halt=[OLGA.name],
                validators=[CHEN.name],
                signers=self.people,
                change="narrower",
                rules={"": Rule(by=self.people, quorum=quorum, ordered=ordered)},
            )
        )
        follows = self.sequencer.state.config
        self.append(Config(by="standwatch", root="r2", changed=["pay"], follows=follows))
        self.id = self.ident()
        members, parts = self.judged(self.id, 700)
        self.digest, self.action = str(members["digest"]), parts[0].data
        told: dict[str, Any] = {"people": self.people, "quorum": quorum, "ordered": ordered, "flag": FLAG}
        self.of = self.append(AskedMany(**members, **told, until=self.now + 15 * MINUTE), *parts)

    def says(self, person: Person, *, force: bool = False, flag: str = FLAG, **changes: Any) -> int:
        told: dict[str, Any] = {"by": person.name, "decision": "approve", "digest": self.digest, "head": ""}
        told |= {"until": self.now + 10 * MINUTE} | changes
        sig = person.sign(approval_bytes(asked=self.of, org=ORIGIN, flag=flag, **told))
        return self.append(Answered(id=self.id, of=self.of, key=person.public, sig=sig, **told), force=force)

    def vouches(self, person: Person, *, force: bool = False, flag: str = FLAG, **changes: Any) -> int:
        told: dict[str, Any] = {"by": person.name, "run": "r1", "head": ""}
        told |= {"digest": value_digest(self.action, "recipient"), "until": self.now + 60 * MINUTE}
        sig = person.sign(
            endorsement_bytes(argument="recipient", asked=self.of, org=ORIGIN, flag=flag, **told)
        )
        told |= changes
        return self.append(
            Endorsed(id=self.id, of=self.of, name="recipient", key=person.public, sig=sig, **told),
            force=force,
        )

    def opens(self, *, force: bool = False) -> None:
        entry = Unmasked(by="standwatch", id=self.id, of=self.of, salt=SALT.hex())
        self.append(entry, force=force)

    def goes(self, answer: int, *, force: bool = False) -> None:
        members, parts = self.judged(self.id, 700)
        intent = self.append(Intent(**{**members, "verdict": "step_up"}, signed=answer), *parts, force=force)
        self.outcome(self.id, intent)

    def verified(self) -> Verification:
        self.sign()
        return verify(Exported(self.files().get), KEY.vkey)


def codes(found: Verification) -> set[str]:
    return {problem.code for problem in found.problems}


def test_a_quorum_and_what_it_let_through_are_verified() -> None:
    log = Quorum()
    log.says(NINA)
    last = log.says(OLGA)
    log.opens()
    log.goes(last)
    found = log.verified()
    assert (found.problems, found.status) == ((), "verified")


def test_an_endorsement_is_verified() -> None:
    log = Quorum()
    log.vouches(OLGA)
    log.vouches(OTTO)
    log.opens()
    log.allowed()
    found = log.verified()
    assert (found.problems, found.status) == ((), "verified")


def one_of_two(log: Quorum) -> None:
    last = log.says(OLGA)
    log.opens(force=True)
    log.goes(last, force=True)


def twice_the_same(log: Quorum) -> None:
    log.says(OLGA)
    last = log.says(OLGA, force=True)
    log.opens(force=True)
    log.goes(last, force=True)


def somebody_not_asked(log: Quorum) -> None:
    log.says(OLGA)
    last = log.says(CHEN, force=True)
    log.opens(force=True)
    log.goes(last, force=True)


def forged(log: Quorum) -> None:
    log.says(OLGA)
    log.says(MALLORY, by=OTTO.name, force=True)


def without_the_flag(log: Quorum) -> None:
    log.says(OLGA, flag="")


def about_another_action(log: Quorum) -> None:
    log.says(OLGA, digest="d" * 64, force=True)


def along_with_another_history(log: Quorum) -> None:
    log.says(OLGA, head="3:" + "0" * 64)


def never_opened(log: Quorum) -> None:
    log.says(OLGA)
    log.goes(log.says(OTTO), force=True)


def after_one_was_dismissed(log: Quorum) -> None:
    log.says(OLGA)
    last = log.says(OTTO)
    log.opens()
    log.append(Principal(by="log", name=OTTO.name, role="human", keys=[OTTO.public], revoked=True))
    log.goes(last, force=True)


def refused_meanwhile(log: Quorum) -> None:
    log.says(OLGA)
    last = log.says(OTTO)
    log.opens()
    log.says(NINA, decision="refuse")
    log.goes(last, force=True)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (one_of_two, "approval"),
        (twice_the_same, "duplicate"),
        (somebody_not_asked, "approval_person"),
        (forged, "approval_signature"),
        (without_the_flag, "approval_signature"),
        (about_another_action, "approval_digest"),
        (along_with_another_history, "approval_head"),
        (never_opened, "approval"),
        (after_one_was_dismissed, "approval"),
        (refused_meanwhile, "approval"),
    ],
)
def test_what_is_less_than_a_quorum_is_found_out(act: Callable[[Quorum], None], expected: str) -> None:
    log = Quorum()
    act(log)
    found = log.verified()
    assert found.status == "rejected"
    assert expected in codes(found), found.problems


def test_an_order_that_was_not_kept_is_found_out() -> None:
    log = Quorum(ordered=True)
    log.says(OTTO)
    log.says(OLGA, force=True)
    assert "duplicate" in codes(log.verified())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"digest": "d" * 64}, "endorsement_signature"),
        ({"name": "amount"}, ""),
        ({"until": 1}, "endorsement_signature"),
        ({"head": "3:" + "0" * 64}, "endorsement_head"),
    ],
)
def test_an_endorsement_changed_by_a_member_is_found_out(changes: dict[str, Any], expected: str) -> None:
    log = Quorum()
    changes = dict(changes)
    if "name" in changes:
        told = {"by": OLGA.name, "run": "r1", "head": "", "digest": value_digest(log.action, "recipient")}
        told |= {"until": log.now + MINUTE}
        sig = OLGA.sign(endorsement_bytes(argument="recipient", asked=log.of, org=ORIGIN, flag=FLAG, **told))  # type: ignore[arg-type]
        log.append(Endorsed(id=log.id, of=log.of, name="amount", key=OLGA.public, sig=sig, **told))  # type: ignore[arg-type]
        expected = "endorsement_signature"
    else:
        log.vouches(OLGA, force=True, **changes)
    assert expected in codes(log.verified())


def test_a_question_that_asked_fewer_than_the_declaration_says_is_found_out() -> None:
    log = Quorum()
    members, parts = log.judged(log.ident(), 700)
    told: dict[str, Any] = {"people": log.people, "quorum": 1, "flag": FLAG}
    log.append(AskedMany(**members, **told, until=log.now + MINUTE), *parts, force=True)
    assert codes(log.verified()) == {"invalid"}
