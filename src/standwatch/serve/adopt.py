"""Taking up a configuration: compare with the one in force, want signatures for widening, record, then act on it.

The record holds every configuration that ever had force (sealed beside its entry), so the one in force is read
from there, never from the folder: a folder edited while the server was down is a change like any other.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import Change, Signature, compare, signers_needed
from standwatch.enforce.case import World
from standwatch.facts.configuration import Answering, Configuration, Manifest, Person, System
from standwatch.facts.entries import AnyEntry, Config, Declared, DeclaredRules, Principal, Rule, Watch
from standwatch.facts.errors import Forbidden, Misconfigured, NotFound
from standwatch.facts.frames import Ack
from standwatch.facts.parts import Part, commitment, config_bytes
from standwatch.facts.watches import WatchRule
from standwatch.record.signed import Signature as Given
from standwatch.record.state import State
from standwatch.serve.control_signed import overtaken, require
from standwatch.serve.world import compile_world
from standwatch.store.folder import read_folder


class Recording(Protocol):
    """Where adoption writes: the gate."""

    @property
    def state(self) -> State: ...
    @property
    def world(self) -> World: ...
    def prepare(self, world: World) -> None: ...
    async def append(
        self, entry: AnyEntry, parts: tuple[Part, ...] = (), before: tuple[AnyEntry, ...] = ()
    ) -> Ack: ...


class Pending(msgspec.Struct, frozen=True):
    """A configuration that waits for signatures: what it widens, whose it needs, and whose it has."""

    root: str
    change: Change
    needed: tuple[Signature, ...]
    signed: dict[str, str]
    world: World

    @property
    def configuration(self) -> Configuration:
        return self.world.configuration


class Adopted(msgspec.Struct, frozen=True):
    """What became of a reload: `in_force`, `unchanged`, `waits` (see `pending`) or `refused` (see `problems`)."""

    result: str
    root: str
    direction: str = "same"
    differences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    needed: tuple[Signature, ...] = ()
    problems: tuple[str, ...] = ()


class Adoption:
    """Keeps the configuration in force, and the one that waits, if any."""

    def __init__(self, folder: Path, recording: Recording, chance: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._recording = recording
        self._chance = chance
        self._one_at_a_time = asyncio.Lock()
        self.pending: Pending | None = None
        self.problems: tuple[str, ...] = ()
        """What is wrong with the folder's configuration, while the one in force stays; empty for nothing."""
        self.warnings: tuple[str, ...] = ()

    async def reload(self) -> Adopted:
        """Read the folder and take up what it says, wholly or not at all. Never raises for a bad configuration."""
        async with self._one_at_a_time:
            return await self._reload()

    async def _reload(self) -> Adopted:
        first, old = self._recording.state.config < 0, self._recording.world.configuration
        try:
            # In a thread: it takes seconds for hundreds of systems, and a halt is heard meanwhile.
            read = await asyncio.to_thread(_read, self._folder, None if first else old)
        except Misconfigured as error:
            return self._refused(error.problems)
        except ValueError as error:
            return self._refused((f"policies: {error}",))
        state, new = self._recording.state, read.world.configuration
        self.problems, self.warnings = (), read.warnings
        if new.root == state.root:
            self.pending = None
            return Adopted("unchanged", state.root, warnings=read.warnings)
        needed = () if first else signers_needed(old, read.change, state.retired, _with_passkeys(state))
        signed = _good(self.pending, state) if self.pending and self.pending.root == new.root else {}
        self.pending = Pending(new.root, read.change, needed, signed, read.world)
        if _missing(self.pending):
            return self._told("waits", self.pending)
        return await self._take_up(self.pending, first=first)

    def _refused(self, problems: tuple[str, ...]) -> Adopted:
        self.problems = problems
        return Adopted("refused", self._recording.state.root, problems=problems)

    async def sign(self, by: str, root: str, signature: str) -> Adopted:
        """Take one person's signature over the waiting root digest; the last one needed puts it in force.

        Raises `NotFound` where that root does not wait, `Forbidden` where the signature is not theirs to give.
        """
        async with self._one_at_a_time:
            return await self._sign(by, root, signature)

    async def _sign(self, by: str, root: str, signature: str) -> Adopted:
        pending = self.pending
        if pending is None or pending.root != root:
            raise NotFound(f"no configuration with root {root[:12]}… waits", cure="standwatch status")
        configuration, state = self._recording.world.configuration, self._recording.state
        if configuration.person(by) is None:
            raise Forbidden(
                f"{by[:80]} is nobody of the configuration in force", cure="standwatch sign-config"
            )
        require(Given(by, signature), self.signs(by), state, configuration)
        self.pending = msgspec.structs.replace(pending, signed={**_good(pending, state), by: signature})
        if _missing(self.pending):
            return self._told("waits", self.pending)
        return await self._take_up(self.pending, first=False)

    def signs(self, by: str, root: str = "") -> bytes:
        """What `by` would sign for the configuration that waits, which has `root`. Raises `NotFound`."""
        pending, state = self.pending, self._recording.state
        if pending is None or (root and pending.root != root):
            raise NotFound(f"no configuration with root {root[:12]}… waits", cure="standwatch status")
        return config_bytes(by=by, follows=state.config, org=state.origin, root=pending.root)

    def waiting(self) -> Adopted | None:
        """The configuration that waits for signatures; None where none does."""
        return self._told("waits", self.pending) if self.pending is not None else None

    def _told(self, result: str, pending: Pending) -> Adopted:
        return Adopted(
            result,
            pending.root,
            pending.change.whole,
            tuple(str(difference) for difference in pending.change.differences),
            self.warnings,
            _missing(pending),
        )

    async def _take_up(self, pending: Pending, *, first: bool) -> Adopted:
        new = pending.configuration
        self._recording.prepare(pending.world)
        # One transaction, the configuration's entry last: the old one is in force until then, the new one from then on.
        part = Part("manifest", self._chance(32), msgspec.json.encode(new))
        entry = Config(
            by=BY,
            root=new.root,
            development=new.organisation.development,
            changed=sorted(_changed(pending, self._recording.state)),
            removed=sorted(set(self._recording.state.systems) - set(new.systems)),
            follows=self._recording.state.config,
            signatures=pending.signed,
            why=commitment(part.salt, part.data),
        )
        await self._recording.append(entry, (part,), tuple(self._entries(pending, first=first)))
        self.pending = None
        return self._told("in_force", pending)

    def _entries(self, pending: Pending, *, first: bool) -> list[AnyEntry]:
        organisation = pending.configuration.organisation
        people = _people(self._recording.state, organisation.people)
        systems = [
            _declared(
                pending.configuration.systems[name],
                _direction(pending, name, first=first),
                self._recording.state,
            )
            for name in sorted(_changed(pending, self._recording.state))
        ]
        return [*_watches(self._recording.state, organisation.watches), *people, *systems]


