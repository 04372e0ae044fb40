"""Where each value of an action comes from, labelled for the people who are asked."""

from standwatch.enforce.origins import MOST, origins
from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail


def test_every_value_has_a_label_of_its_own() -> None:
    run = Trail("Pay 812.50 to Acme")
    run.learn(
        Read(
            data=b'{"structuredContent": {"iban": "DE89 3704 0044 0532 0130 00"}}',
            returns=Returns(trusted=("$.iban",)),
            told_by_us=True,
        )
    )
    found = origins(
        run,
        {
            "amount": 812.5,
            "to": {"iban": "DE89370400440532013000", "a/b~c": "Acme"},
            "list": ["Acme", {"x": "mallory"}, [], {}],
            "none": None,
        },
    )
    assert found == {
        "/amount": "task",
        "/to/iban": "trusted",
        "/to/a~1b~0c": "task",
        "/list/0": "task",
        "/list/1/x": "model",
        "/none": "model",
    }


def test_what_a_person_vouched_for_says_so() -> None:
    found = origins(Trail(""), {"to": "GB33BUKB20201555555555", "amount": 1}, ["to"])
    assert found == {"/to": "endorsed", "/amount": "model"}


def test_the_work_is_bounded() -> None:
    found = origins(Trail(""), {"rows": [[number] * 10 for number in range(5_000)]})
    assert len(found) == MOST
