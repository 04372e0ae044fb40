"""The passage of a decision, played by hand: who answers each row, what is written, what is told."""

import msgspec
import pytest

from standwatch.enforce.case import World
from standwatch.enforce.deciding_steps import AskModel, Heard
from standwatch.enforce.envelope import build
from standwatch.enforce.policy import Policies
from standwatch.enforce.steps import NotRecorded, Record
from standwatch.facts.decisions import Predicted, Trouble
from standwatch.facts.entries import Config, Decided, Denied, Evidence
from standwatch.facts.models import Condition, Fallback, Feature, Rule
from standwatch.record.rows import root_of, row_leaf, row_salt
from support.lender import CALLER, DIGESTS, MODEL, Stage, configuration, manifest

GOOD = (4000, "home", "ann")
STALE = NotRecorded(0, "stale", "again")


def test_a_decision_is_asked_for_recorded_and_then_told() -> None:
    stage = Stage()
    steps = stage.begin(GOOD)
    asked = next(steps)
    assert isinstance(asked, AskModel)
    assert (asked.version, asked.rows, asked.within) == ("1", [GOOD], 0.1)
    record = steps.send(stage.execute(asked))
    assert isinstance(record, Record)
    answer = stage.finish(steps, record)
    entry = stage.last(Decided)
    assert (answer.word, answer.version, answer.grant) == ("done", "1", "autonomous")
    assert [(row.outputs, row.outcome, row.route) for row in answer.rows] == [([0.1], "approved", "model")]
    assert (entry.version, entry.served, entry.rows, entry.routes, entry.codes) == (
        "1",
        DIGESTS["1"],
        1,
        {},
        {},
    )
    assert stage.records(answer.index)[0].received == GOOD


def test_the_rows_sealed_are_the_rows_that_the_entry_commits_to() -> None:
    stage = Stage()
    answer = stage.play(GOOD, (1, "car", "bob"), (2, None, "cy"))
    parts = stage.rows[answer.index]
    leaves = [row_leaf(part.salt, part.data) for part in parts if part.row >= 0]
    assert root_of(leaves).hex() == stage.last(Decided).tree
    assert [part.subjects for part in parts if part.row >= 0] == [("ann",), ("bob",), ("cy",)]
    assert parts[-1].row == -2
    assert parts[-1].data == b"".join(leaves)


def test_a_batch_about_nobody_is_one_part() -> None:
    stage = Stage(data_subjects=())
    answer = stage.play(GOOD, (1, "car", None))
    (part,) = stage.rows[answer.index]
    leaves = [
        row_leaf(row_salt(part.salt, k), msgspec.json.encode(record))
        for k, record in enumerate(stage.records(answer.index))
    ]
    assert part.row == -1
    assert root_of(leaves).hex() == stage.last(Decided).tree


def test_a_row_that_cannot_be_read_spoils_no_other() -> None:
    stage = Stage()
    answer = stage.play(GOOD, (None, None, None), problems={1: "income is text"})
    assert [row.route for row in answer.rows] == ["model", "refer-to-human"]
    assert answer.rows[1].code == "unreadable"
    assert stage.last(Decided).routes == {"model": 1, "refer-to-human": 1}
    assert stage.asked[0].indices == (0,)


def test_a_row_outside_the_range_is_not_sent() -> None:
    stage = Stage()
    answer = stage.play((-1, "home", "ann"), GOOD)
    assert [(row.route, row.code) for row in answer.rows] == [
        ("refer-to-human", "out_of_bounds"),
        ("model", ""),
    ]
    assert stage.asked[0].rows == [GOOD]
    assert "income" in stage.records(answer.index)[0].reason


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Trouble("timeout", "late"), "timeout"),
        (Trouble("unreachable", "gone"), "unreachable"),
        (Predicted({"p": [0.1, 0.2]}, "s1"), "wrong_rows"),
        (Predicted({"q": [0.1]}, "s1"), "missing_output"),
        (Predicted({"p": [1.5]}, "s1"), "out_of_scale"),
        (Predicted({"p": [0.1]}, "s2"), "version_mismatch"),
        (Predicted({"p": [0.1]}, "s1", "ff" * 32), "digest_mismatch"),
    ],
)
def test_an_answer_that_is_not_the_deployed_version_s_is_found_out_at_once(
    said: Predicted | Trouble, code: str
) -> None:
    stage = Stage()
    answer = stage.play(GOOD, said=said)
    assert [(row.route, row.outputs) for row in answer.rows] == [("refer-to-human", [None])]
    if code in ("wrong_rows", "missing_output", "out_of_scale"):
        assert answer.rows[0].code not in ("", "unreachable")
    else:
        assert answer.rows[0].code == code
    assert sum(stage.last(Decided).codes.values()) == 1
    context = msgspec.json.decode(stage.parts[answer.index]["context"])
    assert context["findings"][0]["check"] == "model"


