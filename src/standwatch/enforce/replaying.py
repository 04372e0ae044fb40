"""The record of past runs under another configuration: what would have been let through, asked or refused instead.

Every act is judged twice at its own moment, with what its run had read by then: under the configuration that was in
force, and under the other one. So what differs, differs by the configuration and by nothing else. What came after it
in the record is not played anew: an act that would have been refused is still followed by what followed it.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from standwatch.authority.grant import Grant
from standwatch.enforce.case import Case, World
from standwatch.enforce.counting import task_values
from standwatch.enforce.drafting import Draft, case_of, spend_of
from standwatch.enforce.judge import judge
from standwatch.enforce.masks import Masks
from standwatch.enforce.ports import Act
from standwatch.enforce.recalled import act_of
from standwatch.enforce.steps import CHANCE
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Configuration, Returns
from standwatch.facts.entries import (
    AnyEntry,
    Asked,
    Config,
    Deferred,
    Denied,
    Intent,
    Outcome,
    Relaxed,
    RunBound,
    RunClosed,
    RunOpened,
    TaskAdded,
    TaskTaken,
)
from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.frames import Append
from standwatch.facts.parts import action_digest, value_digest
from standwatch.flow.origin import Place, Read
from standwatch.flow.trail import Trail
from standwatch.record.judged import part_of, task_of
from standwatch.record.leaf import Unknown
from standwatch.record.relaxed import in_force
from standwatch.record.sequence import Sequencer
from standwatch.record.source import Source, read_action, read_leaf
from standwatch.record.state import State, folds

Answer = Literal["allowed", "asked", "refused"]
Judged = Intent | Denied | Asked | Deferred
Compile = Callable[[Configuration], World]

EXAMPLES: Final = 5
"""Acts that are named of each kind of difference."""
MOST: Final = 200_000
"""Acts that are judged, the first of the range."""


class Example(msgspec.Struct, frozen=True):
    """One act that would come to something else: its id and entry, and what each configuration finds."""

    id: str
    index: int
    at: int
    run: str
    was: str
    now: str


class Differing(msgspec.Struct, frozen=True):
    """Acts with one tool that went `before` and would go `after`, by the rule (check and code) that makes the
    difference."""

    system: str
    tool: str
    before: Answer
    after: Answer
    rule: str
    count: int
    examples: tuple[Example, ...] = ()

    @property
    def widens(self) -> bool:
        """Whether more is let through."""
        return _WEIGHT[self.after] < _WEIGHT[self.before]


class Replayed(msgspec.Struct, frozen=True):
    """What the whole range comes to. `unknown`: why acts could not be judged, with how many; `doubtful`: judged with
    less than was known then, because something their runs had read is gone; `otherwise`: went another way than the
    configuration of their time alone explains (budgets of people, holds by hand)."""

    start: int
    end: int
    judged: int
    same: int
    differing: tuple[Differing, ...] = ()
    unknown: dict[str, int] = {}
    doubtful: int = 0
    otherwise: int = 0
    left_off: bool = False


_WEIGHT: Final[dict[Answer, int]] = {"allowed": 0, "asked": 1, "refused": 2}


class _Side:
    """One configuration, and what the open runs have read under it: what is trusted is for it to say."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trails: dict[str, Trail] = {}


class _View:
    """The world as the passage looked at it then, under one configuration."""

    def __init__(self, side: _Side, state: State, level: Any) -> None:
        self._side = side
        self.state = _declared(state, side.world.configuration)
        self._grant = Grant(level, (), 0)

    @property
    def world(self) -> World:
        return self._side.world

    def grant(self, system: str, now: int) -> Grant:
        return self._grant

    def trail(self, run: str) -> Trail:
        return self._side.trails.get(run) or Trail()

    def masks(self, run: str) -> Masks:
        return Masks(b"")

    def relaxed(self, now: int) -> tuple[tuple[int, Relaxed], ...]:
        return tuple(in_force(self.state, now).items())

    def validator(self, act: Act) -> Any:
        return None


def _declared(state: State, configuration: Configuration) -> State:
    """`state` as if `configuration` were in force. It shares all else: do not fold it on."""
    systems = {
        name: msgspec.structs.replace(
            standing,
            entry=msgspec.structs.replace(
                standing.entry, envelope=system.envelope, components=system.component_digest
            ),
        )
        for name, standing in state.systems.items()
        if (system := configuration.systems.get(name)) is not None
    }
    return msgspec.structs.replace(state, root=configuration.root, systems=systems)


