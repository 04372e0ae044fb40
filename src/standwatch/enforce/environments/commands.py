"""Command lines: what their words say of where they reach, command by command in the order in which they stand."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.environments import git, places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.families import BY_NAME, RUNS_TASKS, Family
from standwatch.enforce.environments.reaching import family_of, options_of
from standwatch.enforce.environments.said import Said, UnreadError, commands
from standwatch.enforce.environments.values import VARIABLES, value_of, variable
from standwatch.enforce.idioms.line import Word
from standwatch.enforce.idioms.programs import FETCHES, INERT, INTERPRETERS
from standwatch.facts.environments import Kind

_STAYS: Final = frozenset(
    {"mkdir", "touch", "ls", "test", "[", "stat", "basename", "dirname", "readlink", "realpath"}
)

MOST_COMMANDS: Final = 500


def read(claims: Claims, text: str) -> None:
    """What the command line `text` says. Where it cannot be read, nothing can be told."""
    try:
        for count, said in enumerate(commands(text)):
            if count >= MOST_COMMANDS:
                claims.doubt((), f"more than {MOST_COMMANDS} commands")
                break
            _command(claims, said)
    except UnreadError as error:
        claims.doubt((), f"it cannot be read as a command line ({error})")


def _command(claims: Claims, said: Said) -> None:
    before = dict(claims.variables)
    for name, word in said.assigned:
        value = value_of(claims, word)
        claims.variables[name] = "" if value is None else value
        variable(claims, name, value)
    for target in said.targets:
        value = value_of(claims, target)
        if value is not None:
            places.path(claims, value)
    shown = " ".join((said.program, *(one.text for one in said.words)))
    if said.name:
        claims.say("commands", shown, shown)
        _program(claims, said)
        claims.variables = before
        if said.name in ("export", "declare", "set", "setx", "typeset"):
            _exported(claims, said)


def _exported(claims: Claims, said: Said) -> None:
    for one in said.words:
        name, sign, value = one.text.partition("=")
        if sign:
            found = value_of(claims, Word(value, expands=one.expands))
            claims.variables[name] = found or ""
            variable(claims, name, found)


# --- one program -----------------------------------------------------------------------------------------------------


def _program(claims: Claims, said: Said) -> None:
    if said.name in FETCHES:
        _fetched(claims, said)
    family = BY_NAME.get(said.name)
    match said.name:
        case "cd" | "pushd":
            _folder(claims, said)
        case "git" | "gh" | "glab" | "hub":
            git.read(claims, said.name, [(one.text, value_of(claims, one)) for one in said.words])
        case "scp" | "rsync" | "sftp" | "rclone":
            for one in said.words:
                _remote(claims, one)
        case _ if family is not None:
            family_of(claims, family, said)
        case _ if said.name in INERT:
            return
        case _:
            _other(claims, said)


_ADDRESS: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+\.?(?::\d+)?(?:[/?#].*)?", re.DOTALL)


def _fetched(claims: Claims, said: Said) -> None:
    """What `curl` takes for a URL though no scheme stands before it, and what it is told to connect to instead."""
    for one in said.words:
        value = value_of(claims, one)
        if value is None or "://" in value or len(value) > _LONGEST:
            continue
        if _ADDRESS.fullmatch(value):
            places.url(claims, f"http://{value}", value)
            places.url(claims, f"https://{value}", value)
        elif value.casefold().startswith("host:"):
            places.host(claims, value[5:].strip(), value)
        elif value.count(":") > 1:  # `--connect-to NAME:PORT:NAME:PORT`
            for part in value.split(":")[:8]:
                places.host(claims, part, value)


_LONGEST: Final = 4_096


def _folder(claims: Claims, said: Said) -> None:
    named = [one for one in said.words if not one.text.startswith("-")]
    value = value_of(claims, named[0]) if named else "~"
    if value is None:
        for kind in ("paths", "branches", "workspaces"):
            claims.around.pop(kind, None)
        claims.doubt(("paths",), "the folder is known only when it runs", only_declared=True)
        return
    places.path(claims, value)
    claims.around.pop("branches", None)  # another folder may be another repository
    claims.around.pop("workspaces", None)
    inside = claims.around.get("paths", "")
    claims.around["paths"] = value if value.startswith(("/", "~")) or not inside else f"{inside}/{value}"


def _remote(claims: Claims, word: Word) -> None:
    value = value_of(claims, word)
    if value is None:
        claims.doubt(("hosts",), f"{word.text} is known only when it runs")
        return
    found = re.fullmatch(r"(?:[\w.+-]+@)?(\[[0-9a-fA-F:]+\]|[\w][\w.-]*):(.*)", value, re.DOTALL)
    if places.url(claims, value) or found is None or value.startswith("-"):
        places.word(claims, value)
        return
    places.host(claims, found[1], value)
    places.path(claims, found[2].removeprefix(":") or "/", value)


def _other(claims: Claims, said: Said) -> None:
    """A program of which nothing special is known: URLs, paths, and for what runs tasks the words themselves."""
    for one in said.words:
        value = value_of(claims, one)
        if value is None:
            continue
        if said.name in INTERPRETERS and (" " in value or "\n" in value or "(" in value):
            places.mentioned(claims, value)
        places.word(claims, value)
    if said.body and said.name in INTERPRETERS:
        places.mentioned(claims, said.body)
    if (
        said.name in RUNS_TASKS
        or "/" in said.program
        or said.program.endswith((".sh", ".py", ".rb", ".js", ".ts"))
    ):
        _task(claims, said)
    elif said.name not in _STAYS:
        options_of(claims, _STAGED, said)


_STAGED: Final = Family(
    names=frozenset(),
    options={"--env": "names", "--environment": "names", "--stage": "names", "--target-env": "names"},
)


_REACHING: Final = re.compile(
    r"(?:[\w.-]+[:-])?(?:db|database|migrat\w*|deploy\w*|release|publish|rollback|seed|promote|provision)(?:[:-].*)?",
    re.I,
)
"""Names of tasks that reach beyond the machine, wherever their settings lead."""


def _task(claims: Claims, said: Said) -> None:
    """`./deploy.sh production`, `make deploy ENV=prod`: a word of its own, or what a word sets."""
    before = len(claims.found)
    for one in said.words:
        value = value_of(claims, one)
        if value is None:
            continue
        name, sign, set_to = value.lstrip("-").partition("=")
        if sign:
            variable(claims, name, set_to)
            if name.casefold() in ("env", "environment", "stage", "target", "profile"):
                claims.say("names", set_to, value)
        for part in re.split(r"[:/,]", value.lstrip("-"))[:16]:
            claims.say("names", part, value)
        claims.say("names", value.rpartition("-")[2], value)
    if said.name in RUNS_TASKS and any(_REACHING.fullmatch(one.text) for one in said.words):
        given = any(VARIABLES.get(name) in ("urls", "hosts") for name in claims.variables)
        stages = given or any(one.kind == "variables" for one in claims.found[before:]) or len(said.words) > 2
        told: frozenset[Kind] = frozenset({"hosts", "databases", "accounts", "names"} if stages else ())
        claims.doubt(
            ("hosts", "databases", "accounts", "names"), f"{said.name} goes where its own settings say", told
        )
