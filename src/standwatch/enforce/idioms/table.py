"""What is known of programs: one table (`table_lines.py`), read once.

A line is `NAME… : EFFECT TRAIT…`; a name may have the words of a subcommand behind it (`git help`, written `git+help`).
Traits:

- `names` looks at names only, wherever they are; `text` takes its operands for text; `pattern` takes its first for one
- `code` its first operand is a program; `code=OPTIONS` the values of these options are
- `runs=OPTIONS` the values of these options are command lines; `loads=OPTIONS` are code, or name it
- `wrap[=N]` runs the operands behind the first N; `away` runs or works elsewhere: paths are not this machine's
- `values=OPTIONS` options that take a value, so that what follows is none of its operands
- `opens` opens a screen or a prompt from which anything can be run; `bare` only where it is given nothing to work on
- `pages` shows what it says in a pager, from which a shell can be had
- `net` talks to the network; `sends=OPTIONS` sends their values out
- `reads=OPTIONS` of a program that looks at names, the values of these options are read
- `looks=OPTIONS` options at which a person should look
- `remote` copies, to another machine where a word says so
- `asks=WORDS` a person should look (words joined by `_`)
- `fetches` its operands are packages or images that come from elsewhere
- `input` takes names of files from its input
"""

from __future__ import annotations

from functools import cache
from typing import Final, cast, get_args

import msgspec

from standwatch.enforce.idioms.table_lines import LINES
from standwatch.facts.words import Effect


class Program(msgspec.Struct, frozen=True):
    """One line of the table."""

    effect: Effect = "write"
    traits: frozenset[str] = frozenset()
    options: dict[str, frozenset[str]] = {}
    """Trait → options."""
    skip: int = 0
    """Operands before the command that a `wrap` runs."""
    asks: str = ""

    def has(self, trait: str) -> bool:
        return trait in self.traits

    def option(self, trait: str, word: str) -> bool:
        """Whether `word` is one of the options of `trait`, or a long one as it may be shortened (`getopt_long`)."""
        known = self.options.get(trait, _NONE)
        if word in known:
            return True
        return len(word) > 3 and word.startswith("--") and any(one.startswith(word) for one in known)


_NONE: Final[frozenset[str]] = frozenset()
UNKNOWN: Final = Program()
"""What is taken of a program that the table does not have: it writes, in the workspace."""


@cache
def programs() -> dict[str, Program]:
    """Name, or name and subcommands with a space between, → what is known."""
    found: dict[str, Program] = {}
    for line in LINES.splitlines():
        said = line.partition("#")[0].strip()
        if not said:
            continue
        names, _, rest = said.partition(" : ")
        program = _program(rest.split())
        for name in names.split():
            key = name.replace("+", " ")
            if key in found:
                raise ValueError(f"table_lines.py: {key} stands there twice")
            found[key] = program
    return found


def _program(said: list[str]) -> Program:
    effect = cast("Effect", said[0])
    if effect not in get_args(Effect):
        raise ValueError(f"table_lines.py: {effect} is no effect")
    traits: set[str] = set()
    options: dict[str, frozenset[str]] = {}
    skip, asks = 0, ""
    for one in said[1:]:
        name, equals, value = one.partition("=")
        if name == "asks":
            asks = value.replace("_", " ")
        elif name == "wrap":
            traits.add("wrap")
            skip = int(value or 0)
        elif equals:
            options[name] = frozenset(value.split(","))
        else:
            traits.add(name)
    return Program(effect, frozenset(traits), options, skip, asks)


def look_up(name: str, operands: list[str]) -> tuple[Program, int]:
    """What is known of `name operands…`, and how many of the operands were its subcommands."""
    table = programs()
    for count in (3, 2, 1):
        if len(operands) >= count and (found := table.get(" ".join((name, *operands[:count])))) is not None:
            return found, count
    return table.get(name, UNKNOWN), 0
