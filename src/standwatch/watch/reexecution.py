"""What an explanation asks of whoever can execute the model again, and what that answers: no I/O here."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import msgspec

from standwatch.facts.decisions import Row, Trouble, Value

Outputs = dict[str, list[Any]]
"""A column for each output, as `Predicted.outputs`."""

Moves = tuple[tuple[int, Value], ...]
"""What a candidate changes of the row: feature by its place, and the new value."""


class Batch(msgspec.Struct, frozen=True):
    """Execute these rows: `base` with what each of `moves` changes of it; `()` is the base itself."""

    base: Row
    moves: Sequence[Moves]

    def rows(self) -> list[Row]:
        """Every row, written out."""
        found: list[Row] = []
        for moves in self.moves:
            row = list(self.base)
            for feature, value in moves:
                row[feature] = value
            found.append(tuple(row))
        return found


class Contribute(msgspec.Struct, frozen=True):
    """How much does each feature contribute, by the model's own method?"""

    row: Row


class Share(msgspec.Struct, frozen=True):
    """What one feature, or several that interact, adds to the margin."""

    features: tuple[str, ...]
    value: float


class Contributed(msgspec.Struct, frozen=True):
    """The model's own account. `base` + the shares = `margin`, and the output is the inverse `link` of that.

    `of` is the place of the label it is about, where there are several. `why` says why there is none: `method` is then
    ""."""

    method: str
    link: str = ""
    base: float = 0.0
    margin: float = 0.0
    parts: tuple[Share, ...] = ()
    of: int | None = None
    why: str = ""


Command = Batch | Contribute
Reply = Outputs | Contributed | Trouble
T = TypeVar("T")
Steps = Generator[Command, Reply, T]
"""Yields what it wants executed, is sent what came of it, and returns its finding."""


class Stopped(Exception):
    """A batch was not executed; nothing more can be found out."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


def execute(batch: Batch, wanted: str) -> Generator[Command, Reply, list[Any]]:
    """The column of output `wanted` for each row of the batch. Raises `Stopped`."""
    if not batch.moves:
        return []
    told = yield batch
    if isinstance(told, Trouble):
        raise Stopped(told)
    column = None if isinstance(told, Contributed) else told.get(wanted)
    if column is None or len(column) != len(batch.moves):
        raise Stopped(Trouble("bad_answer", f"no value of {wanted} for each of {len(batch.moves)} rows"))
    return column