BY: Final = "standwatch"
"""Who writes what no person asked for by name."""


def decode_configuration(data: bytes) -> Configuration:
    """The configuration sealed beside a `ctl.config` entry."""
    return msgspec.json.decode(data, type=Configuration)


class _Read(msgspec.Struct, frozen=True):
    """What the folder says: compiled, and compared with what has force."""

    world: World
    change: Change
    warnings: tuple[str, ...]


def _read(folder: Path, old: Configuration | None) -> _Read:
    """`old`: the configuration in force; None for a record without one. Raises what `declare` and Cedar raise."""
    found = declare(read_folder(folder))
    new = found.configuration
    return _Read(compile_world(new), compare(new if old is None else old, new), found.warnings)


def _missing(pending: Pending) -> tuple[Signature, ...]:
    return tuple(one for one in pending.needed if not set(one.any_of) & set(pending.signed))


def _with_passkeys(state: State) -> frozenset[str]:
    return frozenset(one.entry.person for one in state.passkeys.values() if one.live)


def _good(pending: Pending, state: State) -> dict[str, str]:
    """The signatures that are still good: whose passkey has signed something else since signs again."""
    return {one: sig for one, sig in pending.signed.items() if not overtaken(state, one, sig)}


def _changed(pending: Pending, state: State) -> set[str]:
    """The systems to declare anew: whatever the order says of a change, the record names the digests in force."""
    return {
        name
        for name, system in pending.configuration.systems.items()
        if pending.change.systems.get(name) != "same"
        or (before := state.systems.get(name)) is None
        or (before.entry.envelope, before.entry.components) != (system.envelope, system.component_digest)
    }


def _direction(pending: Pending, name: str, *, first: bool) -> str:
    return "first" if first else pending.change.systems.get(name, "wider")


def _declared(system: System, change: str, state: State) -> Declared:
    manifest = system.manifest
    before = state.systems.get(manifest.system)
    entry = Declared(
        by=BY,
        system=manifest.system,
        envelope=system.envelope,
        components=system.component_digest,
        owner=list(manifest.owner),
        halt=list(manifest.halt_authority),
        validators=list(manifest.validator),
        signers=list(manifest.approvers or manifest.halt_authority),
        environment=manifest.environment,
        tier=manifest.tier,
        change=change,
        former=before.entry.envelope if before is not None and change in ("narrower", "same") else "",
        servers=[item.name for item in manifest.components if item.kind == "mcp_server"],
    )
    rules = _rules(manifest)
    if rules == {"": Rule(by=entry.signers)}:
        return entry
    return DeclaredRules(**msgspec.structs.asdict(entry), rules=rules)


def _rules(manifest: Manifest) -> dict[str, Rule]:
    """How questions are answered: "" for the system, and the tools that have a rule of their own."""
    own = [name for name, tool in manifest.tools.items() if tool.approvals is not None]
    return {name: _rule(manifest.answering(name)) for name in ("", *sorted(own))}


def _rule(found: Answering) -> Rule:
    return Rule(by=list(found.by), never=list(found.never), ordered=found.ordered, quorum=found.quorum)


def _watches(state: State, rules: Mapping[str, WatchRule]) -> list[AnyEntry]:
    """Ends of the watches that are not any more what they were taken as: another list would have been seen."""
    return [
        Watch(by=BY, watch=name, step="ended", follows=kept.index)
        for name, kept in sorted(state.watches.items())
        if kept.entry.person
        and (
            (rule := rules.get(name)) is None
            or kept.entry.person not in rule.people
            or tuple(kept.entry.systems) != rule.systems
        )
    ]


def _people(state: State, people: tuple[Person, ...]) -> list[AnyEntry]:
    """Principal entries for people who are new, changed or gone: by id and keys, nothing else."""
    wanted = {person.id: person for person in people}
    gone = [
        msgspec.structs.replace(principal, at=0, by=BY, revoked=True)
        for name, principal in sorted(state.principals.items())
        if principal.role == "human" and not principal.revoked and name not in wanted
    ]
    fresh = [
        Principal(by=BY, name=ident, role="human", keys=list(person.keys))
        for ident, person in sorted(wanted.items())
        if (known := state.principals.get(ident)) is None or known.revoked or known.keys != list(person.keys)
    ]
    return [*gone, *fresh]
