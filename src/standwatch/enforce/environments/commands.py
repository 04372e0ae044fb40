"""Command lines: what their words say of where they reach, program by program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from standwatch.enforce.environments import git, places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.families import BY_NAME, KUBERNETES, MODES, RUNS_TASKS, STAGES, Family
from standwatch.enforce.environments.said import Said, UnreadError, commands
from standwatch.enforce.idioms.parsing import Word
from standwatch.enforce.idioms.programs import INERT, INTERPRETERS
from standwatch.facts.environments import Kind

_VARIABLES: Final[dict[str, Kind]] = {
    name: kind for family in BY_NAME.values() for name, kind in family.variables.items()
}
_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_SETS: Final = re.compile(r"[A-Z][A-Z0-9_]+=")
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
        value = _value(claims, word)
        claims.variables[name] = "" if value is None else value
        _variable(claims, name, value)
    for target in said.targets:
        value = _value(claims, target)
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
            found = _value(claims, Word(value, expands=one.expands))
            claims.variables[name] = found or ""
            _variable(claims, name, found)


_OVERRIDES: Final[dict[str, tuple[Kind, ...]]] = {
    "KUBECONFIG": ("contexts", "namespaces"),
    "GIT_DIR": ("branches",),
    "GIT_WORK_TREE": ("branches",),
    "TF_WORKSPACE": ("workspaces",),
    "TF_DATA_DIR": ("workspaces",),
}
"""Variables in whose place what is around counts no more."""


def _variable(claims: Claims, name: str, value: str | None) -> None:
    """`NAME=value`, as a pattern of variables knows it, and by what the variable is for."""
    for kind in _OVERRIDES.get(name, ()):
        claims.around.pop(kind, None)
    if value is None:
        if name in _VARIABLES or name in STAGES:
            claims.doubt((), f"{name} is known only when it runs")
        return
    said = f"{name}={value}"
    claims.say("variables", said, said)
    if name in STAGES:
        claims.say("names", value, said)
    kind = _VARIABLES.get(name)
    if kind is not None and name not in MODES:
        _claim(claims, kind, value, said)
    elif kind is None:
        places.url(claims, value, said)


def _value(claims: Claims, word: Word) -> str | None:
    """What a word comes to; None where that is known only when it runs."""
    if not word.expands:
        return word.text
    left = False

    def known(found: re.Match[str]) -> str:
        nonlocal left
        value = claims.variables.get(found[1])
        left = left or not value
        return value or found[0]

    made = _VARIABLE.sub(known, word.text)
    return None if left or "$(" in made or "`" in made or "$" in made else made


def _claim(claims: Claims, kind: Kind, value: str, said: str) -> None:
    match kind:
        case "hosts":
            places.host(claims, value, said)
        case "urls":
            if not places.url(claims, value, said) and not places.connection(claims, value):
                places.host(claims, value, said)
        case "paths":
            places.path(claims, value, said)
        case "databases":
            if not places.url(claims, value, said) and not places.connection(claims, value):
                claims.say("databases", value, said)
        case "names":
            for one in re.split(r"[\s,]+", value):
                claims.say("names", one.rpartition("=")[2], said)
        case _:
            claims.say(kind, value, said)


# --- one program -----------------------------------------------------------------------------------------------------


def _program(claims: Claims, said: Said) -> None:
    family = BY_NAME.get(said.name)
    match said.name:
        case "cd" | "pushd":
            _folder(claims, said)
        case "git" | "gh" | "glab" | "hub":
            git.read(claims, said.name, [(one.text, _value(claims, one)) for one in said.words])
        case "scp" | "rsync" | "sftp" | "rclone":
            for one in said.words:
                _remote(claims, one)
        case _ if family is not None:
            _family(claims, family, said)
        case _ if said.name in INERT:
            return
        case _:
            _other(claims, said)


def _folder(claims: Claims, said: Said) -> None:
    named = [one for one in said.words if not one.text.startswith("-")]
    value = _value(claims, named[0]) if named else "~"
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
    value = _value(claims, word)
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
        value = _value(claims, one)
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
        _options(claims, _STAGED, said)


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
        value = _value(claims, one)
        if value is None:
            continue
        name, sign, set_to = value.lstrip("-").partition("=")
        if sign:
            _variable(claims, name, set_to)
            if name.casefold() in ("env", "environment", "stage", "target", "profile"):
                claims.say("names", set_to, value)
        for part in re.split(r"[:/,]", value.lstrip("-"))[:16]:
            claims.say("names", part, value)
        claims.say("names", value.rpartition("-")[2], value)
    if said.name in RUNS_TASKS and any(_REACHING.fullmatch(one.text) for one in said.words):
        given = any(_VARIABLES.get(name) in ("urls", "hosts") for name in claims.variables)
        stages = given or any(one.kind == "variables" for one in claims.found[before:]) or len(said.words) > 2
        told: frozenset[Kind] = frozenset({"hosts", "databases", "accounts", "names"} if stages else ())
        claims.doubt(
            ("hosts", "databases", "accounts", "names"), f"{said.name} goes where its own settings say", told
        )


def _family(claims: Claims, family: Family, said: Said) -> None:
    told = set[Kind]()
    if said.body:
        _statements(claims, said.body)
    for one in said.words:
        if _SETS.match(one.text):  # `rake db:drop RAILS_ENV=production`
            name, _, text = one.text.partition("=")
            value = _value(claims, Word(text, expands=one.expands))
            claims.variables[name] = value or ""
            _variable(claims, name, value)
    for name, kind in family.variables.items():
        if (value := claims.variables.get(name)) is not None and value:
            _claim(claims, kind, value, f"{name}={value}")
            told |= _tells(kind)
    named, kinds = _options(claims, family, said)
    told |= kinds
    elsewhere: tuple[Kind, ...] = ()
    if any(one.text.startswith(("--kubeconfig", "--server", "-s")) for one in said.words):
        elsewhere = ("contexts", "namespaces")
    if any(one.text.startswith("-chdir") for one in said.words):
        elsewhere = ("workspaces",)
    for kind, value in claims.around.items():
        if kind in family.kinds and kind not in elsewhere:
            told.add(kind)
            _claim(claims, kind, value, f"{value} (where it stands)")
    if family is KUBERNETES:
        told |= _kubernetes(claims, said, named)
    elif family.words is not None:
        told |= _named(claims, family, named)
    if said.name in ("terraform", "tofu", "terragrunt", "pulumi"):
        told |= _stacks(claims, said, named)
    if said.name in ("aws", "gcloud", "az", "doctl", "firebase", "supabase", "vercel", "netlify", "docker"):
        told |= _selected(claims, said, named)
    if said.name in ("vercel", "netlify") and any(
        one.text in ("--prod", "--production") for one in said.words
    ):
        claims.say("names", "production", f"{said.name} --prod")
        told.add("names")
    if said.name in ("sqlite3", "duckdb"):
        return
    if family.kinds and not _here(claims, told):
        claims.doubt(family.kinds, f"{said.name} goes where its own settings say", frozenset(told))


def _here(claims: Claims, told: set[Kind]) -> bool:
    """Whether it goes to this machine, whatever else is not said."""
    hosts = [one.value for one in claims.found if one.kind == "hosts" and one.value is not None]
    return "hosts" in told and bool(hosts) and all(places.loopback(one) for one in hosts)


def _options(claims: Claims, family: Family, said: Said) -> tuple[list[Word], set[Kind]]:
    """Claims of the options; what is no option, and the kinds that were told."""
    named, told, words = list[Word](), set[Kind](), list(said.words)
    while words:
        word = words.pop(0)
        found = _option(family, word, words)
        if found is None:
            if word.text == "--":
                named += words
                break
            if word.text in family.valued and words:
                _mentions(claims, words.pop(0))
            elif not word.text.startswith("-") or word.text == "-":
                named.append(word)
            else:
                places.word(claims, word.text.partition("=")[2])
            continue
        kind, value_word = found
        value = _value(claims, value_word)
        if value is None:
            claims.doubt((), f"{word.text} {value_word.text} is known only when it runs")
        else:
            _claim(claims, kind, value, f"{word.text} {value}" if word is not value_word else word.text)
            told |= _tells("urls" if kind == "databases" and re.search(r"://|\bhost\w*\s*=", value) else kind)
    return named, told


def _tells(kind: Kind) -> set[Kind]:
    """What is told by a value of `kind`: a connection string has both, a stage stands for all that it is made of."""
    match kind:
        case "urls":
            return {"hosts", "databases"}
        case "names":
            return {"hosts", "databases", "accounts", "paths", "workspaces", "names"}
        case _:
            return {kind}


def _mentions(claims: Claims, word: Word) -> None:
    """The value of an option that says nothing of places by itself, but for a URL as a whole and a Host header."""
    value = _value(claims, word) or ""
    places.url(claims, value)
    name, sign, rest = value.partition(":")
    if sign and name.casefold() in ("host", "x-forwarded-host"):
        places.host(claims, rest.strip(), value)
    if re.match(r"(?i)(?:hostname|proxyjump|proxycommand|hostkeyalias)\s*[= ]", value):
        places.mentioned(claims, value)
    _statements(claims, value)


_CONNECTS: Final = re.compile(r"\\c(?:onnect)?[ \t]+([^\s;]+)(?:[ \t]+[^\s;]+[ \t]+([^\s;]+))?")
_USES: Final = re.compile(r"(?i)(?:^|[;\s])use\s+[`\"\[]?([\w$-]+)")


def _statements(claims: Claims, text: str) -> None:
    """Where statements go that are given to a database's client: `\\connect`, `USE`."""
    text = text[:65_536]
    for found in _CONNECTS.finditer(text):
        claims.say("databases", found[1], found[0])
        places.url(claims, found[1])
        if found[2]:
            places.host(claims, found[2], found[0])
    for found in _USES.finditer(text):
        claims.say("databases", found[1], found[0])


