"""The commands of one line, each for what it does and runs: wrappers, shells and interpreters are seen through."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.idioms import code, paths, places, sql, urls
from standwatch.enforce.idioms.files import Inside, harms
from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.parsing import Command, Line, Word, parse
from standwatch.enforce.idioms.programs import (
    DATABASES,
    FETCHES,
    INTERPRETERS,
    RIGHTS,
    SHELLS,
    known,
)
from standwatch.enforce.idioms.reading import Carried, Notes
from standwatch.enforce.idioms.settings import assigned
from standwatch.enforce.idioms.table import Program, look_up
from standwatch.enforce.idioms.verbs import effect_of

DEEPEST: Final = 6
"""Command lines inside command lines that are read."""
_UNKNOWN: Final = "what runs is known only when it runs"
_DECODES: Final = frozenset(
    ["base64", "base32", "xxd", "openssl", "gunzip", "zcat", "nc", "ncat", "rev", "tr", "uudecode"]
)
_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_FOLDER: Final = re.compile(r"\$\{?[A-Za-z_]+\}?/[\w./@+-]+|~/[\w./@+-]+")
_KEYWORDS: Final = listed("if then else elif fi do done while until for in case esac { } !")
_HINTS: Final = re.compile(
    r"--?(?:(?:pre-?|post-?|on-?)?(?:exec|execute|command|cmd|run|shell|hook|script|pager|editor|viewer|browser|rsh|"
    r"ssh-command|proxy-?command|interpreter|filter|askpass|up|down|launch|spawn|program|compress-program|"
    r"checkpoint-action|to-command|conf-script|init-command|eval|speller|ssh_command|use)|"
    r"(?:load|plugin|engine|module|library|require|import|extension)(?:s|-\w+)?)",
    re.IGNORECASE,
)
"""Options by whose names any program may run something or load code."""
_PROSE: Final = listed(
    "-m --message --title --body --subject --notes --description --comment --name --grep --author --label --reason --text"
)
_SPEAKS: Final = listed("git gh glab hub hg svn jj jira bd task dnote linear notify-send dunstify mail mailx")
_CODE: Final = re.compile(r"[ (\n{;\\]")
"""What a word has that is a program, or a text, and no name."""
_SCREENS: Final = re.compile(
    r"\+?:?\s*(?:\d*,?\d*!|sh(?:ell)?\b|te(?:rm|rminal)\b|py(?:thon|file|x)?3?\b|lua|perl|ruby|tcl|mz|so(?:urce)?\b|set\s+shell)"
)
"""What an editor is told that runs something."""
_EDITORS: Final = listed("vi vim nvim view rvim rview vimdiff gvim ex ed red emacs")
_MODULAR: Final = listed("python python2 pypy")
_TYPED: Final = re.compile(r"[\d\W_]*$|[\^!\\:][^ ]|\.[A-Za-z]|[a-zA-Z]$")
"""What stands at the beginning of a line that is typed into a program, and is no command itself."""
_COMMANDS: Final = frozenset(["[", "[[", ":", ".", "w", "R", "{", "}", "((", "%"])
_CONSOLE: Final = re.compile(
    r"(?:^|[;\n])\s*(?:\\!|\.(?:shell|system|load)\b|system\s|\\copy\b.*\bprogram\b|!)", re.IGNORECASE
)
"""What a database's own console runs."""
_REMOTE: Final = re.compile(
    r"[\w.+-]*://(?!localhost|127\.)|(?:[\w.-]+@)?[\w-]+(?:\.[\w-]+)+:|[\w.-]+@[\w.-]+:|\w+:\w*://|[\w-]{2,}:[\w/]"
)
"""A place elsewhere, as programs that copy spell it."""
_PROMPTS: Final = listed(
    "eval shell console repl tunnel dbshell dbconsole debug-shell run-command interactive tinker"
)
_LETS_IN: Final = re.compile(
    r"--(?:listen|http-listen|allow-remote)(?:[=-]|$)|(?:--?[\w-]+=)?(?:https?://|tcp://)?(?:0\.0\.0\.0|\[::\]|\*)(?::\d+)?$"
)
_SECRETS: Final = re.compile(
    r"^(?:aws .*(?:secretsmanager (?:batch-)?get-secret-value|ssm get-parameters?\b.*--with-decryption|ecr get-login-password)"
    r"|vault (?:kv get|read)|gcloud (?:.*secrets versions access|auth print-\w+-token)|az (?:keyvault \w+ (?:show|download)"
    r"|account get-access-token)|(?:kubectl|oc) (?:.* )?get secrets?\b.*(?:-o|--output|jsonpath|template)|heroku config"
    r"|doppler secrets|railway variables|op (?:read|item get)|gh auth token|docker-credential-\w+ get|secret-tool lookup"
    r"|chamber (?:read|export)|sops (?:-d|--decrypt)|ansible-vault (?:view|decrypt)|kubeseal|age -d|gpg --export-secret)"
)
_PACKED: Final = re.compile(r"\.(?:deb|rpm|snap|flatpak|apk|pkg|msi|txz|pkg\.tar\.\w+)$")
_EVERYDAY: Final = listed("cat echo printf chmod mkdir touch cd ls grep head tail true ln")


