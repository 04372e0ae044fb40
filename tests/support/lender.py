"""A small lender as tests know it: one model in three versions, a caller, and a state with version 1 deployed."""

from typing import Any

import msgspec

from standwatch.authority.grant import Grant, grant
from standwatch.enforce.case import World
from standwatch.enforce.deciding import deciding
from standwatch.enforce.deciding_steps import CHANCE, AskModel, Command, Event, Heard, Steps
from standwatch.enforce.envelope import build
from standwatch.enforce.masks import Masks
from standwatch.enforce.policy import Policies
from standwatch.enforce.ports import Caller
from standwatch.enforce.steps import Begin, NotRecorded, Record, Recorded
from standwatch.facts.configuration import (
    Component,
    Configuration,
    Listener,
    Lock,
    Manifest,
    Organisation,
    System,
)
from standwatch.facts.decisions import Answer, Ask, Predicted, Row, RowRecord, Rows, Trouble
from standwatch.facts.entries import (
    AnyEntry,
    Config,
    Declared,
    Deployed,
    Evidence,
    Hold,
    Opened,
    Principal,
    Released,
    RunOpened,
)
from standwatch.facts.frames import Append, Refusal, RowPart
from standwatch.facts.models import Fallback, Feature, Model, Outcome, Output, Version
from standwatch.flow.trail import Trail
from standwatch.record.rows import read_row, split
from standwatch.record.sequence import Sequencer
from standwatch.record.serving import running
from standwatch.record.state import State

NOW = 1_800_000_000_000_000
DAY = 86_400_000_000
RUN = "01m7yyk4wzf27tae7xb4r3xe81"
DIGESTS = {"1": "a1" * 32, "2": "a2" * 32, "3": "a3" * 32}

MODEL = Model(
    component="scorer",
    versions={name: Version(name, served_as=f"s{name}", artifact=f"models/{name}") for name in DIGESTS},
    inputs=(
        Feature("income", min=0, max=100_000),
        Feature("purpose", type="category", one_of=("home", "car"), missing=True),
        Feature("applicant", type="text", missing=True),
    ),
    outputs=(Output("p", "probability", 0, 1, "higher means denied"),),
    outcome=Outcome("p", 0.5, "denied", "approved", abstain=(0.49, 0.51)),
    fallback=Fallback("refer-to-human"),
    deadline_ms=100,
)


def manifest(model: Model = MODEL, **changed: Any) -> Manifest:
    return Manifest(
        **{
            "system": "mortgage",
            "purpose": "Decides on mortgages",
            "owner": ("p-maria",),
            "halt_authority": ("p-omar",),
            "validator": ("p-chen",),
            "reversibility": "costly",
            "components": (Component("model", "scorer", vendor="bank", url="http://127.0.0.1:1"),),
            "models": {model.component: model},
            "data_subjects": (("input", "applicant"),),
            **changed,
        }
    )


def configuration(declared: Manifest) -> Configuration:
    listener = Listener("127.0.0.1", 0)
    lock = Lock(components={f"scorer@{name}": digest for name, digest in DIGESTS.items()})
    return Configuration(
        organisation=Organisation(
            "bank.example", "bank.example/test", "http://127.0.0.1", listener, listener
        ),
        systems={declared.system: System(declared, lock, "envelope-1")},
        policies=(),
        root="root-1",
    )


CALLER = Caller("loan-desk", "service", ("mortgage",), RUN)


