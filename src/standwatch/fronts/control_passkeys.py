"""What the operators' side says of passkeys, and takes to enrol, use and end one.

Options are JSON as browsers want them (`PublicKeyCredential.parseCreationOptionsFromJSON` and its kin); what browsers
give is their `toJSON()`.
"""

from __future__ import annotations

from typing import Any

import msgspec


class PasskeyLine(msgspec.Struct, frozen=True):
    """A passkey: `live`, `ended`, or one that `waits` for a person's key to vouch for it.

    `by` enrolled it; `count` is the highest counter an answer carried; `doubted` one that did not go on (-1 for none).
    """

    credential: str
    person: str
    state: str
    key: str
    fingerprint: str
    """The first 16 characters of the SHA-256 of `key`: the page that made it shows the same."""
    rp_id: str
    origin: str
    synced: bool
    count: int
    follows: int
    """Index of the last entry about passkeys of the person: signed along with an enrolment."""
    index: int = -1
    at: int = 0
    by: str = ""
    doubted: int = -1


class PasskeysPage(msgspec.Struct, frozen=True):
    """Passkeys, and the log that enrolments are signed for."""

    org: str
    passkeys: tuple[PasskeyLine, ...]


class RegistrationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Begin a registration; `person` "" for oneself."""

    person: str = ""


class Registration(msgspec.Struct, frozen=True):
    """A registration that was begun: `options` are for `navigator.credentials.create`."""

    ceremony: str
    person: str
    options: dict[str, Any]


class RegisteredOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser made: a `RegistrationResponseJSON`."""

    ceremony: str
    credential: dict[str, Any]


class EnrolmentOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature of `by` with `key` over `facts.parts.enrolment_bytes`."""

    by: str
    key: str
    sig: str


class PasskeyEndOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class ApprovalOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for what a passkey must sign to answer; `head` "" for the latest checkpoint of the server. `argument`: whose
    value, to `endorse`."""

    decision: str
    head: str = ""
    argument: str = ""


class ApprovalAsked(msgspec.Struct, frozen=True):
    """`options` are for `navigator.credentials.get`; `signs` is what their challenge is the SHA-256 of, as text."""

    options: dict[str, Any]
    signs: str
    by: str
    head: str
    until: int


class PasskeyAnswerOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's answer by passkey: an `AuthenticationResponseJSON`, and what was signed with it."""

    decision: str
    head: str
    until: int
    credential: dict[str, Any]
    argument: str = ""
