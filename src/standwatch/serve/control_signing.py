"""Signing with a passkey: for everything but answers, the message as a browser is asked to sign it, and what it signed
turned into the order that a key would have signed. Nothing is kept between the two."""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

import msgspec

from standwatch.facts.errors import Forbidden, NotFound
from standwatch.facts.parts import SALT_BYTES
from standwatch.fronts.control_budget import RevalidationOrder
from standwatch.fronts.control_glass import SealOrder
from standwatch.fronts.control_ports import Actor, SignatureOrder, ValidationOrder
from standwatch.fronts.control_relaxing import RelaxOrder, RelaxSignature
from standwatch.fronts.control_signing import (
    SignConfiguration,
    SignGiving,
    SigningAsked,
    SigningDone,
    SigningOrder,
    SignRelaxation,
    SignRevalidation,
    SignSealing,
    SignTaking,
    SignValidation,
    SignWaiting,
)
from standwatch.fronts.control_watch import GiveOrder, TakeOrder
from standwatch.keys import passkeys as browser
from standwatch.record import glass, vigilance, watches
from standwatch.record.assertion import challenge_of, spell_assertion
from standwatch.record.passkeys import Passkey
from standwatch.record.replay import evidence_message
from standwatch.serve.control_party import party_of
from standwatch.serve.gate import LiveGate

if TYPE_CHECKING:
    from standwatch.serve.control import Control

NOBODY = "?"
"""Stands where a signature will: what is signed does not cover it."""


