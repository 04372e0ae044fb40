"""An open page follows what was done from it and elsewhere, and no control of it moves: holds on what waits, a watch
that is taken, a check that is bypassed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Restored
from support.approving import Person, person
from support.system import Agent, Living, Scripted, echo, manifest, scripted, server, serving, tool, waited

AXE = Path(__file__).parents[2] / "build" / "npm" / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES: dict[str, Any] = {
    "bank.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 5}}, "otherwise": "step_up"}
}
MORE = """
watch: {night: {systems: ["*"], people: [olga@bank.example, maria@bank.example], longest: 12h}}
relaxations: {most: 4h, checks: {policy: 1h}}
"""
SIGN = "form.stacked [data-passkey-challenge]"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with scripted(echo, tools=[tool("pay")]) as running:
        yield running


@pytest.fixture(scope="module")
def watch(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    systems = {"pay": manifest("pay", [server("bank", url=upstream.url)], RULES)}
    with serving(tmp_path_factory.mktemp("following"), systems, more=MORE) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "pay", starts=True)


@pytest.fixture(scope="module")
def olga(watch: Living) -> Iterator[Person]:
    with person(watch, "olga") as found:
        yield found


def boxes(one: Person, selector: str) -> Any:
    """Where what matches is on the page."""
    found = f"[...document.querySelectorAll({json.dumps(selector)})]"
    return one.chrome.run(f"{found}.map(it => [it.offsetTop, it.getBoundingClientRect().top])")


def axe(one: Person) -> list[str]:
    """What axe-core finds wrong, in light, in the dark and on a phone, by every rule of WCAG 2.2 AA."""
    if not one.chrome.run("window.axe !== undefined"):
        one.chrome.run(AXE.read_text() + ";0")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    options = {"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}
    found: list[str] = []
    for scheme, width in (("dark", 1280), ("light", 390), ("light", 1280)):
        one.chrome.media(prefers_color_scheme=scheme)
        one.chrome.view(width, 900)
        said = one.chrome.run(f"axe.run(document, {json.dumps(options)}).then(it => it.violations)")
        found += [f"{rule['id']}: {node['html'][:200]}" for rule in said for node in rule["nodes"]]
    return found


def click(one: Person, selector: str) -> None:
    one.chrome.run(f"document.querySelector({json.dumps(selector)}).click()")


def hold(watch: Living) -> str:
    """The number of the one hold in force."""
    (found,) = watch.run("status")["holds"]
    return str(found["id"])


def test_a_hold_is_marked_where_one_answers_and_on_its_page_once_it_is_released(
    olga: Person, watch: Living, bot: Agent
) -> None:
    ident = bot.call("pay", to="DE02", amount=900).reference
    olga.open("/approvals")
    chip = "document.querySelector('#waiting .chip.held').checkVisibility()"
    olga.chrome.view(390, 844)
    assert olga.chrome.run(chip) is False
    olga.chrome.view(1280, 900)
    assert olga.chrome.run(chip) is False
    rows = boxes(olga, "#waiting tbody tr")
    watch.halt("tool:bank.pay", "odd payments")
    number = hold(watch)
    waited(lambda: f"held (hold {number})" in olga.text("#waiting"))
    assert "1 held: nothing of that is carried out" in olga.text("#count")
    assert boxes(olga, "#waiting tbody tr") == rows
    assert axe(olga) == []

    olga.open(f"/approvals/{ident}")
    waited(lambda: not olga.chrome.run("refuse.disabled"))
    acts = boxes(olga, ".act")
    assert f"Held (hold {number}): nothing is carried out until it is released." in olga.text("#standing")
    assert axe(olga) == []
    watch.run("release", number, "--reason", "all paid back")
    waited(lambda: "Held" not in olga.text("#standing"))
    assert boxes(olga, ".act") == acts

    olga.open(f"/holds/{number}")
    for words in ("Released", "odd payments", "all paid back", "Released by"):
        assert words in olga.text(), words
    assert axe(olga) == []
    watch.run("refuse", ident, "--yes", "--key", watch.key("olga"))


def test_what_is_said_of_an_open_question_is_silent_once_it_is_answered(
    olga: Person, watch: Living, bot: Agent
) -> None:
    ident = bot.call("pay", to="DE02", amount=901).reference
    olga.open(f"/approvals/{ident}")
    seen = "document.querySelector('.whileopen').checkVisibility({visibilityProperty: true})"
    assert olga.chrome.run(seen) is True
    assert "Whose approval would count now" in olga.text("#standing")
    acts = boxes(olga, ".act")
    watch.run("refuse", ident, "--yes", "--key", watch.key("olga"))
    waited(lambda: "refused" in olga.text("#standing").lower())
    waited(lambda: olga.chrome.run(seen) is False)
    assert "would count now" not in olga.text()
    assert boxes(olga, ".act") == acts
    olga.open(f"/approvals/{ident}")
    assert "If nobody answers" not in olga.text()


def test_the_page_of_a_watch_says_who_has_it_once_it_is_signed(olga: Person) -> None:
    olga.open("/")
    (link,) = olga.chrome.run("[...document.querySelectorAll('.warn a')].map(it => it.pathname)")
    assert link == "/roster/night", "the warning leads where the watch is taken"
    olga.open(link)
    assert "Nobody has it" in olga.text("#has")
    places = boxes(olga, f"{SIGN}, select")
    click(olga, SIGN)
    waited(lambda: "has it until" in olga.text("#has"))
    assert "Nobody has it" not in olga.text()
    assert boxes(olga, f"{SIGN}, select") == places


def test_a_bypass_is_there_once_it_is_signed_and_ends_from_there(olga: Person, watch: Living) -> None:
    olga.open("/relaxations?system=pay")
    assert "No check is bypassed" in olga.text("#inforce")
    olga.chrome.run("document.getElementById('check').value = 'policy'")
    olga.chrome.run("document.getElementById('why').value = 'The policy service is down'")
    places = boxes(olga, f"{SIGN}, select, textarea")
    before = watch.size
    click(olga, SIGN)
    waited(lambda: "The policy service is down" in olga.text("#inforce"))
    assert "No check is bypassed" not in olga.text()
    assert boxes(olga, f"{SIGN}, select, textarea") == places
    click(olga, "#inforce .card form button")
    waited(lambda: watch.of(Restored, before))


def test_nothing_held_and_something_held_read_as_what_they_are(olga: Person, watch: Living) -> None:
    olga.open("/")
    assert "Nothing is held." in olga.text(".beyond")
    watch.halt("system:pay", "odd")
    waited(lambda: "What is held is marked in its system’s row." in olga.text(".beyond"))
    watch.run("release", hold(watch), "--reason", "seen to")
    waited(lambda: "Nothing is held." in olga.text(".beyond"))
