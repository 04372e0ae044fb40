"""What is dangerous about one program with its arguments, wherever it runs: files, rights, scripts in the arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from standwatch.enforce.idioms import clouds, paths, sql, urls
from standwatch.enforce.idioms.dangers import own
from standwatch.enforce.idioms.git import danger as git_danger
from standwatch.enforce.idioms.line import Word
from standwatch.enforce.idioms.listed import listed
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

_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FOLDER: Final = re.compile(r"(?:\$\{?[A-Za-z_]+\}?|~)/[\w./@+-]+")
_CARRIED: Final = listed(
    "rm git dd mkfs chmod chown cat dropdb dropuser crontab shutdown reboot find curl wget psql mysql"
)
_NAMES: Final = listed("ls stat test [ file basename dirname cd mkdir touch readlink realpath")
_SCRIPTED: Final = listed("eval ssh su watch script parallel trap xargs runuser")
_DATA: Final = listed("curl wget psql mysql jq http xh sqlite3")
DEEPEST: Final = 6
_UNKNOWN: Final = "what runs is known only when it runs"


class Inside:
    """How what stands inside the arguments is read on: `script` a command line, `code` a program; `spend` counts."""

    def __init__(
        self, script: Callable[[str], None], code: Callable[[str], None], spend: Callable[[int], None]
    ) -> None:
        self.script, self.code, self.spend = script, code, spend


def harms(name: str, rest: list[Word], inside: Inside, depth: int) -> Iterator[str]:
    """Why a person should look at `name rest…`; what stands inside goes to `inside`."""
    inside.spend(len(rest) + 1)
    said = [one.text for one in rest]
    if name in RIGHTS:
        yield f"{name} acts with other rights"
        return
    if name in INERT:
        yield from _inert(name, said)
        return
    if name == "git":
        yield from git_danger(said, inside.script)
        return
    yield from _why(own(name, said))
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
    yield from _scripts(name, rest, inside)
    if name in WRAPPERS or name in SHELLS or name in RUNNERS:
        yield from _suffixes(rest, inside, depth)
    elif name not in PACKAGES and any(
        known(one.text) in RIGHTS and not one.quoted and not (place and said[place - 1].startswith("-"))
        for place, one in enumerate(rest)
    ):
        yield "a command that runs another with other rights"


def _why(found: str) -> list[str]:
    return [found] if found else []


def _inert(name: str, said: list[str]) -> Iterator[str]:
    if name in ("grep", "egrep", "fgrep", "rg", "ag"):
        named = [one for one in said if not one.startswith("-")][1:]
        for one in named:
            if not one.endswith("/"):
                yield from _why(paths.reading(one))


def _suffixes(rest: list[Word], inside: Inside, depth: int) -> Iterator[str]:
    """What a wrapper may run: every place at which a command could begin."""
    for place, one in enumerate(rest):
        name = known(one.text)
        if one.text.startswith("-") or _NAMED.match(one.text):
            continue
        if one.expands and not one.quoted and not _FOLDER.fullmatch(one.text):
            yield _UNKNOWN
        if name in RIGHTS or name in SHELLS or clouds.knows(name) or name in _CARRIED:
            if depth < DEEPEST:
                yield from harms(name, rest[place + 1 :], inside, depth + 1)
            return


def _scripts(name: str, rest: list[Word], inside: Inside) -> Iterator[str]:
    """Command lines in the arguments: of shells whole, of interpreters what their code runs."""
    said = [one.text for one in rest]
    if name in SHELLS or name in _SCRIPTED:
        shells = name == "xargs" and any(known(word) in SHELLS for word in said)
        for place, one in enumerate(rest):
            flagged = place and re.fullmatch(r"-\w*c", said[place - 1])
            if shells and ("{}" in one.text or one.text == "-c" == said[-1]):
                yield "a script made of its input"
            if (flagged or (one.quoted and not one.text.startswith("-"))) and one.text.strip():
                if one.expands and one.text.strip().startswith(("$", "`")):
                    yield _UNKNOWN
                inside.script(one.text)
            elif match := re.fullmatch(r"-\w*c(.*\s.*)", one.text, re.DOTALL):
                inside.script(match[1])
    elif name in INTERPRETERS or name in EDITS:
        for one in rest:
            inside.code(one.text)
            if name in EDITS:
                yield from _editor(name, one.text)
    elif name not in _DATA:
        for one in rest:
            if one.quoted and " " in one.text and len(one.text) < 4_000:
                first = known((one.text.split() or [""])[0])
                if first in RIGHTS or first in SHELLS or first == "rm":
                    inside.script(one.text)


def _editor(name: str, text: str) -> Iterator[str]:
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
    if name in _NAMES:
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
            yield from _why(paths.writing(text))
        if name in ("chmod", "chown", "setfacl", "ln"):
            yield from _why(paths.writing(text))
