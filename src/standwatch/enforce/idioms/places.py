"""Where a path of a command line leads: into the workspace, the scratch, what everybody may read, or outside."""

import re
from typing import Final

_DEVICES: Final = re.compile(
    r"/dev/(?:null|zero|full|u?random|std(?:in|out|err)|tty|fd(?:/\d+)?|ptmx|shm/.+|tcp|udp)$"
)
_SCRATCH: Final = re.compile(r"(?:/private)?/(?:var/)?tmp(?:/|$)")
_SYSTEM: Final = re.compile(
    r"/(?:usr/(?:share|include|lib|lib32|lib64|libexec|local/(?:share|include|lib)|bin|sbin|local/bin|src)|lib|lib32|lib64"
    r"|opt/homebrew|nix/store|s?bin)(?:/|$)|/proc/(?:cpuinfo|meminfo|version|loadavg|uptime|mounts|filesystems|self/status)$"
    r"|/sys/class/|/etc/(?:os-release|lsb-release|debian_version|hostname|timezone|localtime|resolv\.conf|hosts|mime\.types"
    r"|services|protocols|shells|locale\.conf|ssl/certs/.*|ssl/openssl\.cnf|ca-certificates(?:\.conf)?|alternatives/.*)$"
)
_PROGRAMS: Final = re.compile(
    r"/(?:usr/)?(?:local/)?s?bin/[^/]+$|/opt/homebrew/(?:s?bin|opt/[^/]+/bin)/[^/]+$|/nix/store/[^/]+/bin/[^/]+$"
    r"|/usr/libexec/[^/]+$|/usr/lib/(?:git-core|jvm/[^/]+/bin)/[^/]+$|/Applications/.+/MacOS/[^/]+$"
    r"|/opt/[^/]+/bin/[^/]+$|~/(?:\.local|\.cargo|go|\.deno|\.bun|\.dotnet/tools|\.rbenv/shims|\.pyenv/shims"
    r"|\.nvm/versions/node/[^/]+|\.volta)/(?:bin/)?[^/]+$"
)
_ROOTS: Final = frozenset(
    [
        "bin",
        "boot",
        "data",
        "dev",
        "etc",
        "home",
        "lib",
        "lib64",
        "media",
        "mnt",
        "opt",
        "private",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
        "Users",
        "Applications",
        "Library",
        "System",
        "Volumes",
        "app",
        "backup",
        "backups",
        "workspace",
        "work",
        "repo",
    ]
)
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_PATH: Final = re.compile(r"/[\w.+@~*?\[\]-]+(?:/|$)|/$|~[\w+-]*(?:/|$)|\.\.(?:/|$)")


def is_path(word: str) -> bool:
    """Whether `word` is a path that does not start where the line does."""
    if word.startswith("/"):
        if word == "/" or "/" in word[1:].rstrip("/"):
            return _PATH.match(word) is not None
        return word.strip("/") in _ROOTS
    return (
        _PATH.match(word) is not None
        or "/../" in word
        or _DRIVE.match(word) is not None
        or word.startswith("file://")
    )


def normal(path: str) -> str:
    """`path` without `.` and what `..` undoes; a leading `..` stays."""
    text = path.removeprefix("file://").replace("\\", "/")
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", ".") and parts:
            continue
        if part == ".." and parts and parts[-1] not in ("", "..", "~"):
            parts.pop()
        elif part != "." and not (part == ".." and parts == [""]):
            parts.append(part)
    return "/".join(parts) if parts not in ([], [""]) else "/" if text.startswith("/") else "."


class Ground:
    """Where a command line runs: the root of the workspace, and the folder that it is in by now. Both "" where they are
    not known: then what is relative is inside, as long as it does not climb out."""

    def __init__(self, root: str, start: str) -> None:
        self._root = normal(root) if root.startswith("/") else ""
        self._at = normal(start) if start.startswith("/") else self._root

    def enter(self, path: str) -> None:
        """`cd path`, where that is known."""
        self._at = self._whole(path)

    def inside(self, path: str) -> bool:
        """Whether it lies in the workspace, in the scratch, or among the devices that hold nothing."""
        found = self._whole(path)
        if not found.startswith(("/", "..", "~")) and not _DRIVE.match(found):
            return True
        if self._root and self._root != "/" and (found + "/").startswith(self._root + "/"):
            return True
        return bool(_DEVICES.match(found) or _SCRATCH.match(found))

    def public(self, path: str) -> bool:
        """Whether it is part of the system that anybody may read."""
        return _SYSTEM.match(self._whole(path)) is not None

    def whole(self, path: str) -> bool:
        """Whether it is the workspace itself, what it lies in, or the folder that keeps its history."""
        found = self._whole(path)
        if self._root and (self._root + "/").startswith(found.rstrip("/") + "/"):
            return True
        return found in (".", "..") or found.endswith("/.git") or found == ".git"

    def left(self) -> bool:
        """Whether it works outside by now."""
        return not self.inside(".")

    def _whole(self, path: str) -> str:
        path = path.removeprefix("file://")
        if path.startswith(("/", "~")) or _DRIVE.match(path) or not self._at:
            return normal(path)
        return normal(f"{self._at}/{path}")


def scratch(path: str) -> bool:
    """Whether it lies in the folders that everybody may write to."""
    return _SCRATCH.match(path) is not None or path.startswith("/dev/shm")  # noqa: S108 - it is recognised, not used


def installed(path: str) -> bool:
    """Whether it is a program where programs are installed."""
    return _PROGRAMS.match(path) is not None
