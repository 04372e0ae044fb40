"""Passkeys in operation: made in a browser, vouched for with a person's key, used to answer, ended in one act.

A registration waits in memory between its steps, five minutes for the gesture and an hour for the signature; nothing
of it has force. What has force is in the record, so an answer needs no memory here at all: its challenge is the digest
of what is signed.
"""

from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Answered, PasskeyDoubted, PasskeyEnded
from standwatch.facts.entries import Enrolled as Enrolment
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.parts import Part, approval_bytes, commitment, endorsement_bytes
from standwatch.fronts.control_passkeys import (
    ApprovalAsked,
    ApprovalOrder,
    EnrolmentOrder,
    PasskeyAnswerOrder,
    PasskeyEndOrder,
    PasskeyLine,
    PasskeysPage,
    RegisteredOrder,
    Registration,
    RegistrationOrder,
)
from standwatch.fronts.control_ports import Actor, AnswerOrder, Done, EndorsableLine
from standwatch.keys import passkeys as browser
from standwatch.keys.passkeys import Party
from standwatch.record.assertion import Enrolled, challenge_of, spell_assertion, to_base64url
from standwatch.record.passkeys import Passkey, enrolment_message
from standwatch.record.questions import Question, flag
from standwatch.record.signature import verify
from standwatch.record.state import State
from standwatch.serve import control_evidence as evidence
from standwatch.serve.control_party import party_of
from standwatch.serve.control_people import resolve
from standwatch.serve.control_reading import Record
from standwatch.serve.gate import LiveGate

GESTURE: Final = 300 * 1_000_000  # µs between the options and what the browser made of them
VOUCHING: Final = 3_600 * 1_000_000  # µs that a passkey waits for a signature
MOST: Final = 64
"""Registrations under way, and waiting ones, each: the oldest make room."""
EACH: Final = 4
"""Of one person: their oldest makes room, and nobody else's."""
_LONGEST_REASON: Final = 1_000

T = TypeVar("T", "_Begun", "_Waiting")


class _Begun(msgspec.Struct, frozen=True):
    person: str
    challenge: bytes
    until: int


class _Waiting(msgspec.Struct, frozen=True):
    person: str
    made: Enrolled
    count: int
    until: int


