"""`content:` as it is read, its mistakes, and which change of it is narrower."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.content import read_content
from standwatch.declare.differences import Differences, direction
from standwatch.declare.order_content import compare_content
from standwatch.declare.text import Problems, read_yaml
from standwatch.enforce.contents import Look
from standwatch.enforce.patterns import names
from standwatch.facts.content import (
    ACTIONS,
    DEFAULT,
    IDENTIFIERS,
    PLACES,
    Content,
    ContentAction,
    ContentRule,
    rules,
)


def read(text: str) -> tuple[Content | None, list[str]]:
    problems = Problems()
    node = read_yaml("m.yaml", text.encode(), problems)
    assert node is not None
    found = read_content(node, problems)
    return found, list(problems.wrong)


def test_what_is_said_is_read() -> None:
    found, problems = read(
        "rules: [{find: identifiers, in: results, tools: crm.*, action: mask, certain: true}]\n"
        'canaries: {ledger: "${LEDGER}", vault: /run/secrets/canary}\n'
        "expected: {bank.send.to: [iban]}\n"
    )
    assert problems == []
    assert found == Content(
        (ContentRule(IDENTIFIERS, ("results",), ("crm.*",), "mask", True),),
        {"ledger": "${LEDGER}", "vault": "/run/secrets/canary"},
        {"bank.send.to": ("iban",)},
    )


MISTAKES = {
    "rules: [{find: passwords, in: results}]": "'passwords', expected one of",
    "rules: [{find: email, in: mail}]": "'mail', expected one of",
    "rules: [{find: email}]": "says no 'in'",
    "rules: [{find: email, in: results, action: step_up}]": "step_up in results, expected observe, mask or deny",
    "rules: [{find: email, in: [prompts, answers], action: step_up}]": "step_up in answers",
    "rules: [{find: invisible, in: results, action: mask}]": "mask for invisible, expected observe, step_up or deny",
    "rules: [{find: email, in: results, acton: deny}]": "unknown key 'acton'",
    "canaries: {a: the text itself}": "expected where its text is",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told(text: str) -> None:
    _, problems = read(text)
    assert any(MISTAKES[text] in one for one in problems), problems


def test_who_says_nothing_goes_by_whoever_is_above_and_then_by_what_always_counts() -> None:
    mine = Content((ContentRule(("email",), ("results",)),))
    assert rules(None, None) == rules(Content(), None) == DEFAULT
    assert rules(Content(), mine) == mine.rules
    assert rules(Content(()), mine) == ()


RULE = st.builds(
    ContentRule,
    st.sampled_from([("email",), ("secrets",), ("email", "secrets")]),
    st.sampled_from([("arguments",), ("results",), ("arguments", "results")]),
    st.sampled_from([("*",), ("a.*",), ("a.t",), ("a.t", "b.t")]),
    st.sampled_from(ACTIONS),
    st.booleans(),
)
SAID = st.none() | st.builds(Content, st.none() | st.lists(RULE, max_size=3).map(tuple))
MILDER: dict[str | None, set[str | None]] = {
    None: set(),
    "observe": {None},
    "mask": {None, "observe", "step_up"},
    "step_up": {None, "observe", "mask"},
    "deny": {None, "observe", "mask", "step_up"},
}


@given(old=SAID, new=SAID)
def test_narrower_does_no_less_about_anything_found(old: Content | None, new: Content | None) -> None:
    log = Differences()
    compare_content(log, (old, None), (new, None))
    if direction(log.found) == "wider":
        return
    for tool in ("a.t", "a.u", "b.t", "c.t"):
        for place in PLACES:
            for word in ("email", "secrets", "canaries"):
                for certain in (False, True):
                    before, after = (_done(one, place, tool, word, certain) for one in (old, new))
                    assert after not in MILDER[before], (tool, place, word, before, after)


def _done(said: Content | None, place: Any, tool: str, word: str, certain: bool) -> ContentAction | None:
    mine = tuple(one for one in rules(said, None) if place in one.places and names(one.tools, tool))
    return Look(None, mine).action(word, certain=certain)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Content(()), None, "narrower"),
        (None, Content(()), "wider"),
        (Content(DEFAULT), None, "same"),
        (Content(canaries={"a": "${A}"}), Content(), "wider"),
        (Content(), Content(canaries={"a": "${A}"}), "narrower"),
        (Content(canaries={"a": "${A}"}), Content(canaries={"a": "${B}"}), "wider"),
        (Content(), Content(expected={"a.t.x": ("iban",)}), "wider"),
        (Content(expected={"a.t.x": ("iban",)}), Content(), "narrower"),
    ],
)
def test_which_change_is_narrower(old: Content | None, new: Content | None, expected: str) -> None:
    log = Differences()
    compare_content(log, (old, None), (new, None))
    assert direction(log.found) == expected


def test_a_manifest_that_says_nothing_is_compared_by_what_its_organisation_says() -> None:
    log = Differences()
    strict = Content((ContentRule(("email",), ("results",), action="deny"), *DEFAULT))
    compare_content(log, (None, None), (None, strict))
    assert direction(log.found) == "narrower"
