"""The grant's properties (DESIGN.md §8) over generated histories of declarations, evidence, holds and time."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.authority.grant import decision_permission, grant, permits, running_of
from standwatch.authority.tiers import tier
from standwatch.facts.entries import (
    AnyEntry,
    Config,
    Coverage,
    Declared,
    Deployed,
    Enrolled,
    Evidence,
    Exposure,
    Hold,
    PasskeyEnded,
    Principal,
    Released,
    Way,
)
from standwatch.facts.words import LEVELS
from standwatch.record.leaf import decode, encode
from standwatch.record.serving import running
from standwatch.record.state import State, load, save

T0 = 1_800_000_000_000_000
HOUR = 3_600_000_000
SYSTEM = "s"
digests = st.sampled_from(("e1", "e2", "e3"))
components = st.sampled_from(("c1", "c2"))
DEPLOYABLE = (("1", "a" * 64), ("2", "b" * 64), ("2", "c" * 64))
"""Versions of model `m` with their artifacts; the second was retrained under its name."""
RUNNING = tuple(running(parts, {"m": version}) for parts in ("c1", "c2") for version in DEPLOYABLE)

declared = st.builds(
    Declared,
    system=st.just(SYSTEM),
    envelope=digests,
    components=components,
    owner=st.sampled_from(([], ["p-maria"])),
    halt=st.just(["p-omar"]),
    validators=st.sampled_from(([], ["p-chen"], ["p-maria"], ["p-chen", "p-omar"])),
    tier=st.integers(1, 3),
    change=st.sampled_from(("first", "same", "narrower", "wider")),
)
evidence = st.builds(
    Evidence,
    by=st.sampled_from(("p-chen", "p-maria", "p-omar", "p-nobody")),
    system=st.just(SYSTEM),
    envelope=digests,
    components=st.one_of(components, st.sampled_from(RUNNING)),
    outcome=st.sampled_from(("pass", "conditions", "reject")),
    until=st.integers(0, 60).map(lambda hours: T0 + hours * HOUR),
)
holds = st.builds(
    Hold, scope=st.sampled_from(("all", "system:s", "tool:x.y")), until=st.sampled_from((0, T0 + HOUR))
)
releases = st.builds(Released, hold=st.integers(0, 15))
configs = st.builds(Config, root=st.just("r"), development=st.booleans())
people = st.sampled_from((0, 99, 100, 1_000, 100_001, 1_000_001))
reversibilities = st.sampled_from(("reversible", "costly", "irreversible"))
exposures = st.builds(Exposure, system=st.just(SYSTEM), people=people, reversibility=reversibilities)
deployments = st.tuples(
    st.sampled_from(DEPLOYABLE), st.sampled_from(("full", "full", "canary", "shadow", "rollback", "end"))
).map(
    lambda one: Deployed(system=SYSTEM, model="m", version=one[0][0], digest=one[0][1], mode=one[1], share=1)
)
ways = st.builds(
    Way,
    tool=st.sampled_from(("bank.send", "bank.note")),
    code=st.sampled_from(("direct", "cooperative")),
    effect=st.sampled_from(("write", "irreversible")),
)
coverages = st.builds(
    Coverage,
    by=st.sampled_from(("p-chen", "p-omar", "standwatch")),
    system=st.just(SYSTEM),
    host=st.sampled_from(("gateway", "laptop")),
    envelope=digests,
    ways=st.lists(ways, max_size=3),
    until=st.just(T0 + 90 * HOUR),
    sig=st.sampled_from(("", "", "s")),
)
"""What somebody saw on a host; signed, it stands for all that is known there."""
PEOPLE = ("p-maria", "p-omar", "p-chen")
EVERYBODY = (*PEOPLE, "a", "b", "c")
principals = st.builds(
    Principal,
    name=st.sampled_from(PEOPLE),
    role=st.sampled_from(("human", "human", "human", "agent")),
    keys=st.sampled_from(([], ["k"])),
    revoked=st.booleans(),
)
"""People who are dismissed, lose their keys, or come back; and somebody who turns out to be an agent."""
enrolments = st.sampled_from(PEOPLE).map(
    lambda name: Enrolled(
        by=name, person=name, credential=name, key="", rp_id="", origin="", signer="k", sig=""
    )
)
endings = st.sampled_from(PEOPLE).map(lambda name: PasskeyEnded(person=name, credential=name))
histories = st.lists(
    st.one_of(
        declared,
        evidence,
        holds,
        releases,
        configs,
        exposures,
        deployments,
        principals,
        enrolments,
        endings,
        coverages,
    ),
    max_size=16,
)


def fresh() -> State:
    """Before anything happened: everybody is there, with a key."""
    return State(principals={name: Principal(name=name, role="human", keys=["k"]) for name in EVERYBODY})


def fold(history: list[AnyEntry], stop: int = 99) -> State:
    state = fresh()
    for index, entry in enumerate(history[:stop]):
        state.fold(index, msgspec.structs.replace(entry, at=T0 + index))
    return state


def level(state: State, hours: int) -> int:
    return LEVELS.index(grant(state, SYSTEM, T0 + hours * HOUR).level)


@given(histories, st.integers(0, 70), st.integers(0, 70))
def test_letting_time_pass_never_raises_authority_beyond_what_a_hold_took(
    history: list[AnyEntry], early: int, later: int
) -> None:
    """A hold with an end of its own is the one thing whose passing may raise it; without such, time only lowers."""
    timeless = [msgspec.structs.replace(e, until=0) if isinstance(e, Hold) else e for e in history]
    state = fold(timeless)
    assert level(state, min(early, later)) >= level(state, max(early, later))


@given(histories, st.integers(0, 70), st.data())
def test_removing_favourable_evidence_never_raises_authority(
    history: list[AnyEntry], hours: int, data: st.DataObject
) -> None:
    favourable = [i for i, e in enumerate(history) if isinstance(e, Evidence) and e.outcome == "pass"]
    if not favourable:
        return
    gone = data.draw(st.sampled_from(favourable))
    without: list[AnyEntry] = [*history]
    without[gone] = Config(root="r", development=fold(history, gone).development)
    assert level(fold(without), hours) <= level(fold(history), hours) or _superseded(history, gone)


def _superseded(history: list[AnyEntry], gone: int) -> bool:
    """A later pass that overrode conditions or lapsed: what it had superseded speaks again, within its own time."""
    taken: Any = history[gone]
    about = (taken.envelope, taken.components)
    return any(
        isinstance(e, Evidence)
        and e.outcome == "pass"
        and e.until > taken.until
        and (e.envelope, e.components) == about
        for e in history[:gone]
    ) or any(
        isinstance(e, Evidence) and e.outcome == "pass" and e.until > taken.until for e in history[:gone]
    )


@given(histories, st.integers(0, 70), st.sampled_from(("hold", "reject", "conditions")))
def test_adding_an_adverse_fact_never_raises_authority(
    history: list[AnyEntry], hours: int, kind: str
) -> None:
    state = fold(history)
    before = level(state, hours)
    standing = state.systems.get(SYSTEM)
    fact: AnyEntry = Hold(scope="system:s")
    if kind != "hold" and standing is not None:
        here = standing.entry
        last = grant(state, SYSTEM, T0 + hours * HOUR)
        if kind == "conditions" and any(reason.code == "rejected" for reason in last.reasons):
            return  # conditions after a rejection are the milder statement
        fact = Evidence(
            system=SYSTEM,
            envelope=here.envelope,
            components=running_of(state, SYSTEM, here.components),
            outcome=kind,
            until=T0 + 99 * HOUR,
        )
    state.fold(len(history), msgspec.structs.replace(fact, at=T0 + len(history)))
    assert level(state, hours) <= before


@given(histories, st.integers(0, 70), coverages)
def test_whatever_anybody_says_of_a_host_without_a_signature_never_raises_authority(
    history: list[AnyEntry], hours: int, said: Coverage
) -> None:
    state = fold(history)
    before = level(state, hours)
    state.fold(len(history), msgspec.structs.replace(said, at=T0 + len(history), sig=""))
    assert level(state, hours) <= before


@given(histories, st.integers(0, 70), coverages, ways)
def test_one_more_way_round_never_raises_authority(
    history: list[AnyEntry], hours: int, said: Coverage, way: Way
) -> None:
    """Of a signed statement too: that with one way more leaves no more than that without."""
    levels: list[int] = []
    for known in (said.ways, [*said.ways, way]):
        state = fold(history)
        state.fold(len(history), msgspec.structs.replace(said, at=T0 + len(history), ways=known))
        levels.append(level(state, hours))
    assert levels[1] <= levels[0]


@given(histories, st.integers(0, 70), st.sampled_from(PEOPLE), st.sampled_from(("gone", "keyless", "agent")))
def test_losing_a_person_never_raises_authority(
    history: list[AnyEntry], hours: int, name: str, how: str
) -> None:
    """But for what their own pass had superseded, which speaks again."""
    if any(isinstance(e, Evidence) and e.by == name and e.outcome == "pass" for e in history):
        return
    state = fold(history)
    before = level(state, hours)
    known = state.principals[name]
    lost = {"gone": {"revoked": True}, "keyless": {"keys": []}, "agent": {"role": "agent"}}[how]
    fact = msgspec.structs.replace(known, at=T0 + len(history), **lost)
    state.fold(len(history), fact)
    assert level(state, hours) <= before


@given(histories, st.integers(0, 70))
def test_a_system_whose_people_are_nobody_real_is_restricted_at_most(
    history: list[AnyEntry], hours: int
) -> None:
    state = fold(history)
    standing = state.systems.get(SYSTEM)
    if standing is None:
        return
    for role in (standing.entry.owner, standing.entry.halt, standing.entry.validators):
        gone = fold(history)
        for name in role:
            gone.principals.pop(name, None)
        assert level(gone, hours) <= LEVELS.index("restricted")


@given(histories, st.integers(0, 70), people, people, reversibilities)
def test_more_exposure_never_raises_authority(
    history: list[AnyEntry], hours: int, one: int, other: int, reversibility: str
) -> None:
    """Nor the first count where nobody had been counted, and a decision is never freer."""
    found: list[tuple[int, int]] = []
    for entry in (
        None,
        Exposure(system=SYSTEM, people=min(one, other), reversibility=reversibility),
        Exposure(system=SYSTEM, people=max(one, other), reversibility=reversibility),
    ):
        state = fold([e for e in history if not isinstance(e, Exposure)])
        if entry is not None:
            state.fold(len(history), msgspec.structs.replace(entry, at=T0 + len(history)))
        given = grant(state, SYSTEM, T0 + hours * HOUR).level
        freedom = ("fallback", "marked", "envelope").index(decision_permission(given, tier(state, SYSTEM)))
        found.append((LEVELS.index(given), freedom))
    assert found[0] >= found[1] >= found[2]
    assert found[0][1] >= found[1][1] >= found[2][1]


@given(histories, st.integers(0, 70))
def test_rules_of_another_time_give_the_grants_of_their_time(history: list[AnyEntry], hours: int) -> None:
    """Rules 1 knew no exposure: what was counted since changes nothing that they gave. Unknown rules give nothing."""
    now = T0 + hours * HOUR
    after = fold(history)
    after.exposure = {SYSTEM: ((99, Exposure(system=SYSTEM, people=10_000_000)),)}
    expected = [grant(state, SYSTEM, now, rules="1") for state in (fold(history), after)]
    assert msgspec.json.encode(expected[0]) == msgspec.json.encode(expected[1])
    assert expected[0].rules == "1"
    assert grant(after, SYSTEM, now, rules="0").level == "halted"


@given(histories, st.integers(0, 70))
def test_an_undeclared_system_and_a_stopped_fold_are_lowest(history: list[AnyEntry], hours: int) -> None:
    state = fold(history)
    assert grant(state, "nobody", T0).level == "halted"
    state.stopped = "entry 7 is of an unknown kind"
    assert level(state, hours) == 0


@given(histories, digests, components, st.integers(0, 70))
def test_a_wider_change_loses_the_evidence_and_a_rollback_restores_the_targets_own(
    history: list[AnyEntry], envelope: str, component: str, hours: int
) -> None:
    base: Any = Declared(
        system=SYSTEM,
        envelope="e9",
        components="c9",
        owner=["a"],
        halt=["b"],
        validators=["c"],
        change="wider",
    )
    valid = Evidence(
        by="c", system=SYSTEM, envelope="e9", components="c9", outcome="pass", until=T0 + 99 * HOUR
    )
    changed = msgspec.structs.replace(base, envelope=envelope, components=component)
    clean = [e for e in history if isinstance(e, Config)]
    assert level(fold([*clean, base, valid]), hours) == 3
    assert level(fold([*clean, base, valid, changed]), hours) < 3
    narrowed = msgspec.structs.replace(changed, change="narrower")
    assert level(fold([*clean, base, valid, narrowed]), hours) == 3
    assert level(fold([*clean, base, valid, changed, base]), hours) == 3


@given(histories, st.sampled_from(DEPLOYABLE), st.integers(0, 70))
def test_a_version_that_nobody_validated_is_supervised_at_most(
    history: list[AnyEntry], version: tuple[str, str], hours: int
) -> None:
    fresh = Deployed(system=SYSTEM, model="m", version="9", digest=version[1])
    base: list[AnyEntry] = [e for e in history if not isinstance(e, Evidence) or e.components not in RUNNING]
    assert level(fold([*history, fresh]), hours) <= LEVELS.index("supervised")
    named = Deployed(system=SYSTEM, model="m", version=version[0], digest=version[1])
    assert level(fold([*base, named]), hours) <= LEVELS.index("supervised")


@given(histories, st.sampled_from(DEPLOYABLE), st.sampled_from(DEPLOYABLE), st.integers(0, 70))
def test_a_deployment_loses_the_evidence_and_a_rollback_restores_the_targets_own(
    history: list[AnyEntry], first: tuple[str, str], second: tuple[str, str], hours: int
) -> None:
    clean = [e for e in history if isinstance(e, Config | Deployed)]
    declared: Any = Declared(
        system=SYSTEM,
        envelope="e9",
        components="c9",
        owner=["a"],
        halt=["b"],
        validators=["c"],
        change="wider",
    )
    there = Deployed(system=SYSTEM, model="m", version=first[0], digest=first[1])
    valid = Evidence(
        by="c",
        system=SYSTEM,
        envelope="e9",
        components=running("c9", {"m": first}),
        outcome="pass",
        until=T0 + 99 * HOUR,
    )
    base = [*clean, declared, there, valid]
    assert level(fold(base), hours) == 3
    for mode in ("canary", "shadow", "end"):
        beside = Deployed(system=SYSTEM, model="m", version="9", digest="d" * 64, mode=mode, share=500)
        assert level(fold([*base, beside]), hours) == 3, "who is in front did not change"
    other = Deployed(system=SYSTEM, model="m", version=second[0], digest=second[1])
    back = Deployed(system=SYSTEM, model="m", version=first[0], digest=first[1], mode="rollback")
    assert (level(fold([*base, other]), hours) == 3) == (first == second)
    assert level(fold([*base, other, back]), hours) == 3
    beside_it = Deployed(system=SYSTEM, model="n", version="1")
    assert level(fold([*base, beside_it]), hours) < 3, "evidence is about everything that runs"


@given(histories, st.integers(0, 16), st.integers(0, 70))
@settings(max_examples=200)
def test_a_past_grant_is_recomputed_bit_for_bit(history: list[AnyEntry], stop: int, hours: int) -> None:
    """From the leaves, and from a snapshot with the leaves after it."""
    now = T0 + hours * HOUR
    whole = fold(history)
    again, snap = fresh(), fresh()
    for index, entry in enumerate(history):
        leaf = decode(encode(entry, T0 + index))
        again.fold(index, leaf)
        if index == stop:
            snap = load(save(snap))
        snap.fold(index, leaf)
    expected = msgspec.json.encode(grant(whole, SYSTEM, now))
    assert msgspec.json.encode(grant(again, SYSTEM, now)) == expected
    assert msgspec.json.encode(grant(snap, SYSTEM, now)) == expected


def test_the_table_of_what_a_grant_permits() -> None:
    acts = ("read", "write", "irreversible", "generation")
    table = {name: [permits(name, act) for act in acts] for name in LEVELS}  # type: ignore[arg-type]
    assert table == {
        "autonomous": ["envelope", "envelope", "envelope", "envelope"],
        "supervised": ["envelope", "asks", "asks", "envelope"],
        "restricted": ["envelope", "no", "no", "envelope"],
        "halted": ["no", "no", "no", "no"],
    }


def test_the_table_of_who_answers_a_decision() -> None:
    table = {name: [decision_permission(name, tier) for tier in (1, 2, 3)] for name in LEVELS}
    assert table == {
        "autonomous": ["envelope", "envelope", "envelope"],
        "supervised": ["marked", "marked", "fallback"],
        "restricted": ["fallback", "fallback", "fallback"],
        "halted": ["fallback", "fallback", "fallback"],
    }


def test_conditions_stay_when_their_author_is_dismissed() -> None:
    said: Any = {
        "system": SYSTEM,
        "owner": ["a"],
        "halt": ["b"],
        "validators": ["c", "p-chen"],
        "components": "c1",
    }
    history: list[AnyEntry] = [
        Declared(envelope="e1", change="first", **said),
        Evidence(by="c", system=SYSTEM, envelope="e1", components="c1", outcome="pass", until=T0 + 99 * HOUR),
        Declared(envelope="e2", change="narrower", **said),
        Evidence(
            by="p-chen",
            system=SYSTEM,
            envelope="e2",
            components="c1",
            outcome="conditions",
            until=T0 + 99 * HOUR,
        ),
    ]
    assert level(fold(history), 1) == LEVELS.index("supervised")
    gone = Principal(name="p-chen", role="human", revoked=True)
    assert level(fold([*history, gone]), 1) == LEVELS.index("supervised")
    again = Evidence(
        by="c", system=SYSTEM, envelope="e2", components="c1", outcome="pass", until=T0 + 99 * HOUR
    )
    assert level(fold([*history, gone, again]), 1) == LEVELS.index("autonomous")
