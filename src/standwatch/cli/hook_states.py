"""How the hooks of the coding agents on this host stand: as we installed them, missing, changed, or turned off."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from standwatch.cli import hook_hosts as hosts
from standwatch.cli.hook import folder_of

State = tuple[str, str, str, str]
"""The host; `installed`, `missing`, `changed`, `off` or `open` (it asks its own user nothing); where that is known
from; and what helps."""

_LOCAL: Final = {"claude-code": (".claude/settings.json", ".claude/settings.local.json")}
"""More files of a project in which a host's settings stand."""


def states(home: Path, project: Path | None) -> tuple[State, ...]:
    """One line for each coding agent that was used here: a host that nobody uses has no hook to miss."""
    found = [state for host in hosts.HOSTS if (state := _state(host, home, project)) is not None]
    return (*found, *_unasked(home, project))


def _state(host: str, home: Path, project: Path | None) -> State | None:
    named = hosts.HOSTS[host]
    places = [(home / named.user, folder_of(host, None))]
    if project is not None:
        places.append((project / named.project, folder_of(host, project.resolve())))
    if not any(file.parent.is_dir() for file, _ in places):
        return None
    cure = f"standwatch hook {host} install"
    for place, said in _turned_off(host, home, project):
        return host, "off", f"{_shown(place, home)}: {said}", f"take {said} out of it"
    found = [(file, _installed(host, file, folder)) for file, folder in places]
    if any(said == "" for _, said in found):
        return host, "installed", "", ""
    for file, said in found:
        if said is not None:
            return host, "changed", f"{_shown(file, home)}: {said}", cure
    return host, "missing", ", ".join(_shown(file, home) for file, _ in places), cure


def _shown(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _installed(host: str, file: Path, folder: Path) -> str | None:
    """What is wrong with our hook in `file`: "" for nothing, None where there is none of ours."""
    events = _dict(_json(file).get("hooks"))
    mine = {
        event: [one for one in _list(events.get(event)) if hosts.ours(one, folder)]
        for event in hosts.HOSTS[host].events
    }
    if not any(mine.values()):
        return None
    for event, kind in hosts.HOSTS[host].events.items():
        if kind == hosts.BEFORE and not any(_whole(host, one, folder, kind) for one in mine[event]):
            return f"{event} is not as it was installed" if mine[event] else f"there is none for {event}"
    return "" if _script_whole(folder) else f"{folder / 'hook.sh'} is not as it was installed"


def _whole(host: str, item: Any, folder: Path, kind: str) -> bool:
    """As it was written, but for how long the host waits: that fails closed whatever it is."""
    wanted = hosts.entry(host, folder, kind, 1)
    return _timeless(item) == _timeless(wanted)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _timeless(inner) for key, inner in cast("dict[str, Any]", value).items() if key != "timeout"
        }
    if isinstance(value, list):
        return [_timeless(one) for one in cast("list[Any]", value)]
    return value


def _script_whole(folder: Path) -> bool:
    """Whether `hook.sh` is what an installation writes, from its own settings and its own interpreter."""
    from standwatch import hook as package
    from standwatch.hook.cold import SLACK
    from standwatch.hook.hosts import PROJECT

    settings = _json(folder / "hook.json")
    try:
        text = (folder / "hook.sh").read_text(encoding="utf-8")
        python = shlex.split(text.splitlines()[-1])[1]
        longest = int(settings["seconds"] + settings["wait"] + SLACK)
        here = Path(str(package.__file__)).resolve().parent
        variable = PROJECT.get(settings["host"], "")
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return False
    return Path(python).is_absolute() and text == hosts.script(here, python, folder, longest, variable)


def _turned_off(host: str, home: Path, project: Path | None) -> Iterator[tuple[Path, str]]:
    """(File, setting) for what turns a host's hooks off."""
    named = hosts.HOSTS[host]
    roots: list[tuple[Path, tuple[str, ...]]] = [(home, (named.user,))]
    if project is not None:
        roots.append((project, _LOCAL.get(host, (named.project,))))
    for root, names in roots:
        for path in (root / name for name in names):
            match host:
                case "claude-code" if _json(path).get("disableAllHooks") is True:
                    yield path, "disableAllHooks"
                case "gemini-cli":
                    kept = _dict(_json(path).get("hooksConfig"))
                    if kept.get("enabled") is False:
                        yield path, "hooksConfig.enabled"
                    if f"standwatch-{hosts.BEFORE}" in _list(kept.get("disabled")):
                        yield path, "hooksConfig.disabled"
                case "codex":
                    features = _dict(_toml(path.with_name("config.toml")).get("features"))
                    for name in ("hooks", "codex_hooks"):
                        if features.get(name) is False:
                            yield path.with_name("config.toml"), f"features.{name}"
                case _:
                    pass


def _unasked(home: Path, project: Path | None) -> Iterator[State]:
    """Hosts whose own questions are turned off: what our hook lets go is looked at by nobody else."""
    roots = (home,) if project is None else (home, project)
    for path in (root / name for root in roots for name in _LOCAL["claude-code"]):
        mode = _dict(_json(path).get("permissions")).get("defaultMode")
        if mode == "bypassPermissions":
            yield (
                "claude-code",
                "open",
                f"{_shown(path, home)}: permissions.defaultMode",
                "another defaultMode",
            )
    for path in (root / ".codex" / "config.toml" for root in roots):
        kept = _toml(path)
        if kept.get("approval_policy") == "never" and kept.get("sandbox_mode") == "danger-full-access":
            yield (
                "codex",
                "open",
                f"{_shown(path, home)}: approval_policy, sandbox_mode",
                "another sandbox_mode",
            )


def _json(path: Path) -> dict[str, Any]:
    try:
        return _dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
