"""What statements of SQL do, taken apart by a parser (sqlglot, imported when the first statement is read).

    read("DELETE FROM orders WHERE id = 7").effect   →  "write"
    read("DROP TABLE orders").effect                 →  "irreversible"

What cannot be read is a doubt, and a doubt is asked about. INVARIANT: the effect of what holds a doubt is
`irreversible`; a reading never raises, whatever the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from standwatch.facts.words import Effect

MOST_TEXT: Final = 64 << 10
"""Characters of a text that is read; a longer one is asked about."""
MOST_TOKENS: Final = 12_000
MOST_STATEMENTS: Final = 100
STEPS: Final = 60
"""Steps that the parser may take for each token: it tries one way, then another, and nesting multiplies them."""
_ORDER: Final[dict[Effect, int]] = {"read": 0, "write": 1, "irreversible": 2}


def graver(effects: Iterable[Effect]) -> Effect:
    """The gravest of `effects`; `read` for none."""
    found: Effect = "read"
    for one in effects:
        if _ORDER[one] > _ORDER[found]:
            found = one
    return found


class Statement(msgspec.Struct, frozen=True):
    """One statement. Tables as they are written, `schema.table`, folded as PostgreSQL folds names."""

    kind: str
    """Its first words: `SELECT`, `DROP TABLE`."""
    effect: Effect
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    """Functions that are not known to compute and do nothing else."""
    dangers: tuple[str, ...] = ()
    """Why it cannot be taken back, or reaches out of the database."""
    doubts: tuple[str, ...] = ()
    """What could not be understood."""


class SqlReading(msgspec.Struct, frozen=True):
    """All statements of one text."""

    statements: tuple[Statement, ...] = ()
    doubts: tuple[str, ...] = ()
    """What could not be understood of the text as a whole."""

    @property
    def effect(self) -> Effect:
        """The gravest of its statements; `irreversible` where anything was not understood, or may do anything."""
        if self.doubts:
            return "irreversible"
        return graver([one.effect for one in self.statements])

    @property
    def why_doubted(self) -> str:
        """The first thing that was not understood; "" where all was."""
        return next((why for why in (*self.doubts, *(d for s in self.statements for d in s.doubts))), "")

    @property
    def unknown(self) -> str:
        """The functions it calls that may do anything, in words; "" for none."""
        called = sorted({name for one in self.statements for name in one.calls})
        return f"it calls {', '.join(called)[:200]}, which may do anything" if called else ""

    @property
    def danger(self) -> str:
        """The first reason why a person should look; "" for none."""
        return next((why for one in self.statements for why in one.dangers), "")

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that are read, sorted."""
        return tuple(sorted({name for one in self.statements for name in one.reads}))

    @property
    def writes(self) -> tuple[str, ...]:
        """The tables that are written, made or taken away, sorted."""
        return tuple(sorted({name for one in self.statements for name in one.writes}))


def read(text: str) -> SqlReading:
    """What `text` does, read as PostgreSQL reads it. Placeholders of drivers (`%s`, `%(name)s`, `$1`, `:name`) stand
    for values."""
    if len(text) > MOST_TEXT:
        return SqlReading(doubts=(f"it is longer than the {MOST_TEXT} characters that are read",))
    if "\x00" in text:
        return SqlReading(doubts=("it holds a character that no database takes",))
    from standwatch.enforce.idioms import sql_parsing  # 75 ms, for whoever reads SQL

    return sql_parsing.parsed(text)
