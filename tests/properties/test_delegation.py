"""Families of runs over arbitrary histories: opened, closed, held, released, out of time, and always acting.

Whatever comes in whatever order: no act is sequenced in a run that any run above it might not have done, was held, was
over, or had no budget left for. The gate here is wrong on purpose: it names no scope of the runs above, and asks for
everything. A model that knows nothing of `State` keeps the tree and says what should have been refused.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from standwatch.facts.entries import (
    AnyEntry,
    Hold,
    Intent,
    Opened,
    Outcome,
    Principal,
    Released,
    RunBound,
    RunClosed,
    RunOpened,
)
from standwatch.facts.frames import Append, Refusal
from standwatch.facts.ids import new_id
from standwatch.record.delegation import beyond, fits
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State

TOOLS = ("bank.get", "bank.pay", "post.send")
PATTERNS = (*TOOLS, "bank.*", "*")
EFFECTS: tuple[Any, ...] = ("read", "write", "irreversible")
START, MINUTE = 1_800_000_000_000_000, 60_000_000
CAP = 4


class Node(msgspec.Struct):
    """A run as the model has it."""

    parent: str
    tools: tuple[str, ...]
    effects: tuple[str, ...]
    until: int
    closed: bool = False


class Families(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sequencer = Sequencer(State())
        self.now, self.next, self.made = START, 0, 0
        self.nodes: dict[str, Node] = {}
        self.held: dict[str, int] = {}
        self.spent: dict[str, int] = {}
        self.write(Opened(by="recorder", origin="o.invalid/log", key="k"))
        self.write(Principal(by="log", name="agent", role="agent", systems=["pay"], token="ab" * 32))
        for _ in range(2):
            self.root()
        for parent in ("r0", "r2", "r1"):
            self.open(parent, [], [], self.now + 20 * MINUTE)

    def write(self, entry: AnyEntry, **more: Any) -> Refusal | None:
        self.now += 1
        refusal = self.sequencer.admit(Append(1, entry, **more), self.now)
        if refusal is None:
            self.sequencer.take(self.next, msgspec.structs.replace(entry, at=self.now))
            self.next += 1
        return refusal

    # the model
    def line(self, run: str) -> list[str]:
        found = [run]
        while parent := self.nodes[found[-1]].parent:
            found.append(parent)
        return found

    def live(self, run: str) -> bool:
        return not any(
            self.nodes[one].closed or self.nodes[one].until <= self.now + 1 for one in self.line(run)
        )

    def may(self, run: str, tool: str, effect: str) -> bool:
        for one in self.line(run):
            node = self.nodes[one]
            if node.tools and not any(fits(pattern, tool) for pattern in node.tools):
                return False
            if node.effects and effect not in node.effects:
                return False
        return True

    def some(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.nodes)))

    # what happens
    @rule()
    def root(self) -> None:
        if sum(not node.parent and self.live(run) for run, node in self.nodes.items()) >= 3:
            return
        run, until = f"r{len(self.nodes)}", self.now + 30 * MINUTE
        entry = RunOpened(by="agent", run=run, system="pay", principal="agent", token=f"t{run}", until=until)
        assert self.write(entry) is None
        self.nodes[run] = Node("", (), (), until)

    @rule(
        data=st.data(),
        tools=st.lists(st.sampled_from(PATTERNS), max_size=2, unique=True),
        effects=st.lists(st.sampled_from(EFFECTS), max_size=2, unique=True),
        minutes=st.integers(1, 40),
    )
    def below(self, data: st.DataObject, tools: list[str], effects: list[Any], minutes: int) -> None:
        self.open(self.some(data), tools, effects, self.now + minutes * MINUTE)

    def open(self, parent: str, tools: list[str], effects: list[Any], until: int) -> None:
        run = f"r{len(self.nodes)}"
        entry = RunBound(
            by="agent", run=run, system="pay", principal="agent", token=f"t{run}", until=until,
            parent=parent, tools=tools, effects=effects,
        )  # fmt: skip
        fine = self.live(parent) and until <= self.nodes[parent].until and len(self.line(parent)) < 8
        refusal = self.write(entry)
        assert (refusal is None) == fine, refusal
        if refusal is None:
            self.nodes[run] = Node(parent, tuple(tools), tuple(effects), until)

    @rule(data=st.data(), tool=st.sampled_from(TOOLS), effect=st.sampled_from(EFFECTS), late=st.booleans())
    def act(self, data: st.DataObject, tool: str, effect: Any, late: bool) -> None:
        """The verdict had seen everything, or (`late`) nothing of the last restrictions."""
        run, state = (
            data.draw(st.sampled_from(sorted(filter(self.live, self.nodes)) or sorted(self.nodes))),
            self.sequencer.state,
        )
        self.made += 1
        ident = new_id(self.now, self.made.to_bytes(10, "big"))
        seen = 0 if late else state.seen
        entry = Intent(
            by="agent", id=ident, run=run, system="pay", tool=tool, digest="d", seen=seen, why="w", conf=0,
            grant="autonomous", effect=effect,
        )  # fmt: skip
        root = self.line(run)[-1]
        refusal = self.write(entry, caps={"run/calls": CAP})
        held = late and any(one in self.held for one in self.line(run))
        if refusal is None:
            assert self.live(run)
            assert self.may(run, tool, effect)
            assert not held
            self.spent[root] = self.spent.get(root, 0) + 1
            assert self.spent[root] <= CAP
            told = Outcome(by="agent", id=ident, of=self.next - 1, status="ok")
            assert self.write(told) is None
        else:
            fenced = late and any(f"run:{one}" in state.fences for one in self.line(run))
            full = self.spent.get(root, 0) >= CAP
            assert not self.live(run) or not self.may(run, tool, effect) or fenced or full, refusal

    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        run = self.some(data)
        assert self.write(Hold(by="p-olga", scope=f"run:{run}")) is None
        self.held.setdefault(run, self.next - 1)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        assert self.write(Released(by="p-olga", hold=self.held.pop(run))) is None

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        run = self.some(data)
        if self.write(RunClosed(by="agent", run=run)) is None:
            self.nodes[run].closed = True

    @rule(minutes=st.integers(1, 9))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    # what holds
    @invariant()
    def no_run_is_open_below_one_that_is_not(self) -> None:
        runs = self.sequencer.state.runs
        for run in runs:
            assert not any(self.nodes[one].closed for one in self.line(run))
            assert set(self.line(run)) <= set(runs)

    @invariant()
    def authority_shrinks_down_the_line(self) -> None:
        state = self.sequencer.state
        for run in state.runs:
            for above in self.line(run)[1:]:
                for tool in TOOLS:
                    for effect in EFFECTS:
                        if not beyond(state, run, tool, effect):
                            assert not beyond(state, above, tool, effect)

    @invariant()
    def the_line_is_the_model_s(self) -> None:
        state = self.sequencer.state
        for run in state.runs:
            assert list(state.lineage(run)) == self.line(run)
            assert state.root_run(run) == self.line(run)[-1]


TestFamilies = Families.TestCase
TestFamilies.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
