"""Who is behind an operator's request: an account of this host on the Unix socket, or a human's token elsewhere."""

import pwd
from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration, Person
from standwatch.facts.errors import Forbidden
from standwatch.fronts.control_ports import Actor
from standwatch.keys.tokens import token_hash
from standwatch.record.state import State
from standwatch.respond.orders import Orderer

LOCAL: Final = "local"
"""The owner of the 0600 socket, where no person of the configuration has that account."""


def account_name(uid: int) -> str:
    """The name of account `uid`; its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def by_account(configuration: Configuration, account: str) -> Actor:
    """Who acts with the host's account `account` through the socket.

    `local` sees everything, as the file's owner does anyway, and administers only an organisation under development.
    """
    organisation = configuration.organisation
    person = next((one for one in organisation.people if account and one.os_user == account), None)
    if person is None:
        admin = organisation.development
        return Actor(LOCAL, account or LOCAL, admin=admin, sees_all=True, auditor=True, how="socket")
    found = actor_of(person)
    admin = found.admin or organisation.development
    return Actor(found.ident, found.name, admin, sees_all=True, auditor=True, how="socket")


def by_peer(
    configuration: Configuration, peer: str, account: Callable[[int], str] = account_name
) -> Actor | None:
    """Who is at the other end of a Unix socket (`unix:UID`); None for any other peer."""
    kind, _, uid = peer.partition(":")
    if kind != "unix":
        return None
    return by_account(configuration, account(int(uid)) if uid.isdecimal() else "")


def by_token(configuration: Configuration, state: State, authorization: str, now: int) -> Actor:
    """The human whose bearer token this is. Raises `Forbidden` with one sentence for every other case."""
    scheme, _, token = authorization.partition(" ")
    digest = token_hash(token.strip()) if scheme.lower() == "bearer" else None
    kind, name = state.tokens.get(digest, ("", "")) if digest else ("", "")
    principal = state.principals.get(name) if kind == "principal" else None
    person = configuration.person(name)
    if (
        principal is None
        or person is None
        or principal.role != "human"
        or principal.revoked
        or 0 < principal.until <= now
    ):
        raise Forbidden("an operator's token is needed here", code="unauthenticated", cure=_TOKEN)
    return msgspec.structs.replace(actor_of(person), how="token")


_TOKEN: Final = "standwatch agent add ADDRESS --role human   (on the server's host)"  # noqa: S105 - a command


def actor_of(person: Person) -> Actor:
    """`person` with the rights of their roles."""
    roles = set(person.roles)
    return Actor(
        person.id,
        person.name or person.address,
        admin="admin" in roles,
        sees_all=bool(roles),
        auditor="auditor" in roles,
    )


def lasting(who: Actor, configuration: Configuration, state: State, now: int) -> bool:
    """Whether somebody who came in as `who` still has the rights that they came in with; of a session that is not all.

    Whoever reads along for hours is looked at again and again: a dismissal, a token's end, a lost role count at once.
    """
    if who.ident == "anonymous":
        return configuration.organisation.development
    if who.how not in ("token", "passkey", "issuer"):  # the socket's file says who may, and stays as it is
        return True
    person, principal = configuration.person(who.ident), state.principals.get(who.ident)
    if person is None or principal is None or principal.revoked:
        return False
    if who.how == "token" and 0 < principal.until <= now:
        return False
    has = actor_of(person)
    return has.admin >= who.admin and has.sees_all >= who.sees_all and has.auditor >= who.auditor


def orderer(who: Actor) -> Orderer:
    """`who` as `respond` knows people."""
    return Orderer(who.ident, admin=who.admin, sees_all=who.sees_all)


def resolve(configuration: Configuration, name: str) -> Person | None:
    """The person whose opaque id or address `name` is."""
    lower = name.lower()
    people = configuration.organisation.people
    return next((one for one in people if one.id == name or one.address.lower() == lower), None)


def called(configuration: Configuration, ident: str) -> str:
    """The name of the person with that opaque id, for a sentence; the id where nobody has it."""
    return names(configuration).get(ident, ident)


def names(configuration: Configuration) -> dict[str, str]:
    """Opaque id → how to show a person."""
    return {one.id: one.name or one.address for one in configuration.organisation.people}
