"""Deciders that behave: a declared model with a real model behind it, every word on demand, and what they were asked.

The seam between fronts and gate, without record or authority: row k of a batch comes back as decision `index/k`.
"""

from __future__ import annotations

from typing import Any

from standwatch.enforce.decision_ports import Going, ModelCard
from standwatch.enforce.ports import NOTHING_SHOWN, Caller, Shown
from standwatch.facts.decisions import Answer, Ask, Predicted, Row, RowAnswer, Trouble
from standwatch.facts.errors import Forbidden
from standwatch.facts.ids import new_id
from standwatch.facts.models import Feature, Model, Outcome, Output, Version

TOKEN = "sw_decider"
SYSTEM = "mortgage"
ID = new_id(1_800_000_000_000_000, bytes(10))

INPUTS = (
    Feature("income", "number", unit="USD/month", min=0),
    Feature("term", "integer", min=1, max=480),
    Feature("purpose", "category", one_of=("home", "refinance")),
    Feature("married", "boolean", missing=True),
    Feature("note", "text", missing=True),
)
OUTPUTS = (
    Output("score", "probability", min=0, max=1, polarity="higher means denied"),
    Output("word", "label", labels=("denied", "approved")),
    Output("shares", "number", labels=("a", "b", "c")),
)
MODEL = Model(
    component="scorer",
    versions={"v1": Version("v1"), "v2": Version("v2")},
    inputs=INPUTS,
    outputs=OUTPUTS,
    outcome=Outcome("score", 0.5, "denied", "approved"),
)
PROBLEM = RowAnswer([None, None, None], "", "refer-to-human", "unreadable", "")


def scored(row: Row) -> list[Any]:
    """The model: poor means denied."""
    income = row[0]
    score = 0.9 if not isinstance(income, int | float) or income < 1_000 else 0.25
    return [score, "denied" if score >= 0.5 else "approved", [score, 1 - score, 0.0]]


class BenchDeciders:
    """`word` is what is answered next, `asks` what was asked. A caller that knows `TOKEN` may use `SYSTEM`."""

    def __init__(self, model: Model = MODEL, *others: Model) -> None:
        self.models = {one.component: one for one in (model, *others)}
        self.ready = True
        self.word = "done"
        self.message = ""
        self.receipt = ""
        self.index = 41
        self.asks: list[Ask] = []
        self.told: list[Predicted | Trouble] = []
        self._owed: dict[str, Ask] = {}

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        if authorization != f"Bearer {TOKEN}" or system not in ("", SYSTEM):
            raise Forbidden("not this token")
        return Caller("clerk", "service", (SYSTEM,), run)

    def card(self, system: str, model: str = "") -> ModelCard | None:
        if system != SYSTEM or (not model and len(self.models) != 1):
            return None
        found = self.models.get(model) if model else next(iter(self.models.values()))
        return None if found is None else ModelCard(SYSTEM, found, "v2", previous="v1", ready=self.ready)

    async def decide(self, caller: Caller, ask: Ask) -> Answer:
        del caller
        self.asks.append(ask)
        if not ask.rows.rows and ask.problems:
            return Answer("invalid", ID, message=ask.problems[-1])
        return self._answer(ask, [scored(row) for row in ask.rows.rows])

    def _answer(self, ask: Ask, outputs: list[list[Any]]) -> Answer:
        if self.word != "done":
            return Answer(self.word, ID, message=self.message, receipt=self.receipt)
        rows = [
            PROBLEM
            if row in ask.problems
            else RowAnswer(found, "denied" if found[0] >= 0.5 else "approved", "model", "", "v2")
            for row, found in enumerate(outputs)
        ]
        names = tuple(output.name for output in self.models[ask.model].outputs)
        return Answer("done", ID, self.index, "v2", names, rows, self.receipt)

    async def begin(self, caller: Caller, ask: Ask) -> Going | Answer:
        if self.word != "done" or not ask.rows.rows:
            return await self.decide(caller, ask)
        self.asks.append(ask)
        self._owed[ID] = ask
        return Going(
            ID, "v2", "ab" * 32, tuple(k for k in range(len(ask.rows.rows)) if k not in ask.problems)
        )

    async def finish(self, caller: Caller, ident: str, predicted: Predicted | Trouble) -> Answer:
        del caller
        ask = self._owed.pop(ident, None)
        if ask is None:
            raise Forbidden("no such outcome is owed")
        self.told.append(predicted)
        n = len(ask.rows.rows)
        if isinstance(predicted, Trouble):
            rows = [RowAnswer([None] * 3, "", "refer-to-human", predicted.code)] * n
            return Answer("done", ident, self.index, "", tuple(o.name for o in OUTPUTS), rows)
        found = list(zip(*predicted.outputs.values(), strict=True))
        spread = iter(found)
        return self._answer(
            ask, [[0.0, "", None] if k in ask.problems else list(next(spread)) for k in range(n)]
        )
