"""Relaxations, the roster and the queue in a real Chromium: begun, signed, ended and handed over with a passkey."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.facts.entries import Pulled, Relaxed, Restored, Watch
from support.approving import Person, person
from support.system import Agent, Living, Scripted, echo, manifest, scripted, server, serving, tool, waited

RULES: dict[str, Any] = {
    "bank.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 5}}, "otherwise": "step_up"}
}
MORE = """
watch: {night: {systems: ["*"], people: [olga@bank.example, maria@bank.example], longest: 12h}}
relaxations: {most: 4h, checks: {policy: 1h}}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with scripted(echo, tools=[tool("pay")]) as running:
        yield running


@pytest.fixture(scope="module")
def watch(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    bank = server("bank", url=upstream.url)
    systems = {"pay": manifest("pay", [bank], RULES, limits={"asks": {"per_run": 1}})}
    with serving(tmp_path_factory.mktemp("keeping"), systems, more=MORE) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "pay", starts=True)


@pytest.fixture(scope="module")
def olga(watch: Living) -> Iterator[Person]:
    with person(watch, "olga") as found:
        yield found


def pressed(one: Person, selector: str, say: str) -> str:
    """Presses what starts a ceremony; what the page says when it is over."""
    one.chrome.run(f"document.querySelector({json.dumps(selector)}).click()")
    return waited(lambda: (said := one.text(say)) and "Confirm" not in said and said)


def test_a_check_is_bypassed_with_a_passkey_and_restored_with_one_tap(olga: Person, watch: Living) -> None:
    olga.open("/relaxations?system=pay")
    assert "No check is bypassed" in olga.text()
    begin = "form.stacked [data-passkey-challenge]"
    olga.chrome.run(f"document.querySelector({json.dumps(begin)}).click()")
    assert olga.chrome.run("document.getElementById('said-new').textContent") == "", "a reason is needed"
    olga.chrome.run("document.getElementById('check').value = 'policy'")
    olga.chrome.run("document.getElementById('why').value = 'The policy service is down'")
    before = watch.size
    said = pressed(olga, begin, "#said-new")
    assert f"relaxation {before}" in said
    (begun,) = watch.of(Relaxed, before)
    assert (begun.check, begun.by, list(begun.signatures)) == ("policy", "olga", ["olga"])
    olga.open("/relaxations")
    assert "The policy service is down" in olga.text()
    left = "document.querySelector('.card [data-until]').textContent"
    assert str(olga.chrome.run(left)).startswith("in ")
    assert "1 relaxed" in olga.text("#sight"), "in sight on every page"
    olga.chrome.run("document.querySelector('.card form button').click()")
    waited(lambda: watch.of(Restored, before))
    waited(lambda: "No check is bypassed" in olga.text())


def test_a_watch_is_taken_given_and_taken_over_with_what_is_open(
    olga: Person, watch: Living, bot: Agent
) -> None:
    watch.halt("tool:bank.none", "<b>odd</b> \u202eyaw")
    olga.open("/roster")
    assert "unattended" in olga.text()
    olga.open("/roster/night")
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in olga.text(), "the reason of the hold, inert"
    assert "olga@bank.example has the watch" in pressed(
        olga, "form.stacked [data-passkey-challenge]", "#said-take"
    )
    olga.open("/roster/night")
    olga.chrome.run("document.getElementById('to').value = 'maria'")
    assert "has to take it" in pressed(olga, "form.stacked [data-passkey-challenge]", "#said-give")
    with person(watch, "maria") as maria:
        maria.open("/roster/night")
        assert "Take it over" in maria.text()
        assert "maria@bank.example has the watch" in pressed(
            maria, "form.stacked [data-passkey-challenge]", "#said-take"
        )
    taken = watch.of(Watch)[-1]
    assert (taken.step, taken.person, taken.giver, sorted(taken.signatures)) == (
        "handed_over", "maria", "olga", ["maria", "olga"],
    )  # fmt: skip
    olga.open("/roster")
    assert "attended" in olga.text()
    assert "maria@bank.example" in olga.text("#sight")


def test_a_list_that_has_changed_is_not_signed(olga: Person, watch: Living) -> None:
    olga.open("/roster/night")
    watch.halt("tool:bank.other", "came in between")
    said = pressed(olga, "form.stacked [data-passkey-challenge]", "#said-take")
    assert "has the watch" not in said
    assert olga.chrome.run("document.getElementById('said-take').classList.contains('bad')")


def test_what_was_put_off_is_asked_about_or_dropped(olga: Person, watch: Living, bot: Agent) -> None:
    run = bot.open_run("Pay")
    first = run.call("pay", amount=10).reference
    second, third = run.call("pay", amount=11), run.call("pay", amount=12)
    assert (second.word, third.word) == ("pending", "pending")
    olga.open("/approvals")
    waiting = "[...document.querySelectorAll('#waiting tbody tr')].map(it => it.dataset.id)"
    assert olga.chrome.run(waiting) == [first]
    before = watch.size
    olga.chrome.run(
        f"document.querySelector('form[action=\"/deferred/{second.reference}/ask\"] button').click()"
    )
    waited(lambda: len(olga.chrome.run(waiting) or []) == 2)
    drop = f'form[action="/deferred/{third.reference}/drop"]'
    olga.chrome.run(f"document.querySelector('{drop} input[name=reason]').value = 'twice the same'")
    olga.chrome.run(f"document.querySelector('{drop} button').click()")
    waited(lambda: "Nothing was put off" in olga.text())
    assert [one.into for one in watch.of(Pulled, before)] == ["question", "nothing"]
    assert run.call("pay", amount=12).word == "refused"


def test_nothing_on_these_pages_breaks_the_policy(olga: Person) -> None:
    for path in ("/approvals", "/relaxations?system=pay", "/roster", "/roster/night", "/vigilance"):
        olga.open(path)
        assert olga.chrome.run("noted") == [], path