def _option(family: Family, word: Word, rest: list[Word]) -> tuple[Kind, Word] | None:
    """The kind and the value where `word` is an option of the family; its value is taken from `rest` where it stands
    there."""
    text = word.text
    if len(text) < 2 or not text.startswith("-"):
        return None
    name, sign, value = text.partition("=")
    kind: Kind | None = family.options.get(name)
    if kind is None and name.startswith("--") and len(name) > 4:
        kind = next((family.options[option] for option in family.options if option.startswith(name)), None)
    if kind is not None:
        behind = Word(value, expands=word.expands) if sign else rest.pop(0) if rest else Word("")
        return kind, behind
    if text.startswith("--"):
        return None
    for place, letter in enumerate(text[1:8], 1):
        short = f"-{letter}"
        if short in family.options and (place == 1 or text[1:place].isalpha()):
            value = text[place + 1 :].removeprefix("=")
            if value:
                return family.options[short], Word(value, expands=word.expands)
            return family.options[short], rest.pop(0) if rest else Word("")
        if short in family.valued or not letter.isalpha():
            return None
    return None


def _named(claims: Claims, family: Family, named: list[Word]) -> set[Kind]:
    """Words that are no options: hosts, databases, stages."""
    told = set[Kind]()
    assert family.words is not None
    for place, word in enumerate(named):
        value = _value(claims, word)
        if value is None:
            claims.doubt((), f"{word.text} is known only when it runs")
            continue
        if family.words == "hosts" and place and not ("://" in value or "." in value):
            continue
        kind: Kind = "urls" if "://" in value else family.words
        if family.words == "databases" and place and "://" not in value and "=" not in value:
            continue
        if kind == "hosts":
            value = value.partition("/")[0]
        _claim(claims, kind, value, word.text)
        if kind == "urls" or "=" in value:
            told |= {"hosts", "databases"}
        if family.words != "names":
            told.add(family.words)
    return told


