"""What is said of a value's origin: a source, and the places where it was read."""

from typing import Literal

import msgspec

from standwatch.facts.configuration import Returns, Source

Kind = Literal["result", "resource", "prompt", "completion", "answer", "said"]
"""What was read: a tool's result; a resource; a prompt; a completion; what a client answered a server's question;
what passed through a model's front as somebody's text."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run has read: the raw bytes, and who said them."""

    data: bytes
    server: str = ""
    tool: str = ""
    """As the manifest names it, `server.name`; for what is no tool `server.event`."""
    call: str = ""
    """The id of the action that brought it."""
    kind: Kind = "result"
    returns: Returns = Returns()
    """What the manifest declares of it."""
    told_by_us: bool = False
    """Whether we carried it ourselves and the server did not call it an error: only then can a field be trusted."""


class Place(msgspec.Struct, frozen=True):
    """Where a value was read."""

    server: str = ""
    tool: str = ""
    call: str = ""
    at: str = ""
    """RFC 6901 pointer into a structured result, else `offset:` and the characters before it; "" for somewhere."""


class Origin(msgspec.Struct, frozen=True):
    """Where a value comes from. `where`: the places that say so, the latest last; none for `task` and `model`."""

    source: Source
    where: tuple[Place, ...] = ()


Shape = Literal["url", "domain", "email", "iban", "card", "account", "phone", "handle", "path", "crypto"]


class Embedded(msgspec.Struct, frozen=True):
    """What could steer inside a free text, and where it comes from: `text` stands at [`start`, `end`)."""

    kind: Shape
    text: str
    start: int
    end: int
    origin: Origin
