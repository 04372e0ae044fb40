"""What one parsed statement does: its effect, the tables it reads and writes, and what in it a person should see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlglot import exp

from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.sql_conditions import always
from standwatch.enforce.idioms.sql_functions import HARMLESS, REACHING, WRITING
from standwatch.enforce.idioms.sql_reading import Statement, graver
from standwatch.facts.words import Effect

_WRITING: Final = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_MADE: Final = frozenset({"TABLE", "VIEW", "INDEX", "SCHEMA", "SEQUENCE", "TYPE", "DOMAIN"})
_ADDS: Final = (exp.ColumnDef, exp.AddConstraint)
_OWN: Final = listed(
    "timezone datestyle intervalstyle application_name extra_float_digits statement_timeout lock_timeout transaction "
    "constraints"
)
"""Settings of one session that change how values are shown, or how long it waits."""


class _Found:
    """What is gathered while one tree is walked."""

    def __init__(self) -> None:
        self.effect: Effect = "read"
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.calls: set[str] = set()
        self.dangers: list[str] = []
        self.doubts: list[str] = []

    def does(self, effect: Effect, why: str = "") -> None:
        self.effect = graver((self.effect, effect))
        if why:
            self.dangers.append(why)


def statement(tree: Any) -> Statement:
    """What `tree` does."""
    found = _Found()
    _root(tree, found)
    _inside(tree, found)
    if found.calls or found.doubts:
        found.does("irreversible")
    return Statement(
        _kind(tree),
        found.effect,
        tuple(sorted(found.reads - found.writes)),
        tuple(sorted(found.writes)),
        tuple(sorted(found.calls)),
        tuple(found.dangers),
        tuple(found.doubts),
    )


def name_of(table: Any) -> str:
    """`schema.table`, folded to lower case where it is not quoted."""
    parts = [
        part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part is not None
    ]
    return ".".join(part.name if part.args.get("quoted") else part.name.lower() for part in parts)


def _kind(tree: Any) -> str:
    match tree:
        case exp.Command():
            return f"{tree.this}".upper()
        case exp.Create() | exp.Drop() | exp.Alter():
            return f"{type(tree).__name__.upper()} {tree.args.get('kind') or ''}".strip()
        case exp.TruncateTable():
            return "TRUNCATE"
        case exp.SetOperation() | exp.Subquery():
            return "SELECT"
        case _:
            return type(tree).__name__.upper()


def _root(tree: Any, found: _Found) -> None:
    match tree:
        case exp.Select() | exp.SetOperation() | exp.Subquery() | exp.Values() | exp.Table():
            return
        case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
            return  # wherever they stand: `_inside`
        case exp.Drop():
            found.does("irreversible", f"DROP {tree.args.get('kind') or ''} takes away more than a row")
            found.writes |= {name_of(one) for one in tree.find_all(exp.Table)}
        case exp.TruncateTable():
            found.does("irreversible", "TRUNCATE takes away more than a row")
            found.writes |= {name_of(one) for one in tree.find_all(exp.Table)}
        case exp.Alter():
            _altered(tree, found)
        case exp.Create():
            _created(tree, found)
        case exp.Copy():
            _copied(tree, found)
        case exp.Grant() | exp.Revoke():
            found.does("irreversible", f"{_kind(tree)} changes who may use what")
            found.writes |= {name_of(one) for one in tree.find_all(exp.Table)}
        case exp.Comment() | exp.Analyze():
            found.does("write")
            found.writes |= {name_of(one) for one in tree.find_all(exp.Table)}
        case exp.Transaction() | exp.Commit() | exp.Rollback() | exp.Show() | exp.Describe():
            return
        case exp.Set() | exp.Command():
            _commanded(tree, found)
        case _:
            found.doubts.append(f"{_kind(tree)[:40]} is no statement that is known")


def _altered(tree: Any, found: _Found) -> None:
    if isinstance(tree.this, exp.Table):
        found.writes.add(name_of(tree.this))
    actions: list[Any] = list(tree.args.get("actions") or ())
    if tree.args.get("kind") == "TABLE" and actions and all(isinstance(one, _ADDS) for one in actions):
        found.does("write")
    else:
        found.does("irreversible", "it alters what holds the data, or what guards it")


def _created(tree: Any, found: _Found) -> None:
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in _MADE:
        found.does("irreversible")  # a function, a trigger, a role: something that runs, or somebody
        return
    if kind == "VIEW" and tree.args.get("replace"):
        found.does("irreversible")
    found.does("write")
    made = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if isinstance(made, exp.Table):
        found.writes.add(name_of(made))
    elif isinstance(made, exp.Index) and isinstance(made.args.get("table"), exp.Table):
        found.writes.add(name_of(made.args["table"]))


def _copied(tree: Any, found: _Found) -> None:
    files = [str(one.sql(dialect="postgres")).upper() for one in tree.args.get("files") or ()]
    into = bool(tree.args.get("kind"))
    if isinstance(tree.this, exp.Table):
        (found.writes if into else found.reads).add(name_of(tree.this))
    if files and all(one in ("STDOUT", "STDIN", '"STDOUT"', '"STDIN"') for one in files):
        found.does("write" if into else "read")
    else:
        found.does("irreversible", "it reaches files or programs of the database's host")


def _commanded(tree: Any, found: _Found) -> None:
    word = str(tree.this if isinstance(tree, exp.Command) else "SET").upper()
    said = tree.expression if isinstance(tree, exp.Command) else tree
    text = (
        said
        if isinstance(said, str)
        else said.name
        if isinstance(said, exp.Literal)
        else said.sql("postgres")
    ).lower()
    match word:
        case "SHOW":
            return
        case "SET" | "RESET":
            first = (
                text.removeprefix("set").strip().removeprefix("session ").removeprefix("local ").split("=")[0]
            )
            if first.split()[:1] and first.split()[0].strip('"') in _OWN:
                return
            found.does("irreversible", "it changes who one is there, or what names and settings mean")
        case "CREATE" | "ALTER" | "DROP":
            found.does("irreversible")
        case _:
            found.doubts.append(f"{word} runs what cannot be seen from here")


def _inside(tree: Any, found: _Found) -> None:
    """What stands anywhere in the tree: statements in common table expressions, tables, functions, locks."""
    for node in tree.walk():
        match node:
            case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
                _written(node, found)
            case exp.Into():
                found.does("write")
                found.writes.add(name_of(node.this))
            case exp.Lock():
                found.does("write")
            case exp.Anonymous() | exp.AnonymousAggFunc():
                _called(node, found)
            case exp.Table() if isinstance(node.this, exp.Identifier) and not _shadowed(node):
                found.reads.add(name_of(node))
            case exp.Command() if node is not tree:
                found.doubts.append("a part of it could not be parsed")
            case _:
                pass


def _written(node: Any, found: _Found) -> None:
    found.does("write")
    into = node.this.this if isinstance(node.this, exp.Schema) else node.this
    if isinstance(into, exp.Table):
        found.writes.add(name_of(into))
    else:
        found.doubts.append("what it writes could not be found")
    if isinstance(node, exp.Update | exp.Delete) and always(_condition(node)):
        said = type(node).__name__.upper()
        how = "with a condition that is always true" if _condition(node) is not None else "without WHERE"
        found.does("irreversible", f"{said} {how} reaches every row")
    if isinstance(node, exp.Merge) and always(node.args.get("on")):
        found.does("irreversible", "MERGE with a condition that is always true reaches every row")


def _condition(node: Any) -> Any:
    where = node.args.get("where")
    return where.this if where is not None else None


def _called(node: Any, found: _Found) -> None:
    name = node.name.lower()
    schema = (
        node.parent.this.name.lower()
        if isinstance(node.parent, exp.Dot) and node.parent.this is not node
        else ""
    )
    if name in REACHING:
        found.does("irreversible", f"{name} reaches out of the database")
    elif name in WRITING and schema in ("", "pg_catalog"):
        found.does("write")
    elif name not in HARMLESS or schema not in ("", "pg_catalog"):
        found.calls.add(f"{schema}.{name}" if schema else name)


def _shadowed(table: Any) -> bool:
    """Whether the name is that of a common table expression around it, rather than of a table."""
    if table.args.get("db") is not None:
        return False
    name = name_of(table)
    return any(one == name for one in _around(table))


def _around(node: Any) -> Iterator[str]:
    above: Any = node.parent
    inside: Any = None
    while above is not None:
        if isinstance(above, exp.CTE):
            inside = above
        yield from _named(above.args.get("with_"), inside)
        above = above.parent


def _named(clause: Any, inside: Any) -> Iterator[str]:
    """What a WITH names. Within its own definition a name means itself only where the clause is recursive."""
    if clause is None:
        return
    for one in clause.expressions:
        if one is not inside or clause.args.get("recursive"):
            alias: Any = one.args["alias"].this
            yield alias.name if alias.args.get("quoted") else alias.name.lower()
