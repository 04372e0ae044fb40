"""The sheet of an action: from its bytes alone, every member, whole."""

import hashlib
import random
import time
from typing import Any

import msgspec
import pytest

from standwatch.console.inert import plain
from standwatch.console.sheet import ROWS, Row, Sheet, compared, sheet
from standwatch.facts.canonical import MAX_DEPTH, canonical
from standwatch.facts.parts import Action, action_bytes
from standwatch.facts.short_words import short_words

ACTION = Action(
    id="01ABC", by="bot", run="run1", system="pay", tool="bank.pay", target="bank", arguments={"amount": 12500.75},
    event="tool_call", phase="call", schema="ab" * 32, conf=3, nonce="0f" * 16, org="test.invalid/log",
)  # fmt: skip


def of(arguments: Any, **changes: Any) -> Sheet:
    data = action_bytes(msgspec.structs.replace(ACTION, arguments=arguments, **changes))
    return sheet(data.decode())


def value_of(row: Row) -> Any:
    """What a row of a tree shows, read back: nothing but the tree itself is looked at."""
    if row.literal:
        return msgspec.json.decode(row.literal)
    if row.text is not None:
        text = plain(row.text.pieces)
        return msgspec.json.decode(text) if row.type == "JSON" else text
    return {} if row.type == "object" else []


def rebuilt(rows: tuple[Row, ...]) -> Any:
    """The arguments, out of the rows of the tree."""
    root: Any = {}
    stack: list[Any] = [root]
    for row in rows:
        if not row.depth:
            return value_of(row)
        value = value_of(row)
        del stack[row.depth :]
        if row.name is not None:
            stack[-1][plain(row.name.pieces)] = value
        else:
            assert len(stack[-1]) == row.place
            stack[-1].append(value)
        stack.append(value)
    return root


def test_every_member_and_every_argument_is_there() -> None:
    found = of(
        {"amount": 12500.75, "to": {"iban": "DE89370400440532013000", "tags": [1, None, True, {}, []]}}
    )
    assert not found.problems
    assert {plain(row.name.pieces) for row in found.members if row.name} == {
        *Action.__struct_fields__,
        "kind",
    } - {"arguments"}
    shape = [(row.pointer, row.type) for row in found.arguments]
    assert shape == [
        ("/amount", "number"), ("/to", "object"), ("/to/iban", "text"), ("/to/tags", "list"),
        ("/to/tags/0", "whole number"),
        ("/to/tags/1", "nothing"), ("/to/tags/2", "true or false"), ("/to/tags/3", "object"), ("/to/tags/4", "list"),
    ]  # fmt: skip


def test_what_is_done_stands_before_the_rest_of_it_and_nothing_is_lost() -> None:
    given = {"around": {"b": 1}, "command": "rm x", "cwd": "/srv"}
    data = action_bytes(msgspec.structs.replace(ACTION, arguments=given)).decode()
    found = sheet(data, ("command", "statement"))
    assert [row.pointer for row in found.arguments] == ["/command", "/around", "/around/b", "/cwd"]
    assert rebuilt(found.arguments) == given
    assert (found.digest, found.problems) == (sheet(data).digest, ())


def test_the_digest_is_that_of_the_bytes_and_so_are_the_words() -> None:
    data = action_bytes(ACTION)
    found = sheet(data.decode())
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.words == short_words(found.digest)
    assert len(found.words.split()) == 6
    assert plain(found.raw.pieces).encode() == data


def test_another_question_is_told_from_this_one() -> None:
    found = of({"amount": 1})
    right = {
        "digest": found.digest,
        "org": ACTION.org,
        "ident": ACTION.id,
        "system": ACTION.system,
        "tool": ACTION.tool,
    }
    assert compared(found, **right) == ()
    for name in right:
        assert compared(found, **{**right, name: "else"}), name


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'"amount":12500.75', b'"amount":12500.750'),
        lambda data: data.replace(b'"amount":12500.75', b'"amount":12500.75,"amount":1'),
        lambda data: data.replace(b'{"arguments"', b'{ "arguments"'),
        lambda data: data[:-1],
        lambda data: data.replace(b'"kind":"action.1"', b'"kind":"action.9"'),
        lambda data: data.replace(b'"conf":3', b'"conf":3,"comfort":1'),
        lambda data: data.replace(b'"phase":"call",', b""),
        lambda data: data.replace(b'{"amount":12500.75}', b"[]"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"12500.75", b"9007199254740993"),
        lambda _: b"[]", lambda _: b"", lambda _: b"nothing",
    ],
)  # fmt: skip
def test_bytes_that_are_no_canonical_action_are_a_problem_and_shown_as_they_stand(change: Any) -> None:
    data: bytes = change(action_bytes(ACTION))
    found = sheet(data.decode())
    assert found.problems
    assert plain(found.raw.pieces).encode() == data


def test_a_lone_surrogate_and_depth_are_problems_not_faults() -> None:
    assert sheet('{"a":"\ud800"}').problems
    assert sheet("[" * 5_000).problems
    assert sheet('{"arguments":' + "[" * 200 + "]" * 200 + "}").problems


def test_trees_are_put_together_again() -> None:
    chance = random.Random(3)
    names = ["a", "b/c", "d~e", "", "\u202e", "naïve", "0", "а"]

    def value(depth: int) -> Any:
        kind = chance.randrange(9 if depth < 5 else 6)
        if kind < 6:
            return chance.choice([None, True, 7, -2.5, "text", "a\u200bb\nc", "", 1e-7, 10**15, "x" * 3_000])
        if kind == 6:
            return [value(depth + 1) for _ in range(chance.randrange(4))]
        return {name: value(depth + 1) for name in chance.sample(names, chance.randrange(4))}

    for _ in range(300):
        arguments = {name: value(1) for name in chance.sample(names, chance.randrange(5))}
        assert canonical(rebuilt(of(arguments).arguments)) == canonical(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "x" * 65_536}, {"list": [1] * 30_000}, {str(number): number for number in range(8_000)},
        {"rows": [{"a": 1, "b": [2, 3]}] * 3_000}, {"marks": "\u202e\u200b" * 16_000}, {"deep": None},
        {"lists": [[[]] * 3] * 5_000},
    ],
    ids=["text", "list", "members", "rows", "marks", "deep", "lists"],
)  # fmt: skip
def test_much_is_all_there_in_few_rows_and_little_time(arguments: dict[str, Any]) -> None:
    if "deep" in arguments:
        for _ in range(MAX_DEPTH - 3):
            arguments = {"deep": arguments}
    began = time.process_time()
    found = of(arguments)
    assert not found.problems
    assert len(found.arguments) <= ROWS
    assert canonical(rebuilt(found.arguments)) == canonical(arguments)
    assert time.process_time() - began < 5


def test_names_are_identifiers() -> None:
    found = of({"amоunt": 1, "to\u202e": 2})
    told = {notice.code for row in found.arguments if row.name for notice in row.name.notices}
    assert told == {"mixed_scripts", "direction"}
