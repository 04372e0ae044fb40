"""Runs as one process keeps them: opened, found again after a restart; each with its trail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from standwatch.enforce.masks import Masks, run_key
from standwatch.enforce.ports import Caller
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Returns
from standwatch.facts.entries import AnyEntry, RunBound, RunOpened, TaskAdded, TaskTaken
from standwatch.facts.errors import Conflict, Forbidden, Unrecorded
from standwatch.facts.frames import Ack, Fetch, Fetched, Recall, Recalled
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part, commitment, value_digest
from standwatch.facts.words import Effect
from standwatch.flow.trail import Trail
from standwatch.record.endorsements import Endorsement
from standwatch.record.state import State
from standwatch.serve.recalling import catch_up

MOST_TASK = 64 << 10
"""Characters of a task with everything that its user has added."""

Append = Callable[[AnyEntry, tuple[Part, ...]], Awaitable[Ack]]


class Given(msgspec.Struct, frozen=True):
    """What bounds a run: the key that its token needs, the run it is below, and what of that one's it may do."""

    bound: str = ""
    parent: str = ""
    tools: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()


class Told(Protocol):
    """What runs need of the link to the recorder."""

    @property
    def state(self) -> State: ...
    def next_number(self) -> int: ...
    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]": ...
    def recall(self, recall: Recall) -> "asyncio.Future[Recalled]": ...


