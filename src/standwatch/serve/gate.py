"""The point of passage in operation: it drives `enforce.passage`, executing each command it yields.

One object for each process that faces agents. It owns the view the passage looks at (the replica of the state,
the configuration in force, each run's trail) and the acts in flight, which a hold can cut.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, assert_never

import msgspec

from standwatch.authority.grant import Grant, grant
from standwatch.enforce.case import World
from standwatch.enforce.envelope import ToolEnvelope
from standwatch.enforce.inspecting import PASSING, Inspect
from standwatch.enforce.listening import Listening
from standwatch.enforce.masking import observed, unknown_in
from standwatch.enforce.masks import Masks
from standwatch.enforce.passage import passage
from standwatch.enforce.policy import slice_name
from standwatch.enforce.ports import (
    NOTHING_SHOWN,
    Act,
    Before,
    Below,
    Caller,
    Carried,
    Reply,
    Show,
    Shown,
    SoFar,
)
from standwatch.enforce.ports import Forward as Carry
from standwatch.enforce.schema import Schemas, Validator
from standwatch.enforce.steps import (
    CHANCE,
    Begin,
    Command,
    Event,
    FindQuestion,
    Forward,
    NotRecorded,
    Question,
    Record,
    Recorded,
    Returned,
    Steps,
)
from standwatch.enforce.tasking import task_in
from standwatch.facts.configuration import Component, Configuration, Returns
from standwatch.facts.credentials import Minted, Warrant
from standwatch.facts.entries import (
    AnyEntry,
    Config,
    Decided,
    Denied,
    Hold,
    Intent,
    Outcome,
    Principal,
    Relaxed,
    Restored,
    RunBound,
    RunClosed,
    TaskTaken,
    Word,
)
from standwatch.facts.errors import Conflict, Forbidden, Unrecorded
from standwatch.facts.frames import Ack, Append, Find, Refusal, RowPart
from standwatch.facts.ids import new_id
from standwatch.facts.llm import Prompt
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.facts.words import Effect
from standwatch.flow.seen import Unsettled
from standwatch.flow.trail import Trail
from standwatch.keys.tokens import new_token, token_hash
from standwatch.record.state import State
from standwatch.serve.before import before
from standwatch.serve.owed import Owed
from standwatch.serve.places import Places
from standwatch.serve.relaxing import Deadlines, steady
from standwatch.serve.remembering import remember
from standwatch.serve.runs import Given, Runs
from standwatch.store.link import Link

LONGEST_RUN: Final = 24 * 60
"""Minutes after which a run with a token ends where its manifest sets no end: what is open stays in every state."""
SILENT: Final = 500_000
"""µs after a failed append in which no model is asked: its answer could not be recorded either."""
AGAIN: Final = 0.5
"""Seconds before an outcome that could not be recorded is offered again."""


class NoCredential(Exception):
    """There is none for this act, and its upstream wants one."""


class Flight(msgspec.Struct):
    """An act between its intent and its outcome; `cut` once a hold has fallen on it.

    `theirs` where the caller carries it out itself: nothing here can stop it, and what became of it is still owed.
    """

    task: "asyncio.Task[Any]"
    scopes: tuple[str, ...]
    theirs: bool = False
    cut: bool = False


Sign = Callable[[str, Ack], str]
"""(action id, acknowledgement) → the receipt a caller can prove later that it was told."""


class LiveGate:
    """`enforce.ports.Gate`, and `enforce.steps.View`."""

    def __init__(
        self,
        link: Link,
        world: World,
        *,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
        receipt: Sign,
        steady: Callable[[], int] = steady,
        secret: bytes = b"",
    ) -> None:
        """`clock` tells the time (µs, UTC); `steady` only runs forwards, and ends relaxations.

        `secret`: what tokens of masked values are made with, the same in every worker; b"" for one of this process."""
        self._link = link
        self.world = world
        self._clock = clock
        self._chance = chance
        self.receipt = receipt
        self._schemas = Schemas()
        self.runs = Runs(link, self.append, clock, chance, self._returns)
        self._secret = secret or chance(32)
        self._grants: dict[str, tuple[int, Grant]] = {}
        self.flights: dict[str, Flight] = {}
        self.owed = Owed(self, self._fresh)
        self._turned = 0
        self.lured: dict[str, int] = {}
        """Person → when it was last recorded that a passkey of theirs signed for another page: a flood is one entry."""
        self._silent = 0
        self.on_fault: Callable[[BaseException], None] = lambda _: None
        """Told of faults of our own, which callers only hear as `unavailable`."""
        self.places = Places(self)
        self.relaxing = Deadlines(steady)
        self.relaxing.learn(link.state, clock())
        self._prepared: dict[str, World] = {}
        self.mint: Callable[[Component, Warrant], Awaitable[Minted]] | None = None
        """Makes the credential for one act."""
        self._dropping: set[asyncio.Task[None]] = set()
        self.on_world: Callable[[World], None] = lambda _: None
        """Called when another configuration has come into force."""
        self.on_cut: Callable[[str], None] = lambda _: None
        """Called with every scope that is cut, for what is no act in flight: standing streams, waiting calls."""
        self.listening: Callable[[], Iterable[str]] = tuple
        """Runs that listen here, whether or not they have acted."""
        self.stops: set[str] = set()
        """Scopes halted in memory while the record cannot be written (DESIGN.md §7)."""

    # --- the view ------------------------------------------------------------------------------------------

    @property
    def configuration(self) -> Configuration:
        return self.world.configuration

    @property
    def state(self) -> State:
        return self._link.state

    def now(self) -> int:
        """The time, µs UTC."""
        return self._clock()

    def chance(self, count: int) -> bytes:
        """So many random bytes."""
        return self._chance(count)

    def grant(self, system: str, now: int) -> Grant:
        """The grant now; computed once for each state and recomputed when it has run out."""
        state = self._link.state
        kept = self._grants.get(system)
        if kept is not None and kept[0] == state.seen and not 0 < kept[1].until <= now:
            return kept[1]
        fresh = grant(state, system, now)
        self._grants[system] = (state.seen, fresh)
        return fresh

    def stopped(self, scopes: tuple[str, ...]) -> bool:
        """Whether one of `scopes` is halted in memory only."""
        return bool(self.stops) and not self.stops.isdisjoint(scopes)

    def front_grant(self, system: str, model: str, version: str, now: int) -> Grant:
        """The grant that `system` would have with `version` of `model` in front; kept as `grant` keeps its own."""
        state, key = self._link.state, f"{system}/{model}@{version}"
        kept = self._grants.get(key)
        if kept is not None and kept[0] == state.seen and not 0 < kept[1].until <= now:
            return kept[1]
        route = state.routes.get(f"{system}/{model}")
        digest = route.digest_of(version) if route is not None else None
        fresh = grant(state.in_front(system, model, version, digest or ""), system, now)
        self._grants[key] = (state.seen, fresh)
        return fresh

    def trail(self, run: str) -> Trail:
        return self.runs.trail(run)

    def masks(self, run: str) -> Masks:
        """The values that `run` has masked, as far as this process knows."""
        return self.runs.masks(run, self._secret)

    def validator(self, act: Act) -> Validator | None:
        return self._schemas.of(act.definition)

    def relaxed(self, now: int) -> tuple[tuple[int, Relaxed], ...]:
        """The relaxations in force, by the record and by this process's own clock."""
        return self.relaxing.in_force(self._link.state, now)

    # --- callers and runs ----------------------------------------------------------------------------------

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        """The caller behind a bearer token; raises `Forbidden` with one sentence for every other case."""
        scheme, _, token = authorization.partition(" ")
        state, now = self.state, self._clock()
        token = token.strip()
        digest = token_hash(token) if scheme.lower() in ("bearer", "dpop") else None
        known = state.tokens.get(digest) if digest else None
        if known is None:
            raise self._turned_away("", system, "the bearer token is not known")
        kind, name = known
        bound = state.runs.get(name, (0, None))[1] if kind == "run" else None
        principal = state.principals.get(bound.principal if bound else name)
        if principal is None or principal.revoked or 0 < principal.until <= now:
            raise self._turned_away(name, system, "the bearer token is not valid any more")
        if bound is not None and (
            system not in ("", bound.system) or 0 < bound.until <= now or run not in ("", bound.run)
        ):
            raise self._turned_away(principal.name, system, "the run token is not for this")
        if system and system not in principal.systems:
            raise self._turned_away(principal.name, system, "the caller may not use this system")
        if wrong := self.places.objection(scheme, token, bound, shown):
            raise self._turned_away(principal.name, system, wrong)
        named = bound.run if bound else run
        return _caller(principal, named, bound.until if bound else 0)

    def _turned_away(self, principal: str, system: str, why: str) -> Forbidden:
        """Whoever is turned away at the door stands in the record, at most once a second: a flood is one entry."""
        now = self._clock()
        if now - self._turned >= 1_000_000 and self._link.alive:
            self._turned = now
            ident = new_id(now, self._chance(10))
            seen, conf = self.state.seen, max(self.state.config, 0)
            # What strangers write is not kept for ever.
            named = system if system in self.state.systems else "?"
            entry = Denied(
                by=principal, id=ident, run="", system=named, tool="", digest="", seen=seen, why="", conf=conf,
                code="unauthenticated",
            )  # fmt: skip
            self._link.append(Append(self._link.next_number(), entry))
        return Forbidden(why, code="unauthenticated")

    def visible(self, caller: Caller, system: str) -> frozenset[str]:
        """Declared and accepted tools that no red line and no policy keeps from this caller altogether."""
        envelope = self.world.envelopes.get(system)
        if envelope is None:
            return frozenset()
        return frozenset(
            name
            for name, tool in envelope.tools.items()
            if tool.digest and any(self._may(caller, system, tool, effect) for effect in tool.effects)
        )

    def _may(self, caller: Caller, system: str, tool: ToolEnvelope, effect: Effect) -> bool:
        """Whether a call of this effect is not out of the question."""
        sliced = slice_name(tool.tool.name, effect, tool.tool.effect)
        forbidden = any(effect in line.effects for line in tool.red_lines)
        return not forbidden and self.world.policies.may(caller.principal, system, sliced)

    async def take_task(self, caller: Caller, system: str, prompt: Prompt) -> None:
        """The first message of a run's harness may say its task, where the manifest says so."""
        envelope = self.world.envelopes.get(system)
        rule = envelope.system.manifest.task if envelope is not None else None
        if task := task_in(rule, caller.principal, prompt):
            await self.runs.take(caller, system, task)

    async def open_run(
        self, caller: Caller, system: str, task: str, on_behalf_of: str = "", bound: str = ""
    ) -> tuple[str, str, int]:
        """Open a run for `task`: its id, its token (told once), and when it ends (µs).

        Raises `Forbidden` for a caller that may not start runs: a token that calls tools never names its task.
        """
        if not caller.starts or caller.run or system not in caller.systems:
            raise Forbidden("this caller may not open runs with a task")
        token = new_token(self._chance)
        envelope = self.world.envelopes.get(system)
        minutes = envelope.system.manifest.limits.minutes_per_run if envelope else None
        until = self._clock() + (minutes or LONGEST_RUN) * 60_000_000
        run = await self.runs.open(
            caller,
            system,
            task,
            on_behalf_of,
            token=token_hash(token) or "",
            until=until,
            given=Given(bound) if bound else None,
        )
        return run, token, until

    async def open_below(self, caller: Caller, wish: Below) -> tuple[str, str, int]:
        """Open a run below the caller's own, for a sub-agent: within it in every respect. As `open_run`.

        Raises `Forbidden` for a caller whose token is not a run's, `Conflict` where it would be more than the caller's.
        """
        _, parent = self.state.runs.get(caller.run, (0, None))
        if parent is None or not parent.token or parent.principal != caller.principal:
            raise Forbidden("only a run has sub-agents")
        token = new_token(self._chance)
        wished = self._clock() + wish.minutes * 60_000_000 if wish.minutes else parent.until
        until = min(wished, parent.until) if parent.until else wished
        bound = wish.bound or (parent.bound if isinstance(parent, RunBound) else "")
        given = Given(bound, caller.run, wish.tools, wish.effects)
        run = await self.runs.open(
            caller, parent.system, token=token_hash(token) or "", until=until, given=given
        )
        return run, token, until

    async def extend_run(self, caller: Caller, run: str, words: str) -> None:
        """The user whom `run` serves has said more of its task. Raises `Forbidden` for anybody but who opened it."""
        _, opened = self.state.runs.get(run, (0, None))
        if opened is None or opened.principal != caller.principal or not caller.starts or caller.run:
            raise Forbidden("no such run of this caller")
        await self.runs.extend(caller, run, words)

    async def close_run(self, caller: Caller, run: str) -> None:
        """End a run; only whom it is bound to may."""
        _, opened = self.state.runs.get(run, (0, None))
        if opened is None or opened.principal != caller.principal:
            raise Forbidden("no such run of this caller")
        await self.append(RunClosed(by=caller.principal, run=run))

    async def take_word(self, caller: Caller, system: str, run: str, text: str) -> str:
        """Keep what the host of an agent says that it said; `run` is "" for the one that the caller is in. Its id.

        INVARIANT: nothing is judged by it, and its caller hears nothing of what it was compared with.
        """
        run = run or caller.run or self.state.implicit.get(f"{caller.principal}/{system}", "")
        _, opened = self.state.runs.get(run, (0, None))
        if opened is None or opened.principal != caller.principal or caller.run not in ("", run):
            raise Forbidden("no such run of this caller")
        part = Part("result", self._chance(SALT_BYTES), text.encode())
        entry = Word(
            by=caller.principal,
            id=self._fresh(),
            run=run,
            system=opened.system,
            result=commitment(part.salt, part.data),
        )
        await self.append(entry, (part,))
        return entry.id

    def _fresh(self) -> str:
        return new_id(self._clock(), self._chance(10))

    # --- acts ----------------------------------------------------------------------------------------------

    async def act(
        self,
        act: Act,
        forward: Carry,
        *,
        theirs: bool = False,
        so_far: SoFar | None = None,
        show: Show | None = None,
    ) -> Reply:
        """Take `act` through the passage. Every error path is one of the four words.

        `theirs`: `forward` only waits for what the caller does itself, so a hold does not cut it. `so_far` tells what
        became of it where it is cancelled on its way.
        """
        try:
            run = await self.runs.of(act.caller, act.system)
            await self._remember(act, run)
            begin = Begin(self._clock(), run, self._chance(CHANCE))
            steps, first = passage(act, self, begin), None
            trail = self.runs.trail(run)
            while first is None and trail.waits:
                first = _first(steps, trail)
                if first is None:
                    await _settled(trail)
                    steps = passage(act, self, Begin(self._clock(), run, begin.chance))
            if isinstance(first, Reply):
                return first
            so_far = so_far or _unknown
            return await self._drive(steps, forward, first=first, theirs=theirs, so_far=so_far, show=show)
        except (Conflict, Unrecorded):  # no run could be opened
            return Reply("unavailable", act.id or self._fresh())
        except Exception as error:
            self.on_fault(error)
            return Reply("unavailable", act.id or self._fresh())

    async def _remember(self, act: Act, run: str) -> None:
        """Read back what a token stands for that another process gave, or this one before it was started anew."""
        envelope = self.world.envelopes.get(act.system)
        if envelope is None or envelope.contents is None or not envelope.contents.masks:
            return
        masks = self.masks(run)
        if unknown_in(act, masks):
            await remember(self._link, self.state.root_run(run), masks)

    def inspect(self, act: Act) -> Inspect:
        """What looks at the words of a generation while they stream."""
        envelope = self.world.envelopes.get(act.system)
        contents = envelope.contents if envelope is not None else None
        look = contents.look("answers", act.tool) if contents is not None else None
        if envelope is None or look is None:
            return PASSING
        return Listening(look, lambda finding: observed(envelope, finding, self._clock()))

    async def _drive(
        self,
        steps: Steps,
        forward: Carry,
        *,
        first: Command | None,
        theirs: bool,
        so_far: SoFar,
        show: Show | None,
    ) -> Reply:
        """`first`: the first command, where it was heard already."""
        told: Ack | None = None
        try:
            command = first or next(steps)
            while True:
                event: Event
                match command:
                    case Record(wait=False):
                        event = self._record_later(command)
                    case Record():
                        event, ack = await self.record(command)
                        told = told or ack
                    case Forward():
                        event = await self._forward(
                            command, forward, steps, theirs=theirs, so_far=so_far, show=show
                        )
                    case FindQuestion():
                        found = await self._link.find(
                            Find(self._link.next_number(), command.run, command.match)
                        )
                        event = Question(self._clock(), found.action)
                    case _:
                        assert_never(command)
                command = steps.send(event)
        except StopIteration as stop:
            reply: Reply = stop.value
            if told is None or reply.index != told.index:
                return reply
            return msgspec.structs.replace(reply, receipt=self.receipt(reply.id, told))

    def _returns(self, system: str, tool: str) -> Returns:
        """What the manifest in force declares of the results of `tool`."""
        envelope = self.world.envelopes.get(system)
        found = envelope.tools.get(tool) if envelope is not None else None
        return found.tool.returns if found is not None else Returns()

    def _frame(self, command: Record) -> Append:
        run, others = getattr(command.entry, "run", ""), command.others
        return Append(
            self._link.next_number(),
            command.entry,
            command.parts,
            command.subjects,
            command.scopes,
            command.caps,
            command.valid_until,
            command.match,
            command.rows,
            heard=None if others is None else others + self.runs.trail(run).own,
        )

    @property
    def recording(self) -> bool:
        """Whether what is decided now has a chance of being recorded: soon after a failure nobody asks in vain."""
        return self._link.alive and self._clock() >= self._silent

    async def record(self, command: Record) -> tuple[Recorded | NotRecorded, Ack | None]:
        """Append what a passage wants appended: the event it hears, and the acknowledgement where there is one."""
        if isinstance(command.entry, Decided) and self.stopped(command.scopes) and _by_a_model(command.entry):
            return NotRecorded(self._clock(), "stale", "halted in memory"), None
        frame = self._frame(command)
        future = self._link.append(frame)
        # INVARIANT: a caller that goes away while its intent is being written is not acted for, and the record says so:
        # the answer comes after its leaving (`late`), or came right before it. (`shield` does as much for 8 µs.)
        if isinstance(command.entry, Intent):
            self._link.late[frame.number] = partial(self._not_sent, command)
        try:
            answer = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._not_sent(command, future.result())
            raise
        now = self._clock()
        match answer:
            case Ack():
                # INVARIANT: between acknowledgement and release the fence is compared once more.
                if isinstance(command.entry, Intent) and self._stopped_since(answer, command):
                    self._not_sent(command, answer)
                    return NotRecorded(now, "unrecorded", "halted while it was being recorded"), None
                # INVARIANT: nothing leaves on a relaxation that has ended meanwhile, however long the record took.
                if isinstance(command.entry, Intent) and self._lapsed_since(now, command):
                    self._not_sent(command, answer)
                    return NotRecorded(
                        now, "unrecorded", "a relaxation ended while it was being recorded"
                    ), None
                return Recorded(now, answer.index, answer.at, answer.leaf), answer
            case Refusal():
                lost = answer.code in ("unrecorded", "unknown")
                if lost:
                    self._silent = now + SILENT
                if isinstance(command.entry, Outcome) and lost:
                    self._owe(self._frame(command))
                if answer.code == "behind":
                    await self.runs.catch_up(getattr(command.entry, "run", ""))
                return NotRecorded(now, answer.code, answer.detail), None
            case _:
                assert_never(answer)

    def _not_sent(self, command: Record, answer: Ack | Refusal) -> None:
        """Close an intent that was recorded and will never leave."""
        if isinstance(answer, Ack) and isinstance(command.entry, Intent):
            entry = command.entry
            outcome = Outcome(by=entry.by, id=entry.id, of=answer.index, status="not_sent")
            self._owe(Append(self._link.next_number(), outcome))

    def _stopped_since(self, ack: Ack, command: Record) -> bool:
        if not self._link.alive or not self.stops.isdisjoint(command.scopes):
            return True
        return self.state.fence(command.scopes) > ack.index

    def _lapsed_since(self, now: int, command: Record) -> bool:
        if not command.relaxed:
            return False
        return not {index for index, _ in self.relaxed(now)}.issuperset(command.relaxed)

    def _record_later(self, command: Record) -> Event:
        self._owe(self._frame(command))
        return Recorded(self._clock(), -1, 0, b"")

    def _owe(self, frame: Append) -> None:
        """Append an outcome that nobody waits for; while the record cannot be written, again and again."""
        loop = asyncio.get_running_loop()

        def heard(done: "asyncio.Future[Ack | Refusal]") -> None:
            answer = done.result()
            if isinstance(answer, Refusal) and answer.code in ("unrecorded", "unknown"):
                again = msgspec.structs.replace(frame, number=self._link.next_number())
                loop.call_later(AGAIN, self._owe, again)

        self._link.append(frame).add_done_callback(heard)

    async def _forward(
        self,
        command: Forward,
        forward: Carry,
        steps: Steps,
        *,
        theirs: bool,
        so_far: SoFar,
        show: Show | None,
    ) -> Event:
        """Carry the act out, where a hold can cut it and the caller's leaving cancels it."""
        task = asyncio.current_task()
        assert task is not None
        flight = self.flights[command.id] = Flight(task, command.scopes, theirs)
        begun = self._clock()
        minted: Minted | None = None
        try:
            if command.warrant is not None:
                minted = await self._credential(command, show)
            carried = await forward(command.arguments)
        except NoCredential:
            carried = Carried("not_sent")
        except asyncio.CancelledError:
            if flight.cut:
                task.uncancel()
            # INVARIANT: of the acts in flight in one task the outermost that was cut ends the cancellation: a question
            # that a call asks on its way must not swallow what ends the call.
            if not flight.cut or self._cut_around(flight):
                self._abandon(steps, so_far())
                raise
            carried = so_far()
        except Exception as error:
            self.on_fault(error)
            carried = Carried("unknown")
        finally:
            del self.flights[command.id]
            if minted is not None:
                self._drop(minted)
        now = self._clock()
        return Returned(now, carried, now - begun)

    async def _credential(self, command: Forward, show: Show | None) -> Minted:
        """The credential for this act, shown to who sends it. Raises `NoCredential`: then nothing is sent."""
        if command.warrant is None or command.component is None or self.mint is None or show is None:
            raise NoCredential
        try:
            minted = await self.mint(command.component, command.warrant)
        except Exception as error:
            self.on_fault(error)
            raise NoCredential from None
        show(minted)
        return minted

    def _drop(self, minted: Minted) -> None:
        """Its act has ended, or was cut: nobody shows it again. Giving it up is waited for by nobody."""
        task = asyncio.get_running_loop().create_task(minted.drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    def newest(self) -> str:
        """The id of the act that left last and is in flight."""
        return next(reversed(self.flights))

    def _cut_around(self, flight: Flight) -> bool:
        """Whether an act that `flight` is part of was cut as well; it runs in the same task."""
        return any(one.cut and one.task is flight.task for one in self.flights.values() if one is not flight)

    def _abandon(self, steps: Steps, carried: Carried) -> None:
        """The caller went away: what became of the act is unknown, and the record says so."""
        command = steps.send(Returned(self._clock(), carried))
        if isinstance(command, Record):
            self._owe(self._frame(command))
        steps.close()

    async def before(self, act: Act) -> Before | Reply | None:
        """What the record has under the id of `act` (see `serve.before`)."""
        implicit = self.state.implicit.get(f"{act.caller.principal}/{act.system}", "")
        mine = self.state.root_run(act.caller.run or implicit)
        return await before(self._link, self.world, act, lambda run: self.state.root_run(run) == mine)

    async def begin(self, act: Act) -> Reply | Before:
        """Judge and record `act`; `done` means go, and that an outcome is owed to `finish` (see `serve.owed`)."""
        return await self.owed.begin(act)

    async def finish(self, caller: Caller, ident: str, carried: Carried) -> Reply:
        """Hear what became of act `ident`. Raises `Forbidden` where this caller owes no such outcome."""
        return await self.owed.finish(caller, ident, carried)

    # --- control -------------------------------------------------------------------------------------------

    async def append(
        self, entry: AnyEntry, parts: tuple[Part, ...] = (), before: tuple[AnyEntry, ...] = ()
    ) -> Ack:
        """Append a control entry, with those that belong before it.

        Raises `Conflict` where it no longer applies, `Unrecorded` where it cannot be.
        """
        answer = await self._link.append(Append(self._link.next_number(), entry, parts, before=before))
        match answer:
            case Ack():
                return answer
            case Refusal(code="unrecorded" | "unknown"):
                raise Unrecorded(answer.detail, cure="standwatch diagnose")
            case Refusal():
                raise Conflict(answer.detail)
            case _:
                assert_never(answer)

    def note(self, entry: AnyEntry, parts: tuple[Part, ...], rows: tuple[RowPart, ...]) -> None:
        """Append something that nobody waits for."""
        self._link.append(Append(self._link.next_number(), entry, parts, rows=rows))

    def told(self, index: int, entry: AnyEntry) -> None:
        """A control entry was sequenced: cut what it forbids, forget what has ended."""
        match entry:
            case Config():
                self._take_up(entry.root)
            case Hold():
                self.cut(entry.scope)
            case Relaxed() | Restored():
                self.relaxing.learn(self.state, self._clock())
            case Principal() if entry.revoked:
                self.cut(f"agent:{entry.name}")
            case TaskTaken():
                self.runs.told(entry.run)
            case RunClosed():
                self.cut(f"run:{entry.run}")
                self.runs.forget(entry.run)
                self.places.forget(entry.run)
                for below in set(self.listening()) - self.state.runs.keys():  # what ended with it
                    self.cut(f"run:{below}")
            case _:
                pass

    def prepare(self, world: World) -> None:
        """Have `world` ready for the moment its configuration is sequenced."""
        self._prepared = {world.configuration.root: world}

    def _take_up(self, root: str) -> None:
        """Swap the world as a whole. Without the one that came into force, every act is denied (check `resolve`)."""
        world = self._prepared.pop(root, None)
        if world is not None:
            self.world = world
            self.on_world(world)

    def recheck(self) -> None:
        """The state was replaced as a whole: cut and forget what we were not told of while nobody told us anything."""
        state, now = self.state, self._clock()
        self.relaxing.learn(state, now)
        scopes = {hold.scope for hold in state.holds.values() if not 0 < hold.until <= now}
        scopes |= {f"agent:{name}" for name, principal in state.principals.items() if principal.revoked}
        acting = {
            opened for flight in self.flights.values() for opened in flight.scopes if opened[:4] == "run:"
        }
        runs = {scope[4:] for scope in acting} | set(self.listening()) | self.runs.known
        for run in runs - state.runs.keys():
            scopes.add(f"run:{run}")
            self.runs.forget(run)
            self.places.forget(run)
        for scope in scopes:
            self.cut(scope)

    def cut(self, scope: str) -> list[str]:
        """Cancel every act in flight under `scope` that can be, and what else goes on under it; the acts' ids."""
        struck = [ident for ident, flight in self.flights.items() if scope in flight.scopes]
        for ident in struck:
            flight = self.flights[ident]
            if not flight.cut and not flight.theirs:
                flight.cut = True
                flight.task.cancel()
        try:
            self.on_cut(scope)
        except Exception as error:  # a hold is written down whatever fails beside it
            self.on_fault(error)
        return struck


def _unknown() -> Carried:
    return Carried("unknown")


def _first(steps: Steps, trail: Trail) -> Command | Reply | None:
    """The first command of a passage, or its reply; None where it would stand in everybody's way: begin it anew.

    INVARIANT: what was broken off has recorded and sent nothing: it had yielded nothing yet.
    """
    trail.spread(on=True)
    try:
        return next(steps)
    except StopIteration as stop:
        return stop.value
    except Unsettled:
        return None
    finally:
        trail.spread(on=False)


async def _settled(trail: Trail) -> None:
    """What a look-up has to go through, in pieces; others are served in between."""
    more = True
    while more:
        more = trail.settle_some()
        await asyncio.sleep(0)


def _by_a_model(entry: Decided) -> bool:
    return not entry.routes or not entry.routes.keys().isdisjoint(("model", "previous"))


def _caller(principal: Principal, run: str, until: int) -> Caller:
    ends = [end for end in (principal.until, until) if end]
    return Caller(
        principal=principal.name,
        role=principal.role,
        systems=tuple(principal.systems),
        run=run,
        starts=principal.starts,
        until=min(ends, default=0),
    )
