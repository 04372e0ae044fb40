"""A manifest made ready for the hot path: everything about a tool that does not depend on the call."""

from collections.abc import Callable
from decimal import ROUND_UP, Decimal
from typing import Final

import msgspec
import re2

from standwatch.enforce.contents import Contents
from standwatch.enforce.environments.claims import Claim
from standwatch.enforce.environments.reach import Known, compile_environments, standing
from standwatch.enforce.idioms import sql
from standwatch.enforce.idioms.arguments import command_line
from standwatch.enforce.idioms.reading import Reading, read
from standwatch.enforce.models import ModelEnvelope, build_model
from standwatch.enforce.patterns import Pattern, names
from standwatch.enforce.ports import Act
from standwatch.facts.asks import caps as asks_caps
from standwatch.facts.asks import effective
from standwatch.facts.configuration import Component, Configuration, Freeze, Number, RedLine, System, Tool
from standwatch.facts.environments import conjoined
from standwatch.facts.relaxations import CRITICALITY, longest
from standwatch.facts.rules import Sequence
from standwatch.facts.spending import MONEY, TOKENS
from standwatch.facts.words import Effect
from standwatch.record.state import ALL

MICRO: Final = 1_000_000


class ToolEnvelope(msgspec.Struct, frozen=True):
    """One tool: its rules, its caps (DESIGN.md §6), the red lines on it, and the scopes a hold may name."""

    tool: Tool
    digest: str
    """The locked digest of its definition; "" where nothing is locked."""
    caps: dict[str, int]
    spends: tuple[tuple[str, str], ...]
    """(argument, limit name) of the arguments that count against a day's budget."""
    patterns: dict[str, Pattern]
    red_lines: tuple[RedLine, ...]
    scopes: tuple[str, ...]
    sequences: tuple[tuple[Sequence, dict[str, Pattern]], ...] = ()
    """Those that may forbid it, with the patterns of what excuses it."""
    stands: tuple[Claim, ...] = ()
    """Where its server reaches, whatever is asked of it."""
    reading: Reading | None = None
    """Of a call whose effect is its command line's (`effect_by`): what the line does. Then `tool.effect` is that,"""
    most: Effect | None = None
    """and this the declared one: the most that it may be."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Those that a call of it may have, as it is declared."""
        every = ("read", "write", "irreversible")
        return every[: every.index(self.tool.effect) + 1] if self.tool.effect_by else (self.tool.effect,)


class Envelope(msgspec.Struct, frozen=True):
    """One system as the passage reads it."""

    system: System
    tools: dict[str, ToolEnvelope]
    components: dict[str, Component]
    scopes: tuple[str, ...]
    caps: dict[str, int]
    red_lines: tuple[RedLine, ...]
    approval_seconds: int
    declared: tuple[str, str]
    """Digests of envelope and components, as the record must declare them."""
    models: dict[str, ModelEnvelope] = {}
    asks: dict[str, int] = {}
    """How much it may ask of people, as the sequencer reads it: `run/asks`, `person/asks`, `hour/asks`, `day/asks`."""
    relaxing: dict[str, int] = {}
    """Check → the longest relaxation of it that has force here, in µs; those that may not be relaxed are left out."""
    contents: Contents | None = None
    """What is looked for in content; None for nothing."""
    environments: tuple[Known, ...] = ()
    """By what it is known where an act reaches: the system's and its organisation's, conjoined."""
    freezes: tuple[Freeze, ...] = ()
    """The system's and its organisation's."""

    def find(self, act: Act) -> ToolEnvelope | None:
        """The declared tool of a call; None for an undeclared one and for every other kind of act."""
        found = self.tools.get(act.tool) if act.event == "tool_call" else None
        return found if found is None or not found.tool.effect_by else self._commanded(found, act)

    def _commanded(self, found: ToolEnvelope, act: Act) -> ToolEnvelope:
        """The tool as this call has it: with the effect of its command line, or the declared one where that is not
        understood."""
        component = self.components.get(found.tool.server)
        # INVARIANT: a hook's word on where a call starts is taken for its host's own tools alone.
        hooked = act.seam == "hook" and (component is None or component.kind != "mcp_server")
        roots = (act.arguments.get("workspace"), act.arguments.get("cwd")) if hooked else ("", "")
        workspace, start = (one if isinstance(one, str) else "" for one in roots)
        said, rule = act.arguments.get(found.tool.effect_by), found.tool.arguments[found.tool.effect_by]
        if rule.reads_as == "sql":
            reading = sql.reading(said) if isinstance(said, str) else Reading(understood=False)
        else:
            line = command_line(said)
            reading = Reading(understood=False) if line is None else read(line, workspace, start)
        effect = reading.effect if reading.understood else found.tool.effect
        tool = (
            found.tool if effect == found.tool.effect else msgspec.structs.replace(found.tool, effect=effect)
        )
        return msgspec.structs.replace(found, tool=tool, reading=reading, most=found.tool.effect)


