"""A configuration compiled into the world the passage judges in."""

from typing import get_args

from standwatch.declare import cedar
from standwatch.enforce.case import World
from standwatch.enforce.envelope import build
from standwatch.enforce.policy import Policies, Slice, slice_name
from standwatch.facts.configuration import Configuration
from standwatch.facts.words import Effect
from standwatch.serve.contents import contents


def compile_world(configuration: Configuration) -> World:
    """Everything about `configuration` that does not depend on the call: envelopes, and policies parsed by tool."""
    slices = {
        (name, slice_name(tool.name, effect, tool.effect)): Slice(
            text=cedar.cedar_policies(configuration, name, tool.name, effect),
            entities=cedar.cedar_entities(configuration, name, tool.name, effect),
            action=cedar.cedar_action(tool, effect),
            resource=cedar.cedar_resource(tool),
        )
        for name, system in configuration.systems.items()
        for tool in system.manifest.tools.values()
        for effect in ((tool.effect,) if not tool.effect_by else get_args(Effect))
    }
    names = cedar.argument_names(configuration)
    policies = Policies(
        cedar.cedar_schema(configuration), slices, lambda arguments: cedar.cedar_context(arguments, names)
    )
    return World(configuration, build(configuration, contents(configuration)), policies)
