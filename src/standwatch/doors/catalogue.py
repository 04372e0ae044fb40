"""What PostgreSQL's catalogue says beyond a plan: full names, what foreign keys carry on, triggers, counts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from standwatch.doors.database import Database, literal

_NAME: Final = "n.nspname || '.' || c.relname"
_CASCADE: Final = """
WITH RECURSIVE touched(relid) AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname || '.' || c.relname = ANY (ARRAY[{names}]::text[])
  UNION
  SELECT k.conrelid FROM pg_catalog.pg_constraint k JOIN touched t ON k.confrelid = t.relid
   WHERE k.contype = 'f' AND ({kinds})
)
SELECT DISTINCT n.nspname || '.' || c.relname FROM touched t
  JOIN pg_catalog.pg_class c ON c.oid = coalesce(pg_catalog.pg_partition_root(t.relid)::oid, t.relid)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""
_CARRIED: Final = {
    "UPDATE": "k.confupdtype IN ('c', 'n', 'd')",
    "DELETE": "k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd')",
    "TRUNCATE": "true",
}
_ROOTS: Final = """
SELECT n.nspname || '.' || c.relname, rn.nspname || '.' || rc.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class rc ON rc.oid = pg_catalog.pg_partition_root(c.oid)
  JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
 WHERE n.nspname || '.' || c.relname = ANY (ARRAY[{names}]::text[])
"""
_TRIGGERS: Final = """
SELECT DISTINCT n.nspname || '.' || c.relname || ' ' || g.tgname FROM pg_catalog.pg_trigger g
  JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND n.nspname || '.' || c.relname = ANY (ARRAY[{names}]::text[])
"""
_COUNTS: Final = """
SELECT n.nspname || '.' || c.relname, sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint
  FROM pg_catalog.pg_stat_xact_user_tables s
  JOIN pg_catalog.pg_class c ON c.oid = coalesce(pg_catalog.pg_partition_root(s.relid)::oid, s.relid)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 GROUP BY 1
"""
_FULL: Final = """
SELECT coalesce(n.nspname || '.' || c.relname,
                CASE WHEN position('.' IN given.name) > 0 THEN given.name
                     ELSE coalesce(pg_catalog.current_schema(), '') || '.' || given.name END),
       greatest(coalesce(c.reltuples, 0), 0)::bigint
  FROM unnest(ARRAY[{names}]::text[], ARRAY[{quoted}]::text[]) AS given(name, quoted)
  LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(given.quoted)::oid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""


class Named(NamedTuple):
    """A table's full name, and about how many rows it has."""

    name: str
    rows: int


def full_names(database: Database, names: Collection[str]) -> list[Named]:
    """Names as the session's search path resolves them; one that is nowhere yet is of the current schema."""
    if not names:
        return []
    quoted = _listed(
        [".".join('"' + part.replace('"', '""') + '"' for part in one.split(".")) for one in names]
    )
    return [
        Named(name, rows) for name, rows in database.rows(_FULL.format(names=_listed(names), quoted=quoted))
    ]


def cascaded(database: Database, names: Collection[str], kind: str) -> frozenset[str]:
    """`names`, and the tables that foreign keys carry a change of that kind on to: `UPDATE`, `DELETE`, or `TRUNCATE`
    for whatever refers to them."""
    if not names:
        return frozenset()
    kinds = _CARRIED[kind]
    found = database.rows(_CASCADE.format(names=_listed(names), kinds=kinds))
    return frozenset(names) | {row[0] for row in found}


def rooted(database: Database, names: Collection[str]) -> frozenset[str]:
    """`names` with partitions called by the table that they are part of."""
    if not names:
        return frozenset()
    roots: dict[str, str] = dict(database.rows(_ROOTS.format(names=_listed(names))))  # pyright: ignore[reportArgumentType, reportAssignmentType]
    return frozenset(roots.get(one, one) for one in names)


def triggers(database: Database, names: Collection[str]) -> tuple[str, ...]:
    """The triggers on these tables, as `schema.table trigger`."""
    if not names:
        return ()
    return tuple(sorted(row[0] for row in database.rows(_TRIGGERS.format(names=_listed(names)))))


def counts(database: Database) -> dict[str, int]:
    """Rows that this transaction has inserted, updated and deleted until now, by table: by triggers, rules and foreign
    keys too, and in what was rolled back to a savepoint."""
    return {name: int(rows) for name, rows in database.rows(_COUNTS)}


def since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was touched between two counts. Both are of one transaction: between two, PostgreSQL may begin at nought."""
    return {name: rows - before.get(name, 0) for name, rows in after.items() if rows > before.get(name, 0)}


def _listed(names: Collection[str]) -> str:
    return ", ".join(literal(one) for one in names)
