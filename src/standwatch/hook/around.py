"""What decides where a command line goes that does not say it itself: branch, context of Kubernetes, workspace.

Read from the files in which their programs keep it, on the machine where they will run; whatever cannot be read, or may
mean something else, is left out, and then counts as not known.
"""

from __future__ import annotations

import os
import re

MOST = 1 << 20
"""Bytes of such a file that are read."""

_HEAD = re.compile(r"ref: refs/heads/(\S+)\s*")
_OTHERWISE = re.compile(r"^\s*(?:push|default)\s*=", re.MULTILINE | re.IGNORECASE)
"""Settings by which a push may go elsewhere than to the branch of the same name."""
_CURRENT = re.compile(r"^current-context:\s*['\"]?([^'\"\s#]+)", re.MULTILINE)
_KUBE = ("kubectl", "helm", "oc", "k9s", "skaffold", "flux", "argocd", "kustomize", "stern")
_TERRAFORM = ("terraform", "tofu", "terragrunt")


def around(command: str, cwd: str) -> dict[str, str]:
    """What is around `command` where it starts in `cwd`, as far as the programs in it ask for it."""
    words = set(re.findall(r"[\w-]+", command[:100_000]))
    found: dict[str, str] = {}
    if "git" in words:
        found["branch"] = branch(cwd)
    if words.intersection(_KUBE):
        found["context"], found["namespace"] = context()
    if words.intersection(_TERRAFORM):
        found["workspace"] = workspace(cwd)
    return {name: value for name, value in found.items() if value}


def branch(cwd: str) -> str:
    """The branch that is checked out in `cwd`, where a plain push goes to the branch of that name; else ""."""
    folder = cwd
    while not os.path.lexists(os.path.join(folder, ".git")):
        if os.path.dirname(folder) == folder:
            return ""
        folder = os.path.dirname(folder)
    place = os.path.join(folder, ".git")
    if os.path.isfile(place):  # a worktree, or a submodule
        said = _text(place)
        if not said.startswith("gitdir:"):
            return ""
        place = os.path.join(folder, said.removeprefix("gitdir:").strip())
    head = _HEAD.fullmatch(_text(os.path.join(place, "HEAD")))
    name = head[1] if head else ""
    shared = os.path.join(place, _text(os.path.join(place, "commondir")).strip() or ".")
    settings = [os.path.join(shared, "config"), os.path.join(place, "config.worktree"), _home(".gitconfig")]
    settings.append(os.path.join(os.environ.get("XDG_CONFIG_HOME") or _home(".config"), "git", "config"))
    for path in settings:
        for line in _OTHERWISE.finditer(text := _text(path)):
            said = text[line.start() : text.find("\n", line.start()) + 1 or None].strip()
            if not re.fullmatch(r"default\s*=\s*(?:simple|current|nothing)", said):
                return ""
    return name


def context() -> tuple[str, str]:
    """The context that `kubectl` would use, and its namespace; "" for what cannot be told."""
    place = os.environ.get("KUBECONFIG", "") or _home(".kube/config")
    if os.pathsep in place:
        return "", ""
    text = _text(place)
    current = _CURRENT.search(text)
    if current is None:
        return "", ""
    name = current[1]
    for entry in re.split(r"^- ", text, flags=re.MULTILINE):
        named = re.search(r"^\s*name:\s*['\"]?([^'\"\s#]+)", entry, re.MULTILINE)
        if named is not None and named[1] == name and "context:" in entry:
            space = re.search(r"^\s+namespace:\s*['\"]?([^'\"\s#]+)", entry, re.MULTILINE)
            return name, space[1] if space is not None else "default"
    return name, ""


def workspace(cwd: str) -> str:
    """The workspace of Terraform that is selected in `cwd`; "" where there is none of its own folders."""
    told = os.environ.get("TF_WORKSPACE", "")
    if told or os.environ.get("TF_DATA_DIR"):
        return told
    folder = os.path.join(cwd, ".terraform")
    if not os.path.isdir(folder):
        return ""
    return _text(os.path.join(folder, "environment")).strip() or "default"


def _home(name: str) -> str:
    return os.path.join(os.path.expanduser("~"), name)


def _text(path: str) -> str:
    """What stands in a file; "" for one that cannot be read, is no text, or is longer than anybody's settings."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
        return data.decode("utf-8") if len(data) <= MOST else ""
    except (OSError, ValueError):
        return ""
