"""Command lines as this package reads them: the simple commands in a text, also in what they carry inside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.enforce.environments.families import BY_NAME
from standwatch.enforce.idioms.programs import INTERPRETERS, RIGHTS, RUNNERS, SHELLS, WRAPPERS, known
from standwatch.enforce.idioms.shell_words import Reader, UnreadableError

DEEPEST: Final = 5
_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_INTERPRETED: Final = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word, its quotes removed. `expands`: what it comes to is known only when it runs."""

    text: str
    expands: bool = False


class Said(msgspec.Struct, frozen=True):
    """One simple command: its program, the words behind it, what it sets, where it reads and writes, what it is fed."""

    name: str
    program: str
    words: tuple[Word, ...] = ()
    assigned: tuple[tuple[str, Word], ...] = ()
    targets: tuple[Word, ...] = ()
    body: str = ""


class UnreadError(Exception):
    """The text is no command line that can be read."""


def commands(text: str, depth: int = 0) -> Iterator[Said]:
    """The simple commands of `text`, in order, with those inside them behind. Raises `UnreadError`."""
    if depth > DEEPEST:
        raise UnreadError("command lines inside each other, deeper than is read")
    try:
        read = Reader(text).read()
    except UnreadableError as error:
        raise UnreadError(str(error)) from error
    bodies: dict[int, str] = {}
    for owner, body in read.bodies:
        bodies[owner] = bodies.get(owner, "") + body
    for place, command in enumerate(read.commands):
        words = [Word(one.text, one.expands) for one in command.words]
        assigned: list[tuple[str, Word]] = []
        while words and _NAMED.match(words[0].text):
            name, _, value = words[0].text.partition("=")
            assigned.append((name, Word(value, words.pop(0).expands)))
        fed = bodies.get(place, "") + "".join(one.target.text for one in command.redirects if one.op == "<<<")
        targets = tuple(
            Word(one.target.text, one.target.expands) for one in command.redirects if one.op[:2] != "<<"
        )
        yield from _carried(words, tuple(assigned), targets, fed, depth)
    for inner in read.inner:
        yield from commands(inner, depth + 1)


_KEYWORDS: Final = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "case", "in"}
)


def _carried(
    words: list[Word], assigned: tuple[tuple[str, Word], ...], targets: tuple[Word, ...], fed: str, depth: int
) -> Iterator[Said]:
    """The command that `words` are, and those that it carries: behind a wrapper, in a script, in another machine."""
    while words and words[0].text in _KEYWORDS:
        words = words[1:]
    if not words:
        if assigned or targets:
            yield Said("", "", (), assigned, targets)
        return
    name = known(words[0].text)
    yield Said(name, words[0].text, tuple(words[1:]), assigned, targets, fed)
    said = [one.text for one in words]
    if name in SHELLS or name in (
        "eval",
        "ssh",
        "su",
        "runuser",
        "watch",
        "parallel",
        "trap",
        "script",
        "source",
    ):
        for place, one in enumerate(words[1:], 1):
            flagged = re.fullmatch(r"-\w*c", said[place - 1]) is not None
            if flagged or (" " in one.text.strip() and not one.text.startswith("-")):
                yield from _tolerant(one.text, depth)
        if fed and (name in SHELLS or name == "ssh"):
            yield from _tolerant(fed, depth)
    if name == "eval":
        yield from _tolerant(" ".join(said[1:]), depth)
    if name in WRAPPERS or name in RIGHTS or name in RUNNERS or name in SHELLS or _enters(name, said):
        yield from _behind(words, assigned, depth)
    for found in _INTERPRETED.finditer(fed) if fed and name not in SHELLS else ():
        yield from _tolerant(found[1] or found[2] or "", depth)


def _enters(name: str, said: list[str]) -> bool:
    """Whether a command runs another one inside a container, a pod, or with another's credentials."""
    return name in (
        "docker",
        "podman",
        "kubectl",
        "oc",
        "nerdctl",
        "docker-compose",
        "aws-vault",
        "fly",
        "heroku",
        "tsh",
    ) and any(one in ("exec", "run", "ssh", "-it", "console") for one in said[:8])


def _behind(words: list[Word], around: tuple[tuple[str, Word], ...], depth: int) -> Iterator[Said]:
    """What stands behind a wrapper: from each place at which a program that says where it goes could begin."""
    assigned = list(around)
    for place, one in enumerate(words[1:], 1):
        if _NAMED.match(one.text):
            name, _, value = one.text.partition("=")
            assigned.append((name, Word(value, one.expands)))
        elif _begins(one.text):
            if depth < DEEPEST:
                yield from _carried(words[place:], tuple(assigned), (), "", depth + 1)
            return
    if assigned:
        yield Said("", "", (), tuple(assigned), ())


def _begins(text: str) -> bool:
    name = known(text)
    return (
        name in BY_NAME
        or name in SHELLS
        or name in INTERPRETERS
        or name in WRAPPERS
        or name in ("git", "gh", "make", "rm", "cp", "mv", "scp", "rsync", "npm", "cd", "kubectl")
    )


def _tolerant(text: str, depth: int) -> Iterator[Said]:
    """What is inside, where it can be read; a text that is no command line is no command."""
    try:
        yield from list(commands(text, depth + 1))
    except UnreadError:
        return
