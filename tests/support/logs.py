"""A real log in memory: leaves through the sequencer, a growing tree, a signed checkpoint. It is a `Source`."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from standwatch.facts.configuration import Finding
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Declared,
    Denied,
    Evidence,
    Gap,
    Hold,
    Intent,
    Opened,
    Outcome,
    Principal,
    Released,
    RunClosed,
    RunOpened,
)
from standwatch.facts.errors import NotFound
from standwatch.facts.frames import Append
from standwatch.facts.ids import new_id
from standwatch.facts.parts import (
    Action,
    Part,
    PartName,
    action_bytes,
    action_digest,
    approval_bytes,
    commitment,
    config_bytes,
    evidence_bytes,
)
from standwatch.record.checkpoint import Checkpoint, sign_checkpoint
from standwatch.record.export import PAYLOADS, export
from standwatch.record.leaf import decode, encode
from standwatch.record.note import NoteKey
from standwatch.record.replay import scopes_of
from standwatch.record.sequence import Sequencer
from standwatch.record.signature import spell_public
from standwatch.record.source import Sealed, SealedRows, ident_of
from standwatch.record.state import State, folds
from standwatch.record.tiles import Tile
from standwatch.record.tree import Frontier, leaf_hash, node_hash

ORIGIN = "bank.invalid/record"
START = 1_795_000_000_000_000  # µs: 2026-11-18
MINUTE = 60_000_000
TOOL = "bank.send_money"


class Person:
    """Somebody with a key; made from a name, so that logs are the same in every run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = spell_public(self.raw)

    def sign(self, message: bytes) -> str:
        return b64encode(self.private.sign(message)).decode()


LOG = Person("the log")
KEY = NoteKey(ORIGIN, LOG.raw)
MARIA, CHEN, OLGA, MALLORY = Person("p-maria"), Person("p-chen"), Person("p-olga"), Person("p-mallory")


def sealed(name: PartName, data: bytes) -> Part:
    return Part(name, sha256(b"salt" + name.encode() + data).digest(), data)


