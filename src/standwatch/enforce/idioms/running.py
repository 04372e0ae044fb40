"""The commands of one line, each for what it does and runs: wrappers, shells and interpreters are seen through."""

from __future__ import annotations

import re

from standwatch.enforce.idioms import code, paths, places, signs, sql
from standwatch.enforce.idioms.files import Inside, harms
from standwatch.enforce.idioms.line import Command, Line, Word
from standwatch.enforce.idioms.operands import Call, Operands, has_script, places_of
from standwatch.enforce.idioms.parsing import parse
from standwatch.enforce.idioms.programs import DATABASES, FETCHES, INTERPRETERS, RIGHTS, SHELLS, known
from standwatch.enforce.idioms.reading import Notes
from standwatch.enforce.idioms.settings import assigned
from standwatch.enforce.idioms.table import look_up
from standwatch.enforce.idioms.tracks import DEEPEST
from standwatch.enforce.idioms.verbs import effect_of


class Runner(Operands):
    """Reads command lines into `notes`; `ground` is where they run."""

    def __init__(self, notes: Notes, ground: places.Ground) -> None:
        super().__init__(notes, ground)
        self._own: set[str] = set()
        """Functions and aliases that the line defines: their bodies are read where they stand."""
        self._fetched: set[str] = set()
        """Files into which the line has fetched something."""
        self._made: dict[str, str] = {}
        """Files that the line has written, and the text in them."""

    def script(self, text: str, depth: int) -> None:
        """A whole command line, or one inside another."""
        notes = self._notes
        if depth > DEEPEST:
            notes.understood = False
            notes.doubt("harm", "command lines inside each other, deeper than is read")
            return
        notes.spend(1 + len(text) // 32)
        line = parse(text)
        if line.unread and not depth:
            notes.understood = False
            notes.doubt("unread", line.unread)
        elif line.unread:
            notes.doubt("runs", f"what it runs inside: {line.unread}")
        self._own |= line.functions
        if any(not re.search(r"\w", one) for one in line.functions):
            notes.doubt("runs", "a function whose name says nothing")
        for place, one in enumerate(line.commands):
            self._command(line, place, one, depth)
        if len(line.commands) > 1:
            self._written(line)

    def _written(self, line: Line) -> None:
        """Text that names a shell, written and then run by what comes behind."""
        names = [known(one.words[0].text) if one.words else "" for one in line.commands]
        if all(name in signs.EVERYDAY for name in names):
            return
        for one, name in zip(line.commands, names, strict=True):
            said = [word.text for word in one.words[1:]] if name in ("echo", "printf") else []
            said += [found.target.text for found in one.redirects if found.op == "<<"]
            if any(map(code.shells, said)) or any("load_module" in text for text in said):
                self._notes.doubt("runs", "it writes down what starts a shell, and runs it")

    def _command(self, line: Line, place: int, command: Command, depth: int) -> None:
        words = [word for word in command.words if word.text or word.quoted]
        self._redirected(command, known(words[0].text) if words else "")
        for one in (
            *words,
            *(value for _, value in command.assigned),
            *(to.target for to in command.redirects),
        ):
            self._evaluated(one, depth)
        for name, value in command.assigned:
            self._assigned(name, value, bool(words), depth)
        while words and not words[0].quoted and words[0].text in signs.KEYWORDS:
            words.pop(0)
        while words and not words[0].quoted and signs.NAMED.match(words[0].text):
            name, _, value = words.pop(0).text.partition("=")
            self._assigned(name, Word(value), bool(words), depth)
        if not words:
            return
        head = words[0]
        if head.expands and not signs.FOLDER.fullmatch(head.text):
            self._notes.does("irreversible")
            self._notes.doubt("harm", signs.UNKNOWN)
            return
        if not head.quoted and head.text in self._own:
            for one in words[1:]:  # what the body does with them is not known
                self._notes.doubt("harm", paths.reading(one.text))
                self._path(one.text, "write")
            return
        if place and not head.quoted and head.text not in signs.COMMANDS and signs.TYPED.match(head.text):
            self._notes.doubt(
                "runs", f"a line that is no command: {head.text[:40]!r} is typed into what runs before it"
            )
        name = known(head.text)
        fed = line.commands[command.fed] if command.fed >= 0 else None
        if fed is not None:
            self._fed(name, fed, words, depth)
        for one in command.redirects:
            if one.op == "<<<" and (name in SHELLS or name in INTERPRETERS):
                self.script(one.target.text, depth + 1)
                self._code(one.target.text, depth)
            if one.op in ("<<", "<<<") and name in DATABASES:
                self._notes.doubt("harm", sql.danger(one.target.text))
            if one.op == "<<<" and look_up(name, [])[0].has("input"):
                for part in one.target.text.split():
                    self._path(part, "write")
            if one.op == "<<":
                self._document(name, words, one.target.text, depth)
        self._makes(name, words, command, fed)
        given = fed is not None or any(one.op in ("<", "<<", "<<<") for one in command.redirects)
        self._run(words, depth, given=given)

    def _fed(self, name: str, fed: Command, words: list[Word], depth: int) -> None:
        """What comes through a pipe: a script for a shell, names for what takes names."""
        piped = known(fed.words[0].text) if fed.words else ""
        if (name in SHELLS or name in INTERPRETERS) and not has_script(words):
            if piped in FETCHES or name in INTERPRETERS or piped in signs.DECODES or name in SHELLS:
                self._notes.doubt("harm", "what was fetched or hidden is run")
            self._notes.does("irreversible")
        if name in DATABASES and piped in ("echo", "printf"):
            for word in fed.words[1:]:
                self._notes.doubt("harm", sql.danger(word.text))
        program, _ = look_up(name, [])
        names = program.has("input") or "-T" in [word.text for word in words]
        if names and piped in ("echo", "printf", "find", "ls", "cat"):
            for word in fed.words[1:]:
                for one in (word.text, *word.text.split()) if " " in word.text else (word.text,):
                    self._path(one, "read")

    def _makes(self, name: str, words: list[Word], command: Command, fed: Command | None) -> None:
        """What the line writes into a file, where its text stands in the line."""
        said = [one.text for one in words[1:]] if name in ("echo", "printf") else []
        targets = [one.target.text for one in command.redirects if one.op in (">", ">>", ">|", "&>", "&>>")]
        if name == "tee":
            targets += [one.text for one in words[1:]]
            said = [one.text for one in fed.words[1:]] if fed is not None else []
        if name in ("cat", "tee"):
            said += [one.target.text for one in command.redirects if one.op in ("<<", "<<<")]
        for one in targets if said else ():
            key = places.normal(one)
            self._made[key] = f"{self._made.get(key, '')}\n{' '.join(said)}"

    def _document(self, name: str, words: list[Word], body: str, depth: int) -> None:
        """A here-document: a script for a shell, a program for an interpreter, else a text."""
        owners = {known(one.text) for one in words}
        if owners & (SHELLS | RIGHTS | {"ssh"}):
            self.script(body, depth + 1)
        if owners & INTERPRETERS:
            self._code(body, depth)
            self._program(body, depth)

    def _redirected(self, command: Command, name: str) -> None:
        notes = self._notes
        for one in command.redirects:
            target = one.target.text
            if one.op in ("<<", "<<<"):
                continue
            if target.startswith(("/dev/tcp/", "/dev/udp/")):
                notes.network = True
                notes.doubt("harm", "it talks to the network through the shell")
            elif one.op in ("<", "<>", "<&"):
                notes.doubt("harm", paths.reading(target))
                if not target.isdigit():
                    self._path(target, "read")
            elif not target.isdigit() and target != "-":
                notes.doubt("harm", paths.writing(target))
                if target.startswith(("/dev/sd", "/dev/nvme", "/dev/mem", "/dev/disk")):
                    notes.doubt("harm", "it writes over a device")
                if not target.startswith("/dev/"):
                    notes.does("write")
                self._path(target, "write")
                if name in FETCHES:
                    self._fetched.add(places.normal(target))

    def _evaluated(self, word: Word, depth: int) -> None:
        """Text that arithmetic runs, though it was quoted: a subscript is expanded wherever a number is wanted."""
        if word.quoted and "[" in word.text and signs.SUBSCRIPT.search(word.text):
            self.script(word.text[word.text.index("[") + 1 :].partition("]")[0], depth + 1)

    def _assigned(self, name: str, value: Word, before: bool, depth: int) -> None:
        for kind, why in assigned(name, value.text):
            self._notes.doubt(kind, why)
        if value.quoted and not value.expands and ("$(" in value.text or "`" in value.text):
            self.script(value.text, depth + 1)  # `${x@P}`, `PS4` and arithmetic expand a value once more
        if code.shells(value.text):
            self._notes.doubt("opens", f"{name} names a shell for other programs to start")
        if before and value.text:
            self._path(value.text, "run")
            if " " in value.text:
                for one in code.paths(value.text):
                    self._path(one, "run")

    def _run(self, words: list[Word], depth: int, *, given: bool = False) -> None:
        """`words`: a program and its arguments. `given`: it has an input."""
        notes = self._notes
        head, rest = words[0], words[1:]
        notes.spend(len(words))
        name = known(head.text)
        said = [one.text for one in rest]
        notes.note("programs", name)
        if "/" in head.text and not places.installed(head.text):
            self._path(head.text, "run")
        helps = said in (["--help"], ["-h"], ["--version"], ["-V"], ["-v"], ["version"]) or "--help" in said
        self._harm(name, rest, depth)
        self._given(name, head, rest, depth)
        operands = places_of(said, look_up(name, [])[0].options.get("values", frozenset()))
        program, used = look_up(name, [said[at] for at in operands[:3]])
        if name in ("cd", "pushd", "chdir") and not self._away:
            target = said[operands[0]] if operands else "~"
            # What stands there is named without its folder from here on.
            notes.doubt(
                "harm", paths.writing(f"{target}/hooks/x") or paths.writing(f"{target}/settings.json")
            )
            if target != "-" and not (operands and rest[operands[0]].expands):
                self._ground.enter(target)
            return
        if self._ground.left() and not (program.has("names") or program.has("text")) and not self._away:
            notes.doubt("outside", "it works outside the workspace")
        if name in signs.MODULAR and "-m" in said[:-1]:
            program, used = look_up("python", ["-m", said[said.index("-m") + 1]])
        if program.has("pages") or (
            name == "git" and ("--help" in said or said[:1] in (["-p"], ["--paginate"]))
        ):
            notes.doubt("opens", f"{name} shows it in a pager, from which a shell can be had")
        if helps and not program.has("wrap"):
            return
        notes.does(effect_of(name, program, [said[at] for at in operands], said))
        if program.has("net"):
            notes.network = True
        call = Call(name, program, rest, said, operands, used, depth)
        self._opens(call, given=given)
        self._reaching(name, said, operands)
        if name in DATABASES and any(signs.CONSOLE.search(one) for one in said):
            notes.does("irreversible")
            notes.doubt("runs", f"{name}'s console runs a command")
        if program.has("remote") and any(signs.REMOTE.match(one) for one in said):
            notes.doubt("network", f"{name}: it copies to or from another machine")
        if program.asks:
            notes.doubt("network" if program.has("net") else "runs", f"{name}: {program.asks}")
        self._carries(call)
        self._options(call)
        if program.has("wrap"):
            self._wrapped(call)
        if name in ("rm", "rmdir", "shred", "mv") and not self._away:
            for at in operands[: -1 if name == "mv" else None]:
                if self._ground.whole(said[at]):
                    notes.doubt("harm", f"the whole workspace, or its history: {said[at][:120]}")
        if name in ("find", "fd", "fdfind", "bfs"):
            self._found(rest, depth)
        self._operands(call)

    def _given(self, name: str, head: Word, rest: list[Word], depth: int) -> None:
        """What is run because the line itself wrote, fetched, or named it."""
        notes = self._notes
        runs = name in SHELLS or name in INTERPRETERS or name in ("source", ".")
        if runs and any(one.text.startswith("<(") for one in rest):
            notes.doubt("harm", "what another command says is run")
        if runs and any(one.text.startswith("/dev/") and "stdin" in one.text for one in rest):
            notes.doubt("runs", "what it is given is run")
        ran = {places.normal(one.text) for one in (rest if runs else [head])}
        if ran & self._fetched:
            notes.doubt("harm", "what was fetched is run")
        for path in ran & self._made.keys():
            text = self._made.pop(path)
            if name not in INTERPRETERS:
                self.script(text, depth + 1)
            self._code(text, depth)
            if name in INTERPRETERS:
                self._program(text, depth)
        if name in FETCHES:
            for at, one in enumerate(rest):
                if re.fullmatch(r"-\w*[oO]|--output(?:-document)?", one.text) and at + 1 < len(rest):
                    self._fetched.add(places.normal(rest[at + 1].text))
                    notes.doubt("harm", paths.writing(rest[at + 1].text))
        if name in ("npm", "pnpm", "yarn", "make", "gmake"):
            for one in rest:
                if any(mark in one.text for mark in ("script-shell", "script_shell")):
                    notes.doubt("runs", f"{name} is told which shell runs its scripts")
                if (equals := one.text.find("=") + 1) and " " in one.text and not one.text.startswith("-"):
                    self.script(one.text[equals:], depth + 1)
        if name in ("eval", "iex", "invoke-expression"):
            if any(one.expands for one in rest) or name != "eval":
                notes.doubt("runs", signs.UNKNOWN)
            else:
                self.script(" ".join(one.text for one in rest), depth + 1)
        elif name == "cmd" and len(rest) > 1 and rest[0].text.casefold() in ("/c", "/k"):
            self._run(rest[1:], depth + 1)
        elif name in ("alias", "export", "declare", "typeset", "readonly", "local"):
            for one in rest:
                key, equals, value = one.text.partition("=")
                if equals and name == "alias":
                    self._own.add(key)
                    self.script(value, depth + 1)
                elif equals:
                    self._assigned(key, Word(value, one.quoted, one.expands), False, depth)
        elif name in ("make", "gmake") and any(
            one.text.startswith(("SHELL=", ".SHELLFLAGS=")) for one in rest
        ):
            notes.doubt("runs", "make is told which shell runs its recipes")
        if signs.SECRETS.search(" ".join((name, *(one.text[:200] for one in rest[:12])))):
            notes.doubt("reveals", f"{name} tells a secret")

    def _reaching(self, name: str, said: list[str], operands: list[int]) -> None:
        """What words say of any program: that it lets others in, opens a prompt, or installs a file of its own."""
        notes = self._notes
        if operands and said[operands[0]] in signs.PROMPTS and name not in signs.SPEAKS:
            notes.doubt("opens", f"{name} {said[operands[0]]} opens what anything can be run from")
        if any(map(signs.LETS_IN.match, said)):
            notes.network = True
            notes.doubt("network", f"{name} lets others in")
        if (
            name == "git"
            and "push" in said[:3]
            and any("://" in one or re.match(r"[\w.-]+@[\w.-]+:", one) for one in said)
        ):
            notes.doubt("network", "git pushes to an address of its own")
        if "install" in said and any(map(signs.PACKED.search, said)):
            notes.doubt("runs", f"{name} installs a package of its own")

    def _opens(self, call: Call, *, given: bool) -> None:
        """A shell, a prompt or a screen that waits for what to run."""
        name, program, said = call.name, call.program, call.said
        nothing = not call.free and not given
        if program.has("opens"):
            self._notes.doubt("opens", f"{name} opens what anything can be run from")
        elif program.has("shell"):
            if not given and not has_script([Word(""), *map(Word, said)]):
                self._notes.doubt("opens", f"{name} opens a shell")
        elif (
            program.has("bare")
            and nothing
            and not any(
                program.option("code", one.partition("=")[0]) or one in ("-m", "-c", "-f") for one in said
            )
        ):
            self._notes.doubt("opens", f"{name} opens what anything can be run from")

    def _wrapped(self, call: Call) -> None:
        """The command that a wrapper runs."""
        name, program, rest, depth = call.name, call.program, call.rest, call.depth
        values = program.options.get("values", frozenset[str]())
        at, skip = 0, program.skip + call.used
        while at < len(rest):
            text = rest[at].text
            if text == "--":
                at += 1
                if skip <= call.used:
                    break
                continue
            if text.startswith("-") and len(text) > 1:
                at += 2 if text in values or (text in program.options.get("runs", frozenset[str]())) else 1
            elif name in ("env", "dotenv", "with-env", "sudo", "time", "coproc") and signs.NAMED.match(text):
                key, _, value = text.partition("=")
                self._assigned(key, Word(value), True, depth)
                at += 1
            elif name in ("time", "coproc") and text in signs.KEYWORDS:
                at += 1
            elif skip > 0:
                skip -= 1
                at += 1
            else:
                break
        inner = rest[at:]
        if not inner:
            return
        self._away += program.has("away")
        head = inner[0]
        if head.expands and not signs.FOLDER.fullmatch(head.text):
            self._notes.doubt("runs", signs.UNKNOWN)
        elif len(inner) == 1 and (" " in head.text or ";" in head.text):
            self.script(head.text, depth + 1)
        elif depth < DEEPEST:
            runner = look_up(known(head.text), [])[0]
            if program.has("input") and runner.has("shell") and not has_script(inner):
                self._notes.doubt("runs", "a script made of its input")
            self._run(inner, depth + 1, given=program.has("input"))
        else:
            self._notes.doubt("runs", "command lines inside each other, deeper than is read")
        self._away -= program.has("away")

    def _found(self, rest: list[Word], depth: int) -> None:
        """`find … -exec COMMAND ;` and what else it does with what it finds."""
        said = [one.text for one in rest]
        for at, one in enumerate(said):
            if one in ("-exec", "-execdir", "-ok", "-okdir", "-x", "--exec", "-X", "--exec-batch"):
                end = next((n for n in range(at + 1, len(said)) if said[n] in (";", "+", "\\;")), len(said))
                if inner := rest[at + 1 : end]:
                    self._run(inner, depth + 1, given=False)
            elif one == "-delete":
                self._notes.does("irreversible")
            elif one in ("-fprint", "-fprintf", "-fls", "-fprint0", "-files0-from"):
                self._notes.does("write")
                self._path(said[at + 1] if at + 1 < len(said) else "", "write")

    def _harm(self, name: str, rest: list[Word], depth: int) -> None:
        """What is dangerous about it wherever it runs."""
        inside = Inside(
            lambda text: self.script(text, depth + 1), lambda text: self._code(text, depth), self._notes.spend
        )
        for why in harms(name, rest, inside, depth):
            self._notes.doubt("harm", why)
