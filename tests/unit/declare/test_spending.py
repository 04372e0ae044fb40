"""Prices, windows, stand-ins, budgets and the first message, as text: read, refused, compared, and made into caps."""

from __future__ import annotations

import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import compare
from standwatch.enforce.envelope import build
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Misconfigured
from standwatch.facts.spending import FirstMessage, Price, Window

MANIFEST = "systems/payments-agent.yaml"
LLM = "  - {kind: llm, name: claude, vendor: anthropic, version: claude-sonnet-5}\n"
RUN, DAY = "per_run: {calls: 200, minutes: 30}", "calls: 5000}"
PRICE = "price: {input: 3, output: 15, cached: 0.3, currency: EUR}"
Files = dict[str, bytes]


def llm(name: str = "claude", more: str = "") -> str:
    return f"  - {{kind: llm, name: {name}, provider: anthropic, version: m-{name}{', ' if more else ''}{more}}}\n"


def said(
    files: Files, components: str = LLM, *, run: str = "", day: str = "", more: str = ""
) -> Configuration:
    text = files[MANIFEST].decode()
    assert all(one in text for one in (LLM, RUN, DAY))
    text = text.replace(LLM, components).replace(RUN, RUN[:-1] + (f", {run}" if run else "") + "}")
    text = text.replace(DAY, DAY[:-1] + (f", {day}" if day else "") + "}") + more
    return declare({**files, MANIFEST: text.encode()}).configuration


def refused(files: Files, components: str = LLM, **more: str) -> str:
    with pytest.raises(Misconfigured) as raised:
        said(files, components, **more)
    return "\n".join(raised.value.problems)


def whole(files: Files) -> Configuration:
    components = llm(more=f"{PRICE}, window: {{input: 200000}}, fallback: [spare]") + llm("spare", PRICE)
    return said(
        files,
        components,
        run="tokens: 9000, money: 2.5",
        day="tokens: 100000, money: 40",
        more="task: {from: first_user_message, agents: [desk], after: 'Request:'}\n",
    )


def test_it_is_read_and_becomes_caps(files: Files) -> None:
    configuration = whole(files)
    manifest = configuration.systems["payments-agent"].manifest
    claude = manifest.components[0]
    assert claude.price == Price(input=3, output=15, cached=0.3, currency="EUR")
    assert (claude.window, claude.fallback) == (Window(input=200_000), ("spare",))
    assert manifest.task == FirstMessage(agents=("desk",), after="Request:")
    caps = build(configuration)["payments-agent"].caps
    assert caps["run/tokens"] == 9_000
    assert caps["run/money"] == 2_500_000
    assert caps["day/tokens"] == 100_000
    assert caps["day/money"] == 40_000_000


def test_what_says_nothing_of_it_has_no_such_caps_and_nobody_s_message_is_a_task(files: Files) -> None:
    configuration = said(files)
    caps = {cap.partition("/")[2] for cap in build(configuration)["payments-agent"].caps}
    assert not caps & {"tokens", "money"}
    assert configuration.systems["payments-agent"].manifest.task is None


@pytest.mark.parametrize(
    ("components", "more", "told"),
    [
        (llm(more="price: {input: 3, output: 15}"), {}, "says no 'currency'"),
        (
            llm(more="price: {input: -3, output: 15, currency: EUR}"),
            {},
            "expected a price of a million tokens",
        ),
        (llm(more="price: {input: 3, output: 15, currency: euro}"), {}, "ISO 4217"),
        (llm(more="window: {input: 0}"), {}, "an integer of at least 1"),
        (llm(more="fallback: [nobody]"), {}, "claude: fallback to 'nobody', expected another llm"),
        (llm(more="fallback: [claude]"), {}, "claude: fallback to 'claude'"),
        (llm(more="fallback: [bank]"), {}, "fallback to 'bank'"),
        (
            llm(more="fallback: [gpt]") + llm("gpt").replace("anthropic", "openai"),
            {},
            "claude: fallback to gpt, which speaks another protocol",
        ),
        (llm(more=PRICE) + llm("b", PRICE.replace("EUR", "USD")), {}, "prices in EUR and USD"),
        (llm(), {"day": "money: 40"}, "money is limited and claude has no price"),
        (llm(), {"run": "money: 40"}, "money is limited and claude has no price"),
        (llm(), {"day": "tokens: 1.5"}, "1.5 tokens, expected a whole number"),
        (LLM, {"more": "task: {from: last_message, agents: [a]}\n"}, "first_user_message"),
        (LLM, {"more": "task: {from: first_user_message}\n"}, "says no 'agents'"),
    ],
)
def test_a_mistake_is_told(files: Files, components: str, more: dict[str, str], told: str) -> None:
    assert told in refused(files, components, **more)


def test_only_a_language_model_has_a_price(files: Files) -> None:
    text = files[MANIFEST].decode().replace("name: bank, command", f"name: bank, {PRICE}, command")
    with pytest.raises(Misconfigured) as raised:
        declare({**files, MANIFEST: text.encode()})
    assert "price on a component of kind mcp_server" in "\n".join(raised.value.problems)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"run": "tokens: 5"}, {}),
        ({"run": "tokens: 5"}, {"run": "tokens: 6"}),
        ({"run": "money: 5"}, {"run": "money: 6"}),
        ({"day": "tokens: 5"}, {"day": "tokens: 6"}),
        ({}, {"more": "task: {from: first_user_message, agents: [a]}\n"}),
        (
            {"more": "task: {from: first_user_message, agents: [a]}\n"},
            {"more": "task: {from: first_user_message, agents: [a, b]}\n"},
        ),
        (
            {"components": llm(more=PRICE) + llm("b", PRICE)},
            {"components": llm(more=f"{PRICE}, fallback: [b]") + llm("b", PRICE)},
        ),
    ],
)
def test_less_is_narrower(files: Files, narrow: dict[str, str], wide: dict[str, str]) -> None:
    base = {"components": llm(more=PRICE)}
    one, other = said(files, **{**base, **narrow}), said(files, **{**base, **wide})
    assert compare(other, one).systems["payments-agent"] == "narrower"
    assert compare(one, other).systems["payments-agent"] == "wider"


@pytest.mark.parametrize(
    "change",
    [
        {"components": llm(more=PRICE.replace("3,", "2,"))},
        {"components": llm(more=f"{PRICE}, window: {{output: 5}}")},
        {
            "components": llm(more=PRICE),
            "more": "task: {from: first_user_message, agents: [a], after: 'x'}\n",
        },
    ],
)
def test_what_decides_what_a_budget_comes_to_has_no_order(files: Files, change: dict[str, str]) -> None:
    before = {"components": llm(more=PRICE)}
    if "more" in change:
        before["more"] = "task: {from: first_user_message, agents: [a]}\n"
    one, other = said(files, **before), said(files, **change)
    assert compare(one, other).systems["payments-agent"] == "wider"
    assert compare(other, one).systems["payments-agent"] == "wider"
