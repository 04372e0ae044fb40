"""Sessions in operation: opened with a passkey, recognised by their cookie, ended where they turn up elsewhere.

What is open stands in the record, so sessions survive a restart, and so does what ended them. In memory is only when
each was last used, and what waits for a gesture. INVARIANT: no cookie of an open session is kept: only its SHA-256.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration, Person
from standwatch.facts.cookies import commitment_to, cookie_hash, csrf_of, new_cookie
from standwatch.facts.entries import AnyEntry, SignedIn, SignedOut
from standwatch.facts.errors import Conflict, Forbidden, NotFound, StandwatchError
from standwatch.facts.parts import session_bytes
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_ports import Actor, Done
from standwatch.fronts.control_sessions import (
    Entered,
    SessionLine,
    SessionOpened,
    SignInAsk,
    SignInAsked,
    SignInOrder,
)
from standwatch.keys import passkeys as browser
from standwatch.record.assertion import (
    Lured,
    challenge_of,
    spell_assertion,
    to_base64url,
    verify_assertion,
)
from standwatch.record.sessions import Session
from standwatch.record.signed import Cloned
from standwatch.record.state import State
from standwatch.serve.control_party import party_of
from standwatch.serve.control_people import actor_of, resolve
from standwatch.serve.control_signed import lured
from standwatch.serve.gate import LiveGate
from standwatch.serve.rates import Rates

GESTURE: Final = 300 * 1_000_000  # µs between the options and what the browser made of them
MOST: Final = 4096
"""Sign-ins under way: more than `Rates` lets begin within `GESTURE`, so that nobody pushes another's out."""
BY: Final = "standwatch"


class _Asked(msgspec.Struct, frozen=True):
    cookie: str
    until: int