_OBJECT: Final = re.compile(r"(?:ns|namespaces?|project)/(.+)", re.IGNORECASE)


def _kubernetes(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    told = set[Kind]()
    words = [value for one in named if (value := _value(claims, one)) is not None]
    if any(one.text in ("-A", "--all-namespaces") for one in said.words):
        claims.say("namespaces", None, "--all-namespaces")
        told.add("namespaces")
    for place, one in enumerate(words):
        found = _OBJECT.fullmatch(one)
        if found is not None:
            claims.say("namespaces", found[1], one)
            told.add("namespaces")
        elif place and words[place - 1].casefold() in (
            "ns",
            "namespace",
            "namespaces",
            "project",
            "projects",
        ):
            for each in words[place:]:
                claims.say("namespaces", each, f"namespace {each}")
            told.add("namespaces")
    if words[:1] == ["config"] and len(words) > 2 and words[1] in ("use-context", "set-context", "use"):
        claims.around["contexts"] = words[2]
        claims.around.pop("namespaces", None)
    if said.name in ("kubectx", "kubens") and words:
        claims.around["contexts" if said.name == "kubectx" else "namespaces"] = words[0]
    if words[:2] == ["config", "set-context"]:
        claims.around.update(
            {one.kind: one.value for one in claims.found if one.kind == "namespaces" and one.value}
        )
    if words[:1] == ["config"] or words[:1] == ["version"] or said.name in ("kubectx", "kubens", "kustomize"):
        told |= {"contexts", "namespaces"}
    for one in words:
        if "/" in one and "." in one:
            places.word(claims, one)
    return told


def _stacks(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    told = set[Kind]()
    words = [value for one in named if (value := _value(claims, one)) is not None]
    if words[:2] in (
        ["workspace", "select"],
        ["workspace", "delete"],
        ["workspace", "new"],
        ["stack", "select"],
        ["stack", "rm"],
    ):
        for one in words[2:]:
            claims.say("workspaces", one, f"{' '.join(words[:2])} {one}")
            if words[1] == "select":
                claims.around["workspaces"] = one
        told.add("workspaces")
    for place, one in enumerate(said.words):
        text = (
            said.words[place + 1].text
            if one.text in ("-var", "--var") and place + 1 < len(said.words)
            else one.text
        )
        found = re.fullmatch(
            r"(?:--?var=?)?['\"]?(env|environment|stage|workspace)\s*=\s*['\"]?([\w-]+)['\"]?", text
        )
        if found is not None:
            claims.say("names", found[2], text)
            told |= {"workspaces", "names"}
    return told


def _selected(claims: Claims, said: Said, named: list[Word]) -> set[Kind]:
    """A command that says where later ones of the same line go, and URLs of what is stored."""
    words = [value for one in named if (value := _value(claims, one)) is not None]
    for one in words:
        places.word(claims, one)
    match words[:4]:
        case ["config", "set", "project" | "account" | "core/project", value]:
            claims.around["accounts"] = value
        case ["config", "configurations", "activate", value] | ["account", "set", value, *_]:
            claims.around["accounts"] = value
        case ["account", "set"]:
            chosen = [one.value for one in claims.found if one.kind == "accounts" and one.value]
            if chosen:
                claims.around["accounts"] = chosen[-1]
        case ["context", "use", value, *_]:
            claims.around["contexts"] = value
        case (
            ["eks", "update-kubeconfig", *_]
            | [_, "clusters", "get-credentials", *_]
            | ["aks", "get-credentials", *_]
        ):
            claims.around.pop("contexts", None)
            claims.around.pop("namespaces", None)
        case ["configure" | "config" | "auth" | "login" | "account" | "help" | "version", *_]:
            pass
        case _:
            return set()
    return {"accounts"}


def programs() -> Iterator[str]:
    """Every program of which it is known how it says where it goes."""
    yield from BY_NAME
