"""Options and operands of one program: what they name, run, load, send, and where that leads."""

from __future__ import annotations

import re

import msgspec

from standwatch.enforce.idioms import code, places, signs, urls
from standwatch.enforce.idioms.line import Word
from standwatch.enforce.idioms.programs import SHELLS, known
from standwatch.enforce.idioms.reading import Carried
from standwatch.enforce.idioms.table import Program
from standwatch.enforce.idioms.tracks import Tracks


class Call(msgspec.Struct, frozen=True):
    """One program with its arguments. `operands`: places of those that are no options; the first `used` of them are its
    subcommands."""

    name: str
    program: Program
    rest: list[Word]
    said: list[str]
    operands: list[int]
    used: int
    depth: int

    @property
    def free(self) -> list[int]:
        """Places of the operands behind the subcommands."""
        return self.operands[self.used :]


class Operands(Tracks):
    """Reads the words behind a program."""

    def _carries(self, call: Call) -> None:
        """URLs, hosts and packages: what decides where something goes, and what comes in."""
        notes, program, said = self._notes, call.program, call.said
        if (program.has("net") or any("://" in one for one in said)) and any(
            "$(" in one or "`" in one for one in said if not one.startswith("-")
        ):
            notes.doubt("network", "an address, or what is sent there, is made of what a command says")
        for one in said:
            if "://" in one:
                for url in re.findall(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>)]+", one)[:8]:
                    notes.note("carried", Carried("url", url))
                    if host := urls.host(url)[1]:
                        notes.note("hosts", host)
                        if host not in ("localhost", "127.0.0.1", "::1"):
                            notes.network = True
        if program.has("net"):
            for one in said:
                if re.fullmatch(r"(?:[\w.-]+@)?[\w-]+(?:\.[\w-]+)+(?::\S*)?", one) and not one.startswith(
                    "-"
                ):
                    host = one.rpartition("@")[2].partition(":")[0]
                    notes.note("carried", Carried("host", host))
                    notes.note("hosts", host)
        if program.has("fetches"):
            for at in call.free:
                notes.note("carried", Carried("package", said[at]))

    def _options(self, call: Call) -> None:
        """Values of options that are programs, command lines, code to load, or what is sent."""
        name, program, rest, depth = call.name, call.program, call.rest, call.depth
        for at, word in enumerate(rest):
            text = word.text
            if not text.startswith(("-", "+")):
                continue
            option, equals, value = text.partition("=")
            short = text[:2] if len(text) > 2 and not text.startswith("--") else ""
            behind = rest[at + 1].text if at + 1 < len(rest) else ""
            if equals and option in ("-" + "", "--"):
                continue
            given = value if equals else behind
            if program.option("looks", option):
                self._notes.does("irreversible")
                self._notes.doubt("runs", f"{name} {option} reaches further than a file")
            if program.option("reads", option):
                self._path(given, "read")
            if program.option("code", option) or (short and program.option("code", short) and not equals):
                inline = given if program.option("code", option) else text[2:]
                self._code(inline, depth)
                self._program(inline, depth)
                if name in signs.EDITORS and signs.SCREENS.match(inline):
                    self._notes.doubt("opens", "an editor that runs something")
                if inline and not re.search(r"\w", inline):
                    self._notes.doubt("runs", "a program that is not understood")
            elif program.option("runs", option) or (short and program.option("runs", short) and not equals):
                inline = given if program.option("runs", option) else text[2:].removeprefix("=")
                self._line(inline, depth, waits=True)
            elif program.option("loads", option):
                self._path(given, "run")
                if re.search(r"\.(?:so|dylib|dll)(?:\.\d+)*$", given) or "/" in given:
                    self._notes.doubt("runs", f"{name} loads code: {given[:120]}")
            elif program.option("sends", option) or (short and program.option("sends", short)):
                self._notes.does("irreversible")
                self._notes.network = True
                if not self._at_home(rest):
                    self._notes.doubt("network", f"{name} sends something out")
            elif (
                signs.HINTS.fullmatch(option)
                and given
                and not given.startswith("-")
                and name not in signs.SPEAKS
            ):
                self._hinted(given, depth)

    def _hinted(self, value: str, depth: int) -> None:
        """The value of an option that by its name may run something, of a program that need not be known."""
        if code.shells(value) or known(value.split(maxsplit=1)[0] if value.split() else "") in SHELLS:
            self._notes.doubt("opens", "an option starts a shell")
        if re.search(r"\.(?:so|dylib|dll)(?:\.\d+)*$", value):
            self._notes.doubt("runs", f"code is loaded: {value[:120]}")
        for one in code.paths(value):
            self._path(one, "run")

    def _line(self, text: str, depth: int, *, waits: bool = False) -> None:
        """A command line that a program is told to run."""
        self._notes.does("write")
        if text.strip():
            self.script(text, depth + 1)

    def _at_home(self, rest: list[Word]) -> bool:
        """Whether everything that it is told to reach is this machine."""
        hosts = [
            urls.host(one.text if "://" in one.text else f"http://{one.text}")[1]
            for one in rest
            if "://" in one.text or one.text.startswith(("localhost", "127."))
        ]
        return bool(hosts) and all(map(urls.loopback, hosts))

    def _operands(self, call: Call) -> None:
        """Paths, programs and shells among the words."""
        name, program, rest, depth = call.name, call.program, call.rest, call.depth
        operands, used = call.operands, call.used
        if program.has("text") or name in ("ssh",):
            return
        skipped = set(operands[:used])
        if program.has("wrap"):
            first = operands[used + program.skip] if len(operands) > used + program.skip else len(rest)
            rest = rest[:first]  # what it runs is read for itself
        firsts = (
            {operands[used]}
            if program.has("pattern")
            and len(operands) > used
            and not any(one.text in ("-e", "-f") for one in rest)
            else set[int]()
        )
        coded = (
            {operands[used]}
            if program.has("code")
            and len(operands) > used
            and not any(one.text.startswith("-f") for one in rest)
            else set[int]()
        )
        if name in ("sed", "gsed") and not any(
            one.text.startswith(("-e", "-f", "--expression", "--file")) for one in rest
        ):
            coded = {operands[0]} if operands else set[int]()
        use = "names" if program.has("names") else "read" if program.effect == "read" else "write"
        for at, word in enumerate(rest):
            if at in skipped or at in firsts:
                continue
            before = rest[at - 1].text if at else ""
            if name in signs.SPEAKS and (before in signs.PROSE or word.text.partition("=")[0] in signs.PROSE):
                continue
            if at in coded or (name in ("sed", "gsed") and before in ("-e", "--expression")):
                self._program(word.text, depth, bare=False)
                if name in ("sed", "gsed"):
                    if re.search(r"(?:^|[;{}\n/\d$])\s*e\s*$", word.text):
                        self._notes.doubt("runs", "sed that runs what it reads")
                    for found in re.finditer(r"(?:^|[\s;{}/\dI])[rRwW]\s*((?:/|~|\.\.)[^\s;}]+)", word.text):
                        self._path(found[1], "write")
                continue
            self._operand(call, word, use)

    def _operand(self, call: Call, word: Word, use: str) -> None:
        name, program, depth, text = call.name, call.program, call.depth, word.text
        if code.shells(text) and name not in (
            "ls",
            "file",
            "stat",
            "chsh",
            "readlink",
            "which",
            "grep",
            "test",
            "[",
        ):
            self._notes.doubt("opens", f"{name} starts a shell")
        if program.has("away") or self._away:
            self._mounted(name, text)
            return
        value = text
        if text.startswith("-"):
            _, equals, tail = text.partition("=")
            value = tail if equals else text[2:] if re.match(r"-[A-Za-z][/~.]", text) else ""
        elif re.match(r"[\w-]+=", text):
            value = text.partition("=")[2]
        value = value.lstrip("@")
        if "://" in value and not value.startswith("file://"):
            return
        if value and places.is_path(value):
            self._path(value, use)
        elif ":" in value and re.match(r"[\w.@-]*:[/~]", value) and not re.match(r"[\w.@-]+:/", value):
            self._path(value.partition(":")[2], use)
        if (word.quoted and signs.CODE.search(text)) or "(" in text:
            self._program(text, depth)
        if text.startswith("!") and len(text) > 1:
            self._notes.doubt("opens", f"{name} is told to run a command")


def places_of(said: list[str], values: frozenset[str]) -> list[int]:
    """Places of the words that are neither options nor the values of `values`."""
    found: list[int] = []
    at = 0
    while at < len(said):
        one = said[at]
        if one == "--":
            found += range(at + 1, len(said))
            break
        if one.startswith("-") and len(one) > 1:
            at += 2 if one in values else 1
            continue
        found.append(at)
        at += 1
    return found


def has_script(words: list[Word]) -> bool:
    """Whether a shell or an interpreter is given a script of its own, so that its input is only data."""
    return any(not one.text.startswith("-") for one in words[1:]) or any(
        one.text in ("-c", "-e", "-m", "--eval", "-r", "-p") or one.text[:2] in ("-e", "-c")
        for one in words[1:]
    )