def build(
    configuration: Configuration, contents: Callable[[System], Contents | None] = lambda _: None
) -> dict[str, Envelope]:
    """The envelopes of all systems, by name. `contents` makes ready what is looked for in a system's content."""
    return {
        name: _system(configuration, system, contents(system))
        for name, system in configuration.systems.items()
    }


def _system(configuration: Configuration, system: System, contents: Contents | None) -> Envelope:
    manifest = system.manifest
    components = {component.name: component for component in manifest.components}
    # A predictive model is held on its own, and a language model for which another stands in: the rest goes on.
    models = [
        component
        for component in manifest.components
        if component.kind != "mcp_server"
        and component.name not in manifest.models
        and not stood_in_for(component, components)
    ]
    scopes = (
        ALL,
        f"system:{manifest.system}",
        *(scope for model in models for scope in component_scopes(model)),
    )
    lines = tuple(
        line
        for line in configuration.organisation.red_lines
        if names(line.systems, manifest.system) and names(line.environments, manifest.environment)
    )
    caps = _caps(system)
    tools = {name: _tool(system, tool, components, scopes, lines) for name, tool in manifest.tools.items()}
    said = conjoined(configuration.organisation.environments, manifest.environments)
    known = compile_environments(said)
    if known:
        stands = {name: standing(one) for name, one in components.items() if not one.provider}
        tools = {
            name: msgspec.structs.replace(one, stands=stands.get(one.tool.server, ()))
            for name, one in tools.items()
        }
    seconds = manifest.approval_seconds or configuration.organisation.approval_seconds
    declared = (system.envelope, system.component_digest)
    deciding = {
        name: build_model(system, model, (*scopes, *component_scopes(components[name])))
        for name, model in manifest.models.items()
    }
    least = (configuration.organisation.relaxations, manifest.relaxations)
    relaxing = {check: longest(check, *least) * 1_000_000 for check in CRITICALITY if longest(check, *least)}
    organisation = configuration.organisation
    asks = effective(manifest.limits.asks, organisation.asks, development=organisation.development)
    return Envelope(
        system,
        tools,
        components,
        scopes,
        caps,
        lines,
        seconds,
        declared,
        deciding,
        asks_caps(asks),
        relaxing,
        contents,
        known,
        (*manifest.freeze, *organisation.freeze),
    )


def stood_in_for(component: Component, components: dict[str, Component]) -> bool:
    """Whether `component` is a language model that others stand in for, or that stands in for another: a hold on it
    falls on its own generations, and on nothing else of its system."""
    named = {name for one in components.values() if one.provider for name in one.fallback}
    return bool(component.provider) and (bool(component.fallback) or component.name in named)


def component_scopes(component: Component) -> tuple[str, ...]:
    """The hold scopes that name this component: itself, its version, its vendor, and `server:` for a server."""
    names = [f"component:{component.name}"]
    if component.version:
        names.append(f"version:{component.name}@{component.version}")
    if component.vendor:
        names.append(f"vendor:{component.vendor}")
    if component.kind == "mcp_server":
        names.append(f"server:{component.name}")
    return tuple(names)


