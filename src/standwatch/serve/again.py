"""An action of the record once more: as a case, to be asked about or judged under the rules of today."""

from typing import Any

from standwatch.authority.grant import Grant
from standwatch.enforce.case import Case, World
from standwatch.enforce.drafting import Draft, case_of, draft_of
from standwatch.enforce.masks import Masks
from standwatch.enforce.ports import Act
from standwatch.enforce.recalled import act_of
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.entries import Relaxed
from standwatch.facts.parts import action_digest
from standwatch.facts.words import Seam
from standwatch.flow.trail import Trail
from standwatch.record.source import read_action
from standwatch.record.state import State
from standwatch.serve.gate import LiveGate


class _View:
    """What the gate sees, but for schemas: the arguments were held against theirs when they were first judged."""

    def __init__(self, gate: LiveGate) -> None:
        self._gate = gate

    @property
    def world(self) -> World:
        return self._gate.world

    @property
    def state(self) -> State:
        return self._gate.state

    def grant(self, system: str, now: int) -> Grant:
        return self._gate.grant(system, now)

    def trail(self, run: str) -> Trail:
        return self._gate.trail(run)

    def masks(self, run: str) -> Masks:
        return self._gate.masks(run)

    def relaxed(self, now: int) -> tuple[tuple[int, Relaxed], ...]:
        return self._gate.relaxed(now)

    def validator(self, act: Act) -> Any:
        return None


async def same(gate: LiveGate, data: bytes, seam: Seam, now: int, chance: bytes) -> tuple[Draft, Case]:
    """The action with the canonical bytes `data` itself: its own id, nonce and digest. Raises `Malformed`."""
    action = read_action(data)
    act = act_of(action, seam, gate.state)
    await gate.runs.of(act.caller, act.system)
    draft = Draft(act, action.run, chance[:CHANCE], action, data, action_digest(data))
    return draft, case_of(draft, _View(gate), now)


async def another(gate: LiveGate, data: bytes, seam: Seam, now: int, chance: bytes) -> tuple[Draft, Case]:
    """The same act as in `data` with an id and a nonce of its own, as if it had just been asked for."""
    action = read_action(data)
    act, view = act_of(action, seam, gate.state), _View(gate)
    await gate.runs.of(act.caller, act.system)
    draft = draft_of(act, view, Begin(now, action.run, chance[:CHANCE]))
    return draft, case_of(draft, view, now)
