"""Watches and signatures in the record: what the sequencer refuses, and what a verifier finds in a forged log."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.entries import (
    AnyEntry,
    Asked,
    Config,
    Evidence,
    Hold,
    Principal,
    Relaxed,
    Released,
    Revalidated,
    Watch,
)
from standwatch.facts.frames import Append
from standwatch.facts.parts import config_bytes
from standwatch.record import vigilance, watches
from standwatch.record.assertion import challenge_of, parse_assertion, spell_assertion
from standwatch.record.deferrals import Deferral
from standwatch.record.relaxed import message as relaxation_message
from standwatch.record.replay import evidence_message
from standwatch.record.signed import signatures, verifies
from standwatch.record.state import State, load, save
from standwatch.record.verify import verify
from standwatch.record.watches import digest, holder, keeping, matters
from support.logs import CHEN, KEY, MALLORY, MARIA, MINUTE, OLGA, ORIGIN, Log, Person
from support.notifying import deferred
from support.passkeys import Authenticator, enrolled

HOUR = 60 * MINUTE
PEOPLE = {one.name: one for one in (CHEN, MALLORY, MARIA, OLGA)}


def codes(log: Log) -> set[str]:
    log.sign()
    return {problem.code for problem in verify(log, KEY.vkey).problems}


def taking(log: Log, who: Person, former: Person | None = None, /, **changes: Any) -> Watch:
    """`who` takes the watch over what is open now; signed by them, and by `former`."""
    state, now = log.sequencer.state, log.now + 1000
    found = matters(state, ["*"], now)
    members: dict[str, Any] = {
        "by": who.name,
        "watch": "night",
        "step": "handed_over" if former else "taken",
        "person": who.name,
        "giver": former.name if former else "",
        "systems": ["*"],
        "until": now + 8 * HOUR,
        "follows": watches.last(state, "night"),
        "shown": digest(found),
        "relaxations": [one.index for one in found if one.kind == "relaxation"],
    }
    entry = Watch(**(members | changes))
    signers = [who, former] if former else [who]
    signatures = {one.name: one.sign(watches.message(entry, one.name, ORIGIN)) for one in signers}
    return msgspec.structs.replace(entry, signatures=changes.get("signatures", signatures))


def begun() -> Log:
    log = Log()
    log.open()
    log.append(Hold(by="p-olga", scope="system:pay"))
    log.asked(log.ident())
    return log


def refused(log: Log, entry: AnyEntry) -> str:
    refusal = log.sequencer.admit(Append(1, entry), log.now + 1000)
    return "" if refusal is None else refusal.code


def test_taken_handed_over_and_ended() -> None:
    log = begun()
    log.append(taking(log, OLGA))
    assert keeping(log.sequencer.state, "pay", log.now) == ("p-olga",)
    assert holder(log.sequencer.state, "night", log.now + 8 * HOUR) is None
    log.append(taking(log, CHEN, OLGA))
    assert keeping(log.sequencer.state, "pay", log.now) == ("p-chen",)
    log.append(
        Watch(by="p-chen", watch="night", step="ended", follows=watches.last(log.sequencer.state, "night"))
    )
    assert keeping(log.sequencer.state, "pay", log.now) == ()
    assert refused(
        log,
        Watch(by="p-chen", watch="night", step="ended", follows=watches.last(log.sequencer.state, "night")),
    )
    assert codes(log) == set()


WRONG: dict[str, dict[str, Any]] = {
    "another list": {"shown": "0" * 64},
    "an old entry": {"follows": 3},
    "relaxations that are not open": {"relaxations": [2]},
    "no end": {"until": 0},
    "an end too far": {"until": 9_000_000_000_000_000},
    "nobody": {"person": "p-nobody"},
    "an agent": {"person": "agent-1"},
    "a giver who does not have it": {"giver": "p-maria", "step": "handed_over"},
    "a giver in a taking": {"giver": "p-olga", "step": "taken"},
    "a hand-over by nobody": {"step": "handed_over"},
    "another step": {"step": "stolen"},
    "no name": {"watch": ""},
    "no signature": {"signatures": {}},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_sequencer_refuses_a_verifier_finds(name: str) -> None:
    log = begun()
    log.append(taking(log, OLGA))
    entry = taking(log, CHEN, **WRONG[name])
    assert refused(log, entry) in ("invalid", "duplicate")
    log.append(entry, force=True)
    assert codes(log) & {"invalid", "duplicate"}


def test_a_list_that_changed_in_between_is_refused() -> None:
    log = begun()
    changes: list[AnyEntry] = [Hold(by="p-olga", scope="tool:bank.send"), Released(by="p-olga", hold=6)]
    entry = taking(log, OLGA)
    assert refused(log, entry) == ""
    for change in changes:
        if isinstance(change, Released):
            change = msgspec.structs.replace(change, hold=min(log.sequencer.state.holds))
        before = taking(log, OLGA)
        log.append(change)
        assert refused(log, before) == "invalid"
    assert refused(log, taking(log, OLGA)) == ""


def test_a_question_that_was_answered_or_ended_meanwhile_changes_the_list() -> None:
    log = begun()
    early = matters(log.sequencer.state, ["*"], log.now)
    assert [one.kind for one in early] == ["hold", "approval"]
    late = matters(log.sequencer.state, ["*"], log.now + 16 * MINUTE)
    assert [one.kind for one in late] == ["hold"]
    assert matters(log.sequencer.state, ["other"], log.now) == ()
    assert digest(early) != digest(late)


def test_what_was_put_off_is_on_the_list_until_it_is_over_or_dropped() -> None:
    log = begun()
    state = log.sequencer.state
    one = deferred(until=log.now + MINUTE)
    state.deferred = {"Q1": Deferral(77, one)}
    found = matters(state, ["*"], log.now)
    assert [(x.kind, x.index, x.what) for x in found][-1] == ("deferral", 77, "pay bank.send")
    assert len(matters(state, ["*"], log.now + MINUTE)) == len(found) - 1
    state.deferred = {"Q1": Deferral(77, one, dropped=True)}
    assert len(matters(state, ["*"], log.now)) == len(found) - 1


@pytest.mark.parametrize("who", ["taker", "giver"])
def test_a_signature_of_somebody_else_is_found(who: str) -> None:
    log = begun()
    log.append(taking(log, OLGA))
    good = taking(log, CHEN, OLGA)
    name = "p-chen" if who == "taker" else "p-olga"
    forged = MALLORY.sign(watches.message(good, name, ORIGIN))
    log.append(msgspec.structs.replace(good, signatures={**good.signatures, name: forged}))
    assert codes(log) == {"watch_signature"}


# ------------------------------------------------------------------------------------------- by passkey, offline


def phone(log: Log, person: Person, **told: Any) -> Authenticator:
    made = Authenticator(f"phone of {person.name}", **told)
    follows = log.sequencer.state.enrolments.get(person.name, -1)
    log.append(enrolled(made, person.name, person, ORIGIN, follows=follows))
    return made


def by(made: Authenticator, message: bytes) -> str:
    return spell_assertion(made.get(challenge_of(message)))


def stated(log: Log, made: Authenticator) -> Evidence:
    entry = Evidence(
        by="p-chen",
        system="pay",
        envelope="e1",
        components="c1",
        outcome="pass",
        until=log.now + 90 * 24 * HOUR,
        follows=log.sequencer.state.last_statement("pay"),
        key=made.key,
    )
    return msgspec.structs.replace(entry, sig=by(made, evidence_message(entry, ORIGIN)))


def relaxed(log: Log, made: Authenticator) -> Relaxed:
    entry = Relaxed(
        by="p-chen",
        system="pay",
        check="provenance",
        scope="system:pay",
        compensating="step_up",
        envelope="e1",
        until=log.now + HOUR,
        follows=log.sequencer.state.last_relaxed.get("pay", -1),
    )
    sig = by(made, relaxation_message(entry, "p-chen", ORIGIN))
    return msgspec.structs.replace(entry, signatures={"p-chen": sig})


def watched(log: Log, made: Authenticator) -> Watch:
    entry = taking(log, CHEN)
    return msgspec.structs.replace(
        entry, signatures={"p-chen": by(made, watches.message(entry, "p-chen", ORIGIN))}
    )


def configured(log: Log, made: Authenticator) -> Config:
    follows = log.sequencer.state.config
    sig = by(made, config_bytes(by="p-chen", follows=follows, org=ORIGIN, root="r2"))
    return Config(by="standwatch", root="r2", follows=follows, signatures={"p-chen": sig})


def signs(entry: Any) -> bytes:
    """What Chen signs for an entry."""
    match entry:
        case Evidence():
            return evidence_message(entry, ORIGIN)
        case Relaxed():
            return relaxation_message(entry, "p-chen", ORIGIN)
        case Watch():
            return watches.message(entry, "p-chen", ORIGIN)
        case _:
            return config_bytes(by="p-chen", follows=entry.follows, org=ORIGIN, root=entry.root)


KINDS = {
    "evidence": (stated, "evidence_signature"),
    "relaxation": (relaxed, "relaxation_signature"),
    "watch": (watched, "watch_signature"),
    "configuration": (configured, "config_signature"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_passkey_s_signature_is_verified_and_counted(kind: str) -> None:
    make, _ = KINDS[kind]
    log = begun()
    made = phone(log, CHEN)
    log.append(make(log, made))
    assert log.sequencer.state.passkeys[made.credential].count == made.count
    again = Authenticator("phone of p-chen")
    again.count = made.count - 1
    assert refused(log, make(log, again)) == "approval", "its counter does not go on"
    assert codes(log) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_that_is_not_the_passkey_s_is_found(kind: str) -> None:
    make, code = KINDS[kind]
    log = begun()
    made = phone(log, CHEN)
    entry: Any = make(log, made)
    sig = entry.sig if isinstance(entry, Evidence) else entry.signatures["p-chen"]
    told = parse_assertion(sig)
    wrong = msgspec.structs.replace(told, client=told.client.replace(b'"crossOrigin": false', b""))
    wrong = msgspec.structs.replace(wrong, signature=told.signature[:-1] + bytes([told.signature[-1] ^ 1]))
    text = spell_assertion(wrong)
    forged = {"sig": text} if isinstance(entry, Evidence) else {"signatures": {"p-chen": text}}
    log.append(msgspec.structs.replace(entry, **forged))
    assert codes(log) == {code}


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_an_assertion_can_be_another(kind: str) -> None:
    """Of the text as it stands in the entry, one character after another; and of what was signed."""
    make, _ = KINDS[kind]
    log = begun()
    made = phone(log, CHEN)
    (whole,) = signatures(make(log, made))
    message = signs(make(log, made))
    good = msgspec.structs.replace(whole, sig=by(made, message))
    passkeys, tried = log.sequencer.state.passkeys, 0
    assert verifies(good, message, passkeys, ())
    for place, letter in enumerate(good.sig):
        other = good.sig[:place] + ("B" if letter == "A" else "A") + good.sig[place + 1 :]
        assert not verifies(msgspec.structs.replace(good, sig=other), message, passkeys, ()), place
        tried += 1
    for place, byte in enumerate(message):
        other_message = message[:place] + bytes([byte ^ 1]) + message[place + 1 :]
        assert not verifies(good, other_message, passkeys, ()), place
        tried += 1
    assert tried > 600


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_counter_or_an_ended_passkey_is_found(kind: str) -> None:
    make, _ = KINDS[kind]
    log = begun()
    made = phone(log, CHEN)
    entry = make(log, made)
    known = log.sequencer.state.principals["p-chen"]
    log.append(msgspec.structs.replace(known, at=0, keys=["ed25519:" + "A" * 43 + "="]))
    assert refused(log, entry) == "approval", "the key that vouched for it is gone"
    log.append(entry, force=True)
    assert "approval" in codes(log)


def test_whoever_was_dismissed_signs_nothing_with_a_key_either() -> None:
    """A statement signed before, that comes to its turn after: the race that only the sequencer sees."""
    log = begun()
    entry = msgspec.structs.replace(stated(log, phone(log, CHEN)), key=CHEN.public)
    entry = msgspec.structs.replace(entry, sig=CHEN.sign(evidence_message(entry, ORIGIN)))
    assert refused(log, entry) == ""
    known = log.sequencer.state.principals["p-chen"]
    log.append(msgspec.structs.replace(known, at=0, revoked=True))
    assert refused(log, entry) == "approval"
    log.append(msgspec.structs.replace(known, at=0))
    assert refused(log, entry) == "", "taken back"


def test_a_right_that_its_validator_did_not_give_back_is_found() -> None:
    entry = Revalidated(by="p-chen", person="p-olga", follows=3, key=CHEN.public, sig="")
    honest, forged = begun(), begun()
    signature = CHEN.sign(vigilance.message(entry, ORIGIN))
    honest.append(msgspec.structs.replace(entry, sig=signature), force=True)
    assert "revalidation_signature" not in codes(honest)
    forged.append(msgspec.structs.replace(entry, sig=signature, follows=4), force=True)
    assert "revalidation_signature" in codes(forged), "what was signed for one loss is good for no other"


def test_somebody_else_s_passkey_does_not_sign_for_them() -> None:
    log = begun()
    made = phone(log, OLGA)
    entry = taking(log, CHEN)
    sig = by(made, watches.message(entry, "p-chen", ORIGIN))
    entry = msgspec.structs.replace(entry, signatures={"p-chen": sig})
    assert refused(log, entry) == "approval"


# ------------------------------------------------------------------------------------------------- any history


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("hold", "release", "ask", "relax", "take", "give", "end", "stale", "dismiss", "back")
        ),
        st.sampled_from(("p-olga", "p-chen", "p-maria")),
        st.integers(0, 5 * HOUR),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_nobody_has_a_watch_that_they_did_not_sign_for_over_what_was_open(
    history: list[tuple[str, str, int]],
) -> None:
    log = begun()
    kept: Watch | None = None
    for step, name, passed in history:
        log.now += passed
        entry = _step(log, step, PEOPLE[name], kept)
        if entry is None or refused(log, entry):
            continue
        before = matters(log.sequencer.state, ["*"], log.now + 1000)
        log.append(entry)
        if isinstance(entry, Watch):
            kept = entry
            if entry.person:
                assert entry.shown == digest(before)
                assert entry.person in entry.signatures
        state = log.sequencer.state
        found = holder(state, "night", log.now)
        if found is not None:
            assert log.now < found.entry.until
            assert not state.principals[found.entry.person].revoked
        assert holder(load(save(state)), "night", log.now) == found
    assert holder(log.sequencer.state, "night", log.now + 15 * 24 * HOUR) is None
    log.sign()
    assert verify(log, KEY.vkey).status == "verified"


def _step(log: Log, step: str, person: Person, kept: Watch | None) -> AnyEntry | None:
    state: State = log.sequencer.state
    match step:
        case "hold":
            return Hold(by=person.name, scope="all", until=log.now + HOUR)
        case "release":
            return Released(by=person.name, hold=max(state.holds, default=0))
        case "ask":
            members, parts = log.judged(log.ident(), 700)
            del parts
            return Asked(**members, until=log.now + HOUR)
        case "relax":
            return _relaxation(log)
        case "take":
            return taking(log, person)
        case "give":
            return taking(log, person, PEOPLE[kept.person] if kept and kept.person else OLGA)
        case "end":
            return Watch(by=person.name, watch="night", step="ended", follows=watches.last(state, "night"))
        case "stale":
            return kept
        case _:
            known = state.principals[person.name]
            return Principal(
                by="standwatch", name=person.name, role="human", keys=known.keys, revoked=step == "dismiss"
            )


def _relaxation(log: Log) -> Relaxed:
    entry = Relaxed(
        by="p-chen",
        system="pay",
        check="provenance",
        scope="system:pay",
        compensating="step_up",
        envelope="e1",
        until=log.now + HOUR,
        follows=log.sequencer.state.last_relaxed.get("pay", -1),
    )
    sig = CHEN.sign(relaxation_message(entry, "p-chen", ORIGIN))
    return msgspec.structs.replace(entry, signatures={"p-chen": sig})
