"""`init` and `accept`: an organisation from what is there, and the digests of what was looked at and accepted."""

from __future__ import annotations

import getpass
import json
import re
import secrets
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli import signing
from standwatch.cli.configuration import production, read, reload, replace
from standwatch.cli.moments import now
from standwatch.cli.show import out, paint, say, visible
from standwatch.cli.upstreams import Listed, ask
from standwatch.cli.verbs import DONE, NO, UNABLE, Verb
from standwatch.cli.wire import organisation
from standwatch.facts.errors import Conflict, NotFound

if TYPE_CHECKING:
    from standwatch.declare.clients import Found
    from standwatch.facts.configuration import Lock, System

_OBSERVED = 14 * 86_400_000_000  # µs that a fresh organisation only observes


def _init_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default="", metavar="DIR", help="where (default: --org, else .)")
    parser.add_argument("--name", default="", help="the organisation's name (default: the folder's)")
    parser.add_argument("--address", default="", help="your e-mail address")
    parser.add_argument(
        "--system", default="assistants", metavar="NAME", help="what to call the system found here"
    )
    parser.add_argument(
        "--from",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="an mcpServers JSON to read (default: where clients keep theirs)",
    )
    parser.add_argument(
        "--no-start", action="store_true", help="do not start the servers found to list their tools"
    )


def init(given: Namespace) -> int:
    """An organisation of one, under development, observing what is found; and what goes round us."""
    from standwatch.declare.clients import bypasses, components
    from standwatch.declare.discover import draft_lock, draft_manifest, draft_organisation
    from standwatch.declare.lock import lock_text

    folder = Path(given.folder or given.org)
    if (folder / "standwatch.yaml").exists():
        raise Conflict(f"{folder / 'standwatch.yaml'} is there already", cure="standwatch check")
    folder.mkdir(parents=True, exist_ok=True)
    found = _clients(given.files)
    servers = components(found)
    listed, silent = ({}, {}) if given.no_start else ask(servers, folder)
    owner = _owner(given.address)
    agents, operators = _free(8400), _free(8401)
    name = given.name or folder.resolve().name or "organisation"
    origin = f"{_slug(name)}-{secrets.token_hex(6)}.invalid/log"
    notes = {one.component.name: one.notes for one in found if one.notes}
    files = {
        "standwatch.yaml": draft_organisation(name, origin, owner, agents=agents, operators=operators),
        f"systems/{given.system}.yaml": draft_manifest(
            given.system, owner, servers, listed, observe_until=now() + _OBSERVED, notes=notes
        ),
        f"systems/{given.system}.lock": lock_text(draft_lock(servers, listed)),
        ".gitignore": "state/\n",
    }
    _write(folder, files)
    going_round = bypasses(found, f"http://{agents}")
    _tell_init(given, folder, files, silent, going_round)
    return DONE


def _clients(files: list[str]) -> tuple[Found, ...]:
    from standwatch.declare.clients import HOME_PLACES, MAX_BYTES, PROJECT_PLACES, read_client

    places = [("client", Path(file)) for file in files]
    if not places:
        places = [(client, Path.home() / where) for client, where in HOME_PLACES]
        places += [(client, Path(where)) for client, where in PROJECT_PLACES]
    found: list[Found] = []
    for client, path in places:
        try:
            with path.open("rb") as opened:
                found += read_client(client, str(path), opened.read(MAX_BYTES + 1))
        except FileNotFoundError:
            if files:
                raise NotFound(f"there is no file {path}") from None
        except OSError:
            continue
    return tuple(found)


def _owner(address: str) -> Any:
    from standwatch.declare.discover import Owner

    account = getpass.getuser()
    public = signing.default_key().with_suffix(".pub")
    keys = (public.read_text(encoding="ascii").strip(),) if public.is_file() else ()
    return Owner(
        id=f"p-{secrets.token_hex(4)}",
        address=address or f"{account}@localhost",
        name=account,
        keys=keys,
        os_user=account,
    )


def _free(port: int) -> str:
    """`127.0.0.1:PORT`, with `port` where it is free."""
    for wanted in (port, 0):
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return f"127.0.0.1:{trying.getsockname()[1]}"
    return f"127.0.0.1:{port}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "organisation"


def _write(folder: Path, files: dict[str, str]) -> None:
    from standwatch.keys.markers import reserve

    (folder / "systems").mkdir(exist_ok=True)
    (folder / "policies").mkdir(exist_ok=True)
    for path, text in files.items():
        if path != ".gitignore" or not (folder / path).exists():
            (folder / path).write_text(text, encoding="utf-8")
    reserve(folder / "state")


