"""A system whose people are nobody real is restricted, says why, and says what would cure it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from standwatch.authority.grant import KNOWN, RULES, grant
from standwatch.facts.entries import Config, Declared, Enrolled, Evidence, PasskeyEnded, Principal
from standwatch.record.state import State

T0 = 1_795_000_000_000_000
HOUR = 3_600_000_000


class World:
    """Maria owns, Olga is on call, Chen validates; Chen has said yes."""

    def __init__(self, *, development: bool = False, **changes: Any) -> None:
        self.state, self.index = State(), 0
        for name in ("maria", "olga", "chen"):
            self.put(Principal(name=name, role="human", keys=[f"key of {name}"]))
        said: dict[str, Any] = {"owner": ["maria"], "halt": ["olga"], "validators": ["chen"]}
        self.put(Declared(system="pay", envelope="e", components="c", change="first", **(said | changes)))
        self.put(Config(root="r", development=development))
        self.put(
            Evidence(
                by="chen", system="pay", envelope="e", components="c", outcome="pass", until=T0 + 99 * HOUR
            )
        )

    def put(self, entry: Any) -> None:
        self.state.fold(self.index, msgspec.structs.replace(entry, at=T0 + self.index))
        self.index += 1

    def person(self, name: str, **changes: Any) -> None:
        self.put(msgspec.structs.replace(self.state.principals[name], **changes))

    def passkey(self, name: str) -> None:
        self.put(
            Enrolled(
                by="maria",
                person=name,
                credential=f"phone of {name}",
                key="passkey:AAAA",
                rp_id="localhost",
                origin="http://localhost",
                signer="key of maria",
                sig="s",
            )
        )

    def told(self) -> tuple[str, list[str], list[str]]:
        found = grant(self.state, "pay", T0 + HOUR)
        return found.level, [one.text for one in found.reasons], [one.cure for one in found.reasons]


def test_people_who_are_there_and_can_sign_are_real() -> None:
    assert World().told() == ("autonomous", [], [])


@pytest.mark.parametrize(
    ("name", "role"), [("maria", "owner"), ("olga", "halt authority"), ("chen", "validator")]
)
def test_somebody_who_was_dismissed_is_nobody_at_once(name: str, role: str) -> None:
    world = World()
    world.person(name, revoked=True)
    level, texts, cures = world.told()
    assert level == "restricted"
    assert texts[0] == f"its {role} ({name}) is nobody of this organisation any more"
    assert cures[0] == "name a person of standwatch.yaml in systems/pay.yaml"
    world.person(name, revoked=False)
    assert world.told()[0] == "autonomous"


def test_who_has_nothing_to_sign_with_is_nobody_until_a_key_or_a_passkey_counts() -> None:
    world = World()
    world.person("olga", keys=[])
    level, texts, cures = world.told()
    assert (level, texts) == (
        "restricted",
        ["its halt authority (olga) has no key and no passkey: nothing could be signed"],
    )
    assert "standwatch key new" in cures[0]
    world.passkey("olga")
    assert world.told()[0] == "autonomous"
    world.put(PasskeyEnded(credential="phone of olga", person="olga"))
    assert world.told()[0] == "restricted"


def test_a_passkey_goes_with_the_key_that_vouched_for_it_and_so_does_who_has_nothing_else() -> None:
    world = World()
    world.person("olga", keys=[])
    world.passkey("olga")
    world.person("maria", keys=["another key"])
    assert world.told()[0] == "restricted"


def test_under_development_nothing_has_to_be_signed_but_people_have_to_be_there() -> None:
    world = World(development=True)
    world.person("olga", keys=[])
    assert world.told()[0] == "autonomous"
    world.person("olga", revoked=True)
    assert world.told()[0] == "restricted"


def test_one_real_person_of_several_is_enough_and_the_owner_alone_is_no_validator() -> None:
    world = World(validators=["chen", "maria"], halt=["olga", "chen"])
    world.person("olga", revoked=True)
    assert world.told()[0] == "autonomous"
    world.person("chen", revoked=True)
    level, texts, _ = world.told()
    assert level == "restricted"
    assert "its owner is its only validator" in texts


def test_who_the_record_does_not_know_is_nobody() -> None:
    assert World(owner=["a stranger"]).told()[0] == "restricted"
    assert World(owner=[]).told()[1] == ["its owner is nobody real"]


def test_the_end_of_a_token_is_not_the_end_of_a_person() -> None:
    world = World()
    world.person("olga", token="ab" * 32, until=T0 + 10)
    assert world.told()[0] == "autonomous"


def test_rules_of_another_time_took_everybody_whom_a_manifest_names() -> None:
    world = World()
    world.person("olga", revoked=True)
    levels = {rules: grant(world.state, "pay", T0 + HOUR, rules).level for rules in KNOWN}
    assert levels == {"1": "autonomous", "2": "autonomous", "3": "restricted", RULES: "restricted"}
