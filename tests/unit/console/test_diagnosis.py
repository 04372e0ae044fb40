"""What a diagnosis says to type becomes one tap where the console can do it, and only for what still stands."""

import pytest

from standwatch.console.diagnosis import Undo, _model, _undo
from standwatch.facts.decisions import Happening
from standwatch.fronts.control_models import ModelDiagnosis
from standwatch.watch.diagnosis import Cause, Diagnosis, Mix


@pytest.mark.parametrize(
    ("command", "undo"),
    [
        ("", None),
        (
            "standwatch rollback loans --model scorer --to 1 --reason …",
            Undo("standwatch rollback loans --model scorer --to 1 --reason …", model="scorer", to="1"),
        ),
        (
            "standwatch rollback SYSTEM --model scorer --reason …",
            Undo("standwatch rollback loans --model scorer --reason …", model="scorer"),
        ),
        (
            "standwatch halt component:scorer --reason …",
            Undo("standwatch halt component:scorer --reason …", scope="component:scorer"),
        ),
        (  # of another system: nobody rolls that back from here
            "standwatch rollback pay --model scorer --to 1 --reason …",
            Undo("standwatch rollback pay --model scorer --to 1 --reason …"),
        ),
        ("git revert HEAD", Undo("git revert HEAD")),
        (
            "standwatch rollback loans --model scorer --to 1 --reason …; rm -rf /",
            Undo("standwatch rollback loans --model scorer --to 1 --reason …; rm -rf /"),
        ),
    ],
)
def test_commands_become_what_the_console_can_do(command: str, undo: Undo | None) -> None:
    assert _undo("loans", command) == undo


def test_only_the_last_change_of_a_route_is_taken_back() -> None:
    def deployed(index: int, what: str) -> Happening:
        return Happening(
            index, index, what, "a text", "standwatch rollback loans --model scorer --to 1 --reason …"
        )

    changes = (deployed(10, "deployed"), deployed(20, "rollback"), deployed(30, "config"))
    shown = _model("loans", ModelDiagnosis("scorer", Diagnosis(since=0, now=100), "", changes))
    assert [line.undo is not None for line in shown.changes] == [False, True, False]


def test_a_change_is_drawn_with_its_cause() -> None:
    cause = Cause(
        code="deployment",
        subject="2",
        text="version 2 denies more",
        at=50,
        earliest=40,
        latest=60,
        share=0.84,
    )
    told = Diagnosis(
        since=0,
        now=100,
        rows=9,
        changed=True,
        at=50,
        earliest=40,
        latest=60,
        mix=(Mix("", 0.1, 0.9),),
        causes=(cause,),
    )
    shown = _model("loans", ModelDiagnosis("scorer", told, "", (), {"2": {"denied": 3, "": 1}}))
    assert (shown.axis.first, shown.axis.likeliest) == (120, 150)
    assert [(bar.name, bar.wide_after) for bar in shown.mix] == [("no outcome", 270)]
    assert (shown.causes[0].wide, shown.causes[0].name) == (
        84,
        "a version was deployed that scores differently",
    )
    assert [(one.version, one.rows, [bar.before for bar in one.bars]) for one in shown.versions] == [
        ("2", 4, [0.25, 0.75])
    ]
