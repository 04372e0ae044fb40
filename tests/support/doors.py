"""A door's system: the manifest of a shop whose database is reached through the door, and a role of that manifest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standwatch.client import Client
from standwatch.doors import dbapi
from standwatch.doors.rights import declared, grants
from support.postgres import SHOP, Cluster, cluster
from support.system import Living, Organisation, manifest, serving

OURS: dict[str, Any] = {"from": "any"}
"""For arguments that the door itself says."""


def tools(*beside: str, rows: int = 50) -> dict[str, Any]:
    """What the shop's manifest says of its database `db`: reading everywhere, changing orders, lines and customers."""
    reads = {"each_of": ["public.*", "pg_catalog.*"], **OURS}
    own = {"database": OURS, "estimated": OURS, "parameters": OURS, "kind": OURS, "triggers": OURS}
    return {
        "db.query": {
            "effect": "read",
            "arguments": {"statement": {"reads_as": "sql", **OURS}, "reads": reads, **own},
        },
        "db.execute": {
            "effect": "irreversible",
            "effect_by": "statement",
            "otherwise": "deny",
            "unruled": "any",  # a program, not an agent that reads what outsiders wrote
            "arguments": {
                "statement": {"reads_as": "sql", "otherwise": "step_up", **OURS},
                "reads": reads,
                "writes": {
                    "each_of": ["public.orders", "public.lines", "public.customers", *beside],
                    **OURS,
                },
                "rows": {"max": rows, **OURS},
                **own,
            },
        },
        "db.tables": "read",
        "db.describe": {"effect": "read", "arguments": {"table": OURS}},
    }


SERVICE = {"kind": "service", "name": "db", "vendor": "ours"}


@contextmanager
def shop(folder: Path, **more: Any) -> Iterator[tuple[Living, Cluster, str]]:
    """A running Standwatch that watches over `shop`, a cluster, and a fresh database of it."""
    text = manifest("shop", [SERVICE], more.pop("tools", tools()), **more)
    with serving(folder, {"shop": text}, accept=False) as watch:
        watch.run("validate", "shop", "--until", "30d", "--key", watch.key("chen"), "--yes")
        yield watch, cluster(), cluster().fresh(*SHOP)


def role_for(watch: Organisation, database: str, name: str) -> str:
    """A role with the rights of the shop's manifest."""
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    system = declare(read_folder(watch.folder)).configuration.systems["shop"]
    sql = grants(declared(system.manifest.tools.values(), "db"), name, database)
    cluster().do(database, *sql.splitlines())
    return name


def governed(watch: Living, at: str, agent: Any, user: str = "boss", **more: Any) -> dbapi.Connection:
    """A governed connection of pg8000 for `agent`."""
    raw = cluster().connect(at, user)
    client = Client(f"http://127.0.0.1:{watch.agents}", agent.token)
    return dbapi.connect(raw, client, system="shop", name="db", **{"rows": 20, **more})
