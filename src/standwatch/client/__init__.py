"""A thin client: ask for decisions, or have a model in this process governed by the gateway. Standard library only.

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

from standwatch.client.answers import Decisions, Going, Row
from standwatch.client.context import composition
from standwatch.client.errors import ClientError, Invalid, Refused, Unavailable, Unreachable
from standwatch.client.governing import Governed, GovernedAsync, governed
from standwatch.client.runs import Opened, make_key
from standwatch.client.session import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Decisions",
    "Going",
    "Governed",
    "GovernedAsync",
    "Invalid",
    "Opened",
    "Refused",
    "Row",
    "Unavailable",
    "Unreachable",
    "composition",
    "governed",
    "make_key",
]
