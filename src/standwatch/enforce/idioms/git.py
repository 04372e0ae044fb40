"""git: pushes that remove or overwrite, and the many settings that make it run something."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from standwatch.enforce.idioms import paths

_AWAY: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+:(?!\\\\)"
)
"""An address of another machine, as remotes have it."""
_RUNNING: Final = re.compile(
    r"^(?:core\.(?:sshcommand|pager|editor|hookspath|fsmonitor|askpass|gitproxy|attributesfile|worktree)|alias\..*"
    r"|diff\.(?:external|.*\.(?:command|textconv))|filter\..*|gpg\..*program|gpg\.program|credential\..*helper|credential\.helper"
    r"|sequence\.editor|pager\..*|merge\..*\.driver|mergetool\..*|difftool\..*|interactive\.difffilter|remote\..*\."
    r"(?:uploadpack|receivepack|vcs|proxy)|protocol\..*|url\..*|include\.path|includeif\..*|http\.proxy|http\.sslverify"
    r"|init\.templatedir|uploadpack\..*|receive\..*|sendemail\..*|web\..*|man\..*|browser\..*|trailer\..*|core\.alternaterefscommand|guitool\..*|lfs\.customtransfer\..*|imap\.tunnel"
    r"|instaweb\..*|submodule\..*\.update|remote\..*\.pushurl)$",
    re.IGNORECASE,
)
_NONE: Final = re.compile(r"^\+?0{40}(?:0{24})?:")
_VALUED: Final = frozenset({"-o", "--push-option", "--receive-pack", "--exec", "--repo", "--signed"})
_GLOBAL: Final = frozenset({"-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--super-prefix"})


def danger(said: list[str], script: Callable[[str], None]) -> Iterator[str]:
    """Why a person should look at `git said…`; `script` looks at command lines in it."""
    at = 0
    while at < len(said) and said[at].startswith("-"):
        one = said[at]
        if one in ("-c", "--config-env") or one.startswith(("-c", "--config-env=")):
            setting = (
                said[at + 1]
                if one in ("-c", "--config-env") and at + 1 < len(said)
                else one.partition("c")[2]
            )
            key, _, value = setting.partition("=")
            if _RUNNING.match(key) and value not in ("cat", "less", "true", "false", ""):
                yield f"the setting {key} makes git run something"
            at += one in ("-c", "--config-env")
        at += 1 + (one in _GLOBAL)
    verb, rest = (said[at], said[at + 1 :]) if at < len(said) else ("", [])
    for one in rest:
        if one.casefold().startswith(("ext::", "fd::")):
            yield "a transport that runs a command"
        if verb not in ("commit", "tag", "log", "grep") and re.match(
            r"--(?:upload-pack|receive-pack|exec|ssh-command|open-files-in-pager|extcmd|upload-archive)=?",
            one,
        ):
            yield f"{one.partition('=')[0]} makes git run something"
    match verb:
        case "clone" | "submodule" if any(re.match(r"-c|--conf", one) for one in rest):
            for one in rest:
                key = re.sub(r"^(?:--conf\w*=|-c)", "", one).partition("=")[0]
                if _RUNNING.match(key):
                    yield f"the setting {key} makes git run something"
        case "push":
            yield from _push(rest)
        case "config":
            yield from _config(rest)
        case (
            "reset"
            | "clean"
            | "checkout"
            | "restore"
            | "stash"
            | "reflog"
            | "filter-branch"
            | "update-ref"
            | "gc"
        ):
            yield from _local(verb, rest)
        case "remote" if any(one in ("set-url", "add") for one in rest[:1]) and any(
            "@" in one and "://" in one for one in rest
        ):
            yield "credentials in a remote's address"
        case "remote" if rest[:1] in (["set-url"], ["add"]) and any(map(_AWAY.match, rest)):
            yield "where pushes go is set"
        case "submodule" | "bisect" | "rebase" if any(
            one in ("foreach", "run", "--exec", "-x") for one in rest
        ):
            for one in rest:
                script(one)
        case "branch" if any(one in ("-D", "--delete", "-d") for one in rest) and (
            "-r" in rest or "-D" in rest
        ):
            yield "a branch is removed, merged or not"
        case _:
            pass
    if verb in ("mv", "rm", "restore", "checkout"):
        for one in rest:
            if why := paths.writing(one):
                yield why
    if verb not in ("commit", "log", "grep", "tag", "show", "diff", "blame"):
        for one in rest:
            if why := paths.reading(one):
                yield why


def _push(rest: list[str]) -> Iterator[str]:
    at = 0
    while at < len(rest):
        one = rest[at]
        if one in _VALUED:
            at += 2
            continue
        name = one.partition("=")[0]
        if (len(name) > 3 or name == "--m") and any(
            full.startswith(name)
            for full in ("--force", "--force-with-lease", "--mirror", "--delete", "--prune")
        ):
            yield f"push {name} overwrites or removes what others have"
        elif re.match(r"-[a-zA-Z0-9]", one) and {"f", "d"} & set(one.partition("o")[0]):
            yield f"push {one} overwrites or removes what others have"
        elif one.startswith(("+", ":")) and len(one) > 1:
            yield "push overwrites or removes a branch"
        elif _NONE.match(one):
            yield "push removes a branch"
        at += 2 if re.fullmatch(r"-[a-zA-Z0-9]*o", one) else 1


def _config(rest: list[str]) -> Iterator[str]:
    named = [one for one in rest if not one.startswith("-")]
    named = named[1:] if named[:1] in (["set"], ["get"], ["unset"]) else named
    reads = any(
        one in ("--get", "--get-all", "--list", "-l", "--unset", "get", "list", "unset") for one in rest
    )
    if any(one in ("-e", "--edit", "edit") for one in rest[:3]):
        yield "git's settings are opened for editing, and may make it run something"
    if named and not reads and len(named) > 1 and _RUNNING.match(named[0]):
        yield f"the setting {named[0]} makes git run something"


def discards(verb: str, rest: list[str]) -> bool:
    """Whether files of the working tree become what they were when committed: `checkout -- FILE`, `restore FILE`."""
    options = [one for one in rest if one.startswith("-")]
    if verb == "checkout":
        behind = rest[rest.index("--") + 1 :] if "--" in rest else []
        return bool(behind) or "." in rest or any(one in ("-f", "--force") for one in options)
    staged = any(one in ("-S", "--staged") for one in options)
    worktree = any(one in ("-W", "--worktree") for one in options)
    return verb == "restore" and (worktree or not staged) and "--help" not in options


def _local(verb: str, rest: list[str]) -> Iterator[str]:
    if verb == "reset" and "--hard" in rest:
        yield "reset --hard throws work away"
    if (
        verb == "clean"
        and any(re.fullmatch(r"-\w*[xX]\w*", one) for one in rest)
        and any("f" in one for one in rest)
    ):
        yield "clean removes what git does not keep"
    if verb == "stash" and rest[:1] in (["clear"], ["drop"]):
        yield "stashed work is thrown away"
    if discards(verb, rest):
        yield f"{verb} throws away what is committed nowhere"
    if verb in ("filter-branch", "update-ref") or (verb == "reflog" and rest[:1] in (["expire"], ["delete"])):
        yield f"{verb} rewrites what was kept"
