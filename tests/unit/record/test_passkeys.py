"""Passkeys in the record: enrolled once, counted, ended; and what the sequencer and `verify` make of them."""

from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Answered, Asked, Enrolled, PasskeyDoubted, PasskeyEnded, Principal
from standwatch.facts.errors import StandwatchError
from standwatch.facts.frames import Append
from standwatch.record.passkeys import used
from standwatch.record.replay import Origin, Replay, answer_verifies, enrolment_verifies
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State, load, save
from support.logs import CHEN, MARIA, MINUTE, OLGA, ORIGIN, START, Person
from support.passkeys import Authenticator, answered, enrolled

DIGEST = "d" * 64
ASKED = "01m7q5cqg9e00800000000000"


class World:
    """A sequencer with people and open questions; the n-th is `ASKED` + n."""

    def __init__(self, questions: int = 3) -> None:
        self.sequencer = Sequencer(State())
        self.index = -1
        self.take(_human(OLGA))
        self.take(_human(MARIA))
        self.take(_human(CHEN))
        self.asked = [self.take(_asked(f"{ASKED}{n}")) for n in range(questions)]

    @property
    def state(self) -> State:
        return self.sequencer.state

    def take(self, entry: Any) -> int:
        self.index += 1
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=START + self.index))
        return self.index

    def refused(self, entry: Any) -> str:
        refusal = self.sequencer.admit(Append(0, entry), START + self.index)
        return "" if refusal is None else refusal.code

    def answer(self, passkey: Authenticator, n: int, **changes: Any) -> Answered:
        told = {
            "by": "p-olga",
            "id": f"{ASKED}{n}",
            "of": self.asked[n],
            "decision": "approve",
            "digest": DIGEST,
            "head": "",
            "until": START + MINUTE,
            "at": START + self.index,
        }
        return answered(passkey, ORIGIN, **(told | changes))


def _human(person: Person, *keys: str, **changes: Any) -> Principal:
    told: dict[str, Any] = {"by": "standwatch", "name": person.name, "role": "human"}
    return Principal(**(told | {"keys": list(keys) or [person.public]} | changes))


def _asked(ident: str) -> Asked:
    return Asked(
        by="agent",
        id=ident,
        run="r",
        system="pay",
        tool="bank.send",
        digest=DIGEST,
        seen=0,
        why="",
        until=START + MINUTE,
    )


def fresh(**changes: Any) -> tuple[World, Authenticator]:
    """A world in which Olga has enrolled a phone."""
    world, phone = World(), Authenticator()
    world.take(enrolled(phone, "p-olga", OLGA, ORIGIN, **changes))
    return world, phone


def test_an_answer_by_passkey_verifies_and_moves_its_counter() -> None:
    world, phone = fresh()
    answer = world.answer(phone, 0)
    assert world.refused(answer) == ""
    assert answer_verifies(answer, world.state, ORIGIN)
    world.take(answer)
    assert world.state.passkeys[phone.credential].count == 1
    assert world.state.questions[answer.id].answer is not None
    assert load(save(world.state)) == world.state, "the counter outlives a restart"


def test_another_log_question_digest_person_or_time_is_not_what_was_signed() -> None:
    world, phone = fresh()
    answer = world.answer(phone, 0)
    assert not answer_verifies(answer, world.state, "staging.invalid/record")
    for changes in (
        {"of": world.asked[1]},
        {"digest": "e" * 64},
        {"until": START + 2 * MINUTE},
        {"decision": "refuse"},
        {"head": "1:" + "0" * 64},
        {"by": "p-maria"},
    ):
        assert not answer_verifies(msgspec.structs.replace(answer, **changes), world.state, ORIGIN), changes


def test_a_counter_that_does_not_go_on_is_refused_by_the_sequencer() -> None:
    world, phone = fresh()
    first, second = world.answer(phone, 0), world.answer(phone, 1)
    world.take(second)
    assert world.refused(first) == "approval", "a copy of the passkey would look like this"
    with pytest.raises(StandwatchError) as caught:
        used(world.state.passkeys, first)
    assert caught.value.code == "cloned"
    assert not answer_verifies(first, world.state, ORIGIN)
    assert world.refused(world.answer(phone, 2)) == ""


def test_a_counter_that_was_kept_may_not_vanish_and_none_may_stay_none() -> None:
    world, phone = World(), Authenticator(counts=False)
    world.take(enrolled(phone, "p-olga", OLGA, ORIGIN))
    world.take(world.answer(phone, 0))
    assert world.refused(world.answer(phone, 1)) == ""
    world, phone = fresh(count=7)
    phone.counts, phone.count = False, 0
    assert world.refused(world.answer(phone, 0)) == "approval"


def test_a_doubt_is_recorded_once_and_takes_nothing() -> None:
    world, phone = fresh()
    doubt = PasskeyDoubted(
        by="standwatch", credential=phone.credential, person="p-olga", of=3, count=4, last=5
    )
    assert world.refused(doubt) == ""
    world.take(doubt)
    assert world.refused(doubt) == "duplicate"
    assert world.state.passkeys[phone.credential].live
    assert world.refused(msgspec.structs.replace(doubt, person="p-chen", count=1)) == "duplicate"


