"""A thin client: ask for decisions and for leave to act, or have a model or a tool in this process governed by the
gateway. Standard library only.

>>> from standwatch.client import Client, governed
>>> client = Client("http://127.0.0.1:1", "sw_example")  # nobody is there
>>> @governed(client, system="mortgage", version="2026-11")
... def score(rows):
...     return {"score": [0.25 for row in rows]}
>>> try:
...     score([{"income": 4200.5, "term": 360}])
... except Unreachable as error:
...     print("no gateway, no decision")
no gateway, no decision
"""

from standwatch.client.acts import Done, Go
from standwatch.client.answers import Decisions, Going, Row
from standwatch.client.context import composition
from standwatch.client.errors import (
    AlreadyDone,
    ClientError,
    Failed,
    Invalid,
    NotDone,
    Pending,
    Refused,
    Unavailable,
    Unreachable,
)
from standwatch.client.governing import Governed, GovernedAsync, governed
from standwatch.client.once import Once, once
from standwatch.client.runs import Opened, make_key
from standwatch.client.session import AsyncClient, Client

__all__ = [
    "AlreadyDone",
    "AsyncClient",
    "Client",
    "ClientError",
    "Decisions",
    "Done",
    "Failed",
    "Go",
    "Going",
    "Governed",
    "GovernedAsync",
    "Invalid",
    "NotDone",
    "Once",
    "Opened",
    "Pending",
    "Refused",
    "Row",
    "Unavailable",
    "Unreachable",
    "composition",
    "governed",
    "make_key",
    "once",
]
