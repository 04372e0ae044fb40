"""Whether a task speaks of an act."""

import pytest

from standwatch.flow.intent import speaks_of


@pytest.mark.parametrize(
    ("task", "words", "said"),
    [
        ("Please pay the invoice", ("pay",), True),
        ("Transferring 5 EUR", ("transfer",), True),
        ("Payments are late", ("pay",), False),
        ("Summarise the inbox", ("pay", "send", "transfer"), False),
        ("", ("pay",), False),
    ],
)
def test_the_task_must_speak_of_such_an_act(task: str, words: tuple[str, ...], said: bool) -> None:
    assert speaks_of(task, words) is said
