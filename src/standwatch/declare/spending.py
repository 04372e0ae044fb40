"""What language models cost, who stands in for them, and whose first message says the task."""

from typing import Final

from standwatch.declare.organisation import WORD
from standwatch.declare.schema import Fields, Reader, choice, integer, listing, number, shaped, short, text
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Component, Manifest, Number
from standwatch.facts.spending import MONEY, SPENDINGS, TOKENS, FirstMessage, Price, Window

MOST_PRICE: Final = 1_000_000
"""Per million tokens: beyond it no sum of a day would be a safe integer."""
MOST_TOKENS: Final = 100_000_000
ONLY_LLM: Final = ("price", "window", "fallback")

_currency = shaped(r"[A-Z]{3}", "a currency's three capitals (ISO 4217)")
_from: Reader[str] = choice("first_user_message")
_agent = shaped(WORD, "an agent's name")
_marker = text("what the harness writes there", 400)
stand_ins = listing(shaped(WORD, "a component's name"), "components of kind llm", least=1)


def read_price(node: Node, problems: Problems) -> Price | None:
    """What a million tokens cost."""
    fields = Fields(node, problems, "a price")
    price = Price(
        input=fields.need("input", _sum, 0),
        output=fields.need("output", _sum, 0),
        currency=fields.need("currency", _currency, ""),
        cached=fields.take("cached", _maybe_sum, None),
        written=fields.take("written", _maybe_sum, None),
    )
    fields.close()
    return price


def read_window(node: Node, problems: Problems) -> Window | None:
    """The most tokens in and out of one call."""
    fields = Fields(node, problems, "a window")
    window = Window(
        input=fields.take("input", _maybe_tokens, None),
        output=fields.take("output", _maybe_tokens, None),
    )
    fields.close()
    return window


def read_task(node: Node, problems: Problems) -> FirstMessage | None:
    """Where a run's task may be read off, and whose runs."""
    fields = Fields(node, problems, "task")
    fields.need("from", _from, "")
    found = FirstMessage(
        agents=fields.need("agents", listing(_agent, "agents", least=1), ()),
        after=fields.take("after", _marker, ""),
        before=fields.take("before", _marker, ""),
    )
    fields.close()
    return found if found.agents else None


def _sum(node: Node, problems: Problems) -> Number | None:
    found = number(node, problems)
    if found is not None and not 0 <= found <= MOST_PRICE:
        problems.add(node.mark, f"{found}, expected a price of a million tokens between 0 and {MOST_PRICE:,}")
        return None
    return found


_maybe_sum: Reader[Number | None] = _sum
_maybe_tokens: Reader[int | None] = integer(1, MOST_TOKENS)


def check_llm(fields: Fields, component: Component, problems: Problems) -> None:
    """What only a language model has."""
    if component.kind == "llm":
        return
    for name in ONLY_LLM:
        if fields.has(name):
            problems.add(
                fields.place(name),
                f"{name} on a component of kind {component.kind}, expected it on an llm only",
            )


def check_spending(fields: Fields, manifest: Manifest, problems: Problems) -> None:
    """Stand-ins are language models of the manifest; money has one currency, and where it is limited a price."""
    models = {one.name: one for one in manifest.components if one.kind == "llm"}
    for one in models.values():
        for name in one.fallback:
            if name not in models or name == one.name:
                known = ", ".join(sorted(models.keys() - {one.name})) or "none is declared"
                problems.add(
                    fields.place("components"),
                    f"{one.name}: fallback to {short(name)}, expected another llm: {known}",
                )
            elif _protocol(models[name]) != _protocol(one):
                problems.add(
                    fields.place("components"),
                    f"{one.name}: fallback to {name}, which speaks another protocol, expected the same provider",
                )
    currencies = sorted({one.price.currency for one in models.values() if one.price is not None})
    if len(currencies) > 1:
        problems.add(
            fields.place("components"),
            f"prices in {' and '.join(currencies)}, expected one currency in a system",
        )
    limits = manifest.limits
    if MONEY in limits.per_day or limits.money_per_run is not None:
        for name in sorted(name for name, one in models.items() if one.price is None):
            problems.add(
                fields.place("limits"),
                f"money is limited and {name} has no price, expected price: {{…}} of it",
            )


def _protocol(component: Component) -> str:
    return component.provider.removesuffix("-compatible")


def spending_meanings(key: str) -> list[str]:
    """What `key` of `limits.per_day` means where it is no tool's."""
    if key not in SPENDINGS:
        return []
    return ["tokens"] if key == TOKENS else ["an amount"]
