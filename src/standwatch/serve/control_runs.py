"""A run read from the record: now, or as it stood at a moment of the past; and which runs there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from standwatch.declare.coding import told_by
from standwatch.enforce.origins import origins
from standwatch.enforce.traced import Results, label, value_at
from standwatch.facts.configuration import Configuration, Returns
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Contradicted,
    Decided,
    Deferred,
    Denied,
    Endorsed,
    Intent,
    Judged,
    Outcome,
    RunBound,
    RunClosed,
    RunOpened,
    SecondPlace,
    Unmasked,
)
from standwatch.facts.errors import Malformed, NotFound
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail
from standwatch.fronts.control_runs import Flow, RunAct, RunAnswer, RunDocument, RunHead, RunList
from standwatch.record import endorsements
from standwatch.record.delegation import DEEPEST
from standwatch.record.heard import read_heard
from standwatch.record.judged import Task, task_of, telling
from standwatch.record.leaf import Unknown
from standwatch.record.questions import quorum
from standwatch.record.source import Opening, commitments, open_part, read_leaf
from standwatch.record.spoken import doubts
from standwatch.record.state import State
from standwatch.serve.control_reading import Record

MOST_ENTRIES: Final = 4_000
"""Entries of one run that are looked at, the latest."""
PAGE: Final = 50
MOST: Final = 200
"""Acts on one page, and at most."""
_TEXT: Final = 2_000
"""Characters of arguments and of a result that are told here."""
_BEFORE: Final = 60
"""Acts before a page whose results are read: values flow from them."""
VALUES: Final = 100
"""Values of one act that are told."""
_VALUE: Final = 500
"""Characters of a value that are told."""
_TELLING: Final = 8
"""Entries at the beginning of a run among which is the one that says its task."""
_STRIDE: Final = 20_000
_STRIDES: Final = 25
"""Entries looked through for runs in one answer: so many times so many."""

_Own = list[tuple[int, AnyEntry | Unknown]]


class _Findings(msgspec.Struct, frozen=True):
    origins: dict[str, str] = {}


class _Content(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class _Said(msgspec.Struct, frozen=True):
    content: tuple[_Content, ...] = ()


class _Action(msgspec.Struct, frozen=True):
    arguments: dict[str, Any] = {}


class Wanted(msgspec.Struct, frozen=True):
    """Which page of a run: `limit` acts from number `begin` on, or the page on which the act of entry `at` stands.
    Texts as they were asked for; "" for the usual."""

    begin: str = ""
    limit: str = ""
    at: str = ""


def run_document(
    source: Record, configuration: Configuration, names: dict[str, str], run: str, page: Wanted
) -> RunDocument:
    """The run as it stands in `source`. Raises `NotFound`, and `Malformed` for a page that is none."""
    start, most = _number(page.begin, "from", 1 << 53, 0), _number(page.limit, "limit", MOST, PAGE, least=1)
    around = _number(page.at, "at", 1 << 53, -1)
    indices = source.of_run(run)
    if not indices or run.startswith("override/"):
        raise NotFound(
            f"no run of this record is called {run[:80]}", reference=run[:80], cure="standwatch runs"
        )
    kept = indices if len(indices) <= MOST_ENTRIES else [indices[0], *indices[1 - MOST_ENTRIES :]]
    entries: _Own = [(index, read_leaf(source.leaf(index))) for index in kept]
    acts = list(acts_of(entries).values())
    if around >= 0:  # the page on which the act of that entry stands
        place = next((k for k, own in enumerate(acts) if any(index == around for index, _ in own)), 0)
        start = place - place % most
    now = read_leaf(source.leaf(source.size - 1)).at
    opened = next(((index, one) for index, one in entries if isinstance(one, RunOpened)), None)
    above = runs_above(source, opened[1] if opened is not None else None)
    said = telling(above[-1][1] if above else entries)
    task, fate = task_of(source, *said, []) if said is not None else (Task(), "none")
    reading = _Reading(source, configuration, task.task, now)
    shown = acts[start : start + most]
    for own in acts[max(0, start - _BEFORE) : start]:
        reading.learn(own)
    closed = next(((index, one) for index, one in entries if isinstance(one, RunClosed)), None)
    first = next((one for _, one in entries if isinstance(one, Judged | Decided)), None)
    index, head = opened if opened is not None else (-1, None)
    given = head if isinstance(head, RunBound) else None
    second, elsewhere = next(((k, one) for k, one in entries if isinstance(one, SecondPlace)), (-1, None))
    return RunDocument(
        run=run,
        system=head.system if head is not None else getattr(first, "system", ""),
        principal=head.principal if head is not None else getattr(first, "by", ""),
        opened=index,
        at=head.at if head is not None else entries[0][1].at,
        by=head.by if head is not None else "",
        until=head.until if head is not None else 0,
        implicit=head.implicit if head is not None else False,
        closed=closed[0] if closed is not None else -1,
        closed_at=closed[1].at if closed is not None else 0,
        task=task.task,
        task_fate=fate,
        on_behalf_of=task.on_behalf_of,
        counts=dict(sorted(Counter(word_of(own, now)[0] for own in acts).items())),
        total=len(acts),
        begin=start,
        next=start + most if start + most < len(acts) else -1,
        left_off=len(indices) - len(kept),
        acts=tuple(reading.act(own) for own in shown),
        names=names,
        bound=given.bound if given is not None else "",
        tools=tuple(given.tools) if given is not None else (),
        effects=tuple(given.effects) if given is not None else (),
        above=tuple(name for name, _ in above),
        below=_below(source, run, index, closed[0] if closed is not None else source.size),
        second_place=second,
        doubts=doubts(source, [k for k, one in entries if isinstance(one, Contradicted)]),
        second_code=elsewhere.code if elsewhere is not None else "",
    )


def runs_above(source: Record, opened: RunOpened | None) -> list[tuple[str, _Own]]:
    """The runs that an opened one has its authority from, the nearest first, each with the entries that may say its
    task: none for one that a harness opened."""
    found: list[tuple[str, _Own]] = []
    while isinstance(opened, RunBound) and opened.parent and len(found) < DEEPEST:
        places = source.of_run(opened.parent)[:_TELLING]
        entries: _Own = [(place, read_leaf(source.leaf(place))) for place in places]
        found.append((opened.parent, entries))
        opened = next((one for _, one in entries if isinstance(one, RunOpened)), None)
    return found


def _below(source: Record, run: str, begin: int, end: int) -> tuple[str, ...]:
    """The runs that were opened from `run` between two entries, as far as that is looked through."""
    end = min(source.size, end, begin + _STRIDE * _STRIDES)
    opened = (one for _, one in source.control(max(begin, 0), end) if isinstance(one, RunBound))
    return tuple(one.run for one in opened if one.parent == run)[:MOST]


def system_of_run(source: Record, run: str) -> str:
    """The system that `run` belongs to. Raises `NotFound`."""
    for index in source.of_run(run)[:1]:
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, RunOpened | Judged | Decided):
            return entry.system
    raise NotFound(f"no run of this record is called {run[:80]}", reference=run[:80], cure="standwatch runs")


def runs_before(
    source: Record, state: State, system: str, before: str, sees: Callable[[str], bool]
) -> RunList:
    """The latest runs opened before entry `before`, of one system or of all that may be seen."""
    end = min(source.size, _number(before, "before", 1 << 53, source.size))
    found: list[RunHead] = []
    for _ in range(_STRIDES):
        if end <= 0 or len(found) >= PAGE:
            break
        begin = max(0, end - _STRIDE)
        some = [
            RunHead(one.run, one.system, one.principal, index, one.at, one.implicit, one.run in state.runs)
            for index, one in source.control(begin, end)
            if isinstance(one, RunOpened) and system in ("", one.system) and sees(one.system)
        ]
        found += some[::-1]
        end = begin
    more = len(found) > PAGE
    return RunList(tuple(found[:PAGE]), found[PAGE - 1].index if more else end if end > 0 else -1)


def _number(text: str, name: str, most: int, usual: int, least: int = 0) -> int:
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 17 and least <= int(text) <= most):
        raise Malformed(f"{text[:40]!r} is no {name} from {least} to {most}")
    return int(text)


def acts_of(entries: _Own) -> dict[str, _Own]:
    """The entries of each act, in the order in which acts were first heard of."""
    found: dict[str, _Own] = {}
    for index, entry in entries:
        ident = getattr(entry, "id", "")
        if ident and isinstance(entry, Judged | Decided | Answered | Endorsed | Unmasked | Outcome):
            found.setdefault(ident, []).append((index, entry))
    return found


def word_of(own: _Own, now: int) -> tuple[str, str, str]:
    """What became of an act: the word, the stable code of a refusal, the status of an outcome."""
    kinds = [one for _, one in own]
    outcome = next((one for one in kinds if isinstance(one, Outcome)), None)
    if outcome is not None:
        return ("done" if outcome.status == "ok" else "failed"), "", outcome.status
    if any(isinstance(one, Decided) for one in kinds):
        return "decided", "", ""
    if any(isinstance(one, Intent) for one in kinds):
        return "unknown", "", ""
    if any(isinstance(one, Unmasked) and one.decoy for one in kinds):
        return "decoy", "", ""
    last = next(one for one in reversed(kinds) if not isinstance(one, Unmasked | Endorsed))
    if isinstance(last, Denied):
        return "denied", last.code, ""
    if isinstance(last, Deferred):
        return ("deferred" if now < last.until else "expired"), last.code, ""
    answers = [one for one in kinds if isinstance(one, Answered)]
    if any(one.decision != "approve" for one in answers):
        return "refused", "", ""
    asked = next((one for one in kinds if isinstance(one, Asked)), None)
    vouched = ((index, one) for index, one in own if isinstance(one, Endorsed))
    if asked is not None and endorsements.reached(asked, vouched) >= 0:
        return "endorsed", "", ""
    approved = {one.by for one in answers if now < one.until}
    if asked is not None and len(approved) >= quorum(asked):
        return "approved", "", ""
    return ("waiting" if asked is not None and now < asked.until else "expired"), "", ""


class _Reading:
    """Reads acts in their order, learning on the way what their tools returned."""

    def __init__(self, source: Record, configuration: Configuration, task: str, now: int) -> None:
        self._source = source
        self._configuration = configuration
        self._trail = Trail(task)
        self._results = Results()
        self._now = now

    def learn(self, own: _Own) -> Opening:
        """Take what an act returned into account; its result as found."""
        tool = next((one for _, one in own if isinstance(one, Intent)), None)
        for index, entry in own:
            if isinstance(entry, Outcome):
                result = self._part(index, entry, "result")
                if tool is not None and result.fate == "present":
                    read = self._read(tool, result.data)
                    self._trail.learn(read)
                    self._results.learn(index, read)
                return result
        return Opening("none")

    def act(self, own: _Own) -> RunAct:
        """One act. Its values come from what was returned before it."""
        word, code, status = word_of(own, self._now)
        index, judged = next(
            ((index, one) for index, one in reversed(own) if isinstance(one, Judged)), (own[0][0], None)
        )
        if judged is None:
            return self._decision(own, word)
        action = self._part(index, judged, "action")
        findings = self._part(index, judged, "findings")
        arguments, flows, more = "", (), 0
        if action.fate == "present":
            told = _arguments(action.data)
            arguments = msgspec.json.encode(told).decode()
            flows, more = self._flows(told, _labels(findings.data), judged)
        result = self.learn(own)
        said = readable(result.data)
        outcome = next(((place, one) for place, one in own if isinstance(one, Outcome)), (-1, None))
        intent = next((one for _, one in own if isinstance(one, Intent)), None)
        asked = next(((place, one) for place, one in own if isinstance(one, Asked)), (-1, None))
        return RunAct(
            id=judged.id,
            index=own[0][0],
            at=own[0][1].at,
            tool=judged.tool,
            word=word,
            effect=judged.effect,
            code=code,
            status=status,
            outcome=outcome[0],
            micros=outcome[1].at - intent.at if outcome[1] is not None and intent is not None else 0,
            arguments=arguments[:_TEXT],
            arguments_fate=action.fate,
            result=said[:_TEXT],
            result_fate=result.fate,
            cut=len(arguments) > _TEXT or len(said) > _TEXT,
            flows=flows,
            flows_more=more,
            asked=asked[0],
            until=asked[1].until if asked[1] is not None else 0,
            answers=tuple(_answers(own)),
        )

    def _flows(
        self, arguments: dict[str, Any], labels: dict[str, str], act: Judged
    ) -> tuple[tuple[Flow, ...], int]:
        """The flows into `arguments`, and how many values are left out. `labels` are the gateway's own; what has none
        is looked for anew."""
        places = sorted(origins(self._trail, arguments).items())
        found: list[Flow] = []
        for pointer, anew in places[:VALUES]:
            source = told_by(labels.get(pointer, anew), act.seam, act.tool, pointer)
            found.append(self._flow(pointer, value_at(arguments, pointer), source, pointer in labels))
        return tuple(found), max(0, len(places) - VALUES)

    def _flow(self, pointer: str, value: Any, judged: str, sealed: bool) -> Flow:
        seen = self._results.seen(value)
        source = label(judged, seen)
        told = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        nearest = sorted(seen, key=lambda one: one.trusted != (source == "trusted"))
        if not nearest or source not in ("trusted", "untrusted"):
            return Flow(pointer, told[:_VALUE], source, judged=sealed)
        return Flow(pointer, told[:_VALUE], source, nearest[0].index, nearest[0].tool, sealed)

    def _decision(self, own: _Own, word: str) -> RunAct:
        index, entry = own[0]
        model = entry.model if isinstance(entry, Decided) else ""
        version = entry.version if isinstance(entry, Decided) else ""
        return RunAct(
            id=getattr(entry, "id", ""),
            index=index,
            at=entry.at,
            tool=f"{model}@{version}" if version else model,
            word=word,
            decision=f"{index}/0" if isinstance(entry, Decided) else "",
        )

    def _part(self, index: int, entry: AnyEntry, name: str) -> Opening:
        for wanted in commitments(entry):
            if wanted.name == name:
                return open_part(self._source, index, entry, wanted)
        return Opening("none")

    def _read(self, intent: Intent, data: bytes) -> Read:
        """What the act returned, as the manifest of today declares it."""
        declared = self._configuration.systems.get(intent.system)
        tool = declared.manifest.tools.get(intent.tool) if declared is not None else None
        returns = tool.returns if tool is not None else Returns()
        return Read(data=data, tool=intent.tool, call=intent.id, returns=returns, told_by_us=True)


def readable(result: bytes) -> str:
    """What came back, as people read it: the texts of an MCP result, one after another; what a model said; anything
    else as it is."""
    heard = read_heard(result) if result.startswith(b'{"kind":"generation.1"') else None
    if heard is not None:
        return "\n".join(line.removeprefix("  ") for line in heard.lines())
    try:
        said = msgspec.json.decode(result, type=_Said)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        said = _Said()
    if said.content and all(one.type == "text" for one in said.content):
        return "\n".join(one.text for one in said.content)
    return result.decode("utf-8", "backslashreplace")


def _arguments(action: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(action, type=_Action).arguments
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _labels(findings: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(findings or b"{}", type=_Findings).origins
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _answers(own: _Own) -> Iterator[RunAnswer]:
    for index, one in own:
        if isinstance(one, Answered):
            yield RunAnswer(index, one.at, one.by, one.decision)
