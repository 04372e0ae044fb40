"""Agents who pay: in runs of their own, coming back to what is pending, and noting what they were told."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from support.system import Agent

PAYMENTS: Final = 6
"""In each run, all told; the manifest lets it ask about fewer."""


class Note(msgspec.Struct, frozen=True):
    """What an agent was told of the payment with this subject."""

    subject: str
    heard: str
    action: str = ""


class Payer:
    """One agent at work on one run after another."""

    def __init__(self, name: str, desk: Agent, chance: random.Random) -> None:
        self.name, self.desk, self.chance = name, desk, chance
        self.notes: list[Note] = []
        self.heard: Counter[str] = Counter()
        self._numbers: Iterator[int] = itertools.count()

    def work(self, over: threading.Event) -> None:
        """Open a run, pay what it takes, come back until everything is over or patience is; until `over`."""
        while not over.is_set():
            try:
                run = self.desk.open_run("Pay the open invoices of DE02.")
            except (AssertionError, OSError, http.client.HTTPException, ValueError):
                self.heard["no run"] += 1
                time.sleep(0.2)
                continue
            self._pay_all(run, over)

    def _pay_all(self, run: Agent, over: threading.Event) -> None:
        end = time.monotonic() + self.chance.uniform(4, 8)
        greed = self.chance.choice((0.1, 0.5, 1.0))  # a decoy takes half of a run's room at most
        wanted = [self._payment(greed) for _ in range(PAYMENTS)]
        while not over.is_set() and time.monotonic() < end:
            for one in list(wanted):
                if self._pay(run, *one) in ("done", "refused", "invalid"):
                    wanted.remove(one)
                if over.wait(self.chance.uniform(0, 0.2)):
                    return
            over.wait(self.chance.uniform(0.1, 0.3))

    def _payment(self, greed: float) -> tuple[str, int, str]:
        """Recipient, amount, subject. The recipient is never in the task; a share `greed` of them is too much."""
        amount = 900 if self.chance.random() < greed else self.chance.randrange(1, 500)
        return f"GB{self.chance.randrange(3)}", amount, f"{self.name}-{next(self._numbers)}"

    def _pay(self, run: Agent, recipient: str, amount: int, subject: str) -> str:
        """Ask for it; sometimes from two places at once."""
        if self.chance.random() < 0.15:
            twin = threading.Thread(target=self._once, args=(run, recipient, amount, subject))
            twin.start()
            said = self._once(run, recipient, amount, subject)
            twin.join()
            return said
        return self._once(run, recipient, amount, subject)

    def _once(self, run: Agent, recipient: str, amount: int, subject: str) -> str:
        try:
            said = run.call("pay", recipient=recipient, amount=amount, subject=subject)
            word, action = said.word, said.reference
        except (AssertionError, OSError, http.client.HTTPException, ValueError, KeyError, IndexError):
            word, action = "lost", ""
        self.notes.append(Note(subject, word, action))
        self.heard[word] += 1
        return word