def test_a_passkey_is_enrolled_once_and_in_order() -> None:
    world, phone = fresh()
    again = enrolled(phone, "p-olga", OLGA, ORIGIN, follows=world.index)
    assert world.refused(again) == "duplicate"
    tablet = Authenticator("a tablet")
    assert world.refused(enrolled(tablet, "p-olga", OLGA, ORIGIN)) == "duplicate", "follows nothing"
    second = enrolled(tablet, "p-olga", OLGA, ORIGIN, follows=world.index)
    assert world.refused(second) == ""
    world.take(second)
    world.take(PasskeyEnded(by="p-olga", credential=tablet.credential, person="p-olga"))
    later = enrolled(tablet, "p-olga", OLGA, ORIGIN, follows=world.index)
    assert world.refused(later) == "duplicate", "what ended never comes back"
    stolen = enrolled(phone, "p-maria", MARIA, ORIGIN)
    assert world.refused(stolen) == "duplicate", "nor is one person's passkey another's"


def test_an_enrolment_is_vouched_for_by_a_person_of_the_record() -> None:
    world, phone = World(), Authenticator()
    good = enrolled(phone, "p-olga", OLGA, ORIGIN)
    assert enrolment_verifies(good, world.state, ORIGIN)
    assert enrolment_verifies(enrolled(phone, "p-olga", MARIA, ORIGIN), world.state, ORIGIN)
    assert not enrolment_verifies(good, world.state, "staging.invalid/record")
    for changes in (
        {"person": "p-maria"},
        {"credential": "AAAA"},
        {"key": Authenticator("another").key},
        {"rp_id": "evil.example"},
        {"origin": "http://localhost:9"},
        {"synced": True},
        {"count": 1},
        {"follows": 3},
        {"by": "p-maria"},
        {"signer": MARIA.public},
    ):
        assert not enrolment_verifies(msgspec.structs.replace(good, **changes), world.state, ORIGIN), changes
    stranger = Person("p-mallory")
    assert not enrolment_verifies(enrolled(phone, "p-olga", stranger, ORIGIN), world.state, ORIGIN)
    assert not enrolment_verifies(enrolled(phone, "p-nobody", OLGA, ORIGIN), world.state, ORIGIN)


def test_an_ended_passkey_answers_nothing() -> None:
    world, phone = fresh()
    ended = PasskeyEnded(by="p-maria", credential=phone.credential, person="p-olga")
    assert world.refused(ended) == ""
    world.take(ended)
    assert world.refused(ended) == "duplicate"
    assert world.refused(world.answer(phone, 0)) == "approval"
    assert not answer_verifies(world.answer(phone, 0), world.state, ORIGIN)


@pytest.mark.parametrize(
    "change",
    [
        _human(OLGA, revoked=True),
        _human(OLGA, Person("a new key").public),
        _human(OLGA, keys=[]),
    ],
)
def test_a_passkey_stands_as_long_as_the_key_that_enrolled_it(change: Principal) -> None:
    world, phone = fresh()
    world.take(_human(OLGA, OLGA.public, Person("one more").public))
    assert world.state.passkeys[phone.credential].live, "one more key takes nothing away"
    world.take(change)
    assert not world.state.passkeys[phone.credential].live
    world.take(_human(OLGA))
    assert world.refused(world.answer(phone, 0)) == "approval", "it does not come back with the key"


def test_what_an_admin_enrolled_stands_and_falls_with_the_admin_s_key_and_with_the_person() -> None:
    for change in (_human(MARIA, revoked=True), _human(OLGA, revoked=True)):
        world, phone = World(), Authenticator()
        world.take(enrolled(phone, "p-olga", MARIA, ORIGIN))
        world.take(_human(OLGA, Person("her new key").public))
        assert world.state.passkeys[phone.credential].live
        world.take(change)
        assert not world.state.passkeys[phone.credential].live


def test_a_passkey_is_its_person_s_alone() -> None:
    world, phone = fresh()
    assert world.refused(world.answer(phone, 0, by="p-maria")) == "approval"
    other = world.answer(Authenticator("not enrolled"), 0)
    assert world.refused(other) == "approval"
    assert not answer_verifies(other, world.state, ORIGIN)
    claimed = msgspec.structs.replace(world.answer(phone, 0), key=Authenticator("another").key)
    assert world.refused(claimed) == "approval"


def test_what_cannot_be_read_is_refused_and_folds_to_nothing() -> None:
    world, phone = fresh()
    broken = msgspec.structs.replace(world.answer(phone, 0), sig="webauthn:AAAA")
    assert world.refused(broken) == "approval"
    world.take(broken)
    assert world.state.passkeys[phone.credential].count == 0
    assert isinstance(world.state.passkeys[phone.credential].entry, Enrolled)


def test_verify_objects_to_what_nobody_vouched_for_and_to_a_counter_that_stood_still() -> None:
    world, phone = fresh()
    replay = Replay(Origin(ORIGIN, ""), 0, lambda _size: None)

    def told(entry: Any) -> set[str]:
        index = replay.state.seen + 1
        found = replay.objections(index, msgspec.structs.replace(entry, at=START + index))
        return {code for code, _ in found} - {"opened"}

    for entry in (_human(OLGA), _human(MARIA), _human(CHEN)):
        assert told(entry) == set()
    for n in range(3):
        replay.state.fold(replay.state.seen + 1, _asked(f"{ASKED}{n}"))
    forged = enrolled(Authenticator("forged"), "p-olga", Person("p-mallory"), ORIGIN)
    assert told(forged) == {"enrolment_signature"}
    assert told(enrolled(phone, "p-olga", OLGA, ORIGIN, follows=replay.state.seen)) == set()
    first, second = world.answer(phone, 0), world.answer(phone, 1)
    found = told(second)
    assert "approval_signature" not in found
    assert {"approval", "approval_signature"} <= told(first), "it was signed before the other"
    ended = PasskeyEnded(by="p-maria", credential=phone.credential, person="p-olga")
    assert told(ended) == set()
    assert {"approval", "approval_signature"} <= told(world.answer(phone, 2))