class Runs:
    """The runs whose acts pass through this process. The record says which exist; here is what they have read."""

    def __init__(
        self,
        link: Told,
        append: Append,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
        returns: Callable[[str, str], Returns],
    ) -> None:
        """`returns`: what is declared of the results of a tool, by system and tool."""
        self._link = link
        self._append = append
        self._returns = returns
        self._clock = clock
        self._chance = chance
        self._trails: dict[str, Trail] = {}
        self._masks: dict[str, Masks] = {}
        self._opening: dict[str, asyncio.Task[str]] = {}
        self._catching: dict[str, asyncio.Task[bool]] = {}
        self._extending = asyncio.Lock()
        self._untold: set[str] = set()
        """Runs kept here that got a task elsewhere, or a moment ago."""

    def trail(self, run: str) -> Trail:
        """What `run` has read so far; nothing for a run this process does not know."""
        return self._trails.get(self._link.state.root_run(run)) or Trail()

    def masks(self, run: str, secret: bytes) -> Masks:
        """The values that `run` has masked; its tokens are made with `secret`."""
        run = self._link.state.root_run(run)
        found = self._masks.get(run)
        if found is None:
            found = Masks(run_key(secret, run))
            if run in self._trails:
                self._masks[run] = found
        return found

    async def open(
        self,
        caller: Caller,
        system: str,
        task: str = "",
        behalf: str = "",
        *,
        token: str = "",
        until: int = 0,
        given: Given | None = None,
    ) -> str:
        """Open a run and return its id; one without a token is the caller's implicit one. `token` is a hash."""
        run = new_id(self._clock(), self._chance(10))
        part = Part("task", self._chance(32), msgspec.json.encode({"on_behalf_of": behalf, "task": task}))
        members: dict[str, Any] = {
            "by": caller.principal,
            "run": run,
            "system": system,
            "principal": caller.principal,
            "token": token,
            "until": until,
            "implicit": not token,
            "why": commitment(part.salt, part.data) if task or behalf else "",
        }
        if given is None:
            entry = RunOpened(**members)
        else:
            members |= {"tools": list(given.tools), "effects": list(given.effects)}
            entry = RunBound(**members, bound=given.bound, parent=given.parent)
        if given is None or not given.parent:
            self._trails[run] = Trail(task, behalf)
        try:
            await self._append(entry, (part,) if task or behalf else ())
        except BaseException:
            self._trails.pop(run, None)
            raise
        return run

    async def take(self, caller: Caller, system: str, task: str) -> None:
        """`task` is that of the caller's run, where it has none and has not acted yet (`Sequencer`)."""
        run = await self.of(caller, system)
        _, opened = self._link.state.runs.get(run, (0, None))
        if opened is None or opened.why or run in self._link.state.tasks:
            return
        part = Part("task", self._chance(32), msgspec.json.encode({"on_behalf_of": "", "task": task}))
        entry = TaskTaken(by=caller.principal, run=run, why=commitment(part.salt, part.data))
        try:
            await self._append(entry, (part,))
        except (Conflict, Unrecorded):
            return
        self._tell(run, task)

    async def extend(self, caller: Caller, run: str, words: str) -> None:
        """The user of `run` has said more: its task is what it was, and `words`. Raises what appending raises."""
        async with self._extending:
            known, said = await self._said(run)
            before = said.get("task", "") if known else ""
            whole = f"{before}\n\n{words}" if before else words
            if len(whole) > MOST_TASK:
                raise Forbidden("a task is not that long")
            members = {"on_behalf_of": said.get("on_behalf_of", ""), "task": whole}
            part = Part("task", self._chance(32), msgspec.json.encode(members))
            entry = TaskAdded(by=caller.principal, run=run, why=commitment(part.salt, part.data))
            await self._append(entry, (part,))
            self._tell(run, whole)

    def told(self, run: str) -> None:
        """`run` has got its task: whoever asks next reads it back."""
        if run in self._trails:
            self._untold.add(run)

    def _tell(self, run: str, task: str) -> None:
        self._untold.discard(run)
        trail = self._trails.get(run)
        # INVARIANT: a task is added to what is known of a run, and nothing that it read is forgotten for it.
        if trail is not None and trail.task != task:
            trail.tell(task)

    async def of(self, caller: Caller, system: str) -> str:
        """The run an act belongs to: the caller's own, or the implicit one, opened at the first act."""
        if caller.run:
            run = caller.run
        else:
            key = f"{caller.principal}/{system}"
            run = self._link.state.implicit.get(key, "")
            if not run:
                opening = self._opening.get(key)
                if opening is None:
                    opening = self._opening[key] = asyncio.ensure_future(self._implicit(caller, system, key))
                run = await asyncio.shield(opening)
        # A sub-agent's run has the task of the one above it, and whatever either read is read by both.
        root = self._link.state.root_run(run)
        if root not in self._trails and root in self._link.state.runs:
            await self._recall(root)
        if root in self._untold and root in self._link.state.tasks:
            self._tell(root, (await self._said(root))[1].get("task", ""))
        for one in self._link.state.endorsed.get(run, ()):
            if one.enough and (one.of, one.argument) not in self.trail(run).vouched:
                await self._vouched(run, one)
        return run

    async def _vouched(self, run: str, one: Endorsement) -> None:
        """Read back the value that people vouched for: where it is gone, nothing is vouched for."""
        fetched = await self._link.fetch(Fetch(self._link.next_number(), one.asked.id, "action"))
        if fetched.known and value_digest(fetched.data, one.argument) == one.digest:
            action: dict[str, Any] = msgspec.json.decode(fetched.data)
            self.trail(run).vouched[one.of, one.argument] = canonical(action["arguments"][one.argument])

    async def _implicit(self, caller: Caller, system: str, key: str) -> str:
        try:
            return await self.open(caller, system)
        except Conflict:  # another worker was first, and we have been told
            return self._link.state.implicit.get(key, "")
        finally:
            del self._opening[key]

    async def _recall(self, run: str) -> None:
        """Read a run's task back after a restart; if its key is gone the run has no task to appeal to."""
        known, said = await self._said(run)
        found = Trail(said.get("task", ""), said.get("on_behalf_of", ""))
        _, opened = self._link.state.runs.get(run, (0, None))
        has = run in self._link.state.tasks or (opened is not None and bool(opened.why))
        found.known = known or not has
        # INVARIANT: a trail is seen by nobody before it knows what the record has.
        await self._catch_up(run, found)
        self._trails.setdefault(run, found)
        if run in self._link.state.tasks:  # said, or said on, while this was being read back
            self._untold.add(run)

    async def catch_up(self, run: str) -> None:
        """Learn what other processes have read in `run` since this one last looked."""
        run = self._link.state.root_run(run)
        trail = self._trails.get(run)
        if trail is None:
            return
        task = self._catching.get(run)
        if task is None:
            task = self._catching[run] = asyncio.ensure_future(self._catch_up(run, trail))
            task.add_done_callback(lambda _: self._catching.pop(run, None))
        await asyncio.shield(task)

    async def _catch_up(self, run: str, trail: Trail) -> bool:
        _, opened = self._link.state.runs.get(run, (0, None))
        system = opened.system if opened is not None else ""
        return await catch_up(self._link, run, trail, lambda tool: self._returns(system, tool))

    async def _said(self, run: str) -> tuple[bool, dict[str, str]]:
        """What the record has of a run's task: whether it is there, and its words."""
        later = self._link.state.tasks.get(run)
        key = run if later is None else str(later)
        fetched = await self._link.fetch(Fetch(self._link.next_number(), key, "task"))
        return fetched.known, msgspec.json.decode(fetched.data, type=dict[str, str]) if fetched.known else {}

    @property
    def known(self) -> frozenset[str]:
        """The runs whose trails are kept here."""
        return frozenset(self._trails)

    def forget(self, run: str) -> None:
        """A run has ended."""
        self._trails.pop(run, None)
        self._masks.pop(run, None)
        self._untold.discard(run)
