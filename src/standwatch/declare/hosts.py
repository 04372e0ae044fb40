"""What the files and the environment of a host say about ways round us. Pure: texts and names in, sightings out."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from standwatch.declare.clients import Found
from standwatch.facts.configuration import Component, Manifest
from standwatch.facts.coverage import Needs, Place, Sighting, command_digest, program_of

LAUNCHERS: Final = frozenset(
    {"npx", "uvx", "python", "python3", "node", "docker", "uv", "bunx", "pipx", "deno", "sh", "bash", "cmd"}
)
"""Programs that start anything: the same one says nothing about the same server."""
VENDOR_KEYS: Final = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    "openai": ("OPENAI_API_KEY", "CODEX_API_KEY"),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
}
"""Vendor → the variables in which its clients look for a key."""
DATABASE: Final = ("DATABASE_URL", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "POSTGRES_PASSWORD")
"""Variables with which a program reaches a PostgreSQL of its own accord."""
SOCKETS: Final = ("/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")
"""Sockets whose writer is as good as root on the host."""

_REFERENCE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)")
_SETTING: Final = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,127})[ \t]*=[ \t]*\S", re.MULTILINE
)


def needs_of(manifest: Manifest, agents: str) -> Needs:
    """What somebody who looks at a host must know of the system of `manifest`."""
    return Needs(
        system=manifest.system,
        agents=agents,
        places=tuple(_place(one) for one in manifest.components),
    )


def _place(one: Component) -> Place:
    named = [
        name for value in (*one.env.values(), *one.headers.values()) for name in _REFERENCE.findall(value)
    ]
    url = urlsplit(one.url)
    return Place(
        name=one.name,
        kind=one.kind,
        program=program_of(one.command),
        command=command_digest(one.command),
        url=f"{url.scheme}://{url.netloc}{url.path}" if one.url else "",
        variables=tuple(dict.fromkeys((*named, *((one.key_env,) if one.key_env else ())))),
        vendor=one.vendor or one.provider,
        door=program_of(one.command) == "standwatch" and "door" in one.command,
    )


# --- clients' files -------------------------------------------------------------------------------------------


def direct(
    found: Iterable[Found], needs: Needs, lines: Mapping[str, str] | None = None
) -> Iterator[Sighting]:
    """A client that starts or calls a server itself: one of ours for certain, one like ours, or one nobody knows.

    `lines`: file → its text, for the line of an entry.
    """
    ours = needs.agents.rstrip("/") + "/mcp/"
    for one in found:
        if one.ours or one.component.url.startswith(ours):
            continue
        where = _where(one, lines or {})
        deed = "starts" if one.component.command else "calls"
        same = [place for place in needs.places if place.kind == "mcp_server" and _same(one.component, place)]
        like = [place for place in needs.places if place.kind == "mcp_server" and _like(one, place)]
        cure = f"replace it by: standwatch connect {needs.system}"
        for place in same or like:
            exact = "the server" if same else "what looks like the server"
            yield Sighting(
                code="direct",
                component=place.name,
                what=f"{one.client} {deed} {exact} {place.name} itself, as {one.name!r}",
                where=where,
                sure="certain" if same else "likely",
                cure=cure,
            )
        if not same and not like:
            yield Sighting(
                code="note",
                what=f"{one.client} {deed} {one.name!r} itself, a server that {needs.system} does not declare",
                where=where,
                cure="standwatch init, where it should be watched",
            )


def _same(one: Component, place: Place) -> bool:
    if one.url:
        return bool(place.url) and _plain(one.url) == _plain(place.url)
    return bool(place.command) and command_digest(one.command) == place.command


def _plain(url: str) -> tuple[str, str, int, str]:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    named = "localhost" if host in ("127.0.0.1", "::1") else host
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, named, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/")


def _like(one: Found, place: Place) -> bool:
    """The same name and the same sort of place: another version, another folder, other arguments."""
    if one.component.name != place.name:
        return False
    if one.component.url:
        return bool(place.url)
    program = program_of(one.component.command)
    return bool(place.command) and (program == place.program or {program, place.program} <= LAUNCHERS)


def _where(one: Found, lines: Mapping[str, str]) -> str:
    project = f" ({one.project})" if one.project else ""
    text = lines.get(one.file, "")
    at = text.find(f'"{one.name}"')
    return f"{one.file}:{text.count(chr(10), 0, at) + 1}{project}" if at >= 0 else f"{one.file}{project}"


# --- credentials ----------------------------------------------------------------------------------------------


def credentials(names: Collection[str], where: str, needs: Needs) -> Iterator[Sighting]:
    """Variables whose values the agent can read, and what each lets it call without us. `names`, never values."""
    there = set(names)
    for place in needs.places:
        keys = VENDOR_KEYS.get(place.vendor.lower(), ()) if place.kind == "llm" else ()
        for name in dict.fromkeys((*place.variables, *keys)):
            if name in there:
                yield _readable(name, place, where)
        if place.door:
            yield from (_role(name, place, where) for name in DATABASE if name in there)


def _readable(name: str, place: Place, where: str) -> Sighting:
    llm = place.kind == "llm"
    return Sighting(
        code="beside" if llm else "credential",
        component=place.name,
        what=f"{name} can be read here: whoever has it calls {place.name} without Standwatch",
        where=f"{where}: {name}",
        sure="likely",
        cure=f"keep {name} in Standwatch's own environment, and give it anew: it was readable",
    )


def _role(name: str, place: Place, where: str) -> Sighting:
    return Sighting(
        code="role",
        component=place.name,
        what=f"{name} can be read here: a program reaches the database in another role than that of {place.name}",
        where=f"{where}: {name}",
        sure="likely",
        cure="take it away, or change that role's password; the door has a role of its own",
    )


def variables(text: str) -> tuple[str, ...]:
    """The names that a `.env` file sets to something."""
    return tuple(dict.fromkeys(_SETTING.findall(text)))


def sockets(paths: Iterable[str], needs: Needs) -> Iterator[Sighting]:
    """Sockets that the account which was looked at may write to."""
    started = [place.name for place in needs.places if place.command]
    for path in paths:
        yield Sighting(
            code="note",
            what=f"{path} can be written to: whoever may do that is root here, and reaches {_list(started)}",
            where=path,
            sure="possible",
            cure="take this account out of its group, or run agents under another",
        )


def _list(names: list[str]) -> str:
    return ", ".join(names) or "whatever runs here"


# --- hosts of agents ------------------------------------------------------------------------------------------

HookState = tuple[str, str, str, str]
"""A host (`claude-code`); `installed`, `missing`, `changed`, `off` or `open`; where that is known from; what helps."""

_HOOKS: Final = {
    "missing": ("hook_missing", "has no hook of ours: it asks nobody"),
    "changed": ("hook_changed", "has a hook that is not as we installed it"),
    "off": ("hook_off", "has its hooks turned off"),
    "open": ("note", "asks its own user nothing: what its hook lets go, nobody else looks at"),
}


def hooks(states: Iterable[HookState], needs: Needs) -> Iterator[Sighting]:
    """Hosts that the system declares as components and that do not ask us."""
    declared = {place.name for place in needs.places}
    for host, state, where, cure in states:
        if host in declared and state in _HOOKS:
            code, said = _HOOKS[state]
            yield Sighting(
                code=code,
                component=host,
                what=f"{host} {said}",
                where=where,
                cure=cure or f"standwatch hook {host} install",
            )
