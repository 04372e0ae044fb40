"""The rights of a door's role: what the manifest says, as SQL; and whether a role has more.

Read off the tools of the door's component: `query` and `execute`, their arguments `reads`, `writes` (`each_of`) and
`kind` (`one_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from standwatch.doors.database import Database
from standwatch.facts.configuration import Tool
from standwatch.facts.errors import Forbidden, Malformed

KINDS: Final = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_USUAL: Final = ("INSERT", "UPDATE", "DELETE")
_REACHING: Final = (
    "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export dblink dblink_exec dblink_connect "
    "dblink_connect_u pg_file_write pg_file_unlink pg_file_rename pg_execute_server_program"
)


class Rights(NamedTuple):
    """Patterns of tables, and the kinds of changes."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    kinds: tuple[str, ...]


def declared(tools: Iterable[Tool], name: str) -> Rights:
    """What the tools of component `name` may touch. Raises `Malformed` where the manifest does not say which tables."""
    reads: set[str] = set()
    writes: set[str] = set()
    kinds: set[str] = set()
    for tool in tools:
        if tool.server != name:
            continue
        for argument, found in (("reads", reads), ("writes", writes)):
            rule = tool.arguments.get(argument)
            bound = rule.each_of if rule is not None else None
            if bound is None and tool.name.rpartition(".")[2] in _TOUCHES[argument]:
                raise Malformed(
                    f"{tool.name}: which tables it {argument} is not said",
                    code="unbounded",
                    cure=f"{argument}: {{each_of: [public.orders], from: any}}",
                )
            found |= set(bound or ())
        rule = tool.arguments.get("kind")
        if tool.name.rpartition(".")[2] == "execute":
            kinds |= {str(one) for one in rule.one_of} if rule is not None and rule.one_of else set(_USUAL)
    told = tuple(one for one in KINDS if one in kinds)
    return Rights(tuple(sorted(reads)), tuple(sorted(writes)), told if writes else ())


def most(tools: Iterable[Tool], which: str, usual: int) -> int:
    """The rows that a statement says where nobody says otherwise: `usual`, or the manifest's if that is less."""
    for tool in tools:
        rule = tool.arguments.get("rows")
        if tool.name.rpartition(".")[2] == which and rule is not None and rule.max is not None:
            return min(usual, int(rule.max))
    return usual


_TOUCHES: Final = {"reads": ("query", "execute"), "writes": ("execute",)}


