"""Signing with a passkey, whatever is signed: the same two steps for everything that people sign.

`POST /signing/challenge` takes what somebody wants to sign and answers with the options for
`navigator.credentials.get` and with the `order`, completed; `POST /signing/assertion` takes that order with the
browser's `credential` in it. Nothing is kept between the two: the challenge is the digest of what is signed.
"""

from __future__ import annotations

from typing import Any

import msgspec


class _Signing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="what", kw_only=True):
    credential: dict[str, Any] = {}
    """An `AuthenticationResponseJSON`; empty when the challenge is asked for."""


class SignRelaxation(_Signing, frozen=True, tag="relaxation", kw_only=True):
    """Bypass a check for a while (`POST /systems/{system}/relaxations`). The challenge brings `salt` and `follows`."""

    system: str
    check: str
    scope: str
    until: int
    reason: str
    compensating: str
    salt: str = ""
    follows: int = -1


class SignWaiting(_Signing, frozen=True, tag="waiting_relaxation", kw_only=True):
    """One more signature over relaxation `id`, which waits (`POST /relaxations/{id}/signatures`)."""

    id: str


class SignValidation(_Signing, frozen=True, tag="validation", kw_only=True):
    """A validator's statement (`POST /systems/{system}/evidence`)."""

    system: str
    outcome: str
    until: int
    report: str = ""
    version: str = ""
    model: str = ""


class SignConfiguration(_Signing, frozen=True, tag="configuration", kw_only=True):
    """The configuration that waits with digest `root` (`POST /configuration/signatures`)."""

    root: str


class SignSealing(_Signing, frozen=True, tag="break_glass", kw_only=True):
    """Seal a break-glass (`POST /break-glass`). It is opened and drilled with the sealed key alone."""

    key: str
    people: tuple[str, ...]
    may: tuple[str, ...]
    systems: tuple[str, ...]
    until: int
    reason: str = ""


class SignTaking(_Signing, frozen=True, tag="watch", kw_only=True):
    """Take a watch (`POST /watch/{name}/take`), with what `GET /watch/{name}` showed."""

    watch: str
    until: int
    follows: int
    shown: str
    giver: str = ""
    seen: tuple[str, ...] = ()


class SignGiving(_Signing, frozen=True, tag="hand_over", kw_only=True):
    """Give a watch that one has (`POST /watch/{name}/hand-over`)."""

    watch: str
    to: str
    until: int
    follows: int
    shown: str
    seen: tuple[str, ...] = ()


class SignRevalidation(_Signing, frozen=True, tag="revalidation", kw_only=True):
    """Give `person` the right to answer back (`POST /people/{person}/revalidation`). The challenge brings `salt`."""

    person: str
    follows: int
    reason: str
    salt: str = ""


SigningOrder = (
    SignRelaxation
    | SignWaiting
    | SignValidation
    | SignConfiguration
    | SignSealing
    | SignTaking
    | SignGiving
    | SignRevalidation
)


class SigningAsked(msgspec.Struct, frozen=True):
    """`options` are for `navigator.credentials.get`; `signs` is what their challenge is the SHA-256 of, as text;
    `order` is what to send back, with the browser's `credential` in it."""

    options: dict[str, Any]
    signs: str
    by: str
    order: SigningOrder


class SigningDone(msgspec.Struct, frozen=True):
    """What came of it: `done`, with its entry, or `waits` for somebody else, under `id` where it has one."""

    result: str
    text: str
    index: int = -1
    at: int = 0
    id: str = ""
