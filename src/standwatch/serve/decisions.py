"""The point of passage for decisions in operation: it drives `enforce.deciding`, asking model servers and recording."""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

import msgspec

from standwatch.enforce.deciding import deciding
from standwatch.enforce.deciding_steps import CHANCE, AskModel, Heard, Steps
from standwatch.enforce.deciding_written import about
from standwatch.enforce.decision_ports import Going, Infer, ModelCard
from standwatch.enforce.models import ModelEnvelope
from standwatch.enforce.ports import NOTHING_SHOWN, Caller, Shown
from standwatch.enforce.shadowing import CHANCE as SHADOW_CHANCE
from standwatch.enforce.shadowing import shadowed
from standwatch.enforce.steps import Begin, Record
from standwatch.facts.decisions import Answer, Ask, Predicted, Rows, Trouble
from standwatch.facts.errors import Conflict, Forbidden, Unrecorded
from standwatch.facts.frames import Ack
from standwatch.facts.ids import new_id
from standwatch.facts.words import SENTENCES, Seam
from standwatch.serve.gate import LiveGate
from standwatch.serve.model_servers import ModelServers

SHADOWS: Final = 64
"""Comparisons with challengers under way at once; beyond that rows are not compared, and nobody waits."""
OWED: Final = 256
"""Outcomes that one caller may owe at a time."""
OWED_ROWS: Final = 16_384
"""Rows of these: they are kept until the outcomes are told."""
LATE: Final = 0.05
"""Seconds beyond a model's deadline after which we stop waiting ourselves."""
PATIENCE: Final = 60.0
"""Seconds a caller has to run its model itself."""


class Owing(msgspec.Struct):
    """A decision whose caller runs the model: what it may do, what it will tell, and who waits for it."""

    principal: str
    going: "asyncio.Future[Going]"
    told: "asyncio.Future[Predicted | Trouble]"
    rows: int = 0
    task: "asyncio.Task[Answer] | None" = None