def _tell_init(
    given: Namespace,
    folder: Path,
    files: dict[str, str],
    silent: dict[str, str],
    going_round: tuple[str, ...],
) -> None:
    gaps = production(read(folder).configuration)
    if given.json:
        out(
            {
                "folder": str(folder),
                "files": [*files],
                "silent": silent,
                "bypasses": going_round,
                "before_production": gaps,
            }
        )
        return
    say(f"{paint('made', 'good')} {', '.join(files)} in {folder}")
    for name, why in silent.items():
        say(paint(f"  {visible(name)} did not answer: {visible(why)}", "warn"))
    if going_round:
        say("these go round us until they are changed:", *(f"  {visible(path)}" for path in going_round))
    say("before production:", *(f"  {visible(gap)}" for gap in gaps))
    say(f"next: standwatch --org {folder} up")


# --- accept ------------------------------------------------------------------------------------------------------


def _accept_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def accept(given: Namespace) -> int:
    """Ask a system's servers for their tools, show what differs from the lock, and write the lock anew."""
    from standwatch.declare.lock import lock_text
    from standwatch.store.artifacts import artifact_digests

    org = organisation(given.org)
    configuration = read(org).configuration
    system = configuration.systems.get(given.system)
    if system is None:
        known = ", ".join(sorted(configuration.systems)) or "none"
        raise NotFound(f"no manifest declares {given.system}; declared: {known}")
    servers = [one for one in system.manifest.components if one.kind == "mcp_server"]
    listed, silent = ask(servers, org.resolve(), configuration.organisation)
    digests, lost = artifact_digests(org, system.manifest)
    lock = renewed(system, listed, digests)
    changes = differences(system, lock, listed)
    if not given.json:
        _tell_accept(given.system, changes, silent, listed)
        say(
            *(
                paint(f"{visible(key)} keeps what was accepted: {visible(why)}", "warn")
                for key, why in lost.items()
            )
        )
    if changes:
        signing.confirm(given, f"Accept these {len(changes)} differences?")
        replace(org / "systems" / f"{given.system}.lock", lock_text(lock))
    reload(org, as_json=given.json)
    missing = sorted(system.manifest.described - lock.tools.keys())
    if given.json:
        out({"system": given.system, "changes": changes, "silent": silent | lost, "missing": missing})
    if silent or lost:
        return UNABLE
    return NO if missing else DONE


def renewed(system: System, listed: Listed, digests: Mapping[str, str]) -> Lock:
    """The lock as its servers describe their tools now, and as its models' files are (`digests`, by key of the lock).

    Who is silent, and a file that cannot be read, keeps what was accepted; what is undeclared goes.
    """
    from standwatch.declare.discover import draft_lock
    from standwatch.declare.lock import artifacts
    from standwatch.facts.configuration import Lock

    manifest = system.manifest
    drafted = draft_lock(manifest.components, listed)
    tools = {
        name: digest
        for name, digest in {**_silent(system, listed), **drafted.tools}.items()
        if name in manifest.tools
    }
    kept = {key: digest for key, digest in system.lock.components.items() if key in artifacts(manifest)}
    return Lock(tools, {**drafted.components, **kept, **digests})


def _silent(system: System, listed: Listed) -> dict[str, str]:
    return {
        name: digest for name, digest in system.lock.tools.items() if name.partition(".")[0] not in listed
    }


def differences(system: System, lock: Lock, listed: Listed) -> list[dict[str, Any]]:
    """What accepting `lock` changes: for each tool or component its digests, and the tool's definition now."""
    definitions = {f"{server}.{tool.get('name')}": tool for server, tools in listed.items() for tool in tools}
    found: list[dict[str, Any]] = []
    for kind, before, after in (
        ("tool", system.lock.tools, lock.tools),
        ("component", system.lock.components, lock.components),
    ):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                change = {
                    "kind": kind,
                    "name": name,
                    "before": before.get(name, ""),
                    "after": after.get(name, ""),
                }
                found.append(change | ({"definition": definitions[name]} if name in definitions else {}))
    return found


def _tell_accept(system: str, changes: list[dict[str, Any]], silent: dict[str, str], listed: Listed) -> None:
    for name, why in silent.items():
        say(paint(f"{visible(name)} did not answer, and keeps what was accepted: {visible(why)}", "warn"))
    for change in changes:
        word = "new" if not change["before"] else "gone" if not change["after"] else "CHANGED"
        say(f"{paint(word, 'warn')}  {change['kind']} {visible(change['name'])}  {change['after'][:16]}")
        if definition := change.get("definition"):
            text = json.dumps(definition, ensure_ascii=False, indent=2)
            say(*(f"    {visible(line)}" for line in text.splitlines()))
    if not changes:
        say(f"{visible(system)}: {sum(map(len, listed.values()))} tools are as they were accepted")


VERBS = (
    Verb(
        "init",
        "Make an organisation from the MCP servers your clients already use.",
        "standwatch init watch --address maria@bank.example",
        _init_arguments,
        init,
    ),
    Verb(
        "accept",
        "Look at what a system's servers offer now, and accept it into the lock.",
        "standwatch accept payments-agent",
        _accept_arguments,
        accept,
    ),
)
