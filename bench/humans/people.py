"""People who answer: by key or by passkey, carefully or not, through the operators' API; each notes what was taken."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections import Counter
from typing import Any, Final, Literal

import msgspec

from standwatch.cli.wire import Refused
from standwatch.facts.errors import StandwatchError
from standwatch.facts.parts import approval_bytes, endorsement_bytes
from standwatch.keys import ed25519
from standwatch.record.assertion import challenge_of, from_base64url
from support.passkeys import Authenticator, as_json
from support.system import Living

Decision = Literal["approve", "refuse", "endorse"]
LIMIT: Final = 500
"""The most that a payment may come to: what asks for more was refused, so it is a decoy."""


class Taken(msgspec.Struct, frozen=True):
    """What the server said that it took: the entry at `index` is of this kind, by this person, about this."""

    index: int
    kind: str
    by: str = ""
    about: str = ""
    decision: str = ""


class Person:
    """One of those who answer. `careless`: the share of decoys that they approve."""

    def __init__(self, watch: Living, name: str, chance: random.Random, careless: float) -> None:
        self.watch, self.name, self.chance, self.careless = watch, name, chance, careless
        self.key = ed25519.load(watch.folder / "keys" / f"{name}.pem")
        self.phone: Authenticator | None = None
        self._phones = 0
        self.taken: list[Taken] = []
        self.heard: Counter[str] = Counter()
        self.ready = threading.Event()
        self.others: list[Person] = []
        """Everybody who answers, this person too."""
        self.swallowed: list[str] = []
        """Old answers that were taken for another question: there must be none."""
        self._old: tuple[str, dict[str, Any]] | None = None

    # --- passkeys --------------------------------------------------------------------------------------------

    def enrol(self) -> None:
        """A new passkey, made as a browser makes it, vouched for with their own key."""
        self._phones += 1
        phone = Authenticator(f"{self.watch.origin} {self.name} {self._phones}")
        begun = self.watch.api.post("/passkeys/begin", {"person": self.name})
        challenge = from_base64url(begun["options"]["challenge"], 64)
        made = phone.create(challenge, rp_id="localhost", origin=self._page)
        line = self.watch.api.post("/passkeys/finish", {"ceremony": begun["ceremony"], "credential": made})
        self.watch.run("passkey", "sign", line["fingerprint"], "--yes", "--key", self.watch.key(self.name))
        self.phone = phone

    def lose(self) -> None:
        """Their passkey ends: what it approved and was not used is void."""
        assert self.phone is not None
        self.watch.api.post(f"/passkeys/{self.phone.credential}/end", {"reason": "lost on a train"})
        self.phone = None

    @property
    def _page(self) -> str:
        return f"http://localhost:{self.watch.operators}"

    # --- answering -------------------------------------------------------------------------------------------

    def work(self, over: threading.Event) -> None:
        """Look at what is asked, and answer, until `over`."""
        while not over.is_set():
            if not self.ready.wait(0.1):
                continue
            try:
                waiting = self.watch.api.get("/questions")
                self.chance.shuffle(waiting)
                for line in waiting:
                    self._consider(line)
            except (StandwatchError, OSError, http.client.HTTPException, ValueError) as error:
                self.heard[getattr(error, "code", "") or type(error).__name__] += 1
            time.sleep(self.chance.uniform(0.02, 0.15))

    def _consider(self, line: dict[str, Any]) -> None:
        """Answer one question, put it off, or say no to what others say yes to."""
        if self.name not in line["signers"] or self.chance.random() < 0.15:
            return
        sheet = self.watch.api.get(f"/questions/{line['id']}")
        amount = json.loads(sheet["action"])["arguments"]["amount"]
        decision: Decision = "approve" if self.chance.random() < 0.88 else "refuse"
        if amount > LIMIT:
            decision = "approve" if self.chance.random() < self.careless else "refuse"
        elif decision == "approve" and sheet["endorsable"] and self.chance.random() < 0.2:
            decision = "endorse"
        mine = line["next"] if decision != "endorse" else sheet["endorsable"][0]["next"]
        if decision != "refuse" and self.name not in mine:
            return
        against: threading.Thread | None = None
        if decision == "approve" and self.chance.random() < 0.1:  # a yes and a no at once
            other = self.chance.choice([one for one in self.others if one.name in line["signers"]])
            against = threading.Thread(target=other.object, args=(sheet,))
            against.start()
        self.answer(sheet, decision)
        if against is not None:
            against.join()
        if self._old is not None and self.chance.random() < 0.1:
            self._replay(line["id"])
        if decision == "approve" and self.chance.random() < 0.08:
            self.answer(sheet, "refuse")  # on second thoughts, before it was used or after

    def object(self, sheet: dict[str, Any]) -> None:
        """Refuse it with the key, whatever this person does with their passkey meanwhile."""
        try:
            self.answer(sheet, "refuse", by_key=True)
        except (StandwatchError, OSError, http.client.HTTPException, ValueError) as error:
            self.heard[getattr(error, "code", "") or type(error).__name__] += 1

    def _replay(self, ident: str) -> None:
        """Send an answer to another question again, as if it were one to this."""
        assert self._old is not None
        path, order = self._old
        if order["about"] == ident:
            return
        try:
            self.watch.api.post(
                f"/questions/{ident}/{path}", {k: v for k, v in order.items() if k != "about"}
            )
        except Refused as error:
            self.heard[f"replayed: {error.code}"] += 1
        else:
            self.swallowed.append(f"an answer to {order['about']} was taken for {ident}")

    def answer(self, sheet: dict[str, Any], decision: Decision, *, by_key: bool = False) -> None:
        """Sign it and send it; sometimes twice, as a thumb does, and then the second must come to nothing."""
        path, order = self._signed(sheet, decision, by_key)
        ident = sheet["question"]["id"]
        self._old = path, order | {"about": ident}
        for _ in range(2 if self.chance.random() < 0.1 else 1):
            try:
                done = self.watch.api.post(f"/questions/{ident}/{path}", order)
            except Refused as error:
                self.heard[error.code] += 1
                continue
            kind = "Endorsed" if decision == "endorse" else "AnsweredTimed"
            self.taken.append(Taken(done["index"], kind, self.name, ident, decision))
            self.heard[decision] += 1

    def _signed(self, sheet: dict[str, Any], decision: Decision, by_key: bool) -> tuple[str, dict[str, Any]]:
        line, argument = sheet["question"], ""
        head = self._head() if self.chance.random() < 0.5 else ""
        told: dict[str, Any] = {"asked": line["index"], "by": self.name, "flag": line["flag"]}
        told |= {"head": head, "org": sheet["org"]}
        if decision == "endorse":
            value = sheet["endorsable"][0]
            argument, until = value["argument"], value["until"]
            message = endorsement_bytes(
                argument=argument, digest=value["digest"], run=value["run"], until=until, **told
            )
        else:
            until = line["until"]
            if self.chance.random() < 0.15:  # an answer that stands for a moment
                until = min(until, time.time_ns() // 1000 + self.chance.randrange(300_000, 2_000_000))
            message = approval_bytes(decision=decision, digest=line["digest"], until=until, **told)
        order: dict[str, Any] = {"decision": decision, "head": head, "until": until}
        if argument:
            order["argument"] = argument
        phone = self.phone
        if phone is not None and not by_key and (decision != "refuse" or self.chance.random() < 0.5):
            made = phone.get(challenge_of(message), rp_id="localhost", origin=self._page)
            return "assertion", order | {"credential": as_json(made)}
        signed = {"by": self.name, "key": ed25519.public(self.key), "sig": ed25519.sign(self.key, message)}
        return "answer", order | signed

    def _head(self) -> str:
        try:
            _, size, root, *_ = self.watch.api.raw("/log/checkpoint").decode().split("\n")
        except StandwatchError:
            return ""
        return f"{size}:{base64.b64decode(root).hex()}" if int(size) else ""
