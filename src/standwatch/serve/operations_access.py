"""Who somebody is, and how they become it: principals, people, passkeys and sessions."""

from collections.abc import Mapping

from standwatch.facts.errors import Malformed, NotFound
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_passkeys import (
    EnrolmentOrder,
    PasskeyEndOrder,
    PasskeyLine,
    PasskeysPage,
    RegisteredOrder,
    Registration,
    RegistrationOrder,
)
from standwatch.fronts.control_ports import Actor, AgentLine, AgentOrder, Done, Issued, PersonLine
from standwatch.fronts.control_sessions import (
    EnrolmentAsk,
    EnrolmentAsked,
    EnrolmentMade,
    EnrolmentSeat,
    EnrolmentState,
    Entered,
    Invitation,
    InvitationLine,
    InvitationOrder,
    OidcBegun,
    SessionLine,
    SignInAsk,
    SignInAsked,
    SignInOrder,
)
from standwatch.keys.tokens import new_token, token_hash
from standwatch.record.signed import Cloned
from standwatch.respond import orders
from standwatch.serve import control_evidence as evidence
from standwatch.serve import control_people as people
from standwatch.serve import control_principals as principals
from standwatch.serve.control_party import party_of
from standwatch.serve.oidc import Oidc
from standwatch.serve.operations import ADMIN, Parts, known, require, somebody