def system_scopes(envelope: Envelope) -> frozenset[str]:
    """Every hold scope that falls on some act of this system, whoever does it: tools, servers, models, vendors."""
    components = (scope for one in envelope.components.values() for scope in component_scopes(one))
    return frozenset(
        (
            *envelope.scopes,
            *components,
            *(scope for tool in envelope.tools.values() for scope in tool.scopes),
            *(scope for model in envelope.models.values() for scope in model.version_scopes),
        )
    )


def act_scopes(
    envelope: Envelope | None, tool: ToolEnvelope | None, *, system: str, name: str, by: str, run: str
) -> tuple[str, ...]:
    """The hold scopes that fall on one act: `name` is `server.tool`, or `server.event` where no tool is called.

    `tool` is its declared envelope, or None for everything else: an undeclared tool, a resource, a prompt, a question.
    """
    own = (f"agent:{by}", f"run:{run}")
    if tool is not None:
        return tool.scopes + own
    server = name.partition(".")[0]
    named = (f"tool:{name}", f"server:{server}", *own)
    if envelope is None:
        return (ALL, f"system:{system}", *named)
    component = envelope.components.get(server)
    return (*envelope.scopes, *named, *(component_scopes(component) if component else ()))


def model_scopes(act: Act) -> tuple[str, ...]:
    """The scope of the model that a generation asks for, beside those of its component."""
    if act.event != "generation":
        return ()
    return (f"version:{act.tool.partition('.')[0]}@{act.target}",)


def _tool(
    system: System,
    tool: Tool,
    components: dict[str, Component],
    scopes: tuple[str, ...],
    lines: tuple[RedLine, ...],
) -> ToolEnvelope:
    limits = system.manifest.limits
    caps = _caps(system)
    if tool.per_run is not None:
        caps[f"run/{tool.name}"] = tool.per_run
    prefix = tool.name + "."
    server = components.get(tool.server)
    return ToolEnvelope(
        tool=tool,
        digest=system.lock.tools.get(tool.name, ""),
        caps=caps,
        spends=tuple(
            (limit.removeprefix(prefix), limit)
            for limit in limits.per_day
            if limit.startswith(prefix) and limit not in system.manifest.tools
        ),
        patterns={
            name: re2.compile(rule.pattern)
            for name, rule in tool.arguments.items()
            if rule.pattern is not None
        },
        red_lines=tuple(line for line in lines if names(line.tools, tool.name)),
        scopes=(*scopes, f"tool:{tool.name}", *(component_scopes(server) if server else ())),
        sequences=tuple(
            (one, {name: re2.compile(pattern) for name, pattern in one.unless.items()})
            for one in system.manifest.sequences
            if names(one.no, tool.name)
        ),
    )


def _caps(system: System) -> dict[str, int]:
    """Every limit as the sequencer reads it: `PERIOD/NAME` → the most that may stand there; amounts in micro-units.

    A day's limit that names a tool, or `calls`, or `tokens`, is a count; any other is an amount.
    """
    limits, counted = system.manifest.limits, {"calls", TOKENS, *system.manifest.tools}
    caps = {
        f"day/{name}": int(most) if name in counted else micro(most) for name, most in limits.per_day.items()
    }
    if limits.calls_per_run is not None:
        caps["run/calls"] = limits.calls_per_run
    if limits.tokens_per_run is not None:
        caps[f"run/{TOKENS}"] = limits.tokens_per_run
    if limits.money_per_run is not None:
        caps[f"run/{MONEY}"] = micro(limits.money_per_run)
    if limits.calls_per_minute is not None:
        caps["minute/calls"] = limits.calls_per_minute
    return caps


def micro(amount: Number) -> int:
    """`amount` in micro-units, rounded up, so that many small amounts never slip under a budget."""
    return int((Decimal(str(amount)) * MICRO).to_integral_value(ROUND_UP))


def effect_of(act: Act, tool: ToolEnvelope | None) -> Effect:
    """The effect an act has on the world. What is not declared is taken for irreversible; reads are reads."""
    if tool is not None:
        return tool.tool.effect
    return "irreversible" if act.event == "tool_call" else "read"