def test_the_model_that_abstains_does_not_decide() -> None:
    stage = Stage()
    stage.versions["s1"] = 0.5
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "abstained")]


def test_the_version_before_answers_what_this_one_cannot() -> None:
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("previous")))
    stage.deploy("2")
    steps = stage.begin(GOOD)
    first = next(steps)
    second = steps.send(Heard(stage.now, Trouble("timeout", "late"), 1))
    assert isinstance(first, AskModel)
    assert isinstance(second, AskModel)
    assert (first.version, second.version) == ("2", "1")
    answer = stage.finish(steps, second)
    assert [(row.route, row.code, row.version) for row in answer.rows] == [("previous", "timeout", "1")]
    assert stage.last(Decided).version == "2"


def test_a_held_version_is_answered_by_the_one_before_and_two_held_ones_by_a_human() -> None:
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("previous")))
    stage.deploy("2")
    stage.hold("version:scorer@2")
    assert [(row.route, row.version) for row in stage.play(GOOD).rows] == [("previous", "1")]
    stage.hold("version:scorer@1")
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "held")]


@pytest.mark.parametrize(
    "scope", ["system:mortgage", "component:scorer", "version:scorer@1", "vendor:bank", "all"]
)
def test_a_hold_leaves_the_service_running_on_its_fallback(scope: str) -> None:
    stage = Stage()
    held = stage.hold(scope)
    answer = stage.play(GOOD)
    assert answer.rows[0].route == "refer-to-human"
    assert stage.asked == []
    stage.release(held)
    assert stage.play(GOOD).rows[0].route == "model"


def test_without_a_fallback_a_hold_refuses() -> None:
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("refuse")))
    stage.hold("system:mortgage")
    assert stage.play(GOOD).word == "refused"
    assert stage.last(Denied).code == "held"


def test_a_constant_and_a_table_answer_with_what_they_were_told_to() -> None:
    constant = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("constant", {"p": 1.0})))
    constant.hold("component:scorer")
    assert [(r.outputs, r.outcome, r.route) for r in constant.play(GOOD).rows] == [
        ([1.0], "denied", "constant")
    ]
    rules = (Rule((Condition("income", min=3000),), {"p": 0.2}),)
    table = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("rule", rules=rules)))
    table.hold("component:scorer")
    rows = table.play(GOOD, (10, "home", "bob")).rows
    assert [(r.outputs, r.outcome, r.route) for r in rows] == [
        ([0.2], "approved", "rule"),
        ([None], "", "refer-to-human"),
    ]


def test_a_rollback_between_the_question_and_the_record_is_seen_and_the_rows_are_asked_again() -> None:
    stage = Stage()
    stage.deploy("2")
    steps = stage.begin(GOOD)
    asked = next(steps)
    record = steps.send(stage.execute(asked))
    stage.deploy("1", "rollback")
    again = steps.send(stage.execute(record))
    assert isinstance(again, AskModel)
    assert again.version == "1"
    answer = stage.finish(steps, again)
    assert (answer.word, answer.version, answer.rows[0].outcome) == ("done", "1", "approved")
    assert [entry.version for _, entry in stage.log if isinstance(entry, Decided)] == ["1"]


def test_a_hold_between_the_question_and_the_record_is_seen_too() -> None:
    stage = Stage()
    steps = stage.begin(GOOD)
    record = steps.send(stage.execute(next(steps)))
    stage.hold("system:mortgage")
    answer = stage.finish(steps, record)
    assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "held")]


