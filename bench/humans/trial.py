"""One log of the trial: an organisation, its agents and its people, struck round after round, then audited."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.humans.agents import Payer
from bench.humans.audit import PER_PERSON, PER_RUN, QUORUM, Audit, Story
from bench.humans.people import LIMIT, Person, Taken
from standwatch.declare.configuration import declare
from standwatch.facts.entries import AskedMany, Intent
from standwatch.facts.errors import StandwatchError
from standwatch.serve.place import place_of
from standwatch.store.folder import read_folder
from standwatch.store.reader import Reader
from support import system as support
from support.system import Living, Scripted, echo, manifest, scripted, server, tool, waited

BLOWS: Final = ("kill", "hold", "worker", "disk", "passkey", "kill")
"""What a round strikes; `worker` is `kill` where there is none."""
ANSWERERS: Final = {"olga": 0.1, "otto": 0.9, "maria": 0.5}
"""Who answers, and the share of decoys that they approve."""
KEYS: Final = "approvals: {irreversible: enrolled}\n"
"""Maria has no passkey, and approves with her key."""
EXPIRES: Final = 8
"""s for which a question stays open."""
LATEST: Final = 4.0
"""s after a question that a decoy may still come (`bench.humans.serving`)."""
RULES: Final[dict[str, Any]] = {
    "bank.pay": {
        "effect": "irreversible",
        "otherwise": "step_up",
        "arguments": {
            "recipient": {"from": ["task"], "required": True},
            "amount": {"max": LIMIT, "otherwise": "deny"},
            "subject": {"max_length": 140},
        },
    }
}


class Watched(Living):
    """Its disk can be filled, and its decoys come soon."""

    program = "bench.humans.serving"

    @property
    def full(self) -> Path:
        """While it is there, the record finds no room."""
        return self.folder / "full"

    def begin(self) -> None:
        """Start it, now or again."""
        self.start(self.workers, STANDWATCH_SOAK_FULL=str(self.full))


class Trial:
    """`counts` is what was done, in all."""

    def __init__(
        self, folder: Path, workers: int, chance: random.Random, seconds: float, expires: int = EXPIRES
    ) -> None:
        self.folder, self.workers, self.chance, self.seconds = folder, workers, chance, seconds
        self.expires = expires
        self.counts: Counter[str] = Counter()
        self.taken: list[Taken] = []
        self.story = Story((), {}, (), (), ())
        """What everybody tells, once it has run."""
        self._over = threading.Event()
        support.PATIENCE = 30.0  # s; machines that are measured are busy

    def run(self, blows: Sequence[str]) -> list[str]:
        """Round after round; what was found."""
        with scripted(echo, tools=[tool("pay")]) as bank:
            approvals = {"by": [f"{name}@bank.example" for name in ANSWERERS], "quorum": QUORUM}
            approvals |= {"expires": f"{self.expires}s", "decoys": {"one_in": 4}}
            asks = {"per_run": PER_RUN, "per_person_per_hour": PER_PERSON}
            text = manifest(
                "pay", [server("bank", url=bank.url)], RULES, approvals=approvals, limits={"asks": asks}
            )
            watch = Watched(self.folder, {"pay": text}, development=False, more=KEYS)
            watch.accept("pay")
            watch.workers = self.workers
            watch.begin()
            try:
                return self._rounds(watch, bank, blows)
            finally:
                self._over.set()
                watch.full.unlink(missing_ok=True)
                if watch.process.poll() is None:
                    watch.kill()

    def _rounds(self, watch: Watched, bank: Scripted, blows: Sequence[str]) -> list[str]:
        watch.run("validate", "pay", "--until", "30d", "--key", watch.key("chen"), "--yes")
        people = [
            Person(watch, name, random.Random(self.chance.random()), careless)
            for name, careless in ANSWERERS.items()
        ]
        for one in people:
            one.others = people
        for one in people[:2]:
            one.enrol()
        desk = watch.agent("desk", "pay", starts=True)
        payers = [Payer(f"p{n}", desk, random.Random(self.chance.random())) for n in range(4)]
        threads = [threading.Thread(target=one.work, args=(self._over,)) for one in [*people, *payers]]
        for one in threads:
            one.start()
        for one in people:
            one.ready.set()
        # From here on there is something to strike: an approval was given, and used.
        waited(lambda: self._begun(watch, people), 100)
        for blow in blows:
            self._round(watch, people, blow)
            self.counts["rounds"] += 1
        self._over.set()
        for one in threads:
            one.join()
        return self._audit(watch, bank, people, payers)

    def _begun(self, watch: Watched, people: Sequence[Person]) -> bool:
        """Whether an act left on answers. Before that, too many may fall for decoys for anything ever to leave."""
        if any(one.signed >= 0 for one in watch.of(Intent)):
            return True
        time.sleep(0.2)
        self._restore(watch, people)
        return False

    # --- a round ---------------------------------------------------------------------------------------------

    def _round(self, watch: Watched, people: Sequence[Person], blow: str) -> None:
        end = time.monotonic() + self.seconds
        time.sleep(self.chance.uniform(0.5, self.seconds / 2))
        if blow == "worker" and not self.workers:
            blow = "kill"
        self.counts[f"blows: {blow}"] += 1
        match blow:
            case "kill":
                watch.kill()
                time.sleep(self.chance.uniform(0, 0.3))
                watch.begin()
            case "worker":
                os.kill(self.chance.choice(watch.children()), signal.SIGKILL)
            case "disk":
                watch.full.touch()
                time.sleep(self.chance.uniform(0.2, 1.5))
                watch.full.unlink()
            case "hold":
                self._hold(watch)
            case _:
                self._lose(people)
        self._pull(watch)
        time.sleep(max(0.0, end - time.monotonic()))
        self._restore(watch, people)

    def _hold(self, watch: Watched) -> None:
        """Stop and start again."""
        held = self._told(lambda: watch.halt(self.chance.choice(("all", "system:pay", "tool:bank.pay"))))
        if held is None:
            return
        if held["recorded"]:
            self.taken.append(Taken(held["hold"], "Hold"))
        time.sleep(self.chance.uniform(0.2, 1.0))
        freed = self._told(lambda: watch.release(held["hold"]))
        if freed is not None:
            self.taken.append(Taken(freed["index"], "Released"))

    def _lose(self, people: Sequence[Person]) -> None:
        """A passkey ends in the middle of it all, and its person makes another."""
        one = self.chance.choice([one for one in people if one.phone is not None])
        one.ready.clear()
        time.sleep(0.2)
        self._told(one.lose)
        if one.phone is None:
            self._told(one.enrol)
        one.ready.set()

    def _pull(self, watch: Watched) -> None:
        """Ask about what was put off, or take it out of the way."""
        for line in self._told(lambda: watch.api.get("/deferred")) or []:
            ident = line["id"]
            if self.chance.random() < 0.7:
                done = self._told(lambda i=ident: watch.api.post(f"/deferred/{i}/ask", {}))
                kind = "AskedMany"
            else:
                order = {"reason": "not today"}
                done = self._told(lambda i=ident, o=order: watch.api.post(f"/deferred/{i}/drop", o))
                kind = "Pulled"
            if done is not None:
                self.counts[f"deferred: {kind}"] += 1
                self.taken.append(Taken(done["index"], kind, about=ident))

    def _restore(self, watch: Watched, people: Sequence[Person]) -> None:
        """Who fell for a decoy may answer again, once the validator has talked it over with them."""
        report = self._told(lambda: watch.api.get("/vigilance"))
        for one in (report or {"people": []})["people"]:
            if one["may"] or self.chance.random() < 0.3:
                continue
            reason = ("--reason", "talked it over", "--yes", "--key", watch.key("chen"))
            with contextlib.suppress(AssertionError):
                watch.run("revalidate", one["person"], *reason)
                self.counts["revalidated"] += 1

    def _told(self, ask: Callable[[], Any]) -> Any:
        """What the server says, or None where it says no or nothing."""
        try:
            return ask()
        except (StandwatchError, OSError, ValueError, AssertionError) as error:
            self.counts[f"told: {getattr(error, 'code', '') or type(error).__name__}"] += 1
            return None

    # --- the audit -------------------------------------------------------------------------------------------

    def _audit(
        self, watch: Watched, bank: Scripted, people: Sequence[Person], payers: Sequence[Payer]
    ) -> list[str]:
        for hold in (self._told(lambda: watch.api.get("/status")) or {}).get("holds", []):
            self._told(lambda h=hold: watch.release(h["hold"]))
        problems: list[str] = []
        if not self._settled(watch):
            problems.append("what is in flight, or closed and not opened, stays so")
        notes = [note for one in payers for note in one.notes]
        taken = [*self.taken, *(it for one in people for it in one.taken)]
        done = [str(one["arguments"]["subject"]) for one in bank.calls]
        entries, sealed = watch.entries(), _sealed(watch)
        stands = {at: _stands(watch, one) for at, one in entries if isinstance(one, AskedMany)}
        self.story = Story(entries, sealed, done, notes, taken, _waiting(watch), stands, _now())
        audit = Audit(self.story)
        self._count(audit, people, payers)
        watch.stop()
        try:
            watch.verified()
        except AssertionError as error:
            problems.append(f"verify: {error}")
        return problems + audit.problems + [it for one in people for it in one.swallowed]

    def _settled(self, watch: Watched) -> bool:
        """Whether, soon after everything has expired, nothing is in flight and every question was opened."""
        time.sleep(LATEST)
        last = max((one.until for one in watch.of(AskedMany)), default=0)
        time.sleep(max(0, last - _now()) / 1e6)
        deadline = time.monotonic() + self.expires + 20
        reader = Reader(watch.state)
        try:
            while time.monotonic() < deadline:
                state = reader.state_at(reader.size - 1)
                if not reader.open_intents() and not state.veiled:
                    time.sleep(1.0)  # a checkpoint over everything
                    return True
                time.sleep(0.3)
        finally:
            reader.close()
        return False

    def _count(self, audit: Audit, people: Sequence[Person], payers: Sequence[Payer]) -> None:
        names = ("AskedMany", "AnsweredTimed", "Endorsed", "Deferred", "Denied", "Hold", "PasskeyEnded")
        self.counts |= Counter({f"entries: {name}": audit.counts[name] for name in names})
        for name in ("decoys", "fell", "left on answers", "left on a value"):
            self.counts[name] += audit.counts[name]
        self.counts["executed"] += len(audit.story.done)
        self.counts["entries"] += len(audit.story.entries)
        self.counts["unknown"] += sum(one == "unknown" for one in audit.outcomes.values())
        for one in payers:
            self.counts += Counter({f"agents heard {word}": n for word, n in one.heard.items()})
        for one in people:
            self.counts += Counter({f"people heard {word}": n for word, n in one.heard.items()})


def _now() -> int:
    return time.time_ns() // 1000


def _waiting(watch: Watched) -> list[str]:
    """Questions that are shown as open."""
    return [one["id"] for one in watch.api.get("/questions")]


def _stands(watch: Watched, asked: AskedMany) -> str:
    """What the server says became of a question."""
    return watch.api.get(f"/questions/{asked.id}/standing")["state"]


def _sealed(watch: Watched) -> dict[str, dict[str, Any]]:
    """The arguments of every action that was asked about or left."""
    organisation = declare(read_folder(watch.folder)).configuration.organisation
    place = place_of(watch.folder, organisation)
    setup = place.setup(place.prepare(organisation.origin))
    reader = Reader(watch.state, kek=setup.kek, older=setup.older)
    try:
        found: dict[str, dict[str, Any]] = {}
        for _, entry in reader.entries(0, reader.size):
            if isinstance(entry, Intent | AskedMany) and (part := reader.part(entry.id, "action")):
                found[entry.id] = json.loads(part.data)["arguments"]
        return found
    finally:
        reader.close()
