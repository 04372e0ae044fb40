"""Is this the record it claims to be? Offline, and trusting nobody's word.

The plan:
  (1) The checkpoint is signed with the key that the verifier brought, for the log that key is named after.
  (2) It is consistent with the checkpoint that the verifier kept from last time.
  (3) The tiles hash up to the root, and every entry hashes into them.
  (4) Every leaf is canonical, of a known kind, and no earlier than the one before.
  (5) Every entry was allowed where it stands: replayed (`replay.py`).
  (6) Parts beside the leaves are what the leaves commit to, or erased, or not here.
  (7) Say what all this cannot say.

One pass, one bundle of 256 entries at a time; memory is that of the log's state, not of its length.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from standwatch.facts.entries import AnyEntry, Asked, Decided, Denied, Intent, Shadowed
from standwatch.facts.errors import Malformed, Misconfigured, NotFound, StandwatchError, Tampered
from standwatch.record.anchor import Anchors, hash_at
from standwatch.record.checkpoint import Checkpoint, open_checkpoint
from standwatch.record.decision import row_problem
from standwatch.record.leaf import Unknown
from standwatch.record.note import NoteKey, parse_vkey
from standwatch.record.observed import Observations
from standwatch.record.replay import GrantRule, Origin, Replay
from standwatch.record.source import (
    Marked,
    SealedRows,
    Source,
    all_commitments,
    hashes,
    open_part,
    read_action,
    read_leaf,
)
from standwatch.record.tiles import TILE_WIDTH
from standwatch.record.tree import (
    MAX_SIZE,
    Frontier,
    Unproven,
    consistency_proof,
    leaf_hash,
    verify_consistency,
)

Status = Literal["verified", "prefix", "rejected"]

Progress = Callable[[int, int], None]
"""Told (entries done, entries to do), once for each bundle."""

MOST_PROBLEMS: Final = 1000
"""Problems listed; further ones are counted."""

_SHORT: Final = frozenset({"behind", "ends_early", "unknown_kind"})
"""What only says that the record ends before it should: everything up to there is what it claims to be."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong: at entry `index` (-1: with the whole), a stable code and a sentence."""

    index: int
    code: str
    text: str


class Verification(msgspec.Struct, frozen=True):
    """The answer. Only `verified` is good news without a condition.

    `verified`: everything shown is what it claims to be, and reaches the checkpoint it is shown under, which
    extends the kept one. `prefix`: everything shown is genuine up to `reaches`, but the record shown ends before
    the kept checkpoint, before its own, or where this version cannot read on. `rejected`: something is not what
    it claims to be.
    """

    status: Status
    origin: str
    size: int
    """Entries under the checkpoint shown; 0 where it could not be opened."""
    root: str
    span: tuple[int, int]
    """The range of which every entry was to be here."""
    reaches: int
    """Every entry of `span` before this index was here and right."""
    problems: tuple[Problem, ...]
    more: int
    """Problems beyond those listed."""
    counts: dict[str, int]
    """Entries by kind; `part.…` and `row.…`: `present`, `erased`, `absent`; `intent.open`,
    `question.sealed` (closed, and not opened: `record.veils`), `entry.skipped`,
    `entry.observed` (released against the verdict without an approval: under `observe` or a relaxation)."""
    limits: tuple[str, ...]
    """What this verification does not say."""


