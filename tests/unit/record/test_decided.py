"""A decision, a challenge or an override that somebody made up is found out, and those that were made are not."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.facts.decisions import Context, Trouble
from standwatch.facts.entries import AnyEntry, Decided, Overridden, Principal, Shadowed
from standwatch.facts.frames import Append
from standwatch.facts.models import Fallback
from standwatch.record import decided as rules
from standwatch.record.decision import mixed_of
from standwatch.record.replay import Origin, Replay
from support.lender import DIGESTS, MODEL, Stage

ROW = (4000, "home", "ann")
PREVIOUS = msgspec.structs.replace(MODEL, fallback=Fallback("previous"))
OF_STAGE = {"opened", "evidence_signature", "evidence_person", "config_unsigned", "deployment"}
"""What a stage leaves out: signatures, and who may deploy."""


def objections(stage: Stage) -> list[tuple[int, str]]:
    """What replay holds against the log of `stage`, by index and code."""
    replay = Replay(
        Origin("bank.example/test", "k"),
        0,
        lambda _: None,
        lambda state, system, at: grant(state, system, at).level,
        entry_at=dict(stage.log).get,
    )
    found = [(index, code) for index, entry in stage.log for code, _ in replay.objections(index, entry)]
    return [each for each in found if each[1] not in OF_STAGE]


def again(stage: Stage, **changes: Any) -> Decided:
    """The last decision, once more, as somebody would forge it."""
    last = stage.last(Decided)
    given: dict[str, Any] = {"id": last.id[:-1] + "0", "at": 0, "seen": stage.state.seen, **changes}
    return msgspec.structs.replace(last, **given)


def human(stage: Stage) -> None:
    stage.put(Principal(by="p-maria", name="p-olga", role="human"))


def overridden(stage: Stage, of: int, **changes: Any) -> Overridden:
    one = stage.last(Decided)
    given: dict[str, Any] = {"by": "p-olga", "system": "mortgage", "model": "scorer", "why": "c1" * 32}
    return Overridden(**{**given, "id": one.id, "of": of, **changes})


def shadowed(stage: Stage, of: int, version: str = "3", **changes: Any) -> Shadowed:
    one = stage.last(Decided)
    given: dict[str, Any] = {"by": "loan-desk", "system": "mortgage", "model": "scorer", "version": version}
    return Shadowed(**{**given, "id": one.id, "of": of, **changes})


def test_nothing_is_held_against_what_was_decided() -> None:
    stage = Stage(PREVIOUS)
    stage.play(ROW)
    stage.deploy("2")
    of = stage.play(ROW, ROW).index
    stage.deploy("3", "shadow")
    stage.put(shadowed(stage, of, rows=2, same=1))
    stage.deploy("3", "end")
    stage.put(shadowed(stage, of, rows=2, same=1))  # it was asked before it went
    stage.play(ROW, said=Trouble("upstream_error", "it is down"))
    stage.deploy("3", "canary", 5_000)
    for name in "abcdefghij":
        stage.play((4000, "home", name))
    stage.hold("version:scorer@2")
    stage.play(ROW)
    stage.hold("system:mortgage")
    stage.play(ROW)
    human(stage)
    last = stage.log[-2][0]
    assert isinstance(stage.log[-2][1], Decided)
    stage.put(overridden(stage, last))
    assert objections(stage) == []
    assert {one.version for _, one in stage.log if isinstance(one, Decided)} >= {"1", "2", "3"}


Made = Callable[[Stage], AnyEntry]
FORGED: dict[str, tuple[str, Made]] = {
    "by the version before": ("version", lambda s: again(s, version="1", served=DIGESTS["1"])),
    "by one never deployed": ("version", lambda s: again(s, version="3", served=DIGESTS["3"])),
    "by another artifact": ("version", lambda s: again(s, served=DIGESTS["3"])),
    "by an undeclared model": ("version", lambda s: again(s, model="nosuch")),
    "by no version": ("version", lambda s: again(s, version="", served="")),
    "of more rows than it has": ("rows", lambda s: again(s, routes={"constant": 9}, rows=3)),
    "of fewer rows than it has": ("rows", lambda s: again(s, routes={"model": 2}, rows=3)),
    "of rows less than none": ("rows", lambda s: again(s, routes={"model": 4, "rule": -1}, rows=3)),
    "with more reasons than rows": ("rows", lambda s: again(s, codes={"held": 2})),
    "with more authority": ("grant", lambda s: again(s, grant="autonomous", routes={"previous": 1})),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_decision_that_was_not_made_is_found_out(name: str) -> None:
    code, made = FORGED[name]
    stage = Stage(validated=name != "with more authority")
    stage.deploy("2")
    stage.play(ROW)
    index = stage.put(made(stage))
    assert (index, code) in objections(stage)


@pytest.mark.parametrize(
    "scope", ["system:mortgage", "component:scorer", "version:scorer@1", "all", "agent:loan-desk"]
)
def test_the_version_before_decides_under_no_hold(scope: str) -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    stage.play(ROW)
    stage.hold(scope)
    index = stage.put(again(stage, routes={"previous": 1}, codes={"held": 1}))
    assert (index, "hold") in objections(stage)
    assert {place for place, _ in objections(stage)} == {index}


def test_the_version_before_decides_where_there_is_one() -> None:
    stage = Stage(PREVIOUS)
    stage.play(ROW)
    index = stage.put(again(stage, routes={"previous": 1}, codes={"held": 1}))
    assert objections(stage) == [(index, "version")]


CHANGED: dict[str, dict[str, Any]] = {
    "of a row that is not there": {"row": 77},
    "of a row before the first": {"row": -1},
    "of another system": {"system": "other"},
    "of another model": {"model": "other"},
    "of the first entry": {"of": 0},
    "of what is to come": {"of": 99},
    "of nothing": {"of": -1},
    "of another id": {"id": "0" * 26},
    "by nobody": {"by": "mallory"},
    "by a program": {"by": "loan-desk"},
    "without a reason": {"why": ""},
}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("kept", [4_096, 0])
def test_an_override_that_was_not_made_is_found_out(
    name: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the decision is remembered or read again."""
    monkeypatch.setattr(rules, "KEPT", kept)
    stage = Stage()
    human(stage)
    of = stage.play(ROW).index
    stage.put(overridden(stage, of))
    assert objections(stage) == []
    index = stage.put(overridden(stage, **{"of": of, **CHANGED[name]}))
    assert (index, "override") in objections(stage)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"of": 3}, "challenged"),
        ({"id": "0" * 26}, "challenged"),
        ({"system": "x"}, "challenged"),
        ({"rows": 2}, "challenged"),
        ({"same": 2}, "challenged"),
        ({"version": "2"}, "version"),
        ({"version": "z"}, "version"),
    ],
)
def test_a_challenge_that_was_not_made_is_found_out(changes: dict[str, Any], code: str) -> None:
    stage = Stage()
    stage.deploy("2", "shadow")
    stage.deploy("2", "end")
    stage.deploy("3", "shadow")
    of = stage.play(ROW).index
    stage.put(shadowed(stage, of))
    assert objections(stage) == []
    index = stage.put(shadowed(stage, **{"of": of, **changes}))
    assert (index, code) in objections(stage)


def test_no_front_records_a_version_that_is_not_on_the_route() -> None:
    stage = Stage()
    stage.deploy("2")
    stage.deploy("3", "canary", 1)
    stage.play(ROW)
    for version, admitted in (("1", False), ("2", True), ("3", True), ("4", False), ("", True)):
        entry = again(stage, version=version, served=DIGESTS.get(version, ""))
        refusal = stage.sequencer.admit(Append(0, entry), stage.now)
        assert (refusal is None) is admitted, version
        assert refusal is None or refusal.code == "invalid"


def test_explain_names_a_version_that_was_not_on_the_route() -> None:
    stage = Stage()
    stage.deploy("2")
    index = stage.play(ROW).index
    route = stage.state.routes["mortgage/scorer"]
    (record,) = stage.records(index)
    empty = Context((), ())
    assert mixed_of(stage.last(Decided), route, empty, record) == ()
    former = again(stage, version="1", served=DIGESTS["1"])
    assert any("neither in front" in each for each in mixed_of(former, route, empty))
    for version, way, fits in (("1", "previous", True), ("3", "previous", False), ("1", "model", False)):
        row = msgspec.structs.replace(record, version=version, route=way)
        assert (mixed_of(stage.last(Decided), route, empty, row) == ()) is fits
