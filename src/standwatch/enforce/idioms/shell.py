"""Command lines that destroy, reveal, raise rights, hide, or run what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from standwatch.enforce.idioms import clouds, paths, sql, urls
from standwatch.enforce.idioms.listed import linear, listed
from standwatch.enforce.idioms.programs import (
    DATABASES,
    EDITS,
    FETCHES,
    INERT,
    INTERPRETERS,
    PACKAGES,
    RIGHTS,
    RUNNERS,
    SHELLS,
    WRAPPERS,
    WRITES_LAST,
    known,
)
from standwatch.enforce.idioms.shell_words import Command, Reader, UnreadableError, Word

DEEPEST: Final = 6
"""Command lines inside command lines that are read."""
_KEYWORDS: Final = listed("if then else elif fi do done while until for in case esac { } ! time function")
_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FOLDER: Final = re.compile(r"\$\{?[A-Za-z_]+\}?/[\w./@+-]+")
_LITERAL: Final = re.compile(r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`]*)`)""")
_RUNS: Final = linear(
    r"\b(?:system|exec\w*|popen|spawn\w*|subprocess|check_output|shell_exec|passthru|qx|Open3|run)\b|\|\s*getline"
)
_LOUD: Final = linear(
    r"\b(?:rmtree|removedirs|unlinkSync|rmSync|rmdirSync|rm_rf|socket\.socket|pty\.spawn|fsockopen|TCPSocket|/dev/tcp)\b"
)

_SETTINGS: Final = listed(
    "ld_preload ld_library_path git_ssh git_ssh_command git_pager pager editor git_external_diff git_askpass "
    "git_editor prompt_command bash_env pythonstartup node_options perl5opt rubyopt git_proxy_command lessopen "
    "dyld_insert_libraries"
)


def danger(text: str) -> str:
    """Why a person should look at the command line `text`; "" for no reason."""
    return next(_dangers(text, 0), "")


