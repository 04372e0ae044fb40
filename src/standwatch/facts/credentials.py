"""Credentials that an upstream is shown: one for each released act, and what a manifest says of them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol

import msgspec

LONGEST: Final = 60
"""Seconds that a credential may be good for at most."""

Present = Callable[[str, str], Awaitable[tuple[tuple[str, str], ...]]]
"""(HTTP method, URL) → the headers that present a credential with one request: each request has a proof of its own."""


class Credential(msgspec.Struct, frozen=True):
    """How an upstream is shown that one act was released (`credential:` of a component with a `url`).

    `jwt`: a token that we sign, verified by our published keys. `exchange`: what the organisation's authorisation
    server gives for that token (RFC 8693).
    """

    kind: Literal["jwt", "exchange"]
    audience: str = ""
    """Whom the token is for (`aud`); "" for the component's `url`."""
    scope: tuple[str, ...] = ()
    seconds: int = LONGEST
    dpop: bool = True
    """Bound to a key of ours, with a proof for each request (RFC 9449)."""
    token_url: str = ""
    """Of an exchange: the token endpoint."""
    revocation_url: str = ""
    """Where what was exchanged is given up once its act has ended (RFC 7009); "" for nowhere."""
    issuer: str = ""
    """The authorisation server's identifier: whom the token that is exchanged is for; "" for `token_url`."""
    client_id: str = ""
    """What the server calls us; "" for the issuer of our own tokens."""
    client_secret: str = ""
    """`${NAME}` and the like; "" to sign for ourselves (`private_key_jwt`, RFC 7523)."""


class Warrant(msgspec.Struct, frozen=True):
    """What a credential is for: one act, as it was recorded at `index` of log `org`.

    `digest` of the canonical action; `arguments` is the SHA-256 of the JCS of exactly the arguments that leave.
    """

    id: str
    by: str
    run: str
    system: str
    tool: str
    target: str
    event: str
    digest: str
    arguments: str
    index: int
    org: str

    def details(self, locations: str) -> list[dict[str, Any]]:
        """As `authorization_details` (RFC 9396 §2): a type of ours, with the common fields where they fit."""
        return [
            {
                "type": "standwatch_action",
                "locations": [locations],
                "actions": [self.event],
                "identifier": self.target,
                "tool": self.tool,
                "digest": self.digest,
                "arguments": self.arguments,
                "entry": self.index,
                "log": self.org,
            }
        ]


class Minted(Protocol):
    """One credential, as long as its act is under way."""

    async def present(self, method: str, url: str) -> tuple[tuple[str, str], ...]:
        """The headers of one request."""
        ...

    async def drop(self) -> None:
        """Its act has ended, or was cut: it is forgotten, and given up where that can be done."""
        ...