def test_the_canary_gets_its_share_and_one_person_always_the_same_version() -> None:
    stage = Stage()
    stage.deploy("3", "canary", 3000)
    versions = {}
    for number in range(400):
        row = (10, "home", f"p{number}")
        versions[number] = stage.play(row).version
        if number % 50 == 0:
            assert stage.play(row).version == versions[number]
    share = sum(version == "3" for version in versions.values()) / 400
    assert 0.22 < share < 0.38


def test_a_canary_decides_under_its_own_evidence_and_a_rejected_one_not_at_all() -> None:
    stage = Stage()
    stage.deploy("3", "canary", 10_000)
    answer = stage.play(GOOD)
    assert (answer.version, answer.grant) == ("3", "supervised")
    stage.put(
        Evidence(
            by="p-chen",
            system="mortgage",
            envelope="envelope-1",
            components=stage.state.in_front("mortgage", "scorer", "3", DIGESTS["3"]).running(
                "mortgage", stage.state.systems["mortgage"].entry.components
            ),
            outcome="reject",
            until=stage.now + 1,
        )
    )
    answer = stage.play(GOOD)
    assert (answer.version, answer.grant) == ("1", "autonomous")


def test_a_version_that_is_not_in_front_is_refused_and_the_one_that_is_served() -> None:
    stage = Stage()
    assert stage.play(GOOD, version="2").word == "refused"
    assert stage.last(Denied).code == "not_deployed"
    stage.deploy("2", "canary", 1)
    assert stage.play(GOOD, version="1").version == "1"
    assert stage.play(GOOD, version="2").word == "refused"  # nobody chooses the canary


def test_nothing_deployed_is_answered_by_the_fallback() -> None:
    stage = Stage()
    stage.state.routes.clear()
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "undeployed")]
    assert stage.last(Decided).version == ""


def test_what_cannot_be_recorded_is_answered_only_where_no_model_was_needed() -> None:
    stage = Stage()
    stage.full = True
    answer = stage.play(GOOD)
    assert (answer.recorded, answer.index) == (False, -1)
    assert [(row.route, row.code, row.outputs) for row in answer.rows] == [
        ("refer-to-human", "unrecorded", [None])
    ]
    stage.recording = False
    stage.asked.clear()
    assert not stage.play(GOOD).recorded
    assert stage.asked == []
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("previous")))
    stage.full = True
    assert stage.play(GOOD).word == "unavailable"


def test_supervised_serves_and_says_so_and_tier_three_falls_back() -> None:
    answer = Stage(validated=False).play(GOOD)
    assert (answer.grant, answer.rows[0].route) == ("supervised", "model")
    answer = Stage(validated=False, tier=3).play(GOOD)
    assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "supervised")]


def test_stale_inputs_are_outside_the_range() -> None:
    inputs = (msgspec.structs.replace(MODEL.inputs[0], fresh=60), *MODEL.inputs[1:])
    stage = Stage(msgspec.structs.replace(MODEL, inputs=inputs))
    assert stage.play(GOOD, parameters={"age.income": 59}).rows[0].route == "model"
    for age in (61, -1, "old", True):
        assert stage.play(GOOD, parameters={"age.income": age}).rows[0].code == "stale"


def test_a_consumer_that_reads_an_output_differently_is_found_out() -> None:
    stage = Stage()
    answer = stage.play(GOOD, expects={"p": {"polarity": "higher means approved"}})
    assert answer.word == "invalid"
    assert "p" in answer.message
    assert stage.last(Denied).code == "invalid"
    assert stage.asked == []


def test_a_request_without_rows_is_written_down_and_told_what_is_wrong() -> None:
    stage = Stage()
    answer = stage.play(problems={-1: "expected a tensor"})
    assert (answer.word, answer.message) == ("invalid", "expected a tensor")
    assert stage.last(Denied).code == "invalid"


