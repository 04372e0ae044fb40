"""Whether Codex runs our hooks: it runs none that its user has not looked at, and says nothing about it.

Asked of Codex itself, over the protocol of its own app server (`codex app-server`, `hooks/list`); nothing here trusts
anything in its user's place.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

Trust = Literal["trusted", "untrusted", "unknown"]
PATIENCE: Final = 20
_ASKED: Final = 2


def trust(folder: Path, cwd: str, events: int) -> Trust:
    """`trusted` where Codex runs all `events` hooks of `folder` in `cwd`; `unknown` where no Codex is to be asked."""
    program = shutil.which("codex")
    if program is None:
        return "unknown"
    ours = [one for one in _listed(program, cwd) if str(folder / "hook.sh") in str(one.get("command", ""))]
    if not ours:
        return "untrusted"  # it knows of none: a project that is not trusted, or hooks that are switched off
    runs = [one for one in ours if one.get("enabled") and one.get("trustStatus") in ("trusted", "managed")]
    return "trusted" if len(runs) == len(ours) == events else "untrusted"


def _listed(program: str, cwd: str) -> Iterator[dict[str, Any]]:
    said = [
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "standwatch", "version": "1"}}},
        {"method": "initialized"},
        {"id": _ASKED, "method": "hooks/list", "params": {"cwds": [cwd]}},
    ]
    with subprocess.Popen(  # noqa: S603 - the Codex that its user has
        [program, "app-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        import threading

        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(
                "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in said).encode()
            )
            process.stdin.flush()
            for line in process.stdout:
                answer = json.loads(line)
                if answer.get("id") == _ASKED:
                    for place in answer.get("result", {}).get("data", []):
                        yield from place.get("hooks", [])
                    return
        except (OSError, ValueError):
            return
        finally:
            late.cancel()
            process.kill()
