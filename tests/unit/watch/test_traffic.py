"""The window of what passed: counted by step and system, bounded, and never wrong about how long things took."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.entries import Asked, Decided, Denied, Intent, Outcome
from standwatch.watch.traffic import STEP, STEPS, Cell, Window, quantile

AT = 1_000 * STEP
COMMON: dict[str, Any] = {"run": "", "tool": "t", "digest": "", "seen": 0, "why": ""}


def intent(at: int, system: str = "pay") -> Intent:
    return Intent(at=at, by="a", id="i", system=system, **COMMON)


def test_each_verdict_is_counted_where_it_belongs() -> None:
    window = Window()
    window.note(0, intent(AT))
    window.note(1, Outcome(at=AT + 5, id="i", of=0, status="ok", took={"upstream": 900}))
    window.note(2, intent(AT))
    window.note(3, Outcome(at=AT + STEP, id="i", of=2, status="timeout", took={"upstream": 60_000}))
    window.note(4, Denied(at=AT + STEP, by="a", id="d", system="pay", code="bounds", **COMMON))
    window.note(5, Denied(at=AT + STEP, by="a", id="d", system="pay", code="pace", verdict="defer", **COMMON))
    window.note(6, Asked(at=AT + STEP, by="a", id="q", system="pay", until=1, **COMMON))
    cells = window.lately(AT + STEP)["pay"]
    assert len(cells) == STEPS
    assert cells[:-2] == (None,) * (STEPS - 2)
    early, late = cells[-2], cells[-1]
    assert early is not None
    assert late is not None
    assert (early.allow, early.done, early.errors) == (2, 1, 0)
    assert (late.deny, late.defer, late.step_up, late.done, late.errors) == (1, 1, 1, 1, 1)
    assert 750 <= quantile([early], 0.95) <= 1_100
    assert 50_000 <= quantile([early, late], 0.95) <= 72_000


def test_an_outcome_whose_intent_nobody_saw_is_nobodys() -> None:
    window = Window()
    window.note(9, Outcome(at=AT, id="i", of=3, status="ok"))
    assert window.lately(AT) == {}


def test_decisions_count_by_row_and_those_that_nothing_answered_as_failed() -> None:
    window = Window()
    one: dict[str, Any] = {
        "by": "d",
        "id": "x",
        "run": "",
        "system": "loans",
        "model": "m",
        "tree": "",
        "seen": 0,
        "why": "",
    }
    window.note(0, Decided(at=AT, rows=7, took={"model": 2_000}, **one))
    for index, route in enumerate(("constant", "rule", "previous", "refer-to-human"), 1):
        window.note(index, Decided(at=AT, rows=2, routes={"model": 1, route: 1}, **one))
    cell = window.lately(AT)["loans"][-1]
    assert cell is not None
    assert (cell.allow, cell.done, cell.errors) == (15, 5, 0), "a fallback is an answer"
    window.note(5, Decided(at=AT, rows=2, routes={"model": 1, "refused": 1}, **one))
    assert (cell.allow, cell.done, cell.errors) == (17, 6, 1)


def test_what_is_older_than_the_window_is_gone_and_gaps_stay_gaps() -> None:
    window = Window()
    for step in (0, 1, 5, STEPS + 2):
        window.note(step, intent(AT + step * STEP))
    assert [at for at, one in enumerate(window.lately(AT + 5 * STEP)["pay"]) if one] == [
        STEPS - 6,
        STEPS - 5,
        STEPS - 1,
    ]
    assert [at for at, one in enumerate(window.lately(AT + (STEPS + 2) * STEP)["pay"]) if one] == [
        2,
        STEPS - 1,
    ]
    assert window.lately(AT + 3 * STEPS * STEP) == {}


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_right_to_a_fifth(took: list[int], share: float) -> None:
    window = Window()
    for index, one in enumerate(took):
        window.note(2 * index, intent(AT))
        window.note(2 * index + 1, Outcome(at=AT, id="i", of=2 * index, status="ok", took={"upstream": one}))
    cells: list[Cell] = [cell for cell in window.lately(AT)["pay"] if cell is not None]
    ordered = sorted(took)
    rank = next(at for at in range(1, len(ordered) + 1) if at >= share * len(ordered))
    true = ordered[rank - 1]
    assert true / 1.25 <= quantile(cells, share) <= true * 1.25
