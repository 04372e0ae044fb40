"""`hook HOST install|test|remove`: a coding agent's own hooks, so that it asks before each of its calls."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from standwatch.cli import hook_hosts as hosts
from standwatch.cli import hook_json as lossless
from standwatch.cli.show import out, paint, say, there, visible
from standwatch.cli.verbs import DONE, NO, UNABLE, Verb, common
from standwatch.cli.wire import Server, Unreachable, organisation, segment
from standwatch.facts.errors import NotFound, StandwatchError

if TYPE_CHECKING:
    from standwatch.facts.configuration import Configuration

SECONDS: Final = 20
"""In which a call is judged, or refused."""
MARGIN: Final = 20
"""Seconds that the host waits beyond us: its own end of patience would let the call go."""
LONGEST_WAIT: Final = 540


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "host", choices=sorted(hosts.HOSTS), metavar="HOST", help=", ".join(sorted(hosts.HOSTS))
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="install|test|remove")
    installed = acts.add_parser(
        "install", help="write our hooks beside what stands there", parents=[common()]
    )
    _where(installed)
    installed.add_argument(
        "--system", default="", metavar="NAME", help="the system it is (default: the host's name)"
    )
    installed.add_argument(
        "--wait",
        type=int,
        default=0,
        metavar="SECONDS",
        help="wait so long for a person's answer, inside the hook",
    )
    installed.add_argument("--url", default="", help="the agents' address of a server elsewhere")
    installed.add_argument(
        "--token-file", default="", metavar="FILE", help="the token that the server there gave"
    )
    installed.add_argument(
        "--no-resident", action="store_true", help="no resident helper: a process for every call"
    )
    tested = acts.add_parser(
        "test", help="a harmless and a harmful call, through the whole chain", parents=[common()]
    )
    _where(tested)
    removed = acts.add_parser("remove", help="take our hooks out again", parents=[common()])
    _where(removed)


def _where(parser: ArgumentParser) -> None:
    parser.add_argument("--project", default="", metavar="DIR", help="for this folder alone (default: here)")
    parser.add_argument("--user", action="store_true", help="for everything that you do with it")


def hook(given: Namespace) -> int:
    """Install, test or remove the hooks of one host."""
    project = None if given.user else Path(given.project or ".").resolve()
    match given.act:
        case "install":
            if project is not None and not project.is_dir():
                raise NotFound(f"there is no folder {project}", cure=f"mkdir -p {shlex.quote(str(project))}")
            return _install(given, project)
        case "test":
            from standwatch.cli.hook_trying import trial

            return trial(given, folder_of(given.host, project), hosts.place(given.host, project))
        case _:
            return _remove(given, project)


def folder_of(host: str, project: Path | None) -> Path:
    """Where an installed hook keeps its settings: one for each host and place."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    digest = hashlib.sha256(os.fsencode(project or "")).hexdigest()[:10]
    return base / "standwatch" / "hooks" / f"{host}-{digest if project else 'user'}"


# --- install -------------------------------------------------------------------------------------------------------


def _install(given: Namespace, project: Path | None) -> int:
    if not 0 <= given.wait <= LONGEST_WAIT:
        raise StandwatchError(
            f"--wait is at most {LONGEST_WAIT} seconds", code="invalid", cure="a smaller --wait"
        )
    host, folder, file = given.host, folder_of(given.host, project), hosts.place(given.host, project)
    system = given.system or host
    before = file.read_bytes() if file.exists() else None
    text = _with_ours(host, folder, (before or b"").decode("utf-8"), given.wait)  # before anything is made
    kept = _settings(folder)
    if kept is None or (kept["system"], kept["host"]) != (system, host) or given.url:
        kept = _connected(given, system)
    kept |= {
        "host": host,
        "system": system,
        "project": str(project) if project else "",
        "seconds": SECONDS,
        "wait": given.wait,
        "resident": not given.no_resident,
        "file": str(file),
    }
    _write_folder(folder, kept)
    if text.encode() != before:
        _keep(folder, before)
        _write(file, text.encode(), 0o600 if before is None else file.stat().st_mode & 0o777)
        (folder / "written").write_bytes(text.encode())
    left = list(hosts.HOSTS[host].left)
    if not _autonomous(kept.get("org", ""), system):
        command = there(f"standwatch validate {system} --until 90d", _org(given))
        left.append(f"until {system} is validated, its writes ask: {command}")
    if given.json:
        out({"host": host, "system": system, "file": str(file), "folder": str(folder), "left": left})
        return DONE
    say(
        f"{paint('watched', 'good')}: {hosts.HOSTS[host].title} asks before each of its calls, as {visible(system)}"
    )
    say(f"  written into {visible(str(file))}; what else stands there is as it was")
    say(*(f"  left to do: {one}" for one in left))
    say(f"next: standwatch hook {host} test{_said(project)}")
    return DONE