class Replay:
    """Goes through `source` once. `since`: µs, or the index, from where acts are judged; `system` "" for all."""

    def __init__(
        self, source: Source, new: World, compile_: Compile, *, since: int = 0, system: str = ""
    ) -> None:
        self._source = source
        self._compile = compile_
        self._system = system
        self._since = since
        self._new = _Side(new)
        self._old: _Side | None = None
        self._sequencer = Sequencer(source.state_before(source.span[0]))
        self._acts: dict[str, tuple[str, str, str]] = {}
        """Action under way → its system, tool and run."""
        self._gone: dict[str, int] = {}
        """Run → results that could not be read back."""
        self._known: set[str] = set()
        """Runs that are seen from their beginning."""
        self._found: dict[tuple[str, str, Answer, Answer, str], list[Example]] = {}
        self._counts: dict[tuple[str, str, Answer, Answer, str], int] = {}
        self._unknown: dict[str, int] = {}
        self._judged = self._same = self._doubtful = self._otherwise = 0

    def run(self) -> Replayed:
        """All of it."""
        start, end = self._source.span
        self._take_up(self._sequencer.state.config)
        for index, leaf in self._source.leaves(start, end):
            entry = read_leaf(leaf)
            if isinstance(entry, Unknown):
                if folds(entry):
                    self._sequencer.state.fold(index, entry)
                continue
            if isinstance(entry, Intent | Denied | Asked | Deferred) and self._wanted(index, entry):
                if self._judged >= MOST:
                    return self._told(start, index, left_off=True)
                self._judge(index, entry)
            self._learn(index, entry)
            self._sequencer.take(index, entry)
            if isinstance(entry, Config):
                self._take_up(index)
        return self._told(start, end, left_off=False)

    def _wanted(self, index: int, entry: Judged) -> bool:
        """Acts that were asked about are judged as they were asked, not once more as they leave."""
        answered = isinstance(entry, Intent) and entry.signed >= 0
        since = self._since <= index if self._since < _TIME else self._since <= entry.at
        return since and not answered and entry.system in (self._system or entry.system, "?")

    def _told(self, start: int, end: int, *, left_off: bool) -> Replayed:
        differing = [
            Differing(*key, self._counts[key], tuple(examples)) for key, examples in self._found.items()
        ]
        differing.sort(key=lambda one: (not one.widens, one.system, one.tool, -one.count))
        return Replayed(
            start,
            end,
            self._judged,
            self._same,
            tuple(differing),
            dict(sorted(self._unknown.items())),
            self._doubtful,
            self._otherwise,
            left_off,
        )

    # --- what was in force, and what was read -------------------------------------------------------------------

    def _take_up(self, index: int) -> None:
        """The configuration of entry `index` is in force from here on; None where it cannot be read any more."""
        trails = self._old.trails if self._old is not None else {}
        self._old = None
        if index < 0:
            return
        try:
            opening = part_of(self._source, index, read_leaf(self._source.leaf(index)), "manifest", [])
            old = _Side(self._compile(msgspec.json.decode(opening.data, type=Configuration)))
        except (NotFound, Malformed, msgspec.DecodeError, ValueError):
            return
        old.trails = trails
        self._old = old

    def _sides(self) -> tuple[_Side, ...]:
        return (self._new,) if self._old is None else (self._new, self._old)

    def _learn(self, index: int, entry: AnyEntry) -> None:
        """What the entry tells its run."""
        match entry:
            case RunBound(parent=str(parent)) if (
                parent
            ):  # it shares the task and the reads of the run above it
                self._known.add(entry.run)
                for side in self._sides():
                    side.trails[entry.run] = side.trails.setdefault(parent, Trail())
            case RunOpened():
                task, fate = task_of(self._source, index, entry, [])
                self._known.add(entry.run)
                for side in self._sides():
                    trail = side.trails[entry.run] = Trail(task.task, task.on_behalf_of)
                    trail.known = fate in ("none", "present")
            case TaskAdded():
                opening = part_of(self._source, index, entry, "task", [])
                said = msgspec.json.decode(opening.data or b"{}", type=dict[str, str])
                for side in self._sides():
                    if (trail := side.trails.get(entry.run)) is not None:
                        trail.tell(said.get("task", ""))
                        trail.known = opening.fate in ("none", "present")
            case TaskTaken():
                opening = part_of(self._source, index, entry, "task", [])
                said = msgspec.json.decode(opening.data or b"{}", type=dict[str, str])
                for side in self._sides():
                    before = side.trails.get(entry.run)
                    trail = side.trails[entry.run] = Trail(said.get("task", ""), said.get("on_behalf_of", ""))
                    side.trails.update({run: trail for run, one in side.trails.items() if one is before})
            case RunClosed():
                self._known.discard(entry.run)
                self._gone.pop(entry.run, None)
                for side in (self._new, *([self._old] if self._old else [])):
                    side.trails.pop(entry.run, None)
            case Intent():
                self._acts[entry.id] = (entry.system, entry.tool, entry.run)
                self._release(index, entry)
            case Outcome():
                self._heard(index, entry)
            case _:
                pass

    def _release(self, index: int, entry: Intent) -> None:
        """The act left: it counts in its run, under either configuration."""
        for side in self._sides():
            case = self._case(side, index, entry)
            trail = side.trails.get(entry.run)
            if trail is not None:
                trail.past.add(entry.tool, task_values(case) if case is not None else ())

    def _heard(self, index: int, entry: Outcome) -> None:
        system, tool, run = self._acts.pop(entry.id, ("", "", ""))
        if not run or not entry.result:
            return
        opening = part_of(self._source, index, entry, "result", [])
        place = Place(tool.partition(".")[0], tool, entry.id)
        for side in self._sides():
            trail = side.trails.get(run)
            if trail is None:
                continue
            if opening.fate != "present":
                trail.missed(place)
                self._gone[run] = self._gone.get(run, 0) + 1
                continue
            declared = side.world.configuration.systems.get(system)
            found = declared.manifest.tools.get(tool) if declared is not None else None
            returns = found.returns if found is not None else Returns()
            told = entry.status == "ok"
            trail.learn(
                Read(
                    data=opening.data,
                    server=place.server,
                    tool=tool,
                    call=entry.id,
                    returns=returns,
                    told_by_us=told,
                )
            )

    # --- judging ------------------------------------------------------------------------------------------------

    def _judge(self, index: int, entry: Judged) -> None:
        after = self._answer(self._new, index, entry)
        if isinstance(after, str):
            self._unknown[after] = self._unknown.get(after, 0) + 1
            return
        before = self._answer(self._old, index, entry) if self._old is not None else None
        went = _went(entry)
        if before is None or isinstance(before, str):
            before = (went, "recorded", "")
        elif before[0] != went:
            self._otherwise += 1
        self._judged += 1
        self._doubtful += entry.run in self._gone or entry.run not in self._known
        if before[0] == after[0]:
            self._same += 1
            return
        rule = after[1] if after[0] != "allowed" else before[1]
        key = (entry.system, entry.tool, before[0], after[0], rule)
        self._counts[key] = self._counts.get(key, 0) + 1
        examples = self._found.setdefault(key, [])
        if len(examples) < EXAMPLES:
            examples.append(Example(entry.id, index, entry.at, entry.run, before[2], after[2]))

    def _answer(self, side: _Side | None, index: int, entry: Judged) -> tuple[Answer, str, str] | str:
        """What a configuration answers, the rule, and its reason; a word where it cannot be told."""
        assert side is not None
        if entry.tool.endswith(".generation"):
            return "generations are not judged anew"
        if entry.run not in side.trails:
            return "their run began before the range, or was never open"
        case = self._case(side, index, entry)
        if case is None:
            return "what they said was erased, or is not in this record"
        judgement = judge(case)
        found = judgement.deciding
        match judgement.disposition:
            case "allow" | "modify":
                over = self._over(case, entry)
                return ("refused", "limits/budget", over) if over else ("allowed", "", "")
            case "step_up" | "defer":
                return "asked", f"{found.check}/{found.code}", found.reason
            case _:
                return "refused", f"{found.check}/{found.code}", found.reason

    def _case(self, side: _Side, index: int, entry: Judged) -> Case | None:
        opening = part_of(self._source, index, entry, "action", [])
        if opening.fate != "present":
            return None
        try:
            action = read_action(opening.data)
            act = act_of(action, entry.seam, self._sequencer.state)
        except (Malformed, msgspec.ValidationError):
            return None
        view = _View(side, self._sequencer.state, entry.grant)
        self._vouch(view.trail(entry.run), entry.run)
        draft = Draft(act, entry.run, bytes(CHANCE), action, opening.data, action_digest(opening.data))
        return case_of(draft, view, entry.at)

    def _vouch(self, trail: Trail, run: str) -> None:
        """What people vouched for in the run by then, read back."""
        for one in self._sequencer.state.endorsed.get(run, ()):
            if not one.enough or (one.of, one.argument) in trail.vouched:
                continue
            opening = part_of(self._source, one.of, one.asked, "action", [])
            if opening.fate == "present" and value_digest(opening.data, one.argument) == one.digest:
                arguments = msgspec.json.decode(opening.data, type=dict[str, Any])["arguments"]
                trail.vouched[one.of, one.argument] = canonical(arguments[one.argument])

    def _over(self, case: Case, entry: Judged) -> str:
        """Which budget of this configuration was used up by then, as the record counts; "" for none."""
        if case.tool is None:
            return ""
        # An id of its own: what is under way is no second time, and nothing of this is written.
        intent = Intent(
            at=entry.at,
            by=entry.by,
            id=f"{entry.id}?",
            run=entry.run,
            system=entry.system,
            tool=entry.tool,
            digest=entry.digest,
            seen=entry.seen,
            why=entry.why,
            effect=case.effect,
            spend=spend_of(case),
        )
        refusal = self._sequencer.admit(Append(0, intent, caps=case.tool.caps), entry.at)
        return refusal.detail if refusal is not None and refusal.code == "budget" else ""


_TIME: Final = 10**12
"""From here on `since` is a time (µs) and no index."""


def _went(entry: Judged) -> Answer:
    match entry:
        case Intent():
            return "allowed"
        case Denied():
            return "refused"
        case _:
            return "asked"