class Sessions:
    """Every error is a `StandwatchError`; whoever is not let in hears one sentence, whatever the reason."""

    def __init__(
        self,
        gate: LiveGate,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._gate = gate
        self._clock, self._chance = clock, chance
        self.rates = Rates(clock)
        self._asked: dict[str, _Asked] = {}
        self._used: dict[str, int] = {}
        self._begun = gate.state.at
        """The record's last word before this process: time that nobody served counts as time that nobody asked."""
        self._over: dict[str, str] = {}
        """Session → why it ended, from when that is known until it is in the record."""
        self.seeming = chance(32)
        """Key of the passkeys that strangers are shown for people who have none; set by whoever has one that outlives a
        restart: what changes then would tell who is nobody."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    def _now(self) -> int:
        """The record's time never goes back, and nor does ours: a clock that is set back prolongs no session."""
        return max(self._clock(), self._state.at)

    # --- recognising -----------------------------------------------------------------------------------------

    def recognise(self, came: Came) -> Actor:
        """Who is behind a cookie. Raises `Forbidden` (`unauthenticated`) for nobody, for any reason."""
        name = cookie_hash(came.cookie) if came.cookie else ""
        known = self._state.sessions.get(name)
        if known is None or name in self._over:
            raise _sign_in()
        now = self._now()
        person = self._person(known)
        if now >= known.entry.until or person is None:
            raise _sign_in()
        strange = [what for what, held in known.entry.bound.items() if held != self._commitment(came, what)]
        if strange:
            self._end(known, "elsewhere")
            raise _sign_in("this session was opened elsewhere, and has been ended: sign in")
        if now - self._last(name, known) > self._configuration.organisation.sign_in.idle * 1_000_000:
            self._end(known, "idle")
            raise _sign_in("nothing was asked for in a while: sign in again")
        self._used[name] = now
        how = "issuer" if known.entry.issuer else "passkey"
        return msgspec.structs.replace(actor_of(person), session=name, how=how)

    def still(self, who: Actor) -> bool:
        """Whether the session that `who` came with is open; True without one. What is shown live asks again and again,
        and so counts as use: who watches a quiet night is not signed out before the halt."""
        if not who.session:
            return True
        known, now = self._state.sessions.get(who.session), self._now()
        if known is None or who.session in self._over or now >= known.entry.until:
            return False
        self._used[who.session] = now
        return True

    def _person(self, known: Session) -> Person | None:
        """Whose session it is, if they are still somebody; an issuer's word is good while we take it."""
        issuer = self._configuration.organisation.sign_in.oidc
        if known.entry.issuer and (issuer is None or issuer.issuer != known.entry.issuer):
            return None
        return self._configuration.person(known.entry.person)

    def _last(self, name: str, known: Session) -> int:
        return self._used.get(name, max(known.entry.at, self._begun))

    def _commitment(self, came: Came, what: str) -> str:
        return commitment_to(came.cookie, what, _where(came, what))

    # --- opening ---------------------------------------------------------------------------------------------

    def ask(self, came: Came, order: SignInAsk) -> SignInAsked:
        """What a passkey must sign to open a session. Says the same of people whom nobody knows."""
        self.rates.take(came.network)
        now = self._now()
        self._asked = {name: one for name, one in self._asked.items() if now < one.until}
        while len(self._asked) >= MOST:
            del self._asked[next(iter(self._asked))]
        ceremony, cookie = to_base64url(self._chance(16)), new_cookie(self._chance)
        self._asked[ceremony] = _Asked(cookie, now + GESTURE)
        party = party_of(self._configuration.organisation)
        challenge = self._challenge(cookie)
        return SignInAsked(
            ceremony, browser.request_options(party, challenge, self._allowed(order.address, party))
        )

    def _challenge(self, cookie: str) -> bytes:
        return challenge_of(session_bytes(org=self._state.origin, session=cookie_hash(cookie)))

    def _allowed(self, address: str, party: browser.Party) -> tuple[str, ...]:
        """The passkeys of whoever that is; for others one that is nobody's, and always the same."""
        if not address:
            return ()
        person = resolve(self._configuration, address)
        mine = tuple(
            one.entry.credential
            for one in self._state.passkeys.values()
            if one.live
            and person is not None
            and one.entry.person == person.id
            and (one.entry.rp_id, one.entry.origin) == (party.rp_id, party.origin)
        )
        seeming = bytes.fromhex(commitment_to(self.seeming.hex(), "nobody", address.lower()))
        return mine or (to_base64url(seeming),)

    async def open(self, came: Came, order: SignInOrder) -> Entered:
        """Open the session that the browser signed for."""
        self.rates.take(came.network)
        asked = self._asked.pop(order.ceremony, None)  # one try: a challenge is good once
        if asked is None or self._now() >= asked.until:
            raise _refused("that took too long: try again")
        made = browser.assertion_of(order.credential)
        known = self._state.passkeys.get(made.credential)
        if known is None or not known.live:
            raise _refused()
        person = self._configuration.person(known.entry.person)
        if person is None:
            raise _refused()
        browser.assertion_of(order.credential, person.id)
        try:
            verify_assertion(made, known.as_enrolled, self._challenge(asked.cookie))
        except Lured as error:
            await lured(self._gate, error)
            raise _refused() from None
        except StandwatchError:
            raise _refused() from None
        if not known.counts(made.count):
            raise Cloned(known, made.count)
        return await self._enter(
            came,
            asked.cookie,
            person,
            SignedIn(
                by=person.id,
                person=person.id,
                session=cookie_hash(asked.cookie),
                until=0,
                credential=made.credential,
                sig=spell_assertion(made),
            ),
        )

    async def by_issuer(self, came: Came, person: Person, issuer: str) -> Entered:
        """Open a session by word of the issuer: it reads and stops, and signs nothing."""
        cookie = new_cookie(self._chance)
        entry = SignedIn(by=person.id, person=person.id, session=cookie_hash(cookie), until=0, issuer=issuer)
        return await self._enter(came, cookie, person, entry)

    async def _enter(self, came: Came, cookie: str, person: Person, entry: SignedIn) -> Entered:
        limits = self._configuration.organisation.sign_in
        now = self._now()
        names = ("origin", *limits.bound)
        entry = msgspec.structs.replace(
            entry,
            until=now + limits.longest * 1_000_000,
            bound={name: commitment_to(cookie, name, _where(came, name)) for name in sorted(names)},
        )
        await self._gate.append(entry, before=self._left(came))
        self._used[entry.session] = now
        self._tidy()
        shown = person.name or person.address
        opened = SessionOpened(entry.session, person.id, shown, entry.until, csrf_of(cookie))
        return Entered(opened, cookie, limits.longest)

    def _left(self, came: Came) -> tuple[SignedOut, ...]:
        """The session that this browser had until now ends with the next: its cookie is about to be overwritten."""
        known = self._state.sessions.get(cookie_hash(came.cookie)) if came.cookie else None
        if known is None:
            return ()
        entry = known.entry
        return (SignedOut(by=BY, person=entry.person, session=entry.session, code="left"),)

    # --- ending ----------------------------------------------------------------------------------------------

    def listed(self, who: Actor) -> tuple[SessionLine, ...]:
        """One's own sessions; everybody's for who sees every system."""
        now = self._now()
        return tuple(
            SessionLine(
                name, one.entry.person, one.entry.at, one.entry.until, self._last(name, one),
                one.entry.credential, one.entry.issuer, name == who.session,
            )
            for name, one in self._state.sessions.items()
            if now < one.entry.until
            and name not in self._over
            and (who.sees_all or who.admin or one.entry.person == who.ident)
        )  # fmt: skip

    async def end(self, who: Actor, name: str) -> Done:
        """End a session: one's own, or by an admin anybody's. `current` is the one that asks. A way of stopping."""
        found = who.session if name == "current" else name
        matching = [one for key, one in self._state.sessions.items() if key == found]
        if not matching:
            raise NotFound("no open session has that name", cure="standwatch session list")
        entry = matching[0].entry
        if entry.person != who.ident and not who.admin:
            raise Forbidden(f"{who.name} may not end a session of {entry.person}")
        code = "left" if entry.person == who.ident else "ended"
        self._over[found] = code
        ack = await self._gate.append(SignedOut(by=who.ident, person=entry.person, session=found, code=code))
        self._over.pop(found, None)
        return Done(ack.index, ack.at, f"ended session {found[:12]} of {entry.person}")

    def _end(self, known: Session, code: str) -> None:
        """End a session in memory at once, and in the record as soon as that can be written."""
        entry = known.entry
        self._over[entry.session] = code
        said = SignedOut(by=BY, person=entry.person, session=entry.session, code=code)
        task = asyncio.get_running_loop().create_task(self._say(said))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say(self, entry: AnyEntry) -> None:
        assert isinstance(entry, SignedOut)
        while entry.session in self._state.sessions:
            try:
                await self._gate.append(entry)
            except Conflict:
                break
            except StandwatchError:  # the record cannot be written now: memory holds it until then
                await asyncio.sleep(_AGAIN)
        self._over.pop(entry.session, None)

    def _tidy(self) -> None:
        self._used = {name: at for name, at in self._used.items() if name in self._state.sessions}


_AGAIN: Final = 0.5  # seconds before an ending that could not be recorded is offered again


def _where(came: Came, what: str) -> str:
    match what:
        case "agent":
            return came.agent
        case "network":
            return came.network
        case _:
            return came.origin


def _sign_in(message: str = "sign in: this needs somebody") -> Forbidden:
    return Forbidden(message, code="unauthenticated", cure="/signin")


def _refused(message: str = "that passkey opens nothing here") -> Forbidden:
    return Forbidden(message, code="not_signed_in", cure="standwatch passkey list")
