"""Endorsements in operation: which values of a question people may vouch for instead, and taking their signatures."""

import asyncio
from collections.abc import Callable

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AskedMany, Endorsed
from standwatch.facts.errors import Conflict, Forbidden, NotFound
from standwatch.facts.frames import Fetch
from standwatch.facts.parts import value_digest
from standwatch.fronts.control_ports import AnswerOrder, Done, EndorsableLine
from standwatch.record import endorsements, questions
from standwatch.record.questions import Question
from standwatch.record.signed import Signature
from standwatch.record.state import State
from standwatch.serve import control_asking as asking
from standwatch.serve import control_evidence as evidence
from standwatch.serve.control_people import called
from standwatch.serve.control_reading import Record
from standwatch.serve.control_signed import doubting, require
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link


class _Sealed(msgspec.Struct, frozen=True):
    endorsable: tuple[str, ...] = ()


class Endorser:
    """Every error is a `StandwatchError`."""

    def __init__(self, gate: LiveGate, link: Link, source: Record, clock: Callable[[], int]) -> None:
        self._gate, self._link, self._source, self._clock = gate, link, source, clock

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    async def offered(self, question: Question, action: bytes) -> tuple[EndorsableLine, ...]:
        """The values of `question` that people may vouch for, with who does already; none where it is over."""
        asked, now = question.entry, self._clock()
        if not question.open or now >= asked.until or not isinstance(asked, AskedMany):
            return ()
        sealed = await asyncio.to_thread(asking.findings_of, self._source, question)
        names = msgspec.json.decode(sealed, type=_Sealed).endorsable if sealed else ()
        return tuple(self._line(question, asked, action, name, now) for name in names)

    def _line(
        self, question: Question, asked: AskedMany, action: bytes, argument: str, now: int
    ) -> EndorsableLine:
        state = self._state
        digest = value_digest(action, argument)
        found = [
            one
            for one in state.endorsed.get(asked.run, ())
            if (one.of, one.argument, one.digest) == (question.index, argument, digest)
        ]
        by = found[0].people if found else ()
        _, run = state.runs.get(asked.run, (0, None))
        longest = now + endorsements.LONGEST
        return EndorsableLine(
            argument=argument,
            digest=digest,
            run=asked.run,
            until=min(longest, run.until) if run is not None and run.until else longest,
            by=by,
            next=tuple(one for one in asked.people if not questions.turn(state, asked, by, one)),
        )

    async def line(self, ident: str, argument: str) -> tuple[Question, EndorsableLine]:
        """One of them. Raises `NotFound` where that value is not people's to vouch for."""
        question = evidence.open_question(ident, self._state, self._clock())
        action = await self._link.fetch(Fetch(self._link.next_number(), ident, "action"))
        found = await self.offered(question, action.data) if action.known else ()
        for one in found:
            if one.argument == argument:
                return question, one
        named = ", ".join(one.argument for one in found) or "none"
        raise NotFound(
            f"no value of {argument[:80]!r} can be vouched for in {ident}; that can be: {named}",
            code="not_endorsable",
            reference=ident,
            cure=f"standwatch approve {ident}",
        )

    async def take(self, ident: str, order: AnswerOrder) -> Done:
        """Take one person's signature. Who brings it does not matter: the signature says whose it is."""
        question, line = await self.line(ident, order.argument)
        entry = self.entry(question, line, order)
        evidence.require_head(order.head, self._source)
        flag = questions.flag(question.entry)
        message = endorsements.message(entry, flag, self._state.origin)
        signature = Signature(order.by, order.sig, order.key)
        effect, state = question.entry.effect, self._state
        async with doubting(self._gate):
            require(signature, message, state, self._configuration)
        evidence.require_right_key(signature, ident, effect, state, self._configuration)
        ack = await self._gate.append(entry)
        now = self._state.questions.get(ident)
        done = now is None or not now.open
        more = "the act passes when it is asked for again" if done else "more people must vouch for it"
        by = self._called(order.by)
        return Done(ack.index, ack.at, f"{order.argument} of {ident} vouched for by {by}: {more}")

    def _called(self, person: str) -> str:
        return called(self._configuration, person)

    def entry(self, question: Question, line: EndorsableLine, order: AnswerOrder) -> Endorsed:
        """The entry of `order`. Raises `Forbidden` or `Conflict` where the sequencer would not take it."""
        entry = Endorsed(
            by=order.by,
            id=question.entry.id,
            of=question.index,
            run=line.run,
            name=line.argument,
            digest=line.digest,
            key=order.key,
            sig=order.sig,
            head=order.head,
            until=order.until,
        )
        asked = question.entry
        if order.by not in questions.people(asked, self._state):
            named = ", ".join(self._called(one) for one in questions.people(asked, self._state)) or "nobody"
            raise Forbidden(f"{self._called(order.by)} may not answer {asked.id}: it was asked of {named}")
        if problem := endorsements.objection(self._state, entry, self._clock()):
            raise Conflict(problem, code="not_now", reference=asked.id, cure=f"standwatch explain {asked.id}")
        return entry