def grants(rights: Rights, role: str, database: str, seconds: int = 30) -> str:
    """SQL that makes a role with these rights and no others. Raises `Malformed` for a pattern that is neither a table
    nor a whole schema: it cannot be granted."""
    name = _quoted(role)
    lines = [
        f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;",
        f"ALTER ROLE {name} SET statement_timeout = '{seconds}s';",
        f"ALTER ROLE {name} SET lock_timeout = '5s';",
        f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '60s';",
        f"ALTER ROLE {name} SET default_transaction_read_only = {'off' if rights.writes else 'on'};",
        f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {name};",
    ]
    schemas = sorted({one.partition(".")[0] for one in (*rights.reads, *rights.writes)} - _CATALOGUES)
    lines += [f"GRANT USAGE ON SCHEMA {_quoted(one)} TO {name};" for one in schemas]
    # An UPDATE or a DELETE that says which rows reads the table too.
    lines += [
        f"GRANT SELECT ON {_tables(one)} TO {name};"
        for one in sorted({*rights.reads, *rights.writes})
        if _own(one)
    ]
    lines += [
        f"GRANT {', '.join(rights.kinds)} ON {_tables(one)} TO {name};" for one in rights.writes if _own(one)
    ]
    if "INSERT" in rights.kinds:
        written = sorted({one.partition(".")[0] for one in rights.writes} - _CATALOGUES)
        lines += [f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {_quoted(one)} TO {name};" for one in written]
    return "\n".join(lines) + "\n"


_CATALOGUES: Final = frozenset({"pg_catalog", "information_schema"})


def _own(pattern: str) -> bool:
    return pattern.partition(".")[0] not in _CATALOGUES


def _tables(pattern: str) -> str:
    schema, _, table = pattern.partition(".")
    if not table or "*" in schema or ("*" in table and table != "*"):
        raise Malformed(
            f"{pattern!r} cannot be granted: expected schema.table, or schema.* for a whole schema",
            code="pattern",
        )
    return (
        f"ALL TABLES IN SCHEMA {_quoted(schema)}" if table == "*" else f"{_quoted(schema)}.{_quoted(table)}"
    )


def _quoted(name: str) -> str:
    if not name or "\x00" in name:
        raise Malformed("a name is missing")
    return '"' + name.replace('"', '""') + '"'


_SELF: Final = """
SELECT current_user, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
  FROM pg_catalog.pg_roles WHERE rolname = current_user
"""
_MEMBER: Final = """
SELECT rolname FROM pg_catalog.pg_roles
 WHERE rolname <> current_user AND pg_catalog.pg_has_role(current_user, oid, 'MEMBER') ORDER BY 1
"""
_OWNED: Final = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE pg_catalog.pg_get_userbyid(c.relowner) = current_user ORDER BY 1
"""
_MAKES: Final = """
SELECT 'schema ' || nspname FROM pg_catalog.pg_namespace
 WHERE pg_catalog.has_schema_privilege(current_user, oid, 'CREATE') AND nspname !~ '^pg_(temp|toast)'
UNION ALL SELECT 'database ' || current_database()
 WHERE pg_catalog.has_database_privilege(current_user, current_database(), 'CREATE')
"""
_CALLS: Final = """
SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p
 WHERE p.proname = ANY (ARRAY[{names}]) AND pg_catalog.has_function_privilege(current_user, p.oid, 'EXECUTE') ORDER BY 1
"""
_TOUCHABLE: Final = """
SELECT n.nspname || '.' || c.relname, k.kind FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS k(kind)
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname !~ '^pg_(temp|toast)' AND pg_catalog.has_schema_privilege(current_user, n.oid, 'USAGE')
   AND pg_catalog.has_table_privilege(current_user, c.oid, k.kind) ORDER BY 1, 2
"""


def excess(database: Database, rights: Rights) -> list[str]:
    """What the connected role may do that is not declared, in words; nothing for a role as it should be."""
    who, *powers = database.rows(_SELF)[0]
    words = (
        "is a superuser",
        "may make roles",
        "may make databases",
        "may replicate",
        "goes round row security",
    )
    found = [f"{who} {word}" for word, has in zip(words, powers, strict=True) if has]
    if powers[0]:
        return found  # has every other right too
    found += [f"{who} is a member of {row[0]}" for row in database.rows(_MEMBER)]
    found += [f"{who} owns {row[0]}" for row in database.rows(_OWNED)]
    found += [f"{who} may make things in {row[0]}" for row in database.rows(_MAKES)]
    names = ", ".join(f"'{one}'" for one in _REACHING.split())
    found += [f"{who} may call {row[0]}" for row in database.rows(_CALLS.format(names=names))]
    for table, kind in database.rows(_TOUCHABLE):
        allowed = (*rights.reads, *rights.writes) if kind == "SELECT" else rights.writes
        if (kind != "SELECT" and kind not in rights.kinds) or not _named(allowed, table):
            found.append(f"{who} may {kind} {table}")
    return found


def verify(database: Database, rights: Rights, cure: str) -> None:
    """Raises `Forbidden` where the role may do more than is declared."""
    if found := excess(database, rights):
        more = f", and {len(found) - 5} more" if len(found) > 5 else ""
        raise Forbidden(
            f"the role may do more than its manifest says: {'; '.join(found[:5])}{more}",
            code="excess_rights",
            cure=cure,
        )


def _named(patterns: Iterable[str], name: str) -> bool:
    return any(one == name or (one.endswith(".*") and name.startswith(one[:-1])) for one in patterns)