def _dangers(text: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        yield "command lines inside each other, deeper than is read"
        return
    try:
        read = Reader(text).read()
    except UnreadableError as error:
        if not depth:
            yield f"it cannot be read as a command line: {error}"
        return
    before: Command | None = None
    for one in read.commands:
        yield from _command(one, before if one.after else None, depth)
        before = one
    for inner in read.inner:
        yield from _dangers(inner, depth + 1)
        yield from _code(inner, depth)
    for owner, body in read.bodies:
        words = read.commands[owner].words if owner < len(read.commands) else ()
        yield from _body({known(one.text) for one in words}, body, depth)


def _body(owners: set[str], body: str, depth: int) -> Iterator[str]:
    """A here-document: a script for a shell, a program for an interpreter, else a text with substitutions in it."""
    if owners & (SHELLS | RIGHTS | {"ssh"}):
        yield from _dangers(body, depth + 1)
    if owners & INTERPRETERS:
        yield from _code(body, depth)
    for found in re.finditer(r"\$\(([^()]*)\)|`([^`]*)`", body):
        yield from _dangers(found[1] or found[2] or "", depth + 1)


def _command(command: Command, before: Command | None, depth: int) -> Iterator[str]:
    words = list(command.words)
    yield from _redirected(command)
    while words and (words[0].text in _KEYWORDS or _NAMED.match(words[0].text)) and not words[0].quoted:
        yield from _assigned(words.pop(0), depth)
    if not words:
        return
    head = words[0]
    if head.expands and not _FOLDER.fullmatch(head.text):
        yield "what runs is known only when it runs"
        return
    name = known(head.text)
    piped = known(before.words[0].text) if before is not None and before.words else ""
    if before is not None and (name in SHELLS or name in INTERPRETERS) and not _given(words):
        fetched = (
            piped in FETCHES
            or name in INTERPRETERS
            or piped
            in (
                "base64",
                "xxd",
                "openssl",
                "gunzip",
                "zcat",
                "nc",
                "ncat",
                "rev",
                "tr",
            )
        )
        yield from ["what was fetched or hidden is run"] if fetched or name in SHELLS else []
    for one in command.redirects:
        if one.op == "<<<" and (name in SHELLS or name in INTERPRETERS):
            yield from _dangers(one.target.text, depth + 1)
            yield from _code(one.target.text, depth)
    yield from _named(name, words[1:], depth)


def _given(words: list[Word]) -> bool:
    """Whether a shell or an interpreter is given a script of its own, so that its input is only data."""
    return any(not one.text.startswith("-") for one in words[1:]) or any(
        one.text in ("-c", "-e", "-m", "--eval", "-r", "-p") or one.text[:2] in ("-e", "-c")
        for one in words[1:]
    )


def _redirected(command: Command) -> Iterator[str]:
    for one in command.redirects:
        target = one.target.text
        if target.startswith(("/dev/tcp/", "/dev/udp/")):
            yield "it talks to the network through the shell"
        if one.op in ("<", "<>"):
            yield from _why(paths.reading(target))
        elif one.op.startswith((">", "&>")) and not target.isdigit():
            yield from _why(paths.writing(target))
            if target.startswith(("/dev/sd", "/dev/nvme", "/dev/mem", "/dev/disk")):
                yield "it writes over a device"


def _assigned(word: Word, depth: int) -> Iterator[str]:
    name, _, value = word.text.partition("=")
    if (
        name.casefold() in _SETTINGS
        and value
        and value not in ("cat", "true", "vi", "vim", "nano", "less", "more")
    ):
        yield f"{name} makes other programs run something"
    if name.startswith("HIST") and name in (
        "HISTFILE",
        "HISTSIZE",
        "HISTFILESIZE",
        "HISTCONTROL",
        "HISTIGNORE",
    ):
        yield "it switches off the shell's history"


def _why(found: str) -> list[str]:
    return [found] if found else []


# --- one program -------------------------------------------------------------------------------------------------


def _named(name: str, rest: list[Word], depth: int) -> Iterator[str]:
    said = [one.text for one in rest]
    if name in RIGHTS:
        yield f"{name} acts with other rights"
        return
    if name in INERT:
        yield from _inert(name, said)
        return
    if name == "git":
        from standwatch.enforce.idioms.git import danger as git_danger

        yield from git_danger(said, lambda text: next(_dangers(text, depth + 1), ""))
        return
    yield from _why(_own(name, said))
    if clouds.knows(name):
        yield from _why(clouds.danger(name, said))
    if name in DATABASES:
        for one in rest:
            if one.quoted and " " in one.text:
                yield from _why(sql.danger(one.text))
    for one in said:
        if clouds.mutates(one):
            yield "a mutation that deletes"
    yield from _files(name, said)
    yield from _scripts(name, rest, depth)
    if name in WRAPPERS or name in SHELLS or name in RUNNERS:
        yield from _suffixes(rest, depth)
    elif name not in PACKAGES and any(
        known(one.text) in RIGHTS and not one.quoted and not (place and said[place - 1].startswith("-"))
        for place, one in enumerate(rest)
    ):
        yield "a command that runs another with other rights"


def _inert(name: str, said: list[str]) -> Iterator[str]:
    if name in ("grep", "egrep", "fgrep", "rg", "ag"):
        named = [one for one in said if not one.startswith("-")][1:]
        for one in named:
            if not one.endswith("/"):
                yield from _why(paths.reading(one))


_CARRIED: Final = listed(
    "rm git dd mkfs chmod chown cat dropdb dropuser crontab shutdown reboot find curl wget psql mysql"
)


def _suffixes(rest: list[Word], depth: int) -> Iterator[str]:
    """What a wrapper may run: every place at which a command could begin."""
    for place, one in enumerate(rest):
        name = known(one.text)
        if one.text.startswith("-") or _NAMED.match(one.text):
            continue
        if one.expands and not one.quoted and not _FOLDER.fullmatch(one.text):
            yield "what runs is known only when it runs"
        if name in RIGHTS or name in SHELLS or clouds.knows(name) or name in _CARRIED:
            yield from _named(name, rest[place + 1 :], depth + 1)
            return


def _scripts(name: str, rest: list[Word], depth: int) -> Iterator[str]:
    """Command lines in the arguments: of shells whole, of interpreters what their code runs."""
    said = [one.text for one in rest]
    if name in SHELLS or name in (
        "eval",
        "ssh",
        "su",
        "watch",
        "script",
        "parallel",
        "trap",
        "xargs",
        "runuser",
    ):
        for place, one in enumerate(rest):
            flagged = place and re.fullmatch(r"-\w*c", said[place - 1])
            if (
                name == "xargs"
                and ("{}" in one.text or one.text == "-c" == said[-1])
                and any(map(_is_shell, said))
            ):
                yield "a script made of its input"
            if (flagged or (one.quoted and not one.text.startswith("-"))) and one.text.strip():
                if one.expands and one.text.strip().startswith(("$", "`")):
                    yield "what runs is known only when it runs"
                yield from _dangers(one.text, depth + 1)
            elif match := re.fullmatch(r"-\w*c(.*\s.*)", one.text, re.DOTALL):
                yield from _dangers(match[1], depth + 1)
    elif name in INTERPRETERS or name in EDITS:
        for one in rest:
            yield from _code(one.text, depth)
            if name in EDITS:
                yield from _editor(name, one.text, depth)
    elif name not in ("curl", "wget", "psql", "mysql", "jq", "http", "xh", "sqlite3"):
        for one in rest:
            if one.quoted and " " in one.text and len(one.text) < 4_000:
                first = known(one.text.split()[0])
                if first in RIGHTS or first in SHELLS or first == "rm":
                    yield from _dangers(one.text, depth + 1)


def _code(text: str, depth: int) -> Iterator[str]:
    """What a program's own text runs, removes, or asks of the network."""
    if _RUNS(text) or "`" in text:
        for found in _LITERAL.finditer(text):
            yield from _dangers(next(part for part in found.groups() if part is not None), depth + 1)
    if _LOUD(text):
        yield "code that removes whole folders or talks to the network"
    if any(urls.metadata(one) for one in re.findall(r"https?://[^\s'\"<>)]+", text)):
        yield "a cloud's metadata service"


def _is_shell(word: str) -> bool:
    return known(word) in SHELLS


def _editor(name: str, text: str, depth: int) -> Iterator[str]:
    if name in ("vim", "vi", "nvim", "ex", "ed", "view", "emacs", "less", "man"):
        if (found := re.match(r"\+?:?\s*(?:[\d,%$.]*)!(.+)", text, re.DOTALL)) or "system(" in text:
            yield "an editor that runs a command" if found else "an editor that runs code"
    elif (
        name in ("sed", "gsed")
        and re.search(r"(?:^|[;{}\n]|^\d+|[\d$/])\s*e\s+\S|/[gpimI\d]*e[gpimI\d]*(?:$|;)", text)
        and not re.fullmatch(r"-\w+", text)
    ):
        yield "sed that runs a command"


def _files(name: str, said: list[str]) -> Iterator[str]:
    """Paths among the arguments: read, or written where the program writes there."""
    if name in (
        "ls",
        "stat",
        "test",
        "[",
        "file",
        "basename",
        "dirname",
        "cd",
        "mkdir",
        "touch",
        "readlink",
        "realpath",
    ):
        return
    deletes = name in ("rm", "shred", "unlink", "truncate", "srm", "rmdir") or "-delete" in said
    in_place = name in ("sed", "gsed", "perl") and any(re.match(r"--in-place|-\w*i", one) for one in said)
    final = max((n for n, one in enumerate(said) if not one.startswith("-")), default=-1)
    for place, one in enumerate(said):
        text = one.partition("=")[2] if one.startswith(("--", "of=", "if=", "dest=")) else one.lstrip("@")
        if text.startswith("-") and not one.startswith("@"):
            continue
        yield from _why(paths.reading(text.removeprefix("@")))
        if name in FETCHES and urls.metadata((text if "://" in text else f"http://{text}").partition("$")[0]):
            yield "a cloud's metadata service"
        if one.startswith("of="):
            yield from _why(paths.writing(text))
            if text.startswith("/dev/") and text != "/dev/null":
                yield "it writes over a device"
        if name in WRITES_LAST and (
            one.startswith("--target-directory=") or (place and said[place - 1] == "-t")
        ):
            yield from _why(paths.writing(text.rstrip("/") + "/"))
        last = place == final
        if (name in WRITES_LAST and last) or deletes or in_place or name in ("tee", "chattr"):
            yield from _why(paths.writing(text))
        if name == "mv":
            yield from _why(paths.removing_accounts(text))
        if name in ("chmod", "chown", "setfacl", "ln"):
            yield from _why(paths.writing(text))


# --- what single programs do -----------------------------------------------------------------------------------------


def _own(name: str, said: list[str]) -> str:
    from standwatch.enforce.idioms.dangers import own

    return own(name, said)
