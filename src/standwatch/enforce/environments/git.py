"""git and its hosts' programs: which branches of which repository a command changes."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.environments import places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.idioms.listed import listed

Words = list[tuple[str, str | None]]
"""Each word as it stands, and what it comes to (None: known only when it runs)."""

_GLOBAL: Final = frozenset(
    {"-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "-c", "--config-env"}
)
_VALUED: Final = frozenset({"-o", "--push-option", "--receive-pack", "--exec", "--repo", "--signed"})
_STAYS: Final = listed(
    "add am apply blame branch cherry-pick clean clone commit describe diff fetch format-patch grep help init log "
    "ls-files ls-remote merge mv notes pull range-diff reflog reset restore rev-list rev-parse revert rm shortlog show "
    "stash status submodule tag version"
)
"""What leaves one on the branch that one was on."""
_REPOSITORY: Final = re.compile(r"(?:[\w.-]+@)?([\w.-]+\.[\w.-]+):(?!//)(.+)")


def read(claims: Claims, name: str, words: Words) -> None:
    """What `git words…` says of where it reaches."""
    if name != "git":
        _host_program(claims, name, words)
        return
    at = 0
    settings: list[str] = []
    while at < len(words) and words[at][0].startswith("-"):
        text, folder = words[at][0], words[at + 1][1] if at + 1 < len(words) else None
        if text == "-C":
            claims.around.pop("branches", None)
            if folder is not None:
                places.path(claims, folder)
        if text == "-c" and folder is not None:
            settings.append(folder)
        at += 1 + (text in _GLOBAL)
    verb = words[at][0] if at < len(words) else ""
    rest = words[at + 1 :]
    match verb:
        case "push" | "send-pack":
            _push(claims, rest, settings)
        case "subtree" if "push" in [one[0] for one in rest] and len(rest) > 2:
            _refspec(claims, *rest[-1])
        case "checkout" | "switch":
            _switched(claims, rest)
        case "branch" if any(one[0] in ("-m", "-M", "--move") for one in rest):
            claims.around.pop("branches", None)
        case "config" | "remote":
            if any(one[0].casefold().startswith(("branch.", "push.", "remote.")) for one in rest):
                claims.around.pop("branches", None)  # a plain push goes elsewhere from here on
            for text, _ in rest:
                _repository(claims, text)
        case _ if verb not in _STAYS:  # also an alias, which may be anything
            claims.around.pop("branches", None)
        case _:
            pass


def _switched(claims: Claims, rest: Words) -> None:
    """What the branch is afterwards: for what is pushed later in the same line."""
    if any(text == "--" for text, _ in rest):
        return
    made = [
        place
        for place, (text, _) in enumerate(rest)
        if text in ("-b", "-B", "-c", "-C", "--orphan", "--create")
    ]
    place = (
        made[0] + 1
        if made
        else next((n for n, (text, _) in enumerate(rest) if text == "-" or text[:1] != "-"), -1)
    )
    if not 0 <= place < len(rest):
        return
    value = rest[place][1]
    if value is None or value == "-" or value.startswith("@"):
        claims.around.pop("branches", None)
    elif len(rest) == place + 1 or made:
        claims.around["branches"] = value


def _push(claims: Claims, rest: Words, settings: list[str]) -> None:
    named: list[tuple[str, str | None]] = []
    every = deletes = tags = False
    at = 0
    while at < len(rest):
        text, value = rest[at]
        if text == "--repo" and at + 1 < len(rest):
            named.insert(0, rest[at + 1])
        if text.startswith("--repo="):
            named.insert(0, (text[7:], text[7:]))
        if text in _VALUED:
            at += 2
            continue
        if text.startswith("-"):
            every = every or any(
                full.startswith(text) and len(text) > 3 for full in ("--all", "--mirror", "--branches")
            )
            deletes = deletes or text in ("-d", "--delete")
            tags = tags or text == "--tags"
        else:
            named.append((text, value))
        at += 1
    if named:
        _repository(claims, named[0][1] or named[0][0])
    if every:
        claims.say("branches", None, "git push of all branches")
        return
    for text, value in named[1:]:
        _refspec(claims, text, value)
    if any(one.partition("=")[0].casefold().startswith(("remote.", "push.", "branch.")) for one in settings):
        claims.doubt(("branches",), "git push goes where its settings say", only_declared=True)
    if len(named) < 2 and not (tags and not deletes):
        _current(claims, "git push")


def _current(claims: Claims, said: str) -> None:
    """The branch one is on."""
    branch = claims.around.get("branches")
    if branch:
        claims.say("branches", branch, f"{said} on {branch}")
    else:
        claims.doubt(("branches",), f"{said} goes to the branch that is checked out", only_declared=True)


def _refspec(claims: Claims, text: str, value: str | None) -> None:
    if value is None:
        claims.doubt(("branches",), f"{text} is known only when it runs", only_declared=True)
        return
    source, colon, target = value.removeprefix("+").partition(":")
    if not colon and source == "tag":
        return
    branch = target if colon and target else "*" if colon and not source else source
    if branch in ("HEAD", "@"):
        _current(claims, f"git push {text}")
        return
    branch = re.sub(r"^refs/(?:heads|for)/|^heads/", "", branch)
    claims.say("branches", None if "*" in branch else branch, text)


def _repository(claims: Claims, text: str) -> None:
    """A repository by its address; one by its name says nothing."""
    if places.url(claims, text):
        return
    found = _REPOSITORY.fullmatch(text)
    if found is not None:
        places.host(claims, found[1], text)
        claims.say("urls", f"https://{found[1].casefold()}/{found[2].removeprefix('/')}", text)
        claims.say(
            "urls", f"https://{found[1].casefold()}/{found[2].removeprefix('/').removesuffix('.git')}", text
        )


def _host_program(claims: Claims, name: str, words: Words) -> None:
    """`gh` and its kin: what they merge goes to a branch that only the host knows."""
    said = [text for text, _ in words]
    if said[:2] in (["pr", "checkout"], ["mr", "checkout"], ["co"]):
        claims.around.pop("branches", None)
    for place, one in enumerate(said):
        option, sign, value = one.partition("=")
        if option in ("--ref", "-r", "--branch", "-B", "--base", "--target") and said[:2] != ["pr", "create"]:
            found = value if sign else said[place + 1] if place + 1 < len(said) else ""
            if found:
                claims.say("branches", found.removeprefix("refs/heads/"), f"{option} {found}")
        if option in ("-R", "--repo", "--env", "-e"):
            found = value if sign else said[place + 1] if place + 1 < len(said) else ""
            claims.say("names" if option.lstrip("-")[:1] == "e" else "urls", found, one)
        places.url(claims, one)
    if said[:2] in (["pr", "merge"], ["mr", "merge"], ["repo", "sync"]):
        claims.doubt(
            ("branches",),
            f"{name} {' '.join(said[:2])} goes to a branch that it does not say",
            only_declared=True,
        )
    for one in said:
        if (found := re.search(r"/git/refs/heads/([\w./-]+)|/branches/([\w.-]+)/", one)) is not None:
            claims.say("branches", found[1] or found[2], one)
