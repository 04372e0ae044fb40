"""What stands around every page: whose it is, who watches, what is held, bypassed and waiting, and which moment."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from standwatch.console.page import ANONYMOUS, Ask, Page

ROOT_TWIN: Final = "/index.json"
"""The twin of `/`."""


class Entry(msgspec.Struct, frozen=True):
    """One word of the navigation."""

    path: str
    word: str
    key: str
    here: bool


class Frame(msgspec.Struct, frozen=True):
    """The head and foot of one page. Times in µs; counts are those of the moment that is shown."""

    title: str
    path: str
    menu: tuple[Entry, ...]
    who: str = ""
    """Who has signed in; "" for nobody."""
    organisation: str = ""
    development: bool = False
    watch: tuple[str, ...] = ()
    """Who has the watch, by name."""
    holds: int = 0
    relaxations: int = 0
    questions: int = 0
    now: int = 0
    at: int = 0
    index: int = -1
    past: bool = False
    as_of: str = ""
    query: dict[str, str] = {}
    """The page's own parameters, kept when another moment is asked for."""
    at_query: str = ""
    """What a link carries along, so that one stays in the moment: `?as_of=…`, or nothing."""
    twin: str = ""
    """Where this page is as JSON."""
    movable: bool = True
    """Whether the page can show another moment."""
    scope: str = ""
    """What the halt button stops."""
    names: dict[str, str] = {}


async def frame(ask: Ask, page: Page, path: str, pages: tuple[Page, ...], view: Any = None) -> Frame:
    """The frame of `page` at `path`, which shows `view`."""
    menu = tuple(Entry(one.path, one.menu, one.key, one.name == page.name) for one in pages if one.menu)
    if page.public and ask.who == ANONYMOUS:
        return Frame(page.title, path, (), now=ask.now, movable=False)
    summary = await ask.summary()
    return Frame(
        title=page.title,
        path=path,
        menu=menu,
        who="" if ask.who.ident == "anonymous" else ask.who.name,
        organisation=summary.organisation,
        development=summary.development,
        watch=tuple(summary.names.get(one, one) for one in summary.watch),
        holds=summary.holds,
        relaxations=summary.relaxations,
        questions=summary.questions,
        now=summary.now,
        at=summary.at,
        index=summary.index,
        past=summary.past,
        as_of=ask.as_of,
        query=ask.query,
        at_query=f"?as_of={quote(ask.as_of, safe='')}" if ask.as_of else "",
        twin=_twin(path, ask),
        movable=page.past,
        scope=page.halts.format(**ask.names) if isinstance(page.halts, str) else page.halts(view),
        names=summary.names,
    )


def _twin(path: str, ask: Ask) -> str:
    query = urlencode({**ask.query, **({"as_of": ask.as_of} if ask.as_of else {})})
    return (ROOT_TWIN if path == "/" else f"{path}.json") + (f"?{query}" if query else "")
