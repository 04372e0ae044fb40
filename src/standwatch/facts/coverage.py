"""What was seen on a host of ways that go round us, and what somebody must know in order to look. Plain data."""

import hashlib
from typing import Final, Literal

import msgspec

Sure = Literal["certain", "likely", "possible", "unknown"]
"""`certain`: it stands there. `likely`: it stands there, and what is missing is its use. `unknown`: nobody can tell
from where it was looked."""

COUNTS: Final[tuple[Sure, ...]] = ("certain", "likely")
"""What is written into the record and may cap a grant; the rest is only shown."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One way round, or one thing that cannot be known from here."""

    code: str
    """One of `record.coverage.CODES`; `note` for what is no way round, but worth knowing."""
    component: str = ""
    """Whose tools it reaches; "" for the system as a whole."""
    tool: str = ""
    """The one tool it reaches, where it is not all of the component's."""
    what: str
    """A sentence."""
    where: str = ""
    """How it is known: a file with its line, a setting, `entry N`, `manifest`."""
    sure: Sure = "certain"
    cure: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One component, as far as who looks must know it. Of a command only its program and a digest: arguments may hold
    credentials."""

    name: str
    kind: str
    program: str = ""
    command: str = ""
    """`command_digest` of what is started."""
    url: str = ""
    variables: tuple[str, ...] = ()
    """Variables of the environment that hold what it takes to call it."""
    vendor: str = ""
    door: bool = False
    """Whether it is our own door before a database."""


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What somebody who looks at a host must know of a system."""

    system: str
    agents: str
    """The URL of our agents' listener."""
    places: tuple[Place, ...] = ()


def command_digest(command: tuple[str, ...]) -> str:
    """SHA-256 over a command, its program without folders; "" for none."""
    if not command:
        return ""
    program = program_of(command)
    return hashlib.sha256(msgspec.json.encode([program, *command[1:]])).hexdigest()


def program_of(command: tuple[str, ...]) -> str:
    """The program of a command without its folder or `.exe`; "" for none."""
    return command[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") if command else ""
