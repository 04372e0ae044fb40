"""Which component serves a model, and how a prompt is judged, sealed and changed."""

import hashlib
from typing import Any, Final

import msgspec

from standwatch.enforce.patterns import names
from standwatch.facts.configuration import Component, Finding
from standwatch.facts.llm import Prompt, Provider

_TOOL_MEMBERS: Final = (
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "mcp_servers",
)
"""Members of a body that offer tools or speak of those offered."""


def serves(component: Component, model: str) -> bool:
    """Whether `component` may be asked as `model`: one that its manifest names, or the version it has."""
    if component.kind != "llm" or not component.provider:
        return False
    listed = component.models or (component.version,)
    return model in listed or names(listed, model)


def serving(
    components: tuple[Component, ...], providers: frozenset[Provider], model: str
) -> Component | None:
    """The first component, in the manifest's order, of one of `providers` that serves `model`."""
    return next((one for one in components if one.provider in providers and serves(one, model)), None)


def stand_ins(
    components: tuple[Component, ...], first: Component, providers: frozenset[Provider]
) -> tuple[Component, ...]:
    """`first`, and those that stand in for it: of the same protocol, for a translated prompt is not the caller's."""
    named = {one.name: one for one in components if one.kind == "llm" and one.provider in providers}
    return (first, *(named[name] for name in first.fallback if name in named))


def asked_as(component: Component, prompt: Prompt) -> Prompt:
    """`prompt` as `component` is asked: for the same model where it serves that, else for its own.

    Every other member keeps its bytes."""
    own = component.version or next((one for one in component.models if "*" not in one), "")
    if serves(component, prompt.model) or not own:
        return prompt
    raw = msgspec.json.decode(prompt.body, type=dict[str, msgspec.Raw])
    body = msgspec.json.encode({**raw, "model": own})
    return msgspec.structs.replace(prompt, body=body, value={**prompt.value, "model": own}, model=own)


def offered(components: tuple[Component, ...], providers: frozenset[Provider]) -> tuple[tuple[str, str], ...]:
    """The models that lists may show, with their vendors: those that are named, not those that a pattern allows."""
    found: dict[str, str] = {}
    for one in components:
        if one.kind == "llm" and one.provider in providers:
            for name in one.models or (one.version,):
                if name and "*" not in name:
                    found.setdefault(name, one.vendor or one.name)
    return tuple(found.items())


def generation_arguments(prompt: Prompt) -> dict[str, Any]:
    """What stands for a prompt in its canonical action: small, and bound to the body by its SHA-256."""
    members: dict[str, Any] = {
        "api": prompt.api,
        "bytes": len(prompt.body),
        "images": sum(turn.kind == "image" for turn in prompt.turns),
        "model": prompt.model,
        "sha256": hashlib.sha256(prompt.body).hexdigest(),
        "stream": prompt.stream,
        "tools": list(prompt.tools),
        "turns": len(prompt.turns),
    }
    if prompt.hosted:
        members["hosted"] = list(prompt.hosted)
    if prompt.output is not None:
        members["output"] = prompt.output
    if prompt.choices != 1:
        members["choices"] = prompt.choices
    if prompt.instead_of:
        members["instead_of"] = prompt.instead_of
    return members


NO_TOOLS: Final = "no_tools"
"""Code of the finding that takes the tools out of a prompt."""


def offers(prompt: Prompt | None) -> bool:
    """Whether a prompt offers any tools, the caller's or the provider's."""
    return prompt is not None and bool(prompt.tools or prompt.hosted)


def withdraws(findings: tuple[Finding, ...]) -> bool:
    """Whether the tools are to be taken out of the prompt."""
    return any(one.code == NO_TOOLS and one.enforced for one in findings)


def without_tools(prompt: Prompt) -> Prompt:
    """The same prompt, with no tools offered. What the other members say is not touched, not even their spelling."""
    raw = msgspec.json.decode(prompt.body, type=dict[str, msgspec.Raw])
    kept = {name: value for name, value in raw.items() if name not in _TOOL_MEMBERS}
    value = {name: one for name, one in prompt.value.items() if name not in _TOOL_MEMBERS}
    return msgspec.structs.replace(prompt, body=msgspec.json.encode(kept), value=value, tools=(), hosted=())
