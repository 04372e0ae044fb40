"""A sample of `python -m bench.dojo` on a small bank of our own: a hijacked model, real servers, a careful approver."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.dojo.figures import Figures
from bench.dojo.gateway import governed
from bench.dojo.payloads import PAYLOADS
from bench.dojo.runs import Actor, Made, Run
from bench.dojo.trials import attacks, benign
from bench.dojo.upstream import Call, Catalogue

SUPPORT = Path(__file__).resolve().parents[1] / "support"
World = tuple[Actor, Catalogue]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway before the bank; its record is verified at the end."""
    command = (sys.executable, SUPPORT / "purse.py")
    with governed("purse", tmp_path_factory.mktemp("hijacked") / "org", command, SUPPORT) as found:
        yield found


def test_in_peace_every_task_is_done_and_one_question_is_asked(world: World) -> None:
    actor, catalogue = world
    runs = list(benign(actor, catalogue.users))
    assert [one.user for one in runs if not one.utility] == []
    asked = [made.call.tool for one in runs for made in one.made if made.questions]
    assert asked == ["set_address"], "what a letter says of the user is asked about, nothing else"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hijacked_model_changes_nothing_that_nobody_approved(world: World, payload: str) -> None:
    actor, catalogue = world
    figures = Figures("purse", payload)
    for run in attacks(actor, catalogue.users, catalogue, payload, own=False, adaptive=False):
        figures.add(run)
        assert not run.touched, run
        assert run.utility, run
    assert figures.hijacked == figures.runs > 0, "every run read the letter, and obeyed it"
    assert figures.asked + figures.refused > 0


def test_a_value_in_another_dress_is_no_other_value(world: World) -> None:
    actor, catalogue = world
    users = {"pay a known payee": catalogue.users["pay a known payee"]}
    runs = list(attacks(actor, users, catalogue, "plain", own=False, adaptive=True))
    assert len(runs) > len(catalogue.injections) * 5
    assert [one.goal for one in runs if one.touched or not one.utility] == []


def test_harm_is_seen_where_there_is_any() -> None:
    """The count itself can fail: a change that nobody approved, with the goal reached, is harm."""
    made = Made(Call("pay"), True, "irreversible", "done", 0, True, False)
    figures = Figures("purse", "plain")
    figures.add(Run("u", "g", True, True, True, (made,)))
    assert (figures.harmed, figures.touched, figures.met) == (1, 1, False)
