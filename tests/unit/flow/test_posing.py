"""Letters that only folding makes ASCII vouch for nothing: a recipient spelled with them is another one."""

import pytest

from standwatch.flow.fold import poses
from standwatch.flow.trail import Trail

TASK = "Pay K12 Supplies of Kiel, and write to kim@kiel.example"


@pytest.mark.parametrize(
    "value",
    [
        "\u212a12 Supplies",
        "K12 \u017fupplies",
        "\u212aiel",
        "\u212aim@kiel.example",
        "kim@kiel.example\ufeff",
        "Ki\u00adel",
    ],
)
def test_a_value_that_poses_is_not_the_tasks(value: str) -> None:
    assert Trail(TASK).origin(value).source != "task"


def test_letters_of_their_own_pose_as_nothing() -> None:
    assert not poses("Zürich Łódź Москва 東京")
    assert Trail("Write to Łódź").origin("łódź").source == "task"