class Signing:
    """Every error is a `StandwatchError`."""

    def __init__(self, ops: "Control", gate: LiveGate, chance: Callable[[int], bytes]) -> None:
        self._ops, self._gate, self._chance = ops, gate, chance

    async def ask(self, who: Actor, order: SigningOrder) -> SigningAsked:
        """What `who` must sign with a passkey to give `order`, completed. Whatever would be refused is refused now."""
        order = self._completed(msgspec.structs.replace(order, credential={}))
        message, party = self._message(who, order), party_of(self._gate.configuration.organisation)
        mine = tuple(one.entry.credential for one in self._passkeys(who.ident, party))
        if not mine:
            raise NotFound(
                f"{who.name} has no passkey for {party.origin}",
                code="no_passkey",
                cure="standwatch passkey list",
            )
        options = browser.request_options(party, challenge_of(message), mine)
        return SigningAsked(options, message.decode(), who.ident, order)

    async def take(self, who: Actor, order: SigningOrder) -> SigningDone:
        """Give `order` with what the browser signed: whose passkey it is says who signs."""
        made = browser.assertion_of(order.credential)
        known = self._gate.state.passkeys.get(made.credential)
        if known is None:
            raise Forbidden(
                "that passkey is not enrolled", code="unknown_key", cure="standwatch passkey list"
            )
        browser.assertion_of(order.credential, known.entry.person)
        return await self._give(who, order, known.entry.person, known.entry.key, spell_assertion(made))

    def _passkeys(self, person: str, party: browser.Party) -> list[Passkey]:
        here = (party.rp_id, party.origin)
        return [
            one
            for one in self._gate.state.passkeys.values()
            if one.live and one.entry.person == person and (one.entry.rp_id, one.entry.origin) == here
        ]

    def _completed(self, order: SigningOrder) -> SigningOrder:
        """With what the server adds: a salt for the reason, and the entry that the relaxation follows."""
        if isinstance(order, SignRevalidation):
            return msgspec.structs.replace(order, salt=self._chance(SALT_BYTES).hex())
        if not isinstance(order, SignRelaxation):
            return order
        follows = self._gate.state.last_relaxed.get(order.system, -1)
        return msgspec.structs.replace(order, salt=self._chance(SALT_BYTES).hex(), follows=follows)

    def _message(self, who: Actor, order: SigningOrder) -> bytes:
        """The bytes that are signed, by the same functions that will look at the signature."""
        ops, state, by = self._ops, self._gate.state, who.ident
        match order:
            case SignRelaxation():
                return ops.relaxer.signs(who, order.system, _relaxation(order, by, NOBODY))
            case SignWaiting():
                return ops.relaxer.signs_too(who, order.id, by)
            case SignValidation():
                entry = ops.statement_of(order.system, _validation(order, by, "", NOBODY))
                return evidence_message(entry, state.origin)
            case SignConfiguration():
                return ops.adopting().signs(by, order.root)
            case SignSealing():
                return glass.message(ops.glass.drafted(who, _sealing(order, by, NOBODY)), state.origin)
            case SignTaking():
                taken = ops.roster.drafted(who, order.watch, _taking(order, by, NOBODY))
                return watches.message(taken, by, state.origin)
            case SignGiving():
                given = ops.roster.drafted(who, order.watch, _giving(order, by, NOBODY))
                return watches.message(given, by, state.origin)
            case SignRevalidation():
                entry = ops.vigils.drafted(order.person, _revalidation(order, by, "", NOBODY))
                return vigilance.message(entry, state.origin)
            case _:
                assert_never(order)

    async def _give(self, who: Actor, order: SigningOrder, by: str, key: str, sig: str) -> SigningDone:
        ops = self._ops
        match order:
            case SignRelaxation():
                begun = await ops.relax(who, order.system, _relaxation(order, by, sig))
                return SigningDone(_result(begun.result), begun.text, begun.index, begun.at, begun.id)
            case SignWaiting():
                begun = await ops.sign_relaxation(who, order.id, RelaxSignature(by, sig))
                return SigningDone(_result(begun.result), begun.text, begun.index, begun.at, begun.id)
            case SignValidation():
                done = await ops.validate(who, order.system, _validation(order, by, key, sig))
            case SignConfiguration():
                line = await ops.sign_configuration(who, SignatureOrder(by, order.root, sig))
                return SigningDone(_result(line.result), f"configuration {line.root[:16]}: {line.result}")
            case SignSealing():
                done = await ops.seal_glass(who, _sealing(order, by, sig))
            case SignTaking():
                done = await ops.take_watch(who, order.watch, _taking(order, by, sig))
            case SignGiving():
                offered = await ops.give_watch(who, order.watch, _giving(order, by, sig))
                return SigningDone("waits", offered.text)
            case SignRevalidation():
                done = await ops.revalidate(who, order.person, _revalidation(order, by, key, sig))
            case _:
                assert_never(order)
        return SigningDone("done", done.text, done.index, done.at)


def _result(word: str) -> str:
    return "waits" if word == "waits" else "done"


def _relaxation(order: SignRelaxation, by: str, sig: str) -> RelaxOrder:
    return RelaxOrder(
        check=order.check,
        scope=order.scope,
        until=order.until,
        reason=order.reason,
        salt=order.salt,
        compensating=order.compensating,
        follows=order.follows,
        by=by,
        signature=sig,
    )


def _validation(order: SignValidation, by: str, key: str, sig: str) -> ValidationOrder:
    return ValidationOrder(
        outcome=order.outcome,
        until=order.until,
        by=by,
        key=key,
        sig=sig,
        report=order.report,
        version=order.version,
        model=order.model,
    )


def _sealing(order: SignSealing, by: str, sig: str) -> SealOrder:
    return SealOrder(order.key, order.people, order.may, order.systems, order.until, by, sig, order.reason)


def _taking(order: SignTaking, by: str, sig: str) -> TakeOrder:
    return TakeOrder(by, order.until, order.follows, order.shown, sig, order.giver, order.seen)


def _giving(order: SignGiving, by: str, sig: str) -> GiveOrder:
    return GiveOrder(by, order.to, order.until, order.follows, order.shown, sig, order.seen)


def _revalidation(order: SignRevalidation, by: str, key: str, sig: str) -> RevalidationOrder:
    return RevalidationOrder(order.reason, order.salt, order.follows, by, key, sig)
