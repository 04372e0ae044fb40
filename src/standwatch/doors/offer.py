"""The tools of the door, as MCP lists them; and what it asks of the catalogue for two of them. Pure."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_NAMES: Final = {"type": "array", "items": {"type": "string"}, "description": "Tables, as schema.table."}
_STATEMENT: Final = {
    "type": "string",
    "description": "One statement of SQL for PostgreSQL, with $1, $2, … for the parameters.",
}
_PARAMETERS: Final = {"type": "array", "description": "Values for $1, $2, …"}
_ROWS: Final = {"type": "integer", "minimum": 0, "description": "How many rows it may touch at most."}

TABLES: Final = """
SELECT n.nspname || '.' || c.relname AS "table",
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
       greatest(c.reltuples, 0)::bigint AS rows
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY 1 LIMIT 1000
"""
COLUMNS: Final = """
SELECT a.attname AS "column", pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
       coalesce((SELECT string_agg(CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'f'
                                   THEN 'references ' || k.confrelid::regclass ELSE 'unique' END, ', ')
                   FROM pg_catalog.pg_constraint k
                  WHERE k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey) AND k.contype IN ('p', 'f', 'u')), '')
       AS keys
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = pg_catalog.to_regclass({name}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def tools(*, judged: bool) -> list[dict[str, Any]]:
    """What `tools/list` answers. Behind the gateway (`judged`) a call says itself what its statement touches."""
    reading: dict[str, Any] = {"statement": _STATEMENT, "parameters": _PARAMETERS, "rows": _ROWS}
    changing = dict(reading)
    reading_needs, changing_needs = ["statement"], ["statement"]
    found: list[dict[str, Any]] = []
    if judged:
        reading |= {"reads": _NAMES}
        changing |= {"reads": _NAMES, "writes": _NAMES}
        reading_needs = ["statement", "reads", "rows"]
        changing_needs = ["statement", "reads", "writes", "rows"]
        found.append(
            _tool(
                "plan",
                "What a statement would touch, without carrying it out: the arguments that query and execute want.",
                {"statement": _STATEMENT, "parameters": _PARAMETERS},
                ["statement"],
                reads=True,
            )
        )
    return [
        *found,
        _tool(
            "query",
            "Read with one statement, in a read-only transaction.",
            reading,
            reading_needs,
            reads=True,
        ),
        _tool(
            "execute",
            "Change with one statement, in one transaction. It is rolled back if it touches more rows than it may.",
            changing,
            changing_needs,
            reads=False,
        ),
        _tool(
            "tables", "The tables that may be used, and about how many rows they have.", {}, [], reads=True
        ),
        _tool("describe", "The columns and keys of one table.", {"table": _TEXT}, ["table"], reads=True),
    ]


def _tool(
    name: str, says: str, properties: dict[str, Any], needs: list[str], *, reads: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "description": says,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": needs,
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": reads, "destructiveHint": not reads, "openWorldHint": False},
    }
