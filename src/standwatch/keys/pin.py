"""Where an organisation in production keeps its record, remembered outside its own folder.

The folder says where the record lies and what its log is called. Whoever may edit the folder could point it at an
empty place, where everything would begin anew without a signature. So the host remembers what was in force.
"""

import contextlib
import json
import os
from hashlib import sha256
from pathlib import Path

from standwatch.facts.errors import Forbidden


def pin_file(folder: Path) -> Path:
    """Where the pin of the organisation in `folder` lies: in the state folder of the account that runs it."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return base / "standwatch" / "pins" / f"{sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.json"


def require_pin(folder: Path, state: Path, origin: str) -> None:
    """Raise `Forbidden` where `folder` was in production with another record than the one it names now."""
    path = pin_file(folder)
    if not path.is_file():
        return
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):  # a pin that says nothing agrees with nothing
        known = json.loads(path.read_text(encoding="utf-8"))
    if (known.get("state"), known.get("origin")) != (str(state), origin):
        raise Forbidden(
            f"this organisation was in production with the log {known.get('origin')} in {known.get('state')}; "
            f"its folder now names {origin} in {state}",
            code="moved",
            cure=f"rm '{path}'  (only if you moved it yourself)",
        )


def set_pin(folder: Path, state: Path, origin: str) -> None:
    """Remember where the record of a production organisation lies."""
    path = pin_file(folder)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"folder": str(folder.resolve()), "origin": origin, "state": str(state)}), "utf-8"
    )
