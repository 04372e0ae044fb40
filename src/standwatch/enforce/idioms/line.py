"""A command line as data: simple commands, their words, what feeds them, and where they read and write."""

from __future__ import annotations

import msgspec


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word, its quotes removed. `expands`: what it comes to is known only when it runs."""

    text: str
    quoted: bool = False
    expands: bool = False


class Redirect(msgspec.Struct, frozen=True, gc=False):
    """`>`, `<`, `<<<` and their kin with the word behind them; `<<` with the whole here-document."""

    op: str
    target: Word


class Command(msgspec.Struct, frozen=True):
    """One simple command. `fed`: place of the command whose output it reads, -1 for none. `within`: the function in
    whose body it stands."""

    words: tuple[Word, ...]
    assigned: tuple[tuple[str, Word], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    fed: int = -1


class Line(msgspec.Struct, frozen=True):
    """A text as a command line. `unread`: why it is not understood; "" where it is."""

    commands: tuple[Command, ...] = ()
    functions: frozenset[str] = frozenset()
    unread: str = ""
