"""Paths that hold credentials, start programs, or keep a machine's own account of what happened."""

import re
from fnmatch import fnmatchcase
from typing import Final

_SECRETS: Final = re.compile(
    r"(?:^|/)(?:"
    r"\.ssh/(?!known_hosts|config$|[^/]*\.pub$)[^/]+|\.aws/credentials|\.aws/(?:cli|sso)/cache|\.kube/config$"
    r"|\.netrc|\.git-credentials|\.pgpass|\.my\.cnf|\.npmrc|\.pypirc|\.dockercfg|\.docker/config\.json|\.vault-token"
    r"|\.azure/[^/]*token[^/]*|\.config/gcloud/(?:application_default_credentials\.json|credentials\.db|legacy_.*)"
    r"|\.local/share/(?:keyrings|kwalletd)/.*|(?:user data|profiles?)/.*(?:cookies|login data|web data|key4\.db)"
    r"|\.config/gh/hosts\.yml|\.gnupg(?:/.*)?|\.password-store(?:/.*)?|\.terraform\.d/credentials.*|\.boto"
    r"|\.env(?:\.(?!example|sample|template|dist|test$)[^/]+)?|id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|(?:login|logins)\.json|login\.keychain(?:-db)?|keychains?/[^/]+"
    r"|(?:chrome|chromium|firefox)/.*(?:cookies|login data)"
    r")$"
    r"|^/etc/(?:shadow|gshadow|sudoers)(?:[-.d].*)?$|^/etc/(?:ssl/private|kubernetes/(?:pki|admin\.conf))(?:/.*)?"
    r"|^/(?:var/)?run/secrets/.+|^/proc/[^/]+/(?:environ|mem|maps|cmdline)$|^/root[/]\.|^/dev/(?:k?mem|sd[a-z]|nvme)"
    r"|^/var/lib/(?:docker|kubelet)/|docker\.sock$|\.p12$|\.pfx$|\.kdbx$"
)
_STARTS: Final = re.compile(
    r"^/(?:etc/systemd/|lib/systemd/|usr/lib/systemd/|etc/init\.d/|etc/cron|var/spool/cron|etc/rc\.|etc/profile)"
    r"|/\.config/(?:systemd|autostart)/|/library/launch(?:agents|daemons)/|/start menu/programs/startup/"
    r"|(?:^|/)\.git/(?:hooks/|config(?:\.worktree)?$|info/attributes$|modules/.*/(?:hooks/|config$))|/\.ssh/(?:authorized_keys|rc|config)$"
    r"|(?:^|/)\.(?:bashrc|zshrc|profile|bash_profile|zprofile|zshenv|bash_login|bash_logout|xprofile)$"
    r"|^/etc/(?:sudoers|pam\.d|ld\.so|passwd|group|hosts$|ssh/|docker/|containerd/|apt/|yum\.repos\.d/|resolv\.conf"
    r"|environment|security/|selinux/|kubernetes/)|/\.docker/daemon\.json|/\.config/(?:pip|containers)/"
    r"|(?:^|/)\.(?:npmrc|pypirc|yarnrc(?:\.yml)?|gitconfig)$|^/(?:s?bin|usr/(?:local/)?s?bin|boot)/|pip\.conf$"
    r"|^/etc/pip|/(?:claude|gemini|codex|cursor)/settings"
    r"|(?:^|/)\.(?:claude|gemini|codex|cursor|vscode)/(?:settings|hooks|config|mcp|tasks)[^/]*|(?:^|/)\.mcp\.json$"
    r"|(?:^|/)\.(?:claude|gemini|codex|cursor)/?$"
)
_ACCOUNTS: Final = re.compile(
    r"^/var/log(?:/|$)|(?:^|/)\.[a-z_]*history$|^/private/var/log(?:/|$)|/winevt/|^/var/(?:adm|audit)(?:/|$)"
    r"|/\.claude/projects(?:/|$)|/\.(?:codex|gemini)/(?:sessions|tmp|history)(?:/|$)"
)
_WHOLE: Final = re.compile(
    r"^(?:/+\*?|~/?\*?|\$\{?home\}?/?\*?|\*|\.|\./\*?|\.\./?.*|/(?:\*|\.)+"
    r"|/(?:home|users|root|etc|usr|var|bin|sbin|lib\d*|boot|opt|srv|dev|proc|sys|mnt|media|data|volumes|applications|"
    r"system|library|windows|private|run|tmp)(?:/[*.]*)?|/(?:home|users)/[^/]+/?\*?|[a-z]:/?\*?"
    r"|/(?:usr|var)/(?:lib|local|bin|share|spool|www)/?\*?|[a-z]:/(?:windows|users)(?:/.*)?)$"
)


END: Final = 512
"""Characters at each end of a path that are looked at."""


def plain(path: str) -> str:
    """One spelling for one path: forward slashes, lower case (file systems may not tell cases apart), `.` and `..`
    resolved, a user's home as `~`."""
    text = path.strip().replace("\\", "/").casefold().removeprefix("file://")
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", ".") and parts:
            continue
        if part == ".." and parts and parts[-1] not in ("", "..", "~"):
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or text


def _in(pattern: re.Pattern[str], path: str) -> bool:
    """Whether `pattern` is at either end of `path`: what lies between is looked at once, however long it is."""
    return bool(pattern.search(path[:END]) or (len(path) > END and pattern.search(path[-END:])))


_SETTINGS: Final = (".claude", ".codex", ".gemini", ".cursor", ".git", ".mcp.json")
_HIDDEN: Final = (
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".git-credentials",
    "id_rsa",
    "id_ed25519",
)


def reading(path: str) -> str:
    """Why reading `path` reveals more than a file."""
    last = path[-END:].rpartition("/")[2]
    wild = len(last) < 24 and any(mark in last for mark in "*?[") and last[:1] in ".i["
    if wild and any(fnmatchcase(one, last) for one in _HIDDEN):
        return f"{path[:120]} may be a file that holds credentials"
    return f"{path[:120]} holds credentials" if _in(_SECRETS, plain(path)) else ""


def writing(path: str) -> str:
    """Why writing to `path` reaches further than a file."""
    found = plain(path)
    wild = [
        part
        for part in found[:END].split("/")
        if part[:1] in (".", "[") and any(mark in part for mark in "*?[")
    ]
    if any(fnmatchcase(one, part) for part in wild for one in _SETTINGS):
        return f"{path[:120]} may decide what is started, or by whom"
    if _in(_SECRETS, found):
        return f"{path[:120]} holds credentials"
    if _in(_STARTS, found):
        return f"{path[:120]} decides what is started, or by whom"
    return removing_accounts(path)


def removing_accounts(path: str) -> str:
    """Why changing or removing `path` hides what was done."""
    return f"{path[:120]} tells what was done here" if _in(_ACCOUNTS, plain(path)) else ""


def whole(path: str) -> bool:
    """Whether `path` is a whole file system, a home, or a folder that the machine lives on."""
    text = path.strip().replace("\\", "/").casefold()
    return bool(_WHOLE.match(text[:END]) or _WHOLE.match(plain(path)[:END]))
