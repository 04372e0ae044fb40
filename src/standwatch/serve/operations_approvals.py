"""Questions and their answers, the queue of what was put off, and how watchful those are who answer."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import msgspec

from standwatch.facts.entries import Asked
from standwatch.facts.errors import NotFound, StandwatchError
from standwatch.facts.frames import Fetch
from standwatch.fronts.control_budget import DeferredLine, PullOrder, RevalidationOrder, VigilanceReport
from standwatch.fronts.control_passkeys import ApprovalAsked, ApprovalOrder, PasskeyAnswerOrder
from standwatch.fronts.control_ports import Actor, AnswerOrder, Done, QuestionLine, QuestionSheet
from standwatch.fronts.control_sheet import Standing
from standwatch.record.assertion import Lured
from standwatch.record.questions import Question
from standwatch.record.state import State
from standwatch.respond import orders
from standwatch.serve import control_asking as asking
from standwatch.serve import control_evidence as evidence
from standwatch.serve import control_people as people
from standwatch.serve import control_reading as reading
from standwatch.serve import control_status as lines
from standwatch.serve.control_scopes import holding
from standwatch.serve.control_signed import lured
from standwatch.serve.operations import Parts, known, require, somebody
from standwatch.serve.until import Until

BRIEFS: Final = 100
"""Questions of a list that are told with the beginning of what they ask about, the oldest."""


class Approvals(Parts):
    """What people are asked, and say."""

    async def questions(self, who: Actor) -> tuple[QuestionLine, ...]:
        """What waits for a human."""
        state, now = self._state, self._clock()
        found = lines.open_questions(
            state, now, who, lambda asked: self._holding(asked, state, now, memory=True)
        )
        # The same people see these as see the sheets: `_sees_question`.
        said = [await self._says(one) for one in found[:BRIEFS]]
        return (*said, *found[BRIEFS:])

    async def _says(self, line: QuestionLine) -> QuestionLine:
        action = await self._link.fetch(Fetch(self._link.next_number(), line.id, "action"))
        first = asking.telling_first(self._configuration, line.system, line.tool)
        return msgspec.structs.replace(line, says=asking.brief(action.data, first) if action.known else "")

    async def question(self, who: Actor, ident: str) -> QuestionSheet:
        """One open question, with the canonical action whole."""
        return await self._sheet(who, evidence.open_question(ident, self._state, self._clock(), "refuse"))

    async def inquiry(self, who: Actor, ident: str, as_of: str = "") -> QuestionSheet:
        """The same, also of one that is over; or as it stood at a moment."""
        source, state, now = self._when(as_of)
        if as_of:
            return await self._past(who, asking.inquiry(source, state, ident), source, state, now)
        return await self._sheet(who, asking.inquiry(source, state, ident))

    async def standing(self, who: Actor, ident: str, as_of: str = "") -> Standing:
        """How a question stands, open or over; or stood at a moment."""
        source, state, now = self._when(as_of)
        question = asking.inquiry(source, state, ident)
        self._sees_question(who, question)
        held = self._holding(question.entry, state, now, memory=not as_of)
        return asking.standing(source, state, question, now, held)

    def _holding(self, asked: Asked, state: State, now: int, *, memory: bool) -> tuple[int, ...]:
        """The holds that fall on it; also those that only memory has, where the present is meant."""
        return holding(asked, self._gate.world, state, now, self.holds.pending if memory else ())

    def _when(self, as_of: str) -> tuple[reading.Record, State, int]:
        """The record, the state and the time of a moment; "" for the present."""
        if not as_of:
            return self._source, self._state, self._clock()
        found = reading.moment(self._source, as_of)
        return Until(self._source, found.index + 1), self._source.state_before(found.index + 1), found.at

    def _sees_question(self, who: Actor, question: Question) -> None:
        allowed = orders.sees(people.orderer(who), question.entry.system, self._state)
        require(allowed, who, "see that question")

    async def _sheet(self, who: Actor, question: Question) -> QuestionSheet:
        self._sees_question(who, question)
        self.shown.to(who.ident, question.entry.id)
        found = await self._past(who, question, self._source, self._state, self._clock())
        offered = await self.endorser.offered(question, found.action.encode())
        return msgspec.structs.replace(found, endorsable=offered)

    async def _past(
        self, who: Actor, question: Question, source: reading.Record, state: State, now: int
    ) -> QuestionSheet:
        """The sheet as it is in `state`, with nothing that can be done: whoever sees it was not shown the question."""
        self._sees_question(who, question)
        ident = question.entry.id
        action = await self._link.fetch(Fetch(self._link.next_number(), ident, "action"))
        if not action.known:
            raise NotFound(f"the action of {ident} was erased: it cannot be approved", reference=ident)
        sealed = await asyncio.to_thread(asking.findings_of, source, question)
        around = await asyncio.to_thread(
            asking.around, question, action.data, sealed, source, self._configuration
        )
        held = self._holding(question.entry, state, now, memory=source is self._source)
        return QuestionSheet(
            question=lines.question_line(question, state, now, held),
            action=action.data.decode(),
            findings=_shown(sealed) if sealed else {},
            org=self._state.origin,
            names=people.names(self._configuration),
            around=around,
            standing=asking.standing(source, state, question, now, held),
        )

    async def answer(self, who: Actor, ident: str, order: AnswerOrder) -> Done:
        """Take a human's signed answer. Who brings it does not matter: the signature says whose it is."""
        somebody(who)
        if order.decision == "endorse":
            # Which of its values are whose to vouch for is told to those who may see it.
            self._sees_question(who, evidence.open_question(ident, self._state, self._clock()))
            return await self._closed(ident, "approve", await self.endorser.take(ident, order))
        try:
            entry = evidence.answer(
                ident, order, self._state, self._configuration, self._source, now=self._clock()
            )
        except evidence.Cloned as error:
            await self.passkeys.doubt(error.entry, error.count)
            raise
        except Lured as error:
            question = self._state.questions.get(ident)
            await lured(self._gate, error, question.index if question else -1)
            raise
        took = self.shown.took(ident, order.by, who.ident)
        ack = await self._gate.append(evidence.timed(entry, took))
        word = "approved" if order.decision == "approve" else "refused"
        told = (
            f"{ident} {word} by {people.called(self._configuration, order.by)}",
            lines.missing(self._state, ident),
        )
        taken = Done(ack.index, ack.at, ". ".join(filter(None, told)))
        return await self._closed(ident, order.decision, taken)

    async def _closed(self, ident: str, decision: str, done: Done) -> Done:
        """Somebody answered: where nobody can any more, say what the question was."""
        opened = None
        # They answered all the same: what cannot be opened now is opened later.
        with suppress(StandwatchError):
            opened = await self.openings.open(ident)
        told = done.text, self.openings.told(opened, decision)
        return Done(done.index, done.at, ". ".join(filter(None, told)))

    async def ask_approval(self, who: Actor, ident: str, order: ApprovalOrder) -> ApprovalAsked:
        """What a passkey must sign to answer a question, as a browser wants it."""
        if order.decision == "endorse":
            self._sees_question(who, evidence.open_question(ident, self._state, self._clock()))
            question, line = await self.endorser.line(ident, order.argument)
            asked = self.passkeys.ask_to_endorse(somebody(who), question, line, order)
        else:
            asked = self.passkeys.ask(somebody(who), ident, order)
        self.shown.to(who.ident, ident)
        return asked

    async def answer_by_passkey(self, who: Actor, ident: str, order: PasskeyAnswerOrder) -> Done:
        """Take the answer that a browser signed with a passkey."""
        return await self.answer(who, ident, self.passkeys.order(order))

    async def deferred(self, who: Actor) -> tuple[DeferredLine, ...]:
        """What waits because too much was asked."""
        return self.queue.lines(who, self._state, self._clock())

    async def ask_deferred(self, who: Actor, ident: str) -> Done:
        """Pull a deferred act into a question, where there is room."""
        return await self.queue.ask(somebody(who), ident)

    async def vigilance(self, who: Actor, system: str = "", as_of: str = "") -> VigilanceReport:
        """How watchful those are who approve: now, or as it was at a moment."""
        return self.vigils.report(known(who), system, reading.then(self._source, as_of))

    async def revalidate(self, who: Actor, person: str, order: RevalidationOrder) -> Done:
        """Take a validator's signature for somebody who approved a decoy."""
        somebody(who)
        return await self.vigils.revalidate(person, order)

    async def drop_deferred(self, who: Actor, ident: str, order: PullOrder) -> Done:
        """Pull a deferred act out of the way."""
        return await self.queue.drop(somebody(who), ident, order.reason)


def _shown(findings: bytes) -> dict[str, Any]:
    """The sealed findings and their grant; where values come from, and the rest, stands in the sheet's `around`."""
    found = msgspec.json.decode(findings, type=dict[str, Any])
    return {name: found[name] for name in ("findings", "grant") if name in found}
