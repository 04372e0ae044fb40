"""Whatever happens, in whatever order, verifies; whatever is changed afterwards does not."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.entries import AnyEntry, Gap, Hold, Released
from standwatch.facts.errors import Malformed, NotFound
from standwatch.record.checkpoint import Checkpoint
from standwatch.record.exported import Exported
from standwatch.record.leaf import decode
from standwatch.record.reconstruct import explain
from standwatch.record.render import render
from standwatch.record.source import ident_of
from standwatch.record.verify import Verification, verify
from support.logs import CHEN, KEY, MARIA, MINUTE, OLGA, Log

ACTS = (
    "allowed",
    "denied",
    "approved",
    "refused",
    "unanswered",
    "hold",
    "release",
    "gap",
    "wider",
    "validate",
    "wait",
)
acts = st.lists(st.sampled_from(ACTS), max_size=40)


def happen(log: Log, act: str) -> None:
    """One thing that can happen; what the sequencer would refuse does not."""
    state = log.sequencer.state
    held = bool(state.holds)
    match act:
        case "allowed" if not held:
            log.allowed()
        case "denied":
            log.denied()
        case "approved" if not held:
            log.approved()
        case "refused" if not held:
            ident = log.ident()
            log.answered(ident, log.asked(ident), decision="refuse")
        case "unanswered" if not held:
            log.asked(log.ident())
        case "hold":
            log.append(Hold(by=OLGA.name, scope="all"))
        case "release" if held:
            log.append(Released(by=OLGA.name, hold=min(state.holds)))
        case "gap":
            log.append(Gap(by="recorder", begin=log.now))
        case "wider":
            log.declare(f"e{len(log.all)}", "wider", MARIA)
        case "validate":
            log.evidence(CHEN, state.systems["pay"].entry.envelope)
        case "wait":
            log.now += 20 * MINUTE
        case _:
            pass


def history(steps: list[str]) -> Log:
    log = Log()
    log.open()
    for step in steps:
        happen(log, step)
    return log


def check(files: dict[str, bytes], trusted: Checkpoint | None = None) -> Verification:
    return verify(Exported(files.get), KEY.vkey, trusted)


@settings(deadline=None, max_examples=60)
@given(acts, st.integers(1, 8))
def test_every_history_verifies_from_every_checkpoint_of_its_own(steps: list[str], early: int) -> None:
    log = history(steps)
    kept, _ = log.sign(early), log.sign()
    found = check(log.files(), kept)
    assert (found.problems, found.status, found.reaches) == ((), "verified", len(log.all))


@settings(deadline=None, max_examples=60)
@given(acts, st.data())
def test_any_byte_changed_anywhere_is_noticed(steps: list[str], data: st.DataObject) -> None:
    log = history(steps)
    kept = log.sign()
    files = log.files()
    proved = sorted(path for path in files if path not in ("vkey", "README.txt"))
    path = data.draw(st.sampled_from(proved))
    place = data.draw(st.integers(0, len(files[path]) - 1))
    changed = bytearray(files[path])
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = check({**files, path: bytes(changed)}, kept)
    except (Malformed, NotFound):
        return  # not even an export any more
    whole = check(files, kept)
    if path.startswith("parts/"):
        # A part may be made to look absent, never to say something else.
        assert found.status == "rejected" or found.counts != whole.counts or _same_parts(files, path, changed)
    else:
        assert found.status != "verified"


def _same_parts(files: dict[str, bytes], path: str, changed: bytearray) -> bool:
    """A digest is plain: the salt beside an action binds nothing, so it alone may change without being wrong."""
    pairs = zip(files[path].splitlines(), bytes(changed).splitlines(), strict=False)
    return all(one == other or b'"name":"action"' in one for one, other in pairs)


@settings(deadline=None, max_examples=60)
@given(acts, st.data())
def test_no_entry_can_be_dropped_repeated_or_moved(steps: list[str], data: st.DataObject) -> None:
    """Even by whoever holds the log's key: the checkpoint that somebody kept says so."""
    log = history([*steps, "allowed", "denied"])
    kept = log.sign()
    index = data.draw(st.integers(0, len(log.all) - 1))
    other = data.draw(st.integers(0, len(log.all) - 1).filter(lambda place: place != index))
    match data.draw(st.sampled_from(["drop", "repeat", "move"])):
        case "drop":
            del log.all[index]
        case "repeat":
            log.all.insert(index, log.all[other])
        case _:
            log.all[index], log.all[other] = log.all[other], log.all[index]
    log.parts.clear()
    log.sign()
    found = check(log.files(), kept)
    assert found.status in ("rejected", "prefix")
    assert (found.status == "prefix") <= (log.size < kept.size)


@settings(deadline=None, max_examples=30)
@given(acts)
def test_every_action_of_every_history_is_explained(steps: list[str]) -> None:
    log = history(steps)
    log.sign()
    source = Exported(log.files().get)
    actions = {ident for leaf in log.all if (ident := _action(decode(leaf)))}
    for ident in actions:
        said = explain(source, ident, KEY.vkey)
        assert said.problems == ()
        assert all(proof.proved for proof in said.proofs)
        assert ident in render(said)


def _action(entry: Any) -> str:
    known: AnyEntry = entry
    return ident_of(known) if hasattr(known, "id") else ""