def test_a_stranger_and_an_undeclared_model_are_refused() -> None:
    stage = Stage()
    assert stage.play(GOOD, model="nobody").word == "refused"
    stage.state.principals.clear()
    assert stage.play(GOOD).word == "refused"
    assert stage.last(Denied).code == "unknown_principal"
    assert CALLER.principal == "loan-desk"


def test_budgets_count_rows() -> None:
    from standwatch.facts.configuration import Limits

    stage = Stage(limits=Limits(calls_per_minute=3))
    assert stage.play(GOOD, GOOD).word == "done"
    assert stage.play(GOOD, GOOD).word == "refused"
    assert stage.last(Denied).code == "budget"
    assert stage.play(GOOD).word == "done"


def test_a_record_that_never_settles_ends_as_unavailable() -> None:
    stage = Stage()
    steps = stage.begin(GOOD)
    command, asked = next(steps), 0
    while asked < 8:
        asked += isinstance(command, AskModel)
        command = steps.send(stage.execute(command)) if isinstance(command, AskModel) else steps.send(STALE)
    with pytest.raises(StopIteration) as ended:
        steps.send(STALE)
    assert ended.value.value.word == "unavailable"


PREVIOUS = msgspec.structs.replace(MODEL, fallback=Fallback("previous"))


def test_the_version_before_sees_no_row_outside_the_range_though_nobody_had_looked_yet() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    stage.hold("version:scorer@2")
    rows = stage.play((-5, "home", "ann"), GOOD).rows
    assert [(row.route, row.code) for row in rows] == [
        ("refer-to-human", "out_of_bounds"),
        ("previous", "held"),
    ]
    assert stage.asked[-1].rows == [GOOD]


def said_of(stage: Stage, version: str, outcome: str) -> None:
    """The validator says `outcome` of `version` in front."""
    parts = stage.state.systems["mortgage"].entry.components
    front = stage.state.in_front("mortgage", "scorer", version, DIGESTS[version])
    digest = front.running("mortgage", parts)
    stage.put(
        Evidence(
            by="p-chen",
            system="mortgage",
            envelope="envelope-1",
            components=digest,
            outcome=outcome,
            until=stage.now + 10**12,
            report="r",
            follows=stage.state.last_statement("mortgage"),
        )
    )


def test_the_version_before_decides_under_its_own_evidence() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    said_of(stage, "2", "pass")
    said_of(stage, "1", "reject")
    assert [(row.route, row.code) for row in stage.play(GOOD, said=Trouble("timeout", "late")).rows] == [
        ("refer-to-human", "timeout")
    ]
    assert [one.version for one in stage.asked] == ["2"]


def test_under_a_restricted_grant_nobody_decides() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    said_of(stage, "2", "reject")
    said_of(stage, "1", "reject")
    stage.hold("version:scorer@2")
    assert stage.play(GOOD).rows[0].route == "refer-to-human"
    assert stage.asked == []


def test_the_digest_of_the_version_before_is_looked_at_too() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    steps = stage.begin(GOOD)
    next(steps)
    second = steps.send(Heard(stage.now, Trouble("timeout", "late"), 1))
    record = steps.send(Heard(stage.now, Predicted({"p": [0.1]}, "s1", "ff" * 32), 1))
    assert isinstance(second, AskModel)
    answer = stage.finish(steps, record)
    assert answer.rows[0].route == "refer-to-human"
    codes = [one["code"] for one in msgspec.json.decode(stage.parts[answer.index]["context"])["findings"]]
    assert codes == ["timeout", "digest_mismatch"]


def test_a_version_that_was_taken_back_answers_nobody_unasked() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    stage.deploy("1", "rollback")
    answer = stage.play(GOOD, said=Trouble("upstream_error", "500"))
    assert answer.rows[0].route == "refer-to-human"
    stage.deploy("2")
    stage.deploy("3")
    assert stage.state.routes["mortgage/scorer"].previous == "2"


def test_what_may_stand_in_the_record_is_not_told_as_something_else() -> None:
    stage = Stage(msgspec.structs.replace(MODEL, fallback=Fallback("constant", {"p": 1.0})))
    stage.lost = True
    answer = stage.play(GOOD)
    assert (answer.word, answer.rows) == ("unavailable", [])
    assert stage.last(Decided).routes == {}  # it does stand there
    stage.recording = False
    assert stage.play(GOOD).rows[0].route == "constant"


