"""Command lines as this package reads them: the simple commands in a text, also those that others carry inside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.enforce.environments.families import BY_NAME
from standwatch.enforce.idioms.line import Command, Word
from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.parsing import parse
from standwatch.enforce.idioms.programs import INTERPRETERS, RIGHTS, RUNNERS, SHELLS, WRAPPERS, known

DEEPEST: Final = 5
_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SUBSTITUTED: Final = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_SCRIPTED: Final = SHELLS | listed("eval ssh su runuser watch parallel trap script")
"""Programs that are given a command line in a word of its own."""
_ENTERS: Final = listed(
    "docker podman kubectl oc nerdctl docker-compose aws-vault fly flyctl heroku tsh gcloud aws"
)
_ENTERING: Final = listed("exec run ssh console shell debug")
_STARTS: Final = (
    BY_NAME.keys()
    | SHELLS
    | INTERPRETERS
    | WRAPPERS
    | listed("git gh glab make rm cp mv scp rsync sftp npm cd")
)
"""Programs that are recognised behind a wrapper."""


class Said(msgspec.Struct, frozen=True):
    """One simple command: its program, the words behind it, what it sets, where it reads and writes, what it is fed."""

    name: str
    program: str
    words: tuple[Word, ...] = ()
    assigned: tuple[tuple[str, Word], ...] = ()
    targets: tuple[Word, ...] = ()
    body: str = ""


_SPLIT: Final = re.compile(r"-[a-zA-Z]*S|--spl[a-z-]*=")


class UnreadError(Exception):
    """The text is no command line that can be read."""


def commands(text: str, depth: int = 0) -> Iterator[Said]:
    """The simple commands of `text`, in order, each followed by what it carries. Raises `UnreadError` behind them
    where not all of it is understood."""
    if depth > DEEPEST:
        raise UnreadError("command lines inside each other, deeper than is read")
    line = parse(text)
    for command in line.commands:
        said = _of(command)
        yield from _carried(said, depth)
        if said.name in SHELLS and 0 <= command.fed < len(line.commands):
            fed = _of(line.commands[command.fed])
            if fed.name in ("echo", "printf"):
                yield from _inside(" ".join(one.text for one in fed.words), depth)
    if line.unread:
        raise UnreadError(line.unread)


def _of(command: Command) -> Said:
    words, assigned = list(command.words), list(command.assigned)
    while words and _NAMED.match(words[0].text):
        name, _, value = words[0].text.partition("=")
        assigned.append((name, Word(value, expands=words.pop(0).expands)))
    targets = tuple(one.target for one in command.redirects if not one.op.startswith("<<"))
    fed = "".join(one.target.text for one in command.redirects if one.op.startswith("<<"))
    program = words[0].text if words else ""
    return Said(known(program) if program else "", program, tuple(words[1:]), tuple(assigned), targets, fed)


def _carried(said: Said, depth: int) -> Iterator[Said]:
    """The command, and those that it carries: behind a wrapper, in a script, inside another machine."""
    yield said
    if said.name in _SCRIPTED:
        before = said.program
        for one in said.words:
            flagged = re.fullmatch(r"-\w*c", before) is not None
            if flagged or (" " in one.text.strip() and not one.text.startswith("-")):
                yield from _inside(one.text, depth)
            before = one.text
        if said.body and (said.name in SHELLS or said.name == "ssh"):
            yield from _inside(said.body, depth)
    if said.name == "env":
        for one in said.words:
            if " " in one.text and not _NAMED.match(one.text):  # `-S`
                yield from _inside(_SPLIT.sub("", one.text), depth)
    if said.name == "eval":
        yield from _inside(" ".join(one.text for one in said.words), depth)
    if said.body and said.name not in SHELLS:
        for found in _SUBSTITUTED.finditer(said.body):
            yield from _inside(found[1] or found[2] or "", depth)
    if said.name in WRAPPERS | RIGHTS | RUNNERS | SHELLS or (
        said.name in _ENTERS and any(one.text in _ENTERING for one in said.words[:8])
    ):
        yield from _behind(said, depth)


def _behind(said: Said, depth: int) -> Iterator[Said]:
    """What stands behind a wrapper: from the first place at which a program that says where it goes could begin."""
    assigned = list(said.assigned)
    for place, one in enumerate(said.words):
        if _NAMED.match(one.text):
            name, _, value = one.text.partition("=")
            assigned.append((name, Word(value, expands=one.expands)))
        elif known(one.text) in _STARTS:
            if depth >= DEEPEST:
                raise UnreadError("commands inside each other, deeper than is read")
            rest = said.words[place + 1 :]
            yield from _carried(
                Said(known(one.text), one.text, rest, tuple(assigned), (), said.body), depth + 1
            )
            return
    if len(assigned) > len(said.assigned):
        yield Said("", "", (), tuple(assigned))


def _inside(text: str, depth: int) -> Iterator[Said]:
    """What a word carries where it can be read; one that is no command line is no command."""
    if depth >= DEEPEST:
        raise UnreadError("command lines inside each other, deeper than is read")
    try:
        yield from commands(text, depth + 1)
    except UnreadError:
        return