class Stage:
    """A world, its record, and one request after another (or several at once)."""

    def __init__(
        self, model: Model = MODEL, *, validated: bool = True, tier: int = 1, **changed: Any
    ) -> None:
        declared = manifest(model, **changed)
        self.world = World(found := configuration(declared), build(found), Policies("", {}))
        self.sequencer, self.next, self.now = Sequencer(State()), 0, NOW
        self.log: list[tuple[int, AnyEntry]] = []
        self.parts: dict[int, dict[str, bytes]] = {}
        self.rows: dict[int, tuple[RowPart, ...]] = {}
        self.asked: list[AskModel] = []
        self.recording = True
        self.full = False
        self.lost = False
        self.stops: set[str] = set()
        self.versions = {"s1": 0.1, "s2": 0.9, "s3": 0.3}
        self._made = 0
        parts = found.systems["mortgage"].component_digest
        self.put(Opened(by="recorder", origin="bank.example/test", key="k"))
        self.put(
            Declared(
                by="p-maria",
                system="mortgage",
                envelope="envelope-1",
                components=parts,
                owner=["p-maria"],
                halt=["p-omar"],
                validators=["p-chen"],
                tier=tier,
            )
        )
        for name in ("p-maria", "p-omar", "p-chen"):
            self.put(Principal(by="standwatch", name=name, role="human", keys=[f"key of {name}"]))
        self.put(Config(by="p-maria", root="root-1"))
        self.put(Principal(by="p-maria", name="loan-desk", role="service", systems=["mortgage"]))
        self.put(
            RunOpened(by="loan-desk", run=RUN, system="mortgage", principal="loan-desk", until=NOW + 9 * DAY)
        )
        self.deploy("1")
        if validated:
            digest = running(parts, {"scorer": ("1", DIGESTS["1"])})
            self.put(
                Evidence(
                    by="p-chen",
                    system="mortgage",
                    envelope="envelope-1",
                    components=digest,
                    outcome="pass",
                    until=NOW + 80 * DAY,
                    report="r",
                )
            )

    # the view
    @property
    def state(self) -> State:
        return self.sequencer.state

    def grant(self, system: str, now: int) -> Grant:
        return grant(self.state, system, now)

    def front_grant(self, system: str, model: str, version: str, now: int) -> Grant:
        route = self.state.routes[f"{system}/{model}"]
        return grant(self.state.in_front(system, model, version, route.digest_of(version) or ""), system, now)

    def stopped(self, scopes: tuple[str, ...]) -> bool:
        return not self.stops.isdisjoint(scopes)

    def relaxed(self, now: int) -> tuple[()]:
        return ()

    def masks(self, run: str) -> Masks:
        return Masks(b"a lender")

    def trail(self, run: str) -> Trail:
        return Trail()

    def validator(self, act: Any) -> None:
        return None

    # the record
    def write(self, append: Append) -> tuple[int, Refusal | None]:
        if self.full:
            return -1, Refusal(append.number, "unrecorded", "the disk is full", self.state.seen)
        refusal = self.sequencer.admit(append, self.now)
        if refusal is not None:
            return -1, refusal
        index = self.put(append.entry)
        self.parts[index] = {part.name: part.data for part in append.parts}
        self.rows[index] = append.rows
        return index, None

    def put(self, entry: AnyEntry) -> int:
        index, self.next = self.next, self.next + 1
        written = msgspec.structs.replace(entry, at=self.now)
        self.sequencer.take(index, written)
        self.log.append((index, written))
        return index

    def deploy(self, version: str, mode: str = "full", share: int = 0) -> int:
        route = self.state.routes.get("mortgage/scorer")
        entry = Deployed(
            by="p-maria",
            system="mortgage",
            model="scorer",
            version=version,
            digest=DIGESTS[version],
            mode=mode,
            share=share,
            follows=route.index if route else -1,
        )
        assert self.sequencer.admit(Append(0, entry), self.now) is None
        return self.put(entry)

    def hold(self, scope: str) -> int:
        return self.put(Hold(by="p-omar", scope=scope))

    def release(self, hold: int) -> None:
        self.put(Released(by="p-omar", hold=hold))

    # a request
    def begin(self, *rows: Row, **members: Any) -> Steps:
        self._made += 1
        ask = Ask(
            **{
                "system": "mortgage",
                "model": "",
                "rows": Rows(("income", "purpose", "applicant"), list(rows)),
                **members,
            }
        )
        return deciding(
            CALLER, ask, self, Begin(self.now, RUN, self._made.to_bytes(2, "big") * (CHANCE // 2))
        )

    def answer(self, command: AskModel) -> Predicted | Trouble:
        """What a faithful server says: each version always the same probability."""
        served = MODEL.versions[command.version].served_as
        return Predicted({"p": [self.versions[served]] * len(command.rows)}, served)

    def execute(self, command: Command, said: Predicted | Trouble | None = None) -> Event:
        match command:
            case Record():
                append = Append(
                    0, command.entry, command.parts, command.subjects, command.scopes, command.caps,
                    command.valid_until, rows=command.rows,
                )  # fmt: skip
                index, refusal = self.write(append)
                if self.lost:
                    return NotRecorded(self.now, "unknown", "the recorder hung up")
                if refusal is not None:
                    return NotRecorded(self.now, refusal.code, refusal.detail)
                return Recorded(self.now, index, self.now, b"leaf")
            case AskModel():
                self.asked.append(command)
                return Heard(self.now, self.answer(command) if said is None else said, 5)

    def finish(self, steps: Steps, command: Command, said: Predicted | Trouble | None = None) -> Answer:
        """Drive on without interruption."""
        try:
            while True:
                command = steps.send(self.execute(command, said))
        except StopIteration as stop:
            return stop.value

    def play(self, *rows: Row, said: Predicted | Trouble | None = None, **members: Any) -> Answer:
        steps = self.begin(*rows, **members)
        try:
            command = next(steps)
        except StopIteration as stop:
            return stop.value
        return self.finish(steps, command, said)

    def last(self, kind: type[Any]) -> Any:
        """The last entry of `kind`."""
        return next(entry for _, entry in reversed(self.log) if isinstance(entry, kind))

    def records(self, index: int) -> list[RowRecord]:
        """The rows sealed beside an entry."""
        parts = self.rows[index]
        data = split(parts[0].data) if parts[0].row == -1 else [part.data for part in parts if part.row >= 0]
        return [read_row(each) for each in data]
