"""What PostgreSQL's own plan of a statement says: which tables it reads and writes, and about how many rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast


class Plan(NamedTuple):
    """`rows`: of a change, those that it would change; otherwise those that it would return."""

    reads: frozenset[str]
    writes: frozenset[str]
    rows: int


def planned(plan: dict[str, Any]) -> Plan:
    """The tables, as `schema.table`, and the rows of `EXPLAIN (VERBOSE, FORMAT JSON)`."""
    reads: set[str] = set()
    writes: set[str] = set()
    changed = 0
    for node in _nodes(plan):
        changing = node.get("Node Type") == "ModifyTable"
        name = f"{node.get('Schema')}.{node['Relation Name']}" if "Relation Name" in node else ""
        if changing:
            changed += sum(int(one.get("Plan Rows", 0)) for one in _members(node))
            writes |= {f"{one.get('Schema')}.{one['Relation Name']}" for one in _list(node, "Target Tables")}
        if name:
            (writes if changing else reads).add(name)
    return Plan(frozenset(reads), frozenset(writes), changed if writes else int(plan.get("Plan Rows", 0)))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [plan]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_list(node, "Plans"))


def _members(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plans whose rows a ModifyTable changes: not those that it only consults."""
    return (one for one in _list(node, "Plans") if one.get("Parent Relationship") in ("Outer", "Member"))


def _list(node: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", node.get(name) or [])
