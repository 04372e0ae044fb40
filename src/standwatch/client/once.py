"""Names for acts, so that work that is begun again does none of them twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from standwatch.client.plain import as_json


class Once:
    """One piece of work, named by its caller: `scope` is the same whenever it is the same work.

    An act in it is named by its tool, its arguments and how often both came before: so calls may come in another order
    when the work is done again. Used by one task at a time.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._seen: Counter[str] = Counter()
        self._calls: dict[str, str] = {}

    def key(self, tool: str, arguments: Mapping[str, Any], call: str = "") -> str:
        """The name of the next act of this kind; of one whose `call` was named already, the same again.

        >>> work = Once("order-17")
        >>> work.key("bank.send", {"amount": 3}), work.key("bank.send", {"amount": 3})
        ('order-17/1', 'order-17/2')
        """
        what = json.dumps([tool, as_json(dict(arguments))], sort_keys=True)
        if call not in self._calls or not call:
            self._seen[what] += 1
            self._calls[call] = f"{self.scope}/{self._seen[what]}"
        return self._calls[call]


_work: ContextVar[Once | None] = ContextVar("standwatch.once", default=None)


@contextmanager
def once(scope: str) -> Generator[Once]:
    """Every governed call in this block belongs to the work `scope`: done again, it does nothing twice."""
    work = Once(scope)
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


def scope_of() -> str:
    """The work that we are in; "" for none."""
    work = _work.get()
    return work.scope if work is not None else ""


def named(tool: str, arguments: Mapping[str, Any], call: str) -> str:
    """The name of the act that a model called `call`: in the work we are in, and outside of any by that alone."""
    work = _work.get()
    return work.key(tool, arguments, call) if work is not None else f"call/{call}"


def key_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """The name of an act in the work we are in; "" outside of any."""
    work = _work.get()
    return work.key(tool, arguments) if work is not None else ""
