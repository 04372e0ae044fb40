"""`hook HOST test`: a harmless and a harmful call, fired the way the host fires them, through the whole chain."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from argparse import Namespace
from pathlib import Path
from typing import Any, Final

from standwatch.cli import hook_hosts as hosts
from standwatch.cli import hook_json as lossless
from standwatch.cli.hook_trust import trust
from standwatch.cli.show import out, paint, say, visible
from standwatch.cli.verbs import DONE, NO
from standwatch.facts.errors import NotFound

PATIENCE: Final = 120
SHELLS: Final = {"claude-code": "Bash", "codex": "Bash", "cursor": "Shell", "gemini-cli": "run_shell_command"}
HARMLESS: Final = "echo standwatch"
HARMFUL: Final = "rm -rf ~/"
"""Never carried out: what is tested is that it would not be."""


def trial(given: Namespace, folder: Path, file: Path) -> int:
    """0 where the harmless call may go and the harmful one may not, and both came through the host's own file."""
    found = _installed(given.host, folder, file)
    settings = json.loads((folder / "hook.json").read_bytes())
    session = f"standwatch-test-{secrets.token_hex(4)}"
    cwd = settings.get("project") or str(Path.cwd())
    base = {"session_id": session, "conversation_id": session, "cwd": cwd, "workspace_roots": [cwd]}
    told = [
        _fired(given.host, found, base, command) | {"system": settings["system"]}
        for command in (HARMLESS, HARMFUL)
    ]
    trusted = trust(folder, cwd, len(hosts.HOSTS[given.host].events)) if given.host == "codex" else ""
    good = all(one["as_it_should"] for one in told) and trusted != "untrusted"
    left = [] if trusted == "trusted" else list(hosts.HOSTS[given.host].left)
    if given.json:
        found = {"host": given.host, "file": str(file), "calls": told, "good": good, "left": left}
        out(found | ({"trust": trusted} if trusted else {}))
        return DONE if good else NO
    for one in told:
        say(f"{visible(one['command'])}")
        word = paint(one["came_to"], "good" if one["as_it_should"] else "bad")
        say(f"  {word} in {one['milliseconds']:.0f} ms{': ' + visible(one['words']) if one['words'] else ''}")
    if trusted == "untrusted":
        say(paint("Codex does not run these hooks: nobody has trusted them yet", "bad"))
    say(*(f"left to do: {one}" for one in left))
    say(paint("as it should be", "good") if good else paint("NOT as it should be", "bad"))
    return DONE if good else NO


def _installed(host: str, folder: Path, file: Path) -> dict[str, str]:
    """Our commands, by event of ours, as the host's own file has them. Raises `NotFound` where one is missing."""
    cure = f"standwatch hook {host} install"
    if not file.exists():
        raise NotFound(f"there is no {file}", cure=cure)
    node = lossless.read(file.read_text(encoding="utf-8")).value
    found: dict[str, str] = {}
    for event, kind in hosts.HOSTS[host].events.items():
        entries: list[Any] = node.get("hooks", {}).get(event, [])
        mine = [one for one in entries if hosts.ours(one, folder)]
        if not mine:
            raise NotFound(f"{file} has no hook of ours for {event}", cure=cure)
        inner = mine[0] if hosts.HOSTS[host].flat else mine[0]["hooks"][0]
        found[kind] = inner["command"]
    return found


def _fired(host: str, commands: dict[str, str], base: dict[str, Any], command: str) -> dict[str, Any]:
    names = {kind: event for event, kind in reversed(hosts.HOSTS[host].events.items())}
    cwd, expected = base["cwd"], "goes" if command == HARMLESS else "blocked"
    call = {
        **base,
        "tool_name": SHELLS[host],
        "tool_input": {"command": command},
        "tool_use_id": f"test-{secrets.token_hex(4)}",
    }
    began = time.perf_counter()
    code, words = _run(commands[hosts.BEFORE], {**call, "hook_event_name": names[hosts.BEFORE]}, cwd)
    took = (time.perf_counter() - began) * 1000
    came = "goes" if code == 0 else "blocked" if code == 2 else f"exit {code}: the host would let it go"
    if came == "goes":  # it is not carried out here, and said so
        after = {**call, "hook_event_name": names[hosts.AFTER], "tool_response": {"tested": True}}
        _run(commands[hosts.AFTER], after, cwd)
    return {
        "command": command,
        "came_to": came,
        "as_it_should": came == expected,
        "words": words,
        "milliseconds": round(took, 1),
    }


def _run(command: str, event: dict[str, Any], cwd: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_PROJECT_DIR")}
    done = subprocess.run(  # noqa: S603 - as the host starts it
        ["/bin/sh", "-c", command],
        input=json.dumps(event).encode(),
        capture_output=True,
        cwd=cwd,
        env=environment,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stderr.decode("utf-8", "replace").strip()