def test_a_halt_that_only_memory_has_is_in_force() -> None:
    stage = Stage()
    stage.stops.add("component:scorer")
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "held")]
    assert stage.asked == []


def test_a_configuration_that_comes_into_force_meanwhile_judges_the_rows() -> None:
    stage = Stage()
    steps = stage.begin((90_000, "home", "ann"))
    record = steps.send(stage.execute(next(steps)))
    narrower = (msgspec.structs.replace(MODEL.inputs[0], max=50_000), *MODEL.inputs[1:])
    found = configuration(manifest(msgspec.structs.replace(MODEL, inputs=narrower)))
    stage.world = World(found, build(found), Policies("", {}))
    stage.put(Config(by="p-maria", root="root-1", follows=stage.state.config))
    answer = stage.finish(steps, record)
    assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "out_of_bounds")]


def test_rows_read_under_another_declaration_are_not_judged_by_place() -> None:
    stage = Stage()
    turned = (MODEL.inputs[2], *MODEL.inputs[:2])
    found = configuration(manifest(msgspec.structs.replace(MODEL, inputs=turned)))
    stage.world = World(found, build(found), Policies("", {}))
    assert stage.play(GOOD).word == "unavailable"
    assert stage.asked == []


def test_a_whole_number_is_the_same_person_however_it_was_sent() -> None:
    inputs = (*MODEL.inputs[:2], Feature("applicant", "integer"))
    stage = Stage(msgspec.structs.replace(MODEL, inputs=inputs))
    for sent in (4711, 4711.0):
        answer = stage.play((10, "home", sent))
        assert [part.subjects for part in stage.rows[answer.index]] == [("4711",)]


def test_a_server_s_words_are_kept_once_and_cut() -> None:
    stage = Stage()
    answer = stage.play(GOOD, GOOD, said=Predicted({"p": [0.1, 0.1]}, "x" * 100_000))
    assert sum(len(part.data) for part in stage.rows[answer.index]) < 1_500
    assert len(stage.parts[answer.index]["context"]) < 150_000


LATE = Trouble("timeout", "late")


def test_a_hold_on_the_version_before_that_comes_after_its_answer_is_seen() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    steps = stage.begin(GOOD)
    next(steps)
    second = steps.send(Heard(stage.now, LATE, 1))
    record = steps.send(stage.execute(second))
    assert isinstance(record, Record)
    stage.hold("version:scorer@1")
    answer = stage.finish(steps, record, LATE)
    assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "timeout")]


def test_the_version_before_does_not_answer_while_only_memory_has_its_halt() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    stage.stops.add("version:scorer@1")
    assert stage.play(GOOD, said=LATE).rows[0].route == "refer-to-human"
    assert [one.version for one in stage.asked] == ["2"]


def test_the_version_before_is_no_way_round_supervision() -> None:
    stage = Stage(PREVIOUS, tier=3)
    assert stage.play(GOOD).rows[0].route == "model"
    stage.deploy("2")
    stage.asked.clear()
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "supervised")]
    assert stage.asked == []


def test_a_version_before_that_abstains_leaves_the_reason_as_it_was() -> None:
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    steps = stage.begin(GOOD)
    next(steps)
    second = steps.send(Heard(stage.now, LATE, 1))
    stage.versions["s1"] = 0.5
    answer = stage.finish(steps, second)
    assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "timeout")]
    assert [one.version for one in stage.asked] == ["1"]


def test_only_people_about_whom_a_model_decided_count_as_touched() -> None:
    stage = Stage()
    answer = stage.play((-1, "home", "ann"), (10, "home", "bob"))
    assert [part.touched for part in stage.rows[answer.index] if part.row >= 0] == [False, True]
    stage = Stage(PREVIOUS)
    stage.deploy("2")
    stage.hold("version:scorer@2")
    answer = stage.play((-1, "home", "ann"), (10, "home", "bob"))
    assert [part.touched for part in stage.rows[answer.index] if part.row >= 0] == [False, True]
