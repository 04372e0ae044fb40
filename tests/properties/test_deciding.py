"""Whatever happens in whatever order between a question and its record: no model's answer is told that may not be."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.enforce.deciding_steps import AskModel, Heard
from standwatch.facts.decisions import Answer, Predicted, Trouble
from standwatch.facts.entries import Decided, Deployed, Released
from standwatch.facts.frames import Append
from standwatch.facts.models import Fallback
from standwatch.record.replay import scopes_of
from standwatch.record.state import State, folds
from support.lender import DIGESTS, MODEL, Stage

SCOPES = (
    "system:mortgage",
    "component:scorer",
    "version:scorer@1",
    "version:scorer@2",
    "agent:loan-desk",
    "all",
)
HAPPENINGS = st.one_of(
    st.tuples(st.just("begin"), st.lists(st.sampled_from([10, -1, 200_000, 5000]), min_size=1, max_size=3)),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("hold"), st.sampled_from(SCOPES)),
    st.tuples(st.just("release"), st.integers(0, 5)),
    st.tuples(
        st.just("deploy"), st.tuples(st.sampled_from("123"), st.sampled_from(["full", "rollback", "canary"]))
    ),
    st.tuples(st.just("fail"), st.sampled_from(["timeout", "rows", "version"])),
    st.tuples(st.just("full"), st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 10**12)),
)


def before(stage: Stage, index: int) -> State:
    """The state that any reader folds up to entry `index`."""
    state = State()
    for place, entry in stage.log[:index]:
        if folds(entry):
            state.fold(place, entry)
    return state


def check(stage: Stage, answer: Answer, rows: int) -> None:
    if not answer.rows:
        assert answer.word in ("refused", "unavailable", "invalid")
        return
    assert len(answer.rows) == rows
    if not answer.recorded:
        assert {row.route for row in answer.rows} <= {"constant", "refer-to-human", "rule"}
        return
    entry = stage.log[answer.index][1]
    assert isinstance(entry, Decided)
    told = [(row.outputs, row.outcome, row.route, row.code) for row in answer.rows]
    sealed = [(r.outputs, r.outcome, r.route, r.code) for r in stage.records(answer.index)]
    assert told == sealed
    state = before(stage, answer.index)
    route = state.routes["mortgage/scorer"]
    for row in answer.rows:
        version = {"model": entry.version, "previous": row.version}.get(row.route)
        if version is None:
            continue
        # INVARIANT: whoever answered was deployed, or had been, and nothing that was sequenced before held it.
        assert route.digest_of(version) == DIGESTS[version]
        scopes = [*scopes_of(entry)[:2], "component:scorer", f"version:scorer@{version}", "agent:loan-desk"]
        assert not state.held(tuple(scopes), entry.at)
        assert row.outputs == [stage.versions[f"s{version}"]]


@settings(max_examples=300, deadline=None)
@given(st.lists(HAPPENINGS, max_size=40), st.sampled_from(["previous", "refer-to-human", "constant"]))
def test_no_answer_of_a_model_is_told_unrecorded_undeployed_or_held(
    happenings: list[tuple[str, Any]], kind: Any
) -> None:
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback(kind, {"p": 1.0})))
    stage.deploy("2")
    under_way: list[tuple[Any, Any, int]] = []
    fault = ""

    def advance(place: int) -> None:
        nonlocal fault
        steps, command, rows = under_way.pop(place)
        event = stage.execute(command)
        if isinstance(command, AskModel) and fault:
            said = {
                "timeout": Trouble("timeout", "late"),
                "rows": Predicted({"p": [0.5] * (len(command.rows) + 1)}, "s1"),
                "version": Predicted({"p": [0.2] * len(command.rows)}, "s9"),
            }[fault]
            event, fault = Heard(stage.now, said), ""
        try:
            under_way.insert(place, (steps, steps.send(event), rows))
        except StopIteration as stop:
            check(stage, stop.value, rows)

    for what, value in happenings:
        match what:
            case "begin":
                steps = stage.begin(*[(income, "home", "ann") for income in value])
                under_way.append((steps, next(steps), len(value)))
            case "step" if under_way:
                advance(value % len(under_way))
            case "hold":
                stage.hold(value)
            case "release" if stage.state.holds:
                stage.put(
                    Released(by="p-omar", hold=sorted(stage.state.holds)[value % len(stage.state.holds)])
                )
            case "deploy":
                version, mode = value
                route = stage.state.routes["mortgage/scorer"]
                entry = Deployed(
                    by="p-maria", system="mortgage", model="scorer", version=version, digest=DIGESTS[version],
                    mode=mode, share=5000, follows=route.index,
                )  # fmt: skip
                if stage.sequencer.admit(Append(0, entry), stage.now) is None:
                    stage.put(entry)
            case "fail":
                fault = value
            case "full":
                stage.full = value
            case "wait":
                stage.now += value
            case _:
                pass
    while under_way:
        advance(0)
