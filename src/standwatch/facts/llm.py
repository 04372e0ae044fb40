"""What passes between a front of language models, the passage, and the upstream: prompts, answers, faults."""

from collections.abc import AsyncIterator
from typing import Any, Final, Literal, Protocol

import msgspec

from standwatch.facts.errors import StandwatchError

Provider = Literal["", "openai", "anthropic", "openai-compatible"]
Api = Literal["chat.completions", "responses", "messages"]
"""Which form a prompt and its answer have."""

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["text", "image", "call", "result", "other"]
"""`call`: a tool call that the model asked for earlier; `result`: what a tool returned."""

Speech = Literal["text", "refusal", "reasoning", "call", "arguments"]
"""What a model says: words; that it will not; what it thinks aloud; the name of a tool it calls; the arguments."""

TIMEOUT: Final = 600
"""Seconds that a whole answer may take, where the manifest does not say."""
SILENCE: Final = 120
"""Seconds that a stream may be silent, before its first piece and between two."""


class Turn(msgspec.Struct, frozen=True):
    """One piece of a prompt. `at` is the RFC 6901 pointer of its text in the body."""

    role: Role
    kind: Kind
    text: str
    at: str
    name: str = ""
    """Of the tool that is called, or that returned it, where the prompt tells."""
    call: str = ""
    """The id of the tool call."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a language model: `body` as it came (or as a check changed it), and what was read in it."""

    api: Api
    body: bytes
    value: dict[str, Any]
    """The body, parsed once. Not to be changed."""
    model: str
    stream: bool
    turns: tuple[Turn, ...] = ()
    tools: tuple[str, ...] = ()
    """Names of the tools that are offered to the model and carried out by the caller."""
    hosted: tuple[str, ...] = ()
    """Types of tools that the provider carries out itself: they go round us."""
    output: int | None = None
    """The most tokens that the caller wants back."""
    choices: int = 1
    """How many answers it wants."""
    instead_of: str = ""
    """The id of the attempt that this one stands in for; "" for a first one."""


class Delta(msgspec.Struct, frozen=True):
    """Something a model said. `place` tells apart what is said side by side: a choice, a tool call."""

    kind: Speech
    place: str
    text: str


class LlmFault(StandwatchError):
    """No answer, or not all of it. `sent` False promises that nothing left."""

    code = "llm_fault"

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["unreachable", "timeout", "broken", "too_large"],
        sent: bool,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.sent = sent


class LlmAnswer(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """With lower-case names."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces as they arrive. Raises `LlmFault` where it breaks off."""
        ...

    async def whole(self) -> bytes:
        """The rest of the body. Raises `LlmFault`."""
        ...

    def close(self) -> None:
        """Gives up what is unread; the upstream sees the connection close."""
        ...


class LlmServer(Protocol):
    """The upstream of one component of kind `llm`."""

    async def send(
        self, path: str, body: bytes, headers: tuple[tuple[str, str], ...], *, streaming: bool
    ) -> LlmAnswer:
        """POST `body` to `path` below the component's URL, with the gateway's key. Raises `LlmFault`."""
        ...

    def scrub(self, data: bytes) -> bytes:
        """`data` without the gateway's key, should an upstream ever repeat it."""
        ...

    async def close(self) -> None: ...
