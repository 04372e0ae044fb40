"""Sessions in the record: opened by a passkey over their own name, ended with whatever they rest on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import PasskeyEnded, PasskeyRefused, Principal, SignedIn, SignedOut
from standwatch.facts.frames import Append
from standwatch.facts.parts import session_bytes
from standwatch.record import sessions
from standwatch.record.assertion import challenge_of, spell_assertion
from standwatch.record.replay import Origin, Replay
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State, load, save
from support.logs import MARIA, MINUTE, OLGA, ORIGIN, START, Person
from support.passkeys import Authenticator, enrolled


class World:
    """A sequencer with two people, and a passkey of Olga's."""

    def __init__(self, *, counts: bool = True) -> None:
        self.sequencer = Sequencer(State())
        self.index = -1
        for person in (OLGA, MARIA):
            self.take(_human(person))
        self.phone = Authenticator("a phone", counts=counts)
        self.take(enrolled(self.phone, "p-olga", OLGA, ORIGIN))

    @property
    def state(self) -> State:
        return self.sequencer.state

    def take(self, entry: Any) -> None:
        assert self.refused(entry) == "", entry
        self.index += 1
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=START + self.index))

    def refused(self, entry: Any, at: int = 0) -> str:
        refusal = self.sequencer.admit(Append(0, entry), at or START + self.index + 1)
        return "" if refusal is None else refusal.detail


def _human(person: Person, **changes: Any) -> Principal:
    told: dict[str, Any] = {"by": "standwatch", "name": person.name, "role": "human", "keys": [person.public]}
    return Principal(**(told | changes))


def signed_in(phone: Authenticator, session: str = "5e" * 32, **changes: Any) -> SignedIn:
    told: dict[str, Any] = {
        "by": "p-olga",
        "person": "p-olga",
        "session": session,
        "until": START + MINUTE,
        "credential": phone.credential,
    } | changes
    if "sig" not in told:
        message = session_bytes(org=ORIGIN, session=session)
        told["sig"] = spell_assertion(phone.get(challenge_of(message)))
    return SignedIn(**told)


def test_a_session_is_open_until_it_is_ended_and_the_counter_goes_on() -> None:
    world = World()
    world.take(signed_in(world.phone))
    assert list(world.state.sessions) == ["5e" * 32]
    assert world.state.passkeys[world.phone.credential].count == world.phone.count
    assert load(save(world.state)) == world.state
    ended = SignedOut(by="p-olga", person="p-olga", session="5e" * 32, code="left")
    world.take(ended)
    assert world.state.sessions == {}
    assert "not open" in world.refused(ended)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"session": "5e" * 32}, "open already"),
        ({"person": "p-nobody"}, "nobody"),
        ({"person": "p-maria", "by": "p-maria"}, "does not count"),
        ({"by": "p-maria"}, "for themselves"),
        ({"until": START + 25 * 60 * MINUTE}, "within a day"),
        ({"until": START}, "in the future"),
        ({"credential": ""}, "by an issuer"),
        (
            {"credential": "", "issuer": "https://login.example"},
            "by an issuer",
        ),  # with a signature of a passkey
        ({"credential": "AAAA"}, "does not count"),
        ({"sig": ""}, "spelled"),
    ],
)
def test_what_the_sequencer_refuses(changes: dict[str, Any], why: str) -> None:
    world = World()
    world.take(signed_in(world.phone))
    assert why in world.refused(msgspec.structs.replace(signed_in(world.phone, "6f" * 32), **changes))


def test_an_old_assertion_opens_nothing_however_it_is_named() -> None:
    world = World()
    first = signed_in(world.phone)
    world.take(first)
    world.take(SignedOut(by="p-olga", person="p-olga", session=first.session, code="left"))
    assert "counter" in world.refused(first)


def test_an_assertion_over_another_session_does_not_verify() -> None:
    world = World(counts=False)
    entry = signed_in(world.phone)
    assert sessions.verifies(world.state.passkeys, entry, ORIGIN)
    assert not sessions.verifies(world.state.passkeys, entry, "other.invalid/log")
    renamed = msgspec.structs.replace(entry, session="6f" * 32)
    assert not sessions.verifies(world.state.passkeys, renamed, ORIGIN)
    replay = Replay(Origin(ORIGIN, ""), 0, lambda _: None)
    replay.sequencer.state = world.state
    renamed = msgspec.structs.replace(renamed, at=START + 9)
    assert [code for code, _ in replay.objections(9, renamed) if code != "opened"] == ["sign_in_signature"]


@pytest.mark.parametrize(
    "ending",
    [
        lambda phone: PasskeyEnded(by="p-olga", credential=phone.credential, person="p-olga"),
        lambda _: _human(OLGA, keys=[MARIA.public]),
        lambda _: _human(OLGA, revoked=True),
    ],
    ids=["passkey ended", "key dropped", "person left"],
)
def test_what_a_session_rests_on_takes_it_along(ending: Any) -> None:
    world = World()
    world.take(signed_in(world.phone))
    by_issuer = SignedIn(
        by="p-maria",
        person="p-maria",
        session="77" * 32,
        until=START + MINUTE,
        issuer="https://login.example",
    )
    world.take(by_issuer)
    world.take(ending(world.phone))
    assert list(world.state.sessions) == ["77" * 32], "somebody else's stays"


def test_a_cookie_elsewhere_and_a_lure_are_remembered_and_a_plain_goodbye_is_not() -> None:
    world = World()
    world.take(signed_in(world.phone))
    world.take(SignedOut(by="p-olga", person="p-olga", session="5e" * 32, code="left"))
    assert world.state.alarms == {}
    world.take(signed_in(world.phone))
    world.take(SignedOut(by="standwatch", person="p-olga", session="5e" * 32, code="elsewhere"))
    assert world.state.alarms == {"p-olga": (world.index, START + world.index)}
    world.take(
        PasskeyRefused(by="standwatch", person="p-olga", credential=world.phone.credential, code="wrong_rp")
    )
    assert world.state.alarms["p-olga"][0] == world.index


def test_what_has_ended_by_itself_is_forgotten_and_nobody_has_more_than_so_many() -> None:
    world = World()
    for number in range(sessions.MOST + 3):
        world.take(signed_in(world.phone, f"{number:064x}"))
    assert len(world.state.sessions) == sessions.MOST
    assert f"{0:064x}" not in world.state.sessions
    later = msgspec.structs.replace(
        signed_in(world.phone, "aa" * 32, until=START + 3 * MINUTE), at=START + 2 * MINUTE
    )
    world.sequencer.take(99, later)
    assert list(world.state.sessions) == ["aa" * 32]
