"""What the record keeps of a model's answer (`generation.1`), as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

_ENDED: Final = {
    "whole": "whole",
    "cut": "cut: a hold fell on it, or its caller left",
    "withheld": "ended here: what was found in it was withheld",
    "client_gone": "its caller left",
    "broken": "the upstream broke off",
    "timeout": "the upstream was too slow",
    "too_large": "the upstream said more than is taken",
    "not_sent": "nothing was sent",
    "malformed": "what the upstream said could not be read",
}


class Said(msgspec.Struct, frozen=True):
    """Words of one kind at one place: a choice, a tool call."""

    kind: str
    place: str
    text: str


class Called(msgspec.Struct, frozen=True):
    """A tool call that a model asked for: `arguments` is its JSON as it came, cut where not all of it was kept."""

    place: str
    name: str
    arguments: str


class Tokens(msgspec.Struct, frozen=True):
    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0


class Heard(msgspec.Struct, frozen=True):
    """The document that is sealed beside the outcome of a generation (docs/record.md)."""

    kind: Literal["generation.1"]
    status: int = 0
    ended: str = ""
    bytes: int = 0
    sha256: str = ""
    said: tuple[Said, ...] = ()
    events: int = 0
    left_out: int = 0
    usage: Tokens | None = None
    id: str = ""
    model: str = ""
    request: str = ""
    error: str = ""
    finish: tuple[str, ...] = ()

    @property
    def calls(self) -> tuple[Called, ...]:
        """The tool calls that the model asked for, in its order: what its harness should do next, and nothing else."""
        arguments = {one.place: one.text for one in self.said if one.kind == "arguments"}
        return tuple(
            Called(one.place, one.text, arguments.get(one.place, ""))
            for one in self.said
            if one.kind == "call"
        )

    def lines(self) -> Iterator[str]:
        """It as `explain` prints it."""
        yield f"  answer        {_ENDED.get(self.ended, self.ended)}; HTTP {self.status}, {self.bytes} bytes sent on"
        yield f"  bytes         SHA-256 {self.sha256}"
        if self.model or self.id:
            yield f"  by            {self.model or 'a model'}, its answer {self.id or 'without a name'}"
        if self.usage is not None:
            used = self.usage
            cached = (
                f" ({used.cached} more cached, {used.written} written)" if used.cached or used.written else ""
            )
            yield f"  tokens        {used.input} in{cached}, {used.output} out"
        if self.finish:
            yield f"  finished      {', '.join(self.finish)}"
        if self.error:
            yield f"  error         {self.error}"
        for one in self.said:
            first, *rest = one.text.split("\n")
            yield f"  {one.kind:<13} [{one.place}] {first}"
            for line in rest:
                yield f"  {'':<13} {line}"
        if self.left_out:
            yield f"  left out      {self.left_out} characters more than are kept"


_decode: Final = msgspec.json.Decoder(Heard).decode


def read_heard(text: str | bytes) -> Heard | None:
    """The document in `text`; None for what is none."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return None