class Access(Parts):
    """What lets people in, and names them."""

    # --- who ---------------------------------------------------------------------------------------------

    def actor(self, peer: str, authorization: str) -> Actor:
        """Who is behind a request: the account at the socket's other end, unless a token says more precisely."""
        if not authorization:
            found = people.by_peer(self._configuration, peer, self._account)
            if found is not None:
                return found
        return people.by_token(self._configuration, self._state, authorization, self._clock())

    def visitor(self, came: Came) -> Actor:
        """Who is behind a session's cookie. Raises `Forbidden` (`unauthenticated`) for nobody, for any reason."""
        return self.sessions.recognise(came)

    def anybody(self, address: str) -> Actor | None:
        """Pages on loopback are open in a development organisation, to be read only. `address`: the client's."""
        if self._configuration.organisation.development and address in ("127.0.0.1", "::1"):
            return Actor("anonymous", "anonymous", sees_all=True)
        return None

    # --- principals --------------------------------------------------------------------------------------

    async def agents(self, who: Actor) -> tuple[AgentLine, ...]:
        """Every principal that holds or held a token."""
        require(who.sees_all, who, "list principals")
        return principals.lines(self._state)

    async def add_agent(self, who: Actor, order: AgentOrder) -> Issued:
        """A new principal, or a new token for a human; the token is in the answer and nowhere else."""
        require(somebody(who).admin, who, "add principals", cure=ADMIN)
        if 0 < order.until <= self._clock():
            raise Malformed("a token ends in the future", code="bad_until")
        token = new_token(self._chance)
        entry = principals.added(order, who.ident, token_hash(token) or "", self._state, self._configuration)
        ack = await self._gate.append(entry)
        return Issued(entry.name, token, ack.index, order.until)

    async def revoke_agent(self, who: Actor, name: str) -> Done:
        """End a principal's credential: a way of stopping, so whoever may see one of its systems may."""
        ended = principals.revoked(name, known(who).ident, self._state)
        mine = any(orders.sees(people.orderer(who), system, self._state) for system in ended.systems)
        require(who.sees_all or mine, who, f"revoke {name}")
        ack = await self._gate.append(ended)
        return Done(ack.index, ack.at, f"revoked {name}")

    # --- passkeys ----------------------------------------------------------------------------------------

    async def list_passkeys(self, who: Actor) -> PasskeysPage:
        """Passkeys with what became of them, and those that wait for a signature."""
        return self.passkeys.listed(known(who))

    async def begin_passkey(self, who: Actor, order: RegistrationOrder) -> Registration:
        """Begin a registration in the browser."""
        return self.passkeys.begin(somebody(who), order)

    async def finish_passkey(self, who: Actor, order: RegisteredOrder) -> PasskeyLine:
        """Take what the browser made; it waits for a signature."""
        return self.passkeys.finish(somebody(who), order)

    async def sign_passkey(self, who: Actor, credential: str, order: EnrolmentOrder) -> Done:
        """Enrol a passkey that waits. Who brings the signature does not matter."""
        somebody(who)
        return await self.passkeys.sign(credential, order)

    async def end_passkey(self, who: Actor, credential: str, order: PasskeyEndOrder) -> Done:
        """End a passkey."""
        return await self.passkeys.end(known(who), credential, order)

    def passkey_origin(self) -> str:
        """The one origin whose pages passkeys are made for."""
        return party_of(self._configuration.organisation).origin

    def issuer_host(self) -> str:
        """The host of the OpenID Connect issuer whose word is taken; "" for none."""
        issuer = self._configuration.organisation.sign_in.oidc
        return issuer.issuer.partition("://")[2].partition("/")[0] if issuer is not None else ""

    # --- sessions ----------------------------------------------------------------------------------------

    async def begin_oidc(self, came: Came) -> OidcBegun:
        """Where a browser goes to sign in with the issuer."""
        return await self._issuers().begin(came)

    async def finish_oidc(self, came: Came, answer: Mapping[str, str], browser: str) -> Entered:
        """Open the session of whoever the issuer says came back."""
        return await self._issuers().finish(came, answer, browser)

    def _issuers(self) -> Oidc:
        if self.oidc is None:
            raise NotFound("no issuer is configured", cure="docs/manifest.md, sign_in")
        return self.oidc

    async def ask_sign_in(self, came: Came, order: SignInAsk) -> SignInAsked:
        """What a passkey must sign to open a session."""
        return self.sessions.ask(came, order)

    async def sign_in(self, came: Came, order: SignInOrder) -> Entered:
        """Open a session with what a browser signed."""
        try:
            return await self.sessions.open(came, order)
        except Cloned as error:
            await self.passkeys.doubt_passkey(error.passkey, error.count)
            raise

    async def list_sessions(self, who: Actor) -> tuple[SessionLine, ...]:
        """Open sessions: one's own, or everybody's for who sees every system."""
        return self.sessions.listed(known(who))

    async def end_session(self, who: Actor, session: str) -> Done:
        """End a session: one's own, or by an admin anybody's; `current` is the one that asks."""
        return await self.sessions.end(known(who), session)

    async def invite(self, who: Actor, order: InvitationOrder) -> Invitation:
        """A link with which somebody enrols a passkey."""
        return self.invitations.invite(somebody(who), order)

    async def invitation(self, who: Actor, name: str) -> InvitationLine:
        """What became of an invitation."""
        return self.invitations.look(known(who), name)

    async def begin_enrolment(self, came: Came, order: EnrolmentAsk) -> EnrolmentAsked:
        """Begin to enrol with a link, which is then spent, or again with the seat that it gave."""
        return self.invitations.begin(came, order)

    async def finish_enrolment(self, came: Came, order: EnrolmentMade) -> EnrolmentState:
        """Take what the browser made; it waits for a person's key to vouch for it."""
        return self.invitations.finish(came, order)

    async def enrolment(self, came: Came, order: EnrolmentSeat) -> EnrolmentState:
        """Whether it was vouched for."""
        return self.invitations.state(came, order.seat)

    # --- people ------------------------------------------------------------------------------------------

    async def people(self, who: Actor) -> tuple[PersonLine, ...]:
        """Who is who, and with which keys they sign."""
        require(who.sees_all, who, "list people")
        return tuple(
            PersonLine(
                one.id,
                one.name or one.address,
                one.address,
                tuple(evidence.keys_of(one.id, self._state, self._configuration)),
                one.roles,
            )
            for one in self._configuration.organisation.people
        )
