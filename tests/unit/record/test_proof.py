"""One file proves one action or decision; whoever changes a byte of it is found out."""

import random
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Intent
from standwatch.facts.errors import Conflict, Malformed, NotFound
from standwatch.facts.parts import action_digest
from standwatch.record.leaf import decode as leaf_of
from standwatch.record.note import NoteKey
from standwatch.record.proof import ProofFile, decode, encode, prove
from standwatch.record.proved import Checked, check
from standwatch.record.source import Sealed
from support.logs import CHEN, KEY, MALLORY, MINUTE, OLGA, ORIGIN, Log, bank, sealed
from support.proving import Panel


def ident_at(log: Log, index: int) -> str:
    entry: Any = leaf_of(log.all[index])
    return str(entry.id)


def bad(checked: Checked) -> list[str]:
    return [step.name for step in checked.steps if not step.ok]


@pytest.fixture(scope="module")
def log() -> Log:
    return bank(40)


@pytest.fixture(scope="module")
def file(log: Log) -> bytes:
    return encode(prove(log, ident_at(log, 12), KEY.vkey))


def test_an_approved_action_is_proved_whole(file: bytes) -> None:
    checked = check(file, KEY.vkey)
    assert (checked.status, bad(checked)) == ("verified", [])
    assert [each.index for each in checked.entries] == [5, 6, 7, 8, 12, 13, 14, 15]
    assert {name for each in checked.entries for name in each.parts} == {
        "action", "findings", "reason", "result", "task",
    }  # fmt: skip
    names = [step.name for step in checked.steps]
    assert "answer of entry 13" in names
    assert "approval of entry 14" in names
    assert (checked.origin, checked.about) == (ORIGIN, decode(file).about)
    assert "manifest" in next(each for each in checked.entries if each.index == 6).closed


def test_every_action_of_a_log_is_proved(log: Log) -> None:
    for index in range(9, len(log.all)):
        entry: Any = leaf_of(log.all[index])
        if hasattr(entry, "id"):
            assert bad(check(encode(prove(log, entry.id, KEY.vkey)))) == []


def test_no_changed_byte_is_taken(file: bytes) -> None:
    """Every byte of the file, each changed in one seeded way."""
    chance = random.Random(4)
    taken = []
    for place in range(len(file)):
        changed = bytearray(file)
        changed[place] ^= 1 << chance.randrange(7)
        if check(bytes(changed), KEY.vkey).status == "verified":
            taken.append((place, file[max(0, place - 30) : place + 10]))
    assert taken == []


def test_without_a_key_of_the_readers_the_files_own_is_taken_and_said_to_be(file: bytes) -> None:
    (step,) = [step for step in check(file).steps if step.name == "checkpoint"]
    assert "compare it with one you trust" in step.text
    other = NoteKey(ORIGIN, MALLORY.raw).vkey
    assert bad(check(file, other)) == ["checkpoint"]
    with pytest.raises(Malformed):
        check(file, "no key")


def test_what_is_left_out_is_noticed_or_said(file: bytes) -> None:
    whole = decode(file)
    closed = msgspec.structs.replace(
        whole, entries=tuple(msgspec.structs.replace(one, parts=()) for one in whole.entries)
    )
    checked = check(encode(closed), KEY.vkey)
    assert checked.status == "verified"
    assert {name for each in checked.entries for name in each.closed} >= {"action", "findings", "result"}
    without = [one for one in whole.entries if '"act.answered.1"' not in one.leaf]
    assert "approval of entry 14" in bad(check(encode(replaced(whole, without)), KEY.vkey))
    without = [one for one in whole.entries if '"act.asked.1"' not in one.leaf]
    assert "answer of entry 13" in bad(check(encode(replaced(whole, without)), KEY.vkey))
    assert bad(check(encode(replaced(whole, list(whole.entries)[::-1])), KEY.vkey)) == ["file"]


def test_a_proof_of_one_thing_is_none_of_another(log: Log, file: bytes) -> None:
    other = msgspec.structs.replace(decode(file), about=ident_at(log, 9))
    assert bad(check(encode(other), KEY.vkey)) == ["about"]
    for about in ("12/0", "5/0", "/", "12/", "x"):
        assert bad(check(encode(msgspec.structs.replace(decode(file), about=about)), KEY.vkey)) == ["about"]