class LiveDecisions:
    """`enforce.decision_ports.Deciders`."""

    def __init__(
        self,
        gate: LiveGate,
        servers: ModelServers,
        *,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._gate = gate
        self._servers = servers
        self._clock = clock
        self._chance = chance
        self._shadows: set[asyncio.Task[None]] = set()
        self._owed: dict[str, Owing] = {}
        self.unshadowed = 0
        """Requests whose rows no challenger saw because too many were being compared."""

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        """The caller behind a bearer token (`LiveGate.identify`)."""
        return self._gate.identify(authorization, system, run, shown)

    def card(self, system: str, model: str = "") -> ModelCard | None:
        """The declared model and who answers for it now."""
        envelope = self._envelope(system, model)
        if envelope is None:
            return None
        route = self._gate.state.routes.get(f"{system}/{envelope.name}")
        version = route.version if route else ""
        ready = bool(version) and self._servers.ready.get((system, envelope.name, version), True)
        return ModelCard(
            system,
            envelope.model,
            version,
            route.canary if route else "",
            route.previous if route else "",
            ready,
        )

    def _envelope(self, system: str, model: str) -> ModelEnvelope | None:
        found = self._gate.world.envelopes.get(system)
        if found is None:
            return None
        if not model and len(found.models) == 1:
            return next(iter(found.models.values()))
        return found.models.get(model)

    # --- decisions -----------------------------------------------------------------------------------------

    async def decide(self, caller: Caller, ask: Ask) -> Answer:
        """Take the rows through the passage. Every error path is a word."""
        envelope = self._envelope(ask.system, ask.model)
        server = self._servers.of(ask.system, envelope.name) if envelope is not None else None
        infer = _timed(server.infer) if server is not None else _nowhere
        return await self._decide(caller, ask, infer, "proxy")

    async def _decide(self, caller: Caller, ask: Ask, infer: Infer, seam: Seam) -> Answer:
        try:
            run = await self._gate.runs.of(caller, ask.system)
            begin = Begin(self._clock(), run, self._chance(CHANCE))
            return await self._drive(deciding(caller, ask, self._gate, begin, seam), caller, ask, infer)
        except (Conflict, Unrecorded):  # no run could be opened
            return self._unavailable()
        except Exception as error:
            self._gate.on_fault(error)
            return self._unavailable()

    def _unavailable(self) -> Answer:
        ident = new_id(self._clock(), self._chance(10))
        return Answer("unavailable", ident, message=SENTENCES["unavailable"])

    async def _drive(self, steps: Steps, caller: Caller, ask: Ask, infer: Infer) -> Answer:
        told: Ack | None = None
        indices: tuple[int, ...] = ()
        try:
            command = next(steps)
            while True:
                match command:
                    case Record():
                        event, told = await self._gate.record(command)
                    case AskModel():
                        indices = indices or command.indices
                        event = await self._ask(command, ask, infer)
                    case _:
                        assert_never(command)
                command = steps.send(event)
        except StopIteration as stop:
            answer: Answer = stop.value
        if told is None or answer.index != told.index:
            return answer
        answer = msgspec.structs.replace(answer, receipt=self._gate.receipt(answer.id, told))
        if answer.rows and indices:
            self._compare(caller, ask, answer, indices)
        return answer

    async def _ask(self, command: AskModel, ask: Ask, infer: Infer) -> Heard:
        begun = self._clock()
        rows = Rows(ask.rows.names, command.rows)
        try:
            predicted = await infer(command.version, rows, command.within)
        except Exception as error:
            self._gate.on_fault(error)
            predicted = Trouble("upstream_error", type(error).__name__)
        now = self._clock()
        return Heard(now, predicted, max(now - begun, 0))

    # --- challengers ---------------------------------------------------------------------------------------

    def _compare(self, caller: Caller, ask: Ask, answer: Answer, indices: tuple[int, ...]) -> None:
        """Let the challenger see the rows that the model saw, after the caller has been answered."""
        envelope = self._envelope(ask.system, ask.model)
        route = self._gate.state.routes.get(f"{ask.system}/{envelope.name}") if envelope else None
        if envelope is None or route is None or not route.shadow or route.shadow == answer.version:
            return
        # Held is held: people's rows are not sent to a challenger that somebody has stopped.
        scopes = (*envelope.scopes, f"version:{envelope.name}@{route.shadow}", f"agent:{caller.principal}")
        if self._gate.stopped(scopes) or self._gate.state.held(scopes, self._clock()):
            return
        if len(self._shadows) >= SHADOWS:
            self.unshadowed += 1
            return
        work = self._shadow(caller, ask, answer, indices, envelope, route.shadow)
        task = asyncio.get_running_loop().create_task(work)
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _shadow(  # noqa: PLR0917 - one comparison
        self,
        caller: Caller,
        ask: Ask,
        answer: Answer,
        indices: tuple[int, ...],
        envelope: ModelEnvelope,
        version: str,
    ) -> None:
        server = self._servers.of(ask.system, envelope.name)
        if server is None:
            return
        try:
            rows = Rows(ask.rows.names, [ask.rows.rows[index] for index in indices])
            predicted = await _timed(server.infer)(version, rows, envelope.model.deadline_ms / 1_000)
        except Exception as error:
            self._gate.on_fault(error)
            return
        people = tuple(about(ask.rows.rows[index], envelope.subjects) for index in indices)
        route = self._gate.state.routes.get(f"{ask.system}/{envelope.name}")
        if (
            route is None or route.shadow != version
        ):  # it is no challenger any more: nobody is compared with it
            return
        entry, parts, sealed = shadowed(
            envelope,
            ask.system,
            version,
            route.shadow_digest,
            answer,
            indices,
            predicted,
            by=caller.principal,
            chance=self._chance(SHADOW_CHANCE),
            subjects=people,
        )
        self._gate.note(entry, parts, sealed)

    # --- models that run in their callers --------------------------------------------------------------------

    async def begin(self, caller: Caller, ask: Ask) -> Going | Answer:
        """Judge `ask` for a caller that runs the model itself: what it may run, or the answer where it may not."""
        theirs = [owing.rows for owing in self._owed.values() if owing.principal == caller.principal]
        if len(theirs) >= OWED or sum(theirs) + len(ask.rows.rows) > OWED_ROWS:
            return self._unavailable()
        loop = asyncio.get_running_loop()
        owing = Owing(caller.principal, loop.create_future(), loop.create_future(), len(ask.rows.rows))
        ident = new_id(self._clock(), self._chance(10))
        owing.task = loop.create_task(self._decide(caller, ask, self._theirs(ident, owing, ask), "client"))
        owing.task.add_done_callback(lambda _: self._owed.pop(ident, None))
        self._owed[ident] = owing
        await asyncio.wait((owing.going, owing.task), return_when=asyncio.FIRST_COMPLETED)
        return owing.going.result() if owing.going.done() else owing.task.result()

    def _theirs(self, ident: str, owing: Owing, ask: Ask) -> Infer:
        async def infer(version: str, rows: Rows, within: float) -> Predicted | Trouble:
            places = {id(row): place for place, row in enumerate(ask.rows.rows)}
            route = self._gate.state.routes.get(f"{ask.system}/{self._name(ask)}")
            digest = (route.digest_of(version) if route else "") or ""
            going = Going(ident, version, digest, tuple(places[id(row)] for row in rows.rows))
            if not owing.going.done():
                owing.going.set_result(going)
            elif (
                owing.going.result() != going
            ):  # something was sequenced meanwhile, and other rows would be run
                return Trouble(
                    "upstream_error", "what the caller ran is not what it would be asked to run now"
                )
            try:
                async with asyncio.timeout(min(within, PATIENCE)):
                    return await asyncio.shield(owing.told)
            except TimeoutError:
                return Trouble("timeout", f"the caller did not tell what its model said within {within:g} s")

        return infer

    def _name(self, ask: Ask) -> str:
        envelope = self._envelope(ask.system, ask.model)
        return envelope.name if envelope is not None else ""

    async def finish(self, caller: Caller, ident: str, predicted: Predicted | Trouble) -> Answer:
        """Hear what the caller's model said. Raises `Forbidden` where this caller owes no such outcome."""
        owing = self._owed.get(ident)
        if owing is None or owing.task is None or owing.principal != caller.principal:
            raise Forbidden("no outcome of this decision is owed by this caller")
        if owing.told.done():
            raise Conflict("its outcome was told already")
        owing.told.set_result(predicted)
        return await asyncio.shield(owing.task)

    async def close(self) -> None:
        """End comparisons and what is owed."""
        for task in (*self._shadows, *(owing.task for owing in self._owed.values() if owing.task)):
            task.cancel()


def _timed(infer: Infer) -> Infer:
    """`infer` with a limit of ours, a little beyond the server's own: its words for being late are better."""

    async def timed(version: str, rows: Rows, within: float) -> Predicted | Trouble:
        try:
            async with asyncio.timeout(within + LATE):
                return await infer(version, rows, within)
        except TimeoutError:
            return Trouble("timeout", f"no answer within {within:g} s")

    return timed


async def _nowhere(version: str, rows: Rows, within: float) -> Predicted | Trouble:
    del version, rows, within
    return Trouble("unreachable", "this model has no server: it runs in its callers")
