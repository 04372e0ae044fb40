"""Digests of what has force: SHA-256 over JCS.

A member at its default is left out, so that a later release that adds a member leaves every digest as it is.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Approvals, Component, Manifest, Organisation, Policy, System, Tool
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Model

NOT_PERMISSION: Final = frozenset(
    {"purpose", "owner", "halt_authority", "validator", "approvers", "observe_until", "decoys"}
)
"""Members of a manifest that say nothing about what it permits: prose, people, the time-boxed observation,
and how often those who approve are tried."""

DEFINITION: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
"""Members of a tool's definition that an accepted digest covers."""


def envelope_digest(manifest: Manifest) -> str:
    """Digest of what `manifest` permits. Order of members, comments, layout, prose and people do not count.

    Nor do the versions of a model: evidence is about the one that runs (`record.serving.running`), and another that
    could be deployed takes nothing from it.
    """
    models = {name: _permitting(model) for name, model in manifest.models.items()}
    tools = {name: _nobody_named(tool) for name, tool in manifest.tools.items()}
    manifest = msgspec.structs.replace(manifest, models=models, tools=tools)
    members = {name: value for name, value in _members(manifest).items() if name not in NOT_PERMISSION}
    return _digest("envelope.1", members)


def _permitting(model: Model) -> Model:
    plain = tuple(msgspec.structs.replace(one, words="") for one in model.inputs)
    return msgspec.structs.replace(model, versions={}, inputs=plain)


def _nobody_named(tool: Tool) -> Tool:
    """How many must approve is permission; who they are is not, as of the whole system."""
    if tool.approvals is None:
        return tool
    rule = msgspec.structs.replace(tool.approvals, by=None)
    return msgspec.structs.replace(tool, approvals=None if rule == Approvals() else rule)


def component_digest(component: Component) -> str:
    """Digest of one line of the AIBOM, as a lock holds it."""
    return _digest("component.1", _members(component))


def root_digest(
    organisation: Organisation, systems: Mapping[str, System], policies: tuple[Policy, ...]
) -> str:
    """Digest over everything that has force: organisation, manifests with their people, locks, policies."""
    return _digest(
        "configuration.1",
        {
            "organisation": _members(organisation),
            "policies": {policy.name: policy.text for policy in policies},
            "systems": {
                name: {"manifest": _members(system.manifest), "lock": _members(system.lock)}
                for name, system in systems.items()
            },
        },
    )


def definition_digest(definition: Mapping[str, Any]) -> str:
    """SHA-256 of the JCS of a tool's definition as its server gives it; raises `Malformed` where there is none."""
    members = {name: definition[name] for name in DEFINITION if definition.get(name) is not None}
    if not isinstance(members.get("name"), str):
        raise Malformed("a tool's definition without a name")
    return hashlib.sha256(canonical(members)).hexdigest()


def _digest(kind: str, members: dict[str, Any]) -> str:
    return hashlib.sha256(canonical({"kind": kind, "of": members})).hexdigest()


def _members(struct: msgspec.Struct) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(struct, field.name))
        for field in msgspec.structs.fields(struct)
        if not _is_default(getattr(struct, field.name), field)
    }


def _is_default(value: Any, field: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return type(value) is type(default := field.default_factory()) and value == default
    return type(value) is type(field.default) and value == field.default


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _members(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value