def test_parts_of_two_actions_are_not_exchanged(log: Log, file: bytes) -> None:
    theirs = decode(encode(prove(log, ident_at(log, 9), KEY.vkey)))
    stolen = next(one for one in theirs.entries if one.parts and '"act.intent.1"' in one.leaf)
    whole = decode(file)
    mixed = [
        msgspec.structs.replace(one, parts=stolen.parts) if '"act.intent.1"' in one.leaf else one
        for one in whole.entries
    ]
    assert "action of entry 14" in bad(check(encode(replaced(whole, mixed)), KEY.vkey))


def test_a_part_that_is_not_what_the_entry_commits_to_does_not_come_along(log: Log) -> None:
    forged = bank(2)
    (part,) = forged.parts[14, "action"].parts
    forged.parts[14, "action"] = Sealed((msgspec.structs.replace(part, data=part.data + b" "),))
    found = prove(forged, ident_at(forged, 12), KEY.vkey)
    entry = next(one for one in found.entries if '"act.intent.1"' in one.leaf)
    assert [one.name for one in entry.parts] == ["findings"]


def test_what_is_not_signed_yet_is_not_proved_yet(log: Log) -> None:
    young = bank(1)
    young.sign(14)
    with pytest.raises(Conflict, match="not under a signed checkpoint yet"):
        prove(young, ident_at(young, 12), KEY.vkey)
    with pytest.raises(NotFound):
        prove(young, "nobody", KEY.vkey)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format":"standwatch/proof/2"}', b"[" * 9_999]
)
def test_anything_else_is_no_proof(data: bytes) -> None:
    assert bad(check(data)) == ["file"]


@pytest.mark.parametrize("what", ["approved", "endorsed", "decoy"])
@pytest.mark.parametrize("algorithms", [("ES256", "EdDSA"), ("RS256", "ES256")])
def test_what_people_said_is_proved(what: str, algorithms: tuple[str, str]) -> None:
    panel = Panel(*algorithms)
    ident = getattr(panel, what)()
    checked = check(encode(prove(panel.log, ident, KEY.vkey)), KEY.vkey)
    assert bad(checked) == []
    text = "\n".join(f"{step.name}: {step.text}" for step in checked.steps)
    for wanted in SAID[what]:
        assert wanted in text


SAID = {
    "approved": (
        "approve by p-chen",
        "a real question",
        "2 of 2 people wanted",
        "with a passkey that p-maria vouched for",
    ),
    "endorsed": ("recipient vouched for by p-olga, for this run", "the configuration says"),
    "decoy": ("refuse by p-olga", "a decoy: nothing was to be carried out"),
}


def test_what_people_did_not_say_is_not_proved() -> None:
    """As whoever holds the log's key could write it: every entry is in the log, and the signatures are others'."""
    panel = Panel()
    ident = panel.log.ident()
    of, flag = panel.asked(ident)
    panel.answer(ident, of, "f" * 64, OLGA)  # of another flag
    fewer = panel.answer(ident, of, flag, CHEN)
    panel.unmasked(ident, of, decoy=True)
    panel.endorse(ident, of, "f" * 64, CHEN)
    members, parts = panel.log.judged(ident, 700)
    panel.log.append(Intent(**members, signed=of), *parts, force=True)
    late = panel.log.now + 11 * MINUTE
    panel.log.append(Intent(**members, signed=fewer), *parts, force=True, at=late)
    panel.log.sign()
    names = [f"answer of entry {of + 1}", f"flag of entry {of}", f"endorsement of entry {of + 4}"]
    names += [f"approval of entry {of + 5}", f"approval of entry {of + 6}"]
    assert sorted(bad(check(encode(prove(panel.log, ident, KEY.vkey))))) == sorted(names)


def test_another_value_than_was_asked_about_is_not_vouched_for() -> None:
    panel = Panel()
    ident = panel.endorsed()
    of = panel.log.of_action(ident)[0]
    other = panel.log.judged(ident, 700)[1][0]
    changed = sealed("action", other.data.replace(b"DE02", b"DE03"))
    panel.log.parts[of, "action"] = Sealed((changed,))
    panel.log.replace(of, digest=action_digest(changed.data))
    panel.log.sign()
    found = bad(check(encode(prove(panel.log, ident, KEY.vkey))))
    assert found == [f"endorsement of entry {of + 1}", f"endorsement of entry {of + 2}"]


def test_one_spelling(file: bytes) -> None:
    for changed in (
        file + b"\n",
        b" " + file,
        file.replace(b":", b": ", 1),
        file.replace(b"standwatch", b"standw\\u0061tch", 1),
    ):
        assert bad(check(changed)) == ["file"]


def replaced(whole: ProofFile, entries: list[Any]) -> ProofFile:
    return msgspec.structs.replace(whole, entries=tuple(entries))
