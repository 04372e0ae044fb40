"""How people sign in: how long a session lasts, what it is bound to, and whose word is taken beside a passkey's.

Durations are seconds.
"""

from typing import Final, Literal

import msgspec

Binding = Literal["agent", "network"]


class Issuer(msgspec.Struct, frozen=True):
    """An OpenID Connect provider whose word opens sessions that read and stop; nothing is ever signed by it."""

    issuer: str
    """Its issuer identifier, an https URL (http on loopback): `/.well-known/openid-configuration` lies below it."""
    client_id: str
    secret_env: str = ""
    """The environment variable that holds our secret; "" for a public client, or where `secret_file` does."""
    secret_file: str = ""
    """A file that holds it, relative to the organisation's folder."""


LONGEST: Final = 24 * 3600
"""Seconds that a session lasts at most, whatever is configured."""


class SignIn(msgspec.Struct, frozen=True):
    """The whole section."""

    idle: int = 900
    """A session ends when nothing was asked for so long."""
    longest: int = 28_800
    """And at the latest so long after it began."""
    bound: tuple[Binding, ...] = ("agent", "network")
    """A cookie that turns up with another user agent, or from another network, ends its session."""
    oidc: Issuer | None = None


class Tls(msgspec.Struct, frozen=True):
    """A certificate chain and its key, PEM files relative to the organisation's folder."""

    certificate: str
    key: str
