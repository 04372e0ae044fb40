"""What a component of kind `llm` says that agents reach through us: its provider, models, key and patience."""

from typing import Final

import msgspec

from standwatch.declare.schema import Fields, Reader, choice, duration, listing, shaped
from standwatch.declare.text import Problems
from standwatch.facts.configuration import Component
from standwatch.facts.llm import Provider

URLS: Final = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""Where a provider is reached whose component has no `url`."""
ONLY_SERVED: Final = ("models", "key_env", "key_file", "hosted_tools", "timeout", "silence")
"""What only a component with a `provider` may say."""
KEY_HEADERS: Final = ("authorization", "x-api-key", "api-key")

provider: Reader[Provider] = choice("openai", "anthropic", "openai-compatible")
model_names = listing(shaped(r"[^\x00-\x20\x7f]{1,256}", "a model's name or a pattern"), "models", least=1)
hosted = listing(
    shaped(r"[A-Za-z0-9_.*-]{1,64}", "a type of tool or a pattern"), "types of hosted tools", least=1
)
key_file = shaped(r"[^\x00-\x1f\x7f]{1,1000}", "a file")
patience: Reader[int | None] = duration


def check_served_llm(fields: Fields, component: Component, problems: Problems) -> None:
    """Whoever is asked through us has a provider, a model that may be asked for, one key at most, and a place."""
    if component.kind != "llm":
        for name in ("provider", *ONLY_SERVED):
            if fields.has(name):
                what = f"{name} on a component of kind {component.kind}, expected it on an llm only"
                problems.add(fields.place(name), what)
        return
    if not component.provider:
        for name in ("url", "headers", *ONLY_SERVED):
            if fields.has(name):
                problems.add(fields.place(name), f"{name} on an llm without a provider, expected provider: …")
        return
    if not component.models and not component.version:
        problems.add(
            fields.mark, f"{component.name} names no model, expected models: [NAME] or version: NAME"
        )
    if not component.url and component.provider not in URLS:
        problems.add(fields.mark, f"{component.name} has no url, expected one for {component.provider}")
    keys = [name for name in ("key_env", "key_file") if fields.has(name)]
    keys += [f"headers {name}" for name in component.headers if name.lower() in KEY_HEADERS]
    if len(keys) > 1:
        problems.add(fields.mark, f"{component.name} has {' and '.join(keys)}, expected one key")


def located(component: Component) -> Component:
    """`component` with the place where its provider is reached."""
    if component.url or component.provider not in URLS:
        return component
    return msgspec.structs.replace(component, url=URLS[component.provider])