def _said(project: Path | None) -> str:
    return " --user" if project is None else f" --project {shlex.quote(str(project))}"


def _org(given: Namespace) -> str:
    """The organisation's folder: what was given, else here, else `org`."""
    return given.org if given.org != "." or Path("standwatch.yaml").exists() else "org"


def _autonomous(org: str, system: str) -> bool:
    """Whether its writes go without asking already; False where nobody can tell."""
    try:
        status = Server(Path(org)).get("/status") if org else {"systems": ()}
    except (Unreachable, StandwatchError):
        return False
    return any(one["system"] == system and one["level"] == "autonomous" for one in status["systems"])


def _with_ours(host: str, folder: Path, text: str, wait: int) -> str:
    """The host's file with our entries, once each, whatever stood there of ours before."""
    found = hosts.HOSTS[host]
    text = _without_ours(host, folder, text)
    if host == "cursor":
        text = lossless.put(text, "version", 1)
    for event, kind in found.events.items():
        seconds = SECONDS + MARGIN + (wait if kind == hosts.BEFORE else 0)
        text = lossless.added(text, ("hooks", event), hosts.entry(host, folder, kind, seconds))
    return text


def _without_ours(host: str, folder: Path, text: str) -> str:
    for event in hosts.HOSTS[host].events:
        text = lossless.without(text, ("hooks", event), lambda item: hosts.ours(item, folder))
    return text


def _connected(given: Namespace, system: str) -> dict[str, Any]:
    """Where the gateway is and our token there: a principal of our own, which may open runs."""
    if given.url:
        if not given.token_file:
            raise StandwatchError(
                "--url wants --token-file", code="invalid", cure="standwatch agent add NAME --starts"
            )
        token = Path(given.token_file).read_text(encoding="ascii").strip()
        return {
            "url": given.url.rstrip("/"),
            "token": token,
            "console": given.url.rstrip("/"),
            "principal": "",
        }
    org = organisation(_org(given))
    configuration = _declared(given, org, system)
    name = f"hook-{given.host}-{secrets.token_hex(3)}"
    order = {"name": name, "systems": [system], "starts": True, "until": 0, "role": "service"}
    found = Server(org).post("/agents", order)
    listener = configuration.organisation.agents
    return {
        "url": listener.url.replace("0.0.0.0", "127.0.0.1"),  # noqa: S104 - where to reach it from this machine
        "token": found["token"],
        "console": configuration.organisation.public_url,
        "principal": name,
        "org": str(org.resolve()),
    }


