"""Invitations to enrol a passkey: a link that is good once and for a quarter of an hour, and the seat that it gives.

A link gives nothing but a registration, and what is registered has no force until a key of the configuration vouches
for it: its finder can waste it, and that shows. INVARIANT: neither link nor seat is kept, only their SHA-256.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration, Person
from standwatch.facts.cookies import cookie_hash, is_cookie, new_cookie
from standwatch.facts.errors import Forbidden, Misconfigured, NotFound
from standwatch.facts.short_words import short_words
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_passkeys import RegisteredOrder, RegistrationOrder
from standwatch.fronts.control_ports import Actor
from standwatch.fronts.control_sessions import (
    EnrolmentAsk,
    EnrolmentAsked,
    EnrolmentMade,
    EnrolmentState,
    Invitation,
    InvitationLine,
    InvitationOrder,
)
from standwatch.serve.control_party import no_page, party_of
from standwatch.serve.control_passkeys import VOUCHING, Passkeys, digest_of_key
from standwatch.serve.control_people import resolve
from standwatch.serve.gate import LiveGate
from standwatch.serve.rates import Rates

VALID: Final = 900 * 1_000_000  # µs that a link is good
MOST: Final = 64
"""Invitations that are remembered; the oldest makes room."""
EACH: Final = 4
"""Of one person; their oldest makes room: nobody pushes another's out by asking for their own."""


class _Invited(msgspec.Struct):
    """INVARIANT: `seat` is set once, when the link is spent; from then on only the seat opens anything."""

    name: str
    person: str
    link: str
    until: int
    seat: str = ""
    credential: str = ""


class Invitations:
    """Every error is a `StandwatchError`."""

    def __init__(
        self,
        gate: LiveGate,
        passkeys: Passkeys,
        rates: Rates,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._gate = gate
        self._passkeys = passkeys
        self._rates = rates
        self._clock, self._chance = clock, chance
        self._invited: dict[str, _Invited] = {}

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    def invite(self, who: Actor, order: InvitationOrder) -> Invitation:
        """A link for somebody: an admin's to make, or one's own."""
        person = resolve(self._configuration, order.person or who.ident)
        if person is None:
            raise NotFound(
                f"{order.person or who.ident} is nobody of standwatch.yaml",
                cure="standwatch passkey add --for ADDRESS",
            )
        if person.id != who.ident and not who.admin:
            raise Forbidden(f"{who.name} may not invite {person.id}: ask an admin")
        return self._made(person)

    def first(self) -> Invitation | None:
        """A link for the first admin, where nobody has ever enrolled a passkey; None afterwards."""
        if self._gate.state.passkeys or no_page(party_of(self._configuration.organisation)):
            return None
        admins = [one for one in self._configuration.organisation.people if "admin" in one.roles]
        return self._made(admins[0]) if admins else None

    def _made(self, person: Person) -> Invitation:
        party = party_of(self._configuration.organisation)
        if wrong := no_page(party):
            raise Misconfigured((f"standwatch.yaml: {wrong}",))
        self._forget()
        secret, name = new_cookie(self._chance), self._chance(8).hex()
        mine = [one.name for one in self._invited.values() if one.person == person.id]
        for old in mine[: max(0, len(mine) + 1 - EACH)]:
            del self._invited[old]
        while len(self._invited) >= MOST:
            del self._invited[next(iter(self._invited))]
        until = self._clock() + VALID
        self._invited[name] = _Invited(name, person.id, cookie_hash(secret), until)
        # In the fragment: no server, proxy or log on the way is told it.
        return Invitation(name, person.id, f"{party.origin}/enrol#{secret}", until)

    def look(self, who: Actor, name: str) -> InvitationLine:
        """What became of an invitation: for its person, or an admin."""
        self._forget()
        found = self._invited.get(name)
        if found is None:
            raise NotFound("no such invitation is open any more", cure="standwatch passkey add")
        if found.person != who.ident and not who.admin:
            raise Forbidden(f"{who.name} may not see an invitation of {found.person}")
        state = "made" if found.credential else "used" if found.seat else "open"
        return InvitationLine(found.name, found.person, state, found.until, found.credential)

    # --- in the browser --------------------------------------------------------------------------------------

    def begin(self, came: Came, order: EnrolmentAsk) -> EnrolmentAsked:
        """Begin the registration: with the link, which is then spent, or again with the seat."""
        self._rates.take(came.network)
        self._forget()
        found, seat = self._seated(order)
        person = self._configuration.person(found.person)
        if person is None or found.credential:
            raise _over()
        begun = self._passkeys.begin(_as(person), RegistrationOrder())
        return EnrolmentAsked(seat, begun.ceremony, person.id, person.name or person.address, begun.options)

    def _seated(self, order: EnrolmentAsk) -> tuple[_Invited, str]:
        if order.seat:
            return self._of(order.seat), order.seat
        name = cookie_hash(order.link) if is_cookie(order.link) else ""
        found = next((one for one in self._invited.values() if one.link == name and not one.seat), None)
        if found is None:
            raise _over()
        seat = new_cookie(self._chance)
        found.seat, found.link = cookie_hash(seat), ""
        found.until = self._clock() + VOUCHING
        return found, seat

    def finish(self, came: Came, order: EnrolmentMade) -> EnrolmentState:
        """Take what the browser made; it waits for a key to vouch for it."""
        self._rates.take(came.network)
        self._forget()
        found = self._of(order.seat)
        person = self._configuration.person(found.person)
        if person is None or found.credential:
            raise _over()
        line = self._passkeys.finish(_as(person), RegisteredOrder(order.ceremony, order.credential))
        found.credential = line.credential
        return self._state_of(found)

    def state(self, came: Came, seat: str) -> EnrolmentState:
        """How the enrolment stands."""
        self._forget()
        return self._state_of(self._of(seat))

    def _state_of(self, found: _Invited) -> EnrolmentState:
        known = self._gate.state.passkeys.get(found.credential)
        waiting = self._passkeys.key_of(found.credential)
        key = known.entry.key if known else waiting
        if not key:
            raise _over()
        digest = digest_of_key(key)
        state = "waits" if known is None else "live" if known.live else "over"
        return EnrolmentState(
            state, short_words(digest), digest[:16], f"standwatch passkey sign {digest[:16]}"
        )

    def _of(self, seat: str) -> _Invited:
        name = cookie_hash(seat) if is_cookie(seat) else "none"
        found = next((one for one in self._invited.values() if one.seat == name), None)
        if found is None:
            raise _over()
        return found

    def _forget(self) -> None:
        now = self._clock()
        self._invited = {name: one for name, one in self._invited.items() if now < one.until}


def _as(person: Person) -> Actor:
    """Whoever holds the link, as far as registering a passkey of `person` goes."""
    return Actor(person.id, person.name or person.address)


def _over() -> Forbidden:
    return Forbidden(
        "this link was used, or has expired: have another one made",
        code="expired",
        cure="standwatch passkey add",
    )
