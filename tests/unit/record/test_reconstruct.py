"""`explain` says everything the record holds about one action, and says what it does not."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Hold, Principal
from standwatch.facts.errors import NotFound
from standwatch.facts.parts import PartName, commitment
from standwatch.record.explanation import Explanation, Told
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.note import NoteKey
from standwatch.record.reconstruct import explain
from standwatch.record.render import duration, instant, render
from standwatch.record.source import Sealed
from standwatch.record.tree import verify_inclusion
from support.logs import CHEN, KEY, LOG, MALLORY, MINUTE, OLGA, ORIGIN, START, TOOL, Log, bank, sealed


def ident_at(log: Log, index: int) -> str:
    entry: Any = decode(log.all[index])
    return str(entry.id)


def told(log: Log, index: int, **options: Any) -> Explanation:
    return explain(Exported(log.files(**options).get), ident_at(log, index), KEY.vkey)


@pytest.fixture(scope="module")
def log() -> Log:
    return bank(5)


def test_an_approved_action_is_told_whole(log: Log) -> None:
    said = told(log, 12)
    assert said.problems == ()
    assert (said.standing, said.verdict, said.disposition) == ("done", "step_up", "allow")
    assert (said.by, said.role, said.seam) == ("agent-1", "agent", "proxy")
    assert (said.system, said.tool, said.effect) == ("pay", TOOL, "irreversible")
    assert (said.run.id, said.run.opened, said.run.by) == ("r1", 8, "service-1")
    assert said.run.task == Told("present", "pay the June invoices")
    assert said.run.on_behalf_of == Told("present", "user-7")
    assert (said.rules.config, said.rules.declared, said.rules.envelope) == (6, 5, "e1")
    assert said.rules.manifest == Told("present", '{"system":"pay","purpose":"e1"}')
    assert said.rules.policies == {"night.cedar": sha256(b"forbid(principal, action, resource);").hexdigest()}
    assert [finding.check for finding in said.findings] == ["limits", "grant"]
    assert said.authority.level == "autonomous"
    (statement,) = said.authority.evidence
    assert (statement.by, statement.used, statement.live, statement.signed) == (CHEN.name, True, True, True)
    assert said.asked is not None
    assert said.asked.of == (OLGA.name,)
    assert (said.asked.by, said.asked.decision, said.asked.signed) == (OLGA.name, "approve", True)
    assert said.asked.reason == Told("present", "invoice seen")
    assert msgspec.json.decode(said.sent.action.text)["arguments"] == {"amount": 700, "recipient": "DE02"}
    assert (said.back.status, said.back.result.fate) == ("ok", "present")
    steps = {step.name: step.micros for step in said.steps}
    assert steps["upstream"] == 1800
    assert steps["waiting for a person"] == 1000


def test_its_proof_can_be_walked_by_anybody(log: Log) -> None:
    said = told(log, 12)
    assert [proof.index for proof in said.proofs] == [12, 13, 14, 15]
    assert said.head is not None
    assert said.head.trusted
    for proof in said.proofs:
        path = [bytes.fromhex(each) for each in proof.path]
        root = bytes.fromhex(said.head.root)
        verify_inclusion(bytes.fromhex(proof.leaf), proof.index, said.head.size, path, root)
        assert proof.proved


def test_it_is_the_same_from_memory_from_files_and_from_a_range() -> None:
    log = bank(300)
    for index in (12, 600):
        assert explain(log, ident_at(log, index), KEY.vkey) == told(log, index)
    assert told(log, 600, start=512).findings == told(log, 600).findings
    assert told(log, 600, start=512).run == told(log, 600).run


def test_it_is_json(log: Log) -> None:
    said = told(log, 12)
    assert msgspec.json.decode(msgspec.json.encode(said), type=Explanation) == said


@pytest.mark.parametrize(
    ("index", "standing", "sentence"),
    [
        (9, "done", "It was released, and its outcome is in the record."),
        (11, "denied", "It was denied"),
        (16, "refused", "A person refused it"),
        (-3, "under_way", "what became of it is unknown"),
    ],
)
def test_every_standing_is_told(log: Log, index: int, standing: str, sentence: str) -> None:
    said = told(log, index % log.size)
    assert said.standing == standing
    assert sentence in render(said)
    assert said.problems == ()


def test_a_question_waits_and_then_expires() -> None:
    log = bank(0)
    index = log.asked(log.ident())
    log.sign()
    assert told(log, index).standing == "pending"
    assert "none in the record" in render(told(log, index))
    answer = log.answered(ident_at(log, index), index)
    log.sign()
    assert told(log, answer).standing == "approved"
    log.now += 11 * MINUTE
    log.denied()
    log.sign()
    assert told(log, index).standing == "expired"


def test_a_refusal_says_which_hold_was_in_force(log: Log) -> None:
    said = told(log, 19)
    assert [(hold.index, hold.scope, hold.by) for hold in said.holds] == [(18, "system:pay", OLGA.name)]
    assert "held          entry 18 on system:pay by p-olga" in render(said)
    assert said.code == "limit"


def test_it_is_judged_in_the_state_of_its_own_time(log: Log) -> None:
    early, late = told(log, 9), told(log, log.size - 3)
    assert (early.rules.envelope, late.rules.envelope) == ("e1", "e2")
    assert [each.live for each in late.authority.evidence] == [False, True]


def test_a_key_taken_away_later_had_signed_all_the_same() -> None:
    log = bank(1)
    log.append(Principal(by="log", name=CHEN.name, role="human", revoked=True))
    index, _ = log.allowed()
    log.sign()
    assert all(each.signed for each in told(log, index).authority.evidence)


def test_what_is_erased_or_not_here_says_so() -> None:
    log = bank(1)
    log.parts[9, "action"] = Sealed(erased=True)
    log.parts[8, "task"] = Sealed(erased=True)
    said = told(log, 9)
    assert (said.sent.action, said.run.task, said.run.on_behalf_of) == (Told("erased"),) * 3
    assert said.problems == ()
    assert render(said).count("erased: its key was destroyed") == 3
    bare = told(log, 9, parts=frozenset[PartName]())
    assert (bare.found, bare.findings, bare.back.result) == ("absent", (), Told("absent"))
    assert "not in this record: only the commitment is" in render(bare)
    assert bare.back.status == "ok"


def test_other_bytes_than_were_committed_to_are_not_told() -> None:
    log = bank(1)
    for index, name in ((9, "findings"), (10, "result"), (9, "action"), (8, "task")):
        log.parts[index, name] = Sealed((sealed(name, b'{"forged":true}'),))  # type: ignore[arg-type]
    said = told(log, 9)
    assert len(said.problems) == 4
    assert "forged" not in render(said)
    assert render(said).count("NOT WHAT THE ENTRY COMMITS TO") == 5


def test_a_forged_answer_is_told_as_one() -> None:
    log = bank(0)
    ident = log.ident()
    index = log.asked(ident)
    log.answered(ident, index, MALLORY, by=OLGA.name)
    log.sign()
    said = told(log, index)
    assert said.asked is not None
    assert not said.asked.signed
    assert "DOES NOT VERIFY" in render(said)


def test_the_checkpoint_is_told_as_far_as_it_can_be_trusted(log: Log) -> None:
    read, ident = Exported(log.files().get), ident_at(log, 9)
    unknown = explain(read, ident)
    assert unknown.head is not None
    assert not unknown.head.trusted
    assert "bring the log's key" in render(unknown)
    forged = explain(read, ident, NoteKey(ORIGIN, MALLORY.raw).vkey)
    assert forged.head is None
    assert not any(proof.proved for proof in forged.proofs)
    assert "cannot be trusted" in forged.problems[0]
    assert NoteKey(ORIGIN, LOG.raw).vkey == KEY.vkey


def test_an_action_beyond_the_checkpoint_is_told_unproved() -> None:
    log = bank(1)
    index, _ = log.allowed()
    said = explain(log, ident_at(log, index), KEY.vkey)
    assert [proof.proved for proof in said.proofs] == [False, False]
    assert "not under a checkpoint yet" in render(said)
    log.note = b""
    assert explain(log, ident_at(log, index), KEY.vkey).head is None


def test_a_changed_leaf_is_not_proved() -> None:
    log = bank(1)
    files = log.files()
    (path,) = (name for name in files if name.startswith("tile/entries/"))
    ident = ident_at(log, 9)
    files[path] = files[path].replace(b'"took":{"judge":210', b'"took":{"judge":999', 1)
    said = explain(Exported(files.get), ident, KEY.vkey)
    assert [proof.proved for proof in said.proofs] == [True, False]
    assert "not proved" in said.problems[0]


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    log = bank(0)
    hostile = "\x1b[2J\x1b]0;owned\x07 \u202e gnp.exe\r"
    task = sealed("task", msgspec.json.encode({"task": hostile, "on_behalf_of": "a\nb"}))
    log.parts[8, "task"] = Sealed((task,))
    log.replace(8, why=commitment(task.salt, task.data))
    log.sign()
    text = render(told(log, 9))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\r" not in text
    assert "\\x1b[2J" in text


def test_what_never_was_is_told_as_none() -> None:
    log = bank(0)
    log.replace(8, why="")
    log.replace(10, result="")
    log.sign()
    said = told(log, 9)
    assert (said.run.task, said.run.on_behalf_of, said.back.result) == (Told("none"),) * 3
    assert "on behalf of  none" in render(said)


def test_nobody_of_that_name() -> None:
    log = bank(0)
    for ident in ("", "nothing", "r1", '"', "é" * 1000):
        with pytest.raises(NotFound):
            explain(Exported(log.files().get), ident, KEY.vkey)


def test_times_are_utc_with_their_offset() -> None:
    assert instant(START) == "2026-11-18 11:06:40.000000+00:00"
    assert instant(0) == "never"
    assert instant(2**53 - 1) == "2255-06-05 23:47:34.740991+00:00"
    assert instant(2**62).endswith("after 1970")
    assert [duration(n) for n in (7, 1500, 2_500_000, 600_000_000)] == ["7 µs", "1.5 ms", "2.5 s", "10.0 min"]


def test_holds_elsewhere_are_not_told() -> None:
    log = bank(0)
    log.append(Hold(by=OLGA.name, scope="system:other"))
    index = log.denied()
    log.sign()
    assert told(log, index).holds == ()


def test_what_was_released_and_could_not_be_handed_on_was_not_sent(log: Log) -> None:
    said = told(log, 9)
    back = msgspec.structs.replace(said.back, status="not_sent")
    sent = msgspec.structs.replace(said.sent, spend={"tokens": 1_170, "money": 20_000})
    text = render(msgspec.structs.replace(said, back=back, sent=sent))
    assert "could not be handed on: nothing was sent." in text
    assert "\nSent: digest" not in text
    assert "reserved      tokens 1170\n  reserved      money 0.02\n" in text
