"""The verifier finds every kind of tampering, gives it the right name, and lets untouched logs pass."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.facts.entries import Answered, Declared, Hold, Intent, Opened, Outcome, Principal
from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.parts import PartName
from standwatch.facts.words import Level
from standwatch.record.checkpoint import Checkpoint, sign_checkpoint
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.source import Sealed
from standwatch.record.state import State
from standwatch.record.verify import MOST_PROBLEMS, Verification, verify
from support.logs import CHEN, KEY, MALLORY, MARIA, MINUTE, OLGA, ORIGIN, Log, Person, bank

Files = dict[str, bytes]


def of_files(files: Files, trusted: Checkpoint | None = None) -> Verification:
    return verify(Exported(files.get), KEY.vkey, trusted)


def codes(found: Verification) -> set[str]:
    return {problem.code for problem in found.problems}


def opened() -> Log:
    log = Log()
    log.open()
    return log


# -------------------------------------------------------------------------------------------- no false alarms


@pytest.mark.parametrize("actions", [0, 100, 113, 114, 300])
def test_an_untouched_log_is_verified_from_memory_and_from_files(actions: int) -> None:
    log = bank(actions)
    for found in (verify(log, KEY.vkey), of_files(log.files())):
        assert found.problems == ()
        assert found.status == "verified"
        assert found.span == (0, log.size)
        assert found.reaches == log.size
        assert (
            sum(count for kind, count in found.counts.items() if kind[:4] in ("act.", "ctl.", "log."))
            == log.size
        )
        assert found.counts["intent.open"] == 1
        assert "part.absent" not in found.counts


def test_every_checkpoint_of_the_past_is_extended() -> None:
    log = bank(150)
    size = len(log.all)
    heads = [log.sign(n) for n in (1, 2, 255, 256, 257, size - 1, size)]
    files = log.files()
    assert [of_files(files, head).status for head in heads] == ["verified"] * len(heads)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 256), (256, 512), (300, 301), (512, 628), (628, 628)])
def test_an_untouched_range_is_verified(start: int, end: int) -> None:
    log = bank()
    found = of_files(log.files(start=start, end=end))
    assert (found.problems, found.status) == ((), "verified")
    assert found.span[0] <= start
    assert end <= found.span[1]


def test_it_reports_progress_by_bundle() -> None:
    seen: list[tuple[int, int]] = []
    verify(bank(), KEY.vkey, progress=lambda done, whole: seen.append((done, whole)))
    assert seen == [(256, 628), (512, 628), (628, 628)]


def test_an_empty_log_is_verified() -> None:
    log = Log()
    log.sign()
    assert of_files(log.files()).status == "verified"


def test_what_it_cannot_say_it_says() -> None:
    log = bank()
    limits = of_files(log.files(start=256, end=512)).limits
    assert limits[0] == "complete up to your last trusted checkpoint; omission at the gateway is not excluded"
    assert any("no checkpoint was kept" in each for each in limits)
    assert any("before the range" in each for each in limits)
    assert any("from 512 on were not shown" in each for each in limits)
    assert not any("no checkpoint was kept" in each for each in of_files(log.files(), log.sign()).limits)


# ----------------------------------------------------------------------------------------------- flipped bytes


def test_no_byte_of_any_leaf_can_change() -> None:
    log = bank(3)
    files = log.files()
    (path,) = (name for name in files if name.startswith("tile/entries/"))
    for place in range(0, len(files[path]), 7):
        changed = bytearray(files[path])
        changed[place] ^= 1
        found = of_files({**files, path: bytes(changed)})
        assert found.status == "rejected", place
        assert found.reaches < log.size


def test_a_changed_leaf_is_named() -> None:
    log = bank()
    files = log.files()
    path = "tile/entries/001"
    at = files[path].index(b"act.outcome.1")
    files[path] = files[path][:at] + b"b" + files[path][at + 1 :]
    found = of_files(files)
    assert found.status == "rejected"
    assert found.reaches == found.problems[0].index >= 256


def test_no_byte_of_any_tile_can_change() -> None:
    log = bank()
    files = log.files()
    tiles = [name for name in files if name.startswith("tile/") and "entries" not in name]
    assert len(tiles) == 4
    for path in tiles:
        for place in range(0, len(files[path]), 97):
            changed = bytearray(files[path])
            changed[place] ^= 0x80
            found = of_files({**files, path: bytes(changed)})
            assert found.status == "rejected", (path, place)
            assert codes(found) & {"tile", "root"}


def test_no_byte_of_the_checkpoint_can_change() -> None:
    log = bank(1)
    files = log.files()
    for place in range(len(files["checkpoint"])):
        changed = bytearray(files["checkpoint"])
        changed[place] ^= 1
        try:
            found = of_files({**files, "checkpoint": bytes(changed)})
        except (Malformed, NotFound):
            continue  # not even an export any more
        assert found.status == "rejected"
        assert codes(found) == {"checkpoint"}
        assert found.size == 0


def test_no_part_can_change() -> None:
    log = bank(2)
    files = log.files()
    lines = files["parts/000.jsonl"].splitlines(keepends=True)
    for number, line in enumerate(lines):
        part = json.loads(line)
        data = bytearray(b64decode(part["data"]))
        data[len(data) // 2] ^= 1
        forged = json.dumps({**part, "data": b64encode(bytes(data)).decode()}).encode() + b"\n"
        found = of_files(
            {**files, "parts/000.jsonl": b"".join([*lines[:number], forged, *lines[number + 1 :]])}
        )
        assert [(each.index, each.code) for each in found.problems] == [(part["index"], "part")]
        assert found.status == "rejected"
        if part["name"] != "action":  # its digest is plain; all others are bound by their salt as well
            salted = json.dumps({**part, "salt": b64encode(bytes(32)).decode()}).encode() + b"\n"
            found = of_files(
                {**files, "parts/000.jsonl": b"".join([*lines[:number], salted, *lines[number + 1 :]])}
            )
            assert codes(found) == {"part"}


def test_parts_that_are_gone_are_counted_and_no_alarm() -> None:
    log = bank(5)
    whole = verify(log, KEY.vkey).counts["part.present"]
    log.parts[9, "findings"] = Sealed(erased=True)
    del log.parts[9, "action"]
    found = of_files(log.files())
    assert found.status == "verified"
    assert (found.counts["part.erased"], found.counts["part.absent"]) == (1, 1)
    assert found.counts["part.present"] == whole - 2
    without = of_files(log.files(parts=frozenset[PartName]()))
    assert (without.status, without.counts["part.absent"]) == ("verified", whole)


# ----------------------------------------------------------------------- files dropped, swapped, cut, replayed


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/001"])
def test_a_hole_is_rejected(path: str) -> None:
    files = bank().files()
    del files[path]
    found = of_files(files)
    assert found.status == "rejected"
    assert "missing" in codes(found)


def test_missing_last_entries_leave_a_prefix() -> None:
    files = bank().files()
    del files["tile/entries/002.p/116"]
    found = of_files(files)
    assert (found.status, codes(found), found.reaches) == ("prefix", {"ends_early"}, 512)
    del files["tile/entries/001"]
    found = of_files(files)
    assert (found.status, found.reaches) == ("prefix", 256)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001", "tile/0/002.p/116", "tile/1/000.p/2"])
def test_without_its_hashes_nothing_is_verified(path: str) -> None:
    files = bank().files()
    del files[path]
    assert of_files(files).status == "rejected"


@pytest.mark.parametrize("kind", ["tile/entries/", "tile/0/"])
def test_swapped_files_are_rejected(kind: str) -> None:
    files = bank().files()
    one, other = f"{kind}000", f"{kind}001"
    files[one], files[other] = files[other], files[one]
    assert of_files(files).status == "rejected"


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/000", "tile/1/000.p/2", "parts/000.jsonl"])
def test_cut_files_are_rejected(path: str) -> None:
    files = bank().files()
    files[path] = files[path][:-1] if path.startswith("tile") else files[path][:-5]
    assert of_files(files).status == "rejected"


def test_an_older_checkpoint_is_a_prefix_of_the_one_kept() -> None:
    log = bank(150)
    kept = log.sign()
    log.sign(300)
    found = of_files(log.files(), kept)
    assert (found.status, codes(found), found.reaches) == ("prefix", {"behind"}, 300)
    assert of_files(log.files()).status == "verified"  # without a kept checkpoint nobody can tell


def test_another_history_under_the_same_key_is_a_fork() -> None:
    log = bank(150)
    kept = [log.sign(n) for n in (40, 300, len(log.all))]
    log.replace(20, by="p-nobody")
    log.sign()
    for head in kept:
        found = of_files(log.files(), head)
        assert found.status == "rejected"
        assert "fork" in codes(found)


def test_a_log_of_another_origin_or_key_is_rejected() -> None:
    log = bank(1)
    other = Person("another log")
    vkey = type(KEY)(ORIGIN, other.raw).vkey
    assert codes(verify(log, vkey)) == {"checkpoint"}
    elsewhere = Checkpoint("other.invalid", log.size, bytes(32))
    assert codes(of_files(log.files(), elsewhere)) == {"fork"}
    log.note = sign_checkpoint(
        Checkpoint("other.invalid", 1, bytes(32)),
        type(KEY)("other.invalid", other.raw),
        other.private.sign,
    )
    assert codes(verify(log, KEY.vkey)) == {"checkpoint"}
    with pytest.raises(Malformed):
        verify(log, "not a key")


# ------------------------------------------------------------ rewritten by whoever holds the host and the key


def rewritten(act: Callable[[Log], Any]) -> Verification:
    """A log that somebody made with the right keys of the log and the wrong entries."""
    log = opened()
    act(log)
    log.allowed(force=True)
    log.sign()
    return of_files(log.files())


def test_an_approval_that_nobody_gave() -> None:
    def forge(log: Log) -> None:
        ident = log.ident()
        asked = log.asked(ident)
        log.signed(ident, log.answered(ident, asked, MALLORY, by=OLGA.name, force=True))

    assert codes(rewritten(forge)) == {"approval_signature"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"by": MARIA.name}, {"approval_signature", "approval_person", "approval"}),
        ({"digest": "00" * 32}, {"approval_signature", "approval_digest", "approval"}),
        ({"until": 2**52}, {"approval_signature"}),
        ({"head": "3:" + "00" * 32}, {"approval_signature", "approval_head"}),
        ({"decision": "approve!"}, {"approval_signature", "approval_void", "approval"}),
        ({"sig": ""}, {"approval_signature"}),
        ({"key": MALLORY.public}, {"approval_signature"}),
        ({"of": 4}, {"approval_signature", "duplicate", "approval"}),
    ],
)
def test_an_answer_that_was_altered(changes: dict[str, Any], expected: set[str]) -> None:
    def alter(log: Log) -> None:
        _, answer, *_ = log.approved()
        log.replace(answer, **changes)

    found = rewritten(alter)
    assert codes(found) - {"duplicate"} == expected - {"duplicate"}
    assert found.status == "rejected"


def test_a_person_who_may_not_answer() -> None:
    def answer(log: Log) -> None:
        ident = log.ident()
        log.answered(ident, log.asked(ident), CHEN)

    assert codes(rewritten(answer)) == {"approval_person"}


def test_a_key_that_was_taken_away_signs_no_longer() -> None:
    def revoke(log: Log) -> None:
        ident = log.ident()
        asked = log.asked(ident)
        log.append(Principal(by="log", name=OLGA.name, role="human", keys=[OLGA.public], revoked=True))
        log.answered(ident, asked)

    assert codes(rewritten(revoke)) == {"approval_signature"}


def test_a_head_of_another_history() -> None:
    def sign_along(log: Log) -> None:
        ident = log.ident()
        log.answered(ident, log.asked(ident), head="5:" + "ab" * 32)

    assert codes(rewritten(sign_along)) == {"approval_head"}


def test_an_approval_used_twice() -> None:
    def twice(log: Log) -> None:
        ident = log.ident()
        _, answer, *_ = log.approved(ident)
        log.signed(ident, answer, force=True)

    found = rewritten(twice)
    assert codes(found) == {"approval"}
    assert "already used" in found.problems[0].text


def test_an_approval_used_after_it_expired() -> None:
    def late(log: Log) -> None:
        ident = log.ident()
        answer = log.answered(ident, log.asked(ident))
        log.now += 11 * MINUTE
        log.signed(ident, answer, force=True)

    assert codes(rewritten(late)) == {"approval"}


def test_an_approval_for_another_action() -> None:
    def other(log: Log) -> None:
        ident = log.ident()
        answer = log.answered(ident, log.asked(ident))
        members, _ = log.judged(ident, 9999)
        log.append(Intent(**{**members, "verdict": "step_up"}, signed=answer), force=True)

    assert "approval" in codes(rewritten(other))


@pytest.mark.parametrize(
    "scope", ["all", "system:pay", "tool:bank.send_money", "server:bank", "agent:agent-1", "run:r1"]
)
def test_an_intent_under_a_hold(scope: str) -> None:
    def under(log: Log) -> None:
        log.append(Hold(by=OLGA.name, scope=scope))
        log.allowed(force=True)

    found = rewritten(under)
    assert codes(found) == {"hold"}
    assert scope in found.problems[0].text


def test_a_hold_elsewhere_or_over_is_no_alarm() -> None:
    def beside(log: Log) -> None:
        log.append(Hold(by=OLGA.name, scope="system:other"))
        log.append(Hold(by=OLGA.name, scope="all", until=log.now + 2000))
        log.now += 2000
        log.allowed()

    assert rewritten(beside).status == "verified"


def test_an_intent_that_had_not_seen_the_restriction() -> None:
    def stale(log: Log) -> None:
        before = log.sequencer.state.seen
        hold = log.append(Hold(by=OLGA.name, scope="system:pay"))
        log.append(type(decode(log.all[hold]))(by=OLGA.name, scope="system:other"))  # any later entry
        members, _ = log.judged(log.ident())
        log.sequencer.state.holds.clear()
        log.append(Intent(**{**members, "seen": before}), force=True)

    assert codes(rewritten(stale)) == {"stale", "hold"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"run": "r9"}, {"run", "action"}),
        ({"by": "agent-2"}, {"run", "action"}),
        ({"system": "other"}, {"run", "action"}),
        ({"tool": "bank.close_account"}, {"action"}),
        ({"disposition": "deny", "verdict": "deny"}, {"disposition"}),
        ({"disposition": "step_up", "verdict": "step_up"}, {"disposition"}),
        ({"seen": 10_000}, {"seen"}),
        ({"conf": 1}, {"configuration"}),
        ({"signed": 3}, {"approval"}),
    ],
)
def test_an_intent_that_could_not_have_been_appended(changes: dict[str, Any], expected: set[str]) -> None:
    assert codes(rewritten(lambda log: log.allowed(force=True, **changes))) == expected


def test_more_authority_than_the_rules_give() -> None:
    log = bank(1)
    asked: list[tuple[str, int]] = []

    def rule(state: State, system: str, now: int) -> Level:
        asked.append((system, now))
        return "autonomous" if state.evidence else "supervised"

    assert verify(log, KEY.vkey, grant=rule).status == "verified"
    assert len(asked) == verify(log, KEY.vkey).counts["act.intent.1"]
    found = verify(log, KEY.vkey, grant=lambda *_: "supervised")
    assert codes(found) == {"grant"}


def test_the_rules_of_authority_give_what_the_log_says_was_used() -> None:
    found = verify(bank(3), KEY.vkey, grant=lambda state, system, now: grant(state, system, now).level)
    assert (found.problems, found.status) == ((), "verified")

    log = opened()
    log.append(Principal(by="log", name="x", role="human"))
    log.declare("e2", "wider", MARIA)  # the evidence was about what it was before
    log.allowed()
    log.sign()
    found = verify(log, KEY.vkey, grant=lambda state, system, now: grant(state, system, now).level)
    assert codes(found) == {"grant"}
    assert "autonomous authority where the rules give supervised" in found.problems[0].text


def test_an_outcome_of_nothing_and_an_outcome_twice() -> None:
    def loose(log: Log) -> None:
        ident = log.ident()
        log.append(Outcome(by="agent-1", id=ident, of=3, status="ok"), force=True)

    def twice(log: Log) -> None:
        ident = log.ident()
        intent, _ = log.allowed(ident)
        log.append(Outcome(by="agent-1", id=ident, of=intent, status="error"), force=True)

    def crossed(log: Log) -> None:
        intent, outcome = log.allowed()
        log.replace(outcome, of=intent - 1)

    for act in (loose, twice, crossed):
        assert codes(rewritten(act)) == {"duplicate"}


def test_evidence_that_its_validator_did_not_sign() -> None:
    assert codes(rewritten(lambda log: log.evidence(MALLORY, "e1", by=CHEN.name))) == {"evidence_signature"}
    assert codes(rewritten(lambda log: log.evidence(MARIA, "e1"))) == {"evidence_person"}
    assert codes(rewritten(lambda log: log.replace(7, outcome="conditions"))) == {"evidence_signature"}


def test_a_configuration_that_was_widened_behind_peoples_backs() -> None:
    assert codes(rewritten(lambda log: log.declare("e2", "wider"))) == {"config_unsigned"}
    assert codes(rewritten(lambda log: log.declare("e2", "wider", MALLORY))) == {"config_signature"}
    assert rewritten(lambda log: log.declare("e2", "narrower")).status == "verified"

    def newcomer(log: Log) -> None:
        """The change that makes somebody an administrator is not theirs to sign."""
        log.append(Declared(by=MALLORY.name, system="other", envelope="o", components="c", change="wider"))
        log.append(Principal(by="log", name=MALLORY.name, role="human", keys=[MALLORY.public]))
        log.declare("e2", "wider", MALLORY)

    assert codes(rewritten(newcomer)) == {"config_signature"}


def test_time_that_goes_back() -> None:
    def back(log: Log) -> None:
        intent, _ = log.allowed()
        log.replace(intent, at=decode(log.all[intent]).at - 5000)

    assert codes(rewritten(back)) == {"time"}


def test_leaves_that_no_writer_following_the_rules_makes() -> None:
    def spaced(log: Log) -> None:
        intent, _ = log.allowed()
        log.all[intent] = log.all[intent].replace(b'"by":', b'"by": ')

    assert "malformed" in codes(rewritten(spaced))


def test_leaves_in_another_order() -> None:
    def swap(log: Log) -> None:
        intent, outcome = log.allowed()
        log.all[intent], log.all[outcome] = log.all[outcome], log.all[intent]

    found = rewritten(swap)
    assert {"time", "duplicate"} <= codes(found)


def test_a_log_is_opened_once_under_its_own_name() -> None:
    again = rewritten(lambda log: log.append(Opened(by="log", origin=ORIGIN, key=KEY.vkey)))
    assert codes(again) == {"opened"}
    assert codes(rewritten(lambda log: log.replace(0, origin="other.invalid"))) >= {"opened"}
    assert codes(rewritten(lambda log: log.replace(0, key="another"))) == {"opened"}
    log = Log()
    log.append(Principal(by="log", name="x", role="human"))
    log.sign()
    assert codes(verify(log, KEY.vkey)) == {"opened"}


def test_an_unknown_act_is_skipped_aloud_and_an_unknown_control_entry_ends_the_fold() -> None:
    log = opened()
    filler = Outcome(by="x", id="x", of=0, status="ok")
    raw = b'{"at":%d,"by":"x","kind":"%s"}'
    log.append(filler, force=True, raw=raw % (log.now + 1000, b"act.dreamt.1"))
    log.sign()
    found = verify(log, KEY.vkey)
    assert (found.status, found.counts["entry.skipped"], found.counts["act.dreamt.1"]) == ("verified", 1, 1)
    place = log.append(filler, force=True, raw=raw % (log.now + 1000, b"ctl.amnesty.1"))
    log.allowed()
    log.sign()
    found = verify(log, KEY.vkey)
    assert (found.status, codes(found), found.reaches) == ("prefix", {"unknown_kind"}, place)


def test_an_action_part_that_speaks_of_another_action() -> None:
    log = opened()
    ident = log.ident()
    members, parts = log.judged(ident)
    log.append(Intent(**{**members, "id": log.ident()}), *parts)
    log.sign()
    assert codes(verify(log, KEY.vkey)) == {"action"}


def test_a_flood_of_problems_is_counted_and_not_kept() -> None:
    log = opened()
    for _ in range(MOST_PROBLEMS + 50):
        log.append(Outcome(by="x", id="x", of=0, status="ok"), force=True)
    log.sign()
    found = verify(log, KEY.vkey)
    assert len(found.problems) == MOST_PROBLEMS
    assert found.more == 50


def test_a_verification_is_json() -> None:
    found = verify(bank(1), KEY.vkey)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Verification) == found


def test_answers_are_real_signatures() -> None:
    """The log these tests break is one that holds: its approval was signed over the bytes of RECORD.md."""
    log = bank(0)
    answers = [entry for leaf in log.all if isinstance(entry := decode(leaf), Answered)]
    assert [entry.decision for entry in answers] == ["approve", "refuse"]
    assert all(len(b64decode(entry.sig)) == 64 for entry in answers)
