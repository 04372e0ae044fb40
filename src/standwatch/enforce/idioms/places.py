"""Where a path of a command line leads: into the workspace, the scratch, the system that everybody reads, or outside."""

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
_PATH: Final = re.compile(r"/[\w.+@~-]+(?:/|$)|/$|~(?:[\w-]*/|$)|\.\.(?:/|$)")


def is_path(word: str) -> bool:
    """Whether `word` is a path that does not start where the line does."""
    if word.startswith("/"):
        if word == "/" or "/" in word[1:].rstrip("/"):
            return _PATH.match(word) is not None
        return word.strip("/") in _ROOTS
    return _PATH.match(word) is not None or _DRIVE.match(word) is not None or word.startswith("file://")


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
    return "/".join(parts) or ("/" if text.startswith("/") else ".")


def inside(path: str, workspace: tuple[str, ...]) -> bool:
    """Whether it lies in the workspace, in the scratch, or among the devices that hold nothing."""
    found = normal(path)
    if not is_path(found) and not found.startswith(("/", "..", "~")):
        return True
    if any(found == root or found.startswith(root.rstrip("/") + "/") for root in workspace if root):
        return True
    return bool(_DEVICES.match(found) or (_SCRATCH.match(found)))


def public(path: str) -> bool:
    """Whether it is part of the system that anybody may read."""
    return _SYSTEM.match(normal(path)) is not None


def installed(path: str) -> bool:
    """Whether it is a program where programs are installed."""
    return _PROGRAMS.match(path) is not None