class Passkeys:
    """Every error is a `StandwatchError`."""

    def __init__(
        self, gate: LiveGate, source: Record, clock: Callable[[], int], chance: Callable[[int], bytes]
    ) -> None:
        self._gate, self._source = gate, source
        self._clock, self._chance = clock, chance
        self._begun: dict[str, _Begun] = {}
        self._waiting: dict[str, _Waiting] = {}

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    # --- enrolment -------------------------------------------------------------------------------------------

    def listed(self, who: Actor) -> PasskeysPage:
        """One's own passkeys; everybody's for who sees every system."""
        self._forget()
        lines = [self._line(one) for one in self._state.passkeys.values()]
        lines += [self._waiting_line(one) for one in self._waiting.values()]
        seen = tuple(one for one in lines if who.sees_all or who.admin or one.person == who.ident)
        return PasskeysPage(self._state.origin, tuple(sorted(seen, key=lambda one: (one.person, one.index))))

    def begin(self, who: Actor, order: RegistrationOrder) -> Registration:
        """The options of a new passkey: one's own, or by an admin somebody else's."""
        person = resolve(self._configuration, order.person or who.ident)
        if person is None:
            raise NotFound(
                f"{order.person or who.ident} is nobody of standwatch.yaml", cure="standwatch check"
            )
        if person.id != who.ident and not who.admin:
            raise Forbidden(f"{who.name} may not make a passkey for {person.id}")
        self._forget()
        challenge = self._chance(browser.CHALLENGE)
        ceremony = to_base64url(self._chance(16))
        _put(self._begun, ceremony, _Begun(person.id, challenge, self._clock() + GESTURE))
        known = tuple(one.entry.credential for one in self._of(person.id))
        party, shown = party_of(self._configuration.organisation), person.name or person.address
        options = browser.creation_options(party, person.id, shown, challenge, known)
        return Registration(ceremony, person.id, options)

    def finish(self, who: Actor, order: RegisteredOrder) -> PasskeyLine:
        """Take what the browser made; it waits for a person's key to vouch for it."""
        self._forget()
        begun = self._begun.pop(order.ceremony, None)  # one try: a challenge is good once
        if begun is None:
            raise NotFound("that registration was not begun, or has expired", code="expired")
        if begun.person != who.ident and not who.admin:
            raise Forbidden("that registration is somebody else's")
        party = party_of(self._configuration.organisation)
        made, count = browser.registered(order.credential, party, begun.challenge)
        if made.credential in self._state.passkeys or made.credential in self._waiting:
            raise Conflict("that passkey is known already", code="duplicate", cure="standwatch passkey list")
        waiting = _Waiting(begun.person, made, count, self._clock() + VOUCHING)
        _put(self._waiting, made.credential, waiting)
        return self._waiting_line(waiting)

    async def sign(self, credential: str, order: EnrolmentOrder) -> Done:
        """Enrol a passkey that waits: vouched for with a key of its person, or of an admin."""
        self._forget()
        waiting = self._waiting.get(credential)
        if waiting is None:
            raise NotFound("no passkey with that id waits for a signature", cure="standwatch passkey list")
        entry = self._enrolment(waiting, order)
        person = self._configuration.person(order.by)
        if person is None or (order.by != waiting.person and "admin" not in person.roles):
            raise Forbidden(f"{order.by} may not vouch for a passkey of {waiting.person}")
        if self._configuration.person(waiting.person) is None:
            raise Forbidden(f"{waiting.person} is nobody of standwatch.yaml any more")
        known = order.key in evidence.keys_of(order.by, self._state, self._configuration)
        if not known or not verify(order.key, enrolment_message(entry, self._state.origin), order.sig):
            raise Forbidden(
                f"that is no signature of {order.by} over this passkey as it stands now", code="bad_signature"
            )
        ack = await self._gate.append(entry)
        self._waiting.pop(credential, None)
        return Done(ack.index, ack.at, f"enrolled a passkey of {waiting.person}, vouched for by {order.by}")

    async def end(self, who: Actor, credential: str, order: PasskeyEndOrder) -> Done:
        """End a passkey: one's own, or by an admin anybody's. A way of stopping: one act, no signature."""
        known = self._state.passkeys.get(credential)
        waiting = self._waiting.get(credential)
        person = known.entry.person if known else waiting.person if waiting else ""
        if not person or (known and not known.live):
            raise NotFound("no live passkey has that id", cure="standwatch passkey list")
        if person != who.ident and not who.admin:
            raise Forbidden(f"{who.name} may not end a passkey of {person}")
        if known is None:
            self._waiting.pop(credential, None)
            return Done(-1, self._clock(), f"a passkey of {person} was not enrolled")
        if len(order.reason) > _LONGEST_REASON:
            raise Malformed(f"a reason has at most {_LONGEST_REASON} characters")
        part = Part("reason", self._chance(32), order.reason.encode())
        why = commitment(part.salt, part.data)
        ack = await self._gate.append(
            PasskeyEnded(by=who.ident, credential=credential, person=person, why=why), (part,)
        )
        return Done(
            ack.index, ack.at, f"ended a passkey of {person}; what it approved and was not used is void"
        )

    def key_of(self, credential: str) -> str:
        """The public key of a passkey that waits for a signature; "" for none."""
        self._forget()
        waiting = self._waiting.get(credential)
        return waiting.made.key if waiting else ""

    # --- answers ---------------------------------------------------------------------------------------------

    def ask(self, who: Actor, ident: str, order: ApprovalOrder) -> ApprovalAsked:
        """What `who` must sign with a passkey to answer question `ident`. Nothing is remembered."""
        if order.decision not in ("approve", "refuse"):
            raise Malformed(f"{order.decision!r} is no answer: expected approve, refuse or endorse")
        question = evidence.open_question(ident, self._state, self._clock(), order.decision)
        evidence.require_answerer(who.ident, order.decision, question, self._state, self._clock())
        head = self._asked_head(order)
        message = approval_bytes(
            asked=question.index,
            by=who.ident,
            decision=order.decision,
            digest=question.entry.digest,
            flag=flag(question.entry),
            head=head,
            org=self._state.origin,
            until=question.entry.until,
        )
        return self._asked(who, message, head, question.entry.until)

    def ask_to_endorse(
        self, who: Actor, question: Question, line: EndorsableLine, order: ApprovalOrder
    ) -> ApprovalAsked:
        """What `who` must sign with a passkey to vouch for a value."""
        if who.ident not in line.next:
            named = ", ".join(line.next) or "nobody"
            raise Forbidden(f"{who.name} may not vouch for that now; may: {named}", code="not_now")
        head = self._asked_head(order)
        message = endorsement_bytes(
            argument=line.argument,
            asked=question.index,
            by=who.ident,
            digest=line.digest,
            flag=flag(question.entry),
            head=head,
            org=self._state.origin,
            run=line.run,
            until=line.until,
        )
        return self._asked(who, message, head, line.until)

    def _asked_head(self, order: ApprovalOrder) -> str:
        head = order.head or self._head()
        evidence.require_head(head, self._source)
        return head

    def _asked(self, who: Actor, message: bytes, head: str, until: int) -> ApprovalAsked:
        party = party_of(self._configuration.organisation)
        mine = [one for one in self._of(who.ident) if _fits(one, party)]
        if not mine:
            raise NotFound(
                f"{who.name} has no passkey for {party.origin}",
                code="no_passkey",
                cure="standwatch passkey list",
            )
        known = tuple(one.entry.credential for one in mine)
        options = browser.request_options(party, challenge_of(message), known)
        return ApprovalAsked(options, message.decode(), who.ident, head, until)

    def order(self, order: PasskeyAnswerOrder) -> AnswerOrder:
        """A browser's answer in the one form that answers have: whose passkey it is says who answers."""
        made = browser.assertion_of(order.credential)
        known = self._state.passkeys.get(made.credential)
        if known is None:
            raise Forbidden(
                "that passkey is not enrolled", code="unknown_key", cure="standwatch passkey list"
            )
        browser.assertion_of(order.credential, known.entry.person)
        sig = spell_assertion(made)
        told = known.entry
        return AnswerOrder(
            order.decision, told.person, told.key, sig, order.head, order.until, argument=order.argument
        )

    async def doubt(self, entry: Answered, count: int) -> None:
        """Record that a passkey's counter did not go on. The same assertion again says nothing new."""
        known = next((one for one in self._of(entry.by) if one.entry.key == entry.key), None)
        if known is not None:
            await self.doubt_passkey(known, count, entry.of)

    async def doubt_passkey(self, known: Passkey, count: int, of: int = -1) -> None:
        """The same of `known`; `of` is the question that it was refused for, -1 for a sign-in."""
        if known.doubted == count:
            return
        said = PasskeyDoubted(
            by=known.entry.person,
            credential=known.entry.credential,
            person=known.entry.person,
            of=of,
            count=count,
            last=known.count,
        )
        try:
            await self._gate.append(said)
        except Conflict:  # said or ended meanwhile
            return

    # --- the rest --------------------------------------------------------------------------------------------

    def _of(self, person: str) -> list[Passkey]:
        return [one for one in self._state.passkeys.values() if one.live and one.entry.person == person]

    def _enrolment(self, waiting: _Waiting, order: EnrolmentOrder) -> Enrolment:
        made = waiting.made
        return Enrolment(
            by=order.by,
            person=waiting.person,
            credential=made.credential,
            key=made.key,
            rp_id=made.rp_id,
            origin=made.origin,
            synced=made.synced,
            count=waiting.count,
            follows=self._state.enrolments.get(waiting.person, -1),
            signer=order.key,
            sig=order.sig,
        )

    def _head(self) -> str:
        try:
            _, size, root, *_ = self._source.checkpoint().decode().split("\n")
        except NotFound:
            return ""
        return f"{size}:{b64decode(root).hex()}" if int(size) else ""

    def _line(self, one: Passkey) -> PasskeyLine:
        told = one.entry
        return PasskeyLine(
            credential=told.credential,
            person=told.person,
            state="live" if one.live else "ended",
            key=told.key,
            fingerprint=fingerprint(told.key),
            rp_id=told.rp_id,
            origin=told.origin,
            synced=told.synced,
            count=one.count,
            follows=told.follows,
            index=one.index,
            at=told.at,
            by=told.by,
            doubted=one.doubted,
        )

    def _waiting_line(self, one: _Waiting) -> PasskeyLine:
        made = one.made
        return PasskeyLine(
            credential=made.credential,
            person=one.person,
            state="waits",
            key=made.key,
            fingerprint=fingerprint(made.key),
            rp_id=made.rp_id,
            origin=made.origin,
            synced=made.synced,
            count=one.count,
            follows=self._state.enrolments.get(one.person, -1),
        )

    def _forget(self) -> None:
        now = self._clock()
        self._begun = {name: one for name, one in self._begun.items() if now < one.until}
        self._waiting = {
            name: one
            for name, one in self._waiting.items()
            if now < one.until and name not in self._state.passkeys
        }


def digest_of_key(key: str) -> str:
    """SHA-256 of a passkey's public key as it is spelled, hexadecimal: what two screens compare the beginning of."""
    return sha256(key.encode()).hexdigest()


def fingerprint(key: str) -> str:
    """A few characters by which two screens show that they mean the same passkey."""
    return digest_of_key(key)[:16]


def _fits(one: Passkey, party: Party) -> bool:
    return (one.entry.rp_id, one.entry.origin) == (party.rp_id, party.origin)


def _put(found: dict[str, T], name: str, value: T) -> None:
    mine = [old for old, one in found.items() if one.person == value.person]
    for old in mine[: max(0, len(mine) + 1 - EACH)]:
        del found[old]
    while len(found) >= MOST:
        del found[next(iter(found))]
    found[name] = value
