"""What does not answer, or lacks what it needs: servers, language models and canaries, as `status` says it."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from standwatch.enforce.case import World
from standwatch.facts.configuration import Configuration
from standwatch.facts.content import canaries
from standwatch.record.render import safe

MOST: Final = 300
"""Characters of what somebody else's program said."""


class Server(Protocol):
    """What is asked of a server that may be down."""

    @property
    def up(self) -> bool: ...
    @property
    def trouble(self) -> str: ...
    def diagnose(self) -> str: ...


def last_words(said: str) -> str:
    """The line of a process's stderr that tells most: the last that speaks of an error, else the last."""
    lines = [one.strip() for one in said.splitlines() if one.strip()]
    return next((one for one in reversed(lines) if "error" in one.lower()), lines[-1] if lines else "")[:MOST]


def down(name: str, server: Server) -> str:
    """Why `server` cannot be asked, with the last that its process said; "" while it can."""
    if server.up or not server.trouble:
        return ""
    last = last_words(server.diagnose())
    said = f"; it last said: {last}" if last and last not in server.trouble else ""
    return safe(f"Server {name} is down, and its calls are not carried out: {server.trouble[:MOST]}{said}")


def unanswering(name: str, trouble: str) -> str:
    """That a language model could not be asked when it was last asked; "" where it could."""
    if not trouble:
        return ""
    return safe(f"Language model {name} could not be asked: {trouble.removeprefix(f'{name}: ')[:MOST]}")


def unread(world: World) -> Iterator[tuple[str, str]]:
    """(system, sentence) for the canaries whose text is not there. INVARIANT: where it stands is told, never it."""
    places = _places(world.configuration)
    for system, envelope in world.envelopes.items():
        for name, text in sorted((envelope.contents.canaries if envelope.contents else {}).items()):
            if text is None:
                yield (
                    system,
                    f"The text of canary {name} cannot be read from {places.get(system, {}).get(name, 'its place')}:"
                    " what is to be looked through for it is refused (unfinished). Put it there, where the server"
                    " can read it, and start again: standwatch up",
                )


def _places(configuration: Configuration) -> Mapping[str, dict[str, str]]:
    common = configuration.organisation.content
    return {name: canaries(system.manifest.content, common) for name, system in configuration.systems.items()}
