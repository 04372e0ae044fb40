"""Whether the condition of a DELETE or an UPDATE holds for every row, as far as its text says."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

MOST: int = 200
"""Members of a condition that are looked at; a longer one counts as one that leaves rows out."""


def always(condition: Any) -> bool:
    """Whether a condition cannot tell one row from another, or holds for all of them: `true`, `1 = 1`, `x = x`.

    INVARIANT: what names no column is the same for every row, so it keeps none back, whatever it says.
    """
    match condition:
        case exp.Paren():
            return always(condition.this)
        case exp.Or():
            return any(always(one) for one in list(condition.flatten())[:MOST])
        case exp.And():
            return all(always(one) for one in list(condition.flatten())[:MOST])
        case exp.EQ() | exp.GTE() | exp.LTE() | exp.NullSafeEQ() if condition.this == condition.expression:
            return True
        case exp.Like() | exp.ILike() if (
            condition.expression.name.strip("%") == "" and condition.expression.name
        ):
            return True
        case exp.Not() if isinstance(condition.this, exp.Is) and isinstance(
            condition.this.expression, exp.Null
        ):
            return False  # IS NOT NULL: as many rows as PostgreSQL estimates
        case exp.Exists():
            return condition.find(exp.Column) is None
        case None:
            return True
        case _:
            return condition.find(exp.Column) is None and condition.find(exp.Query) is None
