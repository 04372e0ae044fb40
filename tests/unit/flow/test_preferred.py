"""What the task chooses among trusted values."""

from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail


def read(trail: Trail, data: bytes, *names: str) -> None:
    said = b'{"structuredContent": {"result": ' + data + b"}}"
    trail.learn(Read(data=said, server="hr", tool="hr.list", returns=Returns(names=names), told_by_us=True))


def test_the_task_speaks_of_another_value_of_the_same_field() -> None:
    trail = Trail("Write to Ann that lunch is at noon")
    read(
        trail, b'[{"name": "Ann", "team": "Sales"}, {"name": "Bob", "team": "Law"}]', "$[*].name", "$[*].team"
    )
    assert trail.chosen_instead("Bob") == "Ann"
    assert trail.chosen_instead("Ann") == ""
    assert trail.chosen_instead("Law") == "", "of no team does the task speak"
    assert trail.chosen_instead("Eve") == "", "of no field"


def test_a_task_that_chooses_nobody_leaves_the_choice() -> None:
    trail = Trail("Write to whoever has the most open tickets")
    read(trail, b'["Ann", "Bob"]', "$[*]")
    assert trail.chosen_instead("Bob") == ""


def test_names_of_members_are_one_field() -> None:
    trail = Trail("Book the Grand Hotel")
    trail.learn(
        Read(
            data=b'{"structuredContent": {"result": {"Grand Hotel": "90", "Palace": "900"}}}',
            server="h",
            tool="h.prices",
            returns=Returns(trusted=("$",)),
            told_by_us=True,
        )
    )
    assert trail.chosen_instead("Palace") == "Grand Hotel"


def test_numbers_are_no_names() -> None:
    trail = Trail("Pay 10 for 3 tickets")
    read(trail, b'[{"id": "3"}, {"id": "7"}, {"id": 10}]', "$[*].id")
    assert trail.chosen_instead("7") == ""


def test_of_a_form_that_the_task_gives_what_fills_it_was_chosen() -> None:
    """The kitchen that the task speaks of is no name for the house whose kitchen it is."""
    trail = Trail(
        "The event's title should be 'Dinner at {house}'; I crave Israeli food, at the Palace if it can be"
    )
    trail.learn(
        Read(
            data=b'{"structuredContent":{"result":{"New Israeli House":"Israeli","Miznon":"Thai","Palace":"x"}}}',
            server="t",
            tool="t.kitchens",
            returns=Returns(trusted=("$",)),
            told_by_us=True,
        )
    )
    assert trail.source("Dinner at New Israeli House") == "trusted"
    assert trail.chosen_instead("Dinner at Palace") == ""
    assert trail.chosen_instead("Dinner at Miznon") == trail.chosen_instead("Miznon") == "Palace"
    assert trail.chosen_instead("Dinner at New Israeli House") == "Palace"
