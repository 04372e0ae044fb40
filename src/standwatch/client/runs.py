"""Runs: a task, the token that an agent works with, and the runs of its sub-agents; bound to a key that never leaves.

>>> from standwatch.client import Client, Unreachable
>>> with Client("http://127.0.0.1:1", "sw_example") as harness:  # nobody is there
...     try:
...         run = harness.open_run("pay", "pay invoice 17")
...     except Unreachable:
...         print("no gateway, no run")
no gateway, no run
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, cast

from standwatch.client.answers import refusal
from standwatch.client.errors import Unreachable
from standwatch.client.wire import Answered, Prover, body_of

PATH: Final = "/v1/runs"


@dataclass(frozen=True, slots=True)
class Opened:
    """A run: `token` is for the agent, told once; `until` in µs UTC, 0 for not by itself; `key` is what binds it."""

    run: str
    token: str = field(repr=False)
    until: int
    key: Prover | None = field(default=None, repr=False)


def make_key() -> Prover:
    """A key in this process's memory. Raises ImportError where `cryptography` is not installed."""
    from standwatch.client.holding import Key  # only who binds runs needs a library for keys

    return Key()


def asking_run(system: str, key: Prover | None, **said: Any) -> bytes:
    """The body of a request for a run; what is None or empty is left out, but for a task."""
    bound = {"cnf": {"jkt": key.thumbprint}} if key is not None else {}
    told = {name: value for name, value in said.items() if value or (name == "task" and value is not None)}
    return body_of({"system": system, **told, **bound})


def opened(answer: Answered, key: Prover | None) -> Opened:
    """The run in an answer. Raises `ClientError` where there is none."""
    status, _, body = answer
    said = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if status != 201:
        raise refusal(status, said)
    try:
        return Opened(str(said["run"]), str(said["token"]), int(said["until"]), key)
    except (KeyError, TypeError, ValueError):
        raise Unreachable("what answered 201 is not Standwatch") from None
