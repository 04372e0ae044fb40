"""A text of SQL to its statements, through sqlglot's PostgreSQL dialect: bounded, and held against our lexer."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.sqlite import SQLite
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError

from standwatch.enforce.idioms import sql_lexing
from standwatch.enforce.idioms.sql_effects import statement
from standwatch.enforce.idioms.sql_reading import (
    MOST_STATEMENTS,
    MOST_TOKENS,
    STEPS,
    SqlReading,
    Statement,
    read,
)
from standwatch.enforce.idioms.sql_words import OpenError

# What it falls back to raw text for is a doubt of ours, not a line of anybody's log.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())
logging.getLogger("sqlglot").propagate = False

_POSTGRES: Final[Any] = Postgres()
_OTHERS: Final[tuple[Callable[[], Any], ...]] = (MySQL, TSQL, SQLite)


class TooManyStepsError(Exception):
    """The parser tried more ways than a statement of this length is worth."""


@cache
def _bounded(base: Any) -> Any:
    """A parser with a bound on its steps: `array[array[…` twenty deep takes sqlglot's own half a minute."""

    class Bounded(base):
        left: int = 0

        def _advance(self, times: int = 1) -> None:
            self.left -= 1
            if self.left < 0:
                raise TooManyStepsError
            super()._advance(times)  # pyright: ignore[reportUnknownMemberType]

    return Bounded


_EXPLAIN: Final = re.compile(
    r"\s*EXPLAIN\b(?P<options>\s*\([^()'\"$/-]*\)|(?:\s+(?:ANALYZE|ANALYSE|VERBOSE)\b)*)(?P<rest>.*)",
    re.I | re.S,
)
_UPKEEP: Final = re.compile(r"\s*(VACUUM|REINDEX|CLUSTER|CHECKPOINT|REFRESH|LOCK|ANALYZE)\b", re.I)
_SHOWS: Final = re.compile(r"\s*SHOW\s+[\w.]+\s*;?\s*", re.I)


def parsed(text: str) -> SqlReading:
    """The reading of `text`. What begins with EXPLAIN and its like the parser keeps as raw text: read here instead."""
    if said := _EXPLAIN.fullmatch(text):
        return _explained(said["options"], read(said["rest"]))
    if _SHOWS.fullmatch(text):
        return SqlReading((Statement("SHOW", "read"),))
    if (said := _UPKEEP.match(text)) and _alone(text):
        return SqlReading((Statement(said[1].upper(), "write"),))
    return _parsed(text)


def _explained(options: str, inner: SqlReading) -> SqlReading:
    """EXPLAIN with ANALYZE carries its statement out; without it, nothing is done, whatever the statement. Statements
    behind it are as they are."""
    if "ANALY" in options.upper() or inner.doubts or not inner.statements:
        return inner
    first, *others = inner.statements
    tables = tuple(sorted({*first.reads, *first.writes}))
    return SqlReading((Statement("EXPLAIN", "read", tables, doubts=first.doubts), *others))


def _alone(text: str) -> bool:
    try:
        return sql_lexing.pieces(text) == 1
    except OpenError:
        return False


def elsewhere(text: str) -> SqlReading | None:
    """The reading of `text` in another dialect than PostgreSQL's, the first that understands all of it; None for none.

    Only for text that may be meant for another database, and beside `sql.danger`, which takes every way to quote in.
    """
    for make in _OTHERS:
        found = _parsed(text, make())
        if not found.why_doubted:
            return found
    return None


def _parsed(text: str, dialect: Any = _POSTGRES) -> SqlReading:
    try:
        tokens: list[Any] = dialect.tokenize(text)
    except (SqlglotError, RecursionError, ValueError, IndexError, OverflowError):
        return _doubted("it cannot be taken apart into words")
    if len(tokens) > MOST_TOKENS:
        return _doubted(f"it has more than the {MOST_TOKENS} words that are read")
    if dialect is _POSTGRES and (why := sql_lexing.differs(text, tokens)):
        return _doubted(why)
    if sum(token.token_type.name == "SEMICOLON" for token in tokens) > MOST_STATEMENTS:
        return _doubted(f"it has more than the {MOST_STATEMENTS} statements that are read")
    base: Any = dialect.parser_class
    parser: Any = _bounded(base)(dialect=dialect)
    parser.left = STEPS * len(tokens) + 1_000
    try:
        trees = cast("list[Any]", parser.parse(tokens, text))
        return SqlReading(tuple(statement(tree) for tree in trees if tree is not None))
    except TooManyStepsError:
        return _doubted("it is nested in a way that cannot be read in time")
    except RecursionError:
        return _doubted("it is nested deeper than can be read")
    except Exception:  # INVARIANT: a reading never raises; what the parser falls over is a doubt
        return _doubted("it could not be parsed")


def _doubted(why: str) -> SqlReading:
    return SqlReading(doubts=(why,))
