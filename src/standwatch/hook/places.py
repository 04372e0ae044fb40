"""Which files a call names, with every link resolved here, on the machine where they are; and where they are.

`workspace` is the border that the host or whoever installed the hook drew, never one that the agent can move: `cd` is
no way out of it. A border around a home or a whole machine is none.

Between this look and the host's own use a path may change (time of check, time of use). So what moved is told: `marks`
remembers the folder that each path stood in, and `moved` says afterwards which of them lead elsewhere.
"""

from __future__ import annotations

import os

from standwatch.hook.files import items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

NAMED = (
    "file_path", "path", "notebook_path", "absolute_path", "dir_path", "directory", "directory_path", "folder",
    "target_file", "target_notebook", "target_directory", "relative_workspace_path", "filePath", "old_path", "new_path",
)  # fmt: skip
"""Arguments of the hosts' own tools that are one path."""
LISTED = ("paths", "file_paths", "files", "include", "target_directories")
"""Arguments that are several."""
PATTERNS = ("pattern", "glob", "glob_pattern", "include_pattern")
"""Arguments that may lead somewhere by what stands before their first wildcard."""

_PATCHED = ("*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: ")
_WILD = "*?[{"

SCRATCH = ("/tmp", "/var/tmp", "/dev/shm", "/private/tmp", "/private/var/folders")  # noqa: S108 - it is what we tell apart
SYSTEM = ("/usr", "/lib", "/lib64", "/opt", "/nix/store", "/Library/Developer", "/System", "/Applications")
ORDER = ("workspace", "scratch", "system", "outside")
"""From the nearest to the farthest."""


def named(arguments: dict[str, Any], cwd: str) -> list[str]:
    """The paths that `arguments` of a host's own tool lead to, resolved, each once."""
    found: dict[str, None] = {}
    for one in _named(arguments):
        text = one.removeprefix("file://")
        found[os.path.realpath(os.path.join(cwd, os.path.expanduser(text)))] = None
    return list(found)


def _named(arguments: dict[str, Any]) -> Iterator[str]:
    for name in NAMED:
        yield from _texts(arguments.get(name))
    for name in LISTED:
        yield from _texts(arguments.get(name))
    for name in PATTERNS:
        for text in _texts(arguments.get(name)):
            if text.startswith(("/", "~")) or ".." in text:
                yield text[: min((at for at in map(text.find, _WILD) if at >= 0), default=len(text))]
    for name in ("command", "patch", "input"):
        for text in _texts(arguments.get(name)):
            if "*** Begin Patch" in text:
                heads = [
                    (head, line) for line in text.splitlines() for head in _PATCHED if line.startswith(head)
                ]
                yield from (line.removeprefix(head).strip() for head, line in heads)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    else:
        yield from [one for one in items(value) if isinstance(one, str) and one]


def border(project: str) -> str:
    """The workspace `project`, resolved; "" where it is as good as no border."""
    if not project:
        return ""
    root = os.path.realpath(project)
    home = os.path.realpath(os.path.expanduser("~"))
    return "" if root in ("/", home) or home.startswith(root + os.sep) else root


def where(paths: Iterable[str], workspace: str) -> str:
    """The farthest place among `paths`; `workspace` for none."""
    worst = max((ORDER.index(_where(one, workspace)) for one in paths), default=0)
    return ORDER[worst]


def _where(path: str, workspace: str) -> str:
    if workspace and within(path, workspace):
        return "workspace"
    if any(within(path, one) for one in (*SCRATCH, *_temporary())):
        return "scratch"
    return "system" if any(within(path, one) for one in SYSTEM) else "outside"


def _temporary() -> list[str]:
    found = os.environ.get("TMPDIR", "")
    return [os.path.realpath(found)] if border(found) else []


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def marks(paths: Iterable[str]) -> dict[str, list[str]]:
    """Path → the nearest folder above it that is there, and its device and inode."""
    return {path: _standing(os.path.dirname(path)) for path in paths}


def _standing(folder: str) -> list[str]:
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return [folder, _inode(folder)]


def _inode(path: str) -> str:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"


def moved(before: dict[str, list[str]]) -> list[str]:
    """Paths that lead elsewhere now than when they were judged: through a link that was not there, or a folder that is
    another one. A file with a new inode is none of them: hosts replace files whole."""
    return [
        path
        for path, (folder, mark) in before.items()
        if os.path.realpath(path) != path or _inode(folder) != mark
    ]