class Runner:
    """Reads command lines into `notes`; `ground` is where they run."""

    def __init__(self, notes: Notes, ground: places.Ground) -> None:
        self._notes = notes
        self._ground = ground
        self._own: set[str] = set()
        """Functions and aliases that the line defines: their bodies are read where they stand."""
        self._away = 0
        self._fetched: set[str] = set()
        """Files into which the line has fetched something."""

    # --- scripts -----------------------------------------------------------------------------------------------

    def script(self, text: str, depth: int) -> None:
        """A whole command line, or one inside another."""
        notes = self._notes
        if depth > DEEPEST:
            notes.understood = False
            notes.doubt("harm", "command lines inside each other, deeper than is read")
            return
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
        if all(name in _EVERYDAY for name in names):
            return
        for one, name in zip(line.commands, names, strict=True):
            said = [word.text for word in one.words[1:]] if name in ("echo", "printf") else []
            said += [found.target.text for found in one.redirects if found.op == "<<"]
            if any(map(code.shells, said)) or any("load_module" in text for text in said):
                self._notes.doubt("runs", "it writes down what starts a shell, and runs it")

    # --- one command -------------------------------------------------------------------------------------------

    def _command(self, line: Line, place: int, command: Command, depth: int) -> None:
        words = [word for word in command.words if word.text or word.quoted]
        self._redirected(command, known(words[0].text) if words else "")
        for name, value in command.assigned:
            self._assigned(name, value, bool(words), depth)
        while words and not words[0].quoted and words[0].text in _KEYWORDS:
            words.pop(0)
        while words and not words[0].quoted and _NAMED.match(words[0].text):
            name, _, value = words.pop(0).text.partition("=")
            self._assigned(name, Word(value), bool(words), depth)
        if not words:
            return
        head = words[0]
        if head.expands and not _FOLDER.fullmatch(head.text):
            self._notes.does("irreversible")
            self._notes.doubt("harm", _UNKNOWN)
            return
        if not head.quoted and head.text in self._own:
            return
        if place and not head.quoted and head.text not in _COMMANDS and _TYPED.match(head.text):
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
        given = fed is not None or any(one.op in ("<", "<<", "<<<") for one in command.redirects)
        self._run(words, depth, given=given)

    def _fed(self, name: str, fed: Command, words: list[Word], depth: int) -> None:
        """What comes through a pipe: a script for a shell, names for what takes names."""
        piped = known(fed.words[0].text) if fed.words else ""
        if (name in SHELLS or name in INTERPRETERS) and not _has_script(words):
            if piped in FETCHES or name in INTERPRETERS or piped in _DECODES or name in SHELLS:
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

    def _assigned(self, name: str, value: Word, before: bool, depth: int) -> None:
        for kind, why in assigned(name, value.text):
            self._notes.doubt(kind, why)
        if code.shells(value.text):
            self._notes.doubt("opens", f"{name} names a shell for other programs to start")
        if before and value.text:
            self._path(value.text, "run")
            if " " in value.text:
                for one in code.paths(value.text):
                    self._path(one, "run")

    # --- one program with its arguments ---------------------------------------------------------------------------

    def _run(self, words: list[Word], depth: int, *, given: bool = False) -> None:
        """`words`: a program and its arguments. `given`: it has an input."""
        notes = self._notes
        head, rest = words[0], words[1:]
        name = known(head.text)
        said = [one.text for one in rest]
        notes.note("programs", name)
        if "/" in head.text and not places.installed(head.text):
            self._path(head.text, "run")
        helps = said in (["--help"], ["-h"], ["--version"], ["-V"], ["-v"], ["version"]) or "--help" in said
        self._harm(name, rest, depth)
        self._given(name, head, rest, depth)
        operands = _operands(said, look_up(name, [])[0].options.get("values", frozenset()))
        program, used = look_up(name, [said[at] for at in operands[:3]])
        if name in ("cd", "pushd", "chdir") and not self._away:
            target = said[operands[0]] if operands else "~"
            if target != "-" and not (operands and rest[operands[0]].expands):
                self._ground.enter(target)
            return
        if self._ground.left() and not (program.has("names") or program.has("text")) and not self._away:
            notes.doubt("outside", "it works outside the workspace")
        if name in _MODULAR and "-m" in said[:-1]:
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
        self._opens(name, program, said, operands, used, given=given)
        self._reaching(name, said, operands)
        if name in DATABASES and any(_CONSOLE.search(one) for one in said):
            notes.does("irreversible")
            notes.doubt("runs", f"{name}'s console runs a command")
        if program.has("remote") and any(_REMOTE.match(one) for one in said):
            notes.doubt("network", f"{name}: it copies to or from another machine")
        if program.asks:
            notes.doubt("network" if program.has("net") else "runs", f"{name}: {program.asks}")
        self._carries(program, said, operands, used)
        self._options(name, program, rest, depth)
        if program.has("wrap"):
            self._wrapped(name, program, rest, used, depth)
        if name in ("rm", "rmdir", "shred", "mv") and not self._away:
            for at in operands[: -1 if name == "mv" else None]:
                if self._ground.whole(said[at]):
                    notes.doubt("harm", f"the whole workspace, or its history: {said[at][:120]}")
        if name in ("find", "fd", "fdfind", "bfs"):
            self._found(rest, depth)
        self._operands(name, program, rest, operands, used, depth)

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
        if name in FETCHES:
            for at, one in enumerate(rest):
                if re.fullmatch(r"-\w*[oO]|--output(?:-document)?", one.text) and at + 1 < len(rest):
                    self._fetched.add(places.normal(rest[at + 1].text))
        if name in ("eval", "iex", "invoke-expression"):
            if any(one.expands for one in rest) or name != "eval":
                notes.doubt("runs", _UNKNOWN)
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
        if _SECRETS.search(" ".join((name, *(one.text for one in rest[:12])))):
            notes.doubt("reveals", f"{name} tells a secret")

    def _reaching(self, name: str, said: list[str], operands: list[int]) -> None:
        """What words say of any program: that it lets others in, opens a prompt, or installs a file of its own."""
        notes = self._notes
        if operands and said[operands[0]] in _PROMPTS and name not in _SPEAKS:
            notes.doubt("opens", f"{name} {said[operands[0]]} opens what anything can be run from")
        if any(map(_LETS_IN.match, said)):
            notes.network = True
            notes.doubt("network", f"{name} lets others in")
        if (
            name == "git"
            and "push" in said[:3]
            and any("://" in one or re.match(r"[\w.-]+@[\w.-]+:", one) for one in said)
        ):
            notes.doubt("network", "git pushes to an address of its own")
        if "install" in said and any(map(_PACKED.search, said)):
            notes.doubt("runs", f"{name} installs a package of its own")

    def _opens(
        self, name: str, program: Program, said: list[str], operands: list[int], used: int, *, given: bool
    ) -> None:
        """A shell, a prompt or a screen that waits for what to run."""
        nothing = len(operands) <= used and not given
        if program.has("opens"):
            self._notes.doubt("opens", f"{name} opens what anything can be run from")
        elif program.has("shell"):
            if not given and not _has_script([Word(""), *map(Word, said)]):
                self._notes.doubt("opens", f"{name} opens a shell")
        elif (
            program.has("bare")
            and nothing
            and not any(
                program.option("code", one.partition("=")[0]) or one in ("-m", "-c", "-f") for one in said
            )
        ):
            self._notes.doubt("opens", f"{name} opens what anything can be run from")

    def _wrapped(self, name: str, program: Program, rest: list[Word], used: int, depth: int) -> None:
        """The command that a wrapper runs."""
        values = program.options.get("values", frozenset[str]())
        at, skip = 0, program.skip + used
        while at < len(rest):
            text = rest[at].text
            if text == "--":
                at += 1
                if skip <= used:
                    break
                continue
            if text.startswith("-") and len(text) > 1:
                at += 2 if text in values or (text in program.options.get("runs", frozenset[str]())) else 1
            elif name in ("env", "dotenv", "with-env", "sudo") and _NAMED.match(text):
                key, _, value = text.partition("=")
                self._assigned(key, Word(value), True, depth)
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
        if head.expands and not _FOLDER.fullmatch(head.text):
            self._notes.doubt("runs", _UNKNOWN)
        elif len(inner) == 1 and (" " in head.text or ";" in head.text):
            self.script(head.text, depth + 1)
        elif depth < DEEPEST:
            runner = look_up(known(head.text), [])[0]
            if program.has("input") and runner.has("shell") and not _has_script(inner):
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

    def _carries(self, program: Program, said: list[str], operands: list[int], used: int) -> None:
        """URLs, hosts and packages: what decides where something goes, and what comes in."""
        notes = self._notes
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
            for at in operands[used:]:
                notes.note("carried", Carried("package", said[at]))

    def _options(self, name: str, program: Program, rest: list[Word], depth: int) -> None:
        """Values of options that are programs, command lines, code to load, or what is sent."""
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
                if name in _EDITORS and _SCREENS.match(inline):
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
            elif _HINTS.fullmatch(option) and given and not given.startswith("-") and name not in _SPEAKS:
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
        return bool(hosts) and all(one in ("localhost", "127.0.0.1", "::1", "0.0.0.0") for one in hosts)

    # --- operands --------------------------------------------------------------------------------------------------

    def _operands(
        self, name: str, program: Program, rest: list[Word], operands: list[int], used: int, depth: int
    ) -> None:
        """Paths, programs and shells among the words."""
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
            if name in _SPEAKS and (before in _PROSE or word.text.partition("=")[0] in _PROSE):
                continue
            if at in coded or (name in ("sed", "gsed") and before in ("-e", "--expression")):
                self._program(word.text, depth, bare=False)
                if name in ("sed", "gsed"):
                    if re.search(r"(?:^|[;{}\n/\d$])\s*e\s*$", word.text):
                        self._notes.doubt("runs", "sed that runs what it reads")
                    for found in re.finditer(r"(?:^|[\s;{}/\dI])[rRwW]\s*((?:/|~|\.\.)[^\s;}]+)", word.text):
                        self._path(found[1], "write")
                continue
            self._operand(name, program, word, use, depth)

    def _operand(self, name: str, program: Program, word: Word, use: str, depth: int) -> None:
        text = word.text
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
        if (word.quoted and _CODE.search(text)) or "(" in text:
            self._program(text, depth)
        if text.startswith("!") and len(text) > 1:
            self._notes.doubt("opens", f"{name} is told to run a command")

    def _mounted(self, name: str, text: str) -> None:
        """A folder of this machine that a container is given, or a file of it that is sent along."""
        if (local := re.search(r"fileb?://(\S+)", text)) is not None:
            self._path(local[1], "read")
        source = text.partition("=")[2] if text.startswith("--") else text
        if (found := re.match(r"(?:type=bind,)?(?:source|src)=([^,]+)", source)) is not None or (
            found := re.match(r"(/[^:]*|~[^:]*|\.\.[^:]*):/", source)
        ) is not None:
            self._path(found[1], "write")

    # --- programs in other languages ---------------------------------------------------------------------------------

    def _code(self, text: str, depth: int) -> None:
        """What a program's own text runs, removes, or asks of the network: what is harm wherever it runs."""
        if code.runs(text):
            for one in code.literals(text):
                self.script_of_code(one, depth + 1)
        if code.loud(text):
            self._notes.doubt("harm", "code that removes whole folders or talks to the network")
        if code.metadata(text):
            self._notes.doubt("harm", "a cloud's metadata service")

    def script_of_code(self, text: str, depth: int) -> None:
        """A literal of a program that runs others: a command line where it is one."""
        if len(text) > 1 and depth <= DEEPEST and not parse(text).unread:
            Runner(_Harms(self._notes), self._ground).script(text, depth)

    def _program(self, text: str, depth: int, *, bare: bool = True) -> None:
        """What a program in any language does that a person should look at."""
        notes = self._notes
        if len(text) > code.LONGEST:
            notes.doubt("runs", "a program longer than is read")
        text = text[: code.LONGEST]
        if code.calls(text):
            notes.does("irreversible")
            notes.doubt("runs", "code that runs other programs")
        if code.talks(text):
            notes.network = True
            notes.doubt("network", "code that talks to the network")
        if code.shells(text):
            notes.doubt("opens", "code that starts a shell")
        if code.removes(text):
            notes.does("irreversible")
        elif code.writes(text):
            notes.does("write")
        found = code.paths(text) if bare else (one for one in code.literals(text) if places.is_path(one))
        for one in found:
            self._path(one, "read")

    def _path(self, path: str, use: str) -> None:
        """One path by what is done with it: `names`, `read`, `write`, `run`."""
        notes = self._notes
        if not path or not places.is_path(path) or self._away:
            return
        if use != "names":
            notes.note("writes" if use == "write" else "reads", path[:500])
            if paths.reading(path):
                notes.note("credentials", path[:500])
        if use == "names" or self._ground.inside(path):
            return
        if use in ("read", "run") and self._ground.public(path):
            return
        verb = {"read": "reads", "write": "reaches", "run": "runs what stands"}[use]
        notes.doubt("outside", f"it {verb} outside the workspace: {path[:120]}")

    def _harm(self, name: str, rest: list[Word], depth: int) -> None:
        """What is dangerous about it wherever it runs."""
        inside = Inside(lambda text: self.script(text, depth + 1), lambda text: self._code(text, depth))
        for why in harms(name, rest, inside, depth):
            self._notes.doubt("harm", why)


class _Harms(Notes):
    """Keeps of what is found only what is harm wherever it runs, and the effect."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    def doubt(self, kind: str, why: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if kind == "harm":
            self._notes.doubt(kind, why)

    def note(self, where: str, found: object) -> None:
        if where in ("programs", "credentials", "carried"):
            self._notes.note(where, found)


def _operands(said: list[str], values: frozenset[str]) -> list[int]:
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


def _has_script(words: list[Word]) -> bool:
    """Whether a shell or an interpreter is given a script of its own, so that its input is only data."""
    return any(not one.text.startswith("-") for one in words[1:]) or any(
        one.text in ("-c", "-e", "-m", "--eval", "-r", "-p") or one.text[:2] in ("-e", "-c")
        for one in words[1:]
    )
