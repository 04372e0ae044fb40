"""What the fronts of predictive models hand to the gate and get back, and what the gate asks of model servers."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from standwatch.enforce.ports import NOTHING_SHOWN, Caller, Shown
from standwatch.facts.decisions import Answer, Ask, Predicted, Rows, Trouble
from standwatch.facts.models import Model

Infer = Callable[[str, Rows, float], Awaitable[Predicted | Trouble]]
"""Asks version `…` of one model about rows in the order of its features, within seconds. Never raises for what a
server does or says; it is cancelled when a hold falls on the decision or its caller goes away."""


class ModelCard(msgspec.Struct, frozen=True):
    """A declared model and who answers for it now. `ready`: whether its server said so last."""

    system: str
    model: Model
    version: str
    canary: str = ""
    previous: str = ""
    ready: bool = False


class Going(msgspec.Struct, frozen=True):
    """A caller that runs the model itself may: version `version` (with the artifact of that digest) on these rows.

    `rows` are indices into what was asked; an outcome is owed under `id`."""

    id: str
    version: str
    digest: str
    rows: tuple[int, ...]


class ModelServer(Protocol):
    """The versions of one model, wherever they are served. Made by `upstream`, used by `serve`."""

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        """As `Infer`."""
        ...

    async def ready(self, version: str) -> bool:
        """Whether the server says that `version` is loaded. Asking keeps it warm."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Deciders(Protocol):
    """The point of passage for decisions, as fronts see it."""

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        """As `enforce.ports.Gate.identify`."""
        ...

    def card(self, system: str, model: str = "") -> ModelCard | None:
        """The declared model; "" is the only one of its system. None where there is no such, or no telling which."""
        ...

    async def decide(self, caller: Caller, ask: Ask) -> Answer:
        """Take the rows through the passage. Never raises for a refusal; every error path is a word."""
        ...

    async def begin(self, caller: Caller, ask: Ask) -> Going | Answer:
        """As `decide`, for a caller that runs the model in its own process: it answers when the outcome is told."""
        ...

    async def finish(self, caller: Caller, ident: str, predicted: Predicted | Trouble) -> Answer:
        """Hear what the caller's model said; raises `Forbidden` where this caller owes no such outcome."""
        ...
