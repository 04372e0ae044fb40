"""What the operators' side says of sessions, and takes to open and end one; and of invitations to enrol a passkey.

Options are JSON as browsers want them; what browsers give is their `toJSON()`. No document holds a session's cookie:
it goes into a header, once.
"""

from __future__ import annotations

from typing import Any

import msgspec


class SessionLine(msgspec.Struct, frozen=True):
    """A session that is open. `session` is the SHA-256 of its cookie; `credential` or `issuer` says who let it in."""

    session: str
    person: str
    at: int
    until: int
    used: int
    """When it was last used, as this process knows."""
    credential: str = ""
    issuer: str = ""
    mine: bool = False
    """Whether it is the one that asks."""


class SignInAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Begin to sign in. `address` "" for a passkey that its device knows by itself."""

    address: str = ""


class SignInAsked(msgspec.Struct, frozen=True):
    """`options` are for `navigator.credentials.get`."""

    ceremony: str
    options: dict[str, Any]


class SignInOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser gave: an `AuthenticationResponseJSON`."""

    ceremony: str
    credential: dict[str, Any]


class SessionOpened(msgspec.Struct, frozen=True):
    """A session is open; its cookie is in the header. `csrf` goes with whatever this session changes."""

    session: str
    person: str
    name: str
    until: int
    csrf: str


class SessionEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say."""


class Entered(msgspec.Struct, frozen=True):
    """A session that was just opened, with its cookie and for how many seconds: for the front, never as JSON."""

    opened: SessionOpened
    cookie: str
    seconds: int


class InvitationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Invite somebody to enrol a passkey: an id or an address; "" for oneself."""

    person: str = ""


class Invitation(msgspec.Struct, frozen=True):
    """A link that is good once. `invitation` names it; it gives nothing away."""

    invitation: str
    person: str
    link: str
    until: int


class InvitationLine(msgspec.Struct, frozen=True):
    """What became of an invitation: `open`, `used` (a browser has it), `made` (see `credential`), or `over`."""

    invitation: str
    person: str
    state: str
    until: int
    credential: str = ""


class EnrolmentAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret of a link, the first time; afterwards the `seat` that it gave."""

    link: str = ""
    seat: str = ""


class EnrolmentAsked(msgspec.Struct, frozen=True):
    """`options` are for `navigator.credentials.create`; `seat` is good for this enrolment and for nothing else."""

    seat: str
    ceremony: str
    person: str
    name: str
    options: dict[str, Any]


class EnrolmentMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser made: a `RegistrationResponseJSON`."""

    seat: str
    ceremony: str
    credential: dict[str, Any]


class EnrolmentSeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seat: str


class EnrolmentState(msgspec.Struct, frozen=True):
    """A passkey that `waits` for a person's key to vouch for it, or is `live`, or `over`.

    `words` are the first six bytes of the SHA-256 of its public key: whoever vouches sees the same.
    """

    state: str
    words: str
    fingerprint: str
    command: str
    """What vouches for it."""


class OidcBegun(msgspec.Struct, frozen=True):
    """Where a browser goes to sign in with the issuer, and the cookie that ties the answer to it: never as JSON."""

    location: str
    browser: str
    seconds: int
