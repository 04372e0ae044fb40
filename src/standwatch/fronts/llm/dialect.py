"""What differs between providers: how a prompt is read, how an answer is heard, and how we refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from standwatch.facts.llm import Prompt, Provider
from standwatch.facts.words import Word
from standwatch.fronts.http_message import Headers, Response
from standwatch.fronts.llm.heard import Hearer


class Dialect(Protocol):
    """One API of one provider's kind."""

    @property
    def providers(self) -> frozenset[Provider]:
        """Whose upstreams speak it."""
        ...

    @property
    def path(self) -> str:
        """Below the component's URL."""
        ...

    @property
    def read(self) -> Callable[[bytes], Prompt]:
        """The prompt in a body. Raises `Malformed` saying what was expected."""
        ...

    @property
    def passed(self) -> tuple[str, ...]:
        """Headers of the client that go on to the upstream, lower-case."""
        ...

    def hearer(self) -> Hearer:
        """A reader of one answer."""
        ...

    def refusal(self, word: Word, ident: str, headers: Headers = (), *, told: str = "") -> Response:
        """Our own refusal, as its SDKs read errors. `told` says what was expected of a malformed request."""
        ...

    def broken(self, word: Word, ident: str) -> bytes:
        """The last event of a stream that we end."""
        ...

    def counted(self, prompt: Prompt) -> Prompt:
        """`prompt` as it asks for its usage, which budgets need, where the client did not ask."""
        ...

    def uncounted(self, raw: bytes, data: bytes) -> bytes:
        """One event as it would have been had nobody asked for the usage; b"" for one that would not have been."""
        ...
