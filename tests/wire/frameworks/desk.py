"""The tools of a run, as plain functions whose effects are lines in a file, and the death of their process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any


class Desk:
    """`kill`: the process ends `before` or `after` the effect of a payment; `fails`: how often the payment raises
    `error` before it does anything."""

    def __init__(
        self, ledger: str, who: str, kill: str = "", fails: int = 0, error: type[Exception] = RuntimeError
    ) -> None:
        self.ledger, self.who, self.kill, self.fails, self.error = ledger, who, kill, fails, error

    def write(self, line: str) -> None:
        with Path(self.ledger).open("a", encoding="utf-8") as file:
            file.write(f"{self.who} {line}\n")

    def look(self, what: str) -> dict[str, Any]:
        """Looks something up."""
        self.write(f"look {what}")
        return {"what": what, "found": 3}

    def note(self, text: str) -> str:
        """Writes something down."""
        self.write(f"note {text}")
        return f"noted {text}"

    def pay(self, to: str, amount: float) -> str:
        """Pays."""
        if self.fails:
            self.fails -= 1
            raise self.error("not yet")
        if self.kill == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self.write(f"pay {to} {amount:g}")
        if self.kill == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return f"paid {amount:g} to {to}"

    def wipe(self, what: str) -> str:
        """Wipes."""
        self.write(f"wipe {what}")
        return "wiped"

    def burn(self, what: str) -> str:
        """Is in no manifest."""
        self.write(f"burn {what}")
        return "burnt"

    @property
    def tools(self) -> list[Any]:
        """Every one of them."""
        return [self.look, self.note, self.pay, self.wipe, self.burn]