class Log:
    """Appends like a recorder. `force` leaves the sequencer unasked: what somebody with the host could do."""

    def __init__(self) -> None:
        self.all: list[bytes] = []
        self.parts: dict[tuple[int, str], Sealed] = {}
        self.sequencer = Sequencer(State())
        self.now = START
        self.note = b""
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._ids = 0

    # ------------------------------------------------------------------------------------------------ writing

    def append(
        self, entry: AnyEntry, *parts: Part, force: bool = False, at: int | None = None, raw: bytes = b""
    ) -> int:
        self.now = self.now + 1000 if at is None else at
        scopes = scopes_of(entry) if isinstance(entry, Intent | Asked) else ()
        refusal = self.sequencer.admit(Append(1, entry, scopes=scopes), self.now)
        assert force or refusal is None, refusal
        leaf, index = raw or encode(entry, self.now), len(self.all)
        self.all.append(leaf)
        self.sequencer.take(index, msgspec.structs.replace(entry, at=self.now))
        for part in parts:
            self.parts[index, part.name] = Sealed((part,))
        return index

    def replace(self, index: int, **changes: Any) -> None:
        """Rewrite an entry, as whoever holds the host and the log's key could."""
        entry = decode(self.all[index])
        changed = msgspec.structs.replace(entry, **{**changes, "at": 0})  # type: ignore[type-var]
        self.all[index] = encode(changed, changes.get("at", entry.at))  # type: ignore[arg-type]

    def sign(self, size: int | None = None) -> Checkpoint:
        """Sign the tree over what is there now (rebuilt, so that rewritten logs are signed consistently)."""
        self._nodes.clear()
        count = len(self.all) if size is None else size
        frontier = Frontier()
        for leaf in self.all[:count]:
            frontier.append(leaf_hash(leaf))
        head = Checkpoint(ORIGIN, count, frontier.root())
        self.note = sign_checkpoint(head, KEY, LOG.private.sign)
        self._size = count
        return head

    def files(self, **options: Any) -> dict[str, bytes]:
        return dict(export(self, KEY.vkey, **{"parts": PAYLOADS, **options}))

    # ------------------------------------------------------------------------------------------------ a source

    @property
    def size(self) -> int:
        return self._size

    @property
    def span(self) -> tuple[int, int]:
        return 0, self._size

    def checkpoint(self) -> bytes:
        if not self.note:
            raise NotFound("nothing was signed yet")
        return self.note

    def leaf(self, index: int) -> bytes:
        if not 0 <= index < len(self.all):
            raise NotFound(f"no entry {index}")
        return self.all[index]

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        yield from enumerate(self.all[start:end], start)

    def of_action(self, ident: str) -> Sequence[int]:
        return [index for index, leaf in enumerate(self.all) if ident_of(decode(leaf)) == ident]

    def sealed(self, index: int, ident: str, name: PartName) -> Sealed:
        return self.parts.get((index, name), Sealed())

    def rows(self, index: int, ident: str, only: int | None = None) -> SealedRows:
        return SealedRows()

    def tile(self, tile: Tile) -> bytes:
        first = tile.index * 256
        return b"".join(self._node(8 * tile.level, first + i) for i in range(tile.width))

    def state_before(self, index: int) -> State:
        state = State()
        for place, leaf in enumerate(self.all[:index]):
            if folds(entry := decode(leaf)):
                state.fold(place, entry)
        return state

    def _node(self, level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(self.all[index])
        if (level, index) not in self._nodes:
            pair = self._node(level - 1, 2 * index), self._node(level - 1, 2 * index + 1)
            self._nodes[level, index] = node_hash(*pair)
        return self._nodes[level, index]

    # ------------------------------------------------------------------------------------------- what happens

    def ident(self) -> str:
        self._ids += 1
        return new_id(self.now, self._ids.to_bytes(8, "big") + bytes(2))

    def open(self) -> None:
        """A bank: its people, an agent, a declared system, a configuration, a validation, a run with a task."""
        self.append(Opened(by="recorder", origin=ORIGIN, key=KEY.vkey))
        for person in (MARIA, CHEN, OLGA):
            self.append(Principal(by="log", name=person.name, role="human", keys=[person.public]))
        self.append(Principal(by=MARIA.name, name="agent-1", role="agent", systems=["pay"], token="ab" * 32))
        self.declare("e1")
        self.evidence(CHEN, "e1")
        task = sealed(
            "task", msgspec.json.encode({"task": "pay the June invoices", "on_behalf_of": "user-7"})
        )
        why = commitment(task.salt, task.data)
        self.append(RunOpened(by="service-1", run="r1", system="pay", principal="agent-1", why=why), task)

    def declare(self, envelope: str, change: str = "first", signer: Person | None = None) -> None:
        declared = Declared(
            by="standwatch",
            system="pay",
            envelope=envelope,
            components="c1",
            owner=[MARIA.name],
            halt=[OLGA.name],
            validators=[CHEN.name],
            signers=[OLGA.name],
            change=change,
        )
        self.append(declared)
        root = sha256(envelope.encode()).hexdigest()
        follows = self.sequencer.state.config
        message = config_bytes(by=signer.name, follows=follows, org=ORIGIN, root=root) if signer else b""
        signatures = {signer.name: signer.sign(message)} if signer else {}
        system = {"manifest": {"system": "pay", "purpose": envelope}, "lock": {}, "envelope": envelope}
        policies = [{"name": "night.cedar", "text": "forbid(principal, action, resource);"}]
        part = sealed(
            "manifest", msgspec.json.encode({"systems": {"pay": system}, "policies": policies, "root": root})
        )
        why = commitment(part.salt, part.data)
        entry = Config(
            by="standwatch", root=root, changed=["pay"], follows=follows, signatures=signatures, why=why
        )
        self.append(entry, part)

    def evidence(self, person: Person, envelope: str, by: str = "") -> int:
        fields = {"components": "c1", "envelope": envelope, "outcome": "pass", "report": "", "system": "pay"}
        fields |= {"follows": self.sequencer.state.last_statement("pay")}
        until = START + 90 * 24 * 60 * MINUTE
        sig = person.sign(evidence_bytes(by=by or person.name, org=ORIGIN, until=until, **fields))
        entry = Evidence(by=by or person.name, key=person.public, sig=sig, until=until, **fields)
        return self.append(entry)

    def judged(self, ident: str, amount: int = 10) -> tuple[dict[str, Any], tuple[Part, ...]]:
        """The members and the parts that every entry about a judged action has."""
        state = self.sequencer.state
        action = Action(
            id=ident,
            by="agent-1",
            run="r1",
            system="pay",
            tool=TOOL,
            target="bank",
            arguments={"recipient": "DE02", "amount": amount},
            event="tool_call",
            phase="call",
            schema="5c" * 32,
            conf=max(state.config, 0),
            nonce="00" * 16,
            org=ORIGIN,
        )
        data = action_bytes(action)
        findings = (Finding("limits", "allow", "within 500"), Finding("grant", "allow"))
        grant = {"level": "autonomous", "reasons": [], "until": 0, "evidence": [7], "rules": "1"}
        why = sealed("findings", msgspec.json.encode({"findings": findings, "grant": grant}))
        members = {
            "by": "agent-1",
            "id": ident,
            "run": "r1",
            "system": "pay",
            "tool": TOOL,
            "digest": action_digest(data),
            "seen": state.seen,
            "why": commitment(why.salt, why.data),
            "conf": max(state.config, 0),
            "grant": "autonomous",
            "effect": "irreversible",
        }
        return members, (sealed("action", data), why)

    def allowed(self, ident: str = "", *, force: bool = False, **changes: Any) -> tuple[int, int]:
        """An intent and its outcome."""
        ident = ident or self.ident()
        members, parts = self.judged(ident)
        intent = self.append(Intent(**{**members, **changes}), *parts, force=force)
        return intent, self.outcome(ident, intent)

    def outcome(self, ident: str, of: int) -> int:
        result = sealed("result", b'{"content":[{"type":"text","text":"paid %d"}]}' % of)
        took = {"judge": 210, "upstream": 1800}
        value = commitment(result.salt, result.data)
        return self.append(
            Outcome(by="agent-1", id=ident, of=of, status="ok", took=took, result=value), result
        )

    def denied(self, ident: str = "") -> int:
        members, parts = self.judged(ident or self.ident(), 9000)
        return self.append(Denied(**members, code="limit"), *parts)

    def asked(self, ident: str) -> int:
        members, parts = self.judged(ident, 700)
        return self.append(Asked(**members, until=self.now + 15 * MINUTE), *parts)

    def answered(
        self,
        ident: str,
        of: int,
        person: Person = OLGA,
        *,
        decision: str = "approve",
        force: bool = False,
        **changes: Any,
    ) -> int:
        digest = decode(self.all[of]).digest  # type: ignore[union-attr]
        size = of
        frontier = Frontier()
        for leaf in self.all[:size]:
            frontier.append(leaf_hash(leaf))
        fields: dict[str, Any] = {
            "by": person.name,
            "decision": decision,
            "digest": digest,
            "head": f"{size}:{frontier.root().hex()}",
            "until": self.now + 10 * MINUTE,
            **changes,
        }
        sig = person.sign(approval_bytes(asked=of, org=ORIGIN, **fields))
        reason = sealed("reason", b"invoice seen")
        why = commitment(reason.salt, reason.data)
        entry = Answered(id=ident, of=of, key=person.public, sig=sig, why=why, **fields)
        return self.append(entry, reason, force=force)

    def signed(self, ident: str, answer: int, *, force: bool = False) -> tuple[int, int]:
        members, parts = self.judged(ident, 700)
        entry = Intent(**{**members, "verdict": "step_up"}, signed=answer)
        intent = self.append(entry, *parts, force=force)
        return intent, self.outcome(ident, intent)

    def approved(self, ident: str = "") -> tuple[int, int, int, int]:
        """A question, its approval, the intent that consumes it, and the outcome."""
        ident = ident or self.ident()
        asked = self.asked(ident)
        answer = self.answered(ident, asked)
        return asked, answer, *self.signed(ident, answer)


def bank(actions: int = 300) -> Log:
    """Everything that can happen, once, and then `actions` ordinary calls."""
    log = Log()
    log.open()
    log.allowed()
    log.denied()
    log.approved()
    refused = log.ident()
    log.answered(refused, log.asked(refused), decision="refuse")
    hold = log.append(Hold(by=OLGA.name, scope="system:pay"))
    log.denied()
    log.append(Released(by=OLGA.name, hold=hold))
    log.append(Gap(by="log", begin=log.now - 500, unrecorded=2))
    log.declare("e2", "wider", MARIA)
    log.evidence(CHEN, "e2")
    for _ in range(actions):
        log.allowed()
    members, parts = log.judged(log.ident())
    log.append(Intent(**members), *parts)  # still under way
    log.append(RunOpened(by="agent-1", run="r2", system="pay", principal="agent-1", implicit=True))
    log.append(RunClosed(by="log", run="r2", counts={"calls": 0}))
    log.sign()
    return log
