"""Where in a run's results a value was seen before."""

from __future__ import annotations

import json

from standwatch.enforce.traced import BYTES, RESULTS, Results, Sighting, label, value_at
from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read


def result(value: object) -> bytes:
    """As an MCP server returns it."""
    return json.dumps({"content": [], "structuredContent": value}).encode()


def learn(
    results: Results, index: int, call: str, tool: str, paths: tuple[str, ...], data: bytes
) -> frozenset[str]:
    returns = Returns(trusted=paths)
    return results.learn(index, Read(data=data, tool=tool, call=call, returns=returns, told_by_us=True))


def test_a_value_is_seen_in_a_trusted_field_and_elsewhere_the_later_first() -> None:
    results = Results()
    assert learn(results, 3, "a", "look", ("$.iban",), result({"iban": "DE89 3704 0044 0532 0130 00"})) == {
        "de89370400440532013000"
    }
    learn(results, 5, "b", "mail", (), b"please use de89370400440532013000")
    learn(results, 7, "c", "mail", (), b"nothing")
    trusted, elsewhere = Sighting(3, "a", "look", True), Sighting(5, "b", "mail", False)
    assert results.seen("DE89370400440532013000") == (elsewhere, trusted)
    assert label("model", (elsewhere, trusted)) == "untrusted"
    assert (
        label("model", (trusted,)) == "model"
    )  # the gateway knew better: the field may be trusted since then
    assert [label(one, (elsewhere,)) for one in ("task", "trusted", "endorsed")] == [
        "task",
        "trusted",
        "endorsed",
    ]


def test_the_latest_results_count_and_those_before_are_forgotten() -> None:
    results = Results()
    learn(results, 1, "a", "old", (), b'"the secret word is swordfish"')
    for number in range(RESULTS):
        learn(results, 2 + number, f"b{number}", "new", (), b"{}")
    assert results.seen("swordfish") == ()
    learn(results, 99, "c", "again", (), b"SWORD fish")
    assert [(one.index, one.tool) for one in results.seen("swordfish")] == [(99, "again")]


def test_long_results_push_earlier_ones_out_but_never_themselves() -> None:
    results = Results()
    learn(results, 1, "a", "old", (), b"swordfish")
    learn(results, 2, "b", "new", (), b"x" * BYTES + b"kingfisher")
    assert results.seen("swordfish") == ()
    assert [one.index for one in results.seen("kingfisher")] == [2]


def test_what_is_short_or_no_single_value_is_seen_nowhere() -> None:
    results = Results()
    learn(results, 1, "a", "tool", ("$.no",), result({"no": "abc", "text": "xyz true None [1] 12345"}))
    for value in ("xyz", True, None, [1], {"a": 1}):
        assert results.seen(value) == (), value
    assert [one.trusted for one in results.seen("abc")] == [
        True
    ]  # the whole of a trusted field, however short
    assert [one.trusted for one in results.seen(12345)] == [False]


def test_pointers_lead_to_values_or_nowhere() -> None:
    value = {"deep": [{"x/y~z": "12345"}], "": 0}
    assert value_at(value, "/deep/0/x~1y~0z") == "12345"
    assert (value_at(value, ""), value_at(value, "/")) == (value, 0)
    for nowhere in ("/deep/1", "/deep/x", "/deep/-1", "/gone", "/deep/0/x~1y~0z/0"):
        assert value_at(value, nowhere) is None, nowhere
