"""What a generation may come to at most, and what it came to: in tokens, and in the money of its component's price.

The upper bound rests on one fact: a token of a text stands for at least one byte of it (byte-level BPE and its kin).
What costs tokens without bytes is added: the words a provider puts around tools, and images. What nobody can bound from
the request is bounded by the component's `window`; where that says nothing either, it is refused under a budget.
"""

from decimal import ROUND_UP, Decimal
from typing import Any, Final, cast

from standwatch.enforce.case import Case
from standwatch.enforce.ports import Act, Carried
from standwatch.facts.configuration import Component
from standwatch.facts.llm import Prompt
from standwatch.facts.spending import MONEY, SPENDINGS, TOKENS, Price, Usage, Window

AROUND: Final = 1_024
"""Tokens that a provider may put around any request: its own system prompt for tools, markers of roles."""
PER_TOOL: Final = 1_024
"""Tokens for one tool that a provider knows by its type and describes to the model itself."""
PER_IMAGE: Final = 49_152
"""Tokens that an image comes to at most: the dearest published tiling is eight tiles of 5,667, and 2,833."""

_IMAGES: Final = frozenset({"image", "image_url", "input_image"})
_OPAQUE: Final = frozenset(
    {
        "container_upload", "document", "file", "file_search_call", "input_audio", "input_file", "input_video",
        "item_reference", "video_url", "audio_url",
    }
)  # fmt: skip
"""Parts whose tokens the request does not tell: files by name, documents that are packed."""
_REFERENCES: Final = ("previous_response_id", "conversation", "prompt", "container", "thread")
"""Members of a request that bring along what is not in it."""


def limited(case: Case) -> frozenset[str]:
    """Which of tokens and money this system has budgets of."""
    caps = case.envelope.caps if case.envelope is not None else {}
    return frozenset(name for name in SPENDINGS if f"run/{name}" in caps or f"day/{name}" in caps)


def unbounded(case: Case) -> str:
    """Why what this generation may come to cannot be told before it is sent; "" where it can, or no budget asks."""
    wanted = limited(case)
    if case.act.event != "generation" or not wanted:
        return ""
    component, most = _component(case), _bound(case)
    if component is None or case.act.prompt is None:
        return "a generation that nobody read has no bound"
    if case.act.prompt.hosted:
        return "what its provider carries out itself has no bound"
    if most is None:
        return f"{component.name} has no window, and the request does not tell how much it takes or gives"
    if MONEY in wanted and component.price is None:
        return f"{component.name} has no price"
    return ""


def reserved(case: Case) -> dict[str, int]:
    """What is taken of the budgets before it leaves; nothing where there is none."""
    most = _bound(case) if limited(case) else None
    return {} if most is None else _sums(case, most)


def spent(case: Case, carried: Carried) -> dict[str, int]:
    """What it came to, by the word of whom it was sent to; nothing where they did not say: the reservation stays."""
    if carried.usage is None or carried.status == "not_sent" or not limited(case):
        return {}
    return _sums(case, carried.usage)


def bound(prompt: Prompt, window: Window) -> Usage | None:
    """The most tokens that `prompt` can come to, in and out; None where neither it nor `window` tells."""
    taken, given = _input(prompt, window.input), _output(prompt, window.output)
    return None if taken is None or given is None else Usage(taken, given)


def money(price: Price, usage: Usage) -> int:
    """Micro-units that `usage` costs, rounded up."""
    pairs = (
        (usage.input, price.input),
        (usage.output, price.output),
        (usage.cached, price.input if price.cached is None else price.cached),
        (usage.written, price.input if price.written is None else price.written),
    )
    total = sum((count * Decimal(str(one)) for count, one in pairs), Decimal(0))
    return int(total.to_integral_value(ROUND_UP))


def _sums(case: Case, usage: Usage) -> dict[str, int]:
    component, wanted = _component(case), limited(case)
    sums: dict[str, int] = {}
    if TOKENS in wanted:
        sums[TOKENS] = usage.tokens
    if MONEY in wanted and component is not None and component.price is not None:
        sums[MONEY] = money(component.price, usage)
    return sums


def _bound(case: Case) -> Usage | None:
    component, prompt = _component(case), case.act.prompt
    if component is None or prompt is None:
        return None
    most = bound(prompt, component.window)
    return most if most is None or component.price is None else _dearest(component.price, most)


def _dearest(price: Price, most: Usage) -> Usage:
    """`most`, with all that goes in at whatever costs most: as it is, out of the provider's cache, or into it."""
    dearest = price.dearest_input
    if price.input == dearest:
        return most
    if price.written == dearest:
        return Usage(output=most.output, written=most.input)
    return Usage(output=most.output, cached=most.input)


def _component(case: Case) -> Component | None:
    return component_of(case.act, case.envelope.components if case.envelope is not None else {})


def component_of(act: Act, components: dict[str, Component]) -> Component | None:
    """The component that carries out `act`, which is called `component.generation`."""
    return components.get(act.tool.partition(".")[0])


def _input(prompt: Prompt, window: int | None) -> int | None:
    value = prompt.value
    if any(value.get(name) for name in _REFERENCES):
        return window
    images, opaque = _parts(value)
    if opaque:
        return window
    tools: Any = value.get("tools")
    count = len(cast("list[Any]", tools)) if isinstance(tools, list) else 0
    most = len(prompt.body) + AROUND + PER_TOOL * count + PER_IMAGE * images
    return most if window is None else min(most, window)


def _parts(value: dict[str, Any]) -> tuple[int, int]:
    """How many images, and how many parts that tell nothing of their size, stand anywhere in a request."""
    images = opaque = 0
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            kind = members.get("type")
            if isinstance(kind, str):
                images += kind in _IMAGES
                opaque += kind in _OPAQUE and not _plain(members)
            left += members.values()
        elif isinstance(one, list):
            left += cast("list[Any]", one)
    return images, opaque


def _plain(part: dict[str, Any]) -> bool:
    """Whether a document's words stand in the request as they are."""
    source: Any = part.get("source")
    return isinstance(source, dict) and cast("dict[str, Any]", source).get("type") in ("text", "content")


def _output(prompt: Prompt, window: int | None) -> int | None:
    most = prompt.output if prompt.output is not None else window
    if most is None:
        return None
    value = prompt.value
    thinking: Any = value.get("thinking")
    if isinstance(thinking, dict):  # a budget of thinking may be larger than `max_tokens` under a beta
        budget: Any = cast("dict[str, Any]", thinking).get("budget_tokens")
        most += budget if isinstance(budget, int) and budget > most else 0
    if value.get("prediction"):  # what was predicted and not used is charged as output
        most += len(prompt.body)
    return most * max(prompt.choices, 1)
