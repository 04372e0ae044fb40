"""What a page of the console is, and what its view is asked with.

A page is a function from `Ask` to a frozen struct, its view: the template renders it, and the page's JSON twin (the
same path with `.json`, `/index.json` for `/`) is its encoding. Nothing a page shows is computed in a template.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from standwatch.fronts.control_live import Summary
from standwatch.fronts.control_ports import Actor, Operations, Status

ANONYMOUS: Final = Actor("anonymous", "anonymous")
"""Who opens a public page without having signed in."""


class Ask(msgspec.Struct, frozen=True):
    """One request for a page, or one form: who asks, the path's names, the query's, and for which moment.

    `now` is µs UTC; `as_of` is "" for the present, else an index or an RFC 3339 time, not yet looked at.
    """

    ops: Operations
    who: Actor
    names: dict[str, str]
    query: dict[str, str]
    now: int
    as_of: str = ""
    known: dict[str, Any] = {}
    """What was read for this request already: several parts of a page ask for the same."""
    twin: bool = False
    """Whether the JSON twin is asked for. It has everything at once, also what a page loads by and by."""

    async def status(self) -> Status:
        """The status as of the moment that is asked about, read once."""
        if "status" not in self.known:
            self.known["status"] = await self.ops.status(self.who, self.as_of)
        return self.known["status"]

    async def summary(self) -> Summary:
        """What must be in sight as of that moment: far cheaper than the status, and all that a page's head takes."""
        if "summary" not in self.known:
            self.known["summary"] = await self.ops.summary(self.who, self.as_of)
        return self.known["summary"]


View = msgspec.Struct
"""What a page shows: a frozen struct. Its members are the template's names."""


class Page(msgspec.Struct, frozen=True):
    """One page. `path` is a pattern: `{name}` is one segment. `query` names the parameters that it knows."""

    path: str
    name: str
    """A word, unique; the page's template is `NAME.html` unless `template` says otherwise."""
    title: str
    view: Callable[[Ask], Awaitable[Any]]
    template: str = ""
    query: tuple[str, ...] = ()
    menu: str = ""
    """Its word in the navigation; "" keeps it out."""
    key: str = ""
    """The letter that goes there, typed after `g`."""
    past: bool = True
    """Whether it can show a moment of the past (`as_of`)."""
    public: bool = False
    """Whether it is shown to somebody who has not signed in."""
    packed: bool = False
    """Whether it may be compressed: a long page of names and numbers, nothing of which must be kept from those whose
    text stands in it. (Its forms' token never stands in two answers alike.)"""
    halts: str | Callable[[Any], str] = "all"
    """The scope that the page's halt button stops, with the path's names filled in, or as the view says; "" for no
    button."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a request's path must match, whole."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))

    @property
    def file(self) -> str:
        """Its template."""
        return self.template or f"{self.name}.html"