def _declared(given: Namespace, org: Path, system: str) -> Configuration:
    """The configuration with `system` in it, drafted where the organisation has none of that name."""
    from standwatch.cli.configuration import read, reload
    from standwatch.declare.coding import draft_coding
    from standwatch.declare.discover import draft_lock
    from standwatch.declare.lock import lock_text
    from standwatch.facts.configuration import Component

    configuration = read(org).configuration
    known = configuration.systems.get(system)
    if known is None:
        people = configuration.organisation.people
        owner = next((one.address for one in people if "admin" in one.roles), people[0].address)
        validator = next((one.address for one in people if one.address != owner), owner)
        text = draft_coding([given.host], system, owner, validator)
        lock = draft_lock((Component(kind="service", name=given.host),), {})
        (org / "systems").mkdir(exist_ok=True)
        (org / "systems" / f"{system}.yaml").write_text(text, encoding="utf-8")
        (org / "systems" / f"{system}.lock").write_text(lock_text(lock), encoding="utf-8")
        if not given.json:
            say(f"{paint('declared', 'good')} {visible(system)} in {org / 'systems' / f'{system}.yaml'}")
        reload(org, as_json=given.json)
        return read(org).configuration
    if not any(tool.server == given.host for tool in known.manifest.tools.values()):
        raise NotFound(
            f"{system} declares no tool of {given.host}",
            cure=f"standwatch hook {given.host} install --system ANOTHER",
        )
    return configuration


def _write_folder(folder: Path, settings: dict[str, Any]) -> None:
    import standwatch.hook as package

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    from standwatch.hook.cold import SLACK
    from standwatch.hook.hosts import PROJECT

    here = Path(package.__file__).resolve().parent
    longest = int(settings["seconds"] + settings["wait"] + SLACK)
    text = hosts.script(here, sys.executable, folder, longest, PROJECT.get(settings["host"], ""))
    _write(folder / "hook.sh", text.encode(), 0o600)
    _write(folder / "hook.json", json.dumps(settings, indent=1).encode(), 0o600)


def _settings(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / "hook.json").read_bytes())
    except (OSError, ValueError):
        return None


def _keep(folder: Path, before: bytes | None) -> None:
    """What stood in the host's file before we came first: `remove` puts it back byte for byte."""
    if (folder / "before").exists() or (folder / "nothing-before").exists():
        return
    _write(folder / ("nothing-before" if before is None else "before"), before or b"", 0o600)


def _write(path: Path, data: bytes, mode: int) -> None:
    """`data` in `path`, whole or not at all; a link stays one."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


# --- remove --------------------------------------------------------------------------------------------------------


def _remove(given: Namespace, project: Path | None) -> int:
    folder, file = folder_of(given.host, project), hosts.place(given.host, project)
    kept = _settings(folder)
    changed = _restored(given.host, folder, file)
    if kept is None and not changed:
        raise NotFound(f"no hook of ours is in {file}", cure=f"standwatch hook {given.host} install")
    revoked = _revoked(kept or {})
    shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        out({"host": given.host, "file": str(file), "restored": changed, "revoked": revoked})
    else:
        say(f"{paint('removed', 'warn')}: {hosts.HOSTS[given.host].title} asks nobody any more")
        if not revoked:
            say("  its token could not be revoked: standwatch agent list, and standwatch agent revoke NAME")
    return DONE if revoked else UNABLE


def _restored(host: str, folder: Path, file: Path) -> bool:
    """Take ours out of the host's file. Nobody changed it since: then it is what it was, byte for byte."""
    if not file.exists():
        return False
    now = file.read_bytes()
    written = folder / "written"
    if written.exists() and written.read_bytes() == now:
        if (folder / "before").exists():
            _write(file, (folder / "before").read_bytes(), file.stat().st_mode & 0o777)
        else:
            file.resolve().unlink()
        return True
    text = _without_ours(host, folder, now.decode("utf-8"))
    if text.encode() == now:
        return False
    _write(file, text.encode(), file.stat().st_mode & 0o777)
    return True


def _revoked(kept: dict[str, Any]) -> bool:
    if not kept.get("principal"):
        return True
    try:
        Server(Path(kept["org"])).post(f"/agents/{segment(kept['principal'])}/revoke")
    except (Unreachable, StandwatchError):
        return False
    return True


VERBS = (
    Verb(
        "hook",
        "Have a coding agent ask before each of its calls, through its own hooks.",
        "standwatch hook claude-code install --project .",
        _arguments,
        hook,
    ),
)

__all__ = ["NO", "VERBS", "folder_of", "hook"]
