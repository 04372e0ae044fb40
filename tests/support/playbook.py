"""Drive a passage by hand: a stage holds the sequencer, plays the recorder, and remembers what was forwarded."""

from typing import Any

import msgspec

from standwatch.authority.grant import Grant, grant
from standwatch.enforce.case import World
from standwatch.enforce.masks import Masks, run_key
from standwatch.enforce.passage import passage
from standwatch.enforce.ports import Act, Carried, Reply
from standwatch.enforce.schema import Schemas
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
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Deferred,
    Hold,
    Intent,
    Relaxed,
    Released,
    Unmasked,
)
from standwatch.facts.frames import Append, Refusal
from standwatch.flow.trail import Trail
from standwatch.record.relaxed import in_force
from standwatch.record.veils import closed
from support import bank


class Stage:
    """A world, its record, and one passage after another (or several at once)."""

    def __init__(self, world: World | None = None, task: str = bank.TASK) -> None:
        self.world = world or bank.world()
        self.sequencer, self.next = bank.sequencer(self.world.configuration)
        self.now = bank.NOW
        self.log: list[tuple[int, AnyEntry]] = []
        self.parts: dict[int, dict[str, bytes]] = {}
        self.matches: dict[bytes, bytes] = {}
        self.forwarded: list[tuple[int, str]] = []
        self._trail = Trail(task)
        self._schemas = Schemas()
        self._made = 0
        self._masks: dict[str, Masks] = {}

    # the view
    @property
    def state(self) -> Any:
        return self.sequencer.state

    def grant(self, system: str, now: int) -> Grant:
        return grant(self.state, system, now)

    def relaxed(self, now: int) -> tuple[tuple[int, Relaxed], ...]:
        return tuple(in_force(self.state, now).items())

    def trail(self, run: str) -> Trail:
        return self._trail

    def masks(self, run: str) -> Masks:
        return self._masks.setdefault(run, Masks(run_key(b"a stage", run)))

    def validator(self, act: Act) -> Any:
        return self._schemas.of(act.definition)

    # the record
    def write(self, append: Append) -> tuple[int, Refusal | None]:
        refusal = self.sequencer.admit(append, self.now)
        if refusal is not None:
            return -1, refusal
        return self.put(append.entry, append.parts), None

    def put(self, entry: AnyEntry, parts: tuple[Any, ...] = ()) -> int:
        index, self.next = self.next, self.next + 1
        written = msgspec.structs.replace(entry, at=self.now)
        self.sequencer.take(index, written)
        self.log.append((index, written))
        self.parts[index] = {part.name: part.data for part in parts}
        return index

    def hold(self, scope: str) -> int:
        return self.put(Hold(by="p-omar", scope=scope))

    def release(self, hold: int) -> None:
        self.put(Released(by="p-omar", hold=hold))

    def answer(self, ident: str, decision: str = "approve", seconds: int = 600) -> None:
        question = self.state.questions[ident]
        append = Append(
            0,
            Answered(
                by="p-omar",
                id=ident,
                of=question.index,
                decision=decision,
                digest=question.entry.digest,
                key="key of p-omar",
                sig="s",
                head="",
                until=self.now + seconds * 1_000_000,
            ),
        )
        _, refusal = self.write(append)
        assert refusal is None, refusal
        self.unmask(ident)

    def unmask(self, ident: str) -> None:
        """Open question `ident`, where nobody can answer it any more."""
        veiled = self.state.veiled.get(ident)
        if veiled is None or not closed(self.state, veiled, self.now):
            return
        flag = self.parts[veiled.index]["flag"]
        entry = Unmasked(id=ident, of=veiled.index, salt=flag[:32].hex(), decoy=flag[32:] == b"decoy")
        _, refusal = self.write(Append(0, entry))
        assert refusal is None, refusal

    # a passage
    def begin(self, act: Act, run: str = bank.RUN) -> Steps:
        self._made += 1
        chance = self._made.to_bytes(2, "big") * (CHANCE // 2)
        return passage(act, self, Begin(self.now, run, chance))

    def execute(self, command: Command, carried: Carried) -> Event:
        """What a faithful driver answers to one command."""
        match command:
            case Record():
                append = Append(
                    0, command.entry, command.parts, (), command.scopes, command.caps, command.valid_until
                )
                index, refusal = self.write(append)
                if refusal is not None:
                    return NotRecorded(self.now, refusal.code, refusal.detail)
                if command.match and isinstance(command.entry, Asked | Deferred):
                    self.matches[command.match] = self.parts[index]["action"]
                return Recorded(self.now, index, self.now, b"leaf")
            case FindQuestion():
                return Question(self.now, self.matches.get(command.match, b""))
            case Forward():
                self.forwarded.append((self.next, command.id))
                return Returned(self.now, carried)

    def play(self, act: Act, carried: Carried | None = None) -> Reply:
        """Drive one act through without interruption."""
        steps = self.begin(act)
        try:
            command = next(steps)
            while True:
                command = steps.send(self.execute(command, carried or Carried("ok", b"{}")))
        except StopIteration as stop:
            return stop.value

    def last(self, kind: type[Any]) -> Any:
        """The last entry of `kind`."""
        return next(entry for _, entry in reversed(self.log) if isinstance(entry, kind))

    def findings(self) -> dict[str, dict[str, Any]]:
        """The findings beside the last judged entry, by check."""
        index = max(i for i, parts in self.parts.items() if "findings" in parts)
        decoded = msgspec.json.decode(self.parts[index]["findings"])
        return {finding["check"]: finding for finding in decoded["findings"]}

    def intents(self) -> list[Intent]:
        return [entry for _, entry in self.log if isinstance(entry, Intent)]