def verify(
    source: Source,
    vkey: str,
    trusted: Checkpoint | None = None,
    *,
    parts: bool = True,
    grant: GrantRule | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify `source` by the plan above. Raises `Malformed` for a bad `vkey` and otherwise never for what it reads.

    `trusted` is the checkpoint kept from last time; `parts` False leaves out step (6); `grant` recomputes the
    authority each intent used.
    """
    key = parse_vkey(vkey)
    try:
        # (1): The checkpoint.
        head = open_checkpoint(source.checkpoint(), key.name, [key])
    except StandwatchError as error:
        return _unopened(key, source, error)
    run = _Run(source, head, key, grant, parts)
    # (2): Against the checkpoint that was kept.
    run.compare(trusted)
    # (3) to (6): Every bundle.
    if run.root():
        run.read(progress)
        run.beyond()
    # (7): What this cannot say.
    return run.result(trusted)


def _unopened(key: NoteKey, source: Source, error: StandwatchError) -> Verification:
    problem = Problem(-1, "checkpoint", f"the checkpoint cannot be trusted: {error}")
    return Verification("rejected", key.name, 0, "", source.span, 0, (problem,), 0, {}, ())


class _Problems:
    """What was found: the first so many, and of all of them what decides."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.more = 0
        self.first = MAX_SIZE
        """Index of the first entry that something is wrong with."""
        self.short = True
        """Whether every problem only says that the record ends too early."""

    def say(self, index: int, code: str, text: str) -> None:
        if len(self.listed) < MOST_PROBLEMS:
            self.listed.append(Problem(index, code, text))
        else:
            self.more += 1
        self.short = self.short and code in _SHORT
        if code != "behind":
            self.first = min(self.first, max(index, 0))

    @property
    def status(self) -> Status:
        if not self.listed:
            return "verified"
        return "prefix" if self.short else "rejected"


class _Run:
    """One verification under way."""

    def __init__(
        self, source: Source, head: Checkpoint, key: NoteKey, grant: GrantRule | None, parts: bool
    ) -> None:
        self._source = source
        self._head = head
        self._start, self._end = source.span[0], min(source.span[1], head.size)
        self._parts = parts
        self._hashes = hashes(source, head.size)
        self._anchors = Anchors(source, head.size)
        observed = Observations(source).observed
        origin = Origin(key.name, key.vkey)
        self._replay = Replay(origin, self._start, self._root_at, grant, observed, entry_at=self._entry_at)
        self._problems = _Problems()
        self._say = self._problems.say
        self._counts: Counter[str] = Counter()
        self._at = 0
        self._gap = -1
        """First entry of a stretch of missing bundles; -1 for none."""
        self._stopped = False

    # ------------------------------------------------------------------------------------------ steps 2 and 3

    def compare(self, trusted: Checkpoint | None) -> None:
        """Step (2): what is shown extends what was kept."""
        head = self._head
        if trusted is None or trusted.size == 0:
            return
        if trusted.origin != head.origin:
            self._say(-1, "fork", f"the checkpoint kept is of another log, {trusted.origin}")
        elif trusted.size > head.size:
            self._say(-1, "behind", f"shown are {head.size} entries; the checkpoint kept has {trusted.size}")
        else:
            self._extends(trusted)

    def _extends(self, kept: Checkpoint) -> None:
        head = self._head
        try:
            proof = consistency_proof(self._hashes, kept.size, head.size)
            verify_consistency(kept.size, head.size, proof, kept.root, head.root)
        except Unproven:
            self._say(-1, "fork", f"this is not the log whose checkpoint was kept at {kept.size} entries")
        except StandwatchError as error:
            self._say(-1, "unlinked", f"nothing links this to the checkpoint kept at {kept.size}: {error}")

    def root(self) -> bool:
        """Step (3), first half: the right edge hashes to the root. Without it nothing else can be proved."""
        try:
            if self._anchors.edge_root() == self._head.root:
                return True
            self._say(-1, "root", "the tiles do not hash to the root of the checkpoint")
        except StandwatchError as error:
            self._say(-1, "root", f"the root cannot be recomputed: {error}")
        return False

    def _root_at(self, size: int) -> bytes | None:
        """The root at an earlier size. Tiles that were never anchored may lie: then the head signed along differs,
        which is reported where it is noticed, and the tile is reported where it is read."""
        try:
            return Frontier.of(self._hashes, size).root()
        except StandwatchError:
            return None

    def _entry_at(self, index: int) -> AnyEntry | Unknown | None:
        """An entry that was passed before; what is not here, or is another one now, says nothing."""
        try:
            leaf = self._source.leaf(index)
            row = self._anchors.anchored(0, index // TILE_WIDTH)
            return read_leaf(leaf) if hash_at(row, index) == leaf_hash(leaf) else None
        except (StandwatchError, Unproven):
            return None

    # ------------------------------------------------------------------------------------------ steps 3 to 6

    def read(self, progress: Progress | None) -> None:
        """Steps (3) to (6) for every bundle: control entries before the range, then the whole range."""
        for begin in range(0, self._end, TILE_WIDTH):
            end = min(begin + TILE_WIDTH, self._head.size)
            self._bundle(begin, end)
            if progress is not None:
                progress(min(end, self._end), self._end)

    def beyond(self) -> None:
        """Behind the checkpoint: what a start would take up and sign was written by the record's own server."""
        if not isinstance(self._source, Marked):
            return
        try:
            wrong = self._source.beyond()
        except StandwatchError as error:
            wrong = str(error)
        if wrong:
            self._say(self._head.size, "beyond", wrong)

    def _bundle(self, begin: int, end: int) -> None:
        entries = self._entries(begin, end)
        if entries is None:
            return
        row = self._row(begin) if entries else None
        for index, leaf in entries:
            # (3): The entry hashes into its tile.
            if row is not None and hash_at(row, index) != leaf_hash(leaf):
                self._say(index, "leaf", "these bytes are not what the tree was built from")
            self._entry(index, leaf)

    def _entries(self, begin: int, end: int) -> list[tuple[int, bytes]] | None:
        """What is here of a bundle; None where it is missing. Within the range, that is a gap."""
        try:
            entries = list(self._source.leaves(begin, end))
        except NotFound:
            self._gap = begin if self._gap < 0 else self._gap
            return None
        except StandwatchError as error:
            self._say(begin, "bundle", f"the entries from {begin} cannot be read: {error}")
            return None
        if self._gap >= 0:
            self._say(self._gap, "missing", f"entries {self._gap} to {begin - 1} are not here")
            self._gap = -1
        if begin >= self._start and [index for index, _ in entries] != list(range(begin, end)):
            self._say(begin, "missing", f"not every entry from {begin} to {end - 1} is here")
        return entries

    def _row(self, begin: int) -> bytes | None:
        """The hashes of the tile over a bundle, once they are shown to be under the root."""
        try:
            return self._anchors.anchored(0, begin // TILE_WIDTH)
        except (NotFound, Malformed, Unproven) as error:
            self._say(
                begin, "tile", f"the hashes over the entries from {begin} are not under the root: {error}"
            )
            return None

    def _entry(self, index: int, leaf: bytes) -> None:
        # (4): Canonical, of a known kind, no earlier than the one before.
        try:
            entry = read_leaf(leaf)
        except Malformed as error:
            self._say(index, "malformed", str(error))
            return
        self._counts[
            entry.kind if isinstance(entry, Unknown) else str(type(entry).__struct_config__.tag)
        ] += 1
        if entry.at < self._at:
            self._say(index, "time", "it is dated before the entry that precedes it")
        self._at = max(self._at, entry.at)
        if isinstance(entry, Unknown):
            self._unknown(index, entry)
        # (5): Allowed where it stands.
        if not self._stopped:
            for code, text in self._replay.objections(index, entry):
                self._say(index, code, text)
        if isinstance(entry, Intent) and entry.verdict != entry.disposition and entry.signed < 0:
            self._counts["entry.observed"] += 1
        # (6): Its parts.
        if self._parts:
            self._check_parts(index, entry)
            if isinstance(entry, Decided | Shadowed):
                self._check_rows(index, entry)

    def _unknown(self, index: int, entry: Unknown) -> None:
        if not entry.folds:
            self._counts["entry.skipped"] += 1
        elif not self._stopped:
            self._stopped = True
            self._say(
                index,
                "unknown_kind",
                f"the kind {entry.kind} is unknown here: nothing is vouched for after it",
            )

    def _check_parts(self, index: int, entry: AnyEntry | Unknown) -> None:
        for wanted in all_commitments(self._source, index, entry):
            opening = open_part(self._source, index, entry, wanted)
            if opening.fate == "absent" and index < self._start:
                continue  # an export brings of earlier entries only what is still in force
            self._counts[f"part.{opening.fate}"] += 1
            if opening.fate == "false":
                self._say(index, "part", f"its {wanted.name} is not what the entry commits to")
            elif (
                wanted.name == "action"
                and opening.fate == "present"
                and isinstance(entry, Intent | Denied | Asked)
            ):
                self._check_action(index, entry, opening.data)

    def _check_rows(self, index: int, entry: Decided | Shadowed) -> None:
        """The rows that are still here are those of the tree that the entry names."""
        try:
            sealed = self._source.rows(index, entry.id)
        except (Malformed, Tampered) as error:
            self._say(index, "row", str(error))
            return
        except Misconfigured:  # the key above their keys is not here
            sealed = SealedRows()
        erased = {row.row for row in sealed.rows if row.erased}
        present = {row.row for row in sealed.rows} - erased
        # A row -1 stands for a whole batch about nobody; a challenger that failed said nothing and has no rows.
        gone = entry.rows if -1 in erased else len(erased)
        absent = max(entry.rows - len(present) - gone, 0) if entry.tree else 0
        found = {"row.present": len(present), "row.erased": gone, "row.absent": absent}
        self._counts.update({name: count for name, count in found.items() if count})
        if wrong := row_problem(sealed, entry):
            self._say(index, "row", wrong)

    def _check_action(self, index: int, entry: Intent | Denied | Asked, data: bytes) -> None:
        """The action that was judged and signed is the one that the leaf names."""
        try:
            action = read_action(data)
        except Malformed as error:
            self._say(index, "action", f"its canonical action cannot be read: {error}")
            return
        run, system, tool = entry.run, entry.system, entry.tool
        if isinstance(entry, Denied):
            # A refusal does not repeat in its leaf what its caller made up: the action has it, and can be erased.
            run, system = run or action.run, action.system if system == "?" else system
            tool = action.tool if tool == "?" else tool
        told = (entry.id, entry.by, run, system, tool, self._head.origin)
        if told != (action.id, action.by, action.run, action.system, action.tool, action.org):
            self._say(index, "action", "its canonical action is not the one that the entry names")

    # ------------------------------------------------------------------------------------------------- step 7

    def result(self, trusted: Checkpoint | None) -> Verification:
        """Step (7)."""
        if self._gap >= 0:
            text = (
                f"the entries from {self._gap} on are not here, though the checkpoint has {self._head.size}"
            )
            self._say(self._gap, "ends_early", text)
        self._counts["intent.open"] = self._replay.unfinished
        self._counts["question.sealed"] = self._replay.sealed
        found = self._problems
        return Verification(
            status=found.status,
            origin=self._head.origin,
            size=self._head.size,
            root=self._head.root.hex(),
            span=(self._start, self._end),
            reaches=min(self._end, max(self._start, found.first)),
            problems=tuple(sorted(found.listed, key=lambda each: each.index)),
            more=found.more,
            counts=dict(sorted(self._counts.items())),
            limits=self._limits(trusted),
        )

    def _limits(self, trusted: Checkpoint | None) -> tuple[str, ...]:
        said = ["complete up to your last trusted checkpoint; omission at the gateway is not excluded"]
        if trusted is None:
            said.append(
                "no checkpoint was kept, so another history under the same key is not excluded: keep this one"
            )
        if self._start > 0:
            said.append(f"of the {self._start} entries before the range only those shown were read")
        if self._end < self._head.size:
            said.append(f"entries from {self._end} on were not shown")
        if self._counts["part.absent"]:
            said.append(f"{self._counts['part.absent']} sealed parts are not here and were not compared")
        if self._counts["row.absent"]:
            said.append(f"{self._counts['row.absent']} rows of decisions are not here and were not compared")
        if erased := self._counts["part.erased"] + self._counts["row.erased"]:
            said.append(f"{erased} sealed parts and rows were erased; no entry says by whom")
        said.append("holds on components, versions and vendors are not replayed: leaves do not name them")
        return tuple(said)
