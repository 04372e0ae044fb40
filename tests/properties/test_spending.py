"""Budgets of tokens and money over arbitrary histories: what was let through never comes to more than the budget.

Generations of several runs are under way at once; each ends once, as its upstream says, or never. Whatever the order,
and through restarts: what was spent and what is still reserved stays within every cap, as long as upstreams charge no
more than the bound; and a second end of the same generation changes nothing.
"""

from __future__ import annotations

import copy

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from standwatch.facts.entries import Config, Declared, Intent, Outcome, OutcomeChecked, Principal, RunOpened
from standwatch.facts.frames import Append
from standwatch.facts.words import OutcomeStatus
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State

RUNS = ("run-a", "run-b", "run-c")
CAPS = {"run/tokens": 1_000, "day/tokens": 2_000, "run/money": 5_000, "day/money": 8_000}
DAY = 86_400_000_000
START = 1_795_000_000_000_000


class Spending(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sequencer = Sequencer(State())
        self.index, self.now = 0, START
        self.under_way: dict[str, Intent] = {}
        self.spent: dict[str, tuple[Intent, dict[str, int]]] = {}
        self._put(Declared(system="s", envelope="e", components="c"))
        self._put(Config(root="r", development=True))
        self._put(Principal(name="bot", role="agent", systems=["s"]))
        for run in RUNS:
            self._put(RunOpened(by="bot", run=run, system="s", principal="bot"))

    def _put(self, entry: object, caps: dict[str, int] | None = None) -> bool:
        if self.sequencer.admit(Append(0, entry, caps=caps or {}), self.now) is not None:  # type: ignore[arg-type]
            return False
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=self.now))  # type: ignore[type-var]
        self.index += 1
        return True

    @rule(
        run=st.sampled_from(RUNS),
        tokens=st.integers(0, 600),
        money=st.integers(0, 3_000),
        later=st.integers(0, 50),
    )
    def generate(self, run: str, tokens: int, money: int, later: int) -> None:
        self.now += later * 1_000_000
        entry = Intent(
            by="bot", id=f"act-{self.index}", run=run, system="s", tool="claude.generation", digest="d",
            seen=self.sequencer.state.seen, why="w", spend={"tokens": tokens, "money": money},
        )  # fmt: skip
        if self._put(entry, CAPS):
            self.under_way[entry.id] = msgspec.structs.replace(entry, at=self.now)
        else:
            assert self._over(run, entry.spend), "refused although there was room"

    def _over(self, run: str, spend: dict[str, int]) -> bool:
        return any(
            self._total(run if period == "run" else "", name) + spend[name] > cap
            for (period, name), cap in (
                ((key.split("/")[0], key.split("/")[1]), cap) for key, cap in CAPS.items()
            )
        )

    @precondition(lambda self: self.under_way)
    @rule(
        data=st.data(),
        part=st.floats(0, 1),
        status=st.sampled_from(("ok", "error", "timeout", "unknown", "not_sent")),
    )
    def end(self, data: st.DataObject, part: float, status: OutcomeStatus) -> None:
        ident = data.draw(st.sampled_from(sorted(self.under_way)))
        entry = self.under_way[ident]
        of = self.sequencer.open[ident].index
        said = (
            {name: int(most * part) for name, most in entry.spend.items()}
            if status in ("ok", "error")
            else {}
        )
        members = {"by": "bot", "id": ident, "of": of, "status": status}
        outcome = OutcomeChecked(**members, spent=said) if said else Outcome(**members)  # type: ignore[arg-type]
        assert self._put(outcome)
        del self.under_way[ident]
        nothing = dict.fromkeys(entry.spend, 0)
        self.spent[ident] = entry, said or (nothing if status == "not_sent" else dict(entry.spend))
        before = copy.deepcopy(self.sequencer.ledgers)
        assert not self._put(OutcomeChecked(**members, spent={"tokens": 0, "money": 0}))  # type: ignore[arg-type]
        assert self.sequencer.ledgers == before, "it is settled once"

    @rule()
    def restart(self) -> None:
        """The store keeps ledgers and state, and finds the open intents again."""
        old = self.sequencer
        self.sequencer = Sequencer(
            copy.deepcopy(old.state), copy.deepcopy(old.ledgers), set(), dict(old.open)
        )

    @rule()
    def midnight(self) -> None:
        self.now = (self.now // DAY + 1) * DAY

    def _total(self, run: str, name: str) -> int:
        """What counts against the run, or for "" against today: spent where it ended, reserved where it did not."""
        today = self.now // DAY
        kept = [(entry, entry.spend) for entry in self.under_way.values()] + list(self.spent.values())
        return sum(
            sums[name]
            for entry, sums in kept
            if (run and entry.run == run) or (not run and entry.at // DAY == today)
        )

    @invariant()
    def within_every_budget(self) -> None:
        for key, cap in CAPS.items():
            period, _, name = key.partition("/")
            for run in RUNS if period == "run" else ("",):
                assert self._total(run, name) <= cap

    @invariant()
    def the_ledgers_say_so(self) -> None:
        for run in RUNS:
            for name in ("tokens", "money"):
                assert self.sequencer.ledgers.get(f"run/{run}", {}).get(name, 0) == self._total(run, name)


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_cost_more_than_was_reserved_counts_in_full() -> None:
    """A provider's word above the bound is not argued with: it stops the next generation, and no other call."""
    machine = Spending()
    machine.generate(run="run-a", tokens=500, money=10, later=0)
    ((ident, entry),) = machine.under_way.items()
    of = machine.sequencer.open[ident].index
    assert machine._put(
        OutcomeChecked(by="bot", id=ident, of=of, status="ok", spent={"tokens": 5_000, "money": 10})
    )
    assert machine.sequencer.ledgers["run/run-a"]["tokens"] == 5_000
    call = Intent(
        by="bot", id="call", run="run-a", system="s", tool="bank.look", digest="d",
        seen=machine.sequencer.state.seen, why="w",
    )  # fmt: skip
    assert machine.sequencer.admit(Append(0, call, caps=CAPS), machine.now) is None
    again = Intent(
        by="bot", id="again", run="run-a", system="s", tool="claude.generation", digest="d",
        seen=machine.sequencer.state.seen, why="w", spend={"tokens": 1, "money": 1},
    )  # fmt: skip
    refused = machine.sequencer.admit(Append(0, again, caps=CAPS), machine.now)
    assert refused is not None
    assert refused.code == "budget"
    assert entry.run == "run-a"
