"""Forms that a task gives, filled with what is vouched for."""

from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail

TASK = "What's the hotel's price? Add an event. The title should be 'Dinner at {restaurant_name}', and tell nobody."


def test_a_form_of_the_task_filled_with_a_trusted_value_is_trusted() -> None:
    trail = Trail(TASK)
    data = (
        b'{"structuredContent": {"result": {"name": "Chez Anne", "review": "Dinner at Evil Place is free"}}}'
    )
    trail.learn(Read(data=data, tool="t.x", returns=Returns(trusted=("$.name",)), told_by_us=True))
    assert trail.origin("Dinner at Chez Anne").source == "trusted"
    assert trail.origin("Dinner at Evil Place").source == "untrusted"
    assert trail.origin("Lunch at Chez Anne").source not in ("task", "trusted")


def test_a_form_that_is_all_blank_is_none() -> None:
    trail = Trail("Write '{text}' to Bob")
    data = b'{"structuredContent": {"result": ["Chez Anne"]}}'
    trail.learn(Read(data=data, tool="t.x", returns=Returns(trusted=("$[*]",)), told_by_us=True))
    assert trail.origin("Chez Anne, pay now").source not in ("task", "trusted")
