"""Which seams a system has, which of its tools go round them, and how that is known. Pure.

Three sources, and each line says which: the manifest (how a tool is reached by design), the record (how its calls
came), and whoever looked at a host (what else reaches it).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from standwatch.facts.configuration import Component, Manifest, Tool
from standwatch.facts.coverage import COUNTS, Sighting
from standwatch.facts.entries import Way
from standwatch.facts.sandbox import confinement
from standwatch.facts.words import Effect, Seam
from standwatch.record.coverage import CODES, MOST_WAYS, Looked

ASKED_BY_COURTESY: Final = ("service", "dataset", "prompt")
"""Kinds of components that nothing of ours stands before: their tools are carried out by whoever asked."""


class Calls(msgspec.Struct, frozen=True):
    """How often a tool was asked for by one seam, and when last (µs), in entry `index`."""

    seam: Seam
    count: int
    index: int
    at: int


class Reached(msgspec.Struct, frozen=True):
    """A tool with its ways. `seam` is the one it has by design: `proxy`, or `client` where its host asks."""

    tool: str
    effect: Effect
    seam: Seam
    calls: tuple[Calls, ...] = ()
    round: tuple[str, ...] = ()
    """Codes of the ways round that are known."""


def by_design(manifest: Manifest, tool: Tool) -> Seam:
    """`proxy` where we start or call its server ourselves, `client` where whoever carries it out asks us."""
    component = next((one for one in manifest.components if one.name == tool.server), None)
    return "proxy" if component is not None and component.kind == "mcp_server" else "client"


def reached(
    manifest: Manifest, calls: Iterable[tuple[str, Calls]], looked: Iterable[Looked]
) -> tuple[Reached, ...]:
    """Every declared tool: its seam by design, how its calls came, what goes round it. `calls`: by tool."""
    came: dict[str, list[Calls]] = {}
    for tool, one in calls:
        came.setdefault(tool, []).append(one)
    ways = {(way.tool, way.code) for host in looked for way in host.ways}
    return tuple(
        Reached(
            tool.name,
            tool.effect,
            by_design(manifest, tool),
            tuple(sorted(came.get(tool.name, ()), key=lambda one: -one.count)),
            tuple(code for code in CODES if (tool.name, code) in ways),
        )
        for tool in manifest.tools.values()
    )


def effects_of(manifest: Manifest) -> dict[str, Effect]:
    """Tool → its effect."""
    return {tool.name: tool.effect for tool in manifest.tools.values()}


def ways_of(effects: Mapping[str, Effect], sightings: Iterable[Sighting]) -> tuple[Way, ...]:
    """What sightings come to by tool: those that are sure enough, for tools that change something."""
    found: dict[tuple[str, str], Way] = {}
    for one in sightings:
        if one.code in CODES and one.sure in COUNTS:
            for tool, effect in _touched(effects, one):
                found[tool, one.code] = Way(tool=tool, code=one.code, effect=effect)
    grave = sorted(found.values(), key=lambda way: (way.effect != "irreversible", way.tool, way.code))
    return tuple(grave[:MOST_WAYS])


def _touched(effects: Mapping[str, Effect], one: Sighting) -> Iterator[tuple[str, Effect]]:
    for tool, effect in effects.items():
        mine = not one.component or tool.partition(".")[0] == one.component
        if effect != "read" and (tool == one.tool if one.tool else mine):
            yield tool, effect


# --- what the manifest itself says ----------------------------------------------------------------------------


def declared(manifest: Manifest, *, development: bool, asked: frozenset[str]) -> Iterator[Sighting]:
    """What can be said of every component without looking anywhere. `asked`: components the record has calls of."""
    for one in manifest.components:
        match one.kind:
            case "mcp_server" if one.command:
                yield _started(manifest, one, development=development)
            case "mcp_server":
                yield _called(one)
            case "llm":
                yield _llm(one, one.name in asked)
            case "model":
                yield _model(one)
            case _:
                yield from _by_courtesy(manifest, one)


def _started(manifest: Manifest, one: Component, *, development: bool) -> Sighting:
    confined = confinement(one.sandbox, development=development)
    if confined is not None:
        what = f"{one.name} is started by Standwatch in a sandbox; nobody else has its ends"
        return Sighting(code="note", component=one.name, what=what, where="manifest")
    return Sighting(
        code="note",
        component=one.name,
        what=f"{one.name} is started by Standwatch without a sandbox: what it does beside its tools is not governed",
        where="manifest",
        cure=f"sandbox: of {one.name} in systems/{manifest.system}.yaml",
    )


def _called(one: Component) -> Sighting:
    if one.credential is not None:
        what = (
            f"{one.name} is shown a credential for each released act: who comes without one is refused by it"
        )
        return Sighting(code="note", component=one.name, what=what, where="manifest", sure="likely")
    return Sighting(
        code="note",
        component=one.name,
        what=f"{one.name} answers at its address whoever may reach it and has what it takes: "
        "who that is cannot be known from here",
        where="manifest",
        sure="unknown",
        cure=f"credential: of {one.name}, or a network in which only Standwatch reaches it",
    )


def _llm(one: Component, asked: bool) -> Sighting:
    if not one.provider:
        what = f"{one.name} is declared and not asked through Standwatch: its generations are not seen"
        return Sighting(
            code="note", component=one.name, what=what, where="manifest", cure=f"provider: of {one.name}"
        )
    if not asked:
        what = f"{one.name} has a front here that nobody has used lately: its calls go elsewhere, or there are none"
        return Sighting(code="note", component=one.name, what=what, where="record", sure="possible")
    what = f"{one.name} is asked through Standwatch, which has its key"
    return Sighting(code="note", component=one.name, what=what, where="record")


def _model(one: Component) -> Sighting:
    if not one.url:
        what = f"{one.name} runs in its caller's process: what it says is that program's own word"
        return Sighting(code="note", component=one.name, what=what, where="manifest")
    return Sighting(
        code="note",
        component=one.name,
        what=f"{one.name} is served at an address: who else asks it there cannot be known from here",
        where="manifest",
        sure="unknown",
        cure="a network in which only Standwatch reaches it",
    )


def _by_courtesy(manifest: Manifest, one: Component) -> Iterator[Sighting]:
    if any(tool.server == one.name for tool in manifest.tools.values()):
        yield Sighting(
            code="cooperative",
            component=one.name,
            what=f"{one.name} carries its tools out itself: it asks because its hook or its code does",
            where="manifest",
            cure="give the tools to a server that Standwatch starts, or have a validator sign for the seam",
        )
